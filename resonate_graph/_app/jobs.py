"""Runs of a page: each a process of its own and a folder that says what became of it.

::

    ID/
      call.json      what is to be done
      state.json     how far it is: written whole, by the server only
      events.jsonl   what the run tells, a line each
      end.json       how it ended, by the run's own word; missing where its process died
      log.txt        what the process printed
      out/           outputs, and the page of the run
      views/         what the plots zoom into

One runs at a time, the others wait in the order in which they came.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .._base.publish import publish

#: A process that was asked to stop has so long to do it by itself.
_PATIENCE_SECONDS = 0.6
#: So many runs that ended are kept; older ones make room.
_KEPT = 30
_LOG_BYTES = 4000
_SECONDS_TO_LOCK = 30

ENDED = ("done", "failed", "cancelled", "died")


@dataclass(frozen=True)
class Call:
    """What a run is to do, as plain data.

    Attributes:
        name: what the graph is called on the page.
        graph: its JSON text.
        inputs: a file, or a value, for each input.
        params: graph params by name, node params as ``node.param``.
        labels: what people call the files, by input.
        brought: the inputs whose files were brought.
        grid: the values of a sweep by param; empty for a plain run.
        store: the folder of the store.
        models: the folder of model weights.
        nodes: modules with nodes of the caller's own.
        file: where the graph's file is; empty for a stock graph, and one that was brought.
        command: the command that does the same.
        python: the lines of Python that do the same.
    """

    name: str
    graph: str
    inputs: Mapping[str, Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    brought: list[str] = field(default_factory=list)
    grid: Mapping[str, list[Any]] = field(default_factory=dict)
    store: str | None = None
    models: str | None = None
    nodes: tuple[str, ...] = ()
    file: str = ""
    command: str = ""
    python: str = ""


@dataclass(frozen=True)
class State:
    """How far a run is.

    Attributes:
        status: ``queued``, ``running``, ``done``, ``failed``, ``cancelled``, or ``died`` where its
            process ended without a word.
        message: what went wrong; empty where nothing did.
        created: when it was asked for, in seconds since 1970.
        started: when its process began; None while it waits.
        ended: when that was over.
        pid: its process, while there is one.
        exit_code: what the process ended with; negative for a signal.
    """

    status: str
    message: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class Job:
    """A run, by its folder."""

    folder: Path

    @property
    def id(self) -> str:
        """Its name: 16 hexadecimal digits that nobody guesses."""
        return self.folder.name

    @property
    def call(self) -> Call:
        """What it is to do."""
        return _call_in(self.folder)

    @property
    def state(self) -> State:
        """How far it is."""
        return State(**json.loads((self.folder / "state.json").read_bytes()))

    @property
    def out(self) -> Path:
        """Where its outputs and its page lie."""
        return self.folder / "out"

    @property
    def views(self) -> Path:
        """Where what the plots show lies."""
        return self.folder / "views"

    @property
    def end(self) -> dict[str, Any] | None:
        """How it ended, by its own word."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "end.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return what it told so far; a line that is being written is left out."""
        try:
            text = (self.folder / "events.jsonl").read_text(encoding="utf-8")
        except OSError:
            return []
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def zipped(self) -> Path:
        """Return a zip of all that it wrote, which is made when it is asked for first."""
        target = self.folder / "all.zip"
        if not target.exists():
            part = self.folder / f"{secrets.token_hex(4)}.part"
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(one for one in self.out.rglob("*") if one.is_file()):
                    archive.write(path, path.relative_to(self.out))
            part.replace(target)
        return target


@lru_cache(maxsize=64)  # it stays as it is, and the list of runs asks for all of them
def _call_in(folder: Path) -> Call:
    return Call(**json.loads((folder / "call.json").read_bytes()))


class Jobs:
    """All runs of one server.

    Args:
        folder: gets a folder of its own in which all runs of this server lie; what servers that
            are gone left there is removed.
        keep: how many runs that ended are kept.
    """

    def __init__(self, folder: Path, *, keep: int = _KEPT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        self.folder = folder / secrets.token_hex(8)
        self.folder.mkdir(mode=0o700)
        self._lock_of_folder = FileLock(self.folder / "server.lock")
        self._lock_of_folder.acquire()
        self._keep = keep
        self._changing = threading.Condition()
        self._waiting: queue.Queue[Job | None] = queue.Queue()
        self._asked_to_stop: set[str] = set()
        self._process: tuple[str, subprocess.Popen[bytes]] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Job]:
        """Yield the runs, the latest first."""
        for job, _ in self._known():
            yield job

    def _known(self) -> list[tuple[Job, State]]:
        """Return the runs and how far they are, the latest first; without those just removed."""
        found = []
        for place in self.folder.iterdir() if self.folder.is_dir() else ():
            with contextlib.suppress(OSError):  # no run, or one that makes room for another
                found.append((Job(place), Job(place).state))
        return sorted(found, key=lambda one: one[1].created, reverse=True)

    def __getitem__(self, name: str) -> Job:
        """Return a run by its name.

        Raises:
            KeyError: there is none.
        """
        place = self.folder / name
        known = len(name) == 16 and set(name) <= set("0123456789abcdef")
        if not known or not (place / "state.json").is_file():
            raise KeyError(name)
        return Job(place)

    def start(self, call: Call) -> Job:
        """Have a run done, after those that were asked for before.

        Raises:
            OutputError: its folder cannot be written.
        """
        self._make_room()
        job = Job(self.folder / secrets.token_hex(8))
        job.folder.mkdir()
        _write(job.folder / "call.json", asdict(call))
        self._set(job, State("queued", created=time.time()))
        self._waiting.put(job)
        return job

    def ahead_of(self, job: Job) -> int:
        """Return how many runs come before one that waits."""
        mine = job.state.created
        return sum(
            state.status in ("queued", "running") and state.created < mine
            for _, state in self._known()
        )

    def cancel(self, job: Job) -> None:
        """Stop a run: ask its process, and end it if it does not listen within a second.

        Once this returns, its state says what became of it.
        """
        with self._changing:
            self._asked_to_stop.add(job.id)
            if job.state.status == "queued":
                self._ended(job, replace(job.state, status="cancelled"))
                return
            running = self._process
        if running is None or running[0] != job.id:
            return
        process = running[1]
        with contextlib.suppress(OSError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(process)
        self.wait(job, _PATIENCE_SECONDS)

    @property
    def going_on(self) -> Job | None:
        """The run that is being done, else the first that waits; None where there is none."""
        known = [job for job, state in self._known() if state.status in ("queued", "running")]
        return known[-1] if known else None

    def wait(self, job: Job, seconds: float) -> State:
        """Return how far a run is once it ended, or after some time."""
        with self._changing:
            self._changing.wait_for(lambda: job.state.status in ENDED, seconds)
            return job.state

    def remove(self, job: Job) -> None:
        """Remove a run that ended, with all it has."""
        if job.state.status in ENDED:
            shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop what runs, and remove all."""
        self._closed = True
        for job, state in self._known():
            if state.status in ("queued", "running"):
                self.cancel(job)
        self._waiting.put(None)
        self._thread.join()
        self._lock_of_folder.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- in the thread of the runs

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            with self._changing:
                if self._closed or not _waits(job):
                    continue
                try:
                    process = _started(job)
                except OSError as error:
                    self._ended(job, State("died", str(error), created=job.state.created))
                    continue
                self._process = (job.id, process)
                state = replace(job.state, status="running", started=time.time(), pid=process.pid)
                self._set(job, state)
            code = process.wait()
            with self._changing:
                self._process = None
                status, message = self._how_it_ended(job, code)
                self._ended(
                    job,
                    replace(job.state, status=status, message=message, pid=None, exit_code=code),
                )

    def _how_it_ended(self, job: Job, code: int) -> tuple[str, str]:
        end = job.end
        if job.id in self._asked_to_stop and (end is None or end["status"] != "done"):
            return "cancelled", ""
        if end is not None:
            return end["status"], end.get("message", "")
        return "died", _last_words(job, code)

    def _ended(self, job: Job, state: State) -> None:
        self._set(job, replace(state, ended=time.time()))
        self._changing.notify_all()

    @staticmethod
    def _set(job: Job, state: State) -> None:
        _write(job.folder / "state.json", asdict(state))

    def _make_room(self) -> None:
        ended = [job for job, state in self._known() if state.status in ENDED]
        for job in ended[self._keep - 1 :]:
            self.remove(job)


