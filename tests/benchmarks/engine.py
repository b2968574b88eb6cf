"""What the engine costs: ``python -m tests.benchmarks.engine``.

Times are medians of several rounds; the ratios beside them compare things measured in turn in the
same process, so they hold on a busy machine where the times do not.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path

import networkx as nx
import numpy as np

from resonate_graph import Audio, Graph, Store, node
from tests.benchmarks.timing import in_turn

NODES = 300
ROUNDS = 9


@node(version=1)
def step(audio: Audio) -> Audio:
    """Do nothing."""
    return audio


def main() -> None:
    """Print all figures."""
    print(f"chain of {NODES} trivial nodes, without store but where it says so")
    with tempfile.TemporaryDirectory() as folder:
        chain(Store(folder))
    print("whole processes")
    processes()


def chain(store: Store) -> None:
    """Time building, checking, planning and running a chain, beside a bare networkx loop."""
    audio = Audio(np.zeros((2, 8)), 44100)
    graph = build()
    graph.run({"audio": audio}, store=store)
    rows: dict[str, Callable[[], object]] = {
        "bare networkx loop": lambda: bare_loop(audio),
        "build": build,
        "check": lambda: graph.check(["audio"]),
        "plan (with check)": lambda: graph.plan({"audio": audio}, store=False),
        "run (with check, plan)": lambda: graph.run({"audio": audio}, store=False),
        "run, all stored": lambda: graph.run({"audio": audio}, store=store),
    }
    times = in_turn(rows, ROUNDS)
    bare = statistics.median(times["bare networkx loop"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        per_node = median / NODES * 1e6
        print(f"  {name:<24} {median * 1e3:8.2f} ms {per_node:8.1f} µs/node {median / bare:7.1f}x")


def build() -> Graph:
    """Return the chain as a graph."""
    graph = Graph("chain")
    wire = graph.input("audio", Audio)
    for index in range(NODES):
        wire = graph.add(step, f"n{index}")(wire)
    graph.output("end", wire)
    return graph


def bare_loop(audio: Audio) -> Audio:
    """Do what the chain does with networkx alone."""
    dag: nx.DiGraph[int] = nx.DiGraph()
    nx.add_path(dag, range(NODES))
    values: dict[int, Audio] = {}
    for index in nx.topological_sort(dag):
        values[index] = step.type.function(values[index - 1] if index else audio)
    return values[NODES - 1]


def processes() -> None:
    """Time whole processes: start-up, and a run that finds everything in the store."""
    resonate = str(Path(sys.executable).with_name("resonate"))
    recording = str(resources.files("resonate_graph") / "recordings" / "groove.ogg")
    with tempfile.TemporaryDirectory() as folder:
        run = [resonate, "run", "deliver", "-i", f"master={recording}", "-o", folder]
        run += ["--store", f"{folder}/store"]
        subprocess.run(run, check=True, capture_output=True)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import numpy, pydantic": [sys.executable, "-c", "import numpy, pydantic"],
            "import resonate_graph": [sys.executable, "-c", "import resonate_graph"],
            "resonate --help": [resonate, "--help"],
            "resonate graphs": [resonate, "graphs"],
            "resonate nodes": [resonate, "nodes"],
            "resonate __complete r": [resonate, "__complete", "r"],
            "run deliver, all stored": run,
        }
        calls = {
            name: partial(subprocess.run, command, check=True, capture_output=True)
            for name, command in commands.items()
        }
        times = in_turn(calls, rounds=5)
    bare = statistics.median(times["python -c pass"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"  {name:<24} {median * 1e3:8.0f} ms {median / bare:7.1f}x")


if __name__ == "__main__":
    main()
