"""Jobs on this machine: so many hands, each with a thread that waits for its child."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .hand import Hand, Setup
from .jobs import End

#: One at work, and others for as long as the journal is being written.
_FOR_A_HAND = 4


class Local:
    """Does jobs in children of this process.

    Args:
        setups: what all jobs share, for each hand: one owns the accelerator.
    """

    def __init__(self, setups: Sequence[Setup]) -> None:
        #: Who does them, in the order of their setups.
        self.hands = [Hand(one, f"local-{n}") for n, one in enumerate(setups)]
        self._waiting: queue.Queue[tuple[str, Mapping[str, Any], bool] | None] = queue.Queue()
        self._done: queue.Queue[tuple[str, End | Exception]] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._work, args=(hand,), daemon=True) for hand in self.hands
        ]
        for thread in self._threads:
            thread.start()

    #: Nothing is to be said of children.
    remarks: Sequence[str] = ()

    @property
    def slots(self) -> int:
        """How many jobs are done at a time."""
        return len(self.hands)

    @property
    def room(self) -> int:
        """How many jobs are taken: more than are at work, so that no hand waits for the next."""
        return _FOR_A_HAND * len(self.hands)

    @property
    def pids(self) -> list[int]:
        """The children that there are."""
        return [hand.pid for hand in self.hands if hand.pid is not None]

    def take(self, name: str, job: Mapping[str, Any], *, alone: bool = False) -> None:
        """Take a job; `alone` where it gets a child of its own."""
        self._waiting.put((name, job, alone))

    def ended(self, seconds: float) -> list[tuple[str, End]]:
        """Return the jobs that ended, after waiting some time for one.

        Raises:
            Refused: no child can begin.
        """
        found: list[tuple[str, End]] = []
        try:
            first = self._done.get(timeout=seconds)
            while True:
                name, end = first
                if isinstance(end, Exception):
                    if not found:
                        raise end
                    self._done.put((name, end))  # after what has ended
                    return found
                found.append((name, end))
                first = self._done.get_nowait()
        except queue.Empty:
            return found

    def given_back(self) -> list[str]:
        """Return jobs that were taken and not begun, which are not done then."""
        names = []
        with contextlib.suppress(queue.Empty):
            while (waiting := self._waiting.get_nowait()) is not None:
                names.append(waiting[0])
        return names

    def close(self) -> None:
        """Stop what is at work, and end all children."""
        self.given_back()
        for hand in self.hands:
            hand.stop()
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, hand: Hand) -> None:
        while (taken := self._waiting.get()) is not None:
            name, job, alone = taken
            try:
                end: End | Exception = hand.do(job, fresh=alone)
            except Exception as error:  # whatever it is: who waits for this job hears of it
                end = error
            self._done.put((name, end))
        hand.dismiss()
