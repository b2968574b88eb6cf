"""Workers: threads that do what they are given, and tell one thread what became of it.

Whoever owns them puts work in and takes messages out; nothing else is shared.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Message = TypeVar("Message")

#: Work: it tells what happens through what it is given, to the end; it raises nothing.
Work = Callable[[Callable[[Message], None]], None]


class Workers(Generic[Message]):
    """Threads that wait for work. They start when they are needed first, and end with `close`."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._inbox: queue.SimpleQueue[Work[Message] | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def start(self, work: Work[Message], *, busy: int) -> None:
        """Have work done at once.

        Args:
            work: what to do.
            busy: how many others are at work.
        """
        if busy >= len(self._threads):
            name = f"resonate-{len(self._threads) + 1}"
            # where somebody insists on leaving (Ctrl-C twice), no thread keeps the process
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._inbox.put(work)

    def hear(self, timeout_seconds: float) -> Message | None:
        """Return the next message; None where none comes in time."""
        try:
            return self._outbox.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def close(self, *, wait: bool = True) -> None:
        """Let the threads go, once each has done what it is at.

        Args:
            wait: whether to return only then.
        """
        for _ in self._threads:
            self._inbox.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
        self._threads.clear()

    def _serve(self) -> None:
        while (work := self._inbox.get()) is not None:
            work(self._outbox.put)
            del work  # what it holds on to is not kept until the next comes
