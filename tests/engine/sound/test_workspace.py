"""Long results are written as they come, are found again, and are not believed unchecked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, AudioError, Store
from resonate_graph._node.ports import PortType
from resonate_graph._sound.workspace import Workspace
from tests.faults import flipped, full_disk

SOUND = Audio(np.random.default_rng(3).uniform(-1, 1, (2, 30_000)), 44100)


def written(workspace: Workspace, *edges: int, sound: Audio = SOUND) -> Any:
    """Return a writer that was given the sound up to some edges."""
    writer = workspace.writer("sound", sound.channels, sound.sample_rate, sound.frames)
    for start, end in zip((0, *edges), edges, strict=False):
        writer.write(sound.samples[:, start:end])
    return writer


@pytest.mark.parametrize("in_file", [True, False])
def test_what_was_written_piece_by_piece_is_one_sound(tmp_path: Path, in_file: bool) -> None:
    workspace = Workspace(tmp_path / "w" if in_file else None)
    found = written(workspace, 1, 2, 10_000, SOUND.frames).finish()
    np.testing.assert_array_equal(found.samples, SOUND.samples)
    assert found.digest == SOUND.digest
    assert not found.samples.flags.writeable
    path = workspace.written(found)
    assert (path is not None) is in_file
    if path:
        assert path.read_bytes() == SOUND.save(tmp_path / "other.wav").read_bytes()


@pytest.mark.parametrize("folder", ["w", None])
def test_what_was_written_can_be_read_while_the_rest_is_written(
    tmp_path: Path, folder: str | None
) -> None:
    workspace = Workspace(tmp_path / folder if folder else None)
    writer = workspace.writer("sound", 2, 44100, SOUND.frames)
    assert writer.read(0, 10).shape == (2, 0)
    for start in range(0, SOUND.frames, 7000):
        writer.write(SOUND.samples[:, start : start + 7000])
        stop = min(start + 7000, SOUND.frames)
        np.testing.assert_array_equal(
            writer.read(stop - 99, stop), SOUND.samples[:, stop - 99 : stop]
        )
        assert writer.read(stop - 3, stop + 5).shape == (2, 3)
    np.testing.assert_array_equal(writer.read(0, SOUND.frames), SOUND.samples)
    assert writer.finish() == SOUND


def test_several_threads_read_at_the_same_time(tmp_path: Path) -> None:
    """As segments of a mix at another rate are read by the threads that separate them."""
    frames, starts = 400_000, range(0, 390_000, 137)
    samples = np.arange(2 * frames, dtype=np.float32).reshape(frames, 2).T
    writer = Workspace(tmp_path / "w").writer("sound", 2, 44100, frames)
    writer.write(samples)

    def is_right(start: int) -> bool:
        return np.array_equal(writer.read(start, start + 9000), samples[:, start : start + 9000])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(is_right, starts))


def test_nothing_at_all_is_a_sound_too(tmp_path: Path) -> None:
    empty = Audio(np.zeros((2, 0)), 44100)
    workspace = Workspace(tmp_path / "w")
    found = written(workspace, sound=empty).finish()
    assert found == empty
    assert workspace.written(found) is None


def test_another_process_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    first = Workspace(tmp_path / "w")
    writer = written(first, 10_000, 20_000)
    first.save({"segment": 7, "position": writer.position}, {"tail": SOUND.samples[:, :5]})
    writer.write(SOUND.samples[:, 20_000:25_000])  # nobody was told of these
    del first, writer
    second = Workspace(tmp_path / "w")
    state = second.load()
    assert state is not None
    plain, arrays = state
    assert plain["segment"] == 7
    np.testing.assert_array_equal(arrays["tail"], SOUND.samples[:, :5])
    resumed = second.writer("sound", 2, 44100, SOUND.frames)
    assert second.resume(resumed, plain["position"])
    assert resumed.frames_written == 20_000
    resumed.write(SOUND.samples[:, 20_000:])
    found = resumed.finish()
    np.testing.assert_array_equal(found.samples, SOUND.samples)
    assert found.digest == SOUND.digest


def only(pattern: str, folder: Path) -> Path:
    (path,) = folder.glob(pattern)
    return path


@pytest.mark.parametrize("position", [0, 60, 116, 50_000, 80_115])
def test_a_flipped_bit_in_what_was_written_is_found(tmp_path: Path, position: int) -> None:
    first = Workspace(tmp_path)
    where = written(first, 10_000).position
    first.save({}, {})
    path = only("*/sound.wav", tmp_path)
    path.write_bytes(flipped(path.read_bytes(), position))
    second = Workspace(tmp_path)
    assert second.load() is not None
    assert not second.resume(second.writer("sound", 2, 44100, SOUND.frames), where)
    afresh = written(second, SOUND.frames)
    found = afresh.finish()
    np.testing.assert_array_equal(found.samples, SOUND.samples)
    assert second.written(found) is not None  # in a file, not in memory


def test_two_processes_that_both_hold_the_lock_do_not_meet(tmp_path: Path) -> None:
    """As on a filesystem that grants every lock: the first goes on while the second copies."""
    first = Workspace(tmp_path)
    slow = written(first, 10_000)
    first.save({"position": slow.position}, {})
    second = Workspace(tmp_path)
    state = second.load()
    assert state is not None
    fast = second.writer("sound", 2, 44100, SOUND.frames)
    assert second.resume(fast, state[0]["position"])
    slow.write(SOUND.samples[:, 10_000:15_000])
    fast.write(SOUND.samples[:, 10_000:])
    second.save({}, {})
    slow.write(SOUND.samples[:, 15_000:])
    for found in (fast.finish(), slow.finish()):
        np.testing.assert_array_equal(found.samples, SOUND.samples)
    second.remove()
    store = Store(tmp_path / "store")
    entry = store.put(slow.finish(), file=first.written(slow.finish()))
    assert store.get(entry, PortType(Audio)) == SOUND


def test_a_flipped_bit_anywhere_in_the_state_is_found(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.load() is None
    workspace.save({"segment": 1}, {"tail": np.zeros((2, 3), np.float32)})
    path = only("*/state", tmp_path)
    good = path.read_bytes()
    assert Workspace(tmp_path).load() is not None
    for position in range(len(good)):
        path.write_bytes(flipped(good, position))
        assert Workspace(tmp_path).load() is None
    path.write_bytes(good[:20])
    assert Workspace(tmp_path).load() is None


def test_where_the_disk_fills_up_memory_takes_over(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    with full_disk(100_000):
        found = written(workspace, 10_000, 20_000, SOUND.frames).finish()
    np.testing.assert_array_equal(found.samples, SOUND.samples)
    assert found.digest == SOUND.digest
    assert workspace.written(found) is None
    assert list((tmp_path / "w").rglob("*.wav")) == []


def test_what_is_not_finite_is_refused_with_its_place(tmp_path: Path) -> None:
    writer = written(Workspace(tmp_path), 22_050)
    with pytest.raises(AudioError, match=r"samples after 0\.5 s are not finite"):
        writer.write(np.full((2, 5), np.nan, np.float32))


def test_the_store_takes_the_file_as_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    workspace = Workspace(store.path / "unfinished" / "key")
    found = written(workspace, SOUND.frames).finish()
    path = workspace.written(found)
    assert path is not None
    inode = path.stat().st_ino
    entry = store.put(found, file=path)
    workspace.remove()
    assert not (store.path / "unfinished" / "key").exists()
    kept = store.object_path(entry)
    assert kept is not None
    assert kept.stat().st_ino == inode
    again = Store(store.path).get(entry, PortType(Audio))
    assert isinstance(again, Audio)
    np.testing.assert_array_equal(again.samples, SOUND.samples)
    np.testing.assert_array_equal(found.samples, SOUND.samples)
