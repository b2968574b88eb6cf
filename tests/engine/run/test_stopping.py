"""Runs that are stopped, and processes that want the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import (
    Audio,
    Cancelled,
    Event,
    Graph,
    NodeFinished,
    NodeProgress,
    RunFinished,
    Store,
)
from resonate_graph._store.records import Key
from tests.depth import thorough
from tests.engine.commands import OWN_NODES
from tests.engine.runs import chain, count, objects, records, statuses
from tests.own_nodes import slow, warned
from tests.processes import Signals, end_of, files_in, interrupt, start_python, wait_for_words

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever")


# -- stopping -----------------------------------------------------------------------------------


def stopping_after(kind: type[Event], node_id: str) -> tuple[Callable[[Event], None], Any]:
    """Return an `on_event` and a `cancelled` that is true once an event was told."""
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, kind) and getattr(event, "node", None) == node_id:
            seen.append(event)

    return on_event, lambda: bool(seen)


def test_a_run_can_be_stopped_between_two_nodes(told: Path, store: Store, excerpt: Audio) -> None:
    graph = chain(told, 0.5, 0.25)
    events: list[Event] = []
    listen, cancelled = stopping_after(NodeFinished, "step1")

    def on_event(event: Event) -> None:
        events.append(event)
        listen(event)

    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, on_event=on_event, cancelled=cancelled)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == "cancelled"
    assert count(told) == 1
    assert statuses(graph.run({"mix": excerpt}, store=store)) == {"step1": "cached", "step2": "ran"}


def test_a_run_can_be_stopped_where_a_node_reports_progress(store: Store, excerpt: Audio) -> None:
    graph = Graph("warned")
    graph.output("out", graph.add(warned)(graph.input("mix", Audio), message="look"))
    on_event, cancelled = stopping_after(NodeProgress, "warned")
    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, on_event=on_event, cancelled=cancelled)
    assert records(store) == []
    assert objects(store) == []


def test_a_run_that_waits_for_another_can_be_stopped(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5)
    (step,) = graph.plan({"mix": excerpt}, store=store)
    assert step.key is not None
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 3

    held = Store(store.path).key_lock(Key(step.key, b""))
    assert held.take()
    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, cancelled=cancelled)
    held.give_back()
    assert count(told) == 0


# -- processes ----------------------------------------------------------------------------------


RUN = """
import logging, sys
from pathlib import Path
import resonate_graph as rg
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
graph, mix, store = sys.argv[1:4]
own = rg.load(graph, nodes=[sys.argv[4]])
result = own.run({"mix": mix}, store=store)
print(result.report["nodes"][-1]["status"], result.report["outputs"]["out"]["digest"])
"""


class Scene:
    """A graph with a slow node, and processes that run it on one store."""

    def __init__(self, folder: Path, excerpt: Audio) -> None:
        self.signals = Signals(folder / "signals")
        self.store = Store(folder / "shared")
        self.mix = excerpt.save(folder / "mix.wav")
        graph = Graph("slow")
        out = graph.add(slow)(graph.input("mix", Audio), folder=str(self.signals.folder))
        graph.output("out", out)
        self.graph = graph.save(folder / "slow.json")

    def start(self) -> Any:
        return start_python(RUN, self.graph, self.mix, self.store.path, OWN_NODES)


@pytest.fixture
def scene(tmp_path: Path, excerpt: Audio) -> Scene:
    return Scene(tmp_path, excerpt)


def test_of_two_processes_with_one_key_one_computes_and_the_other_waits(scene: Scene) -> None:
    first = scene.start()
    scene.signals.wait_until_started(first)
    second = scene.start()
    wait_for_words(second, "not acquired")
    scene.signals.let_go()
    one, other = end_of(first), end_of(second)
    assert (one.code, other.code) == (0, 0)
    assert scene.signals.count == 1
    assert [one.out.split()[0], other.out.split()[0]] == ["ran", "cached"]
    assert one.out.split()[1] == other.out.split()[1]


@thorough
def test_a_process_that_is_killed_leaves_the_work_to_the_one_that_waits(scene: Scene) -> None:
    first = scene.start()
    scene.signals.wait_until_started(first)
    second = scene.start()
    wait_for_words(second, "not acquired")
    first.kill()
    first.communicate()
    scene.signals.wait_until_started(second)
    assert files_in(scene.store.path / "objects") == []
    scene.signals.let_go()
    assert end_of(second).out.split()[0] == "ran"
    assert scene.signals.count == 2


def test_ctrl_c_frees_the_key_at_once(scene: Scene) -> None:
    first = scene.start()
    scene.signals.wait_until_started(first)
    interrupt(first)
    ended = end_of(first)
    assert "KeyboardInterrupt" in ended.err
    second = scene.start()
    scene.signals.wait_until_started(second)
    scene.signals.let_go()
    assert end_of(second).out.split()[0] == "ran"
