"""``resonate store`` and ``resonate why``, as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Audio, Graph, Store, read_audio
from resonate_graph._store.records import Record, seal
from resonate_nodes import gain


def resonate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "resonate_graph._cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def document(*arguments: str, code: int = 0) -> Any:
    done = resonate(*arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def filled(tmp_path: Path, excerpt: Audio) -> tuple[Path, Path]:
    """A store with a run of `deliver` in it, and the recording it was run on."""
    song = excerpt.save(tmp_path / "song.wav")
    store = tmp_path / "store"
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "out"), "--store", str(store)]
    assert resonate("run", "deliver", *arguments).returncode == 0
    return store, song


def test_what_is_stored_is_listed_with_where_it_came_from(filled: tuple[Path, Path]) -> None:
    store, song = filled
    items = document("store", "ls", "--store", str(store))["items"]
    nodes = {item["node"]: item for item in items if item["node"]}
    assert set(nodes) == {"level", "measure", "encode"}
    assert nodes["level"]["graph"] == "deliver"
    assert nodes["level"]["files"] == [str(song)]
    assert nodes["level"]["bytes"] > 3 * 44100 * 8
    figures = document("store", "stats", "--store", str(store))
    assert figures["objects"] == 3
    assert 0 < figures["bytes"] <= figures["limit_bytes"]


def test_what_is_gone_is_listed_only_when_asked_for(filled: tuple[Path, Path]) -> None:
    store, song = filled
    place = ["--store", str(store)]
    before = document("store", "ls", *place)["items"]
    assert {item["node"] for item in before} == {"level", "measure", "encode"}
    assert all(item["here"] for item in before)
    document("store", "gc", "--limit", "0", *place)
    assert document("store", "ls", *place)["items"] == []
    items = document("store", "ls", "--all", *place)["items"]
    assert {item["node"]: item["here"] for item in items} == dict.fromkeys(
        ("level", "measure", "encode", ""), False
    )
    (remembered,) = (item for item in items if item["type"] == "input")
    assert remembered["files"] == [str(song)]
    lines = resonate("store", "ls", "--all", *place).stdout.splitlines()
    assert sorted(line.split()[-1] for line in lines) == ["files", "gone", "gone", "gone", "input"]


def test_the_figures_of_a_sweep_are_listed_only_when_asked_for(
    tmp_path: Path, excerpt: Audio
) -> None:
    graph = Graph("quieter")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=0.0))
    store, grid = Store(tmp_path / "store"), {"gain.gain_db": [-3.0, -6.0]}
    graph.sweep({"mix": excerpt}, grid, tmp_path / "sweep", store=store)
    place = ["--store", str(store.path)]
    listed = document("store", "ls", *place)["items"]
    assert [(one["graph"], one["node"]) for one in listed] == [("quieter", "gain")] * 2
    exported = document("store", "export", *place, "-o", str(tmp_path / "export"))["files"]
    assert len(exported) == 2
    lines = resonate("store", "ls", "--all", *place).stdout.splitlines()
    figures = [line.split() for line in lines if line.endswith("figures")]
    assert [line[1] for line in figures] == ["figures/loudness"] * 2


def test_a_line_per_result_says_what_reuse_saved_and_when(
    filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, song = filled
    folder = tmp_path / ("a folder with a long name " * 6)
    folder.mkdir()
    moved = song.rename(folder / "a song with a long name.wav")
    arguments = ["-i", f"master={moved}", "-o", str(tmp_path / "2"), "--store", str(store)]
    for volume in ("-20", "-20", "-20"):
        assert resonate("run", "deliver", "-p", f"target_lufs={volume}", *arguments).returncode == 0
    items = {item["key"]: item for item in document("store", "ls", "--store", str(store))["items"]}
    used = [item for item in items.values() if item["uses"] == 3]
    assert len(used) == 3
    for item in used:
        assert item["seconds_saved"] == pytest.approx(2 * item["seconds"])
    heading, *lines = resonate("store", "ls", "--store", str(store)).stdout.splitlines()
    columns = "key name size cost uses saved last use graph files"
    assert " ".join(heading.split()) == columns
    assert len(lines) == len(items) == 6
    today = time.strftime("%Y-%m-%d")
    for line in lines:
        item = next(one for key, one in items.items() if line.startswith(key[:12]))
        assert item["files"][0] in line
        assert today in line
        assert " deliver " in line


def test_it_is_exported_under_human_names(filled: tuple[Path, Path], tmp_path: Path) -> None:
    store, _ = filled
    folder = tmp_path / "export"
    files = document("store", "export", "--store", str(store), "-o", str(folder))["files"]
    names = {str(Path(name).relative_to(folder)) for name in files}
    assert names == {"song/level.wav", "song/measure.json", "song/encode.wav"}
    linked = document("store", "export", "--link", "--store", str(store), "-o", str(folder))
    assert all(Path(name).is_symlink() for name in linked["files"])
    assert read_audio(folder / "song" / "level.wav").frames == 3 * 44100


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", [(), ("--link",)], ids=["copies", "links"])
def test_nothing_damaged_is_exported(
    filled: tuple[Path, Path], tmp_path: Path, how: tuple[str, ...]
) -> None:
    store, _ = filled
    items = document("store", "ls", "--store", str(store))["items"]
    (level,) = (item for item in items if item["node"] == "level")
    flip(store / "objects" / level["digest"][:2] / f"{level['digest']}.wav")
    place = ["--store", str(store), "-o", str(tmp_path / "export"), *how]
    exported = document("store", "export", *place, code=1)
    assert [Path(name).name for name in exported["damaged"]] == ["level.wav"]
    assert len(exported["files"]) == 2
    assert not list((tmp_path / "export").rglob("level*"))


def test_the_newest_of_several_gets_the_plain_name(
    filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, song = filled
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "2"), "--store", str(store)]
    assert resonate("run", "deliver", "-p", "target_lufs=-23", *arguments).returncode == 0
    folder = tmp_path / "export"
    assert resonate("store", "export", "--store", str(store), "-o", str(folder)).returncode == 0
    newest = read_audio(folder / "song" / "level.wav")
    (older,) = folder.glob("song/level-*.wav")
    assert abs(newest.samples).max() < abs(read_audio(older).samples).max()


def test_nothing_is_exported_outside_the_folder(tmp_path: Path, excerpt: Audio) -> None:
    song = excerpt.save(tmp_path / "...wav")
    store = str(tmp_path / "store")
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "out"), "--store", store]
    assert resonate("run", "deliver", *arguments).returncode == 0
    folder = tmp_path / "a" / "b"
    exported = document("store", "export", "--store", store, "-o", str(folder))["files"]
    assert all(folder.resolve() in Path(name).resolve().parents for name in exported)


def test_collection_spares_what_is_pinned_and_what_it_cannot_judge(
    filled: tuple[Path, Path],
) -> None:
    """A pinned result whose record is damaged; and every object where a record is no record."""
    store, _ = filled
    items = document("store", "ls", "--store", str(store))["items"]
    (level,) = (item for item in items if item["node"] == "level")
    document("store", "pin", level["key"], "--store", str(store))
    record = store / "records" / level["key"][:2] / f"{level['key']}.json"
    good = record.read_bytes()
    record.unlink()
    age(store)
    document("store", "gc", "--store", str(store))
    objects = {path.stem for path in (store / "objects").rglob("*.*")}
    assert level["digest"] in objects
    record.write_bytes(good)
    document("store", "unpin", level["key"], "--store", str(store))
    record.unlink()
    record.mkdir()  # which cannot be read, not by root either
    document("store", "gc", "--store", str(store))
    assert {path.stem for path in (store / "objects").rglob("*.*")} == objects
    record.rmdir()
    age(store)
    document("store", "gc", "--store", str(store))
    assert {path.stem for path in (store / "objects").rglob("*.*")} == objects - {level["digest"]}


def age(folder: Path) -> None:
    """Make everything look two hours old."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 7200,) * 2)


