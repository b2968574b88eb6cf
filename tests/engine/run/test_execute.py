"""One run: what it tells, how it fails, what it holds in memory."""

from __future__ import annotations

import gc
import mmap
import re
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    DeviceError,
    Event,
    Graph,
    InputRead,
    NodeFault,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    Report,
    RunContext,
    RunError,
    RunFinished,
    RunPlanned,
    RunStarted,
    Store,
    Warned,
    accelerated,
    node,
)
from resonate_nodes import gain, mix
from tests.depth import sampled
from tests.engine.runs import count, statuses
from tests.own_nodes import counted_gain, crash, fail, warned

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever")


# -- events -------------------------------------------------------------------------------------


def test_a_run_tells_what_happens_in_order(store: Store, excerpt: Audio) -> None:
    graph = Graph("told")
    sound = graph.input("mix", Audio)
    careful = graph.add(warned)(sound, message="look")
    graph.output("out", graph.add(gain)(careful, gain_db=-1.0))
    events: list[Event] = []
    graph.run({"mix": excerpt}, store=store, on_event=events.append)
    kinds = [type(event) for event in events]
    assert kinds == [
        RunStarted,
        InputRead,
        RunPlanned,
        NodeStarted,
        NodeProgress,
        Warned,
        NodeProgress,
        NodeFinished,
        NodeStarted,
        NodeFinished,
        RunFinished,
    ]
    assert events[0] == RunStarted("told", ("warned", "gain"))
    plan = events[2]
    assert isinstance(plan, RunPlanned)
    assert list(plan.seconds) == ["warned", "gain"]
    assert 0 < plan.total_seconds <= sum(plan.seconds.values())
    assert events[3:7] == [
        NodeStarted("warned", "warned", "cpu"),
        NodeProgress("warned", 1, 2),
        Warned("careful", "look", "warned"),
        NodeProgress("warned", 2, 2),
    ]
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == "done"


def test_warnings_of_cached_nodes_are_told_again(store: Store, excerpt: Audio) -> None:
    graph = Graph("told")
    graph.output("out", graph.add(warned)(graph.input("mix", Audio), message="look"))
    first = graph.run({"mix": excerpt}, store=store)
    events: list[Event] = []
    again = graph.run({"mix": excerpt}, store=Store(store.path), on_event=events.append)
    assert statuses(again) == {"warned": "cached"}
    assert again.report["warnings"] == first.report["warnings"]
    assert again.report["warnings"] == [{"code": "careful", "message": "look", "node": "warned"}]
    assert Warned("careful", "look", "warned") in events
    assert NodeFinished("warned", "warned", "cached", 0.0) in events


@pytest.mark.parametrize(
    ("failing", "status", "error"),
    [(fail, "failed", RunError), (crash, "failed", RunError)],
)
def test_the_last_event_says_how_it_ended(
    excerpt: Audio, failing: Any, status: str, error: type[Exception]
) -> None:
    graph = Graph("failing")
    params = {"message": "no"} if failing is fail else {}
    graph.output("out", graph.add(failing)(graph.input("mix", Audio), **params))
    events: list[Event] = []
    with pytest.raises(error):
        graph.run({"mix": excerpt}, store=False, on_event=events.append)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == status


# -- failures -----------------------------------------------------------------------------------


