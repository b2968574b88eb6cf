"""What the store has of one run's results, and what a run does where the store fails it.

A store that cannot be used, or what is damaged in it, costs time and never a result: the run says
so once, and computes.
"""

from __future__ import annotations

import contextlib
import errno
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .._base.errors import OutputError, ResonateError, StoreError
from .._base.key_lock import KeyLock
from .._graph.bound import BoundGraph, PortRef
from .._node.context import RunContext
from .._node.notes import Note
from .._node.ports import PortType
from .._node.values import Value
from .._sound.audio import Audio
from .._sound.workspace import Workspace
from .._store.folder import Quarantined, Store
from .._store.records import Entry, Key, Origin, Record
from .plan import Found


class Warn(Protocol):
    """Says something that the person who reads the result has to know."""

    def __call__(self, code: str, message: str, node: str | None = None) -> None: ...


@dataclass(frozen=True)
class Kept:
    """What came of keeping a step's results.

    Attributes:
        entries: what records say of them, by port; none without a store.
        trouble: why the store does not have them, where that was just found out.
        is_there: whether the store has them.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    trouble: ResonateError | None = None
    is_there: bool = True


#: Sounds from this size on are held by a run as they lie in the store.
_LARGE_BYTES = 16_000_000

#: What comes of keeping where there is no store.
NOT_KEPT = Kept(is_there=False)

#: What a disk says that has no room for a file; for a smaller one it may.
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass
class _Known:
    """What is remembered of a step once the store was asked."""

    key: Key
    anywhere: Key | None = None
    wanted_device: str | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    did: dict[str, Note] = field(default_factory=dict)
    device: str | None = None


class Stored:
    """What a store has of the steps of one run; nothing where there is no store.

    Args:
        store: the store.
        graph: the checked graph.
        files: the files that are bound to its inputs, for people who look at the store.
        warn: told what is damaged, missing or cannot be kept.

    Attributes:
        is_broken: results are not kept any more, because that failed. Where there was no room for
            them, smaller ones are.
    """

    def __init__(
        self, store: Store | None, graph: BoundGraph, files: Mapping[str, str], warn: Warn
    ) -> None:
        self.is_broken = False
        self._store = store
        self._graph = graph
        self._files = dict(files)
        self._warn = warn
        self._known: dict[str, _Known] = {}
        self._room_bytes = math.inf  # what a step gives may take less than that

    # -- what is there --------------------------------------------------------------------------

    @property
    def keys(self) -> dict[str, Key]:
        """The key of each step that was looked up."""
        return {name: known.key for name, known in self._known.items()}

    @property
    def digests(self) -> set[str]:
        """The digests of all results it knows of."""
        return {one.digest for known in self._known.values() for one in known.entries.values()}

    def key(self, name: str) -> Key | None:
        """Return a step's key; None before it was looked up, and without a store."""
        known = self._known.get(name)
        return known.key if known else None

    def entry(self, source: PortRef) -> Entry | None:
        """Return what is known of a result; None where nothing is."""
        known = self._known.get(source.node)
        return known.entries.get(source.port) if known else None

    def device(self, name: str) -> str | None:
        """Return where a stored step was computed."""
        return self._known[name].device

    def warnings(self, name: str) -> list[tuple[str, str]]:
        """Return what a stored step had to say, as (code, message)."""
        return self._known[name].warnings

    def did(self, name: str) -> dict[str, Note]:
        """Return what a stored step noted that it did; nothing in records of before notes."""
        return self._known[name].did

    @property
    def keeps(self) -> bool:
        """Whether what comes out of a step will be kept."""
        return self._store is not None and not self.is_broken and not self._is_short_of_room

    @property
    def _is_short_of_room(self) -> bool:
        return self._room_bytes < math.inf

    def look_up(
        self, name: str, key: Key, *, anywhere: Key | None = None, device: str | None = None
    ) -> Found:
        """Return what is known of a step whose key has become known.

        Args:
            name: the step.
            key: its key.
            anywhere: where that names a device, the key that does not: what is known of it counts
                as well, as far as it was computed on that device.
            device: the device.
        """
        self._known[name] = _Known(key, anywhere, device)
        return self.look_again(name)

    def look_again(self, name: str) -> Found:
        """Return what is known by now of a step that was looked up before."""
        known, store = self._known[name], self._store
        assert store is not None
        record = None
        try:
            record = self._record(store, known)
        except Quarantined:
            message = f"what is stored of {name} was damaged; it is computed again"
            self._warn("store-damaged", message, name)
        except StoreError as error:
            self._give_up(error)
        if record is None:
            return Found(known.key.hex)
        known.entries = dict(record.ports)
        known.warnings, known.device = record.warnings, record.device
        known.did = dict(record.did or ())
        digests = {port: entry.digest for port, entry in record.ports.items()}
        present = store.present(
            record,
            lambda port: self._report_damage(PortRef(name, port)),
            used=self._graph.wanted_ports[name],
        )
        return Found(known.key.hex, digests, present)

    def _record(self, store: Store, known: _Known) -> Record | None:
        record = store.record(known.key)
        if known.anywhere is None:
            return record
        other = store.record(known.anywhere)
        if other is None or other.device != known.wanted_device:
            return record
        if record is None:
            return other
        return record.model_copy(update={"ports": {**other.ports, **record.ports}})

    def value(self, source: PortRef) -> Value:
        """Return a result as it lies in the store.

        Raises:
            Quarantined: it is not there, or did not match and was moved away.
        """
        assert self._store is not None
        port = self._graph.steps[source.node].type.output(source.port)
        assert port is not None
        return self._store.get(self._known[source.node].entries[source.port], port.type)

    # -- what is added --------------------------------------------------------------------------

    def lock(self, name: str) -> KeyLock | None:
        """Return the right to compute a step, still to be taken; None where nobody shares it."""
        key = self.key(name)
        return self._store.key_lock(key) if key and self._store else None

    def workspace(self, name: str) -> Workspace:
        """Return where a step keeps what it has of its results until it is done."""
        key = self.key(name)
        if key is None or self._store is None or not self.keeps:
            return Workspace(None)
        return Workspace(self._store.workspace_folder(key))

    def keep(
        self,
        name: str,
        values: Mapping[str, Value],
        ctx: RunContext,
        *,
        seconds: float,
        warnings: list[tuple[str, str]],
    ) -> Kept:
        """Keep what came out of a step, in whichever thread.

        Args:
            name: the step.
            values: its outputs by port.
            ctx: what it was given.
            seconds: how long it computed.
            warnings: what it had to say, as (code, message).
        """
        known, store = self._known.get(name), self._store
        if known is None or store is None:
            return NOT_KEPT
        wanted = {port: value for port, value in values.items() if port in ctx.wanted}
        if self.is_broken or (
            self._is_short_of_room and _bytes(_entries(wanted)) >= self._room_bytes
        ):
            return Kept(_entries(wanted), is_there=False)
        try:
            entries = store.put_all(wanted, seconds=seconds, file=ctx.workspace.written)
            entries.update(self._kept_besides(store, values, ctx))
            store.put_record(
                known.key,
                entries,
                seconds=ctx.workspace.earlier_seconds + seconds,
                device=ctx.device,
                warnings=warnings,
                did=ctx.did,
                origin=Origin(graph=self._graph.name, node=name, files=self._files),
            )
        except (OutputError, StoreError) as error:
            return Kept(_entries(wanted), error, is_there=False)
        finally:
            ctx.workspace.remove()
        return Kept(entries)

    def as_kept(self, values: Mapping[str, Value], kept: Kept) -> dict[str, Value]:
        """Return what came out of a step with large sounds as they lie in the store, mapped.

        So the memory they take is the system's to use for something else until they are read.

        Args:
            values: its outputs by port.
            kept: what came of keeping them; of what is not kept all stays as it is.
        """
        given = dict(values)
        if self._store is None or not kept.is_there:
            return given
        for port, entry in kept.entries.items():
            if entry.kind == "audio" and entry.bytes >= _LARGE_BYTES:
                with contextlib.suppress(Quarantined):  # dropped meanwhile: it stays in memory
                    given[port] = self._store.get(entry, PortType(Audio))
        return given

    def were_read(self, inputs: Mapping[str, Value | Sequence[Value] | None]) -> None:
        """Let go of what a step has read of large sounds: most are not read again soon."""
        if self._store is None:
            return
        for value in inputs.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Audio) and one.samples.nbytes >= _LARGE_BYTES:
                    self._store.let_pages_go(one)

    def _kept_besides(
        self, store: Store, values: Mapping[str, Value], ctx: RunContext
    ) -> Iterator[tuple[str, Entry]]:
        """Keep what nobody asked for as well, as long as there is room; it is the first to go."""
        for port, value in values.items():
            if port not in ctx.wanted:
                with contextlib.suppress(OutputError, StoreError):
                    file = ctx.workspace.written(value)
                    yield port, store.put(value, file=file, wanted=False)

    def note(self, name: str, kept: Kept) -> None:
        """Note what came of keeping a step's results."""
        if name in self._known:
            self._known[name].entries.update(kept.entries)
        if kept.trouble is None:
            return
        if getattr(kept.trouble.__cause__, "errno", None) not in _NO_ROOM:
            self._give_up(kept.trouble)
            return
        if not self._is_short_of_room and not self.is_broken:
            self._warn("store-unusable", f"not all results of this run are kept: {kept.trouble}")
        self._room_bytes = min(self._room_bytes, _bytes(kept.entries))

    # -- what fails -----------------------------------------------------------------------------

    def report_loss(self, source: PortRef) -> None:
        """Say that a result was not there, or not what it should be, when it was to be read."""
        self._warn(
            "store-damaged",
            f"the stored {source} is missing, or did not match its digest; it is computed again",
            source.node,
        )

    def report_full_disk(self) -> None:
        """Say so where the disk is so full that dropping results would not help."""
        store = self._store
        if store and self.keeps and store.retention.floor_is_out_of_reach:
            floor = store.retention.floor_bytes
            self._warn(
                "disk-nearly-full",
                f"less than {floor / 1e9:g} GB is free on the disk of {store.path}, and dropping "
                "results would not change that: free some space, or keep them elsewhere with "
                "`store=...`",
            )

    def _report_damage(self, source: PortRef) -> None:
        self._warn(
            "store-damaged", f"the stored {source} was damaged and was moved away", source.node
        )

    def _give_up(self, error: ResonateError) -> None:
        if not self.is_broken:
            self.is_broken = True
            if self._is_short_of_room:
                return  # which was said
            self._warn("store-unusable", f"results of this run are not kept: {error}")


def _bytes(entries: Mapping[str, Entry]) -> int:
    return sum(entry.bytes for entry in entries.values())


def _entries(values: Mapping[str, Value]) -> dict[str, Entry]:
    return {port: Entry.of(value) for port, value in values.items()}
