"""Reads mutated files: ``python -m tests.fuzz.child TARGET FOLDER SEED SECONDS``.

A process of its own, with limits of memory and of time for each file. The file it is at lies in the
folder, so that whatever ends it can be seen.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from tests.fuzz.meter import Meter
from tests.fuzz.targets import TARGETS, Target


class Trial:
    """Has a target read one file after another."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.seeds = list(target.seeds(folder))
        self._target = target
        self._path = folder / f"case{target.suffix}"
        for content in self.seeds:  # what is imported for the first time is no memory of a file
            self._path.write_bytes(content)
            target.try_on(self._path)
        self._file, self._time_ns = os.open(self._path, os.O_WRONLY), 0
        self._meter = Meter(folder)
        self._meter.limit()

    def __call__(self, content: bytes) -> None:
        """Read a file; whatever is wrong is raised, or ends the process."""
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))
        # files of one size follow each other faster than clocks tick, and are not the same file
        self._time_ns += 1
        os.utime(self._file, ns=(self._time_ns, self._time_ns))
        self._meter.call(self._read)

    def _read(self) -> None:
        self._target.try_on(self._path)


def main() -> None:
    """Read mutated seeds for some seconds."""
    target, folder = TARGETS[sys.argv[1]], Path(sys.argv[2])
    draw, seconds = random.Random(int(sys.argv[3])), float(sys.argv[4])
    trial = Trial(target, folder)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        trial(target.mutated(draw.choice(trial.seeds), draw))


if __name__ == "__main__":
    main()
