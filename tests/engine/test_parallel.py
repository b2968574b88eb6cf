"""Steps at the same time: in one run, in several, and beside other processes."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    BatchError,
    Cancelled,
    Cost,
    DeviceError,
    Event,
    Graph,
    GraphError,
    InputError,
    InputRead,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    Result,
    RunContext,
    RunError,
    RunFinished,
    Store,
    Warned,
    accelerated,
    node,
)
from resonate_graph._bindings import Bindings
from resonate_graph._decode import Limits
from resonate_graph._devices import Device, Inventory
from resonate_graph._execute import execute
from resonate_graph._keys import Key
from resonate_graph._machine import Machine, this_machine
from resonate_graph._run import Run
from resonate_graph._settings import Settings
from resonate_nodes import gain, mix
from tests.engine.test_store import flipped
from tests.own_nodes import counted_gain, fail
from tests.processes import PATIENCE_SECONDS, files_in

GB = 10**9


pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever")


def workers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("resonate-")]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    assert workers() == []


def meeting(count: int) -> Any:
    """A node whose steps end only once so many of them are at work."""
    barrier = threading.Barrier(count, timeout=PATIENCE_SECONDS)

    @node(version=1)
    def meet(audio: Audio, *, number: int = 0) -> Audio:
        barrier.wait()
        return audio.with_samples(audio.samples * (number + 1))

    return meet


def branches(made: Any, count: int, **params: Any) -> Graph:
    """A graph of some branches that are mixed in the end."""
    graph = Graph("branches")
    sound = graph.input("mix", Audio)
    wires = [graph.add(made, f"n{n}")(sound, number=n, **params) for n in range(count)]
    graph.output("out", graph.add(mix)(wires))
    return graph


def statuses(result: Result) -> dict[str, str]:
    return {one["id"]: one["status"] for one in result.report["nodes"]}


# -- one run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
def test_branches_run_at_the_same_time_and_give_the_same(
    store: Store, excerpt: Audio, stored: bool
) -> None:
    chosen: Store | Literal[False] = store if stored else False
    graph = branches(meeting(3), 3)
    result = graph.run({"mix": excerpt}, store=chosen, threads=3)
    alone = branches(meeting(1), 3).run({"mix": excerpt}, store=False, threads=1)
    assert result["out"] == alone["out"]
    assert set(statuses(result).values()) == {"ran"}
    if stored:
        again = graph.run({"mix": excerpt}, store=store)
        assert set(statuses(again).values()) == {"cached"}
        assert files_in(store.path / "locks") == files_in(store.path / "temporary") == []


class Counter:
    """Counts how many steps are at work, and remembers the most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.threads: list[int] = []

    def node(self, **declared: Any) -> Any:
        @node(version=1, **declared)
        def counted(ctx: RunContext, audio: Audio, *, number: int = 0) -> Audio:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
                self.threads.append(ctx.threads)
            np.fft.rfft(np.ones(200_000))  # long enough for others to come in
            with self._lock:
                self._now -= 1
            return audio

        return counted


def test_with_one_thread_one_step_runs_after_another_in_the_calling_thread(excerpt: Audio) -> None:
    counter = Counter()
    events: list[Event] = []
    graph = branches(counter.node(), 5)
    graph.run({"mix": excerpt}, store=False, threads=1, on_event=events.append)
    assert counter.most == 1
    assert workers() == []
    started = [event.node for event in events if isinstance(event, NodeStarted)]
    assert started == ["n0", "n1", "n2", "n3", "n4", "mix"]


def test_no_more_steps_run_than_there_are_threads(excerpt: Audio) -> None:
    counter = Counter()
    branches(counter.node(), 20).run({"mix": excerpt}, store=False, threads=3)
    assert counter.most <= 3
    assert counter.threads == [1] * 20


def test_a_step_is_given_the_threads_it_declares_and_told_so(excerpt: Audio) -> None:
    everything, two = Counter(), Counter()
    branches(everything.node(cost=Cost(threads="all")), 4).run({"mix": excerpt}, threads=3)
    assert (everything.most, everything.threads) == (1, [3] * 4)
    branches(two.node(cost=Cost(threads=2)), 4).run({"mix": excerpt}, store=False, threads=5)
    assert two.most <= 2
    assert two.threads == [2] * 4


