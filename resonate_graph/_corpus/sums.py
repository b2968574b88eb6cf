"""Sums: what all jobs of a batch come to, how fast it goes, and how long the rest will take."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .jobs import Count, End, Seconds


@dataclass
class Sums:
    """What the jobs of a batch come to.

    Attributes:
        total: how many there are.
        kept: how many were done before, and are still.
        done: how many were done in this start.
        failed: how many failed, in this start or before.
        kinds: why, in a word each: how many.
        ran: steps that were computed in this start.
        reused: steps that came from the store.
        died: processes that died.
        quarantined: jobs that are held back until the end because theirs died twice.
        sound_seconds: how long what was made sounds.
        began: when it started, in seconds since 1970.
        took: how long it has been at it.
        ended: whether it is over.
        remarks: what somebody should know of those who do the jobs, such as that there is none.
    """

    total: Count = 0
    kept: Count = 0
    done: Count = 0
    failed: Count = 0
    kinds: Counter[str] = field(default_factory=Counter)
    ran: Count = 0
    reused: Count = 0
    died: Count = 0
    quarantined: Count = 0
    sound_seconds: Seconds = 0.0
    began: Seconds = field(default_factory=time.time)
    took: Seconds = 0.0
    failed_before: Count = 0
    ended: bool = False
    remarks: list[str] = field(default_factory=list)

    def add(self, end: End) -> None:
        """Count how a job ended."""
        if end.state == "died":
            self.died += 1
            return
        self.ran += end.ran
        self.reused += end.reused
        if end.state == "done":
            self.done += 1
            self.sound_seconds += end.sound_seconds
        else:
            self.fail(end)

    def fail(self, end: End) -> None:
        """Count a failure."""
        self.failed += 1
        self.kinds[end.kind or "other"] += 1

    @property
    def left(self) -> int:
        """How many jobs are still to be done."""
        return max(0, self.total - self.kept - self.done - self.failed)

    @property
    def per_second(self) -> float:
        """How many jobs end in a second; 0 before the first."""
        here = self.done + self.failed - self.failed_before
        return here / self.took if self.took > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at this rate; None where that is not known."""
        return self.left / self.per_second if self.per_second > 0 else None

    @property
    def hit_rate(self) -> float | None:
        """The part of steps that came from the store, from 0 to 1; None before the first."""
        steps = self.ran + self.reused
        return self.reused / steps if steps else None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self.__dict__, "kinds": dict(self.kinds)}

    def in_words(self) -> str:
        """Say how far it is, in a line."""
        done = self.done + self.kept
        parts = [f"{done} of {self.total} done"]
        if self.failed:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
            parts.append(f"{self.failed} failed ({kinds})")
        if self.left:
            parts.append(f"{self.left} left")
        if self.per_second:
            parts.append(_rate(self.per_second))
        if self.left and self.seconds_left is not None:
            parts.append(f"about {duration(self.seconds_left)} to go")
        if self.hit_rate is not None:
            parts.append(f"{100 * self.hit_rate:.0f}% of steps reused")
        if self.quarantined:
            parts.append(f"{self.quarantined} held back to the end")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def _rate(per_second: float) -> str:
    for name, seconds in (("second", 1), ("minute", 60), ("hour", 3600)):
        if per_second * seconds >= 1:
            return f"{per_second * seconds:.3g} a {name}"
    return f"{per_second * 86400:.2g} a day"
