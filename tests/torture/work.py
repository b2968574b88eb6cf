"""What the processes of these tests do to a store they share."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import FrameType
from typing import Literal

import numpy as np

from resonate_graph import (
    Audio,
    Graph,
    NodeStarted,
    NodeWaiting,
    RunContext,
    Store,
    Value,
    node,
)
from resonate_graph._node.ports import PortType
from resonate_graph._store.folder import Quarantined
from resonate_graph._store.records import Key
from tests import toy_nodes
from tests.own_nodes import note
from tests.processes import PATIENCE_SECONDS

MIX = Audio(np.random.default_rng(0).uniform(-1, 1, (2, 20_000)), 44100)


def graph_of_every_kind(number: int) -> Graph:
    """Return a graph that gives audio, numbers, reports and files; other ones for each number."""
    graph = Graph("every-kind")
    scaled = graph.add(toy_nodes.scale)(graph.input("mix", Audio), factor=1 / (number + 2))
    sides = graph.add(toy_nodes.sides)(scaled)
    graph.output("left", sides.left)
    graph.output("right", graph.add(toy_nodes.scale)(sides.right, factor=-0.5))
    graph.output("peak", graph.add(toy_nodes.peak)(scaled))
    graph.output("frames", graph.add(toy_nodes.count)(sides.left))
    graph.output("file", graph.add(toy_nodes.store_as)(scaled, suffix=".raw"))
    graph.output("turned", graph.add(piecewise)(scaled))
    graph.output("twice", graph.add(toy_nodes.scale)(graph.add(piecewise)(scaled), factor=2.0))
    return graph


def graph_with_every_step_an_output(number: int) -> Graph:
    """Return a graph of every kind whose results are all read in each run."""
    graph = Graph("every-output")
    scaled = graph.add(toy_nodes.scale)(graph.input("mix", Audio), factor=1 / (number + 2))
    sides = graph.add(toy_nodes.sides)(scaled)
    graph.output("scaled", scaled)
    graph.output("left", sides.left)
    graph.output("right", sides.right)
    graph.output("peak", graph.add(toy_nodes.peak)(scaled))
    graph.output("frames", graph.add(toy_nodes.count)(sides.left))
    graph.output("turned", graph.add(piecewise)(scaled))
    graph.output("loud", graph.add(toy_nodes.loud)(sides.right))
    graph.output("file", graph.add(toy_nodes.store_as)(scaled, suffix=".raw"))
    return graph


def results(number: int, store: Store | Literal[False]) -> Mapping[str, object]:
    """Return what the graph of every kind gives."""
    return plain(graph_of_every_kind(number).run({"mix": MIX}, store=store))


def plain(values: Mapping[str, Value]) -> Mapping[str, object]:
    """Return values so that equal means that every sample is, whatever a digest says."""
    return {name: _plain(value) for name, value in values.items()}


def same(one: Value, other: Value) -> bool:
    """Compare every sample, whatever a digest says."""
    return _plain(one) == _plain(other)


def _plain(value: Value) -> object:
    if isinstance(value, Audio):
        return (value.sample_rate, value.samples.shape, value.samples.tobytes())
    return (type(value), value)


@node()
def piecewise(ctx: RunContext, audio: Audio, *, pieces: int = 20) -> Audio:
    """Give the sound upside down, written piece by piece; go on where another was killed."""
    workspace = ctx.workspace
    edges = np.linspace(0, audio.frames, pieces + 1).astype(int).tolist()
    writer = workspace.writer("turned", audio.channels, audio.sample_rate, audio.frames)
    done, state = 0, workspace.load()
    if state is not None:
        if workspace.resume(writer, state[0]["position"]):
            done = state[0]["done"]
        else:
            writer = workspace.writer("again", audio.channels, audio.sample_rate, audio.frames)
    for number in range(done, pieces):
        writer.write(-audio.samples[:, edges[number] : edges[number + 1]])
        workspace.save({"done": number + 1, "position": writer.position}, {})
    return writer.finish()


# -- writers that are killed ----------------------------------------------------------------------


def write(folder: Path, number: int, started: Connection) -> None:
    """Run the graph, once somebody can kill us."""
    results(number, store=False)  # what is imported lazily is no part of the experiment
    started.send(None)
    results(number, Store(folder))


def write_up_to_event(folder: Path, number: int, event: int, started: Connection) -> None:
    """Run the graph, and die at the given one of all calls and returns, in Python and in C."""
    results(number, store=False)
    started.send(None)
    seen = 0

    def count(frame: FrameType, what: str, argument: object) -> None:
        nonlocal seen
        seen += 1
        if seen == event:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    results(number, Store(folder))


def measure_write(folder: Path, number: int, answer: Connection) -> None:
    """Answer how long a run takes in seconds, and how many such events it has."""
    results(number, store=False)
    start = time.perf_counter()
    results(number, Store(folder / "timed"))
    seconds = time.perf_counter() - start
    events = 0

    def count(frame: FrameType, what: str, argument: object) -> None:
        nonlocal events
        events += 1

    sys.setprofile(count)
    results(number, Store(folder / "counted"))
    sys.setprofile(None)
    answer.send((seconds, events))


# -- disks that fail -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        right: whether its results were.
        kept: whether the next run would find all of them.
        codes: the codes of its warnings.
    """

    right: bool
    kept: bool
    codes: list[str]