def test_events_come_from_the_calling_thread(store: Store, excerpt: Audio) -> None:
    callers: set[int] = set()
    nodes: set[int] = set()
    barrier = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    @node(version=1)
    def telling(ctx: RunContext, audio: Audio, *, number: int) -> Audio:
        nodes.add(threading.get_ident())
        barrier.wait()
        ctx.progress(1, 2)
        ctx.warn("careful", f"look at {number}")
        return audio

    events: list[Event] = []

    def on_event(event: Event) -> None:
        callers.add(threading.get_ident())
        events.append(event)

    graph = branches(telling, 2)
    result = graph.run({"mix": excerpt}, store=store, threads=2, on_event=on_event)
    assert callers == {threading.get_ident()}
    assert len(nodes) == 2
    assert not nodes & callers
    for name in ("n0", "n1"):
        mine = [event for event in events if getattr(event, "node", None) == name]
        assert [type(one) for one in mine] == [NodeStarted, NodeProgress, Warned, NodeFinished]
    assert {one["message"] for one in result.report["warnings"]} == {"look at 0", "look at 1"}


def test_the_longest_way_to_the_end_goes_first(excerpt: Audio) -> None:
    """By what the nodes declare: the short branch comes first in the graph, and starts last."""

    @node(version=1, cost=Cost(seconds=1))
    def short(audio: Audio) -> Audio:
        return audio

    @node(version=1, cost=Cost(seconds=60))
    def long(audio: Audio) -> Audio:
        return audio

    graph = Graph("ways")
    sound = graph.input("mix", Audio)
    tracks = [graph.add(short, "a")(sound), graph.add(short, "b")(graph.add(short, "c")(sound))]
    tracks += [graph.add(long, "d")(graph.add(short, "e")(sound))]
    graph.output("out", graph.add(mix)(tracks))
    events: list[Event] = []
    graph.run({"mix": excerpt}, store=False, threads=2, on_event=events.append)
    started = [event.node for event in events if isinstance(event, NodeStarted)]
    assert started[:2] == ["e", "c"]
    plan = graph.plan({"mix": excerpt}, store=False, threads=2)
    assert {step.id: step.order for step in plan}["e"] == 1
    assert plan.seconds == pytest.approx(61, abs=0.5)
    assert graph.plan({"mix": excerpt}, store=False, threads=1).seconds == pytest.approx(
        64, abs=0.5
    )


def test_what_was_learned_counts_before_what_is_declared(store: Store, excerpt: Audio) -> None:
    @node(version=1, cost=Cost(seconds=1000, threads="all"))
    def quick(audio: Audio, *, number: int) -> Audio:
        return audio

    graph = branches(quick, 2)
    assert graph.plan({"mix": excerpt}, store=store).seconds > 1999
    graph.run({"mix": excerpt}, params={"n0.number": 7}, outputs=["out"], store=store)
    changed = graph.plan({"mix": excerpt}, params={"n1.number": 9}, store=store)
    assert [step.status for step in changed] == ["run", "run", "open"]
    assert changed.seconds < 10


def test_values_of_branches_are_let_go_after_their_last_use(excerpt: Audio) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []
    barrier = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    @node(version=1)
    def make(audio: Audio, *, number: int) -> Audio:
        barrier.wait()
        samples = np.array(audio.samples + np.float32(number))
        made.append(weakref.ref(samples))
        samples.flags.writeable = False
        return Audio(samples, audio.sample_rate)

    @node(version=1)
    def look(audio: Audio) -> Audio:
        gc.collect()
        alive.append(sum(one() is not None for one in made))
        return audio

    graph = Graph("branches")
    sound = graph.input("mix", Audio)
    both = [graph.add(make, f"n{n}")(sound, number=n) for n in range(2)]
    graph.output("out", graph.add(look)(graph.add(gain)(graph.add(mix)(both), gain_db=-1.0)))
    graph.run({"mix": excerpt}, store=False, threads=2)
    assert alive == [0]
    gc.collect()
    assert not any(one() is not None for one in made)


# -- memory -------------------------------------------------------------------------------------


def on(machine: Machine, graph: Graph, excerpt: Audio, **more: Any) -> tuple[Run, list[Event]]:
    """Run a graph on another machine than this."""
    events: list[Event] = []
    settings = Settings(machine=machine, on_event=events.append, **more)
    bound = graph.check(["mix"])
    bindings = Bindings("graph", bound.inputs, {"mix": excerpt}, Limits())
    run = Run(bound, bindings, settings)
    execute([run], settings)
    return run, events


def test_steps_that_do_not_fit_beside_each_other_wait(excerpt: Audio) -> None:
    counter = Counter()
    graph = branches(counter.node(cost=Cost(bytes=6 * GB)), 4)
    _, events = on(Machine(4, 10 * GB), graph, excerpt)
    assert counter.most == 1
    assert not [event for event in events if isinstance(event, Warned)]
    two = Counter()
    on(Machine(4, 13 * GB), branches(two.node(cost=Cost(bytes=6 * GB)), 6), excerpt)
    assert two.most <= 2


