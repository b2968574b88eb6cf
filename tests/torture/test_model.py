"""The store does what a dict would do, except that it may forget what was damaged or dropped."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from resonate_graph import Audio, File, Report, Store, StoreError, Value
from resonate_graph._node.ports import PortType
from resonate_graph._store.folder import Quarantined
from resonate_graph._store.records import Entry, Key, Record
from tests.torture.work import same

PORTS = ("out", "left")


class Peak(Report):
    peak: float


VALUES: tuple[Value, ...] = (
    Audio(np.linspace(-1, 1, 60).reshape(2, 30), 44100),
    Audio(np.linspace(-1, 1, 60).reshape(2, 30), 48000),
    Audio(np.zeros((1, 0)), 8000),
    File(b"encoded", ".mp3"),
    File(b"encoded", ".flac"),
    Peak(peak=0.5),
    0.5,
    1,
    True,
    "1",
)

keys = st.integers(0, 4)
ports = st.sampled_from(PORTS)
values = st.sampled_from(VALUES)
positions = st.integers(0, 10**6)


class StoreAgainstDict(RuleBasedStateMachine):
    """Keeps, reads, drops, damages, reopens; a dict says what may be found."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store(self.folder / "store")
        self.known: dict[tuple[int, str], Value] = {}  # what may be found, and nothing else
        self.certain: set[tuple[int, str]] = set()  # what has to be found

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # -- what users do ----------------------------------------------------------------------------

    @rule(number=keys, port=ports, value=values)
    def keep(self, number: int, port: str, value: Value) -> None:
        entry = self.store.put(value)
        self.store.put_record(key_of(number), {port: entry}, seconds=number)
        self.known[number, port] = value
        self.certain.add((number, port))

    @rule(number=keys)
    def forget(self, number: int) -> None:
        record = self.record(number)
        if record is None:
            return
        try:
            self.store.forget(record)
        except StoreError:
            assert self.store.retention.pins()
            return
        self.lose(lambda place: place[0] == number, known=True)

    @rule(number=keys, pinned=st.booleans())
    def pin(self, number: int, pinned: bool) -> None:
        record = self.record(number)
        for entry in record.ports.values() if record else ():
            (self.store.retention.pin if pinned else self.store.retention.unpin)(entry.digest)

    @rule(limit_bytes=st.sampled_from([0, 300, 600, 10_000]))
    def make_room(self, limit_bytes: int) -> None:
        pins = self.store.retention.pins()
        gone = {item.digest for item in self.store.retention.make_room(limit_bytes)}
        assert not gone & pins
        self.lose(lambda place: Entry.of(self.known[place]).digest in gone)
        left = [item for item in self.store.retention.objects() if not item.pinned]
        assert not left or sum(item.bytes for item in left) <= limit_bytes

    @rule()
    def reopen(self) -> None:
        self.store = Store(self.folder / "store")

    @rule()
    def sweep_up(self) -> None:
        self.store.sweep_up()

    # -- what happens to users --------------------------------------------------------------------

    @rule(where=positions, bit=positions, how=st.sampled_from(["flip", "cut", "empty", "delete"]))
    def damage(self, where: int, bit: int, how: str) -> None:
        kinds = ("objects", "records")
        paths = sorted(p for kind in kinds for p in (self.store.path / kind).glob("*/*"))
        if not paths:
            return
        path = paths[where % len(paths)]
        content = bytearray(path.read_bytes())
        path.unlink()
        if content and how == "flip":
            content[bit % len(content)] ^= 1 << bit % 8
        if how != "delete":
            path.write_bytes(bytes(content[: {"cut": -1, "empty": 0}.get(how, len(content))]))
        if path.parent.parent.name == "records":
            self.lose(lambda place: key_of(place[0]).hex == path.stem)
        else:
            self.lose(lambda place: Entry.of(self.known[place]).digest == path.stem)

    @rule()
    def verify(self) -> None:
        list(self.store.verify())
        assert all(sound for _, sound in self.store.verify())

    # -- what has to hold -------------------------------------------------------------------------

    @rule(number=keys, port=ports)
    def read(self, number: int, port: str) -> None:
        found = self.find(number, port)
        if found is None:
            assert (number, port) not in self.certain
        else:
            assert same(found, self.known[number, port])

    @invariant()
    def nothing_is_half_written(self) -> None:
        assert not list((self.store.path / "temporary").glob("*"))

    def find(self, number: int, port: str) -> Value | None:
        record = self.record(number)
        if record is None or port not in self.store.present(record):
            return None
        kind: type[Any] = type(self.known[number, port])
        with contextlib.suppress(Quarantined):
            return self.store.get(record.ports[port], PortType(kind))
        return None

    def record(self, number: int) -> Record | None:
        with contextlib.suppress(Quarantined):
            return self.store.record(key_of(number))
        return None

    def lose(self, gone: Any, *, known: bool = False) -> None:
        """Note that some places may not be found any more; or, where known, must not be."""
        lost = {place for place in self.known if gone(place)}
        self.certain -= lost
        if known:
            for place in lost:
                del self.known[place]


def key_of(number: int) -> Key:
    return Key.of({"type": "test", "number": number})


def test_a_store_is_a_dict_that_may_forget_but_never_lies(torture: bool) -> None:
    run_state_machine_as_test(
        StoreAgainstDict,
        settings=settings(
            max_examples=1000 if torture else 40,
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
