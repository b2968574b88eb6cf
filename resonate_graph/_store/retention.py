"""Retention: keeping a store within its size, dropping first what is cheapest to have again.

GreedyDual-Size-Frequency (L. Cherkasova, *Improving WWW Proxies Performance with
Greedy-Dual-Size-Frequency Caching Policy*, 1998): an object's priority is the clock at its last
use plus uses x seconds to recompute / bytes; the lowest goes first, and the clock moves up to the
priority of what went, so that what nobody uses any more falls behind.

::

    uses.log      when objects were used, and what they took to compute (see uses)
    clock         the clock
    pins/DIGEST   kept whatever happens
    leases/       what running processes use (see leases)
    evicted.log   when objects were dropped (see uses)

All of it is advice: a line that is lost costs a recomputation at worst, never a wrong result.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from .._base.errors import OutputError, StoreError
from .leases import Lease, leased
from .uses import Evictions, Use, Uses

LIMIT_VARIABLE = "RESONATE_STORE_LIMIT"
DEFAULT_LIMIT_BYTES = 20 * 10**9
FLOOR_BYTES = 10**9

#: Once it makes room, a store goes this far below its limit, so that it need not with each object.
HEADROOM = 0.05

#: A process that has added this share of the limit looks what others have added meanwhile; so it
#: does each time when it is as near to the limit as `NEAR`.
RECOUNT = 0.01
NEAR = 0.9

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class StoredObject:
    """An object as it lies in the store.

    Attributes:
        path: its file.
        bytes: its size.
        uses: how often it was read or written.
        last_clock: the clock at its last use.
        last_used: when that was, in seconds since 1970; None where it is not known.
        seconds: how long it took to compute.
        pinned: whether it is kept whatever happens.
    """

    path: Path
    bytes: int
    uses: int = 0
    last_clock: float = 0.0
    last_used: float | None = None
    seconds: float = 0.0
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

    Attributes:
        floor_bytes: what is to stay free on the disk.
        floor_is_out_of_reach: less is free, and dropping objects could not change that.
    """

    def __init__(self, folder: Path, limit_bytes: int | None) -> None:
        self.floor_bytes = FLOOR_BYTES
        self.floor_is_out_of_reach = False
        self._folder = folder
        self._uses = Uses(folder / "uses.log")
        self._evictions = Evictions(folder / "evicted.log")
        self._limit = limit_bytes
        self._size: int | None = None
        self._uncounted = 0
        self._stuck_at: int | None = None  # the size at which nothing more could be dropped
        self._lease: Lease | None = None
        self._lock = threading.RLock()  # for what several threads of a run do at once
        self._runs = 0
        self._clock_now = 0.0  # as this process knows it while something runs
        self._noted: set[str] = set()

    @property
    def limit_bytes(self) -> int:
        """What the objects may take together.

        Raises:
            StoreError: ``RESONATE_STORE_LIMIT`` is no size.
        """
        if self._limit is None:
            self._limit = _limit_of_surroundings()
        if self._limit is None:
            self._limit = self._default_limit()
        return self._limit

    def used(self, digest: str, seconds: float = 0.0) -> None:
        """Note a use of an object by a run; it is then not dropped until the run ends.

        Looking at the store (a plan, a list) is no use.

        Args:
            digest: the object's digest.
            seconds: how long it took to compute, where it was computed now.
        """
        if digest in self._noted:
            return
        with self._lock, contextlib.suppress(OSError):
            if not self._runs or digest in self._noted:
                return
            if self._lease is None:
                self._lease = Lease(self._leases)
            self._lease.add(digest)
            self._noted.add(digest)
            self._note(digest, 1, seconds)

    def not_used(self, digests: set[str]) -> None:
        """Note that one of several runs ended, and that no other one here uses these objects."""
        with self._lock, contextlib.suppress(OSError):
            if self._runs > 1 or self._lease is None:
                return  # runs of other threads may use them
            self._noted -= digests
            self._lease.keep_only(self._noted)
            self._stuck_at = None
            if self._size is not None and self._too_large(self._size):
                self._make_room(self.limit_bytes, HEADROOM)

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Spare what is used in here, in this process and from the others; then tidy up.

        Runs of several threads share a lease, which ends with the last of them.

        Raises:
            StoreError: ``RESONATE_STORE_LIMIT`` is no size; told before anything runs.
        """
        if self._limit is None:
            self._limit = _limit_of_surroundings()
        with self._lock:
            if self._runs == 0:
                self._forget_uses()
                self._clock_now = self._clock()
                leased(self._leases)  # removes what killed processes left
            self._runs += 1
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                if self._runs == 0:
                    self._forget_uses()
                    with contextlib.suppress(OSError):
                        self._uses.write()
                    if self._size is None and self._limit is not None:
                        # a limit that somebody said holds for what was there before it, too
                        self._size = sum(item.bytes for item in self._files())
                    too_large = self._size is not None and self._too_large(self._size)
                    if too_large or self._uses.is_long:
                        self._make_room(self.limit_bytes, HEADROOM)

    def _forget_uses(self) -> None:
        if self._lease is not None:
            self._lease.end()
        self._lease = None
        self._noted.clear()
        self.floor_is_out_of_reach = False
        self._stuck_at = None

    def added(self, path: Path, size: int, seconds: float, *, used: bool = True) -> None:
        """Note a new object; drop others where the limit or the disk asks for it.

        Args:
            path: the object.
            size: how many bytes it has.
            seconds: how long it took to compute.
            used: whether the run that made it uses it; what it does not use may go at once.
        """
        with self._lock:
            with contextlib.suppress(OSError):
                self._note(path.stem, 0, seconds)
            if used:
                self.used(path.stem)
            self._uncounted += size
            limit = self.limit_bytes
            known = limit if self._size is None else self._size + size
            if known > limit * NEAR or self._uncounted > limit * RECOUNT:
                known = sum(item.bytes for item in self._files())  # others add to it as well
                self._uncounted = 0
            self._size = known
            stuck = self._stuck_at is not None and known <= self._stuck_at + limit * RECOUNT
            if self._too_large(known) and not stuck:
                done = self._make_room(limit, HEADROOM) is not None
                self._stuck_at = self._size if done and self._too_large(self._size) else None

    def make_room(self, limit_bytes: int | None = None) -> list[StoredObject]:
        """Drop objects until the limit and the floor of free disk hold; return what went.

        What is pinned, and what a running process uses, stays. Where dropping everything else
        could not free the disk up to the floor, since others fill it, nothing goes for that.

        Args:
            limit_bytes: another limit than the store's.
        """
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        return self._make_room(limit, 0.0) or []

    def objects(self) -> list[StoredObject]:
        """Return every object, with what is known of its use."""
        with self._lock:
            uses = self._uses.read()
        pinned = self.pins()
        return [
            replace(
                item,
                uses=use.count if use else 0,
                last_clock=use.clock if use else 0.0,
                last_used=use.time if use else None,
                seconds=use.seconds if use else 0.0,
                pinned=item.digest in pinned,
            )
            for item in self._files()
            for use in [uses.get(item.digest)]
        ]

    def in_use(self) -> set[str]:
        """Return the digests of what running processes use, this one included."""
        return leased(self._leases, own=self._lease)

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
        return self._evictions.read()

    @property
    def _leases(self) -> Path:
        return self._folder / "leases"

    def _make_room(self, limit: int, headroom: float) -> list[StoredObject] | None:
        """Drop objects where a limit or the floor asks for it, and then a share of the limit.

        Returns:
            What went; None where another process is at it, or the folder cannot be written.
        """
        with contextlib.suppress(OSError, OutputError, Timeout), self._alone():
            objects = self.objects()
            spared = self.in_use()
            loose = [item for item in objects if not item.pinned and item.digest not in spared]
            size = sum(item.bytes for item in objects)
            missing = self.floor_bytes - self._free_bytes()
            self.floor_is_out_of_reach = missing > sum(item.bytes for item in loose)
            surplus = max(size - limit, 0 if self.floor_is_out_of_reach else missing)
            goal = surplus + headroom * limit if surplus > 0 else 0
            dropped = _drop(sorted(loose, key=_priority), goal)
            self._remember(objects, dropped)
            self._size = size - sum(item.bytes for item in dropped)
            self._uncounted = 0
            return dropped
        return None

    def _remember(self, objects: list[StoredObject], dropped: list[StoredObject]) -> None:
        """Write down what went and when, and how far the clock has come; write the logs anew."""
        for item in dropped:
            self._evictions.note(item.digest, time.time())
        clock = max([self._clock(), *map(_priority, dropped)])
        (self._folder / "clock").write_text(f"{clock:.9g}")
        self._clock_now = clock
        gone = {item.digest for item in dropped}
        left = [item for item in objects if item.digest not in gone]
        uses = {
            item.digest: Use(item.uses, item.last_clock, item.last_used, item.seconds)
            for item in left
            if item.last_used is not None
        }
        temporary = self._folder / "temporary"
        self._uses.rewrite(uses, temporary)
        self._evictions.shorten({item.digest for item in left}, temporary)

    def _note(self, digest: str, uses: int, seconds: float) -> None:
        clock = self._clock_now if self._runs else self._clock()
        self._uses.note(digest, Use(uses, clock, time.time(), seconds))
        if not self._runs:
            self._uses.write()

    def _too_large(self, size: int) -> bool:
        if size > self.limit_bytes:
            return True
        return not self.floor_is_out_of_reach and self._free_bytes() < self.floor_bytes

    def _files(self) -> Iterator[StoredObject]:
        for path in (self._folder / "objects").glob("*/*"):
            with contextlib.suppress(OSError):
                yield StoredObject(path, path.stat().st_size)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to drop objects; one process is enough."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "retention.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:  # which is an OSError too
            raise
        except (OSError, NotImplementedError):
            pass  # where there are no locks, two may drop the same, which only costs time
        try:
            yield
        finally:
            lock.release()

    def _clock(self) -> float:
        with contextlib.suppress(OSError, ValueError):
            clock = float((self._folder / "clock").read_text())
            return clock if math.isfinite(clock) else 0.0
        return 0.0

    def _default_limit(self) -> int:
        """Return a tenth of what the disk would have free without this store, at most 20 GB."""
        free = self._free_bytes()
        if free < 10 * DEFAULT_LIMIT_BYTES:
            free += sum(item.bytes for item in self._files())
        return min(DEFAULT_LIMIT_BYTES, free // 10)

    def _free_bytes(self) -> int:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free


def _priority(item: StoredObject) -> float:
    """Return what an object is worth; the lowest goes first."""
    return item.last_clock + max(1, item.uses) * item.seconds / max(1, item.bytes)


def _drop(objects: list[StoredObject], surplus: float) -> list[StoredObject]:
    """Remove objects until there are so many bytes less; return those that went."""
    dropped = []
    for item in objects:
        if surplus <= 0:
            break
        with contextlib.suppress(OSError):  # one that may not be removed does not save the others
            item.path.unlink(missing_ok=True)
            surplus -= item.bytes
            dropped.append(item)
    return dropped


def _limit_of_surroundings() -> int | None:
    variable = os.environ.get(LIMIT_VARIABLE)
    return parse_bytes(variable) if variable else None
