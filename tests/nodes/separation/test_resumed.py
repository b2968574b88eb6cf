"""A separation that was stopped goes on at the segment where it stopped."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Cancelled, Graph, NodeProgress, Result, Store
from resonate_graph._sound.workspace import Workspace
from resonate_nodes import separate
from resonate_nodes.separation.placement import Placement
from tests.depth import sampled, thorough
from tests.faults import flipped
from tests.models import save_th, small_spectral_hdemucs
from tests.processes import end_of, files_in, start_python

DIES = """
import os, signal, sys
from resonate_graph import NodeProgress, Store, load
def die(event):
    if isinstance(event, NodeProgress) and event.done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
load(sys.argv[1]).run({"mix": sys.argv[2]}, store=Store(sys.argv[3]), on_event=die)
"""


@pytest.fixture(autouse=True)
def models(brief_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESONATE_MODELS", str(brief_models))
    save_th(small_spectral_hdemucs(masks=True), brief_models / "masks.th")
    return brief_models


#: How many of a quarter of a second, of which each begins in the one before.
SEGMENTS = 9


@pytest.fixture(scope="module")
def groove(groove: Audio) -> Audio:
    """As much of the bundled recording as has nine segments."""
    return groove.with_samples(groove.samples[:, :70_000])


def graph_of(*stems: str, **params: Any) -> Graph:
    graph = Graph("split")
    found = graph.add(separate, "split")(graph.input("mix", Audio), **params)
    for stem in stems:
        graph.output(stem, getattr(found, stem))
    return graph


@pytest.fixture(scope="module")
def undisturbed(groove: Audio, brief_models: Path) -> Result:
    """What a run gives that nothing stopped."""
    return graph_of("vocals", "drums", **PLAIN).run(
        {"mix": groove}, models=brief_models, store=False
    )


def same(one: Any, other: Any) -> bool:
    """Whether the stems of the one are those of the other, which may have more."""
    return all(np.array_equal(one[name].samples, other[name].samples) for name in one)


PLAIN: dict[str, Any] = {"model": "htdemucs"}
CASES: list[tuple[tuple[str, ...], dict[str, Any], int]] = [
    (("vocals", "drums"), {"model": "htdemucs_ft"}, 44_100),
    (("bass",), {"model": "htdemucs", "shifts": 2, "seed": 4}, 48_000),
    (("bass", "drums"), {"model": "masks", "overlap": 0.9}, 44_100),
]


@pytest.mark.parametrize(("stems", "params", "rate"), CASES[:1])
@thorough
def test_what_a_killed_process_had_is_not_computed_again(
    groove: Audio, tmp_path: Path, forwards: list[Any], stems: Any, params: Any, rate: int
) -> None:
    mix = Audio(groove.samples, rate)
    recording, graph = mix.save(tmp_path / "mix.wav"), graph_of(*stems, **params)
    document, store = graph.save(tmp_path / "split.json"), Store(tmp_path / "store")
    dead = end_of(start_python(DIES, document, recording, store.path))
    assert dead.code == -signal.SIGKILL, dead.err
    whole = graph.run({"mix": mix}, store=False)
    total = len(forwards)
    forwards.clear()
    found = graph.run({"mix": recording}, store=store)
    assert len(forwards) <= total - 2  # a bag's models keep step: what is half a row is lost
    assert same(found, whole)
    assert files_in(store.path / "unfinished") == []
    again = graph.run({"mix": recording}, store=Store(store.path))
    assert again.report["nodes"][0]["status"] == "cached"
    assert same(again, whole)


def stopped(graph: Graph, mix: Audio, store: Store, after: int) -> None:
    done: list[object] = []

    def hear(event: object) -> None:
        if isinstance(event, NodeProgress) and event.done:
            done.append(event)

    with pytest.raises(Cancelled):
        graph.run({"mix": mix}, store=store, on_event=hear, cancelled=lambda: len(done) >= after)


@pytest.mark.parametrize(("stems", "params", "rate"), [*CASES[1:], (("vocals",), PLAIN, 44_100)])
@sampled(1)
def test_a_cancelled_run_goes_on_too(
    groove: Audio, store: Store, forwards: list[Any], stems: Any, params: Any, rate: int
) -> None:
    mix, graph = Audio(groove.samples, rate), graph_of(*stems, **params)
    whole = graph.run({"mix": mix}, store=False)
    total = len(forwards)
    stopped(graph, mix, store, after=5)
    forwards.clear()
    found = graph.run({"mix": mix}, store=store)
    assert len(forwards) == total - 6
    assert same(found, whole)


@thorough
def test_what_it_cost_is_what_both_processes_took(groove: Audio, store: Store) -> None:
    graph = graph_of("vocals", **PLAIN)
    began = time.perf_counter()
    stopped(graph, groove, store, after=5)
    between = time.perf_counter()
    report = graph.run({"mix": groove}, store=store).report
    (record,) = [one for one in store.latest_records(9) if one.device is not None]
    here = report["nodes"][0]["seconds"]
    assert here < record.seconds < here + between - began


@pytest.mark.parametrize("name", ["state", "vocals-0.wav"])
@thorough
def test_what_was_damaged_meanwhile_is_not_believed(
    groove: Audio, store: Store, forwards: list[Any], undisturbed: Result, name: str
) -> None:
    graph = graph_of("vocals", **PLAIN)
    stopped(graph, groove, store, after=5)
    (path,) = (store.path / "unfinished").rglob(name)
    content = path.read_bytes()
    path.write_bytes(flipped(content, len(content) // 2))
    forwards.clear()
    found = graph.run({"mix": groove}, store=store)
    assert len(forwards) == SEGMENTS
    assert same(found, undisturbed)


@thorough
def test_what_lay_beside_something_damaged_is_written_to_disk_again(
    groove: Audio, store: Store
) -> None:
    graph = graph_of("drums", "vocals", **PLAIN)
    stopped(graph, groove, store, after=5)
    (path,) = (store.path / "unfinished").rglob("vocals-0.wav")
    content = path.read_bytes()
    path.write_bytes(flipped(content, len(content) // 2))
    sizes: list[dict[str, int]] = []

    def look(event: object) -> None:
        if isinstance(event, NodeProgress) and event.done == event.total:
            files = (store.path / "unfinished").rglob("*-0.wav")
            sizes.append({file.name: file.stat().st_size for file in files})

    graph.run({"mix": groove}, store=store, on_event=look)
    whole = groove.save(store.path / "whole.wav").stat().st_size
    assert sizes == [
        dict.fromkeys(("drums-0.wav", "bass-0.wav", "other-0.wav", "vocals-0.wav"), whole)
    ]


@pytest.mark.parametrize("batch_size", [3, 8])
@thorough
def test_another_device_with_other_batches_starts_over(
    groove: Audio, store: Store, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    """As when a run that was stopped on a CPU goes on beside an accelerator."""
    graph = graph_of("vocals", "drums", model="htdemucs_ft")
    stopped(graph, groove, store, after=5)
    whole = graph.run({"mix": groove}, store=False)
    made = Placement.__init__

    def in_batches(self: Placement, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        self.device, self.batch_size = "cpu:0", batch_size

    monkeypatch.setattr(Placement, "__init__", in_batches)
    found: Any = graph.run({"mix": groove}, store=store)
    expected: Any = whole
    for name in whole:
        np.testing.assert_allclose(found[name].samples, expected[name].samples, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"layout": [0, 1]}, {"stems": []}, {"positions": []}, {"done": 10_000}, {"done": 0}],
    ids=str,
)
@sampled(1)
def test_a_state_that_does_not_fit_starts_over(
    groove: Audio, store: Store, undisturbed: Result, change: dict[str, Any]
) -> None:
    """Its digest is right: another version of the node may have written it."""
    graph = graph_of("vocals", **PLAIN)
    stopped(graph, groove, store, after=5)
    (folder,) = (store.path / "unfinished").iterdir()
    (written,) = folder.glob("*/vocals-0.wav")
    content = written.read_bytes()
    workspace = Workspace(folder)
    state = workspace.load()
    assert state is not None
    workspace.save({**state[0], **change}, state[1])
    (place,) = folder.iterdir()
    (place / written.name).write_bytes(content)
    found = graph.run({"mix": groove}, store=store)
    assert same(found, undisturbed)


def test_another_choice_of_stems_goes_on(
    groove: Audio, store: Store, forwards: list[Any], undisturbed: Result
) -> None:
    """A pass gives all stems of a model, so that what was begun for one is begun for all."""
    stopped(graph_of("vocals", **PLAIN), groove, store, after=3)
    forwards.clear()
    found = graph_of("vocals", "drums", **PLAIN).run({"mix": groove}, store=store)
    assert len(forwards) == SEGMENTS - 4
    assert same(found, undisturbed)