def test_verify_finds_a_flipped_bit_and_the_run_mends_it(
    filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, song = filled
    assert document("store", "verify", "--store", str(store))["damaged"] == []
    victim = next((store / "objects").glob("*/*.wav"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 4
    victim.write_bytes(content)
    damaged = document("store", "verify", "--store", str(store), code=1)["damaged"]
    assert damaged == [str(victim)]
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "2"), "--store", str(store)]
    assert document("run", "deliver", *arguments)["status"] == "done"
    first, second = (tmp_path / one / "delivered.wav" for one in ("out", "2"))
    assert read_audio(first) == read_audio(second)


def test_pins_removal_and_collection(filled: tuple[Path, Path]) -> None:
    store, _ = filled
    place = ["--store", str(store)]
    keys = {item["node"]: item["key"] for item in document("store", "ls", *place)["items"]}
    document("store", "pin", keys["level"][:10], *place)
    document("store", "gc", "--limit", "0", *place)
    here = {item["node"] for item in document("store", "ls", *place)["items"]}
    assert here == {"level"}
    document("store", "unpin", keys["level"], *place)
    document("store", "rm", keys["level"], *place)
    assert keys["level"] not in {item["key"] for item in document("store", "ls", *place)["items"]}
    assert document("store", "stats", *place)["objects"] == 0


def test_records_of_which_nothing_is_left_go_after_a_while(filled: tuple[Path, Path]) -> None:
    store, _ = filled
    place = ["--store", str(store)]
    document("store", "gc", "--limit", "0", *place)
    assert document("store", "gc", *place)["forgotten"] == []
    log = store / "evicted.log"
    lines = [line.split() for line in log.read_text().splitlines()]
    log.write_text("".join(f"{float(when) - 100 * 86_400} {one}\n" for when, one in lines))
    assert document("store", "gc", *place)["forgotten"] == [], "they were written today"
    for path in store.glob("records/*/*.json"):
        record = Record.model_validate(json.loads(path.read_text()), extra="ignore")
        path.write_bytes(seal(record.model_copy(update={"created": time.time() - 100 * 86_400})))
    keys = {item["key"] for item in document("store", "ls", "--all", *place)["items"]}
    assert len(keys) == 4
    assert set(document("store", "gc", *place)["forgotten"]) == keys
    assert document("store", "ls", "--all", *place)["items"] == []
    assert "90 days" in resonate("store", "gc", "--help").stdout


def test_nothing_is_removed_where_one_of_several_cannot_be(filled: tuple[Path, Path]) -> None:
    store, _ = filled
    place = ["--store", str(store)]
    keys = {item["node"]: item["key"] for item in document("store", "ls", *place)["items"]}
    document("store", "pin", keys["level"], *place)
    error = document("store", "rm", keys["encode"], keys["level"], *place, code=1)["error"]
    assert "is pinned: unpin it first" in error["message"]
    assert {item["key"] for item in document("store", "ls", *place)["items"]} == set(keys.values())


def test_what_names_nothing_is_an_error(filled: tuple[Path, Path]) -> None:
    store, _ = filled
    done = resonate("store", "pin", "zzz", "--store", str(store))
    assert done.returncode == 1
    assert "no result has a key that starts with 'zzz'" in done.stderr
    assert resonate("store", "gc", "--limit", "lots", "--store", str(store)).returncode == 1


def test_why_says_what_changed(filled: tuple[Path, Path]) -> None:
    store, song = filled
    arguments = ["deliver", "-i", f"master={song}", "--store", str(store)]
    nodes = document("why", *arguments, "-p", "target_lufs=-20")["nodes"]
    assert nodes[0]["reasons"] == ["target_lufs -14 -> -20"]
    (only,) = document("why", "deliver", "encode", *arguments[1:])["nodes"]
    assert only == {"id": "encode", "type": "encode_wav", "status": "cached", "reasons": []}
    assert resonate("why", "deliver", "nothing", *arguments[1:]).returncode == 2