def test_a_step_that_does_not_fit_at_all_says_so_before_it_starts(excerpt: Audio) -> None:
    counter = Counter()
    graph = branches(counter.node(cost=Cost(bytes=60 * GB)), 2)
    run, events = on(Machine(4, 10 * GB), graph, excerpt)
    assert counter.most == 1
    for name in ("n0", "n1"):
        mine = [event for event in events if getattr(event, "node", None) == name]
        assert [type(event) for event in mine] == [Warned, NodeStarted, NodeFinished]
        warned = mine[0]
        assert isinstance(warned, Warned)
        assert warned.code == "memory-tight"
        assert "needs about 60.0 GB" in warned.message
        assert "10.0 GB are left" in warned.message
    assert run.outcome is not None
    assert run.outcome.values["out"] == mix([excerpt, excerpt])


def test_the_need_grows_with_the_inputs(excerpt: Audio) -> None:
    size = excerpt.samples.nbytes
    counter = Counter()
    graph = branches(counter.node(cost=Cost(bytes_per_input_byte=10)), 4)
    _, events = on(Machine(4, 15 * size), graph, excerpt)
    assert counter.most == 1
    warned = {event.node for event in events if isinstance(event, Warned)}
    assert not warned & {"n0", "n1"}


# -- accelerators -------------------------------------------------------------------------------


def test_each_card_is_a_lane(excerpt: Audio) -> None:
    """Four steps meet, on four cards; a fifth step of the CPU meets them."""
    barrier = threading.Barrier(5, timeout=PATIENCE_SECONDS)
    seen: list[tuple[str, int]] = []

    @node(version=1, device=accelerated)
    def fast(ctx: RunContext, audio: Audio, *, number: int) -> Audio:
        seen.append((ctx.device, ctx.threads))
        barrier.wait()
        return audio

    @node(version=1)
    def steady(audio: Audio) -> Audio:
        barrier.wait()
        return audio

    cards = [Device(f"cuda:{n}", "cuda", "a GPU") for n in range(4)]
    inventory = Inventory((*cards, Device("cpu", "cpu", "a processor")))
    graph = Graph("cards")
    sound = graph.input("mix", Audio)
    wires = [graph.add(fast, f"n{n}")(sound, number=n) for n in range(4)]
    graph.output("out", graph.add(mix)([*wires, graph.add(steady)(sound)]))
    run, events = on(Machine(1, 10 * GB), graph, excerpt, inventory=lambda: inventory)
    assert sorted(seen) == [(f"cuda:{n}", 1) for n in range(4)]
    started = {event.node: event.device for event in events if isinstance(event, NodeStarted)}
    assert started["steady"] == started["mix"] == "cpu"
    assert run.outcome is not None
    assert {one.device for one in run.outcome.steps} == {"cpu", *(card.id for card in cards)}


# -- failing and stopping -----------------------------------------------------------------------


def patient(started: threading.Event) -> Any:
    """A node that works until it is told to stop."""

    @node(version=1)
    def wait_to_be_stopped(ctx: RunContext, audio: Audio, *, number: int) -> Audio:
        (ctx.scratch / "file").write_text("x")
        started.set()
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            ctx.check_cancelled()
        return audio

    return wait_to_be_stopped


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
        raise ZeroDivisionError("no")

    events: list[Event] = []
    graph = beside(failing, patient(started))
    with pytest.raises(RunError, match=r"^node 'other' \(failing\): ZeroDivisionError: no"):
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
            ctx.check_cancelled()

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
    lock = Store(store.path).key_lock(Key(str(keys["held"]), {}))
    assert lock.take()
    told: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, (NodeStarted, NodeWaiting, NodeFinished)):
            told.append(f"{type(event).__name__} {event.node}")
        if isinstance(event, NodeWaiting):
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


# -- several inputs -----------------------------------------------------------------------------


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
            raise ZeroDivisionError("five")
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
        "  input 1: node 'picky' (picky): ZeroDivisionError: five",
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


def test_this_machine_has_threads_and_memory() -> None:
    machine = this_machine()
    assert 1 <= machine.threads <= (os.cpu_count() or 1)
    assert 10**8 < machine.memory_bytes < 10**14


def test_threads_below_one_are_refused(excerpt: Audio) -> None:
    with pytest.raises(DeviceError, match="threads is 0"):
        branches(meeting(1), 1).run({"mix": excerpt}, threads=0)


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
