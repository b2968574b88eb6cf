"""What a batch costs beside the work: ``python -m tests.benchmarks.corpus [JOBS] [--dask]``.

Jobs that do next to nothing (64 frames, one step, no store), by two children, or by the two workers
of a Dask cluster on this machine: the time for each from end to end, the processor time of the
driver and of all others, the driver's memory after a tenth of the jobs and at the end, and how long
it takes to ask how far it is.

``python -m tests.benchmarks.corpus [JOBS] --loop``: recordings by a batch of two children, and by a
shell loop of ``resonate run``, one after the other: of a graph that needs no model, and of one that
does (`mini`).

On a machine that others use the time from end to end says how busy it is; processor time says less
of that.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from resonate_graph import Audio, Graph, batch, read_audio
from resonate_graph._corpus.looking import look
from tests.corpus.clusters import Cluster

MODULE = "tests.toy_nodes"
DOCUMENT = {
    "format": 1,
    "name": "nothing",
    "inputs": {"mix": {"type": "audio"}},
    "nodes": {"scale": {"type": "scale", "inputs": {"audio": "$mix"}}},
    "outputs": {"made": "scale"},
}
#: What is run against a shell loop: a graph, its input, its params, seconds of each recording.
AGAINST_A_LOOP: dict[str, tuple[str, str, dict[str, Any], float]] = {
    "vinyl, 20 s": ("vinyl", "recording", {}, 20.0),
    "instrumental with mini, 6 s": ("instrumental", "mix", {"model": "mini"}, 6.0),
}


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    found = resource.getrusage(who)
    return found.ru_utime + found.ru_stime


def resident_bytes() -> int:
    """Return the memory this process has now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(jobs: int, *, dask: bool) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        place = Path(name)
        _write_tapes(place / "tapes", jobs)
        graph = Graph.from_json(json.dumps(DOCUMENT), nodes=[MODULE])
        cluster = stack.enter_context(Cluster()) if dask else None
        for _ in range(2 if cluster else 0):
            cluster.add_worker()  # type: ignore[union-attr]
        own, others = cpu_seconds(), _others_cpu_seconds(cluster)
        memory: list[int] = []
        began = time.perf_counter()
        rows = batch(
            graph, place / "tapes", place / "out", nodes=[MODULE], jobs=2, store=False,
            provenance=False, tags=False, scheduler=cluster.address if cluster else None,
        )  # fmt: skip
        checked = time.perf_counter() - began
        for count, _ in enumerate(rows, 1):
            if count in (jobs // 10, jobs):
                memory.append(resident_bytes())
                theirs = _others_cpu_seconds(cluster) if cluster else 0.0
        took = time.perf_counter() - began
        used = cpu_seconds() - own
        theirs = (theirs if cluster else _others_cpu_seconds(None)) - others
        looks = []
        for _ in range(20):
            start = time.perf_counter()
            look(place / "out")
            looks.append(time.perf_counter() - start)
        load = " ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"{jobs} jobs in {took:.1f} s, {checked:.1f} of them before the first; load {load}")
        print(f"  a job: {1000 * took / jobs:.2f} ms from end to end")
        print(f"  processor time a job: driver {1000 * used / jobs:.2f} ms, "
              f"others {1000 * theirs / jobs:.2f} ms")  # fmt: skip
        print(f"  memory of the driver: {memory[0] / 1e6:.0f} MB after a tenth, "
              f"{memory[-1] / 1e6:.0f} MB at the end")  # fmt: skip
        print(f"  asking how far it is: {1000 * statistics.median(looks):.1f} ms")


def _write_tapes(folder: Path, count: int) -> None:
    chance = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = (chance.standard_normal((64, 1)) * 0.1).astype(np.float32)
        soundfile.write(path, samples, 8000, "FLOAT")


def _others_cpu_seconds(cluster: Cluster | None) -> float:
    """Return the processor time of the children that have ended, or of a cluster's processes."""
    if cluster is None:
        return cpu_seconds(resource.RUSAGE_CHILDREN)
    found = 0.0
    for one in (cluster.scheduler, *cluster.workers):
        process = psutil.Process(one.pid)
        for each in (process, *process.children(recursive=True)):
            times = each.cpu_times()
            found += times.user + times.system
    return found


def against_a_loop(jobs: int) -> None:
    """Time recordings by a batch and by a shell loop."""
    song = read_audio(Path(str(resources.files("resonate_graph") / "recordings" / "groove.ogg")))
    for told, (graph, name, params, seconds) in AGAINST_A_LOOP.items():
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            frames = round(seconds * song.sample_rate)
            for number in range(jobs):
                piece = np.take(song.samples, range(number * 4800, number * 4800 + frames), 1,
                                mode="wrap")  # fmt: skip
                Audio(piece, song.sample_rate).save(place / "tapes" / f"{number}.wav")
            options = [f"-p{key}={value}" for key, value in params.items()]
            call = [sys.executable, "-m", "resonate_graph._cli"]
            ways = {
                "a batch": [[*call, "batch", graph, str(place / "tapes"), "-o",
                             str(place / "out"), "--jobs", "2", "--no-store", "-q", *options]],
                "a shell loop": [[*call, "run", graph, "-i", f"{name}={tape}", "-o",
                                  str(place / "loop"), "--no-store", "-q", *options]
                                 for tape in sorted((place / "tapes").iterdir())],
            }  # fmt: skip
            took = {}
            for way, calls in ways.items():
                used, began = cpu_seconds(resource.RUSAGE_CHILDREN), time.perf_counter()
                for one in calls:
                    subprocess.run(one, check=True, stdout=subprocess.DEVNULL)
                took[way] = (
                    time.perf_counter() - began,
                    cpu_seconds(resource.RUSAGE_CHILDREN) - used,
                )
                print(f"{told}, {jobs} recordings, {way}: {took[way][0]:.1f} s, "
                      f"{took[way][1]:.1f} s of processor time")  # fmt: skip
            batch_took, loop_took = took.values()
            load = " ".join(f"{one:.1f}" for one in os.getloadavg())
            print(f"  {loop_took[0] / batch_took[0]:.1f} times as fast, for "
                  f"{loop_took[1] / batch_took[1]:.1f} times as little processor time; "
                  f"load {load}")  # fmt: skip


if __name__ == "__main__":
    counts = [one for one in sys.argv[1:] if one.isdigit()]
    if "--loop" in sys.argv:
        against_a_loop(int(counts[0]) if counts else 12)
    else:
        main(int(counts[0]) if counts else 5000, dask="--dask" in sys.argv)
