"""Executing: what is ready runs, as much of it at a time as the machine has room for.

Which goes first is for `_machine.schedule` to say; here it is done.

The thread that called plans, starts steps, listens and tells what happens; workers do one step
each and report. A step that nothing could run beside is done by the calling thread itself, and
where nothing else is open or to be locked, at once: so a chain costs no more than a loop. Reading
the inputs of a run is a step like others; so of several runs one is read while another computes.

A key that another process is computing is tried again now and then, while other steps go on; a
step takes its key's lock only when it can begin at once, so no two processes wait for each other.

When a run fails, its other steps are told to stop and waited for; the others go on. Ctrl-C, and
`cancelled` returning True, stop everything: between two steps, or wherever a node reports
progress. What was finished by then is in the store.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, ParamSpec, TypeAlias, TypeVar

from .._base.errors import Cancelled, ResonateError
from .._base.key_lock import KeyLock
from .._machine.schedule import CPU, Job, Lanes, Running, needs_too_much, next_start
from .._machine.workers import Workers
from .._node.context import RunContext
from .bookkeeping import Performance, Reading, Run
from .events import NodeProgress
from .settings import Setup

#: A step that is known to take less is done by the calling thread: telling a worker costs as much.
_BRIEF_SECONDS = 0.001

#: How often `cancelled` is asked, and how often a lock that another process holds is tried.
_PATIENCE_SECONDS = 0.1
_LOCK_SECONDS = 0.25

#: What reading a file takes, roughly.
_READ_SECONDS_PER_BYTE = 1e-8


@dataclass(eq=False)
class _Task:
    """Something at work: a step of a run, or the reading of its inputs (no name)."""

    run: Run
    name: str | None
    running: Running
    lock: KeyLock | None = None
    key: str | None = None
    warnings: list[tuple[str, str]] = field(default_factory=list)
    is_to_stop: bool = False


class _Ended(NamedTuple):
    """What is reported at the end of a task."""

    task: _Task
    reading: Reading | None = None
    performance: Performance | None = None
    error: BaseException | None = None


class _Progressed(NamedTuple):
    """What is reported meanwhile."""

    task: _Task
    done: float
    total: float


class _Said(NamedTuple):
    """What a step had to say meanwhile."""

    task: _Task
    code: str
    message: str


_Message: TypeAlias = "_Ended | _Progressed | _Said"

P = ParamSpec("P")
R = TypeVar("R")


class _OfTheCaller(BaseException):
    """Carries what a listener raised through a step of the same thread: it is no fault of a node.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Failing:
    """Within it, an error is told as that of a run; that all are to stop goes on."""

    def __init__(self, fail: Callable[[Run, BaseException], None], run: Run) -> None:
        self._fail = fail
        self._run = run

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, ResonateError) or isinstance(error, Cancelled):
            return False
        self._fail(self._run, error)
        return True


@dataclass(eq=False)
class _Wait:
    """A step whose key another process is computing, or another step of these runs."""

    run: Run
    name: str
    job: Job
    lock: KeyLock
    key: str
    is_told: bool = False


def execute(
    runs: Sequence[Run],
    setup: Setup,
    *,
    on_end: Callable[[Run], None] = lambda run: None,
) -> None:
    """Run to the end; each run has then an outcome or an error.

    Args:
        runs: the runs, first come first served where nothing else decides.
        setup: what they share.
        on_end: told of each run when it has ended.

    Raises:
        Cancelled: `setup.cancelled` returned True, or a node stopped by itself.
        KeyboardInterrupt: Ctrl-C was pressed; nothing is left half-done.
    """
    store = setup.store
    with store.in_use() if store else contextlib.nullcontext():
        _Execution(runs, setup, on_end).go()


