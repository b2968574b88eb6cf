"""The store: what was computed, kept as files a person can open.

::

    objects/ab/abcd….wav      content, named by its digest: float WAV, encoded files, JSON
    records/ab/abcd….json     key -> the digest of each port, what the key was made of, the cost
    unfinished/KEY/           what a step has of its results (see _sound.workspace)
    latest.log                which records were written last (see latest)
    temporary/  locks/  quarantine/      (and what retention keeps)

An object is published before the record that names it, each by a rename after a sync, so a
reader sees a thing whole or not at all. Whatever is handed out was compared with its digest
first; what does not match is put into quarantine and is computed again. Locks only save work:
nothing depends on them being honoured.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from .._base.errors import StoreError
from .._base.key_lock import KeyLock
from .._base.publish import adopt, publish, publish_as, sync_folder
from .._node.notes import Note
from .._node.ports import PortType
from .._node.values import Value
from .._sound.audio import Audio
from .latest import Latest
from .objects import Reader, let_pages_go, write
from .records import Entry, Key, Origin, Record, Size, holds_preimage, seal, unseal
from .retention import Retention, StoredObject

#: How a record is opened (Windows would else read its lines in its own way), and read.
_TO_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_READ_BYTES = 1 << 16

#: From so many bytes on values of one step are written at the same time, so many at a time.
_LARGE_BYTES, _AT_A_TIME = 1 << 20, 4

_LEFTOVER_SECONDS = 3600
_KEPT_SECONDS = 7 * 24 * 3600


class Quarantined(Exception):
    """Something stored is gone, cannot be read, or is damaged and was moved away."""


class Store:
    """A folder of results that are never computed twice.

    Any number of processes may use one store at the same time.

    Args:
        path: the folder; it is made when something is first written.
        limit_bytes: what its objects may take together; what is cheapest to compute again goes
            first. None for ``RESONATE_STORE_LIMIT`` (such as ``50GB``), else 20 GB or a tenth of
            the free disk, whichever is smaller.

    Example:
        >>> import tempfile, numpy as np
        >>> from resonate_graph import Audio
        >>> store = Store(tempfile.mkdtemp())
        >>> entry = store.put(Audio(np.zeros((2, 8)), 44100))
        >>> store.get(entry, PortType(Audio))
        Audio(2 ch, 8 frames, 44100 Hz, 0.000 s)
    """

    def __init__(self, path: str | os.PathLike[str], *, limit_bytes: int | None = None) -> None:
        self.path = Path(path)
        self.retention = Retention(self.path, limit_bytes)
        self._reader = Reader()
        self._latest = Latest(self.path)
        self._place = os.fspath(self.path)
        self._damaged: set[str] = set()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"

    def record(self, key: Key) -> Record | None:
        """Return what is known of a key, None where nothing is.

        Raises:
            Quarantined: the record is damaged, and was moved away.
            StoreError: it cannot be read.
        """
        place = self._record_place(key.hex)
        try:
            text = _content(place)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{place}: cannot be read: {error.strerror}") from error
        record = unseal(text)
        if record is None or record.key != key.hex or not holds_preimage(text, key):
            self._quarantine(Path(place))
            raise Quarantined(place)
        return record

    def present(
        self,
        record: Record,
        damaged: Callable[[str], None] = lambda port: None,
        *,
        used: Collection[str] | None = None,
    ) -> frozenset[str]:
        """Return the ports of a record whose object is there, in the right size.

        Args:
            record: the record.
            damaged: told of each port whose object is there in another size; it is moved away.
            used: the ports that a run uses; None for all of them.
        """
        found = set()
        share = record.seconds / max(len(record.ports), 1)
        for port, entry in record.ports.items():
            size = self._size(entry)
            if size == entry.bytes:
                found.add(port)
                if used is None or port in used:
                    self.retention.used(entry.digest, share)
            elif size is not None:
                self._quarantine(self._object_path(entry))
                damaged(port)
        return frozenset(found)

    def get(self, entry: Entry, port_type: PortType) -> Value:
        """Return a value, compared with its digest. Audio is memory-mapped, not read.

        Raises:
            Quarantined: it is not there, cannot be read, or did not match and was moved away.
        """
        path = self._object_path(entry)
        try:
            with path.open("rb") as file:
                value = self._reader.read(file, entry, port_type)
        except OSError as error:
            self._damaged.add(self._object_place(entry))
            raise Quarantined(path) from error
        if value is None:
            self._damaged.add(self._object_place(entry))
            self._quarantine(path)
            raise Quarantined(path)
        return value

    def let_pages_go(self, audio: Audio) -> None:
        """Let the system have the memory that a sound of a store was read into, if it is one."""
        let_pages_go(audio)

    def put(
        self,
        value: Value,
        *,
        seconds: float = 0.0,
        file: Path | None = None,
        wanted: bool = True,
    ) -> Entry:
        """Keep a value and return what a record says about it.

        Args:
            value: the value.
            seconds: how long it took to compute; the dearer, the longer it is kept.
            file: a file of the store's own (see `workspace_folder`) that holds just this; it is
                taken as the object.
            wanted: whether the run that computed it uses it; what it does not use can be dropped
                at once.

        Raises:
            OutputError: it cannot be written; nothing is left behind.
        """
        if file is None and isinstance(value, Audio) and not value.has_digest:
            is_new = self._named_by_writing(value)
        else:
            is_new = self._written(value, file)
        entry = Entry.of(value)
        if is_new:
            self._damaged.discard(self._object_place(entry))
            self.retention.added(self._object_path(entry), entry.bytes, seconds, used=wanted)
        elif wanted:
            self.retention.used(entry.digest, seconds)
        return entry

    def put_all(
        self,
        values: Mapping[str, Value],
        *,
        seconds: float = 0.0,
        file: Callable[[Value], Path | None] = lambda value: None,
    ) -> dict[str, Entry]:
        """Keep what came out of one step: what is large at the same time, to wait for a disk once.

        Args:
            values: its outputs by port.
            seconds: how long it took to compute all of them.
            file: gives what `put` is given for a value.

        Returns:
            What a record says about each.

        Raises:
            OutputError: one cannot be written.
        """

        def put(value: Value) -> Entry:
            return self.put(value, seconds=seconds / len(values), file=file(value))

        if sum(Size.of(value).bytes >= _LARGE_BYTES for value in values.values()) > 1:
            # once the main thread has ended, nothing can be started any more
            with contextlib.suppress(RuntimeError), ThreadPoolExecutor(_AT_A_TIME) as pool:
                entries = pool.map(put, values.values())
                return dict(zip(values, entries, strict=True))
        return {port: put(value) for port, value in values.items()}

    def _written(self, value: Value, file: Path | None) -> bool:
        """Write a value whose digest is known, if it is not there; say whether it was not."""
        entry = Entry.of(value)
        if self._is_here(entry):
            return False
        path = self._object_path(entry)
        if file is None or not adopt(file, path):
            publish(path, lambda file: write(value, file), temp_folder=self._temporary)
        return True

    def _named_by_writing(self, value: Audio) -> bool:
        """Write a sound, which gives its digest; say whether it was not there already."""

        def place() -> Path | None:
            entry = Entry.of(value)
            return None if self._is_here(entry) else self._object_path(entry)

        objects = self.path / "objects"
        found = publish_as(
            place, lambda file: write(value, file), temp_folder=self._temporary, what=objects
        )
        return found is not None

    def _is_here(self, entry: Entry) -> bool:
        """Whether an object is there, and holds what it should."""
        return self._has(entry) and self._reader.is_intact(self._object_path(entry), entry)

    def put_record(
        self,
        key: Key,
        ports: Mapping[str, Entry],
        *,
        seconds: float = 0.0,
        device: str | None = None,
        warnings: Sequence[tuple[str, str]] = (),
        did: Mapping[str, Note] | None = None,
        gaps_seconds: list[tuple[float, float]] | None = None,
        origin: Origin | None = None,
    ) -> Record:
        """Add ports to the record of a key.

        Raises:
            OutputError: it cannot be written.
            StoreError: the earlier record cannot be read.
        """
        earlier = None
        with contextlib.suppress(Quarantined):
            earlier = self.record(key)
        more_ports = earlier is not None and not ports.keys() & earlier.ports.keys()
        apart = more_ports and earlier is not None and earlier.device != device
        noted = {**dict((earlier.did if earlier else None) or ()), **(did or {})}
        record = Record(
            key=key.hex,
            preimage=dict(key.preimage),
            ports={**(earlier.ports if earlier else {}), **ports},
            seconds=seconds + (earlier.seconds if more_ports and earlier else 0.0),
            device=None if apart else device,  # of several nobody can say which is from which
            warnings=list(dict.fromkeys([*(earlier.warnings if earlier else ()), *warnings])),
            did=list(noted.items()) or None,
            gaps_seconds=gaps_seconds,
            origin=earlier.origin if earlier else origin,
            created=time.time(),
        )
        self._publish_record(record)
        return record

    def key_lock(self, key: Key) -> KeyLock:
        """Return the right to compute a key, which is still to be taken."""
        return KeyLock(self.path / "locks" / f"{key.hex}.lock")

    def records(self) -> Iterator[Record]:
        """Yield every record that is whole."""
        for _, record in self._read_records():
            if record is not None:
                yield record

    def latest_records(self, count: int) -> list[Record]:
        """Return the records that were written last, the latest first."""
        noted = list(self._latest.keys())
        records = list(islice(self._named(noted), count))
        if len(records) < count and (more := self._keys_by_age(besides=set(noted))):
            self._latest.begin_with([*(one.key for one in records), *more])
            records += islice(self._named(more), count - len(records))
        return records

    def _named(self, keys: Iterable[str]) -> Iterator[Record]:
        """Yield the records of keys; those that are gone or damaged are passed over."""
        for key in keys:
            with contextlib.suppress(OSError):
                record = unseal(_content(self._record_place(key)))
                if record is not None and record.key == key:
                    yield record

    def _keys_by_age(self, besides: Collection[str]) -> list[str]:
        """Return the keys of all other records by their files, the latest first."""
        dated: list[tuple[int, str]] = []
        for file in self._record_files():
            key = Path(file).stem
            with contextlib.suppress(OSError):  # removed by another process meanwhile
                if key not in besides:
                    dated.append((os.stat(file).st_mtime_ns, key))  # noqa: PTH116 - as text
        return [key for _, key in sorted(dated, reverse=True)]

    def in_use(self) -> contextlib.AbstractContextManager[None]:
        """Spare what is used during a run from being dropped, by this process and by others.

        What killed processes left half-written is removed on the way, and after a week what they
        had of results, and what was damaged.
        """
        _remove_old(self._temporary.glob("*"))
        _remove_old(self._workspaces.glob("*"), _KEPT_SECONDS)
        _remove_old(self._quarantine_folder.glob("*"), _KEPT_SECONDS)
        return self.retention.run()

    def quarantined(self) -> dict[str, float]:
        """Return when things were found damaged and moved away, by digest or key."""
        found: dict[str, float] = {}
        with contextlib.suppress(OSError):
            for path in self._quarantine_folder.iterdir():
                name = path.stem.rpartition("-")[0]
                found[name] = max(path.stat().st_mtime, found.get(name, 0.0))
        return found

    def verify(self) -> Iterator[tuple[Path, bool]]:
        """Compare every object and record with its digest; move away what does not match.

        Yields:
            Each file, and whether it is sound; one that may not be read is not.
        """
        entries: dict[Path, Entry] = {}
        for path, record in self._read_records():
            if record is None and os.access(path, os.R_OK):
                self._quarantine(path)
            elif record is not None:
                entries.update({self._object_path(one): one for one in record.ports.values()})
            yield path, record is not None
        self._reader.forget()
        for item in self.retention.objects():
            if entry := entries.get(item.path):
                sound = self._reader.is_intact(self._object_path(entry), entry)
                if not sound and item.path.exists():  # it may have been dropped meanwhile
                    self._quarantine(item.path)
                    yield item.path, False
                elif sound:
                    yield item.path, True

    def sweep_up(self) -> list[Path]:
        """Remove what killed processes left behind, and objects that no record names.

        Where a record cannot be read, nobody knows what it names, and all objects stay.
        """
        records = list(self._read_records())
        named = {
            self._object_path(entry)
            for _, record in records
            if record
            for entry in record.ports.values()
        }
        spared = self.retention.pins() | self.retention.in_use()
        orphans = [
            item.path
            for item in self.retention.objects()
            if item.path not in named and item.digest not in spared
        ]
        if not all(record for _, record in records):
            orphans = []
        folders = (self._temporary, self._workspaces, self._quarantine_folder)
        left = [*(path for folder in folders for path in folder.glob("*")), *orphans]
        return _remove_old(left) + _remove_unheld((self.path / "locks").glob("*"))

    def forget(self, record: Record) -> list[StoredObject]:
        """Remove a record, and its objects unless another record names them; return these.

        Raises:
            StoreError: an object of it is pinned, or a running process uses it.
        """
        self.require_unused(record)
        self._record_path(record.key).unlink(missing_ok=True)
        paths = {self._object_path(entry) for entry in record.ports.values()}
        left = {path: size for path in paths if (size := _size(path)) is not None}
        if not left:
            return []
        named = {
            self._object_path(entry) for other in self.records() for entry in other.ports.values()
        }
        removed = [StoredObject(path, size) for path, size in left.items() if path not in named]
        for item in removed:
            item.path.unlink(missing_ok=True)
        return removed

    def require_unused(self, record: Record) -> None:
        """Find out that a record cannot be removed now.

        Raises:
            StoreError: an object of it is pinned, or a running process uses it.
        """
        digests = {entry.digest for entry in record.ports.values()}
        if self.retention.pins() & digests:
            raise StoreError(f"{record.key[:12]} is pinned: unpin it first")
        if self.retention.in_use() & digests:
            raise StoreError(f"{record.key[:12]} is in use by a run: remove it when that has ended")

    def workspace_folder(self, key: Key) -> Path:
        """Return where what a step has of its results is kept until it is done."""
        return self._workspaces / key.hex

    def object_path(self, entry: Entry) -> Path | None:
        """Return the file of an object, None where it is not there."""
        return self._object_path(entry) if self._has(entry) else None

    def verified_path(self, entry: Entry) -> Path | None:
        """Return the file of an object, compared with its digest; None where it is not there.

        Raises:
            Quarantined: it did not match and was moved away.
        """
        path = self.object_path(entry)
        if path is not None and not self._reader.is_intact(self._object_path(entry), entry):
            self._quarantine(path)
            raise Quarantined(path)
        return path

    def _publish_record(self, record: Record) -> None:
        text = seal(record)
        self._latest.note(record.key)
        path = self._record_path(record.key)
        publish(path, lambda file: file.write(text), temp_folder=self._temporary)

    def _read_records(self) -> Iterator[tuple[Path, Record | None]]:
        """Yield every record's file and what it says; None where that cannot be known."""
        for place in self._record_files():
            try:
                record = unseal(_content(place))
            except FileNotFoundError:  # another process removed it
                continue
            except OSError:
                record = None
            path = Path(place)
            sound = record is not None and Key.of(record.preimage).hex == record.key == path.stem
            yield path, record if sound else None

    def _record_files(self) -> Iterator[str]:
        """Yield the files of all records, by key; a folder of them at a time, of however many."""
        records = f"{self._place}{os.sep}records"
        for folder in _names(records):
            for name in _names(f"{records}{os.sep}{folder}"):
                if name.endswith(".json"):
                    yield f"{records}{os.sep}{folder}{os.sep}{name}"

    def _has(self, entry: Entry) -> bool:
        return self._size(entry) == entry.bytes

    def _size(self, entry: Entry) -> int | None:
        """Return how large an object is; None where it is not there, or known to be damaged."""
        place = self._object_place(entry)
        return None if place in self._damaged else _size(place)

    @property
    def _quarantine_folder(self) -> Path:
        return self.path / "quarantine"

    @property
    def _workspaces(self) -> Path:
        return self.path / "unfinished"

    @property
    def _temporary(self) -> Path:
        return self.path / "temporary"

    def _record_path(self, key: str) -> Path:
        return Path(self._record_place(key))

    def _object_path(self, entry: Entry) -> Path:
        return Path(self._object_place(entry))

    # As text: thousands are looked at in a run, and to make paths would take most of the time.

    def _record_place(self, key: str) -> str:
        return f"{self._place}{os.sep}records{os.sep}{key[:2]}{os.sep}{key}.json"

    def _object_place(self, entry: Entry) -> str:
        digest = entry.digest
        return f"{self._place}{os.sep}objects{os.sep}{digest[:2]}{os.sep}{digest}{entry.suffix}"

    def _quarantine(self, path: Path) -> None:
        """Move a file out of the way, so that nobody meets it again and somebody can look at it."""
        folder = self._quarantine_folder
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            target = path.replace(folder / f"{path.stem}-{secrets.token_hex(4)}{path.suffix}")
            os.utime(target)  # when it was found
            sync_folder(path.parent)


