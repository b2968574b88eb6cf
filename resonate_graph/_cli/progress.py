"""Progress on stderr: a line when a step is done, and bars while it works, one of them for all."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

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
from .lines import console_on, may_draw_on, to_stderr
from .text_tables import stderr_columns
from .words import spoken
from .work import Work

if TYPE_CHECKING:  # what draws is imported where somebody sees it
    from rich.console import Console, RenderableType
    from rich.progress import TaskID

#: How wide the column of the steps' names is, at least and at most.
_SHORTEST_NAME, _LONGEST_NAME = 16, 30


class ProgressDisplay:
    """Shows the events of runs. Where stderr is no terminal it says its lines and draws no bars.

    Args:
        quiet: say what is warned of, and nothing else.
        verbose: say each step that is reused, and all that is read and waited for.
        runs: how many runs there will be.
        console: where it is shown; None for stderr.
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
        self._work = Work(runs)
        self._bars = None
        if console is not None or may_draw_on(sys.stderr):
            from .bars import Bars

            self._bars = Bars(self._work, console or console_on(sys.stderr))
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
        self._stop()

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
            task = self._tasks.get((index, event.node))
            if self._bars is not None and task is not None:
                self._bars.update(task, completed=event.done, total=event.total)
        elif isinstance(event, NodeFinished):
            self._finish(index, prefix, event, silent=silent)
        elif isinstance(event, RunFinished):
            self._tell_reused(index, prefix, silent=silent)
            self._work.ended(index)
            if self._work.is_done:
                self._stop()
        elif isinstance(event, PictureMade):
            self.count("pictures", event.done, event.total)
        elif not silent:
            self._tell_aside(prefix, event)

    def bars(self) -> list[RenderableType]:
        """Return the bars as they are now."""
        return [] if self._bars is None else list(self._bars.get_renderables())

    def say(self, text: str, style: str | None = None) -> None:
        """Say a line, above the bars."""
        if self._bars is None:
            to_stderr(text)
        else:
            self._bars.console.print(text, style=style, markup=False, emoji=False)

    def tell(self, text: str) -> None:
        """Say a line, unless nothing is to be said but warnings."""
        if not self._quiet:
            self.say(text)

    def count(self, what: str, done: int, total: int) -> None:
        """Show how many of some things are done that are no steps."""
        if self._quiet or self._bars is None:
            return
        key = (-1, what)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(what, total=total)
        self._bars.draw()
        self._bars.update(self._tasks[key], completed=done, description=f"{what} {done} of {total}")
        if done == total:
            self._bars.remove_task(self._tasks.pop(key))

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()

    def _start_bar(self, index: int, label: str, event: NodeStarted) -> None:
        if self._quiet or self._bars is None:
            return
        self._bars.draw()
        where = "" if event.device == "cpu" else f" ({event.device})"
        self._tasks[index, event.node] = self._bars.add_task(f"{label}{where}", total=None)

    def _finish(self, index: int, prefix: str, event: NodeFinished, *, silent: bool) -> None:
        self._work.finished(index, event.node)
        task = self._tasks.pop((index, event.node), None)
        if self._bars is not None and task is not None:
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
