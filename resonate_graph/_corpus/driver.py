"""The batch itself: what is to be done, handed out, and what came of it written down.

The journal is the truth. Whoever does the jobs is transport: children of this process, or workers
of a Dask cluster. A job is done when the journal has its success, made by the same graph and
weights of the same inputs, and its outputs are there and match. What is not in the journal is done
again, which is cheap where the store has its steps.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from .. import OutputError, ResonateError
from .hand import Setup
from .jobs import End, Job, digest_of, file_digest, identity, stamp, what_changed
from .journal import Journal
from .listing import Wanted
from .results import write_results
from .row import BatchRow
from .sums import Sums

#: A process that dies so often of a job has died of it.
_DEATHS = 2
#: A worker may be lost so often with a job at hand before that counts as a failure of it.
_LOSSES = 8
_LOCK = "batch.lock"
#: Who asks whether a batch is at work holds its lock for a moment, which is no batch.
_LOOKING_SECONDS = 0.5


class Executor(Protocol):
    """Whoever does jobs."""

    @property
    def room(self) -> int:
        """How many jobs are taken at a time."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What somebody should know now of those who do the jobs."""
        ...

    def take(self, name: str, job: Mapping[str, Any], *, alone: bool = False) -> None:
        """Take a job; `alone` where it gets a process of its own."""

    def ended(self, seconds: float) -> list[tuple[str, End]]:
        """Return the jobs that ended, after waiting some time for one."""
        ...

    def given_back(self) -> list[str]:
        """Return jobs that were taken and not begun, which are not done then."""
        ...

    def close(self) -> None:
        """Stop what is at work."""


@dataclass
class Plan:
    """What is to be done, told before it is.

    Attributes:
        total: how many jobs there are.
        done: how many are done already.
        stale: how many were done, or failed, and have to be done again; by reason.
        failed: how many failed before and are left as they are.
        todo: how many are to be done.
    """

    total: int = 0
    done: int = 0
    stale: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    todo: int = 0

    def in_words(self) -> list[str]:
        """Say it, in lines."""
        jobs = "1 job" if self.total == 1 else f"{self.total} jobs"
        lines = [f"{jobs}: {self.done} done, {self.todo} to do"]
        if self.failed:
            lines[0] += f", {self.failed} failed before (--retry-failed does them again)"
        lines += [
            f"  {count} {'is' if count == 1 else 'are'} done again: {reason}"
            for reason, count in self.stale.most_common()
        ]
        return lines


