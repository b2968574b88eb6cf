"""A hand does one job after another, each in a child process that may die of it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any

from .. import CatalogError, ResonateError, this_machine
from .jobs import End

#: So long a child may take to import what it needs.
_STARTING_SECONDS = 300.0
#: So many children in a row may be killed before one has begun.
_STARTS = 3
#: A child makes room for another after so many jobs, with whatever it has piled up.
_JOBS_OF_A_CHILD = 10_000
_LOG_BYTES = 4000
#: What a child is given at least, where nobody says how much memory it may have.
LEAST_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Setup:
    """What all jobs of a batch share, as plain JSON values: it travels to children and workers.

    Attributes:
        graph: the graph's JSON text.
        source: what messages call it.
        nodes: modules or files with nodes of the caller's own.
        outputs: the outputs that are wanted; None for all.
        folder: where outputs go.
        remote: the URL they go to instead; empty for none.
        settings: how jobs run, but for the store.
        store: the folder of the store; that and its second tier; False for none.
        provenance: whether outputs say how they were made.
        tags: whether they carry tags.
        pages: whether each job gets a page.
        max_seconds: how long a job may take.
        max_memory_bytes: how much memory a child may have; None for as much as there is.
        threads: how many threads of the CPU a child uses.
        probe: inputs, params and settings for which a child is to say what decides its results;
            None where nobody compares.
    """

    graph: str
    source: str
    nodes: list[str]
    outputs: list[str] | None
    folder: str
    remote: str
    settings: Mapping[str, Any]
    store: Any
    provenance: bool
    tags: bool
    pages: bool
    max_seconds: float
    max_memory_bytes: int | None
    threads: int
    probe: Mapping[str, Any] | None = None

    def on(self, device: str, threads: int) -> Setup:
        """Return the same for a child with a device and so many threads."""
        return replace(
            self, settings={**self.settings, "device": device, "threads": threads}, threads=threads
        )


@dataclass
class _Heard:
    """What a child said of the job it is at."""

    read: dict[str, Any] = field(default_factory=lambda: {"inputs": {}, "content": ""})
    place: str = ""


class Refused(ResonateError):
    """A child cannot even begin: the graph's nodes are not there, or cannot be used."""

    exit_code = 2


