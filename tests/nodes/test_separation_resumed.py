"""A separation that was stopped goes on at the segment where it stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Cancelled, Graph, NodeProgress, Store
from resonate_nodes import separate
from tests.engine.test_store import flipped
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
def models(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESONATE_MODELS", str(models_dir))
    return models_dir


@pytest.fixture
def forwards() -> Iterator[list[Any]]:
    """A list that grows with every segment a model computes."""
    from demucs.htdemucs import HTDemucs
    from torch.nn.modules.module import register_module_forward_hook

    calls: list[Any] = []

    def count(module: Any, arguments: Any, output: Any) -> None:
        if isinstance(module, HTDemucs):
            calls.append(None)

    handle = register_module_forward_hook(count)
    yield calls
    handle.remove()


def graph_of(*stems: str, **params: Any) -> Graph:
    graph = Graph("split")
    found = graph.add(separate, "split")(graph.input("mix", Audio), **params)
    for stem in stems:
        graph.output(stem, getattr(found, stem))
    return graph


def segments(graph: Graph, mix: Audio, forwards: list[Any]) -> int:
    """Return how many segments a whole run computes."""
    before = len(forwards)
    graph.run({"mix": mix}, store=False)
    return len(forwards) - before


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(one[name].samples, other[name].samples) for name in one)


CASES: list[tuple[tuple[str, ...], dict[str, Any], int]] = [
    (("vocals", "drums"), {"model": "htdemucs"}, 44_100),
    (("vocals", "drums"), {"model": "htdemucs_ft"}, 44_100),
    (("bass",), {"model": "htdemucs", "shifts": 2, "seed": 4}, 44_100),
    (("bass",), {"model": "htdemucs"}, 48_000),
]


@pytest.mark.parametrize(("stems", "params", "rate"), CASES)
def test_what_a_killed_process_had_is_not_computed_again(
    groove: Audio, tmp_path: Path, forwards: list[Any], stems: Any, params: Any, rate: int
) -> None:
    mix = Audio(groove.samples[:, :400_000], rate)
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


def test_a_cancelled_run_goes_on_too(groove: Audio, store: Store, forwards: list[Any]) -> None:
    graph = graph_of("vocals", model="htdemucs")
    total = segments(graph, groove, forwards)
    stopped(graph, groove, store, after=5)
    forwards.clear()
    found = graph.run({"mix": groove}, store=store)
    assert len(forwards) == total - 6
    assert same(found, graph.run({"mix": groove}, store=False))


@pytest.mark.parametrize("name", ["state", "vocals-0.wav"])
def test_what_was_damaged_meanwhile_is_not_believed(
    groove: Audio, store: Store, forwards: list[Any], name: str
) -> None:
    graph = graph_of("vocals", model="htdemucs")
    total = segments(graph, groove, forwards)
    stopped(graph, groove, store, after=5)
    (path,) = (store.path / "unfinished").rglob(name)
    content = path.read_bytes()
    path.write_bytes(flipped(content, len(content) // 2))
    forwards.clear()
    found = graph.run({"mix": groove}, store=store)
    assert len(forwards) == total
    assert same(found, graph.run({"mix": groove}, store=False))


def test_another_choice_of_stems_starts_over(
    groove: Audio, store: Store, forwards: list[Any]
) -> None:
    """The key is the same; what was begun for other stems is of no use."""
    stopped(graph_of("vocals", model="htdemucs"), groove, store, after=3)
    graph = graph_of("vocals", "drums", model="htdemucs")
    total = segments(graph, groove, forwards)
    forwards.clear()
    found = graph.run({"mix": groove}, store=store)
    assert len(forwards) == total
    assert same(found, graph.run({"mix": groove}, store=False))
