"""What reading mutated files has cost so far, in a file that outlives whatever ends the process."""

from __future__ import annotations

import mmap
import resource
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

#: What may be allocated beside what the process has when it begins.
MOST_MEMORY = 2 << 30
#: Seconds of the processor that a file may take: other programs do not count.
MOST_SECONDS = 20

_LAYOUT = struct.Struct("<Qddq")


class Figures(NamedTuple):
    """Figures of a target, over all its runs.

    Attributes:
        executions: files that were read.
        seconds: of the processor, for reading them.
        longest_seconds: for one of them.
        more_bytes: the most memory that a process had beyond what it had when it began.
    """

    executions: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    more_bytes: int = 0

    @classmethod
    def read(cls, folder: Path) -> Figures:
        """Return the figures that lie in a target's folder; zeros where there are none."""
        path = folder / "figures"
        return cls(*_LAYOUT.unpack(path.read_bytes())) if path.exists() else cls()


class Meter:
    """Counts and times what it calls, and limits it: whatever takes too much ends the process."""

    def __init__(self, folder: Path) -> None:
        self._figures = Figures.read(folder)
        path = folder / "figures"
        path.write_bytes(_LAYOUT.pack(*self._figures))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        self._at_first = _most_memory()

    def limit(self) -> None:
        """Limit the memory to what the process has by now, and some."""
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MOST_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        self._at_first = _most_memory()

    def call(self, read: Callable[[], None]) -> None:
        """Read a file."""
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        # while a timer runs, Linux counts the process's time in ticks, but not the thread's
        start = time.thread_time()
        read()
        took = time.thread_time() - start
        signal.setitimer(signal.ITIMER_PROF, 0)
        executions, seconds, longest, more = self._figures
        self._figures = Figures(
            executions + 1,
            seconds + took,
            max(longest, took),
            max(more, _most_memory() - self._at_first),
        )
        self._map[:] = _LAYOUT.pack(*self._figures)


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
