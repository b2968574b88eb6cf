from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonate_graph import Audio, Graph
from resonate_nodes import gain
from tests.engine.meetings import workers
from tests.files import write_sound
from tests.processes import PATIENCE_SECONDS


@pytest.fixture
def no_test_waits_for_ever() -> Iterator[None]:
    """End a test that hangs."""

    def stop(number: int, frame: object) -> None:
        raise AssertionError("this takes too long")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(2 * PATIENCE_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A folder the nodes tell what they do."""
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


@pytest.fixture
def no_worker_is_left() -> Iterator[None]:
    """See that a run's threads end with it."""
    yield
    assert workers() == []


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory, excerpt: Audio) -> Path:
    """Three seconds of the bundled recording as WAV."""
    return write_sound(excerpt, tmp_path_factory.mktemp("mix") / "mix.wav", "FLOAT")


@pytest.fixture
def quieter(tmp_path: Path) -> Path:
    """A graph file with one light node."""
    graph = Graph("quieter", description="A little quieter.")
    level = graph.param("level_db", float, default=-3.0, maximum=0, description="How much.")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=level))
    return graph.save(tmp_path / "quieter.json")
