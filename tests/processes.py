"""Running `resonate` as what it is to its users: a process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

PATIENCE_SECONDS = 60
COMMAND = (sys.executable, "-m", "resonate_graph")

_MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = spent.ru_maxrss if sys.platform == "darwin" else spent.ru_maxrss * 1024
open(sys.argv[1], "w").write(f"{spent.ru_utime + spent.ru_stime} {peak}")
sys.exit(code)
"""


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """What it printed on stdout: one JSON document."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def statuses(self) -> dict[str, str]:
        """What became of each node, by the JSON report."""
        return {node["id"]: node["status"] for node in self.document["nodes"]}

    @property
    def said(self) -> list[str]:
        """The lines on stderr that say something."""
        return [line for line in self.err.splitlines() if line.strip()]


def resonate(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Ended:
    """Run ``resonate`` to its end."""
    start = time.perf_counter()
    process = start_resonate(*arguments, cwd=cwd, **environment)
    return end_of(process, start)


class Spent(NamedTuple):
    """What a process took: seconds of the processor, and its peak memory in bytes."""

    processor_seconds: float
    peak_bytes: int


def resonate_measured(spent_path: Path, *arguments: str | Path) -> tuple[Ended, Spent]:
    """Run ``resonate`` to its end, and return what it took too.

    A small process in between starts it, since a child's peak counts what its parent holds.
    """
    start = time.perf_counter()
    wrapper = (sys.executable, "-I", "-S", "-c", _MEASURED, str(spent_path), *COMMAND)
    ended = end_of(_start([*wrapper, *map(str, arguments)], {}), start)
    seconds, peak = spent_path.read_text().split()
    return ended, Spent(float(seconds), int(peak))


def start_resonate(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.Popen[str]:
    """Start ``resonate``."""
    return _start([*COMMAND, *map(str, arguments)], environment, cwd)


def start_python(script: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start a Python script."""
    return _start([sys.executable, "-c", script, *map(str, arguments)], environment)


def end_of(process: subprocess.Popen[str], start: float | None = None) -> Ended:
    """Wait until a process ends."""
    begun = time.perf_counter() if start is None else start
    out, err = process.communicate(timeout=4 * PATIENCE_SECONDS)
    return Ended(process.returncode, out, err, time.perf_counter() - begun)


def _start(
    command: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None
) -> subprocess.Popen[str]:
    # one thread, since on a busy machine torch's threads wait for each other most of the time
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Signals:
    """Lets a test wait for a node in another process, and the node for the test.

    Two named pipes in a folder, `started` and `go`; see `own_nodes.slow`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._started = self._pipe("started")
        self._go = self._pipe("go")

    def _pipe(self, name: str) -> int:
        os.mkfifo(self.folder / name)
        return os.open(self.folder / name, os.O_RDWR | os.O_NONBLOCK)

    @property
    def count(self) -> int:
        """How often the node began to compute."""
        path = self.folder / "count"
        return len(path.read_text()) if path.exists() else 0

    def wait_until_started(self, process: subprocess.Popen[str] | None = None) -> None:
        """Return once the node is at work; fail if its process, if given, ended instead."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not select.select([self._started], [], [], 0.2)[0]:
            if process is None:
                assert time.monotonic() < end, "the node did not start"
            elif process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(f"the node did not start: {process.communicate()}")
        os.read(self._started, 1)

    def let_go(self) -> None:
        """Let the node end."""
        os.write(self._go, b"x")


def wait_for_words(process: subprocess.Popen[str], words: str) -> None:
    """Read a process' stderr up to some words; fail if they do not come."""
    assert process.stderr is not None
    seen = b""
    while words.encode() not in seen:
        ready, _, _ = select.select([process.stderr], [], [], PATIENCE_SECONDS)
        part = os.read(process.stderr.fileno(), 1 << 16) if ready else b""
        if not part:
            process.kill()
            raise AssertionError(f"the process did not say {words!r} but {seen.decode()!r}")
        seen += part


def interrupt(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)


def forbid(folder: Path, *modules: str) -> str:
    """Return a ``PYTHONPATH`` with which a process ends at once if it imports these modules."""
    folder.mkdir()
    for name in modules:
        (folder / f"{name}.py").write_text("raise SystemExit(f'{__name__} was imported')\n")
    return str(folder)


def files_in(folder: Path) -> list[str]:
    """Return every file below a folder, by its path in it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def read_samples(path: Path) -> tuple[np.ndarray[Any, Any], int]:
    """Return a file's samples, shape (channels, frames), and rate, as libsndfile reads them."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.T, rate
