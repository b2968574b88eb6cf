"""Processes that start in milliseconds: forked from a server that has imported everything."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.processes import PATIENCE_SECONDS

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.torture.work"])


class Member:
    """A process, and a pipe to it."""

    def __init__(self, process: ForkServerProcess, pipe: Any) -> None:
        self._process = process
        self._pipe = pipe

    def hear(self) -> Any:
        """Return what it says next; fail if it says nothing or has ended."""
        connection.wait([self._pipe, self._process.sentinel], 4 * PATIENCE_SECONDS)
        assert self._pipe.poll(), f"it said nothing; exit code {self._process.exitcode}"
        return self._pipe.recv()

    def tell(self, message: object) -> None:
        """Say something to it."""
        self._pipe.send(message)

    def kill(self, after_seconds: float = 0.0) -> None:
        """Kill it without a chance to tidy up, unless it has ended by then."""
        self._process.join(after_seconds)
        self._process.kill()
        self.end()

    def end(self) -> int:
        """Wait for its end; return the exit code, negative for a signal."""
        self._process.join(4 * PATIENCE_SECONDS)
        assert self._process.exitcode is not None, "it does not end"
        return self._process.exitcode


class Crowd:
    """Starts processes; on leaving, kills what is left."""

    def __init__(self) -> None:
        self._processes: list[ForkServerProcess] = []

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            process.kill()
            process.join()

    def meeting(self, processes: int) -> Barrier:
        """Return where so many processes wait for each other."""
        return _context.Barrier(processes)

    def start(self, work: Callable[..., object], *arguments: object) -> Member:
        """Start a process; its work is given the other end of a pipe as its last argument."""
        ours, theirs = _context.Pipe()
        process = _context.Process(target=work, args=(*arguments, theirs), daemon=True)
        process.start()
        theirs.close()
        self._processes.append(process)
        return Member(process, ours)
