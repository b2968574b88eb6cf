"""``resonate store`` and ``resonate why``, as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Audio, read_audio


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


def test_it_is_exported_under_human_names(filled: tuple[Path, Path], tmp_path: Path) -> None:
    store, _ = filled
    folder = tmp_path / "export"
    files = document("store", "export", "--store", str(store), "-o", str(folder))["files"]
    names = {str(Path(name).relative_to(folder)) for name in files}
    assert names == {"song/level.wav", "song/measure.json", "song/encode.wav"}
    linked = document("store", "export", "--link", "--store", str(store), "-o", str(folder))
    assert all(Path(name).is_symlink() for name in linked["files"])
    assert read_audio(folder / "song" / "level.wav").frames == 3 * 44100


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
    here = {item["node"] for item in document("store", "ls", *place)["items"] if item["here"]}
    assert here == {"level"}
    document("store", "unpin", keys["level"], *place)
    document("store", "rm", keys["level"], *place)
    assert keys["level"] not in {item["key"] for item in document("store", "ls", *place)["items"]}
    assert document("store", "stats", *place)["objects"] == 0


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
