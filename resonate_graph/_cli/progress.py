"""Progress on stderr: a bar per node while it works, a line when it is done."""

from __future__ import annotations

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
)
from .words import spoken


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
            took = f"{event.seconds:.1f} s" if event.status == "ran" else ""
            self._say(f"  {event.node:<16} {event.type:<20} {event.status:<7} {took}".rstrip())
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
