from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.meetings import workers
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