def sweep(folder: Path) -> list[Path]:
    """Remove what servers left that are gone: they no longer hold the lock of their folder."""
    removed = []
    for place in folder.iterdir():
        if not place.is_dir() or place.is_symlink() or _is_being_made(place):
            continue
        lock = FileLock(place / "server.lock", timeout=0)
        try:
            with lock:
                shutil.rmtree(place, ignore_errors=True)
                removed.append(place)
        except (Timeout, OSError):
            continue
    return removed


def _waits(job: Job) -> bool:
    """Say whether a run is still to be done: it may have been stopped, and removed since."""
    try:
        return job.state.status == "queued"
    except OSError:
        return False


def _is_being_made(place: Path) -> bool:
    """Say whether a server may be about to lock a folder: it has just been made."""
    young = time.time() - place.stat().st_mtime < _SECONDS_TO_LOCK
    return young and not (place / "server.lock").exists()


def _started(job: Job) -> subprocess.Popen[bytes]:
    with (job.folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.job", str(job.folder), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process, and what it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _last_words(job: Job, code: int) -> str:
    """Say how a process ended that said nothing itself."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        told = f"its process was ended by {name}"
        if name == "SIGKILL":
            told += ", as systems do when memory runs out"
    else:
        told = f"its process ended with code {code}"
    with contextlib.suppress(OSError):
        log = (job.folder / "log.txt").read_bytes()[-_LOG_BYTES:].decode(errors="replace")
        lines = [line for line in log.splitlines() if line.strip()]
        told += f": {lines[-1].strip()}" if lines else ""
    running = [one["node"] for one in job.events() if one["event"] == "NodeStarted"]
    over = {one["node"] for one in job.events() if one["event"] == "NodeFinished"}
    open_ = [name for name in running if name not in over]
    return f"{told} (while {', '.join(open_)} ran)" if open_ else told


def _write(path: Path, document: Mapping[str, Any]) -> None:
    content = json.dumps(document).encode()
    publish(path, lambda file: file.write(content), durable=False)