def _remove_old(paths: Iterable[Path], seconds: float = _LEFTOVER_SECONDS) -> list[Path]:
    """Remove files and folders that nobody has written to for so long; return them."""
    horizon = time.time() - seconds
    removed = []
    for path in paths:
        with contextlib.suppress(OSError):
            if max(one.stat().st_mtime for one in [path, *path.glob("*")]) < horizon:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                removed.append(path)
    return removed


def _remove_unheld(locks: Iterable[Path]) -> list[Path]:
    """Remove the files of locks that nobody holds; return them."""
    removed = []
    for path in locks:
        with contextlib.suppress(OSError, Timeout), FileLock(path, timeout=0):
            path.unlink()
            removed.append(path)
    return removed


def _content(place: str) -> bytes:
    """Return what a file holds; with as few calls of the system as that takes.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(place, _TO_READ)
    try:
        content = os.read(descriptor, _READ_BYTES)
        while part := os.read(descriptor, _READ_BYTES):
            content += part
    finally:
        os.close(descriptor)
    return content


def _names(folder: str) -> list[str]:
    """Return what is in a folder, in order; nothing where it is none."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - as text, see `Store._object_place`
    except OSError:
        return []


def _size(place: str | Path) -> int | None:
    try:
        return os.stat(place).st_size  # noqa: PTH116 - as text, see `Store._object_place`
    except OSError:
        return None
