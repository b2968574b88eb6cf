"""The latest records of a store: found by its log, without looking at all the others."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio, Store
from resonate_graph._store.records import Entry, Key
from tests.depth import thorough
from tests.faults import full_disk
from tests.processes import PATIENCE_SECONDS, end_of, start_python

ENTRY = Entry.of(Audio(np.zeros((2, 8)), 44100))


def key_of(number: int) -> Key:
    return Key.of({"number": number})


def write(store: Store, *numbers: int) -> None:
    for number in numbers:
        store.put_record(key_of(number), {"out": ENTRY})


def latest(store: Store, count: int) -> list[object]:
    return [one.preimage["number"] for one in store.latest_records(count)]


def older_store(path: Path, count: int) -> Store:
    """Return a store as it was before there was a log: its files alone tell which came last."""
    store = Store(path)
    write(store, *range(count))
    for log in path.glob("latest*"):
        log.unlink()
    for number in range(count):
        hexed = key_of(number).hex
        os.utime(path / "records" / hexed[:2] / f"{hexed}.json", (number, number))
    return Store(path)


def test_they_come_in_the_order_in_which_they_were_written_each_once(store: Store) -> None:
    assert latest(store, 3) == []
    write(store, *range(5), 1)
    assert latest(store, 3) == [1, 4, 3]
    assert latest(Store(store.path), 9) == [1, 4, 3, 2, 0]


def test_in_a_store_without_a_log_they_are_found_by_their_files(tmp_path: Path) -> None:
    store = older_store(tmp_path / "old", 6)
    assert latest(store, 4) == [5, 4, 3, 2]
    write(store, 2, 6)
    assert latest(store, 4) == [6, 2, 5, 4]
    assert latest(store, 9) == [6, 2, 5, 4, 3, 1, 0]


def test_what_an_older_store_has_is_found_behind_what_was_written_since(tmp_path: Path) -> None:
    store = older_store(tmp_path / "old", 6)
    write(store, 6, 7)  # before anybody asked
    assert latest(store, 4) == [7, 6, 5, 4]


def test_what_an_older_version_wrote_into_a_store_with_a_log_is_found(store: Store) -> None:
    write(store, *range(4))
    log = store.path / "latest.log"
    known = log.read_bytes()
    write(store, 4, 5)
    log.write_bytes(known)  # such a version writes none
    assert set(latest(store, 9)) == set(range(6))
    write(store, 6)
    assert latest(store, 9)[0] == 6
    assert set(latest(Store(store.path), 9)) == set(range(7))


def test_records_that_are_gone_or_damaged_are_passed_over(store: Store) -> None:
    write(store, *range(6))
    store.forget(store.latest_records(1)[0])
    damaged = key_of(4).hex
    (store.path / "records" / damaged[:2] / f"{damaged}.json").write_text("{}")
    assert latest(store, 2) == [3, 2]


@pytest.mark.parametrize("junk", [b"0123", b"\n", b"\xff\xfe\n", b"../../etc\n", b"f" * 300])
def test_what_a_full_disk_or_a_power_cut_left_in_the_log_hides_nothing(
    store: Store, junk: bytes
) -> None:
    write(store, 0, 1)
    with (store.path / "latest.log").open("ab") as log:
        log.write(junk)
    write(store, 2)
    assert latest(store, 3) == [2, 1, 0]


def test_where_no_log_can_be_written_records_are_and_are_found(store: Store) -> None:
    (store.path / "latest.log").mkdir(parents=True)
    write(store, 0)
    write(store, 1)
    assert sorted(map(str, latest(store, 9))) == ["0", "1"]


def test_a_full_disk_keeps_no_record_from_being_known(store: Store) -> None:
    write(store, *range(20))
    size = (store.path / "latest.log").stat().st_size
    with full_disk(size + 10):  # a record still fits, the log cannot grow by a line
        write(store, 20)
    write(store, 21)
    assert store.record(key_of(20)) is not None
    assert latest(store, 2)[0] == 21
    assert set(latest(store, 99)) == set(range(22))


_COUNTING = """
import sys
from resonate_graph import Store
opened = []
def look(event, given):
    if event in ("open", "os.listdir", "os.scandir") and "records" in str(given[0]):
        opened.append(event)
store = Store(sys.argv[1])
sys.addaudithook(look)
found = store.latest_records(20)
print(len(found), opened.count("os.listdir") + opened.count("os.scandir"), len(opened))
"""


def test_of_the_others_none_is_looked_at(tmp_path: Path) -> None:
    store = older_store(tmp_path / "old", 60)
    latest(store, 20)
    for path in (store.path, tmp_path / "new"):
        write(Store(path), *range(100, 130))
        ended = end_of(start_python(_COUNTING, path))
        assert ended.out.split() == ["20", "0", "20"], ended.err


# -- several processes, and such as are killed -----------------------------------------------------

_WRITING = """
import sys
from resonate_graph import Store
from resonate_graph._store.records import Key
from tests.engine.store.test_latest import write
first, last = map(int, sys.argv[2:])
print("begun", flush=True)
write(Store(sys.argv[1]), *range(first, last))
"""


def everything(store: Store) -> set[object]:
    return {one.preimage["number"] for one in store.records()}


@thorough
def test_no_record_of_writers_that_were_killed_is_missed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    draw = random.Random(1)
    for number in range(6):
        writer = start_python(_WRITING, store.path, str(100 * number), str(100 * number + 100))
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        wait_for(store, 100 * number + draw.randrange(60))
        writer.kill()
        writer.communicate()
        known = latest(store, 1000)
        assert set(known) == everything(store)
        write(store, 10_000 + number)
        assert latest(store, 1) == [10_000 + number]


def wait_for(store: Store, number: int) -> None:
    """Return once the record of a number is there."""
    end = time.monotonic() + PATIENCE_SECONDS
    while store.record(key_of(number)) is None:
        assert time.monotonic() < end


@thorough
def test_of_two_writers_at_once_nothing_is_missed_when_the_log_is_begun_anew(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "store")
    writers = [
        start_python(_WRITING, store.path, str(first), str(first + 700)) for first in (0, 700)
    ]
    assert [end_of(one).code for one in writers] == [0, 0]
    assert (store.path / "latest.older.log").exists()
    assert set(latest(store, 2000)) == set(range(1400))
    assert (store.path / "latest.log").stat().st_size < 65_000
