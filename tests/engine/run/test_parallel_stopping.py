"""Steps at the same time that fail, are stopped, or want what another process computes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import (
    Audio,
    Cancelled,
    Event,
    Graph,
    InputError,
    InputRead,
    NodeError,
    NodeFinished,
    NodeStarted,
    NodeWaiting,
    RunContext,
    RunError,
    RunFinished,
    Store,
    node,
)
from resonate_graph._store.records import Key
from resonate_nodes import gain, mix
from tests.engine.meetings import at_work, patient
from tests.engine.runs import statuses
from tests.faults import flipped
from tests.own_nodes import counted_gain
from tests.processes import PATIENCE_SECONDS, files_in

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever", "no_worker_is_left")


# -- failing and stopping -----------------------------------------------------------------------


def beside(other: Any, patient_node: Any, **params: Any) -> Graph:
    graph = Graph("two")
    sound = graph.input("mix", Audio)
    tracks = [
        graph.add(patient_node, "patient")(sound, number=0),
        graph.add(other, "other")(sound, **params),
    ]
    graph.output("out", graph.add(mix)(tracks))
    return graph


def test_where_one_step_fails_the_others_are_stopped_and_its_error_is_told(
    store: Store, excerpt: Audio
) -> None:
    started = threading.Event()

    @node(version=1)
    def failing(audio: Audio) -> Audio:
        started.wait(PATIENCE_SECONDS)
        raise NodeError("no")

    events: list[Event] = []
    graph = beside(failing, patient(started))
    with pytest.raises(RunError, match=r"^node 'other' \(failing\): no$"):
        graph.run({"mix": excerpt}, store=store, threads=2, on_event=events.append)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == "failed"
    assert files_in(store.path / "locks") == []
    assert list((store.path / "records").rglob("*.json")) == []


def test_ctrl_c_stops_what_is_at_work(store: Store, excerpt: Audio) -> None:
    started = threading.Event()

    @node(version=1)
    def pressing(ctx: RunContext, audio: Audio) -> Audio:
        started.wait(PATIENCE_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            at_work(ctx)

    events: list[Event] = []
    graph = beside(pressing, patient(started))
    with pytest.raises(KeyboardInterrupt):
        graph.run({"mix": excerpt}, store=store, threads=2, on_event=events.append)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == "cancelled"
    assert files_in(store.path / "locks") == []


def test_cancelling_stops_what_is_at_work(store: Store, excerpt: Audio) -> None:
    started = threading.Event()
    stopping = patient(started)
    graph = beside(stopping, stopping, number=1)
    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, threads=2, cancelled=started.is_set)
    assert files_in(store.path / "locks") == []


def test_a_listener_that_fails_stops_everything(excerpt: Audio) -> None:
    started = threading.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, NodeFinished):
            raise LookupError("a listener of somebody's own")

    graph = beside(gain, patient(started), gain_db=-1.0)
    with pytest.raises(LookupError):
        graph.run({"mix": excerpt}, store=False, threads=2, on_event=on_event)


# -- other processes ----------------------------------------------------------------------------


def test_a_key_that_another_computes_does_not_hold_up_the_rest(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    graph = Graph("two")
    sound = graph.input("mix", Audio)
    tracks = [
        graph.add(counted_gain, name)(sound, ratio=ratio, folder=str(tmp_path))
        for name, ratio in (("held", 0.5), ("free", 0.25))
    ]
    graph.output("out", graph.add(mix)(tracks))
    keys = {step.id: step.key for step in graph.plan({"mix": excerpt}, store=store)}
    lock = Store(store.path).key_lock(Key(str(keys["held"]), b""))
    assert lock.take()
    told: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, (NodeStarted, NodeWaiting, NodeFinished)):
            told.append(f"{type(event).__name__} {event.node}")
        if {"NodeWaiting held", "NodeFinished free"} <= {*told}:
            lock.give_back()

    result = graph.run({"mix": excerpt}, store=store, threads=2, on_event=on_event)
    assert set(statuses(result).values()) == {"ran"}
    assert told.count("NodeWaiting held") == 1
    assert told.index("NodeFinished free") < told.index("NodeStarted held")
    assert (tmp_path / "count").read_text() == "xx"


def test_two_that_wait_for_each_others_keys_both_end(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    """Each computes one of two keys first, while the other does the other; then they swap."""
    barrier = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    counts: list[int] = []

    @node(version=1)
    def meet(audio: Audio, *, number: int) -> Audio:
        counts.append(number)
        barrier.wait()
        return audio.with_samples(audio.samples * number)

    def run(first: int, second: int) -> None:
        graph = Graph("two")
        sound = graph.input("mix", Audio)
        wires = [graph.add(meet, f"n{n}")(sound, number=n) for n in (first, second)]
        graph.output("out", graph.add(mix)(wires))
        place = Store(store.path)
        results.append(graph.run({"mix": excerpt}, store=place, threads=1)["out"])

    results: list[Any] = []
    both = [threading.Thread(target=run, args=order) for order in ((2, 3), (3, 2))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(counts) == [2, 3]
    assert results[0] == results[1]


def test_equal_steps_of_one_run_compute_once_even_beside_each_other(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    graph = Graph("twins")
    sound = graph.input("mix", Audio)
    wires = [
        graph.add(counted_gain, f"n{n}")(sound, ratio=0.5, folder=str(tmp_path)) for n in range(6)
    ]
    graph.output("out", graph.add(mix)(wires))
    events: list[Event] = []
    result = graph.run({"mix": excerpt}, store=store, threads=4, on_event=events.append)
    assert sorted(statuses(result).values()) == ["cached"] * 5 + ["ran"] * 2
    assert (tmp_path / "count").read_text() == "x"
    assert not [event for event in events if isinstance(event, NodeWaiting)]


def test_what_several_readers_find_lost_is_computed_again_once(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    graph = Graph("lost")
    made = graph.add(counted_gain, "made")(
        graph.input("mix", Audio), ratio=0.5, folder=str(tmp_path)
    )
    graph.output("made", made)
    wires = [graph.add(gain, f"n{n}")(made, gain_db=-float(n)) for n in range(5)]
    graph.output("out", graph.add(mix)(wires))
    first = graph.run({"mix": excerpt}, outputs=["made"], store=store)
    digest = first.report["outputs"]["made"]["digest"]
    (path,) = (store.path / "objects").glob(f"*/{digest}.wav")
    path.write_bytes(flipped(path.read_bytes(), 5000))
    result = graph.run({"mix": excerpt}, outputs=["out"], store=Store(store.path), threads=4)
    assert (tmp_path / "count").read_text() == "xx"
    assert result["out"] == graph.run({"mix": excerpt}, outputs=["out"], store=False)["out"]
    assert [one["code"] for one in result.report["warnings"]] == ["store-damaged"]


def test_a_step_whose_input_cannot_be_read_any_more_gives_its_key_back(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    path = excerpt.save(tmp_path / "mix.wav")
    graph = Graph("gone")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=-1.0))
    graph.run({"mix": path}, store=store)  # now its digest is known without reading it

    def on_event(event: Event) -> None:
        if isinstance(event, InputRead):
            path.unlink()

    with pytest.raises(InputError):
        graph.run({"mix": path}, params={"gain.gain_db": -2.0}, store=store, on_event=on_event)
    assert files_in(store.path / "locks") == []