def test_a_failing_node_is_named_with_its_cause(told: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("failing")
    sound = graph.input("mix", Audio)
    first = graph.add(counted_gain, "before")(sound, ratio=0.5, folder=str(told))
    graph.output("out", graph.add(fail, "tricky")(first, message="this cannot be done"))
    with pytest.raises(RunError) as caught:
        graph.run({"mix": excerpt}, store=store)
    error = caught.value
    assert str(error) == "node 'tricky' (fail): this cannot be done"
    assert (error.node, error.type) == ("tricky", "fail")
    assert str(error.__cause__) == "this cannot be done"
    with pytest.raises(RunError):
        graph.run({"mix": excerpt}, store=store)
    assert count(told) == 1


def test_an_error_nobody_thought_of_says_its_type_and_the_line_in_the_authors_file(
    excerpt: Audio,
) -> None:
    @node()
    def misled(audio: Audio) -> Audio:
        return audio.with_samples(np.fft.irfft(audio.samples, -1))  # fails in numpy's file

    for failing, cause, file in (
        (crash, ZeroDivisionError, "own_nodes.py"),
        (misled, ValueError, "test_execute.py"),
    ):
        graph = Graph("failing")
        graph.output("out", graph.add(failing, "it")(graph.input("mix", Audio)))
        with pytest.raises(RunError) as caught:
            graph.run({"mix": excerpt}, store=False)
        assert type(caught.value.__cause__) is cause
        pattern = rf"node 'it' \({failing.__name__}\): {cause.__name__}: .* \({file}, line \d+\)"
        assert re.fullmatch(pattern, str(caught.value))


def test_a_node_with_a_version_that_fails_unforeseen_is_told_as_its_fault(excerpt: Audio) -> None:
    @node(version=1)
    def finished(audio: Audio) -> Audio:
        raise ZeroDivisionError("division\nby zero")

    graph = Graph("failing")
    graph.output("out", graph.add(finished, "last")(graph.input("mix", Audio)))
    with pytest.raises(RunError) as caught:
        graph.run({"mix": excerpt}, store=False)
    fault = caught.value.__cause__
    assert isinstance(fault, NodeFault)
    place = re.escape("(test_execute.py, line ") + r"\d+\)"
    assert re.fullmatch(re.escape(f"node 'last' (finished): {fault} ") + place, str(caught.value))
    assert isinstance(fault.__cause__, ZeroDivisionError)


def test_a_node_that_writes_into_its_input_fails_and_changes_nothing(excerpt: Audio) -> None:
    @node()
    def vandal(audio: Audio) -> Audio:
        audio.samples[:] = 0
        return audio

    graph = Graph("vandal")
    graph.output("out", graph.add(vandal)(graph.input("mix", Audio)))
    before = excerpt.samples.copy()
    with pytest.raises(RunError, match="read-only"):
        graph.run({"mix": excerpt}, store=False)
    np.testing.assert_array_equal(excerpt.samples, before)


@node()
def careless(x: float, *, weights: list[float] = [1.0], more: dict[str, float] = {}) -> float:  # noqa: B006
    weights.append(100.0)
    more["seen"] = 1000.0
    return x + sum(weights) + sum(more.values())


@pytest.mark.parametrize("given", [{}, {"weights": [1.0]}])
def test_a_node_that_changes_its_params_changes_those_of_no_other_run(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    graph = Graph("careless")
    graph.output("y", graph.add(careless)(graph.input("x", float), **given))
    for store in (False, tmp_path / "store"):
        for x in (0.0, 1.0):
            result = graph.run({"x": x}, store=store)
            assert result["y"] == x + 1101
            params = result.provenance["nodes"]["careless"]["params"]
            assert params == {"weights": [1], "more": {}}
            params["weights"].append(5)
    assert [one["y"] for one in graph.run_many([{"x": 2.0}, {"x": 3.0}], store=False)] == [
        1103,
        1104,
    ]


class Marks(Report):
    times_seconds: list[float]


@node()
def find_marks(x: float) -> Marks:
    return Marks(times_seconds=[x])


@node()
def count_more(marks: Marks) -> int:
    marks.times_seconds.append(99.0)
    return len(marks.times_seconds)


@node()
def last_mark(marks: Marks, after: int) -> float:
    return marks.times_seconds[-1]


@pytest.mark.parametrize("stored", [False, True])
def test_a_node_that_changes_a_report_changes_it_for_no_other(tmp_path: Path, stored: bool) -> None:
    graph = Graph("marks")
    marks = graph.add(find_marks)(graph.input("x", float))
    graph.output("marks", marks)
    graph.output("last", graph.add(last_mark)(marks, graph.add(count_more)(marks)))
    result = graph.run({"x": 1.5}, store=tmp_path / "store" if stored else False)
    assert (result["marks"], result["last"]) == (Marks(times_seconds=[1.5]), 1.5)


@node()
def says_much(ctx: RunContext, x: float) -> float:
    ctx.progress(1, 2)
    ctx.warn("odd", "this is odd")
    return x


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("branches", [1, 3])
@pytest.mark.parametrize("kind", [NodeProgress, Warned])
def test_what_a_listener_raises_is_no_fault_of_a_node(
    tmp_path: Path, kind: type[Event], branches: int, stored: bool
) -> None:
    graph = Graph("much")
    x = graph.input("x", float)
    for number in range(branches):
        graph.output(f"y{number}", graph.add(says_much)(x))

    def listen(event: Event) -> None:
        if isinstance(event, kind):
            raise LookupError("of the listener")

    with pytest.raises(LookupError, match="of the listener"):
        graph.run({"x": 1.0}, store=tmp_path / "store" if stored else False, on_event=listen)


def test_scratch_space_is_gone_after_the_node(excerpt: Audio) -> None:
    places: list[Path] = []

    @node()
    def scratching(ctx: RunContext, audio: Audio, *, failing: bool) -> Audio:
        (ctx.scratch / "file").write_text("x")
        places.append(ctx.scratch)
        if failing:
            raise ValueError
        return audio

    for failing in (False, True):
        graph = Graph("scratching")
        graph.output("out", graph.add(scratching)(graph.input("mix", Audio), failing=failing))
        try:
            graph.run({"mix": excerpt}, store=False)
        except RunError:
            assert failing
    assert len(places) == 2
    assert not any(place.exists() for place in places)


@pytest.mark.torch
def test_a_device_that_is_not_there_is_told_before_anything_runs(
    told: Path, excerpt: Audio
) -> None:
    @node(device=accelerated)
    def fast(audio: Audio) -> Audio:
        return audio

    graph = Graph("placed")
    first = graph.add(counted_gain)(graph.input("mix", Audio), ratio=0.5, folder=str(told))
    graph.output("out", graph.add(fast)(first))
    import torch

    absent = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(DeviceError, match=f"no {absent} device is usable"):
        graph.run({"mix": excerpt}, device=absent, store=False)
    with pytest.raises(DeviceError, match="no device 'tpu'; there are: auto, mps, cuda, cpu"):
        graph.run({"mix": excerpt}, device="tpu", store=False)
    assert count(told) == 0


# -- memory -------------------------------------------------------------------------------------


class Living:
    """Makes audio, and knows which of it is still held by somebody."""

    def __init__(self) -> None:
        self._arrays: dict[str, weakref.ref[Any]] = {}

    def audio(self, name: str, like: Audio) -> Audio:
        samples = np.array(like.samples + np.float32(0.001))
        samples.flags.writeable = False
        self._arrays[name] = weakref.ref(samples)
        return Audio(samples, like.sample_rate)

    @property
    def names(self) -> set[str]:
        gc.collect()
        return {name for name, array in self._arrays.items() if array() is not None}


class Both(NamedTuple):
    one: Audio
    other: Audio


@pytest.mark.parametrize("stored", [True, False])
@sampled(1)
def test_values_are_let_go_after_their_last_use(store: Store, excerpt: Audio, stored: bool) -> None:
    living = Living()
    seen: dict[str, set[str]] = {}

    @node(version=1)
    def make(audio: Audio, *, name: str) -> Audio:
        seen[name] = living.names
        return living.audio(name, audio)

    graph = Graph("chain")
    wire = graph.input("mix", Audio)
    for name in "abcd":
        wire = graph.add(make, name)(wire, name=name)
    late = graph.add(make, "e")(wire, name="e")
    graph.output("out", graph.add(mix)([late, wire]))
    graph.run({"mix": excerpt}, store=store if stored else False)
    assert seen == {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"c"}, "e": {"d"}}
    assert living.names == set()


@pytest.mark.parametrize(("limit_bytes", "stored"), [(None, True), (1, True), (None, False)])
def test_a_large_sound_is_held_as_it_lies_in_the_store_even_if_that_is_to_drop_it(
    tmp_path: Path, limit_bytes: int | None, stored: bool
) -> None:
    mapped: list[bool] = []

    @node(version=1)
    def half(audio: Audio) -> Audio:
        base: Any = audio.samples
        while isinstance(base, np.ndarray):
            base = base.base
        mapped.append(isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap))
        return audio.with_samples(audio.samples * np.float32(0.5))

    graph = Graph("halves")
    large = Audio(np.linspace(-1, 1, 5_000_000, dtype=np.float32).reshape(2, -1), 44_100)
    graph.output("out", graph.add(half)(graph.add(half)(graph.input("mix", Audio))))
    store = Store(tmp_path / "store", limit_bytes=limit_bytes)
    result = graph.run({"mix": large}, store=store if stored else False)
    assert mapped == [False, stored]
    assert result["out"] == Audio(large.samples / 4, 44_100)


