"""What the engine costs: ``python -m tests.benchmarks.engine``.

Times are of the processor, medians of several rounds; what stands beside them is measured in turn,
in the same run, so the ratios hold on a busy machine where the times do not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources

import networkx as nx
import numpy as np

from resonate_graph import Audio, Graph, Store, node
from tests.benchmarks import hamilton_chain
from tests.benchmarks.table import Row, text
from tests.benchmarks.timing import children_seconds, in_turn

NODES = 300
ROUNDS = 9


@node(version=1)
def step(audio: Audio) -> Audio:
    """Do nothing."""
    return audio


def main() -> None:
    """Print all figures."""
    print(text(list(rows())))


def rows() -> Iterator[Row]:
    """Yield what the engine costs for each node of a chain, and what whole processes take."""
    yield from chain_rows()
    yield from process_rows()


def chain_rows() -> Iterator[Row]:
    """Yield the cost of building, checking and running a chain, beside apache-hamilton's."""
    audio = Audio(np.zeros((2, 8)), 44100)
    graph = build()
    with tempfile.TemporaryDirectory() as folder:
        graph.run({"audio": audio}, store=folder)
        calls: dict[str, Callable[[], object]] = {
            "first": lambda: build().run({"audio": audio}, store=False),
            "again": lambda: graph.run({"audio": audio}, store=False),
            "stored": lambda: graph.run({"audio": audio}, store=Store(folder)),
            "build": build,
            "check": build_and_check,
            "networkx": lambda: bare_loop(audio),
        }
        peer = hamilton_chain.measured(NODES, ROUNDS)
        times = in_turn(calls, ROUNDS, clock=time.process_time)
    cost = {name: statistics.median(spent) / NODES * 1e6 for name, spent in times.items()}
    beside = "apache-hamilton" if peer else "(apache-hamilton is not there)"
    yield Row(
        f"chain of {NODES}: build, check and first run, a node",
        cost["first"],
        "us",
        beside,
        peer.get("first"),
        target=1.0,
        reason="params, ports and wires are checked one by one, which hamilton leaves to the run",
    )
    yield Row(
        "the same graph object again, a node",
        cost["again"],
        "us",
        beside,
        peer.get("again"),
        limit=15,
        reason="events, sizes and reports of each step are kept, whoever asks for them",
    )
    yield Row(
        "all stored, each result verified by its record, a node",
        cost["stored"],
        "us",
        limit=60,
        reason="opening and reading a record takes the system a third of it",
    )
    yield Row("build, a node", cost["build"], "us")
    yield Row("build and check, a node", cost["check"], "us")
    yield Row("a bare loop with networkx, a node", cost["networkx"], "us")


def build_and_check() -> None:
    """Build the chain and check it."""
    build().check(["audio"])


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


def process_rows() -> Iterator[Row]:
    """Yield what whole processes take of the processor: start-up, and runs that find all stored."""
    resonate = [sys.executable, "-m", "resonate_graph"]
    recording = str(resources.files("resonate_graph") / "recordings" / "groove.ogg")
    # where that is set, every process compiles what it imports
    usual = {name: is_ for name, is_ in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        run = [*resonate, "run", "song-repair", "-i", f"mix={recording}", "-p", "model=mini"]
        run += ["-o", folder, "--store", f"{folder}/store", "--overwrite"]
        subprocess.run(run, check=True, capture_output=True, env=usual)
        commands = {
            "import numpy, pydantic": [sys.executable, "-c", "import numpy, pydantic"],
            "import resonate_graph": [sys.executable, "-c", "import resonate_graph"],
            "resonate --help": [*resonate, "--help"],
            "resonate graphs": [*resonate, "graphs"],
            "resonate nodes": [*resonate, "nodes"],
            "resonate nodes declick": [*resonate, "nodes", "declick"],
            "resonate __complete r": [*resonate, "__complete", "r"],
            "resonate run song-repair, all stored": run,
        }
        calls = {
            name: partial(subprocess.run, command, check=True, capture_output=True, env=usual)
            for name, command in commands.items()
        }
        times = in_turn(calls, rounds=5, clock=children_seconds)
    limits = {name: 0.25 for name in commands if name.startswith("resonate") and "run" not in name}
    limits["resonate run song-repair, all stored"] = 0.45
    targets = {"resonate run song-repair, all stored": 0.58}  # of what it took before
    reasons = {
        "resonate graphs": "numpy is not imported; typer and pydantic take most of it",
        "resonate nodes": "the list that was kept is read; typer takes most of it",
        "resonate nodes declick": "the list that was kept is read; typer takes most of it",
        "resonate run song-repair, all stored": "numpy, pydantic and typer take half of it",
    }
    for name, spent in times.items():
        yield Row(
            f"{name}: processor time",
            statistics.median(spent),
            "s",
            target=targets.get(name),
            limit=limits.get(name),
            reason=reasons.get(name, ""),
        )


if __name__ == "__main__":
    main()
