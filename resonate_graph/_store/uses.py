"""Uses: when each object was used, how often, and what it took to compute; and when it went.

Two logs to which every process appends. From time to time whoever drops objects writes them anew:
of uses a line per object, of those that went the latest.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from .logs import append, read_lines, rewrite

#: When the log of uses has grown to this, it is written anew with a line per object.
LONG_LOG_BYTES = 4 * 10**6

#: So many uses are written together, and within so many seconds.
_TOGETHER, _DELAY_SECONDS = 1000, 10.0

#: Of how many objects dropped it is remembered when; the log may grow to twice that in between.
REMEMBERED_EVICTIONS = 10_000


@dataclass(frozen=True)
class Use:
    """What is known of the uses of an object: of one, or of several together.

    Attributes:
        count: how many they are.
        clock: the store's clock at the last of them.
        time: when that was, in seconds since 1970.
        seconds: how long it took to compute.
    """

    count: int
    clock: float
    time: float
    seconds: float

    def and_then(self, later: Use) -> Use:
        """Return both together."""
        return Use(
            self.count + later.count,
            max(self.clock, later.clock),
            max(self.time, later.time),
            max(self.seconds, later.seconds),
        )


class Uses:
    """The log of uses: a line per use, with digest, clock, time, count and seconds.

    Some are written together: a run that finds thousands of results in the store would else take
    longer to say so than to find them.

    Args:
        path: the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: list[tuple[str, Use]] = []

    def note(self, digest: str, use: Use) -> None:
        """Note a use, to be written at the next `write`, or once several have come together.

        Raises:
            OSError: the log cannot be written.
        """
        self._noted.append((digest, use))
        if len(self._noted) >= _TOGETHER or use.time - self._noted[0][1].time > _DELAY_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what was noted.

        Raises:
            OSError: the log cannot be written.
        """
        if self._noted:
            noted, self._noted = self._noted, []
            append(self._path, "".join(_line(digest, use) for digest, use in noted))

    def read(self) -> dict[str, Use]:
        """Return what is known of each object, by digest; lines that are none are passed over."""
        with contextlib.suppress(OSError):
            self.write()
        uses: dict[str, Use] = {}
        for line in read_lines(self._path):
            with contextlib.suppress(ValueError):
                digest, use = _read(line)
                uses[digest] = uses[digest].and_then(use) if digest in uses else use
        return uses

    @property
    def is_long(self) -> bool:
        """Whether it is time to write it anew."""
        with contextlib.suppress(OSError):
            return self._path.stat().st_size > LONG_LOG_BYTES
        return False

    def rewrite(self, uses: Mapping[str, Use], temp_folder: Path) -> None:
        """Write the log anew, with a line per object.

        Raises:
            OutputError: it cannot be written.
        """
        lines = [_line(digest, use) for digest, use in uses.items()]
        rewrite(self._path, lines, temp_folder=temp_folder)


class Evictions:
    """The log of evictions: a line per object dropped, with time and digest.

    Args:
        path: the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, digest: str, when: float) -> None:
        """Note that an object was dropped.

        Raises:
            OSError: the log cannot be written.
        """
        append(self._path, f"{when:.3f} {digest}\n")

    def read(self) -> dict[str, float]:
        """Return when objects were dropped, in seconds since 1970, by digest."""
        dropped: dict[str, float] = {}
        for line in read_lines(self._path):
            when, _, digest = line.partition(" ")
            with contextlib.suppress(ValueError):
                dropped[digest] = float(when)
        return dropped

    def shorten(self, here: Collection[str], temp_folder: Path) -> None:
        """Write a log that has grown long anew, with the latest of those that are not back.

        Args:
            here: the digests of the objects that are there.
            temp_folder: where it is written before it takes its place.

        Raises:
            OutputError: it cannot be written.
        """
        if len(read_lines(self._path)) > 2 * REMEMBERED_EVICTIONS:
            lost = {digest: when for digest, when in self.read().items() if digest not in here}
            latest = sorted(lost, key=lost.__getitem__)[-REMEMBERED_EVICTIONS:]
            lines = [f"{lost[digest]:.3f} {digest}\n" for digest in latest]
            rewrite(self._path, lines, temp_folder=temp_folder)


def _line(digest: str, use: Use) -> str:
    return f"{digest} {use.clock:.9g} {use.time:.0f} {use.count} {use.seconds:.6g}\n"


def _read(line: str) -> tuple[str, Use]:
    digest, *numbers = line.split()
    clock, when, count, seconds = map(float, numbers)
    if not all(map(math.isfinite, (clock, when, count, seconds))):
        raise ValueError(line)
    return digest, Use(int(count), clock, when, seconds)
