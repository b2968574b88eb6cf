"""Several inputs through one graph, in one process."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    BatchError,
    Cancelled,
    Event,
    Graph,
    GraphError,
    InputError,
    InputRead,
    NodeError,
    RunError,
    RunFinished,
    Store,
    node,
)
from resonate_nodes import gain
from tests.engine.meetings import meeting, patient
from tests.engine.runs import statuses
from tests.own_nodes import counted_gain, fail
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever", "no_worker_is_left")


def quieter(excerpt: Audio, count: int) -> list[dict[str, Audio]]:
    return [{"mix": excerpt.with_samples(excerpt.samples / (n + 2))} for n in range(count)]


@pytest.mark.parametrize("stored", [True, False])
def test_several_inputs_give_what_each_gives_alone_in_order(
    store: Store, excerpt: Audio, stored: bool
) -> None:
    graph = Graph("level")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=-6.0))
    inputs = quieter(excerpt, 7)
    results = graph.run_many(inputs, store=store if stored else False)
    alone = [graph.run(one, store=False) for one in inputs]
    assert [one["out"] for one in results] == [one["out"] for one in alone]
    assert [one.report["outputs"] for one in results] == [one.report["outputs"] for one in alone]


def test_inputs_run_beside_each_other(excerpt: Audio) -> None:
    graph = Graph("meet")
    graph.output("out", graph.add(meeting(3))(graph.input("mix", Audio)))
    assert len(graph.run_many(quieter(excerpt, 3), store=False, threads=3)) == 3


def test_the_next_input_is_read_while_one_computes(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    read = threading.Event()

    @node(version=1)
    def wait_for_the_next(audio: Audio) -> Audio:
        assert read.wait(PATIENCE_SECONDS)
        return audio

    def on_event(index: int, event: Event) -> None:
        if index == 1 and isinstance(event, InputRead):
            read.set()

    graph = Graph("wait")
    graph.output("out", graph.add(wait_for_the_next)(graph.input("mix", Audio)))
    paths = [one["mix"].save(tmp_path / f"{n}.wav") for n, one in enumerate(quieter(excerpt, 2))]
    inputs = [{"mix": path} for path in paths]
    assert len(graph.run_many(inputs, store=store, threads=2, on_event=on_event)) == 2


def test_one_input_that_fails_does_not_stop_the_others(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    @node(version=1)
    def picky(audio: Audio) -> Audio:
        if audio.frames == 5:
            raise NodeError("these are five")
        return audio

    graph = Graph("picky")
    graph.output("out", graph.add(picky)(graph.input("mix", Audio)))
    short = excerpt.with_samples(excerpt.samples[:, :5])
    inputs: list[dict[str, Any]] = [
        {"mix": excerpt},
        {"mix": short},
        {"mix": tmp_path / "none.wav"},
        {"mix": excerpt.with_samples(excerpt.samples * 0.5)},
    ]
    told: dict[int, Any] = {}
    with pytest.raises(BatchError) as caught:
        graph.run_many(inputs, store=store, on_result=told.__setitem__)
    error = caught.value
    assert [one is not None for one in error.results] == [True, False, False, True]
    assert {index: type(one) for index, one in error.errors.items()} == {
        1: RunError,
        2: InputError,
    }
    assert str(error).splitlines()[:2] == [
        "2 of 4 inputs failed",
        "  input 1: node 'picky' (picky): these are five",
    ]
    assert told == {**dict(enumerate(error.results)), **error.errors}
    assert error.results[0]["out"] == excerpt


def test_equal_inputs_are_computed_once(tmp_path: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("count")
    sound = graph.input("mix", Audio)
    graph.output("out", graph.add(counted_gain)(sound, ratio=0.5, folder=str(tmp_path)))
    results = graph.run_many([{"mix": excerpt}] * 5, store=store, threads=4)
    assert (tmp_path / "count").read_text() == "x"
    assert sorted(statuses(one)["counted_gain"] for one in results) == ["cached"] * 4 + ["ran"]


def test_a_wrong_call_is_told_before_anything_runs(tmp_path: Path, excerpt: Audio) -> None:
    graph = Graph("count")
    sound = graph.input("mix", Audio)
    graph.output("out", graph.add(counted_gain)(sound, ratio=0.5, folder=str(tmp_path)))
    with pytest.raises(GraphError):
        graph.run_many([{"mix": excerpt}, {"max": excerpt}], store=False)
    with pytest.raises(GraphError):
        graph.run_many([{"mix": excerpt}, {"mix": 3}], store=False)
    assert not (tmp_path / "count").exists()
    assert graph.run_many([], store=False) == []


def test_cancelling_stops_all_inputs(excerpt: Audio) -> None:
    graph = Graph("patient")
    started = threading.Event()
    graph.output("out", graph.add(patient(started))(graph.input("mix", Audio), number=0))
    ends: list[str] = []

    def on_event(index: int, event: Event) -> None:
        if isinstance(event, RunFinished):
            ends.append(event.status)

    with pytest.raises(Cancelled):
        graph.run_many(
            quieter(excerpt, 9), store=False, cancelled=started.is_set, on_event=on_event
        )
    assert set(ends) == {"cancelled"}


def test_results_of_many_lie_in_the_store_and_not_in_memory(store: Store, excerpt: Audio) -> None:
    made: list[weakref.ref[Any]] = []

    @node(version=1)
    def make(audio: Audio) -> Audio:
        samples = np.array(audio.samples * 2)
        made.append(weakref.ref(samples))
        samples.flags.writeable = False
        return Audio(samples, audio.sample_rate)

    graph = Graph("make")
    graph.output("out", graph.add(make)(graph.input("mix", Audio)))
    results = graph.run_many(quieter(excerpt, 4), store=store)
    gc.collect()
    assert [one() for one in made] == [None] * 4
    assert [one["out"].frames for one in results] == [excerpt.frames] * 4  # type: ignore[union-attr]


def test_a_failing_input_among_many_waits_for_its_own_steps_only(excerpt: Audio) -> None:
    graph = Graph("failing")
    graph.output("out", graph.add(fail)(graph.input("mix", Audio), message="no"))
    with pytest.raises(BatchError) as caught:
        graph.run_many(quieter(excerpt, 3), store=False)
    assert sorted(caught.value.errors) == [0, 1, 2]
