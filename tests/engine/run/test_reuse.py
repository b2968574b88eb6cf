"""Never twice: what was computed once is taken from the store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from resonate_graph import Audio, Graph, Store, node
from resonate_graph._store.records import Key
from resonate_nodes import gain, mix
from tests.engine.runs import chain, count, records, statuses
from tests.own_nodes import counted_gain, fail, halves, peak
from tests.processes import files_in

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever")


def test_a_second_run_computes_nothing_and_gives_the_same(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5, 0.25)
    first = graph.run({"mix": excerpt}, store=store)
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert count(told) == 2
    assert statuses(again) == {"step1": "cached", "step2": "cached"}
    assert again["out"] == first["out"]
    assert again.report["outputs"] == first.report["outputs"]


def test_without_a_store_everything_runs_and_nothing_is_kept(
    told: Path, excerpt: Audio, tmp_path: Path
) -> None:
    for _ in range(2):
        result = chain(told, 0.5, 0.25).run({"mix": excerpt}, store=False)
        assert statuses(result) == {"step1": "ran", "step2": "ran"}
        assert all(node["key"] is None for node in result.report["nodes"])
    assert count(told) == 4
    assert files_in(tmp_path) == ["told/count"]


def test_names_of_nodes_and_graphs_do_not_matter(told: Path, store: Store, excerpt: Audio) -> None:
    chain(told, 0.5, 0.25).run({"mix": excerpt}, store=store)
    other = chain(told, 0.5, 0.25, 0.125, name="other", prefix="n")
    assert statuses(other.run({"mix": excerpt}, store=store)) == {
        "n1": "cached",
        "n2": "cached",
        "n3": "ran",
    }


def test_two_equal_nodes_of_one_graph_compute_once(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = Graph("twins")
    sound = graph.input("mix", Audio)
    twins = [
        graph.add(counted_gain, name)(sound, ratio=0.5, folder=str(told)) for name in ("a", "b")
    ]
    graph.output("out", graph.add(mix)(twins))
    assert statuses(graph.run({"mix": excerpt}, store=store)) == {
        "a": "ran",
        "b": "cached",
        "mix": "ran",
    }
    assert count(told) == 1


def test_a_change_without_effect_cuts_off_what_follows(store: Store, excerpt: Audio) -> None:
    """The gate opens far below anything that sounds; its samples stay the same."""

    @node(version=1)
    def floor(audio: Audio, *, threshold: float) -> Audio:
        return audio.with_samples(np.where(np.abs(audio.samples) < threshold, 0, audio.samples))

    graph = Graph("cut-off")
    floored = graph.add(floor)(graph.input("mix", Audio), threshold=1e-30)
    quieter = graph.add(gain)(floored, gain_db=-3.0)
    graph.output("out", graph.add(mix)([quieter, floored]))
    graph.run({"mix": excerpt}, store=store)
    again = graph.run({"mix": excerpt}, params={"floor.threshold": 1e-29}, store=store)
    assert statuses(again) == {"floor": "ran", "gain": "cached", "mix": "cached"}
    other = graph.run({"mix": excerpt}, params={"floor.threshold": 0.5}, store=store)
    assert statuses(other) == {"floor": "ran", "gain": "ran", "mix": "ran"}


def test_ports_are_computed_and_kept_one_by_one(told: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("halves")
    split = graph.add(halves)(graph.input("stereo", Audio), folder=str(told))
    graph.output("left", split.left)
    graph.output("right", split.right)
    first = graph.run({"stereo": excerpt}, outputs=["left"], store=store)
    assert statuses(first) == {"halves": "ran"}
    (record,) = records(store)
    assert statuses(graph.run({"stereo": excerpt}, outputs=["left"], store=store)) == {
        "halves": "cached"
    }
    both = graph.run({"stereo": excerpt}, store=store)
    assert statuses(both) == {"halves": "ran"}
    assert records(store) == [record]
    again = graph.run({"stereo": excerpt}, store=store)
    assert statuses(again) == {"halves": "cached"}
    assert (told / "count").read_text() == "lr"
    for number, name in enumerate(("left", "right")):
        found = again[name]
        assert isinstance(found, Audio)
        np.testing.assert_array_equal(found.samples[0], excerpt.samples[number])


def test_only_what_the_wanted_outputs_need_runs(told: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("several")
    sound = graph.input("mix", Audio)
    shared = graph.add(counted_gain, "shared")(sound, ratio=0.5, folder=str(told))
    graph.output("one", graph.add(gain, "only_one")(shared, gain_db=-1.0))
    graph.output("two", graph.add(fail, "only_two")(shared, message="not asked for"))
    result = graph.run({"mix": excerpt}, outputs=["one"], store=store)
    assert list(result) == ["one"]
    assert statuses(result) == {"shared": "ran", "only_one": "ran", "only_two": "skipped"}


def test_exact_reuse_takes_only_what_the_same_device_gave(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5)

    def key(reuse: Literal["content", "exact"]) -> str:
        found: str = graph.run({"mix": excerpt}, store=store, reuse=reuse).report["nodes"][0]["key"]
        return found

    assert key("content") != key("exact")
    assert count(told) == 1  # the same device, though nobody asked for that
    for record in list(store.records()):
        store.put_record(Key.of(record.preimage), record.ports, device="cuda:0")
    assert key("exact") == key("exact")
    assert count(told) == 2
    devices = {record.preimage.get("device"): record.device for record in store.records()}
    assert devices["cpu"] == "cpu"


def test_scalars_and_reports_are_reused_with_their_types(store: Store, excerpt: Audio) -> None:
    graph = Graph("peak")
    graph.output("peak", graph.add(peak)(graph.input("mix", Audio)))
    first = graph.run({"mix": excerpt}, store=store)
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(again) == {"peak": "cached"}
    assert again["peak"] == first["peak"]
    assert type(again["peak"]) is type(first["peak"])
    assert again.report["outputs"] == first.report["outputs"]
