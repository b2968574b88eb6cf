"""Nodes that some devices cannot compute with some params: told before anything runs."""

from __future__ import annotations

import pytest

from resonate_graph import Audio, Graph, NodeError, NodeFault, Placed, RunError, Store, node
from resonate_nodes import gain
from tests.engine.runs import statuses

has_room = {"fine": True}


def coarse_only(place: Placed) -> None:
    if place.params["step"] == "fine" and not has_room["fine"]:
        raise NodeError(f"{place.device} has no fine steps")


@node(version=1, able=coarse_only)
def stepped(audio: Audio, *, step: str = "coarse") -> Audio:
    """Give what came in."""
    return audio.with_samples(audio.samples * 2)


@pytest.fixture
def graph() -> Graph:
    graph = Graph("steps")
    quieter = graph.add(gain, "quieter")(graph.input("take", Audio), gain_db=-6.0)
    graph.output("out", graph.add(stepped)(quieter, step="fine"))
    return graph


@pytest.fixture
def _lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was once computed here cannot be computed any more."""
    monkeypatch.setitem(has_room, "fine", False)


@pytest.mark.usefixtures("_lost")
def test_it_is_told_before_anything_runs(graph: Graph, excerpt: Audio, store: Store) -> None:
    bare = Graph("bare")
    bare.output("out", bare.add(stepped)(bare.input("take", Audio), step="fine"))
    for told in (bare.plan, bare.run):
        with pytest.raises(RunError, match="cpu has no fine steps") as caught:
            told({"take": excerpt}, store=store)
        assert (caught.value.node, caught.value.type) == ("stepped", "stepped")
    assert not list(store.records())
    with pytest.raises(RunError, match="no fine steps"):  # without a store all of it has to run
        graph.run({"take": excerpt}, store=False)


@pytest.mark.usefixtures("_lost")
def test_where_it_may_turn_out_to_be_stored_the_plan_says_what_if_not(
    graph: Graph, excerpt: Audio, store: Store
) -> None:
    quieter, steps = graph.plan({"take": excerpt}, store=store)
    assert (quieter.trouble, steps.status) == ("", "open")
    assert steps.trouble == "cpu has no fine steps"


def test_what_is_stored_is_used_all_the_same(
    graph: Graph, excerpt: Audio, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = graph.run({"take": excerpt}, store=store)
    monkeypatch.setitem(has_room, "fine", False)
    assert [one.status for one in graph.plan({"take": excerpt}, store=store)][-1] == "cached"
    again = graph.run({"take": excerpt}, store=store)
    assert statuses(again)["stepped"] == "cached"
    assert again["out"] == once["out"]


def test_other_params_are_not_asked_about(excerpt: Audio, store: Store) -> None:
    graph = Graph("coarse")
    graph.output("out", graph.add(stepped)(graph.input("take", Audio)))
    assert statuses(graph.run({"take": excerpt}, store=store)) == {"stepped": "ran"}


def test_a_hook_that_fails_itself_is_told_as_a_fault_of_the_node(excerpt: Audio) -> None:
    def broken(place: Placed) -> None:
        raise KeyError(place.device)

    @node(version=1, able=broken)
    def confused(audio: Audio) -> Audio:
        return audio

    graph = Graph("confused")
    graph.output("out", graph.add(confused)(graph.input("take", Audio)))
    for told in (graph.plan, graph.run):
        with pytest.raises(RunError, match="its author did not foresee") as caught:
            told({"take": excerpt}, store=False)
        assert isinstance(caught.value.__cause__, NodeFault)
