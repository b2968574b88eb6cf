from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

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
