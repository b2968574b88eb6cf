"""``resonate store`` and ``resonate why``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from resonate_graph import Audio, Graph, Store, read_audio
from resonate_graph._store.records import Record, seal
from resonate_nodes import gain
from tests.engine.commands import Command


@pytest.fixture(scope="module")
def excerpt(excerpt: Audio) -> Audio:
    """A second of it is enough."""
    return excerpt.with_samples(excerpt.samples[:, : excerpt.sample_rate])


@pytest.fixture
def filled(call: Command, tmp_path: Path, excerpt: Audio) -> tuple[Path, Path]:
    """A store with a run of `deliver` in it, and the recording it was run on."""
    song = excerpt.save(tmp_path / "song.wav")
    store = tmp_path / "store"
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "out"), "--store", str(store)]
    assert call("run", "deliver", *arguments).code == 0
    return store, song


def test_what_is_stored_is_listed_with_where_it_came_from(
    call: Command, filled: tuple[Path, Path]
) -> None:
    store, song = filled
    items = call.document("store", "ls", "--store", str(store))["items"]
    nodes = {item["node"]: item for item in items if item["node"]}
    assert set(nodes) == {"level", "measure", "encode"}
    assert nodes["level"]["graph"] == "deliver"
    assert nodes["level"]["files"] == [str(song)]
    assert nodes["level"]["bytes"] > 44100 * 8
    figures = call.document("store", "stats", "--store", str(store))
    assert figures["objects"] == 3
    assert 0 < figures["bytes"] <= figures["limit_bytes"]


def test_what_is_gone_is_listed_only_when_asked_for(
    call: Command, filled: tuple[Path, Path]
) -> None:
    store, song = filled
    place = ["--store", str(store)]
    before = call.document("store", "ls", *place)["items"]
    assert {item["node"] for item in before} == {"level", "measure", "encode"}
    assert all(item["here"] for item in before)
    call.document("store", "gc", "--limit", "0", *place)
    assert call.document("store", "ls", *place)["items"] == []
    items = call.document("store", "ls", "--all", *place)["items"]
    assert {item["node"]: item["here"] for item in items} == dict.fromkeys(
        ("level", "measure", "encode", ""), False
    )
    (remembered,) = (item for item in items if item["type"] == "input")
    assert remembered["files"] == [str(song)]
    lines = call("store", "ls", "--all", *place).out.splitlines()
    assert sorted(line.split()[-1] for line in lines) == ["files", "gone", "gone", "gone", "input"]


def test_the_figures_of_a_sweep_are_listed_only_when_asked_for(
    call: Command, tmp_path: Path, excerpt: Audio
) -> None:
    graph = Graph("quieter")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=0.0))
    store, grid = Store(tmp_path / "store"), {"gain.gain_db": [-3.0, -6.0]}
    graph.sweep({"mix": excerpt}, grid, tmp_path / "sweep", store=store)
    place = ["--store", str(store.path)]
    listed = call.document("store", "ls", *place)["items"]
    assert [(one["graph"], one["node"]) for one in listed] == [("quieter", "gain")] * 2
    exported = call.document("store", "export", *place, "-o", str(tmp_path / "export"))["files"]
    assert len(exported) == 2
    lines = call("store", "ls", "--all", *place).out.splitlines()
    figures = [line.split() for line in lines if line.endswith("figures")]
    assert [line[1] for line in figures] == ["figures/loudness"] * 3  # of the input too


def test_a_line_per_result_says_what_reuse_saved_and_when(
    call: Command, filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, song = filled
    folder = tmp_path / ("a folder with a long name " * 6)
    folder.mkdir()
    moved = song.rename(folder / "a song with a long name.wav")
    arguments = ["-i", f"master={moved}", "-o", str(tmp_path / "2"), "--store", str(store)]
    for volume in ("-20", "-20", "-20"):
        assert call("run", "deliver", "-p", f"target_lufs={volume}", *arguments).code == 0
    items = {
        item["key"]: item for item in call.document("store", "ls", "--store", str(store))["items"]
    }
    used = [item for item in items.values() if item["uses"] == 3]
    assert len(used) == 3
    for item in used:
        assert item["seconds_saved"] == pytest.approx(2 * item["seconds"])
    figures = call.document("store", "stats", "--store", str(store))
    took = sum(item["seconds"] for item in items.values())
    assert figures["seconds_kept"] == pytest.approx(took, abs=0.002)
    saved = sum(item["seconds_saved"] for item in items.values())
    assert figures["seconds_saved"] == pytest.approx(saved, abs=0.002)
    heading, *lines = call("store", "ls", "--store", str(store)).out.splitlines()
    columns = "key name size cost uses saved last use graph files"
    assert " ".join(heading.split()) == columns
    assert len(lines) == len(items) == 6
    today = time.strftime("%Y-%m-%d")
    for line in lines:
        item = next(one for key, one in items.items() if line.startswith(key[:12]))
        assert item["files"][0] in line
        assert today in line
        assert " deliver " in line


def test_it_is_exported_under_human_names(
    call: Command, filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, _ = filled
    folder = tmp_path / "export"
    files = call.document("store", "export", "--store", str(store), "-o", str(folder))["files"]
    names = {str(Path(name).relative_to(folder)) for name in files}
    assert names == {"song/level.wav", "song/measure.json", "song/encode.wav"}
    linked = call.document("store", "export", "--link", "--store", str(store), "-o", str(folder))
    assert all(Path(name).is_symlink() for name in linked["files"])
    assert read_audio(folder / "song" / "level.wav").frames == 44100


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", [(), ("--link",)], ids=["copies", "links"])
def test_nothing_damaged_is_exported(
    call: Command, filled: tuple[Path, Path], tmp_path: Path, how: tuple[str, ...]
) -> None:
    store, _ = filled
    items = call.document("store", "ls", "--store", str(store))["items"]
    (level,) = (item for item in items if item["node"] == "level")
    flip(store / "objects" / level["digest"][:2] / f"{level['digest']}.wav")
    place = ["--store", str(store), "-o", str(tmp_path / "export"), *how]
    exported = call.document("store", "export", *place, code=1)
    assert [Path(name).name for name in exported["damaged"]] == ["level.wav"]
    assert len(exported["files"]) == 2
    assert not list((tmp_path / "export").rglob("level*"))


def test_the_newest_of_several_gets_the_plain_name(
    call: Command, filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, song = filled
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "2"), "--store", str(store)]
    assert call("run", "deliver", "-p", "target_lufs=-23", *arguments).code == 0
    folder = tmp_path / "export"
    assert call("store", "export", "--store", str(store), "-o", str(folder)).code == 0
    newest = read_audio(folder / "song" / "level.wav")
    (older,) = folder.glob("song/level-*.wav")
    assert abs(newest.samples).max() < abs(read_audio(older).samples).max()


def test_nothing_is_exported_outside_the_folder(
    call: Command, tmp_path: Path, excerpt: Audio
) -> None:
    song = excerpt.save(tmp_path / "...wav")
    store = str(tmp_path / "store")
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "out"), "--store", store]
    assert call("run", "deliver", *arguments).code == 0
    folder = tmp_path / "a" / "b"
    exported = call.document("store", "export", "--store", store, "-o", str(folder))["files"]
    assert all(folder.resolve() in Path(name).resolve().parents for name in exported)


def test_collection_spares_what_is_pinned_and_what_it_cannot_judge(
    call: Command,
    filled: tuple[Path, Path],
) -> None:
    """A pinned result whose record is damaged; and every object where a record is no record."""
    store, _ = filled
    items = call.document("store", "ls", "--store", str(store))["items"]
    (level,) = (item for item in items if item["node"] == "level")
    call.document("store", "pin", level["key"], "--store", str(store))
    record = store / "records" / level["key"][:2] / f"{level['key']}.json"
    good = record.read_bytes()
    record.unlink()
    age(store)
    call.document("store", "gc", "--store", str(store))
    objects = {path.stem for path in (store / "objects").rglob("*.*")}
    assert level["digest"] in objects
    record.write_bytes(good)
    call.document("store", "unpin", level["key"], "--store", str(store))
    record.unlink()
    record.mkdir()  # which cannot be read, not by root either
    call.document("store", "gc", "--store", str(store))
    assert {path.stem for path in (store / "objects").rglob("*.*")} == objects
    record.rmdir()
    age(store)
    call.document("store", "gc", "--store", str(store))
    assert {path.stem for path in (store / "objects").rglob("*.*")} == objects - {level["digest"]}


def age(folder: Path) -> None:
    """Make everything look two hours old."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 7200,) * 2)