class Hand:
    """Does jobs in a child process, and takes another child when that one is gone.

    Args:
        setup: what all jobs share.
        worker: what ends say of who did them.
    """

    def __init__(self, setup: Setup, worker: str) -> None:
        self.setup = setup
        self.worker = worker
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._buffer = b""
        self._jobs = 0
        self._free_since = time.monotonic()
        self._is_closed = False
        #: What the child said of what decides its results, where it was asked.
        self.about: dict[str, Any] | None = None

    @property
    def pid(self) -> int | None:
        """The child, while there is one."""
        return self._process.pid if self._process else None

    @property
    def idle_seconds(self) -> float:
        """How long it has had nothing to do, while nothing is at work."""
        return time.monotonic() - self._free_since

    def do(self, job: Mapping[str, Any], *, fresh: bool = False) -> End:
        """Do a job and return how it, or the child that did it, ended.

        Args:
            job: its inputs, params, name and identity, as JSON values.
            fresh: whether a child that did other jobs is not to do it.

        Raises:
            Refused: no child can begin.
        """
        if fresh or self._jobs >= _JOBS_OF_A_CHILD:
            self.dismiss()
        self._require_child()
        self._jobs += 1
        began = time.monotonic()
        heard = _Heard()
        log_from = self._log_size()
        try:
            self._tell(job)
            end = self._listen(began + self.setup.max_seconds, heard)
        except TimeoutError:
            self._kill()
            self._forget()
            said = f"it took longer than {self.setup.max_seconds:g} s, and was stopped"
            end = End("died", kind="time", error="Timeout", message=said)
        except (EOFError, BrokenPipeError):
            end = self._last_words(log_from)
        if end.state == "died":
            self.dismiss()  # what is left of its memory is not the next one's
            read = heard.read
            end = replace(
                end,
                place=end.place or heard.place,
                content=end.content or read["content"],
                inputs=end.inputs or read["inputs"],
            )
        self._free_since = time.monotonic()
        return replace(end, worker=self.worker, seconds=end.seconds or time.monotonic() - began)

    def begin(self) -> None:
        """Have a child ready.

        Raises:
            Refused: none can begin.
        """
        self._require_child()

    def stop(self) -> None:
        """End the child, from whichever thread, and take no other."""
        self._is_closed = True
        self._kill()

    def dismiss(self) -> None:
        """End the child; the next job gets another."""
        self._kill()
        self._forget()

    # -- the child --------------------------------------------------------------------------------

    def _require_child(self) -> None:
        """Have a child; one that is killed before it has begun is no reason to have none.

        Raises:
            Refused: none can begin.
        """
        if self._process is not None and self._process.poll() is None:
            return
        for left in reversed(range(_STARTS)):
            self._forget()
            try:
                self._start_child()
                self._jobs = 0
                return
            except TimeoutError:
                self.dismiss()
                raise Refused(
                    f"a process for jobs did not begin within {_STARTING_SECONDS:g} s"
                ) from None
            except (EOFError, BrokenPipeError):
                self._kill()
                end = self._last_words(0)
                self._forget()
                if not left or end.kind != "signal" or self._is_closed:
                    raise Refused(f"a process for jobs could not begin: {end.message}") from None

    def _start_child(self) -> None:
        """Start a child, and hear that it is ready.

        Raises:
            Refused: it cannot be started, or says that it cannot begin.
            EOFError: it is gone.
            TimeoutError: it says nothing for too long.
        """
        if self._is_closed:
            raise Refused("stopped")
        threads = str(self.setup.threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        try:
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _forget
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, **dict.fromkeys(names, threads)},
                start_new_session=True,
            )
        except OSError as error:
            self._forget()
            raise Refused(f"a process for jobs could not begin: {error}") from error
        if self._is_closed:  # `stop` came while there was no process yet to end
            self._kill()
        self._tell({**asdict(self.setup), "parent": os.getpid()})
        self._listen(time.monotonic() + _STARTING_SECONDS, _Heard())

    def _tell(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _listen(self, until: float, heard: _Heard) -> End:
        """Return what a child says at the end of a job, or once it is ready.

        Raises:
            TimeoutError: it says nothing for too long.
            EOFError: it is gone.
            Refused: it says that it cannot begin.
        """
        while True:
            message = json.loads(self._line(until))
            if "end" in message:
                return End(**message["end"])
            if "ready" in message:
                self.about = message["about"]
                return End("done")
            if "refused" in message:
                raise Refused(message["refused"]["message"])
            heard.read = message.get("read", heard.read)
            heard.place = message.get("at", heard.place)

    def _line(self, until: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        while b"\n" not in self._buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                raise EOFError
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _kill(self) -> None:
        """End the child, and what it started."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            process.kill()

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()
        if self._log is not None:
            self._log.close()
        self._process, self._log, self._buffer = None, None, b""

    # -- what became of it ------------------------------------------------------------------------

    def _log_size(self) -> int:
        return os.fstat(self._log.fileno()).st_size if self._log else 0

    def _last_words(self, log_from: int) -> End:
        """Say how a child ended that said nothing itself."""
        assert self._process is not None
        code = self._process.wait()
        if code >= 0:
            kind, name = "exit", "Exit"
            told = f"its process ended itself with code {code}"
        else:
            known = {one.value: one.name for one in signal.Signals}
            name = known.get(-code, f"signal {-code}")
            kind, told = "signal", f"its process was ended by {name}"
            if name == "SIGKILL":
                told += ", as systems do when memory runs out"
        words = ""
        if self._log is not None:
            size = self._log_size()
            self._log.seek(max(log_from, size - _LOG_BYTES))
            lines = self._log.read().decode(errors="replace").splitlines()
            words = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return End("died", kind=kind, error=name, message=f"{told}: {words}" if words else told)


def share_bytes(children: int) -> int:
    """Return how much memory each of so many children of this machine may have."""
    return max(LEAST_BYTES, this_machine().memory_bytes // children)


def require_posix() -> None:
    """Find out that children cannot be had here.

    Raises:
        CatalogError: this system has no process groups.
    """
    if not hasattr(os, "killpg"):
        raise CatalogError("batches run on Linux and macOS only")
