"""What is made of one run while the next one runs: how it ends, and how it is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from resonate_graph._experiment.behind import Behind

PATIENCE_SECONDS = 10.0


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def press_ctrl_c_beside(work: Callable[[], object], meanwhile: Callable[[], object]) -> None:
    """Press Ctrl-C while something is done behind, and do something else once it is waited for."""
    with Behind() as behind:
        behind.start(work)
        behind.say(meanwhile)
        press_ctrl_c()


def test_leaving_waits_for_what_it_is_at() -> None:
    leaving = threading.Event()
    done: list[str] = []

    def work() -> None:
        leaving.wait(PATIENCE_SECONDS)
        done.append("drawn")

    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c_beside(work, leaving.set)
    assert done == ["drawn"]


def test_whoever_presses_ctrl_c_twice_does_not_wait() -> None:
    left = threading.Event()
    done: list[str] = []

    def work() -> None:
        left.wait(PATIENCE_SECONDS)
        done.append("drawn")

    others = set(threading.enumerate())
    try:
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c_beside(work, press_ctrl_c)
        assert not done
    finally:
        left.set()
    for thread in set(threading.enumerate()) - others:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    assert done == ["drawn"]


def test_what_the_work_raises_is_raised_where_it_is_waited_for() -> None:
    def failing() -> None:
        raise LookupError("nothing to draw")

    with Behind() as behind:
        behind.start(failing)
        with pytest.raises(LookupError, match="nothing to draw"):
            behind.start(print)
        behind.wait()  # it is told once


def test_a_listener_that_fails_ends_it_when_its_work_is_done() -> None:
    told = threading.Event()
    done: list[str] = []

    def listener() -> None:
        told.set()
        raise LookupError("a listener of somebody's own")

    def work() -> None:
        behind.say(listener)
        told.wait(PATIENCE_SECONDS)
        done.append("drawn")

    with pytest.raises(LookupError, match="somebody's own"), Behind() as behind:
        behind.start(work)
    assert done == ["drawn"]
