"""Servers as processes: ours, as its command starts it, and others."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.processes import COMMAND, PATIENCE_SECONDS


@dataclass
class Server:
    """A server that answers.

    Attributes:
        address: where.
        process: its process.
        folder: what lies beside it: its log, its cache.
    """

    address: str
    process: psutil.Process
    folder: Path

    @property
    def processor_seconds(self) -> float:
        """The processor's seconds that it had."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rest(self) -> None:
        """Wait until it has nothing to do any more."""
        while True:
            before = self.processor_seconds
            time.sleep(0.15)
            if self.processor_seconds - before < 0.02:
                return


@contextmanager
def page_server(folder: Path, *more: str | Path) -> Iterator[Server]:
    """Serve our page, with a store and a cache of its own."""
    folder.mkdir(exist_ok=True)
    command: list[str | Path] = [*COMMAND, "app", "--no-browser"]
    command += ["--store", folder / "store", "--root", folder]
    with served([*command, *more, "--port"], folder) as server:
        yield server


@contextmanager
def served(command: Sequence[str | Path], folder: Path) -> Iterator[Server]:
    """Start a server, and stop it; its command ends with its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command), str(port)],
            env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}, stdout=log, stderr=log,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + PATIENCE_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise RuntimeError((folder / "log.txt").read_text())
            time.sleep(0.02)
        try:
            yield Server(address, psutil.Process(process.pid), folder)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
