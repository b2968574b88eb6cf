"""What running steps at the same time gives and costs: ``python -m tests.benchmarks.schedule``.

Each figure compares things measured in turn in the same process: the best of several rounds, since
what else the machine does only makes things slower, and threads most of all. BLAS is held to one
thread per step, as a node that declares one thread should be.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from resonate_graph import Audio, Graph, Store, node
from resonate_graph._machine.capacity import this_machine
from tests.benchmarks.timing import in_turn

NODES = 300
ROUNDS = 15
SECONDS = 20
PASSES = 6
RATE = 44100


@node(version=1)
def step(audio: Audio) -> Audio:
    """Do nothing."""
    return audio


@node(version=1)
def first(tracks: list[Audio]) -> Audio:
    """Return the first."""
    return tracks[0]


@node(version=1)
def filtered(audio: Audio, *, passes: int, number: int = 0) -> Audio:
    """Filter in the frequency domain, again and again; scipy's FFT releases the GIL."""
    from scipy.fft import irfft, rfft

    samples = audio.samples
    for _ in range(passes):
        samples = irfft(rfft(samples), audio.frames)
    return audio.with_samples(samples)


def main() -> None:
    """Print all figures."""
    threads = this_machine().threads
    print(f"two branches of equal cost, {SECONDS} s of stereo, {threads} threads of the machine")
    branches()
    print(f"{NODES} trivial nodes: a whole run, without store")
    trivial()
    print("8 inputs through one graph")
    many()


def branches() -> None:
    """Time two branches beside each other and one after the other, and bare threads."""
    noise = np.random.default_rng(0).standard_normal((2, SECONDS * RATE)) * 0.1
    audio = Audio(noise.astype(np.float32), RATE)
    graph = Graph("branches")
    sound = graph.input("mix", Audio)
    graph.output("a", graph.add(filtered, "a")(sound, passes=PASSES))
    graph.output("b", graph.add(filtered, "b")(sound, passes=PASSES, number=1))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows: dict[str, Callable[[], object]] = {
            "one after the other": lambda: graph.run({"mix": audio}, store=False, threads=1),
            "at the same time": lambda: graph.run({"mix": audio}, store=False, threads=2),
            "two bare threads": lambda: bare_threads(audio),
        }
        times = measured(rows)
        report(times, times["one after the other"])
        rows = {
            "stored, in turn": lambda: graph.run({"mix": audio}, store=fresh(place), threads=1),
            "stored, at the same time": lambda: graph.run(
                {"mix": audio}, store=fresh(place), threads=2
            ),
        }
        times = measured(rows)
        report(times, times["stored, in turn"])


def bare_threads(audio: Audio) -> None:
    """Do what the two branches do with threads alone: what this machine can give."""
    both = [
        threading.Thread(target=filtered, args=(audio,), kwargs={"passes": PASSES}) for _ in "ab"
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()


def fresh(folder: Path) -> Store:
    """Return a store with nothing in it."""
    return Store(tempfile.mkdtemp(dir=folder))


def trivial() -> None:
    """Time graphs of trivial nodes, in turn and with all threads."""
    audio = Audio(np.zeros((2, 8)), RATE)
    for name, graph in (("chain", chain()), ("wide", wide()), ("pairs", pairs())):
        rows: dict[str, Callable[[], object]] = {
            f"{name}, in turn": partial(graph.run, {"audio": audio}, store=False, threads=1),
            f"{name}, all threads": partial(graph.run, {"audio": audio}, store=False),
        }
        times = measured(rows)
        report(times, times[f"{name}, in turn"])


def chain() -> Graph:
    """Return one node after another."""
    graph = Graph("chain")
    wire = graph.input("audio", Audio)
    for index in range(NODES):
        wire = graph.add(step, f"n{index}")(wire)
    graph.output("end", wire)
    return graph


def wide() -> Graph:
    """Return nodes beside each other."""
    graph = Graph("wide")
    wire = graph.input("audio", Audio)
    graph.output(
        "end", graph.add(first)([graph.add(step, f"n{index}")(wire) for index in range(NODES)])
    )
    return graph


def pairs() -> Graph:
    """Return pairs of nodes that meet in a third, again and again."""
    graph = Graph("pairs")
    wire = graph.input("audio", Audio)
    for index in range(NODES // 3):
        both = [graph.add(step, f"{side}{index}")(wire) for side in "ab"]
        wire = graph.add(first, f"c{index}")(both)
    graph.output("end", wire)
    return graph


def many() -> None:
    """Time one graph on several inputs, one run after another and all in one."""
    draw = np.random.default_rng(0)
    noise = [draw.standard_normal((2, 5 * RATE)).astype(np.float32) * 0.1 for _ in range(8)]
    inputs = [{"mix": Audio(samples, RATE)} for samples in noise]
    graph = Graph("many")
    sound = graph.input("mix", Audio)
    graph.output(
        "out",
        graph.add(filtered, "b")(
            graph.add(filtered, "a")(sound, passes=2 * PASSES), passes=2 * PASSES
        ),
    )
    rows: dict[str, Callable[[], object]] = {
        "run, one after another": lambda: [graph.run(one, store=False) for one in inputs],
        "run_many": lambda: graph.run_many(inputs, store=False),
    }
    times = measured(rows)
    report(times, times["run, one after another"])


def measured(rows: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the best time of each, measured in turn."""
    return {name: min(times) for name, times in in_turn(rows, ROUNDS).items()}


def report(times: dict[str, float], base: float) -> None:
    """Print times, and how many times as fast as the base each is."""
    for name, seconds in times.items():
        print(f"  {name:<26} {seconds * 1e3:8.1f} ms {base / seconds:7.2f}x as fast")


if __name__ == "__main__":
    main()
