"""Nodes that meet, wait and are told to stop, for tests of steps at the same time."""

from __future__ import annotations

import threading
import time
from typing import Any

from resonate_graph import Audio, Graph, RunContext, node
from resonate_nodes import mix
from tests.processes import PATIENCE_SECONDS


def workers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("resonate-")]


def meeting(count: int) -> Any:
    """A node whose steps end only once so many of them are at work."""
    barrier = threading.Barrier(count, timeout=PATIENCE_SECONDS)

    @node(version=1)
    def meet(audio: Audio, *, number: int = 0) -> Audio:
        barrier.wait()
        return audio.with_samples(audio.samples * (number + 1))

    return meet


def branches(made: Any, count: int, **params: Any) -> Graph:
    """A graph of some branches that are mixed in the end."""
    graph = Graph("branches")
    sound = graph.input("mix", Audio)
    wires = [graph.add(made, f"n{n}")(sound, number=n, **params) for n in range(count)]
    graph.output("out", graph.add(mix)(wires))
    return graph


def patient(started: threading.Event) -> Any:
    """A node that works until it is told to stop."""

    @node(version=1)
    def wait_to_be_stopped(ctx: RunContext, audio: Audio, *, number: int) -> Audio:
        (ctx.scratch / "file").write_text("x")
        started.set()
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            at_work(ctx)
        return audio

    return wait_to_be_stopped


def at_work(ctx: RunContext) -> None:
    """Ask whether to stop, as a step does between two parts of its work: not without a pause."""
    ctx.check_cancelled()
    time.sleep(0.001)
