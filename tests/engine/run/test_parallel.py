"""Steps of one run at the same time: threads, memory, accelerators."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from typing import Any, Literal

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    Cost,
    DeviceError,
    Event,
    Graph,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    RunContext,
    Store,
    Warned,
    accelerated,
    node,
)
from resonate_graph._machine.capacity import Machine, this_machine
from resonate_graph._machine.devices import Device, Inventory
from resonate_graph._run.bindings import Bindings
from resonate_graph._run.bookkeeping import Run
from resonate_graph._run.execute import execute
from resonate_graph._run.settings import Setup
from resonate_graph._sound.limits import Limits
from resonate_nodes import gain, mix
from tests.engine.meetings import branches, meeting, workers
from tests.engine.runs import statuses
from tests.processes import PATIENCE_SECONDS, files_in

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever", "no_worker_is_left")

GB = 10**9


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


def test_this_machine_has_threads_and_memory() -> None:
    machine = this_machine()
    assert 1 <= machine.threads <= (os.cpu_count() or 1)
    assert 10**8 < machine.memory_bytes < 10**14


def test_threads_below_one_are_refused(excerpt: Audio) -> None:
    with pytest.raises(DeviceError, match="threads is 0"):
        branches(meeting(1), 1).run({"mix": excerpt}, threads=0)


# -- memory -------------------------------------------------------------------------------------


def on(machine: Machine, graph: Graph, excerpt: Audio, **more: Any) -> tuple[Run, list[Event]]:
    """Run a graph on another machine than this."""
    events: list[Event] = []
    setup = Setup(machine=machine, on_event=events.append, **more)
    bound = graph.check(["mix"])
    bindings = Bindings("graph", bound.inputs, {"mix": excerpt}, Limits())
    run = Run(bound, bindings, setup)
    execute([run], setup)
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


@pytest.mark.parametrize("beside", [False, True])
def test_what_a_step_has_to_say_is_told_while_it_is_at_work(excerpt: Audio, beside: bool) -> None:
    told = threading.Event()

    @node(version=1)
    def falls(ctx: RunContext, audio: Audio) -> Audio:
        ctx.warn("device-fallback", "the CPU goes on")
        if beside:
            assert told.wait(PATIENCE_SECONDS)
        return gain(audio, gain_db=-1.0 if told.is_set() else 1.0)

    graph = Graph("falls")
    sound = graph.input("mix", Audio)
    others = [graph.add(gain)(sound, gain_db=-1.0)] if beside else []
    graph.output("out", graph.add(mix)([graph.add(falls, "falls")(sound), *others]))
    events: list[Event] = []

    def hear(event: Event) -> None:
        events.append(event)
        if isinstance(event, Warned):
            told.set()

    result = graph.run({"mix": excerpt}, store=False, threads=2, on_event=hear)
    kinds = [type(event) for event in events if getattr(event, "node", None) == "falls"]
    assert kinds == [NodeStarted, Warned, NodeFinished]
    assert [warning["code"] for warning in result.report["warnings"]] == ["device-fallback"]


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


def test_where_the_card_is_in_the_key_no_other_card_computes(excerpt: Audio) -> None:
    @node(version=1, device=accelerated)
    def fast(ctx: RunContext, audio: Audio, *, number: int) -> Audio:
        return audio

    cards = [Device(f"cuda:{n}", "cuda", "a GPU") for n in range(2)]
    inventory = Inventory((*cards, Device("cpu", "cpu", "a processor")))
    graph = Graph("cards")
    sound = graph.input("mix", Audio)
    graph.output("out", graph.add(mix)([graph.add(fast)(sound, number=n) for n in range(4)]))
    run, events = on(
        Machine(4, 10 * GB), graph, excerpt, inventory=lambda: inventory, exact_reuse=True
    )
    assert run.error is None
    started = [event.device for event in events if isinstance(event, NodeStarted)]
    assert started == ["cuda:0"] * 4 + ["cpu"]


def test_a_certain_card_is_taken_where_the_caller_or_the_graph_names_it(excerpt: Audio) -> None:
    @node(version=1, device=accelerated)
    def fast(ctx: RunContext, audio: Audio) -> Audio:
        return audio

    cards = [Device(f"cuda:{n}", "cuda", "a GPU") for n in range(4)]
    inventory = Inventory((*cards, Device("cpu", "cpu", "a processor")))
    graph = Graph("cards")
    graph.output("out", graph.add(fast, device=["cuda:7", "cuda:3"])(graph.input("mix", Audio)))

    def device_of(**more: Any) -> str | None:
        run, _ = on(Machine(4, 10 * GB), graph, excerpt, inventory=lambda: inventory, **more)
        if run.error is not None:
            raise run.error
        assert run.outcome is not None
        return run.outcome.steps[0].device

    assert device_of() == "cuda:3"
    assert device_of(device="cuda:1") == "cuda:1"
    with pytest.raises(DeviceError, match="no cuda:4 device is usable here; this machine has: "):
        device_of(device="cuda:4")
