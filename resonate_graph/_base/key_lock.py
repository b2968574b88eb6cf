"""The right to compute a key: one process has it, the others wait or do something else."""

from __future__ import annotations

import contextlib
from pathlib import Path

from filelock import FileLock, Timeout


class KeyLock:
    """A lock on a file, where the filesystem can keep such promises; else everybody has it.

    Take it and give it back in one thread.

    Args:
        path: the file; it is made, and removed with the lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path)

    def take(self, timeout_seconds: float = 0.0) -> bool:
        """Try to take it; say whether nobody else has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=timeout_seconds)
        except Timeout:
            return False
        except (OSError, NotImplementedError):
            return True  # it only saves work; nothing depends on it
        return True

    def give_back(self) -> None:
        """Let others have it."""
        with contextlib.suppress(OSError):  # held still, so nobody else can hold this file
            if self._lock.is_locked:
                self._path.unlink(missing_ok=True)
        self._lock.release()
