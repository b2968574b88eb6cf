"""Outputs that nobody asked for are kept where they come out of the same work."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from resonate_graph import (
    Audio,
    Graph,
    ModelError,
    NodeError,
    Preparation,
    RunContext,
    Store,
    node,
)
from tests.engine.commands import OWN_NODES, Command
from tests.engine.runs import count, objects, statuses
from tests.own_nodes import easy_halves, halves


class Thirds(NamedTuple):
    one: Audio
    two: Audio
    three: Audio


@node()
def plain_thirds(audio: Audio) -> Thirds:
    return Thirds(*(audio.with_samples(audio.samples * part) for part in (0.1, 0.2, 0.3)))


def split(told: Path, which: Any = easy_halves) -> Graph:
    graph = Graph("split")
    both = graph.add(which, "split")(graph.input("mix", Audio), folder=str(told))
    graph.output("left", both.left)
    graph.output("right", both.right)
    return graph


def test_what_nobody_asked_for_is_there_when_somebody_does(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = split(told)
    both = graph.run({"mix": excerpt}, store=False)
    assert count(told) == 1
    for status, output in (("ran", "left"), ("cached", "right"), ("cached", "left")):
        result = graph.run({"mix": excerpt}, outputs=[output], store=Store(store.path))
        assert statuses(result) == {"split": status}
        assert result[output] == both[output]
    assert count(told) == 2


def test_only_of_nodes_that_say_so(told: Path, store: Store, excerpt: Audio) -> None:
    for output in ("left", "right"):
        result = split(told, halves).run({"mix": excerpt}, outputs=[output], store=store)
        assert statuses(result) == {"split": "ran"}
    assert (told / "count").read_text() == "lr"


def test_nothing_is_computed_that_nobody_keeps(excerpt: Audio) -> None:
    asked: list[tuple[frozenset[str], frozenset[str]]] = []

    @node(besides="all")
    def watching(ctx: RunContext, audio: Audio) -> Thirds:
        asked.append((ctx.wanted, ctx.besides))
        return ctx.outputs(Thirds, dict.fromkeys(ctx.wanted, audio))

    graph = Graph("watching")
    graph.output("two", graph.add(watching)(graph.input("mix", Audio)).two)
    graph.run({"mix": excerpt}, store=False)
    assert asked == [(frozenset({"two"}), frozenset())]


def test_what_the_store_has_is_not_asked_for_again(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = split(told)
    left = graph.run({"mix": excerpt}, outputs=["left"], store=store)["left"]
    assert isinstance(left, Audio)
    next(path for path in objects(store) if path.stem == left.digest).unlink()
    (step,) = graph.plan({"mix": excerpt}, outputs=["left"], store=Store(store.path))
    assert (step.status, step.wanted, step.besides) == ("run", ("left",), ())


def test_plan_says_what_comes_along(told: Path, store: Store, excerpt: Audio) -> None:
    (step,) = split(told).plan({"mix": excerpt}, outputs=["left"], store=store)
    assert (step.wanted, step.besides) == (("left",), ("right",))
    (step,) = split(told).plan({"mix": excerpt}, outputs=["left"], store=False)
    assert (step.wanted, step.besides) == (("left",), ())
    (step,) = split(told).plan({"mix": excerpt}, store=store)
    assert step.besides == ()
    graph = Graph("plain")
    graph.output("two", graph.add(plain_thirds)(graph.input("mix", Audio)).two)
    (step,) = graph.plan({"mix": excerpt}, store=store)  # it cannot but give all it has
    assert step.besides == ("one", "three")


def test_the_command_line_says_it_too(call: Command, told: Path, mix: Path, tmp_path: Path) -> None:
    path = split(told).save(tmp_path / "split.json")
    words = ("plan", path, "-i", f"mix={mix}", "--nodes", OWN_NODES, "--only", "left")
    said = call(*words).out.splitlines()
    assert "split gives right too, in the same work: kept for later" in said
    assert call.document(*words)["nodes"][0]["besides"] == ["right"]


def test_a_full_store_drops_it_first(told: Path, tmp_path: Path, excerpt: Audio) -> None:
    half = excerpt.frames * 4
    store = Store(tmp_path / "store", limit_bytes=int(1.5 * half))
    graph = split(told)
    left = graph.run({"mix": excerpt}, outputs=["left"], store=store)["left"]
    assert isinstance(left, Audio)
    assert [path.stem for path in objects(store)] == [left.digest]
    assert statuses(graph.run({"mix": excerpt}, outputs=["left"], store=store)) == {
        "split": "cached"
    }
    again = graph.run({"mix": excerpt}, outputs=["right"], store=store)
    assert statuses(again) == {"split": "ran"}


def test_what_was_used_since_is_dropped_no_sooner_than_others(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = split(told)
    results = [
        graph.run({"mix": excerpt}, outputs=[output], store=store) for output in ("left", "right")
    ]
    assert [statuses(one)["split"] for one in results] == ["ran", "cached"]
    costs = {item.digest: item.seconds for item in store.retention.objects()}
    right = results[1]["right"]
    assert isinstance(right, Audio)
    assert costs[right.digest] > 0


@pytest.mark.parametrize("error", [ModelError("x", "no such model"), NodeError("not now")])
def test_what_a_node_cannot_say_is_nothing(error: Exception, store: Store, excerpt: Audio) -> None:
    def unknown(question: Preparation) -> list[str]:
        raise error

    @node(besides=unknown)
    def unsure(ctx: RunContext, audio: Audio) -> Thirds:
        assert not ctx.besides
        return ctx.outputs(Thirds, dict.fromkeys(ctx.wanted, audio))

    graph = Graph("unsure")
    graph.output("one", graph.add(unsure)(graph.input("mix", Audio)).one)
    assert graph.run({"mix": excerpt}, store=store)["one"] == excerpt
