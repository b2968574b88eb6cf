"""Readers of a store that is full and drops something with everything it is given."""

from __future__ import annotations

import random
import time
from pathlib import Path

from resonate_graph import Store
from tests.processes import files_in
from tests.torture import work
from tests.torture.crowd import Crowd

READERS = 3
OBJECTS = 40


def test_eviction_under_readers(crowd: Crowd, tmp_path: Path, torture: bool) -> None:
    """One process writes without end, others read what is there; some of it has gone by then."""
    seconds = 600.0 if torture else 4.0
    draw = random.Random(5)
    object_bytes = work.numbered(0).samples.nbytes + 116
    limit_bytes = OBJECTS * object_bytes
    store = Store(tmp_path / "store", limit_bytes=limit_bytes)
    readers = [crowd.start(work.read_numbered, store.path) for _ in range(READERS)]
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        for reader in readers:
            reader.tell(draw.randrange(max(0, number - 2 * OBJECTS), number + 1))
        for _ in range(10):
            work.keep_numbered(store.path, number, limit_bytes)
            assert size_of(store) <= limit_bytes + object_bytes
            number += 1
        assert [reader.hear() for reader in readers] == [None] * READERS
    for reader in readers:
        reader.tell(None)
    answers = [reader.hear() for reader in readers]
    assert [wrong for _, wrong in answers] == [[]] * READERS
    reads = READERS * number // 10
    assert reads // 20 < sum(hits for hits, _ in answers) < reads  # some were there, some gone
    assert files_in(store.path / "quarantine") == []
    assert size_of(store) <= limit_bytes


def test_several_writers_hold_the_limit_within_an_object_each(
    crowd: Crowd, tmp_path: Path, torture: bool
) -> None:
    """Each has kept its store open, and adds in turn with the others."""
    writers, rounds = 4, 500 if torture else 40
    object_bytes = work.numbered(0).samples.nbytes + 116
    limit_bytes = OBJECTS * object_bytes
    store = Store(tmp_path / "store", limit_bytes=limit_bytes)
    members = [
        crowd.start(
            work.keep_many, store.path, list(range(first, writers * rounds, writers)), limit_bytes
        )
        for first in range(writers)
    ]
    for _ in range(rounds):
        for member in members:
            member.tell("go")
        for member in members:
            member.hear()
        assert size_of(store) <= limit_bytes + writers * object_bytes
    assert size_of(store) > limit_bytes // 2


def size_of(store: Store) -> int:
    return sum(item.bytes for item in store.retention.objects())
