"""How much of some runs is done, and how long the rest of them will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock

from .. import RunPlanned

#: A step that reports nothing is believed to be so far at most, as a ratio.
_UNSEEN = 0.9

#: What takes less than this has no time left to tell.
_BRIEF_SECONDS = 2.0


@dataclass
class _Step:
    """A step that is at work: when it began, and how far it says it is."""

    began: float
    reported: float = 0.0


@dataclass
class _Course:
    """What one run has to do, and how far it is."""

    seconds: dict[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    finished: set[str] = field(default_factory=set)
    at_work: dict[str, _Step] = field(default_factory=dict)
    has_ended: bool = False


class Work:
    """How much of some runs is done, and how long the rest will take.

    Args:
        runs: how many there will be.
        clock: tells the time, in seconds.
    """

    def __init__(self, runs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.runs = runs
        self._clock = clock
        self._courses: dict[int, _Course] = {}
        self._began = clock()
        self._lock = RLock()  # the bars are drawn by a thread of their own

    def planned(self, index: int, event: RunPlanned) -> None:
        """Note what a run has to do."""
        with self._lock:
            if not self._courses:
                self._began = self._clock()
            self._courses[index] = _Course(dict(event.seconds), event.total_seconds)

    def started(self, index: int, node: str) -> None:
        """Note that a step began."""
        with self._lock:
            if index in self._courses:
                self._courses[index].at_work[node] = _Step(self._clock())

    def progressed(self, index: int, node: str, ratio: float) -> None:
        """Note how far a step is."""
        with self._lock:
            if index in self._courses and node in self._courses[index].at_work:
                self._courses[index].at_work[node].reported = ratio

    def finished(self, index: int, node: str) -> None:
        """Note that a step is done."""
        with self._lock:
            if index in self._courses:
                self._courses[index].at_work.pop(node, None)
                self._courses[index].finished.add(node)

    def ended(self, index: int) -> None:
        """Note that a run has ended."""
        with self._lock:
            self._courses.setdefault(index, _Course()).has_ended = True

    @property
    def is_done(self) -> bool:
        """Whether all runs have ended."""
        return sum(course.has_ended for course in self._courses.values()) >= self.runs

    @property
    def ended_runs(self) -> int:
        """How many runs have ended."""
        return sum(course.has_ended for course in self._courses.values())

    def steps(self) -> tuple[int, int]:
        """Return how many steps are done of those that have to run, and how many these are."""
        with self._lock:
            done = sum(len(one.finished & one.seconds.keys()) for one in self._courses.values())
            return done, sum(len(one.seconds) for one in self._courses.values())

    def ratio(self) -> float:
        """Return how much of all is done, as a ratio."""
        with self._lock:
            done, total, _ = self._sums()
            return min(1.0, done / total) if total else 0.0

    def seconds_left(self) -> float | None:
        """Return how long the rest will take: as expected first, as seen more and more."""
        with self._lock:
            done, total, wall = self._sums()
            if not total:
                return None
            expected = wall / total
            seen = (self._clock() - self._began) / done if done else expected
            share = min(1.0, done / total)
            return (expected * (1 - share) + seen * share) * (total - done)

    def _sums(self) -> tuple[float, float, float]:
        """Return what is done, all there is to do, and how long that was expected to take.

        Runs of which nothing is known yet count as those that were planned, on the average.
        """
        known = self._courses.values()
        total = sum(sum(one.seconds.values()) for one in known)
        wall = sum(one.total_seconds for one in known)
        done = sum(self._done(one) for one in known)
        more = self.runs / len(known) if known else 0.0
        return done, total * more, wall * more

    def _done(self, course: _Course) -> float:
        now = self._clock()
        done = sum(course.seconds.get(name, 0.0) for name in course.finished)
        for name, step in course.at_work.items():
            expected = course.seconds.get(name, 0.0)
            passed = min(_UNSEEN, (now - step.began) / expected) if expected else 0.0
            done += expected * (step.reported or passed)
        return sum(course.seconds.values()) if course.has_ended else done


def time_left(seconds: float) -> str:
    """Say how long something will still take, as roughly as it is known."""
    if seconds < _BRIEF_SECONDS:
        return ""
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min left"
    return f"about {seconds / 3600:.1f} h left"
