"""Progress on stderr: a bar per node while it works, a line when it is done."""

from __future__ import annotations

import textwrap
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from typing_extensions import Self

from .. import (
    Event,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    Warned,
    did_in_words,
)
from .words import spoken

#: As wide as a line may be.
_COLUMNS = 80


class ProgressDisplay:
    """Shows the events of a run. Silent where stderr is no terminal, but for its lines."""

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

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
        """Show an event."""
        if isinstance(event, NodeStarted):
            self._start()
            label = f"{event.node} ({event.type}, {event.device})"
            self._tasks[event.node] = self._progress.add_task(label, total=None)
        elif isinstance(event, NodeWaiting):
            self._say(f"  {event.node:<16} waits: another process computes the same")
        elif isinstance(event, NodeProgress):
            task = self._tasks[event.node]
            self._progress.update(task, completed=event.done, total=event.total)
        elif isinstance(event, NodeFinished):
            if event.node in self._tasks:
                self._progress.remove_task(self._tasks.pop(event.node))
            self._say(_finished(event))
        elif isinstance(event, Warned):
            where = f"{event.node}: " if event.node else ""
            self._say(f"  warning: {where}{spoken(event.message)}", style="yellow")
        elif isinstance(event, RunFinished):
            self._stop()

    def _start(self) -> None:
        if self._progress.console.is_interactive:
            self._progress.start()

    def _stop(self) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    def _say(self, text: str, style: str | None = None) -> None:
        self._progress.console.print(text, style=style, markup=False)


def _finished(event: NodeFinished) -> str:
    """Say what became of a node, and what it did: beside it, or below where that is too long."""
    status = f"ran {event.seconds:.1f} s" if event.status == "ran" else event.status
    head = f"  {event.node:<16} {status:<9}"
    words = did_in_words(event.did) or event.type
    one_line = f"{head}  {words}"
    if len(one_line) <= _COLUMNS:
        return one_line
    indent = " " * 6
    below = textwrap.fill(
        words, _COLUMNS, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )
    return f"{head.rstrip()}\n{below}"
