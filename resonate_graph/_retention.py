"""Retention: keeping a store within its size, dropping first what is cheapest to have again.

GreedyDual-Size-Frequency (L. Cherkasova, *Improving WWW Proxies Performance with
Greedy-Dual-Size-Frequency Caching Policy*, 1998): an object's priority is the clock at its last
use plus uses x seconds to recompute / bytes; the lowest goes first, and the clock moves up to the
priority of what went, so that what nobody uses any more falls behind.

::

    uses.log      one line per use: digest, clock
    clock         the clock
    pins/DIGEST   kept whatever happens
    leases/       what running processes use: a lock each holds while it lives, and its digests
    evicted.log   one line per object dropped: time, digest

All of it is advice: a line that is lost costs a recomputation at worst, never a wrong result.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock, Timeout

from ._errors import StoreError

LIMIT_VARIABLE = "RESONATE_STORE_LIMIT"
DEFAULT_LIMIT_BYTES = 20 * 10**9
FREE_FLOOR_BYTES = 10**9

#: Gives the seconds it took to compute each object, by digest.
Costs: TypeAlias = Callable[[], Mapping[str, float]]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class StoredObject:
    """An object as it lies in the store.

    Attributes:
        path: its file.
        bytes: its size.
        uses: how often it was read or written.
        last_clock: the clock at its last use.
        pinned: whether it is kept whatever happens.
    """

    path: Path
    bytes: int
    uses: int = 0
    last_clock: float = 0.0
    pinned: bool = False

    @property
    def digest(self) -> str:
        """The content digest it is named by."""
        return self.path.stem


def parse_bytes(text: str) -> int:
    """Return a size such as ``500MB`` or ``20 GB`` in bytes (decimal units).

    Raises:
        StoreError: the text is no size.
    """
    compact = text.replace(" ", "").upper()
    digits = compact.rstrip("BKMGT")
    unit = compact[len(digits) :]
    try:
        size = float(digits) * _UNITS[unit]
    except (KeyError, ValueError):
        raise StoreError(f"{text!r} is no size: say it as 500MB or 20GB") from None
    if not 0 <= size < 1e18:
        raise StoreError(f"{text!r} is no size a store can have")
    return int(size)


class Retention:
    """Watches over the objects of one store folder.

    Args:
        folder: the store's folder.
        limit_bytes: what the objects may take together; None for ``RESONATE_STORE_LIMIT``, else
            20 GB or a tenth of the free disk, whichever is smaller.
    """

    def __init__(self, folder: Path, limit_bytes: int | None) -> None:
        self._folder = folder
        self._given_limit = limit_bytes
        self._size: int | None = None
        self._lease: _Lease | None = None
        self._runs = 0
        self._noted: set[str] = set()

    @property
    def limit_bytes(self) -> int:
        """What the objects may take together."""
        if self._given_limit is None:
            variable = os.environ.get(LIMIT_VARIABLE)
            self._given_limit = parse_bytes(variable) if variable else self._default_limit()
        return self._given_limit

    def used(self, path: Path) -> None:
        """Note a use of an object by a run; it is then not dropped until the run ends.

        Looking at the store (a plan, a list) is no use.
        """
        digest = path.stem
        if not self._runs or digest in self._noted:
            return
        self._noted.add(digest)
        with contextlib.suppress(OSError):
            if self._lease is None:
                self._lease = _Lease(self._folder / "leases")
            self._lease.add(digest)
            _append(self._folder / "uses.log", f"{digest} {self._clock():.9g}\n")

    @contextlib.contextmanager
    def run(self, costs: Costs) -> Iterator[None]:
        """Spare what is used in here, in this process and from the others; then tidy up.

        Runs of several threads share a lease, which ends with the last of them.

        Raises:
            StoreError: ``RESONATE_STORE_LIMIT`` is no size; told before anything runs.
        """
        _ = self.limit_bytes
        if self._runs == 0:
            self._noted.clear()
        self._runs += 1
        try:
            yield
        finally:
            self._runs -= 1
            if self._runs == 0:
                if self._lease is not None:
                    self._lease.end()
                self._lease = None
                self._noted.clear()
                if self._size is not None and self._too_large(self._size):
                    self.make_room(costs)

    def added(self, path: Path, size: int, costs: Costs) -> None:
        """Note a new object; drop others where the limit or the disk asks for it."""
        self.used(path)
        if self._size is None:
            self._size = sum(item.bytes for item in self._files())
        else:
            self._size += size
        if self._too_large(self._size):
            self.make_room(costs)

    def make_room(self, costs: Costs, limit_bytes: int | None = None) -> list[StoredObject]:
        """Drop objects until the limit and the floor of free disk hold; return what went.

        What is pinned, and what a running process uses, stays.

        Args:
            costs: gives the seconds it took to compute each object, by digest.
            limit_bytes: another limit than the store's.
        """
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        dropped: list[StoredObject] = []
        with contextlib.suppress(OSError, Timeout), self._alone():
            objects = self.objects()
            size = sum(item.bytes for item in objects)
            spared = self._in_use()
            seconds = costs()

            def priority(item: StoredObject) -> float:
                worth = max(1, item.uses) * seconds.get(item.digest, 0.0) / max(1, item.bytes)
                return item.last_clock + worth

            for item in sorted(objects, key=priority):
                if size <= limit and self._free_bytes() >= FREE_FLOOR_BYTES:
                    break
                if item.pinned or item.digest in spared:
                    continue
                item.path.unlink(missing_ok=True)
                _append(self._folder / "evicted.log", f"{time.time():.0f} {item.digest}\n")
                clock = max(self._clock(), priority(item))
                (self._folder / "clock").write_text(f"{clock:.9g}")
                size -= item.bytes
                dropped.append(item)
            self._size = size
            self._compact(objects, dropped)
        return dropped

    def objects(self) -> list[StoredObject]:
        """Return every object, with what is known of its use."""
        uses: dict[str, tuple[int, float]] = {}
        for line in _lines(self._folder / "uses.log"):
            digest, _, clock = line.partition(" ")
            count, last = uses.get(digest, (0, 0.0))
            with contextlib.suppress(ValueError):
                uses[digest] = (count + 1, max(last, float(clock)))
        pinned = self.pins()
        found = []
        for item in self._files():
            count, last = uses.get(item.digest, (0, 0.0))
            pin = item.digest in pinned
            found.append(StoredObject(item.path, item.bytes, count, last, pin))
        return found

    def pin(self, digest: str) -> None:
        """Keep an object whatever happens."""
        pins = self._folder / "pins"
        pins.mkdir(parents=True, exist_ok=True)
        (pins / digest).touch()

    def unpin(self, digest: str) -> None:
        """Let an object be dropped again."""
        (self._folder / "pins" / digest).unlink(missing_ok=True)

    def pins(self) -> set[str]:
        """Return the digests that are pinned."""
        with contextlib.suppress(OSError):
            return {path.name for path in (self._folder / "pins").iterdir()}
        return set()

    def evictions(self) -> dict[str, float]:
        """Return when objects were dropped, in seconds since 1970, by digest."""
        dropped: dict[str, float] = {}
        for line in _lines(self._folder / "evicted.log"):
            when, _, digest = line.partition(" ")
            with contextlib.suppress(ValueError):
                dropped[digest] = float(when)
        return dropped

    def _too_large(self, size: int) -> bool:
        return size > self.limit_bytes or self._free_bytes() < FREE_FLOOR_BYTES

    def _files(self) -> Iterator[StoredObject]:
        for path in (self._folder / "objects").glob("*/*"):
            with contextlib.suppress(OSError):
                yield StoredObject(path, path.stat().st_size)

    def _in_use(self) -> set[str]:
        """Return what running processes use; leases of processes that ended are removed."""
        used: set[str] = set()
        for lock_path in (self._folder / "leases").glob("*.lock"):
            digests = lock_path.with_suffix(".uses")
            if self._lease is None or lock_path != self._lease.lock_path:
                lock = FileLock(lock_path)
                with contextlib.suppress(Timeout, OSError):
                    lock.acquire(timeout=0)
                    digests.unlink(missing_ok=True)
                    lock_path.unlink(missing_ok=True)
                    lock.release()
                    continue
            used.update(_lines(digests))
        return used

    def _compact(self, objects: list[StoredObject], dropped: list[StoredObject]) -> None:
        """Write the log of uses anew, without what was dropped, at most 8 lines per object."""
        gone = {item.digest for item in dropped}
        lines = [
            f"{item.digest} {item.last_clock:.9g}\n" * min(item.uses, 8)
            for item in objects
            if item.digest not in gone
        ]
        temporary = self._folder / f"uses-{secrets.token_hex(4)}"
        temporary.write_text("".join(lines))
        temporary.replace(self._folder / "uses.log")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to drop objects; one process is enough."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "retention.lock", timeout=0):
            yield

    def _clock(self) -> float:
        try:
            return float((self._folder / "clock").read_text())
        except (OSError, ValueError):
            return 0.0

    def _default_limit(self) -> int:
        return min(DEFAULT_LIMIT_BYTES, self._free_bytes() // 10)

    def _free_bytes(self) -> int:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free


class _Lease:
    """What a run uses, told to other processes while it lives."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.lock_path = folder / f"{name}.lock"
        self._uses = folder / f"{name}.uses"
        self._lock = FileLock(self.lock_path)
        self._lock.acquire()

    def add(self, digest: str) -> None:
        _append(self._uses, f"{digest}\n")

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._uses.unlink(missing_ok=True)
            self.lock_path.unlink(missing_ok=True)
        self._lock.release()


def _append(path: Path, line: str) -> None:
    """Append a line in one write, which processes can do at the same time."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
