"""What a batch costs beside the work: ``python -m tests.benchmarks.corpus [JOBS]``.

Jobs that do next to nothing (64 frames, one step, no store), by two children: the time for each
from end to end, the processor time of the driver and of the children, the driver's memory after a
tenth of the jobs and at the end, and how long it takes to ask how far it is. Then the same files by
a shell loop of ``resonate run``, of which a few tell enough.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from resonate_graph import Audio, Graph, batch
from resonate_graph._corpus.looking import look

MODULE = "tests.toy_nodes"
DOCUMENT = {
    "format": 1,
    "name": "nothing",
    "inputs": {"mix": {"type": "audio"}},
    "nodes": {"scale": {"type": "scale", "inputs": {"audio": "$mix"}}},
    "outputs": {"made": "scale"},
}
LOOPED = 8


def cpu_seconds(who: int) -> float:
    found = resource.getrusage(who)
    return found.ru_utime + found.ru_stime


def resident_bytes() -> int:
    """Return the memory this process has now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(jobs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        chance = np.random.default_rng(0)
        for number in range(jobs):
            samples = (chance.standard_normal((1, 64)) * 0.1).astype(np.float32)
            folder = place / "tapes" / f"{number // 1000:03}"
            Audio(samples, 8000).save(folder / f"{number:06}.wav")
        graph = Graph.from_json(json.dumps(DOCUMENT), nodes=[MODULE])
        own, children = (
            cpu_seconds(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        memory: list[int] = []
        began = time.perf_counter()
        rows = batch(
            graph, place / "tapes", place / "out", nodes=[MODULE], jobs=2, store=False,
            provenance=False, tags=False,
        )  # fmt: skip
        checked = time.perf_counter() - began
        for count, _ in enumerate(rows, 1):
            if count in (jobs // 10, jobs):
                memory.append(resident_bytes())
        took = time.perf_counter() - began
        used = cpu_seconds(resource.RUSAGE_SELF) - own
        theirs = cpu_seconds(resource.RUSAGE_CHILDREN) - children
        looks = []
        for _ in range(20):
            start = time.perf_counter()
            look(place / "out")
            looks.append(time.perf_counter() - start)
        print(f"{jobs} jobs in {took:.1f} s, {checked:.1f} of them before the first")
        print(f"  a job: {1000 * took / jobs:.2f} ms from end to end")
        print(f"  processor time a job: driver {1000 * used / jobs:.2f} ms, "
              f"children {1000 * theirs / jobs:.2f} ms")  # fmt: skip
        print(f"  memory of the driver: {memory[0] / 1e6:.0f} MB after a tenth, "
              f"{memory[-1] / 1e6:.0f} MB at the end")  # fmt: skip
        print(f"  asking how far it is: {1000 * statistics.median(looks):.1f} ms")
        _shell_loop(place, graph, 1000 * (used + theirs) / jobs)


def _shell_loop(place: Path, graph: Graph, batch_ms: float) -> None:
    """Time some of the same files by a shell loop."""
    file = graph.save(place / "nothing.json")
    before, began = cpu_seconds(resource.RUSAGE_CHILDREN), time.perf_counter()
    for path in sorted((place / "tapes").rglob("*.wav"))[:LOOPED]:
        subprocess.run(
            [sys.executable, "-m", "resonate_graph._cli", "run", str(file), "-i", f"mix={path}",
             "-o", str(place / "loop"), "--nodes", MODULE, "--no-store", "-q"],
            check=True,
        )  # fmt: skip
    wall = 1000 * (time.perf_counter() - began) / LOOPED
    cpu = 1000 * (cpu_seconds(resource.RUSAGE_CHILDREN) - before) / LOOPED
    print(f"a shell loop of resonate run: {wall:.0f} ms a job, {cpu:.0f} ms of processor time: "
          f"{cpu / batch_ms:.0f} times as much")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