def test_verify_finds_a_flipped_bit_and_the_run_mends_it(
    call: Command, filled: tuple[Path, Path], tmp_path: Path
) -> None:
    store, song = filled
    assert call.document("store", "verify", "--store", str(store))["damaged"] == []
    victim = next((store / "objects").glob("*/*.wav"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 4
    victim.write_bytes(content)
    damaged = call.document("store", "verify", "--store", str(store), code=1)["damaged"]
    assert damaged == [str(victim)]
    arguments = ["-i", f"master={song}", "-o", str(tmp_path / "2"), "--store", str(store)]
    assert call.document("run", "deliver", *arguments)["status"] == "done"
    first, second = (tmp_path / one / "song.delivered.wav" for one in ("out", "2"))
    assert read_audio(first) == read_audio(second)


def test_pins_removal_and_collection(call: Command, filled: tuple[Path, Path]) -> None:
    store, _ = filled
    place = ["--store", str(store)]
    keys = {item["node"]: item["key"] for item in call.document("store", "ls", *place)["items"]}
    call.document("store", "pin", keys["level"][:10], *place)
    call.document("store", "gc", "--limit", "0", *place)
    here = {item["node"] for item in call.document("store", "ls", *place)["items"]}
    assert here == {"level"}
    call.document("store", "unpin", keys["level"], *place)
    call.document("store", "rm", keys["level"], *place)
    assert keys["level"] not in {
        item["key"] for item in call.document("store", "ls", *place)["items"]
    }
    assert call.document("store", "stats", *place)["objects"] == 0


def test_records_of_which_nothing_is_left_go_after_a_while(
    call: Command, filled: tuple[Path, Path]
) -> None:
    store, _ = filled
    place = ["--store", str(store)]
    call.document("store", "gc", "--limit", "0", *place)
    assert call.document("store", "gc", *place)["forgotten"] == []
    log = store / "evicted.log"
    lines = [line.split() for line in log.read_text().splitlines()]
    log.write_text("".join(f"{float(when) - 100 * 86_400} {one}\n" for when, one in lines))
    assert call.document("store", "gc", *place)["forgotten"] == [], "they were written today"
    for path in store.glob("records/*/*.json"):
        record = Record.model_validate_json(path.read_text(), extra="ignore")
        path.write_bytes(seal(record.model_copy(update={"created": time.time() - 100 * 86_400})))
    keys = {item["key"] for item in call.document("store", "ls", "--all", *place)["items"]}
    assert len(keys) == 4
    assert set(call.document("store", "gc", *place)["forgotten"]) == keys
    assert call.document("store", "ls", "--all", *place)["items"] == []
    assert "90 days" in call("store", "gc", "--help").out


def test_nothing_is_removed_where_one_of_several_cannot_be(
    call: Command, filled: tuple[Path, Path]
) -> None:
    store, _ = filled
    place = ["--store", str(store)]
    keys = {item["node"]: item["key"] for item in call.document("store", "ls", *place)["items"]}
    call.document("store", "pin", keys["level"], *place)
    error = call.document("store", "rm", keys["encode"], keys["level"], *place, code=1)["error"]
    assert "is pinned: unpin it first" in error["message"]
    assert {item["key"] for item in call.document("store", "ls", *place)["items"]} == set(
        keys.values()
    )


def test_what_names_nothing_is_an_error(call: Command, filled: tuple[Path, Path]) -> None:
    store, _ = filled
    done = call("store", "pin", "zzz", "--store", str(store))
    assert done.code == 2
    assert "no result has a key that starts with 'zzz'" in done.err
    assert call("store", "gc", "--limit", "lots", "--store", str(store)).code == 2


def test_why_says_what_changed(call: Command, filled: tuple[Path, Path]) -> None:
    store, song = filled
    arguments = ["deliver", "-i", f"master={song}", "--store", str(store)]
    nodes = call.document("why", *arguments, "-p", "target_lufs=-20")["nodes"]
    assert nodes[0]["reasons"] == ["target_lufs -14 -> -20"]
    (only,) = call.document("why", "deliver", "encode", *arguments[1:])["nodes"]
    assert only == {"id": "encode", "type": "encode_wav", "status": "cached", "reasons": []}
    assert call("why", "deliver", "nothing", *arguments[1:]).code == 2
