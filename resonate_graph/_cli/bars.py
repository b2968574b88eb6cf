"""Bars on a terminal: one for each step at work, and one for all of them below."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn

from .work import Work, time_left


class Bars(Progress):
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
            if self._whole is None:  # else they are drawn again after a stop
                self._whole = self.add_task("", total=1.0)
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
