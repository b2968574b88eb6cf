"""Progress on stderr: a line when a step is done, and bars while it works, one of them for all."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import RLock
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn
from typing_extensions import Self

from .. import (
    Event,
    InputRead,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    PictureMade,
    RunFinished,
    RunPlanned,
    Warned,
    did_in_words,
)
from .text_tables import stderr_columns
from .words import spoken

#: A step that reports nothing is believed to be so far at most, as a ratio.
_UNSEEN = 0.9

#: How wide the column of the steps' names is, at least and at most.
_SHORTEST_NAME, _LONGEST_NAME = 16, 30

#: What takes less than this has no time left to tell.
_BRIEF_SECONDS = 2.0


class ProgressDisplay:
    """Shows the events of runs. Where stderr is no terminal it says its lines and draws no bars.

    Args:
        quiet: say what is warned of, and nothing else.
        verbose: say each step that is reused, and all that is read and waited for.
        runs: how many runs there will be.
        console: where it is shown.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        runs: int = 1,
        console: Console | None = None,
    ) -> None:
        self._quiet, self._verbose = quiet, verbose
        console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._work = Work(runs)
        self._bars = _Bars(self._work, console)
        self._tasks: dict[tuple[int, str], TaskID] = {}
        self._reused: dict[int, list[NodeFinished]] = {}
        self._longest = _SHORTEST_NAME
        self._planned: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show an event of the only run."""
        self.show(0, "", event)

    def of_run(self, index: int, label: str = "") -> Callable[[Event], None]:
        """Return what shows the events of one of several runs.

        Args:
            index: which one it is.
            label: what its lines begin with; of one that has a label only warnings are said, unless
                everything is to be said.
        """
        return lambda event: self.show(index, label, event)

    def show(self, index: int, label: str, event: Event) -> None:
        """Show an event of a run."""
        silent = self._quiet or (bool(label) and not self._verbose)
        prefix = f"{label}: " if label else ""
        if isinstance(event, Warned):
            where = f"{event.node}: " if event.node else ""
            self.say(f"  warning: {prefix}{where}{spoken(event.message)}", style="yellow")
        elif isinstance(event, RunPlanned):
            self._work.planned(index, event)
            self._longest = min(_LONGEST_NAME, max([self._longest, *map(len, event.seconds)]))
            self._planned.add(index)
            self._tell_reused(index, prefix, silent=silent)
        elif isinstance(event, NodeStarted):
            self._work.started(index, event.node)
            self._start_bar(index, f"{prefix}{event.node}", event)
        elif isinstance(event, NodeProgress):
            self._work.progressed(
                index, event.node, event.done / event.total if event.total else 0.0
            )
            if (task := self._tasks.get((index, event.node))) is not None:
                self._bars.update(task, completed=event.done, total=event.total)
        elif isinstance(event, NodeFinished):
            self._finish(index, prefix, event, silent=silent)
        elif isinstance(event, RunFinished):
            self._tell_reused(index, prefix, silent=silent)
            self._work.ended(index)
            if self._work.is_done:
                self._bars.stop()
        elif isinstance(event, PictureMade):
            self.count("pictures", event.done, event.total)
        elif not silent:
            self._tell_aside(prefix, event)

    def bars(self) -> list[RenderableType]:
        """Return the bars as they are now."""
        return list(self._bars.get_renderables())

    def say(self, text: str, style: str | None = None) -> None:
        """Say a line, above the bars."""
        self._bars.console.print(text, style=style, markup=False)

    def tell(self, text: str) -> None:
        """Say a line, unless nothing is to be said but warnings."""
        if not self._quiet:
            self.say(text)

    def count(self, what: str, done: int, total: int) -> None:
        """Show how many of some things are done that are no steps."""
        if self._quiet:
            return
        key = (-1, what)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(what, total=total)
        self._bars.draw()
        self._bars.update(self._tasks[key], completed=done, description=f"{what} {done} of {total}")
        if done == total:
            self._bars.remove_task(self._tasks.pop(key))

    def _start_bar(self, index: int, label: str, event: NodeStarted) -> None:
        if self._quiet:
            return
        self._bars.draw()
        where = "" if event.device == "cpu" else f" ({event.device})"
        self._tasks[index, event.node] = self._bars.add_task(f"{label}{where}", total=None)

    def _finish(self, index: int, prefix: str, event: NodeFinished, *, silent: bool) -> None:
        self._work.finished(index, event.node)
        if (task := self._tasks.pop((index, event.node), None)) is not None:
            self._bars.remove_task(task)
        if event.status == "cached" and not self._verbose:
            self._reused.setdefault(index, []).append(event)
        elif not silent:
            self.say(finished_line(event, prefix, self._longest))

    def _tell_reused(self, index: int, prefix: str, *, silent: bool) -> None:
        """Say how many steps were taken from the store, together."""
        count = len(self._reused.pop(index, ()))
        if count and not silent:
            self.say(f"  {prefix}{count} reused")

    def _tell_aside(self, prefix: str, event: Event) -> None:
        if isinstance(event, NodeWaiting):
            self.say(
                f"  {prefix}{event.node:<{self._longest}} waits: another process computes the same"
            )
        elif isinstance(event, InputRead) and self._verbose:
            self.say(f"  {prefix}{event.name:<{self._longest}} is {event.description}")


def finished_line(event: NodeFinished, prefix: str = "", longest: int = _SHORTEST_NAME) -> str:
    """Say what became of a node, and what it did: beside it, or below where that is too long.

    Args:
        event: the node, and what became of it.
        prefix: what stands before it.
        longest: how wide the column of names is.
    """
    width = stderr_columns()
    status = f"ran {event.seconds:.1f} s" if event.status == "ran" else "reused"
    head = f"  {prefix}{event.node:<{longest}} {status:<9}"
    words = did_in_words(event.did) or event.type
    one_line = f"{head}  {words}"
    if width is None or len(one_line) <= width:
        return one_line
    indent = " " * 6
    below = textwrap.fill(
        words,
        max(width, 20),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
    )
    return f"{head.rstrip()}\n{below}"


# -- all of it together ---------------------------------------------------------------------------


@dataclass
class _Step:
    """A step that is at work: when it began, and how far it says it is."""

    began: float
    reported: float = 0.0


@dataclass
class _Course:
    """What one run has to do, and how far it is."""

    seconds: dict[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    finished: set[str] = field(default_factory=set)
    at_work: dict[str, _Step] = field(default_factory=dict)
    has_ended: bool = False


class Work:
    """How much of some runs is done, and how long the rest will take.

    Args:
        runs: how many there will be.
        clock: tells the time, in seconds.
    """

    def __init__(self, runs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.runs = runs
        self._clock = clock
        self._courses: dict[int, _Course] = {}
        self._began = clock()
        self._lock = RLock()  # the bars are drawn by a thread of their own

    def planned(self, index: int, event: RunPlanned) -> None:
        """Note what a run has to do."""
        with self._lock:
            if not self._courses:
                self._began = self._clock()
            self._courses[index] = _Course(dict(event.seconds), event.total_seconds)

    def started(self, index: int, node: str) -> None:
        """Note that a step began."""
        with self._lock:
            if index in self._courses:
                self._courses[index].at_work[node] = _Step(self._clock())

    def progressed(self, index: int, node: str, ratio: float) -> None:
        """Note how far a step is."""
        with self._lock:
            if index in self._courses and node in self._courses[index].at_work:
                self._courses[index].at_work[node].reported = ratio

    def finished(self, index: int, node: str) -> None:
        """Note that a step is done."""
        with self._lock:
            if index in self._courses:
                self._courses[index].at_work.pop(node, None)
                self._courses[index].finished.add(node)

    def ended(self, index: int) -> None:
        """Note that a run has ended."""
        with self._lock:
            self._courses.setdefault(index, _Course()).has_ended = True

    @property
    def is_done(self) -> bool:
        """Whether all runs have ended."""
        return sum(course.has_ended for course in self._courses.values()) >= self.runs

    @property
    def ended_runs(self) -> int:
        """How many runs have ended."""
        return sum(course.has_ended for course in self._courses.values())

    def steps(self) -> tuple[int, int]:
        """Return how many steps are done of those that have to run, and how many these are."""
        with self._lock:
            done = sum(len(one.finished & one.seconds.keys()) for one in self._courses.values())
            return done, sum(len(one.seconds) for one in self._courses.values())

    def ratio(self) -> float:
        """Return how much of all is done, as a ratio."""
        with self._lock:
            done, total, _ = self._sums()
            return min(1.0, done / total) if total else 0.0

    def seconds_left(self) -> float | None:
        """Return how long the rest will take: as expected first, as seen more and more."""
        with self._lock:
            done, total, wall = self._sums()
            if not total:
                return None
            expected = wall / total
            seen = (self._clock() - self._began) / done if done else expected
            share = min(1.0, done / total)
            return (expected * (1 - share) + seen * share) * (total - done)

    def _sums(self) -> tuple[float, float, float]:
        """Return what is done, all there is to do, and how long that was expected to take.

        Runs of which nothing is known yet count as those that were planned, on the average.
        """
        known = self._courses.values()
        total = sum(sum(one.seconds.values()) for one in known)
        wall = sum(one.total_seconds for one in known)
        done = sum(self._done(one) for one in known)
        more = self.runs / len(known) if known else 0.0
        return done, total * more, wall * more

    def _done(self, course: _Course) -> float:
        now = self._clock()
        done = sum(course.seconds.get(name, 0.0) for name in course.finished)
        for name, step in course.at_work.items():
            expected = course.seconds.get(name, 0.0)
            passed = min(_UNSEEN, (now - step.began) / expected) if expected else 0.0
            done += expected * (step.reported or passed)
        return sum(course.seconds.values()) if course.has_ended else done


class _Bars(Progress):
    """A bar for each step at work, and one for all of them below."""

    def __init__(self, work: Work, console: Console) -> None:
        self._all = work
        self._whole: TaskID | None = None
        super().__init__(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )

    def add_task(self, description: str, **more: object) -> TaskID:  # type: ignore[override]
        """Add a bar, without a time of its own."""
        return super().add_task(description, **{"left": "", **more})  # type: ignore[arg-type]

    def draw(self) -> None:
        """Draw from now on, where somebody sees it."""
        if self.console.is_interactive and not self.live.is_started:
            self._whole = self._whole or self.add_task("", total=1.0)
            self.start()

    def stop(self) -> None:
        """Draw no more."""
        if self.live.is_started:
            super().stop()

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bars, the one for all of it last."""
        own = [task for task in self.tasks if task.id != self._whole]
        yield self.make_tasks_table([*own, *self._of_all()])

    def _of_all(self) -> list[Task]:
        whole = [task for task in self.tasks if task.id == self._whole]
        for task in whole:
            done, steps = self._all.steps()
            left = self._all.seconds_left()
            runs = self._all.runs
            told = (
                f"{self._all.ended_runs} of {runs} runs" if runs > 1 else f"{done} of {steps} steps"
            )
            task.description = told
            task.completed = self._all.ratio()
            task.fields["left"] = time_left(left) if left is not None else ""
        return whole


def time_left(seconds: float) -> str:
    """Say how long something will still take, as roughly as it is known."""
    if seconds < _BRIEF_SECONDS:
        return ""
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min left"
    return f"about {seconds / 3600:.1f} h left"
