"""Progress in notebooks: a line of how far a run is, and at its end of what was done.

`in_notebook` gives a listener where there is a notebook that shows things, and None elsewhere; it
imports nothing to find that out.
"""

from __future__ import annotations

import html
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any

from .._run.events import (
    Event,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    Warned,
)
from .._run.settings import nobody_listens

#: Runs that are over sooner show nothing; what is shown is renewed no more often.
_PATIENCE_SECONDS = 0.4
_RENEWAL_SECONDS = 0.2


def in_notebook() -> bool:
    """Whether there is a notebook, which shows what it is given."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def run_listener() -> Callable[[Event], None]:
    """Return what `Graph.run` tells its events where nobody else wants them."""
    if not in_notebook():
        return nobody_listens
    shown = Progress(_display())
    return lambda event: shown(0, event)


def runs_listener() -> Callable[[int, Event], None]:
    """Return the same for `Graph.run_many`, which tells the index of the run as well."""
    return Progress(_display()) if in_notebook() else lambda index, event: None


def rows_listener(combinations: int) -> Callable[[object], None]:
    """Return what `Graph.sweep` tells its rows where nobody else wants them."""
    if not in_notebook():
        return lambda row: None
    show, began, done = _display(), time.monotonic(), count(1)

    def told(row: object) -> None:
        number = next(done)
        show(_line(number, combinations, "combinations", f"{time.monotonic() - began:.0f} s"))

    return told


def _display() -> Callable[[str], None]:
    """Return what shows HTML in the cell that is running, each time in place of the last."""
    ipython = import_module("IPython.display")
    handle: list[Any] = []

    def show(content: str) -> None:
        shown = ipython.HTML(content)
        if handle:
            handle[0].update(shown)
        else:
            handle.append(ipython.display(shown, display_id=True))

    return show


class Progress:
    """Shows the events of one run or several, told apart by an index.

    Args:
        show: takes HTML, each time in place of what it was given before.
        clock: seconds that pass.
    """

    def __init__(
        self, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show = show
        self._clock = clock
        self._lock = threading.Lock()
        self._began = self._renewed = clock()
        self._visible = False
        self._steps: dict[int, int] = {}
        self._done = 0
        self._reused = 0
        self._working: dict[tuple[int, str], str] = {}
        self._warnings: list[str] = []
        self._ended: dict[int, str] = {}

    def __call__(self, index: int, event: Event) -> None:
        """Take note of an event, and show where things are now and then."""
        with self._lock:
            self._note(index, event)
            now = self._clock()
            over = set(self._ended) >= set(self._steps)
            if isinstance(event, RunFinished) and over and (self._visible or self._warnings):
                self._show(self._summary(now))
            elif (
                not over
                and now - self._began >= _PATIENCE_SECONDS
                and (now - self._renewed >= _RENEWAL_SECONDS)
            ):
                self._renewed = now
                self._visible = True
                self._show(self._now(now))

    def _note(self, index: int, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._steps[index] = len(event.nodes)
        elif isinstance(event, NodeStarted):
            self._working[index, event.node] = f"{event.node} on {event.device}"
        elif isinstance(event, NodeWaiting):
            self._working[index, event.node] = f"{event.node} waits for another process"
        elif isinstance(event, NodeProgress):
            percent = 100 * event.done / event.total if event.total else 0
            before = self._working.get((index, event.node), event.node).partition(":")[0]
            self._working[index, event.node] = f"{before}: {percent:.0f} %"
        elif isinstance(event, NodeFinished):
            self._working.pop((index, event.node), None)
            self._done += 1
            self._reused += event.status != "ran"
        elif isinstance(event, Warned):
            self._warnings.append(f"{event.node}: {event.message}" if event.node else event.message)
        elif isinstance(event, RunFinished):
            self._ended[index] = event.status

    def _now(self, now: float) -> str:
        steps = sum(self._steps.values())
        doing = html.escape(", ".join(self._working.values()) or "reading")
        line = _line(self._done, steps, "steps", f"{now - self._began:.0f} s: {doing}")
        return f"{line}{self._said()}"

    def _summary(self, now: float) -> str:
        ran = self._done - self._reused
        wrong = [status for status in self._ended.values() if status != "done"]
        words = f"{ran} {'step' if ran == 1 else 'steps'} ran, {self._reused} reused"
        end = f"{', '.join(dict.fromkeys(wrong))}: " if wrong else ""
        return f"<div>{end}{words}, in {now - self._began:.1f} s</div>{self._said()}"

    def _said(self) -> str:
        return "".join(f"<div>warning: {html.escape(one)}</div>" for one in self._warnings)


def _line(done: int, of: int, what: str, more: str) -> str:
    bar = f'<progress max="{of}" value="{done}" aria-label="{what} done"></progress>'
    return f"<div>{bar} {done} of {of} {what}, {more}</div>"
