"""Leases: what running processes use, told to the others while they live.

A process holds the lock ``NAME.lock`` as long as it runs and lists the digests it uses in
``NAME.uses``. The kernel gives the lock up when the process ends, however it ends; then its lease
is void, and whoever notices removes it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from filelock import FileLock, Timeout

from .logs import open_to_append, read_lines, rewrite


class Lease:
    """What this process uses.

    Args:
        folder: where leases lie.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.lock_path = folder / f"{name}.lock"
        self._uses = folder / f"{name}.uses"
        # whichever thread used something first took it, and the one that runs the graph ends it
        self._lock = FileLock(self.lock_path, thread_local=False)
        try:
            self._lock.acquire()
        except OSError:  # where there are no locks, nobody can be told
            self.lock_path.unlink(missing_ok=True)
        self._log: int | None = None  # open, since a run of many steps adds as often

    def add(self, digest: str) -> None:
        """Tell the others of one more object in use."""
        if self._log is None:
            self._log = open_to_append(self._uses)
        os.write(self._log, f"{digest}\n".encode())

    def keep_only(self, digests: set[str]) -> None:
        """Tell the others that these are in use, and no more."""
        self._close()
        rewrite(self._uses, [f"{digest}\n" for digest in digests])

    def end(self) -> None:
        """Give everything back."""
        self._close()
        with contextlib.suppress(OSError):
            self._uses.unlink(missing_ok=True)
            self.lock_path.unlink(missing_ok=True)
        self._lock.release()

    def _close(self) -> None:
        if self._log is not None:
            os.close(self._log)
        self._log = None


def leased(folder: Path, *, own: Lease | None = None) -> set[str]:
    """Return what running processes use; leases of processes that ended are removed.

    Args:
        folder: where leases lie.
        own: the lease of this process, which is valid.
    """
    used: set[str] = set()
    for orphan in folder.glob("*.uses"):
        if not orphan.with_suffix(".lock").exists():
            orphan.unlink(missing_ok=True)
    for lock_path in folder.glob("*.lock"):
        digests = lock_path.with_suffix(".uses")
        if own is None or lock_path != own.lock_path:
            lock = FileLock(lock_path)
            with contextlib.suppress(Timeout, OSError):
                lock.acquire(timeout=0)
                digests.unlink(missing_ok=True)
                lock_path.unlink(missing_ok=True)
                lock.release()
                continue
        used.update(read_lines(digests))
    return used