def test_an_output_nobody_wants_is_let_go_at_once(excerpt: Audio) -> None:
    living = Living()
    seen: list[set[str]] = []

    @node()
    def make_both(audio: Audio) -> Both:
        return Both(living.audio("one", audio), living.audio("other", audio))

    @node()
    def look(audio: Audio) -> Audio:
        seen.append(living.names)
        return audio.with_samples(audio.samples * 0.5)

    graph = Graph("both")
    both = graph.add(make_both)(graph.input("mix", Audio))
    graph.output("out", graph.add(look)(both.one))
    graph.run({"mix": excerpt}, store=False)
    assert seen == [{"one"}]


def test_what_turns_out_not_to_be_read_is_let_go(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    """`make` runs for its digest; its reader is then found in the store."""
    living = Living()
    seen: list[set[str]] = []

    @node(version=1)
    def make(audio: Audio, *, setting: int) -> Audio:
        return living.audio(f"made {setting}", audio)

    @node(version=1)
    def look(audio: Audio, *, setting: int) -> Audio:
        seen.append(living.names)
        return audio

    graph = Graph("cut-off")
    sound = graph.input("mix", Audio)
    made = graph.add(make)(sound, setting=1)
    graph.output("one", graph.add(gain)(made, gain_db=-1.0))
    graph.output("two", graph.add(look)(sound, setting=1))
    graph.run({"mix": excerpt}, store=store)
    changes = {"make.setting": 2, "look.setting": 2}
    again = graph.run({"mix": excerpt}, params=changes, store=store, threads=1)
    assert statuses(again) == {"make": "ran", "gain": "cached", "look": "ran"}
    assert seen[-1] == set()
