"""Timing things in turn, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping


def seconds_of(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long a call takes, by a clock."""
    start = clock()
    call()
    return clock() - start


def in_turn(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return how long each call takes, by a clock, in each of several rounds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds_of(call, clock))
    return times


def children_seconds() -> float:
    """Return the processor time of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
