from __future__ import annotations

import json
import mmap
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from resonate_graph import Audio, File, OutputError, Report, Store, StoreError, Value
from resonate_graph._node.ports import PortType
from resonate_graph._store.folder import Quarantined
from resonate_graph._store.records import Entry, Key
from tests.faults import flipped, full_disk
from tests.processes import end_of, files_in, start_python


class Measured(Report):
    loudness: float
    name: str


AUDIO = Audio(np.random.default_rng(1).uniform(-2, 2, (3, 500)), 44100)
VALUES: list[Value] = [
    AUDIO,
    Audio(np.zeros((2, 0)), 8000),
    File(b"\x00\xffencoded", ".mp3"),
    Measured(loudness=-14.25, name="Träck"),
    1.0,
    0.1,
    7,
    True,
    "Träck",
]
KEY = Key.of({"step": "one"})


def object_of(store: Store) -> Path:
    """Return the one object in a store."""
    (path,) = (path for path in (store.path / "objects").rglob("*") if path.is_file())
    return path


def record_of(store: Store) -> Path:
    """Return the one record in a store."""
    (path,) = (path for path in (store.path / "records").rglob("*") if path.is_file())
    return path


# -- objects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_kept_comes_back_equal_and_of_its_type(store: Store, value: Value) -> None:
    entry = store.put(value)
    found = Store(store.path).get(entry, PortType(type(value)))
    assert found == value
    assert type(found) is type(value)


def test_samples_come_back_bit_by_bit(store: Store) -> None:
    odd = [-0.0, 0.0, 1e-45, -1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38, 1 / 3]
    audio = Audio(np.array([odd, odd[::-1]], np.float32), 96_000)
    found = store.get(store.put(audio), PortType(Audio))
    assert isinstance(found, Audio)
    np.testing.assert_array_equal(found.samples.view(np.uint32), audio.samples.view(np.uint32))


def test_audio_is_mapped_not_read_and_nobody_can_write_into_it(store: Store) -> None:
    found = store.get(store.put(AUDIO), PortType(Audio))
    assert isinstance(found, Audio)
    base: Any = found.samples
    while isinstance(base, np.ndarray):
        assert not base.flags.writeable
        base = base.base
    assert isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)
    with pytest.raises(ValueError, match="read-only"):
        found.samples[0, 0] = 1.0


