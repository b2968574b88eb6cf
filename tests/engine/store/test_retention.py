"""The store keeps within its size, drops what is cheapest first, and spares what is in use."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import resonate_graph as rg
from resonate_graph import Audio, Store, StoreError
from resonate_graph._node.ports import PortType
from resonate_graph._store.records import Key
from resonate_graph._store.retention import parse_bytes
from resonate_nodes import gain
from tests.depth import thorough

FRAMES = 10_000
OBJECT_BYTES = FRAMES * 4 + 116


def keep(store: Store, number: int, seconds: float) -> str:
    """Keep a sound that took so many seconds to compute; return its digest."""
    audio = Audio(np.full((1, FRAMES), number / 1000), 44100)
    key = Key.of({"type": "test", "number": number})
    store.put_record(key, {"out": store.put(audio, seconds=seconds)}, seconds=seconds)
    return audio.digest


def kept(store: Store) -> set[str]:
    return {item.digest for item in store.retention.objects()}


def test_a_limit_below_what_is_there_holds_after_a_run_that_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Store(tmp_path, limit_bytes=10**9)
    for number in range(5):
        keep(writer, number, seconds=1.0)
    del writer
    with Store(tmp_path).in_use():
        pass
    assert len(kept(Store(tmp_path))) == 5
    monkeypatch.setenv("RESONATE_STORE_LIMIT", str(2 * OBJECT_BYTES))
    with Store(tmp_path).in_use():
        pass
    assert 0 < len(kept(Store(tmp_path))) <= 2


def test_what_costs_least_to_compute_again_goes_first(tmp_path: Path) -> None:
    writer = Store(tmp_path, limit_bytes=10**9)
    cheap = [keep(writer, number, seconds=0.01) for number in range(5)]
    dear = [keep(writer, number, seconds=60.0) for number in range(5, 8)]
    del writer
    store = Store(tmp_path, limit_bytes=4 * OBJECT_BYTES)
    store.retention.make_room()
    assert set(dear) <= kept(store)
    assert len(kept(store) & set(cheap)) == 1


def test_the_limit_is_held_while_writing_within_one_object(tmp_path: Path) -> None:
    limit = 5 * OBJECT_BYTES
    for number in range(20):  # each by a store of its own, so that nothing is in use
        keep(Store(tmp_path, limit_bytes=limit), number, seconds=1.0)
        size = sum(item.bytes for item in Store(tmp_path).retention.objects())
        assert size <= limit + OBJECT_BYTES


def test_a_pinned_object_stays(tmp_path: Path) -> None:
    pinned = keep(Store(tmp_path), 1, seconds=0.0)
    keep(Store(tmp_path), 2, seconds=9.0)
    store = Store(tmp_path)
    store.retention.pin(pinned)
    store.retention.make_room(limit_bytes=0)
    assert kept(store) == {pinned}
    store.retention.unpin(pinned)
    store.retention.make_room(limit_bytes=0)
    assert kept(store) == set()


def test_frequent_use_counts(tmp_path: Path) -> None:
    often, once = (keep(Store(tmp_path), number, seconds=1.0) for number in (1, 2))
    entry = next(
        record.ports["out"]
        for record in Store(tmp_path).records()
        if record.ports["out"].digest == often
    )
    for _ in range(5):
        store = Store(tmp_path)
        with store.in_use():
            store.get(entry, PortType(Audio))
            store.put(Audio(np.full((1, FRAMES), 1 / 1000), 44100))
    store = Store(tmp_path)
    store.retention.make_room(limit_bytes=OBJECT_BYTES)
    assert kept(store) == {often}
    assert once not in kept(store)


def test_what_a_run_puts_again_is_in_use_too(tmp_path: Path) -> None:
    digest = keep(Store(tmp_path), 1, seconds=1.0)
    running = Store(tmp_path)
    with running.in_use():
        running.put(Audio(np.full((1, FRAMES), 1 / 1000), 44100))
        Store(tmp_path).retention.make_room(limit_bytes=0)
        assert kept(running) == {digest}


def test_looking_is_no_use(tmp_path: Path, excerpt: Audio) -> None:
    rg.stock("deliver").run({"master": excerpt}, store=tmp_path)
    before = {item.digest: item.uses for item in Store(tmp_path).retention.objects()}
    rg.stock("deliver").plan({"master": excerpt}, store=tmp_path)
    rg.stock("deliver").why({"master": excerpt}, store=tmp_path)
    assert {item.digest: item.uses for item in Store(tmp_path).retention.objects()} == before


def test_when_an_object_was_used_last_is_known(tmp_path: Path) -> None:
    digest = keep(Store(tmp_path), 1, seconds=1.0)
    (tmp_path / "uses.log").write_text(f"{digest} 0 1700000000 1 2.5\nnonsense\n\n{digest} 1\n")
    (item,) = Store(tmp_path).retention.objects()
    assert (item.uses, item.last_used, item.seconds) == (1, 1700000000, 2.5)
    before = time.time()
    running = Store(tmp_path)
    with running.in_use():
        running.put(Audio(np.full((1, FRAMES), 1 / 1000), 44100))
    (item,) = Store(tmp_path).retention.objects()
    assert item.uses == 2
    assert item.last_used is not None
    assert item.last_used >= round(before)


def test_counts_of_uses_outlast_the_log(tmp_path: Path) -> None:
    digest = keep(Store(tmp_path), 1, seconds=1.0)
    (tmp_path / "uses.log").write_text(f"{digest} 0 1700000000 1 2\n" * 30)
    Store(tmp_path).retention.make_room()
    Store(tmp_path).retention.make_room()
    assert (tmp_path / "uses.log").read_text().count("\n") == 1
    (item,) = Store(tmp_path).retention.objects()
    assert (item.uses, item.last_used, item.seconds) == (30, 1700000000, 2)


def test_a_log_that_has_grown_long_is_written_anew(tmp_path: Path) -> None:
    digest = keep(Store(tmp_path), 1, seconds=1.0)
    (tmp_path / "uses.log").write_text(f"{digest} 0 1700000000 1 2\n" * 50_000)
    with Store(tmp_path).in_use():
        pass
    assert (tmp_path / "uses.log").read_text().count("\n") == 1
    (item,) = Store(tmp_path).retention.objects()
    assert item.uses == 50_000


def test_of_many_runs_those_that_ended_are_spared_no_longer(tmp_path: Path, excerpt: Audio) -> None:
    graph = rg.Graph("quieter")
    quiet = graph.add(gain, "quiet")(graph.input("mix", Audio), gain_db=-1.0)
    graph.output("out", graph.add(gain, "more")(quiet, gain_db=-2.0))
    mixes = [excerpt.with_samples(excerpt.samples / (2 + number)) for number in range(30)]
    size = mixes[0].samples.nbytes
    store = Store(tmp_path / "store", limit_bytes=10 * size)
    sizes: list[int] = []

    def measure(*given: object) -> None:
        sizes.append(sum(item.bytes for item in store.retention.objects()))

    found = graph.run_many(
        [{"mix": mix} for mix in mixes], store=store, on_result=measure, threads=2
    )
    assert max(sizes) <= 10 * size + 8 * size  # and what the runs at work use
    for mix, result in zip(mixes, found, strict=True):
        assert result["out"] == gain(gain(mix, gain_db=-1.0), gain_db=-2.0)


def test_while_another_process_makes_room_nobody_else_does(tmp_path: Path) -> None:
    digest = keep(Store(tmp_path), 1, seconds=1.0)
    with FileLock(tmp_path / "retention.lock"):
        assert Store(tmp_path).retention.make_room(limit_bytes=0) == []
        assert kept(Store(tmp_path)) == {digest}
    assert [one.digest for one in Store(tmp_path).retention.make_room(limit_bytes=0)] == [digest]


def test_what_no_lease_stands_for_is_removed(tmp_path: Path) -> None:
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / "1-abc.uses").write_text("digest\n")
    with Store(tmp_path).in_use():
        assert list((tmp_path / "leases").iterdir()) == []


def evict(folder: Path, count: int) -> None:
    """Pretend that objects were dropped earlier, each of them thrice."""
    lines = [f"{when}.000 {number:064x}\n" for when in (1, 2, 3) for number in range(count)]
    (folder / "evicted.log").write_text("".join(lines))


def test_the_log_of_evictions_stays_short_and_keeps_the_latest(tmp_path: Path) -> None:
    back = keep(Store(tmp_path), 1, seconds=1.0)
    evict(tmp_path, 8000)
    with (tmp_path / "evicted.log").open("a") as log:
        log.write(f"4 {back}\n")
    dropped = keep(Store(tmp_path), 2, seconds=0.0)
    Store(tmp_path).retention.make_room(limit_bytes=OBJECT_BYTES)
    assert len((tmp_path / "evicted.log").read_text().splitlines()) == 8001
    evictions = Store(tmp_path).retention.evictions()
    assert back not in evictions
    assert evictions[f"{7:064x}"] == 3
    assert evictions[dropped] == pytest.approx(time.time(), abs=60)
    evict(tmp_path, 30_000)
    Store(tmp_path).retention.make_room(limit_bytes=0)
    assert len(Store(tmp_path).retention.evictions()) == 10_000
    assert back in Store(tmp_path).retention.evictions()


EVICTOR = """
import sys
from tests.engine.store.test_retention import evict, keep
from pathlib import Path
from resonate_graph import Store
folder = Path(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 10):
    keep(Store(folder), number, seconds=0.0)
    evict(folder, 7000)
    Store(folder).retention.make_room(limit_bytes=0)
