"""A store with a second tier that others use, too: stems that one worker computed, all find.

The tier has the layout of a store, at a URL: ``objects/`` by digest, ``records/`` by key. What is
not here is looked for there; what is computed here goes there, objects before the record that names
them, each by one request. What comes from there was compared with its digest, and counts only then.
It needs no locks: two that write one object write the same bytes, and of two that write one record
the later one knows of the ports of the earlier, or a port is computed once more. Where the tier
cannot be reached, work goes on without it, and it is tried again after some time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from .. import Entry, OutputError, Record, Store, StoreError
from .._base.publish import publish
from .._store.records import Key, seal, unseal
from .remote import opened, put, read, sweep

#: The folder of objects in a store.
_OBJECTS = "objects"
#: So long nothing is asked of a tier that could not be reached.
_PAUSE_SECONDS = 30.0

T = TypeVar("T")


def sweep_objects(shared: str) -> int:
    """Remove what killed batches left of objects of a second tier; return how many there were.

    Args:
        shared: its URL. It may be a bucket, of which the objects are a part alone.
    """
    return sweep(f"{shared.rstrip('/')}/{_OBJECTS}")


class SharedStore(Store):
    """A store with a second tier.

    Args:
        path: the folder of the first one, on this machine.
        shared: the URL of the second, such as ``s3://bucket/store``.
        limit_bytes: what the first may take, as for `Store`.

    Attributes:
        fetched: how many objects came from the second tier.
        sent: how many went there.
        failures: how often it could not be reached.
    """

    def __init__(
        self, path: str | os.PathLike[str], shared: str, *, limit_bytes: int | None = None
    ) -> None:
        super().__init__(path, limit_bytes=limit_bytes)
        self.shared = shared.rstrip("/")
        self.fetched = self.sent = self.failures = 0
        self._system, root = opened(self.shared)
        self._root = root.rstrip("/")
        self._silent_until = 0.0

    def record(self, key: Key) -> Record | None:
        """Return what is known of a key, here or there."""
        known = super().record(key)
        return known or self._brought_record(key)

    def present(
        self,
        record: Record,
        damaged: Callable[[str], None] = lambda port: None,
        *,
        used: Collection[str] | None = None,
    ) -> frozenset[str]:
        """Return the ports whose object is here, after those that are used were brought."""
        for port, entry in record.ports.items():
            if (used is None or port in used) and not self._has(entry):
                self._bring(entry)
        return super().present(record, damaged, used=used)

    def put(
        self, value: Any, *, seconds: float = 0.0, file: Path | None = None, wanted: bool = True
    ) -> Entry:
        """Keep a value here, and there."""
        entry = super().put(value, seconds=seconds, file=file, wanted=wanted)
        place = self._there(self._object_path(entry))

        def send() -> None:
            if self._size_there(place) != entry.bytes:
                put(self._system, place, self._object_path(entry).read_bytes())
                self.sent += 1

        self._tried(send)
        return entry

    def put_record(self, key: Key, ports: Mapping[str, Entry], **more: Any) -> Record:
        """Add ports to the record of a key, here and there."""
        record = super().put_record(key, ports, **more)
        place = self._there(self._record_path(key.hex))

        def send() -> None:
            known = self._record_there(key)
            both = {**known.ports, **record.ports} if known else record.ports
            put(self._system, place, seal(record.model_copy(update={"ports": both})))

        self._tried(send)
        return record

    # -- the second tier ----------------------------------------------------------------------

    def _brought_record(self, key: Key) -> Record | None:
        found = self._tried(lambda: self._record_there(key))
        if found is not None:
            with contextlib.suppress(OutputError):
                self._publish_record(found)
        return found

    def _record_there(self, key: Key) -> Record | None:
        text = read(self._system, self._there(self._record_path(key.hex)))
        record = unseal(text) if text is not None else None
        sound = record is not None and record.key == key.hex == Key.of(record.preimage).hex
        return record if sound else None

    def _bring(self, entry: Entry) -> None:
        """Bring an object here, if it is what its name says."""
        path = self._object_path(entry)
        content = self._tried(lambda: read(self._system, self._there(path)))
        if content is None or len(content) != entry.bytes:
            return
        with contextlib.suppress(OutputError, StoreError):
            aside = self._temporary / f"brought-{os.getpid()}-{path.name}"
            publish(aside, lambda file: file.write(content), temp_folder=self._temporary)
            if not self._reader.is_intact(aside, entry):
                aside.unlink(missing_ok=True)
                self._tried(lambda: self._system.rm_file(self._there(path)))
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                aside.replace(path)
                self._damaged.discard(self._object_place(entry))
                self.retention.added(path, entry.bytes, 0.0)
                self.fetched += 1

    def _size_there(self, place: str) -> int | None:
        try:
            size: int | None = self._system.info(place)["size"]
        except FileNotFoundError:
            return None
        return size

    def _there(self, path: Path) -> str:
        return f"{self._root}/{path.relative_to(self.path).as_posix()}"

    def _tried(self, ask: Callable[[], T]) -> T | None:
        """Ask the second tier; None where it cannot be reached."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            return ask()
        except Exception:  # whatever is wrong over there, it is no reason to fail here
            self.failures += 1
            self._silent_until = time.monotonic() + _PAUSE_SECONDS
            return None