_LOCKED = """
import ctypes, sys
import numpy as np
from resonate_graph import Audio, Store
from resonate_graph._node.ports import PortType
from resonate_graph._store.records import Entry
sound = Audio(np.ones((2, 4000)), 44100)
store = Store(sys.argv[1])
if ctypes.CDLL(None).mlockall(2):  # all that is mapped from now on
    print("cannot")
else:
    print(store.get(Entry.of(sound), PortType(Audio)) == sound)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mlockall is numbered otherwise, or not there")
def test_a_program_that_locks_its_memory_finds_what_is_stored(store: Store) -> None:
    """As those do that play or record without a gap."""
    store.put(Audio(np.ones((2, 4000)), 44100))
    ended = end_of(start_python(_LOCKED, store.path))
    if ended.out == "cannot\n":
        pytest.skip("this process may lock no memory")
    assert ended.out == "True\n", ended.err


def test_objects_are_files_that_other_programs_open(store: Store) -> None:
    store.put(AUDIO)
    path = object_of(store)
    samples, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(samples.T, AUDIO.samples)
    assert (rate, path.suffix, soundfile.info(path).subtype) == (44100, ".wav", "FLOAT")


def test_reports_are_json_files(store: Store) -> None:
    store.put(Measured(loudness=-14.25, name="x"))
    plain = json.loads(object_of(store).read_text())
    assert plain == {"type": "Measured", "value": {"loudness": -14.25, "name": "x"}}


def test_equal_content_is_kept_once_and_not_written_again(store: Store) -> None:
    entry = store.put(AUDIO)
    before = object_of(store).stat()
    assert store.put(Audio(AUDIO.samples.copy(), 44100)) == entry
    after = object_of(store).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    "value", [AUDIO, File(b"encoded", ".mp3"), Measured(loudness=1.5, name="x")], ids=repr
)
def test_one_flipped_bit_anywhere_is_found_put_aside_and_mended(store: Store, value: Value) -> None:
    entry = store.put(value)
    path = object_of(store)
    good = path.read_bytes()
    step = max(1, len(good) // 300)
    positions = {*range(min(len(good), 116)), *range(0, len(good), step), len(good) - 1}
    for position in sorted(positions):
        path.write_bytes(flipped(good, position))
        with pytest.raises(Quarantined):
            Store(store.path).get(entry, PortType(type(value)))
        assert not path.exists()
        store.put(value)
        assert path.read_bytes() == good
    assert len(files_in(store.path / "quarantine")) == len(positions)


@pytest.mark.parametrize("value", [AUDIO, File(b"encoded", ".mp3"), 0.5], ids=repr)
@pytest.mark.parametrize("change", [lambda good: good[:-1], lambda good: good + b"x", bytes])
def test_an_object_of_another_size_is_not_present(store: Store, value: Value, change: Any) -> None:
    entry = store.put(value)
    record = store.put_record(KEY, {"out": entry})
    assert store.present(record) == {"out"}
    path = object_of(store)
    path.write_bytes(change(path.read_bytes()) if change is not bytes else b"")
    assert store.present(record) == frozenset()
    with pytest.raises(Quarantined):
        store.get(entry, PortType(type(value)))


def test_a_bit_that_flips_between_two_reads_is_found(store: Store) -> None:
    entry = store.put(AUDIO)
    store.get(entry, PortType(Audio))
    path = object_of(store)
    path.write_bytes(flipped(path.read_bytes(), 1000))
    with pytest.raises(Quarantined):
        store.get(entry, PortType(Audio))


def test_damage_that_cannot_be_put_aside_is_not_believed_and_is_mended(store: Store) -> None:
    entry = store.put(AUDIO)
    record = store.put_record(KEY, {"out": entry})
    path = object_of(store)
    good = path.read_bytes()
    path.write_bytes(flipped(good, 1000))
    (store.path / "quarantine").write_text("a file where the folder has to be")
    with pytest.raises(Quarantined):
        store.get(entry, PortType(Audio))
    assert path.exists()
    assert store.present(record) == frozenset()
    store.put(AUDIO)
    assert path.read_bytes() == good
    assert store.present(record) == {"out"}
    assert store.get(entry, PortType(Audio)) == AUDIO


@pytest.mark.parametrize("value", [AUDIO, File(b"encoded", ".mp3"), 0.5], ids=repr)
def test_keeping_a_value_again_mends_an_object_nobody_had_read(store: Store, value: Value) -> None:
    store.put(value)
    path = object_of(store)
    good = path.read_bytes()
    path.write_bytes(flipped(good, len(good) - 1))
    store.put(value)
    assert path.read_bytes() == good


def test_an_object_that_cannot_be_read_counts_as_lost(store: Store) -> None:
    entry = store.put(AUDIO)
    path = object_of(store)
    path.unlink()
    path.mkdir()
    with pytest.raises(Quarantined):
        store.get(entry, PortType(Audio))


@pytest.mark.parametrize("digest", ["../../outside", "/etc/passwd", "A" * 64, "a" * 63, "a" * 65])
def test_no_record_names_a_file_outside_the_objects(digest: str) -> None:
    with pytest.raises(ValidationError):
        Entry(digest=digest, kind="json", suffix=".json", bytes=1)
    with pytest.raises(ValidationError):
        Entry(digest="a" * 64, kind="json", suffix="/../x", bytes=1)


# -- records ------------------------------------------------------------------------------------


def test_a_record_says_what_it_was_made_of_and_what_it_cost(store: Store) -> None:
    entry = store.put(AUDIO)
    store.put_record(KEY, {"out": entry}, seconds=1.5, device="cpu", warnings=[("code", "text")])
    record = Store(store.path).record(KEY)
    assert record is not None
    assert record.preimage == {"step": "one"}
    assert record.ports == {"out": entry}
    assert (record.seconds, record.device, record.warnings) == (1.5, "cpu", [("code", "text")])


def test_an_unknown_key_has_no_record(store: Store) -> None:
    assert store.record(KEY) is None
    assert not store.path.exists()


def test_ports_are_added_one_by_one(store: Store) -> None:
    vocals, drums = Entry.of(0.5), Entry.of(0.25)
    store.put_record(KEY, {"vocals": vocals})
    record = store.put_record(KEY, {"drums": drums})
    assert record.ports == {"vocals": vocals, "drums": drums}
    assert Store(store.path).record(KEY) == record


def test_one_flipped_bit_anywhere_in_a_record_is_found_and_put_aside(store: Store) -> None:
    record = store.put_record(KEY, {"out": Entry.of(0.5)}, warnings=[("code", "Träck")])
    path = record_of(store)
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(flipped(good, position))
        with pytest.raises(Quarantined):
            store.record(KEY)
        assert not path.exists()
        assert store.record(KEY) is None
    mended = store.put_record(KEY, {"out": Entry.of(0.5)}, warnings=[("code", "Träck")])
    assert mended.model_copy(update={"created": record.created}) == record
    assert store.record(KEY) == mended


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"seal": 1}'], ids=repr
)
def test_what_is_no_record_is_put_aside(store: Store, content: bytes) -> None:
    store.put_record(KEY, {"out": Entry.of(0.5)})
    record_of(store).write_bytes(content)
    with pytest.raises(Quarantined):
        store.record(KEY)
    assert len(files_in(store.path / "quarantine")) == 1


def test_a_record_under_another_key_is_not_believed(store: Store) -> None:
    other = Key.of({"step": "two"})
    store.put_record(KEY, {"out": Entry.of(0.5)})
    target = store.path / "records" / other.hex[:2] / f"{other.hex}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(record_of(store), target)
    with pytest.raises(Quarantined):
        store.record(other)
    assert store.record(KEY) is not None


def test_adding_to_a_damaged_record_starts_a_new_one(store: Store) -> None:
    store.put_record(KEY, {"vocals": Entry.of(0.5)})
    record_of(store).write_bytes(b"damaged")
    assert store.put_record(KEY, {"drums": Entry.of(0.25)}).ports == {"drums": Entry.of(0.25)}


def test_a_record_that_cannot_be_read_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store has to be")
    with pytest.raises(StoreError, match=r"records.*cannot be read: Not a directory"):
        Store(tmp_path / "store").record(KEY)


# -- writes that fail ---------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing_behind(store: Store) -> None:
    big = Audio(np.zeros((2, 50_000)), 44100)
    with full_disk(100_000), pytest.raises(OutputError, match="cannot be written: File too large"):
        store.put(big)
    assert files_in(store.path) == []
    assert store.get(store.put(big), PortType(Audio)) == big


def test_a_full_disk_leaves_the_record_that_was_there(store: Store) -> None:
    before = store.put_record(KEY, {"vocals": Entry.of(0.5)})
    with full_disk(100), pytest.raises(OutputError):
        store.put_record(KEY, {"drums": Entry.of(0.25)})
    assert store.record(KEY) == before
    record = record_of(store).relative_to(store.path)
    assert files_in(store.path) == ["latest.log", str(record)]


def test_the_right_to_compute_a_key_is_held_by_one(store: Store) -> None:
    held = store.key_lock(KEY)
    assert held.take()
    other = Store(store.path).key_lock(KEY)
    assert not other.take()
    assert store.key_lock(Key.of({"step": "two"})).take()
    held.give_back()
    assert other.take()
    other.give_back()
    assert not list((store.path / "locks").glob(f"{KEY.hex}*"))


def test_without_a_place_for_locks_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store has to be")
    lock = Store(tmp_path / "store").key_lock(KEY)
    assert lock.take()
    lock.give_back()


def test_the_outputs_of_a_step_are_kept_at_the_same_time_as_one_after_the_other(
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(7)
    samples = [draw.uniform(-1, 1, (2, 200_000)).astype(np.float32) for _ in range(4)]
    stems = {f"stem{number}": Audio(one, 44100) for number, one in enumerate(samples)}
    store = Store(tmp_path / "together")
    entries = store.put_all(stems)
    alone = Store(tmp_path / "alone")
    assert entries == {name: alone.put(Audio(one.samples, 44100)) for name, one in stems.items()}
    found = {name: store.get(entry, PortType(Audio)) for name, entry in entries.items()}
    assert found == stems
    assert not list((tmp_path / "together" / "temporary").iterdir())
