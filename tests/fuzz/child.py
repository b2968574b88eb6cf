"""Mutates files for a target: ``python -m tests.fuzz.child TARGET FOLDER SEED SECONDS``.

A process of its own, with a limit of memory and of the time for each file. The file it is at lies
in the folder, so that whatever ends it can be seen. What it prints at its end is JSON.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import time
from pathlib import Path

from tests.fuzz.mutators import mutated
from tests.fuzz.targets import TARGETS

#: What may be allocated beside what the process has when it begins.
MOST_MEMORY = 2 << 30
MOST_SECONDS = 20


def main() -> None:
    """Read mutated files for some seconds."""
    target, folder = TARGETS[sys.argv[1]], Path(sys.argv[2])
    draw, seconds = random.Random(int(sys.argv[3])), float(sys.argv[4])
    seeds = list(target.seeds(folder))
    path = folder / f"case{target.suffix}"
    for content in seeds:  # what is imported for the first time is no memory of a file
        path.write_bytes(content)
        target.try_on(path)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count, longest = 0, 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path.write_bytes(mutated(draw.choice(seeds), draw))
        signal.alarm(MOST_SECONDS)
        start = time.process_time()
        target.try_on(path)
        longest = max(longest, time.process_time() - start)
        signal.alarm(0)
        count += 1
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"count": count, "longest_seconds": longest, "more_bytes": more * 1024}))


if __name__ == "__main__":
    main()