"""


@thorough
def test_processes_that_shorten_the_log_at_once_leave_whole_lines(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", EVICTOR, str(tmp_path), str(first)])
        for first in (100, 200, 300)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    lines = (tmp_path / "evicted.log").read_text().splitlines()
    assert all(re.fullmatch(r"[0-9.]+ [0-9a-f]{64}", line) for line in lines)
    assert not list(tmp_path.glob("evicted-*"))


def lay(folder: Path, number: int, size: int) -> None:
    """Lay an object that takes no room on the disk into a store."""
    path = folder / "objects" / "00" / f"{number:064x}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_the_limit_does_not_shrink_as_the_store_grows(tmp_path: Path) -> None:
    lay(tmp_path, 1, 50 * 10**9)
    free = shutil.disk_usage(tmp_path).free
    expected = min(20 * 10**9, (free + 50 * 10**9) // 10)
    assert Store(tmp_path).retention.limit_bytes == pytest.approx(expected, rel=0.02)


def test_the_floor_of_free_disk_drops_as_much_as_it_takes(tmp_path: Path) -> None:
    for number in range(5):
        lay(tmp_path, number, 10**12)
    store = Store(tmp_path, limit_bytes=10**15)
    free = shutil.disk_usage(tmp_path).free
    store.retention.floor_bytes = free + 25 * 10**11
    assert len(store.retention.make_room()) == 3
    assert not store.retention.floor_is_out_of_reach


def test_a_floor_out_of_reach_drops_nothing(tmp_path: Path) -> None:
    for number in range(5):
        lay(tmp_path, number, 10**12)
    store = Store(tmp_path, limit_bytes=3 * 10**12)
    store.retention.floor_bytes = 10**15
    assert len(store.retention.make_room()) == 2, "the limit still holds"
    assert store.retention.floor_is_out_of_reach
    assert store.retention.make_room() == []


def test_a_run_on_a_disk_that_others_filled_keeps_its_results_and_warns_once(
    tmp_path: Path, excerpt: Audio
) -> None:
    kept_before = keep(Store(tmp_path), 1, seconds=0.0)
    store = Store(tmp_path)
    store.retention.floor_bytes = 10**15
    report = rg.stock("deliver").run({"master": excerpt}, store=store).report
    (warning,) = report["warnings"]
    assert warning["code"] == "disk-nearly-full"
    assert "less than 1e+06 GB is free" in warning["message"]
    assert kept_before in kept(store)
    assert len(kept(store)) == 4
    again = rg.stock("deliver").run({"master": excerpt}, store=Store(tmp_path)).report
    assert again["warnings"] == []


HOLDER = """
import sys
from resonate_graph import Store
store = Store(sys.argv[1])
with store.in_use():
    for record in store.records():
        store.present(record)
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_what_a_running_process_uses_stays_until_it_ends(tmp_path: Path) -> None:
    digest = keep(Store(tmp_path), 1, seconds=1.0)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    Store(tmp_path).retention.make_room(limit_bytes=0)
    with pytest.raises(StoreError, match="is in use by a run: remove it when that has ended"):
        Store(tmp_path).forget(next(Store(tmp_path).records()))
    rm = [sys.executable, "-m", "resonate_graph._cli", "store", "rm", "--store", str(tmp_path)]
    (record,) = Store(tmp_path).records()
    done = subprocess.run([*rm, record.key, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "in use" in json.loads(done.stdout)["error"]["message"]
    assert kept(Store(tmp_path)) == {digest}
    process.kill()  # without a chance to give its lease back
    process.wait()
    Store(tmp_path).retention.make_room(limit_bytes=0)
    assert kept(Store(tmp_path)) == set()
    assert not list((tmp_path / "leases").glob("*.uses"))


def test_a_map_stays_valid_when_its_object_is_dropped(tmp_path: Path) -> None:
    keep(Store(tmp_path), 7, seconds=1.0)
    reader = Store(tmp_path)
    entry = next(reader.records()).ports["out"]
    audio = reader.get(entry, PortType(Audio))
    assert isinstance(audio, Audio)
    path = reader.object_path(entry)
    assert path is not None
    path.unlink()
    np.testing.assert_array_equal(audio.samples, np.full((1, FRAMES), np.float32(7 / 1000)))


def test_a_run_goes_on_when_the_limit_is_smaller_than_its_results(
    tmp_path: Path, excerpt: Audio
) -> None:
    store = Store(tmp_path, limit_bytes=1000)
    first = rg.stock("deliver").run({"master": excerpt}, store=store)
    again = rg.stock("deliver").run({"master": excerpt}, store=Store(tmp_path, limit_bytes=1000))
    assert first["delivered"] == again["delivered"]


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500 * 10**6), ("20 GB", 20 * 10**9), ("1.5kb", 1500), ("7", 7)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "much", "-1GB", "nan", "1XB", "1e99"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="is no size"):
        parse_bytes(text)


def test_the_variable_sets_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_STORE_LIMIT", "3MB")
    assert Store(tmp_path).retention.limit_bytes == 3_000_000
