"""Inventory: what a store holds, as people see it: a line per port of each record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .._store.folder import Store
from .._store.records import APP, OWN, PLAYER, Entry, Record

OUTLIVED_DAYS = 90


@dataclass(frozen=True)
class StoredItem:
    """One output of one result that a store knows of: a line of `inventory`.

    Attributes:
        key: the record's key.
        type: the node's type; ``input`` for a file of which only the digest is kept, so that it
            need not be decoded to know what it holds.
        port: the output port.
        graph: the graph it came from first.
        node: the node's name in it.
        files: the files that were bound to the graph's inputs.
        own: whether the library keeps it for itself: what an input held, the figures of
            a sweep, what players play, what `resonate app` draws.
        digest: its content digest.
        bytes: its size.
        here: whether its content is there.
        pinned: whether it is kept whatever happens.
        seconds: how long it took to compute, together with the record's other ports.
        seconds_saved: what reuse has saved: this port's share of `seconds`, for each use after
            the first.
        uses: how many runs made or read it.
        created: when it was computed, in seconds since 1970.
        last_used: when a run used it last; None where that is not known.
    """

    key: str
    type: str
    port: str
    graph: str
    node: str
    files: tuple[str, ...]
    own: bool
    digest: str
    bytes: int
    here: bool
    pinned: bool
    seconds: float
    seconds_saved: float
    uses: int
    created: float
    last_used: float | None

    @property
    def human_name(self) -> str:
        """The name it is exported under: ``song/split.vocals``."""
        stems = "+".join(Path(name).stem for name in self.files)
        song = (stems or self.graph).strip(".") or "unknown"  # `..` is no name for a folder
        if self.type == "input":
            return song
        song = self._kept_for if self.own else song
        port = "" if self.port == "out" else f".{self.port}"
        return f"{song}/{self.node or self.type.replace('/', '_')}{port}"

    @property
    def _kept_for(self) -> str:
        return "page" if self.type == PLAYER or self.graph == APP else "figures"

    @property
    def state(self) -> str:
        """What is to be said of it: ``input``, ``gone``, ``pinned``, or nothing.

        What the library keeps for itself is ``figures``, which it measured, or ``page``, which
        pages show of sounds.
        """
        if self.type == "input":
            return "input"
        if not self.here:
            return "gone"
        if self.own:
            return self._kept_for
        return "pinned" if self.pinned else ""


def inventory(store: Store) -> list[StoredItem]:
    """Return what a store knows of: each port of each result, whether its content is there or not.

    It is what ``resonate store ls --all`` shows: what it is and where it came from, how large it
    is, what it took to compute, and what reuse has saved.

    Example:
        >>> import tempfile, numpy as np
        >>> from resonate_graph import Audio, Graph, Store, inventory
        >>> from resonate_nodes import gain
        >>> graph = Graph("quieter")
        >>> graph.output("quiet", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=-6.0))
        >>> store = Store(tempfile.mkdtemp())
        >>> result = graph.run({"mix": Audio(np.ones((2, 100)), 44100)}, store=store)
        >>> [(item.human_name, item.type, item.bytes, item.uses) for item in inventory(store)]
        [('quieter/level', 'gain', 916, 1)]
    """
    return [item for item, _ in listed(store)]


def listed(store: Store) -> Iterator[tuple[StoredItem, Entry]]:
    """Yield what `inventory` returns, each with what its record says of how it is stored."""
    objects = {item.digest: item for item in store.retention.objects()}
    pins = store.retention.pins()
    for record in store.records():
        kind = str(record.preimage.get("type", "input"))
        made_for_itself = record.origin is not None and record.origin.graph in (OWN, APP)
        share = record.seconds / len(record.ports) if record.ports else 0.0
        for port, entry in record.ports.items():
            known = objects.get(entry.digest) if kind != "input" else None
            uses = known.uses if known else 0
            yield (
                StoredItem(
                    key=record.key,
                    type=kind,
                    port=port,
                    graph=record.origin.graph if record.origin else "",
                    node=record.origin.node if record.origin else "",
                    files=tuple(record.origin.files.values()) if record.origin else (),
                    own=kind == "input" or made_for_itself,
                    digest=entry.digest,
                    bytes=entry.bytes,
                    here=known is not None,
                    pinned=entry.digest in pins,
                    seconds=record.seconds,
                    seconds_saved=share * max(0, uses - 1),
                    uses=uses,
                    created=record.created,
                    last_used=known.last_used if known else None,
                ),
                entry,
            )


class HumanNames:
    """Gives each item a file name of its own; whoever comes first gets the plain one.

    Args:
        folder: where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def take(self, item: StoredItem, suffix: str) -> Path:
        """Return a name; where it is taken, on a Mac's filesystem too, with part of the key."""
        name = item.human_name.removesuffix(suffix)
        if (name + suffix).casefold() in self._taken:
            name = f"{name}-{item.key[:8]}"
        self._taken.add((name + suffix).casefold())
        return self._folder / f"{name}{suffix}"


def outlived(store: Store) -> Iterator[Record]:
    """Yield the records of which nothing has been there for `OUTLIVED_DAYS`.

    Until then they tell `resonate why` what became of their content. Where nobody knows when
    that went, they count from when they were written.
    """
    horizon = time.time() - OUTLIVED_DAYS * 86_400
    here = {item.digest for item in store.retention.objects()}
    lost = store.retention.evictions()
    for record in store.records():
        digests = {entry.digest for entry in record.ports.values()}
        latest = max(record.created, *(lost.get(digest, 0.0) for digest in digests), 0.0)
        if not digests & here and latest < horizon:
            yield record