def outcome(folder: Path) -> Outcome:
    """Run the graph, and see what came of it."""
    graph = graph_of_every_kind(0)
    found = graph.run({"mix": MIX}, store=Store(folder))
    again = graph.plan({"mix": MIX}, store=Store(folder))
    return Outcome(
        right=plain(found) == results(0, store=False),
        kept=all(step.status == "cached" for step in again),
        codes=[warning["code"] for warning in found.report["warnings"]],
    )


ON_SMALL_DISK = """
import sys
from pathlib import Path
from tests.torture import work
found = work.outcome(Path(sys.argv[1]))
print(found.right, found.kept, *found.codes)
"""


def run_with_file_limit(folder: Path, limit_bytes: int, answer: Connection) -> None:
    """Run where no file can grow beyond a size."""
    results(0, store=False)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    answer.send(outcome(folder))


def run_with_failing_operation(folder: Path, which: int, error: str, answer: Connection) -> None:
    """Run where one operation that changes the store's folder fails; answer how many there are."""
    results(0, store=False)
    changes = 0

    def fail(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal changes
        changing = event in ("os.rename", "os.mkdir", "os.remove") or (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        )
        if changing and str(arguments[0]).startswith(str(folder)):
            changes += 1
            if changes == which + 1:
                number = getattr(errno, error)
                raise OSError(number, os.strerror(number), arguments[0])

    sys.addaudithook(fail)
    answer.send((outcome(folder), changes))


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def run_without_privileges(folder: Path, user: int, answer: Connection) -> None:
    """Run as a user to whom permissions apply."""
    with tempfile.TemporaryDirectory() as name:  # all that is imported lazily, which may be
        for _ in range(2):  # where this user cannot read
            results(0, Store(name))
    "".encode("utf-16be")  # by this canonical JSON sorts, where a number is small
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    answer.send(outcome(folder))


# -- many processes with the same keys -----------------------------------------------------------


@node()
def counted(audio: Audio, *, number: int, folder: str) -> Audio:
    """Give something else for each number, and count how often that happened."""
    with (Path(folder) / str(number)).open("a") as file:
        file.write("x")
    # kept where it is no part of this node's source, which differs in no process
    meeting = vars(multiprocessing.current_process()).pop("meeting", None)
    if meeting is not None:
        with contextlib.suppress(threading.BrokenBarrierError):  # those who came go on together
            meeting.wait(PATIENCE_SECONDS)
    return audio.with_samples(audio.samples * np.float32(1 / (number + 1)))


def counted_graph(numbers: list[int], folder: Path) -> Graph:
    """Return a graph with a counted step, and an output, per number."""
    graph = Graph("counted")
    mix = graph.input("mix", Audio)
    for number in numbers:
        step = graph.add(counted, f"step{number}")
        result = step(mix, number=number, folder=str(folder))
        turned = graph.add(piecewise, f"turned{number}")(result)
        graph.output(f"out{number}", graph.add(toy_nodes.scale, f"back{number}")(turned, factor=-1))
    return graph


def compute_counted(
    store: Path, numbers: list[int], folder: Path, meeting: Barrier | None, answer: Connection
) -> None:
    """Compute, once told to; answer which outputs were wrong.

    Args:
        store: the folder of the store.
        numbers: the steps, in this process' order.
        folder: where computations are counted.
        meeting: given to live on a filesystem that grants every lock to everybody: where all
            processes wait for each other within their first computation.
        answer: says when, and is told the outcome.
    """
    if meeting is not None:
        fcntl.flock = lambda descriptor, operation: None
        vars(multiprocessing.current_process())["meeting"] = meeting
    answer.recv()
    found = counted_graph(numbers, folder).run({"mix": MIX}, store=Store(store))
    answer.send([number for number in numbers if not same(found[f"out{number}"], expected(number))])


def expected(number: int) -> Audio:
    """Return what the counted step has to give."""
    return MIX.with_samples(MIX.samples * np.float32(1 / (number + 1)))


@node()
def held(audio: Audio, *, folder: str) -> Audio:
    """Wait until somebody writes into a pipe, unless this ran before."""
    if note(folder) == 0:
        (Path(folder) / "go").read_bytes()
    return audio.with_samples(-audio.samples)


def hold(store: Path, folder: Path, told: Connection) -> None:
    """Run the step that waits; tell when it starts, or that another process is at it."""
    graph = Graph("held")
    graph.output("out", graph.add(held)(graph.input("mix", Audio), folder=str(folder)))

    def tell(event: object) -> None:
        if isinstance(event, (NodeStarted, NodeWaiting)):
            told.send(type(event).__name__)

    found = graph.run({"mix": MIX}, store=Store(store), on_event=tell)
    told.send(same(found["out"], MIX.with_samples(-MIX.samples)))


# -- readers of a store that is full --------------------------------------------------------------

FRAMES = 10_000


def numbered(number: int) -> Audio:
    """Return a sound that a number decides."""
    return Audio(np.full((1, FRAMES), 1 / (number + 1), np.float32), 44100)


def numbered_key(number: int) -> Key:
    """Return the key it is kept under."""
    return Key.of({"type": "test", "number": number})


def keep_numbered(folder: Path, number: int, limit_bytes: int) -> None:
    """Keep a sound, in a run of its own; its cost depends on the number."""
    store = Store(folder, limit_bytes=limit_bytes)
    with store.in_use():
        entry = store.put(numbered(number), seconds=number % 7)
        store.put_record(numbered_key(number), {"out": entry}, seconds=number % 7)


def keep_many(folder: Path, numbers: list[int], limit_bytes: int, orders: Connection) -> None:
    """Keep sounds in runs of one long-lived store, one each time it is told to."""
    store = Store(folder, limit_bytes=limit_bytes)
    for number in numbers:
        orders.recv()
        with store.in_use():
            entry = store.put(numbered(number), seconds=number % 7)
            store.put_record(numbered_key(number), {"out": entry}, seconds=number % 7)
        orders.send(None)


def read_numbered(folder: Path, orders: Connection) -> None:
    """Read the sounds asked for, and keep some mapped after others may have dropped them.

    Told numbers, then None; answers how often there was one, and what was wrong.
    """
    maps: deque[tuple[int, Audio]] = deque(maxlen=10)
    hits, wrong = 0, []
    while (number := orders.recv()) is not None:
        store = Store(folder)
        try:
            with store.in_use():
                record = store.record(numbered_key(number))
                if record is not None and store.present(record):
                    with contextlib.suppress(Quarantined):  # dropped since
                        found = store.get(record.ports["out"], PortType(Audio))
                        assert isinstance(found, Audio)
                        maps.append((number, found))
                        hits += 1
        except Exception as error:
            wrong.append(repr(error))
        wrong += [f"{one} changed" for one, audio in maps if not same(audio, numbered(one))]
        orders.send(None)
    orders.send((hits, wrong))
