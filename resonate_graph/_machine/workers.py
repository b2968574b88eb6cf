"""Workers: threads that do what they are given, and report to one thread what became of it.

Whoever owns them puts work in and takes messages out; nothing else is shared.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Message = TypeVar("Message")


class Workers(Generic[Message]):
    """Threads that wait for work. They start when they are needed first, and end with `close`."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._inbox: queue.SimpleQueue[Callable[[], Message] | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def start(self, work: Callable[[], Message], *, busy: int) -> None:
        """Have work done at once; what it returns is reported. It must not raise.

        Args:
            work: what to do.
            busy: how many others are at work.
        """
        if busy >= len(self._threads):
            name = f"resonate-{len(self._threads) + 1}"
            # daemons: where somebody insists on leaving (Ctrl-C twice), none keeps the process
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._inbox.put(work)

    def report(self, message: Message) -> None:
        """Report something meanwhile, from within work."""
        self._outbox.put(message)

    def hear(self, timeout_seconds: float) -> Message | None:
        """Return the next message; None where none comes in time."""
        try:
            return self._outbox.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Let the threads go, and wait until each has done what it is at."""
        threads = list(self._threads)
        self.let_go()
        for thread in threads:
            thread.join()

    def let_go(self) -> None:
        """Let the threads go; each ends when it has done what it is at."""
        for _ in self._threads:
            self._inbox.put(None)
        self._threads.clear()

    def _serve(self) -> None:
        while (work := self._inbox.get()) is not None:
            self._outbox.put(work())
            del work  # what it holds on to is not kept until the next comes