class Batch:
    """All jobs of one folder, from the list to the results.

    Args:
        jobs: the jobs.
        wanted: what is wanted of each.
        setup: what all of them share.
        folder: where the journal and the results go, and the outputs unless they go elsewhere.
        max_failures: stop when more than so many failed in this start; None never to.
        retry_failed: do again what failed before.
        verify: compare outputs by content, and not by size and time alone.

    Raises:
        OutputError: the folder cannot be written, or another batch is at work there.
        StoreError: the journal cannot be used.
        ResonateError: a step of the graph can never be done.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        wanted: Wanted,
        setup: Setup,
        folder: Path,
        *,
        max_failures: int | None = None,
        retry_failed: bool = False,
        verify: bool = False,
    ) -> None:
        self.folder = folder
        self.jobs = {job.id: job for job in jobs}
        self.sums = Sums(total=len(self.jobs))
        self.plan = Plan(total=len(self.jobs))
        self._wanted, self._setup = wanted, setup
        self._max_failures, self._retry = max_failures, retry_failed
        self._verify = verify
        self._identities: dict[str, str] = {}
        self._lock = _locked(folder)
        try:
            self._journal = Journal(folder)
            self._start = self._journal.start(wanted.graph.name, setup.graph, _told(setup))
            self._journal.add_jobs(jobs)
            self._todo: deque[str] = deque()
            self._last: deque[str] = deque()
            self._deaths: Counter[str] = Counter()
            self._losses: Counter[str] = Counter()
            self._contents: dict[str, str] = {}
            self._kept: list[str] = []
            self._unwritten: list[tuple[str, str, End]] = []
            self._look()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the folder."""
        if hasattr(self, "_journal"):
            self._journal.close()
        self._lock.release()

    # -- what is to be done -----------------------------------------------------------------------

    def _look(self) -> None:
        """Find out which jobs are done, stale or new."""
        mortal = self._journal.mortal()
        for job in self.jobs.values():
            now = self._identity(job)
            last = self._journal.last_end(job.id)
            state = self._standing(last, now)
            if state == "done":
                self._kept.append(job.id)
                self.plan.done += 1
            elif state == "failed" and not self._retry:
                assert last is not None
                self._kept.append(job.id)
                self.plan.failed += 1
                self.sums.fail(last[1])
            else:
                if state not in ("new", "failed"):
                    self.plan.stale[state] += 1
                self._put(job.id, mortal.get(job.id, ""))
        self.plan.todo = len(self._todo) + len(self._last)
        self.sums.kept, self.sums.failed_before = self.plan.done, self.plan.failed
        self.sums.quarantined = len(self._last)

    def _put(self, name: str, content: str) -> None:
        """Put a job where it belongs: to the others, or to those that come last, alone."""
        if content:
            self._contents[name] = content
            self._deaths[content] = self._journal.deaths(content)
        (self._last if self._deaths[content] >= _DEATHS and content else self._todo).append(name)

    def _identity(self, job: Job) -> str:
        """Return the digest of what decides the results of a job, whatever goes in."""
        key = digest_of([sorted(job.inputs), dict(job.params)])
        if key not in self._identities:
            wanted = self._wanted
            bound = wanted.graph.check(
                list(job.inputs), job.params, outputs=wanted.outputs, models=wanted.models
            )
            parts = identity(bound, wanted.models, self._deciding)
            self._identities[key] = digest_of(parts)
            self._journal.add_identity(self._identities[key], parts)
        return self._identities[key]

    @property
    def _deciding(self) -> dict[str, Any]:
        """The settings that decide results."""
        return {"salvage": self._setup.settings.get("salvage", False)}

    def probing(self, setup: Setup) -> Setup:
        """Return a setup whose children say what decides their results, for the first job."""
        job = next(iter(self.jobs.values()))
        probe = {
            "inputs": list(job.inputs),
            "params": dict(job.params),
            "settings": self._deciding,
            "expected": self._journal.identity(self._identity(job)),
        }
        return replace(setup, probe=probe)

    def _standing(self, last: tuple[str, End] | None, now: str) -> str:
        """Return ``new``, ``done``, ``failed``, or why it has to be done again."""
        if last is None:
            return "new"
        before, end = last
        if before != now:
            old, new = self._journal.identity(before), self._journal.identity(now)
            changes = what_changed(old, new) if old and new else []
            return "; ".join(changes[:4]) or "the graph changed"
        if any(self._differs(Path(str(one["path"])), one) for one in end.inputs.values()):
            return "the input changed"
        return self._outputs_amiss(end) or end.state

    def _outputs_amiss(self, end: End) -> str:
        """Say what is wrong with the outputs of a job; nothing where they are as they were."""
        remote = self._setup.remote.rstrip("/")
        for one in end.outputs.values():
            place = str(one["path"])
            if not (place.startswith(f"{remote}/") if remote else "://" not in place):
                return "outputs go elsewhere now"
            if remote:
                continue
            if not (self.folder / place).exists():
                return "the output is gone"
            if self._differs(self.folder / place, {**one, "digest": one.get("file")}):
                return "the output was changed"
        return ""

    def _differs(self, path: Path, known: Mapping[str, Any]) -> bool:
        """Whether a file is not what it was: by content where size and time do not settle it."""
        if "://" in str(known["path"]):
            return False
        try:
            found = stamp(path)
            if found["bytes"] != known.get("bytes"):
                return True
            if found["mtime_ns"] == known.get("mtime_ns") and not self._verify:
                return False
            return file_digest(path) != known.get("digest")
        except OSError:
            return True

    # -- doing it ---------------------------------------------------------------------------------

    def rows(
        self, begin: Callable[[], Executor], on_progress: Callable[[Sums], None]
    ) -> Iterator[BatchRow]:
        """Do what is to be done, and yield each job when it has ended; those done before first.

        What is left when it is closed early, or interrupted, is left for the next start.

        Args:
            begin: gives whoever does the jobs, if there are any; closed at the end.
            on_progress: told now and then how far it is.
        """
        began = time.monotonic()
        executor = begin() if self._todo or self._last else None
        try:
            self._journal.add_ends(self._start, [], self.sums)
            for name in self._kept:
                last = self._journal.last_end(name)
                assert last is not None
                yield BatchRow.of(self.jobs[name], last[1], kept=True)
            if executor is not None:
                yield from self._done_by(executor, began, on_progress)
        finally:
            if executor is not None:
                executor.close()
            self.sums.took = time.monotonic() - began
            self.sums.ended = True
            # what has ended stays so, whatever ended this
            with contextlib.suppress(ResonateError):
                self._journal.add_ends(self._start, self._unwritten, self.sums)

    def _done_by(
        self, executor: Executor, began: float, on_progress: Callable[[Sums], None]
    ) -> Iterator[BatchRow]:
        """Have jobs done, and yield each that has ended once it is written down."""
        flying: dict[str, bool] = {}
        stopped = False
        final: list[tuple[str, End]] = []
        while True:
            # before what ended is written, so that nobody waits for the disk meanwhile
            self._hand_out(executor, flying, stopped=stopped)
            remarks = list(executor.remarks)
            if self._unwritten or remarks != self.sums.remarks:
                self.sums.remarks = remarks
                self._journal.add_ends(self._start, self._unwritten, self.sums)
                self._unwritten = []
            on_progress(self.sums)
            for name, end in final:
                yield BatchRow.of(self.jobs[name], end, kept=False)
            if not flying:
                return
            final = self._judged(executor.ended(0.5), flying)
            self.sums.took = time.monotonic() - began
            failed = self.sums.failed - self.sums.failed_before
            stopped = self._max_failures is not None and failed > self._max_failures

    def write_results(self, worded: Callable[[str], str] = str) -> list[Path]:
        """Write the table of results and the page, its messages in some words; return them."""
        name = self._wanted.graph.name
        return write_results(self.folder, name, self._journal, self.jobs, self.sums, worded)

    def _hand_out(self, executor: Executor, flying: dict[str, bool], *, stopped: bool) -> None:
        """Give the executor what it has room for, or take back what it has not begun."""
        if stopped:
            for name in executor.given_back():
                del flying[name]
            return
        while self._todo and len(flying) < executor.room:
            name = self._todo.popleft()
            executor.take(name, self._message(name))
            flying[name] = False
        if not flying and self._last:
            name = self._last.popleft()
            executor.take(name, self._message(name), alone=True)
            flying[name] = True

    def _message(self, name: str) -> dict[str, Any]:
        job = self.jobs[name]
        held = [one for one, count in self._deaths.items() if count >= _DEATHS]
        return {
            "inputs": dict(job.inputs),
            "params": dict(job.params),
            "name": job.name,
            "identity": self._identity(job),
            "held": held if name not in self._contents else [],
        }

    def _judged(
        self, ended: Sequence[tuple[str, End]], flying: dict[str, bool]
    ) -> list[tuple[str, End]]:
        """Take down how jobs ended, to be written; return which are over."""
        final: list[tuple[str, End]] = []
        for name, found in ended:
            alone, end = flying.pop(name), found
            now = self._identity(self.jobs[name])
            if end.state == "lost":
                self._losses[name] += 1
                if self._losses[name] < _LOSSES:
                    (self._last if alone else self._todo).append(name)
                    continue
                end = replace(end, state="failed", kind="worker")
            if end.state == "quarantined":
                self._contents[name] = end.content
                self._last.append(name)
                self.sums.quarantined += 1
                continue
            if end.state == "died":
                self.sums.add(end)
                end = replace(end, content=end.content or name)
                self._unwritten.append((name, now, end))
                self._contents[name] = end.content
                self._deaths[end.content] += 1
                if not alone:
                    late = self._deaths[end.content] >= _DEATHS
                    (self._last if late else self._todo).append(name)
                    self.sums.quarantined += late
                    continue
                end = replace(end, state="failed")
            self.sums.quarantined -= alone
            self.sums.add(end)
            self._unwritten.append((name, now, end))
            final.append((name, end))
        return final


def _locked(folder: Path) -> FileLock:
    """Return the right to work in a folder.

    Raises:
        OutputError: it cannot be written, or another batch has the right.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=_LOOKING_SECONDS)
        lock.acquire()
    except Timeout:
        raise OutputError(f"{folder}: another batch is at work here") from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
    return lock


def is_at_work(folder: Path) -> bool:
    """Say whether a batch is at work in a folder."""
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _told(setup: Setup) -> dict[str, Any]:
    return {"outputs": setup.outputs, "settings": dict(setup.settings), "nodes": setup.nodes}
