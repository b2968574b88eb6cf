from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, Graph, OutputError, Result, Store, read_audio
from resonate_nodes import encode_flac, encode_wav, gain
from tests.faults import full_disk
from tests.files import write_sound
from tests.own_nodes import peak
from tests.processes import files_in


def several() -> Graph:
    """A graph whose outputs are of every kind."""
    graph = Graph("several")
    sound = graph.input("mix", Audio)
    graph.output("quiet", graph.add(gain)(sound, gain_db=-6.0))
    graph.output("delivery", graph.add(encode_wav)(sound))
    graph.output("named.flac", graph.add(encode_flac)(sound))
    graph.output("made.flac", sound)
    graph.output("peak", graph.add(peak)(sound))
    graph.output("again", graph.input("number", float))
    return graph


@pytest.fixture
def result(excerpt: Audio) -> Result:
    return several().run({"mix": excerpt, "number": 0.5}, store=False)


def test_outputs_are_found_by_name(result: Result) -> None:
    names = ["quiet", "delivery", "named.flac", "made.flac", "peak", "again"]
    assert list(result) == names
    assert len(result) == 6
    assert isinstance(result["quiet"], Audio)
    with pytest.raises(KeyError, match="no output 'loud'; this run gave: quiet, delivery"):
        result["loud"]


def test_the_report_has_the_documented_shape(result: Result) -> None:
    report = result.report
    assert list(report) == [
        "graph", "status", "seconds", "inputs", "nodes", "outputs", "warnings",
    ]  # fmt: skip
    assert (report["graph"], report["status"]) == ("several", "done")
    for node in report["nodes"]:
        assert list(node) == ["id", "type", "status", "device", "seconds", "key", "did"]
        assert node["status"] == "ran"
    assert [node["id"] for node in report["nodes"]] == [
        "gain",
        "encode_wav",
        "encode_flac",
        "peak",
        "made.flac",
    ]
    for output in report["outputs"].values():
        assert list(output) == ["path", "digest"]
        assert output["path"] is None
    assert json.loads(json.dumps(report)) == report


def test_every_output_becomes_a_file_of_its_kind(
    tmp_path: Path, result: Result, excerpt: Audio
) -> None:
    paths = result.save(tmp_path / "out")
    assert {name: path.name for name, path in paths.items()} == {
        "quiet": "quiet.wav",
        "delivery": "delivery.wav",
        "named.flac": "named.flac",
        "made.flac": "made.flac",
        "peak": "peak.json",
        "again": "again.json",
    }
    written = [path.name for path in paths.values()]
    assert files_in(tmp_path / "out") == sorted(
        [*written, *(f"{name}.provenance.json" for name in written)]
    )
    assert read_audio(paths["quiet"]) == result["quiet"]
    assert soundfile.info(paths["delivery"]).subtype == "PCM_24"
    assert soundfile.info(paths["made.flac"]).format == "FLAC"
    assert read_audio(paths["made.flac"]) == read_audio(paths["named.flac"])
    assert json.loads(paths["peak"].read_text()) == {"peak": float(abs(excerpt.samples).max())}
    assert json.loads(paths["again"].read_text()) == 0.5
    for name, output in result.report["outputs"].items():
        assert output["path"] == str(paths[name])


def test_saved_audio_is_bit_exact_and_not_clipped(tmp_path: Path) -> None:
    odd = Audio(np.array([[-0.0, 1e-45, 1.5, -3.4028235e38]], np.float32), 44100)
    graph = Graph("through")
    graph.output("same", graph.input("mix", Audio))
    path = graph.run({"mix": odd}, store=False).save(tmp_path)["same"]
    found = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    np.testing.assert_array_equal(found.view(np.uint32), odd.samples.view(np.uint32))


def test_saving_again_replaces_what_was_there(tmp_path: Path, excerpt: Audio) -> None:
    graph = Graph("one")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=-6.0))
    for level in (-6.0, -12.0):
        result = graph.run({"mix": excerpt}, params={"gain.gain_db": level}, store=False)
        assert read_audio(result.save(tmp_path, provenance=False)["out"]) == result["out"]
    assert files_in(tmp_path) == ["out.wav"]


def test_a_disk_that_is_full_leaves_the_file_that_was_there(tmp_path: Path, result: Result) -> None:
    (tmp_path / "quiet.wav").write_bytes(b"the old one")
    with full_disk(100_000), pytest.raises(OutputError, match=r"quiet\.wav: cannot be written"):
        result.save(tmp_path)
    assert (tmp_path / "quiet.wav").read_bytes() == b"the old one"
    assert files_in(tmp_path) == ["quiet.wav"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path, result: Result) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        result.save(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file"


@pytest.mark.parametrize("link", [False, True])
def test_no_output_is_written_over_an_input(tmp_path: Path, excerpt: Audio, link: bool) -> None:
    path = write_sound(excerpt, tmp_path / "out.wav")
    before = path.read_bytes()
    folder = tmp_path
    if link:
        folder = tmp_path / "linked"
        folder.symlink_to(tmp_path, target_is_directory=True)
    graph = Graph("one")
    mix = graph.input("mix", Audio)
    graph.output("other", graph.add(gain, "first")(mix, gain_db=-1.0))
    graph.output("out", graph.add(gain, "second")(mix, gain_db=-2.0))
    result = graph.run({"mix": path}, store=False)
    with pytest.raises(OutputError, match="this file is the input 'mix'; write into another"):
        result.save(folder)
    assert path.read_bytes() == before
    assert files_in(tmp_path) == ["out.wav"]


@pytest.mark.parametrize(("one", "other"), [("song", "song.wav"), ("Song", "song")])
def test_two_outputs_are_not_written_into_one_file(
    tmp_path: Path, excerpt: Audio, one: str, other: str
) -> None:
    graph = Graph("two")
    sound = graph.input("mix", Audio)
    graph.output(one, graph.add(gain, "first")(sound, gain_db=-1.0))
    graph.output(other, graph.add(gain, "second")(sound, gain_db=-2.0))
    result = graph.run({"mix": excerpt}, store=False)
    with pytest.raises(OutputError, match=f"the outputs '{one}' and '{other}' share this file"):
        result.save(tmp_path)
    assert files_in(tmp_path) == []


def test_audio_from_the_store_outlives_its_file(store: Store, excerpt: Audio) -> None:
    """It is mapped: deleting or evicting an object takes nothing from who holds it."""
    graph = Graph("one")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=-6.0))
    expected = graph.run({"mix": excerpt}, store=store)["out"]
    cached: Any = graph.run({"mix": excerpt}, store=Store(store.path))["out"]
    for path in (store.path / "objects").rglob("*.wav"):
        path.unlink()
    np.testing.assert_array_equal(cached.samples, expected.samples)  # type: ignore[union-attr]
