"""A Dask cluster on this machine, started as users start one: each part is a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import TracebackType

from tests.processes import start_resonate, wait_for_words

_SCHEDULER = """
import asyncio, sys
from distributed import Scheduler
async def main():
    async with Scheduler(host="127.0.0.1", port=int(sys.argv[1]), dashboard=False) as one:
        print(one.address, file=sys.stderr, flush=True)
        await one.finished()
asyncio.run(main())
"""

_WORKER = """
import asyncio, sys
from distributed import Worker
async def main():
    given = {"name": sys.argv[2], "port": int(sys.argv[3]), "nthreads": 1}
    async with Worker(sys.argv[1], **given, memory_limit=None, dashboard=False) as one:
        print(one.address, file=sys.stderr, flush=True)
        await one.finished()
asyncio.run(main())
"""


class Cluster:
    """A scheduler and workers.

    Attributes:
        address: of the scheduler.
        scheduler: its process.
        workers: the processes of all workers that were ever started.
    """

    def __init__(self) -> None:
        self.address = ""
        self.scheduler = self._start_scheduler("0")
        self.workers: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start_scheduler(self, port: str) -> subprocess.Popen[str]:
        process, self.address = _started(_SCHEDULER, port)
        return process

    def restart_scheduler(self) -> None:
        """Start another in the place of the one that is gone."""
        self.scheduler.communicate()
        self.scheduler = self._start_scheduler(self.address.rpartition(":")[2])

    def add_worker(self, **environment: str) -> subprocess.Popen[str]:
        """Start a worker, and wait until it has joined."""
        name = f"worker-{len(self.workers)}"
        worker = start_resonate("worker", self.address, "--jobs", "1", "--name", name, cwd=None,
                                **environment)  # fmt: skip
        self.workers.append(worker)
        wait_for_words(worker, "at a time")
        return worker

    def add_worker_at(self, port: str, name: str, **environment: str) -> str:
        """Start a worker of Dask's own, and wait until it has joined; return its port.

        Args:
            port: which; ``0`` for any.
            name: what it is called.
            environment: what is set for it.
        """
        worker, address = _started(_WORKER, self.address, name, port, **environment)
        self.workers.append(worker)
        return address.rpartition(":")[2]

    @property
    def alive(self) -> list[subprocess.Popen[str]]:
        """The workers that are there."""
        return [one for one in self.workers if one.poll() is None]

    def close(self) -> None:
        """End all of it."""
        for one in (*self.workers, self.scheduler):
            one.send_signal(signal.SIGKILL)
            one.communicate()


def _started(
    program: str, *arguments: str, **environment: str
) -> tuple[subprocess.Popen[str], str]:
    """Start a part of a cluster; return it, and the address it has."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    while not (line := process.stderr.readline().strip()).startswith("tcp://"):
        assert process.poll() is None, "no part of a cluster began"
    return process, line
