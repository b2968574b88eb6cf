"""Scheduling: which step runs next, on which lane. Pure.

An accelerator is a lane that runs one step at a time; the CPU is a pool of threads. Of the steps
that are ready, the one with the longest path of work behind it goes first (critical path). One
that does not fit yet (its threads, its lane or its memory are taken) keeps a reservation: what
comes after it may go ahead only where, by the estimates, that does not make it wait any longer
(D. Lifka, *The ANL/IBM SP scheduling system*, 1995: EASY backfilling). So nothing starves, and
nothing idles for longer than the reservation asks for.

A step that needs more memory than there is at all runs while nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from .._base.dag import Dag

CPU = "cpu"

Id: TypeAlias = Any


@dataclass(frozen=True)
class Lanes:
    """Where steps can run.

    Attributes:
        threads: size of the CPU's pool.
        memory_bytes: main memory for all of them together.
        accelerators: the accelerators there are.
    """

    threads: int
    memory_bytes: int
    accelerators: tuple[str, ...] = ()


class Job(NamedTuple):
    """A step that is to run.

    Attributes:
        id: what it is known by.
        lanes: the accelerators it can run on, best first, each one alike; ``("cpu",)`` for the
            pool.
        threads: how many of the pool it keeps busy, at most all; none where it runs on an
            accelerator.
        bytes: the memory it needs beside what is held already.
        seconds: how long it is expected to take.
        path_seconds: the longest path of work that begins with it, itself included.
        order: decides between equal paths; the lowest goes first.
    """

    id: Id
    lanes: tuple[str, ...] = (CPU,)
    threads: int = 1
    bytes: int = 0
    seconds: float = 0.0
    path_seconds: float = 0.0
    order: tuple[int, ...] = ()

    @property
    def rank(self) -> tuple[float, tuple[int, ...]]:
        """What ready jobs are sorted by; the lowest goes first."""
        return -self.path_seconds, self.order


class Running(NamedTuple):
    """A job at work: on which lane, and when it is expected to end."""

    job: Job
    lane: str
    ends: float


def next_start(
    queue: Sequence[Job],
    running: Sequence[Running],
    lanes: Lanes,
    *,
    now: float = 0.0,
    held_bytes: int = 0,
) -> tuple[Job, str] | None:
    """Return the job that is to start now, and its lane; None where none is to.

    Args:
        queue: the jobs that are ready, sorted by `Job.rank`.
        running: the jobs at work.
        lanes: where jobs can run.
        now: the time, on the clock of `Running.ends`.
        held_bytes: memory taken by results that are still to be read.
    """
    if queue and not running:
        return queue[0], queue[0].lanes[0]
    room = _Room.now(running, lanes, held_bytes)
    if room.alone or (not room.threads and room.busy.issuperset(lanes.accelerators)):
        return None
    reserved: dict[tuple[str, ...], _Reservation] = {}
    for job in queue:
        lane = room.place(job)
        if lane is None:
            if job.lanes not in reserved:
                reserved[job.lanes] = _reserve(job, running, lanes, now, held_bytes)
        elif not any(one.is_delayed_by(job, lane, now) for one in reserved.values()):
            return job, lane
    return None


def needs_too_much(size: int, lanes: Lanes, held_bytes: int = 0) -> bool:
    """Whether what needs so many bytes does not fit into the memory even when nothing else runs."""
    return size > max(0, lanes.memory_bytes - held_bytes)


def remaining_paths(dag: Dag[Id], seconds: Mapping[Id, float]) -> dict[Id, float]:
    """Return the longest path of work that begins with each step, in seconds."""
    paths: dict[Id, float] = {}
    for step in reversed(dag.in_order()):
        after = max((paths[one] for one in dag.successors[step]), default=0.0)
        paths[step] = seconds.get(step, 0.0) + after
    return paths


# -- rehearsing ---------------------------------------------------------------------------------


class Turn(NamedTuple):
    """When and where a job would run.

    Attributes:
        job: the job.
        lane: its lane.
        starts: seconds after the beginning.
        ends: seconds after the beginning.
    """

    job: Job
    lane: str
    starts: float
    ends: float


class Rehearsal(NamedTuple):
    """What a run would come to, if all estimates were right.

    Attributes:
        turns: the jobs in the order in which they would start.
        seconds: how long it would take.
        peak_bytes: the most memory that steps and held results would take together.
    """

    turns: tuple[Turn, ...]
    seconds: float
    peak_bytes: int


def rehearse(
    jobs: Mapping[Id, Job],
    dag: Dag[Id],
    lanes: Lanes,
    *,
    results: Mapping[Id, int] | None = None,
    held_bytes: int = 0,
) -> Rehearsal:
    """Play a run through without doing anything.

    Args:
        jobs: the jobs by id.
        dag: what has to end before what starts; it may hold other nodes, which take no time.
        lanes: where jobs can run.
        results: bytes of what each job gives, held until all that read it have ended.
        held_bytes: memory that is taken all along.
    """
    closure = _between(dag, jobs)
    missing = {name: len(before) for name, before in closure.predecessors.items()}
    readers = {name: len(after) for name, after in closure.successors.items()}
    results = results or {}
    queue = sorted((jobs[name] for name in closure if not missing[name]), key=lambda one: one.rank)
    running: list[Running] = []
    turns: list[Turn] = []
    now, held, peak = 0.0, held_bytes, held_bytes
    while queue or running:
        start = next_start(queue, running, lanes, now=now, held_bytes=held)
        if start is not None:
            job, lane = start
            queue.remove(job)
            running.append(Running(job, lane, now + job.seconds))
            turns.append(Turn(job, lane, now, now + job.seconds))
            peak = max(peak, held + sum(one.job.bytes for one in running))
            continue
        ended = min(running, key=lambda one: one.ends)
        running.remove(ended)
        now = max(now, ended.ends)
        if readers[ended.job.id]:
            held += results.get(ended.job.id, 0)
        for before in closure.predecessors[ended.job.id]:
            readers[before] -= 1
            if not readers[before]:
                held -= results.get(before, 0)
        for after in closure.successors[ended.job.id]:
            missing[after] -= 1
            if not missing[after]:
                queue.append(jobs[after])
        queue.sort(key=lambda one: one.rank)
    return Rehearsal(tuple(turns), now, peak)


def _between(dag: Dag[Id], jobs: Mapping[Id, Job]) -> Dag[Id]:
    """Return the dependencies of the jobs alone, through whatever else lies between them."""
    before: dict[Id, set[Id]] = {}
    for name in dag.in_order():
        found: set[Id] = set()
        for one in dag.predecessors[name]:
            found |= {one} if one in jobs else before[one]
        before[name] = found
    return Dag(jobs, ((one, name) for name in before if name in jobs for one in before[name]))


# -- what is free -------------------------------------------------------------------------------


@dataclass
class _Room:
    """What is free at one moment."""

    threads: int
    bytes: int
    busy: set[str]
    alone: bool
    empty: bool

    @classmethod
    def now(cls, running: Sequence[Running], lanes: Lanes, held_bytes: int) -> _Room:
        taken = sum(one.job.bytes for one in running)
        free = max(0, lanes.memory_bytes - held_bytes)
        return cls(
            threads=lanes.threads - sum(one.job.threads for one in running),
            bytes=free - taken,
            busy={one.lane for one in running if one.lane != CPU},
            alone=taken > free,
            empty=not running,
        )

    def place(self, job: Job) -> str | None:
        """Return the lane on which a job can start; None where it does not fit."""
        if job.bytes > self.bytes and not self.empty:
            return None
        if job.lanes == (CPU,):
            return CPU if job.threads <= self.threads else None
        return next((lane for lane in job.lanes if lane not in self.busy), None)


class _Reservation(NamedTuple):
    """When a job that does not fit now will, by the estimates, and what is free then.

    Attributes:
        job: the job.
        at: when.
        threads: threads free then, its own included.
        bytes: memory free then, its own included; None where it waits until it is alone.
        lanes: its lanes that are free then.
    """

    job: Job
    at: float
    threads: int
    bytes: int | None
    lanes: frozenset[str]

    def is_delayed_by(self, job: Job, lane: str, now: float) -> bool:
        """Whether another job that starts now would still be in the way."""
        if now + job.seconds <= self.at:
            return False
        if self.bytes is None or self.bytes - job.bytes < self.job.bytes:
            return True
        if self.job.lanes == (CPU,):
            return self.threads - job.threads < self.job.threads
        return not self.lanes - {lane}


def _reserve(
    job: Job, running: Sequence[Running], lanes: Lanes, now: float, held_bytes: int
) -> _Reservation:
    left = sorted(running, key=lambda one: one.ends)
    for gone in range(1, len(left) + 1):
        room = _Room.now(left[gone:], lanes, held_bytes)
        if room.place(job) is not None:
            break
    return _Reservation(
        job=job,
        at=max(now, left[gone - 1].ends),
        threads=room.threads,
        bytes=None if job.bytes > room.bytes else room.bytes,
        lanes=frozenset(job.lanes) - room.busy,
    )