class _Execution:
    """The loop, and what is ready, at work, and waiting for other processes."""

    def __init__(self, runs: Sequence[Run], setup: Setup, on_end: Callable[[Run], None]) -> None:
        self._to_open = deque(runs)
        self._open: list[Run] = []
        self._setup = setup
        self._on_end = on_end
        self._threads = setup.machine.threads
        self._lanes = Lanes(self._threads, setup.machine.memory_bytes)
        self._queue: list[Job] = []
        self._known: set[Any] = set()  # ids of jobs that are queued, at work or waiting
        self._tasks: list[_Task] = []
        self._waits: list[_Wait] = []
        self._computing: set[str] = set()
        self._own: _Task | None = None  # what the calling thread itself is at
        self._found = 0
        self._workers: Workers[_Message] = Workers()

    def go(self) -> None:
        try:
            while self._admit():
                self._check_cancelled()
                if not self._start_next():
                    self._listen()
        except _OfTheCaller as carried:
            self._abandon(carried.error)
            raise carried.error from carried.error.__cause__
        except BaseException as error:
            self._abandon(error)
            raise
        self._workers.close()

    # -- runs -----------------------------------------------------------------------------------

    def _admit(self) -> bool:
        """Bring runs and the queue up to date; False once there is nothing left to do."""
        for run in list(self._open):
            if run.error is not None:
                self._forget(run)
                if self._is_idle(run):
                    self._end(run)
                    continue
            elif run.is_begun and not run.has_ready and self._is_idle(run):
                with self._failing(run):
                    if run.conclude():
                        self._end(run)
                        continue
            self._enqueue(run)
        while self._to_open and len(self._open) < self._window:
            self._begin_reading(self._to_open.popleft())
        return bool(self._open or self._to_open)

    @property
    def _window(self) -> int:
        """How many runs are open at a time: enough to keep every lane busy, and one to read."""
        return 1 + self._threads + len(self._lanes.accelerators)

    def _begin_reading(self, run: Run) -> None:
        self._open.append(run)
        with self._failing(run):
            run.open()
            size = run.unread_bytes
            job = Job(
                id=(run.index, None),
                bytes=size,
                seconds=size * _READ_SECONDS_PER_BYTE,
                path_seconds=math.inf,  # all the work of the run is behind it
                order=(run.index,),
            )
            self._add(job)

    def _is_idle(self, run: Run) -> bool:
        busy = [one.run for one in self._tasks] + [one.run for one in self._waits]
        return run not in busy

    def _failing(self, run: Run) -> _Failing:
        """Let what goes wrong in here end one run, not the others."""
        return _Failing(self._fail, run)

    def _fail(self, run: Run, error: BaseException) -> None:
        """Stop what a run has at work; the first error is the one that is told."""
        if run.error is None:
            run.error = error
        for task in self._tasks:
            if task.run is run:
                task.is_to_stop = True

    def _forget(self, run: Run) -> None:
        """Start nothing more of a run that failed."""
        self._queue = [job for job in self._queue if job.id[0] != run.index]
        self._waits = [wait for wait in self._waits if wait.run is not run]

    def _end(self, run: Run) -> None:
        self._open.remove(run)
        run.close("failed" if run.error is not None else "done")
        if self._setup.store and self._open:
            others = (other.stored.digests for other in self._open)
            self._setup.store.retention.not_used(run.stored.digests.difference(*others))
        self._on_end(run)

    # -- the queue ------------------------------------------------------------------------------

    def _enqueue(self, run: Run) -> None:
        """Queue what has become ready; what nothing could run beside is done now."""
        news = self._pass(run, run.news())
        news = [name for name in news if (run.index, name) not in self._known]
        # a path is of no use to what is alone, nor where one step runs at a time
        alone = len(news) == 1 and not self._queue and not self._tasks
        ranked = not alone and (self._threads > 1 or bool(self._lanes.accelerators))
        for name in news:
            with self._failing(run):
                self._add(self._job(run, name, ranked=ranked))

    def _pass(self, run: Run, news: list[str]) -> list[str]:
        """Do one step after another as long as there is no other; return what is ready then."""
        others = self._queue or self._tasks or self._waits or self._to_open or self._open != [run]
        if not others and run.keeps_nothing:
            with self._failing(run):
                while len(news) == 1 and run.outlook.is_light(news[0]):
                    self._check_cancelled()
                    self._do(run, news[0])
                    news = run.news()
        return news if run.error is None else []

    def _do(self, run: Run, name: str) -> None:
        """Do a step beside which there is nothing to do, and which nobody else computes."""
        inputs = run.inputs(name)
        assert inputs is not None  # nothing that is not in the store is lost
        threads, size = run.outlook.light_demand(name, self._threads)
        held = run.held_bytes  # no other run is open
        if needs_too_much(size, self._lanes, held):
            self._warn_of_memory(run, name, size, held)
        warnings: list[tuple[str, str]] = []
        if run.graph.steps[name].type.takes_context:
            ctx = run.context(name, CPU, threads)
            self._connect_here(ctx, run, name, warnings)
        else:  # it has nothing to say
            ctx = run.bare_context(name, CPU, threads)
        run.finish(name, run.perform(name, inputs, ctx, warnings), warnings)

    def _connect_here(
        self, ctx: RunContext, run: Run, name: str, warnings: list[tuple[str, str]]
    ) -> None:
        """Let a step that the calling thread does tell what it has to, as it goes."""

        def say(code: str, message: str) -> None:
            warnings.append((code, message))
            run.warn(code, message, name)

        ctx.cancelled = _carried(self._setup.cancelled)
        ctx.on_progress = _carried(lambda done, total: run.tell(NodeProgress(name, done, total)))
        ctx.on_warning = _carried(say)

    def _add(self, job: Job) -> None:
        self._known.add(job.id)
        bisect.insort(self._queue, job, key=lambda one: one.rank)

    def _job(self, run: Run, name: str, *, ranked: bool) -> Job:
        devices, threads = run.outlook.demand(name, self._threads)
        if devices != (CPU,) and not set(devices) <= set(self._lanes.accelerators):
            accelerators = dict.fromkeys([*self._lanes.accelerators, *devices])
            self._lanes = replace(self._lanes, accelerators=tuple(accelerators))
        estimate = run.outlook.estimate(name)
        self._found += 1
        return Job(
            id=(run.index, name),
            lanes=devices,
            threads=threads,
            bytes=estimate.bytes,
            seconds=estimate.seconds,
            path_seconds=run.outlook.path_seconds(name) if ranked else 0.0,
            order=(run.index, run.order(name)) if ranked else (self._found,),
        )

    def _run_of(self, job: Job) -> Run:
        return next(run for run in self._open if run.index == job.id[0])

    @property
    def _held_bytes(self) -> int:
        return sum([run.held_bytes for run in self._open])

    def _next(self, queue: Sequence[Job], running: Sequence[Running]) -> tuple[Job, str] | None:
        if not queue:
            return None
        held = self._held_bytes
        return next_start(queue, running, self._lanes, now=time.perf_counter(), held_bytes=held)

    # -- starting -------------------------------------------------------------------------------

    def _start_next(self) -> bool:
        """Start the next job, if there is one that can; False where none can."""
        start = self._next(self._queue, [task.running for task in self._tasks])
        if start is None:
            return False
        job, lane = start
        self._queue.remove(job)
        run, name = self._run_of(job), job.id[1]
        if name is not None and not run.is_ready(name):  # what it reads came out otherwise
            self._known.discard(job.id)
            return True
        with self._failing(run):
            if name is None:
                task = _Task(run, None, self._running(job, lane))
                self._work(task, lambda: _Ended(task, reading=run.read()))
            else:
                self._take(run, name, job, lane)
        return True

    def _take(self, run: Run, name: str, job: Job, lane: str) -> None:
        """Begin a step, or let it wait for whoever computes the same."""
        key, lock = run.stored.key(name), run.stored.lock(name)
        if key is None or lock is None:
            self._begin(run, name, job, lane)
        elif key.hex in self._computing or not lock.take():
            self._waits.append(_Wait(run, name, job, lock, key.hex))
        else:
            self._begin(run, name, job, lane, lock, key.hex)

    def _begin(
        self,
        run: Run,
        name: str,
        job: Job,
        lane: str,
        lock: KeyLock | None = None,
        key: str | None = None,
    ) -> None:
        """Begin a step whose key is ours; or find it in the store, or that an input is lost."""
        task = _Task(run, name, self._running(job, lane), lock, key)
        self._own = task
        ctx = None
        inputs: dict[str, Any] | None = None
        try:
            if lock is None or not run.take_stored(name):
                inputs = run.inputs(name)
            if inputs is not None:
                if needs_too_much(job.bytes, self._lanes, held := self._held_bytes):
                    self._warn_of_memory(run, name, job.bytes, held)
                ctx = run.context(name, lane, max(1, job.threads))
        finally:
            if ctx is None:  # there is nothing to do, or it cannot be done
                self._let_go(task)
        if ctx is None or inputs is None:
            return
        if key is not None:
            self._computing.add(key)
        given = inputs

        def work() -> _Ended:
            try:
                done = run.perform(name, given, ctx, task.warnings)
            except BaseException as error:  # it is raised where somebody can hear it
                return _Ended(task, error=error)
            return _Ended(task, performance=done)

        self._work(task, work, ctx)

    def _work(self, task: _Task, work: Callable[[], _Ended], ctx: RunContext | None = None) -> None:
        """Do it now if nothing else could be done beside it; else have a worker do it."""
        busy = self._tasks or self._waits
        alone = not busy and self._next(self._queue, [task.running]) is None
        ctx = ctx or RunContext()
        if alone or self._is_brief(task):
            self._own = task
            ctx.cancelled = _carried(self._setup.cancelled)
            self._connect(ctx, task, _carried(self._hear))
            self._hear(work())
        else:
            ctx.cancelled = lambda: task.is_to_stop
            self._connect(ctx, task, self._workers.report)
            self._workers.start(work, busy=len(self._tasks))
            self._tasks.append(task)
            self._own = None

    def _is_brief(self, task: _Task) -> bool:
        return task.name is not None and task.run.outlook.took_seconds(task.name) < _BRIEF_SECONDS

    def _connect(self, ctx: RunContext, task: _Task, report: Callable[[_Message], None]) -> None:
        """Let a step tell how far it is, and what it has to say, while it is at work."""

        def say(code: str, message: str) -> None:
            task.warnings.append((code, message))
            report(_Said(task, code, message))

        ctx.on_progress = lambda done, total: report(_Progressed(task, done, total))
        ctx.on_warning = say

    def _warn_of_memory(self, run: Run, name: str, size: int, held: int) -> None:
        left = max(0, self._lanes.memory_bytes - held)
        run.warn(
            "memory-tight",
            f"this step needs about {size / 1e9:.1f} GB beside its inputs, and "
            f"{left / 1e9:.1f} GB are left: it runs alone, and may be slow or fail",
            name,
        )

    def _running(self, job: Job, lane: str) -> Running:
        return Running(job, lane, time.perf_counter() + job.seconds)

    # -- listening ------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hear what workers report, and try the locks that others hold."""
        if self._tasks:
            message = self._workers.hear(_PATIENCE_SECONDS)
            if message is not None:
                self._hear(message)
        if self._waits:
            self._try_locks()

    def _hear(self, message: _Message) -> None:
        run = message.task.run
        if isinstance(message, _Ended):
            try:
                with self._failing(run):
                    self._note(run, message)
            finally:
                self._let_go(message.task)
        elif run.error is not None or message.task.name is None:
            pass
        elif isinstance(message, _Said):
            run.warn(message.code, message.message, message.task.name)
        else:
            run.tell(NodeProgress(message.task.name, message.done, message.total))

    def _note(self, run: Run, ended: _Ended) -> None:
        """Note what came of a task; what comes of a run that failed is in the store at most."""
        if run.error is not None and isinstance(ended.error, (Exception, type(None))):
            return
        if ended.error is not None:
            raise ended.error
        if ended.reading is not None:
            run.begin(ended.reading)
        elif ended.performance is not None and ended.task.name is not None:
            run.finish(ended.task.name, ended.performance, ended.task.warnings)

    def _let_go(self, task: _Task) -> None:
        """Forget a task, and let others have its key."""
        if task in self._tasks:
            self._tasks.remove(task)
        if task is self._own:
            self._own = None
        self._known.discard(task.running.job.id)
        if task.key is not None:
            self._computing.discard(task.key)
        if task.lock is not None:
            task.lock.give_back()

    def _try_locks(self) -> None:
        """Go on with steps that waited for somebody else."""
        for wait in list(self._waits):
            key = wait.run.stored.key(wait.name)
            if not wait.run.is_ready(wait.name) or key is None or key.hex != wait.key:
                self._waits.remove(wait)  # it is not wanted any more, or not in this form
                self._known.discard(wait.job.id)
                wait.run.remind(wait.name)
            elif wait.key not in self._computing:
                self._try_lock(wait)

    def _try_lock(self, wait: _Wait) -> None:
        run = wait.run
        if not wait.lock.take(0.0 if self._tasks else _LOCK_SECONDS):
            if not wait.is_told:
                wait.is_told = True
                run.wait(wait.name)
            return
        self._waits.remove(wait)
        start = self._next([wait.job], [task.running for task in self._tasks])
        if start is None:  # a lock is held by what computes, not by what waits
            wait.lock.give_back()
            bisect.insort(self._queue, wait.job, key=lambda one: one.rank)
        else:
            with self._failing(run):
                self._begin(run, wait.name, wait.job, start[1], wait.lock, wait.key)

    # -- stopping -------------------------------------------------------------------------------

    def _check_cancelled(self) -> None:
        if self._setup.cancelled():
            raise Cancelled("the run was cancelled")

    def _abandon(self, error: BaseException) -> None:
        """Stop everything; whoever does not want to wait for that presses Ctrl-C again."""
        tasks = [*self._tasks, *([self._own] if self._own else [])]
        for task in tasks:
            task.is_to_stop = True
        try:
            self._workers.close()
        finally:
            for task in tasks:
                self._let_go(task)
            cancelled = isinstance(error, (KeyboardInterrupt, Cancelled))
            for run in self._open:
                with contextlib.suppress(Exception):  # it is told already what went wrong
                    run.close("cancelled" if cancelled else "failed")


def _carried(call: Callable[P, R]) -> Callable[P, R]:
    """Return what asks or tells the caller from within a step, without a fault of the step's."""

    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except Exception as error:
            raise _OfTheCaller(error) from None

    return asked
