"""Each written file says how it was made, beside it and in it, and can be made again from that."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph import Audio, Graph, InputError, Result, read_provenance
from resonate_nodes import encode_flac, encode_mp3, encode_wav, gain, measure_loudness
from tests.engine.commands import Command


def every_format() -> Graph:
    graph = Graph("formats")
    quiet = graph.add(gain, "quiet")(graph.input("take", Audio), gain_db=-2.0)
    graph.output("float", quiet)
    graph.output("wav", graph.add(encode_wav)(quiet))
    graph.output("flac", graph.add(encode_flac)(quiet))
    graph.output("mp3", graph.add(encode_mp3)(quiet))
    graph.output("loudness", graph.add(measure_loudness)(quiet))
    return graph


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory, excerpt: Audio) -> Path:
    return excerpt.save(tmp_path_factory.mktemp("take") / "take.wav")


@pytest.fixture
def result(take: Path) -> Result:
    return every_format().run({"take": take}, params={"quiet.gain_db": -4.0})


def test_every_file_has_it_beside_it(result: Result, take: Path, tmp_path: Path) -> None:
    for path in result.save(tmp_path).values():
        story = json.loads(path.with_name(path.name + ".provenance.json").read_text())
        assert story["graph"]["name"] == "formats"
        assert story["params"] == {"quiet.gain_db": -4.0}
        assert story["inputs"]["take"]["file"] == str(take)
        assert story["nodes"]["quiet"]["params"] == {"gain_db": -4.0}
        assert story["nodes"]["quiet"]["key"] is not None
        assert "lameenc" in story["nodes"]["encode_mp3"]["libraries"]
        assert story["outputs"]["float"] == result.report["outputs"]["float"]["digest"]


@pytest.mark.parametrize("name", ["float", "wav", "flac", "mp3"])
def test_a_sound_file_carries_it_and_keeps_its_samples(
    result: Result, tmp_path: Path, name: str
) -> None:
    tagged = result.save(tmp_path / "tagged")[name]
    plain = result.save(tmp_path / "plain", provenance=False)[name]
    samples, rate = soundfile.read(tagged)
    expected, expected_rate = soundfile.read(plain)
    assert rate == expected_rate
    np.testing.assert_array_equal(samples, expected)
    tagged.with_name(tagged.name + ".provenance.json").unlink()
    assert json.loads(read_provenance(tagged).graph)["name"] == "formats"


def test_float_samples_stay_bit_exact_under_the_tag(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path)["float"]
    assert rg.read_audio(path) == result["float"]


def test_equal_runs_write_equal_files(take: Path, tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        run = every_format().run({"take": take})
        return {name: path.read_bytes() for name, path in run.save(folder).items()}

    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize("name", ["restored.wav", "restored.wav.provenance.json"])
def test_a_file_is_made_again_from_it(call: Command, tmp_path: Path, take: Path, name: str) -> None:
    graph = every_format().save(tmp_path / "formats.json")
    arguments = ["-i", f"take={take}", "-p", "quiet.gain_db=-7", "--only", "float"]
    assert call("run", str(graph), *arguments, "-o", str(tmp_path)).code == 0
    graph.unlink()
    made = tmp_path / name.replace("restored", f"{take.stem}.float")
    again = call("run", "--from-provenance", str(made), "-o", str(tmp_path / "2"), "--json")
    assert again.code == 0, again.err
    report = again.document
    assert report["differences"] == []
    first, second = (
        rg.read_audio(one / f"{take.stem}.float.wav") for one in (tmp_path, tmp_path / "2")
    )
    assert first == second


def test_what_a_file_carries_counts_before_what_lies_beside_it(
    result: Result, tmp_path: Path, take: Path
) -> None:
    made = result.save(tmp_path)
    louder = every_format().run({"take": take}, params={"quiet.gain_db": -1.0})
    others = louder.save(tmp_path / "other")
    for name in ("float", "flac", "mp3"):
        beside = made[name].with_name(made[name].name + ".provenance.json")
        other = others[name].with_name(others[name].name + ".provenance.json")
        beside.write_text(other.read_text())
        assert read_provenance(made[name]).params == {"quiet.gain_db": -4.0}
        assert read_provenance(beside).params == {"quiet.gain_db": -1.0}
        made[name].write_bytes(b"no sound any more")
        assert read_provenance(made[name]).params == {"quiet.gain_db": -1.0}
        made[name].unlink()
        assert read_provenance(made[name]).params == {"quiet.gain_db": -1.0}


def test_params_that_differ_from_the_recorded_ones_are_told(
    call: Command, tmp_path: Path, take: Path
) -> None:
    graph = every_format()
    level = graph.param("level_db", float, default=-3.0)
    graph.output(
        "second",
        graph.add(gain, "second")(
            graph.add(gain, "more")(graph.input("other", Audio), gain_db=level)
        ),
    )
    made = graph.run({"take": take, "other": take}, params={"quiet.gain_db": -4}).save(tmp_path)
    arguments = ["run", "--from-provenance", str(made["float"]), "-o", str(tmp_path / "2")]
    changes = ["-p", "quiet.gain_db=-5.5", "-p", "level_db=-6", "-p", "second.gain_db=0"]
    again = call(*arguments, *changes, "-p", "more.gain_db=-3")
    assert again.code == 0, again.err
    told = [line.strip() for line in again.err.splitlines() if "changed" in line]
    assert told == ["changed: quiet.gain_db -4 -> -5.5", "changed: level_db -3 -> -6"]


def test_what_was_asked_for_alone_is_made_again_alone(
    call: Command, tmp_path: Path, take: Path
) -> None:
    graph = every_format()
    other = graph.add(gain, "other")(graph.input("other", Audio), gain_db=-1.0)
    graph.output("second", other)
    made = graph.run({"take": take}, outputs=["flac"]).save(tmp_path)["flac"]
    again = call("run", "--from-provenance", str(made), "-o", str(tmp_path / "2"), "--json")
    assert again.code == 0, again.err
    assert list(again.document["outputs"]) == ["flac"]


def test_it_is_left_out_where_that_is_asked_for(call: Command, tmp_path: Path, take: Path) -> None:
    graph = every_format().save(tmp_path / "formats.json")
    out = tmp_path / "out"
    arguments = ["-i", f"take={take}", "--only", "float", "-o", str(out), "--no-provenance"]
    assert call("run", str(graph), *arguments).code == 0
    (made,) = out.iterdir()
    assert made.name == f"{take.stem}.float.wav"
    assert str(take.parent).encode() not in made.read_bytes()


def test_what_differs_is_told(call: Command, tmp_path: Path, take: Path, excerpt: Audio) -> None:
    made = every_format().run({"take": take}, outputs=["float"]).save(tmp_path)["float"]
    other = gain(excerpt, gain_db=-1.0).save(tmp_path / "other.wav")
    arguments = ["run", "--from-provenance", str(made), "-i", f"take={other}"]
    again = call(*arguments, "-o", str(tmp_path / "2"), "--json")
    differences = again.document["differences"]
    assert differences == [
        "the file bound to 'take' is another one",
        "output 'float' came out differently",
    ]


def test_a_file_without_it_says_so(call: Command, tmp_path: Path, take: Path) -> None:
    with pytest.raises(InputError, match="carries no provenance"):
        read_provenance(take)
    with pytest.raises(InputError, match="no such file"):
        read_provenance(tmp_path / "missing.wav")
    broken = tmp_path / "x.wav.provenance.json"
    broken.write_text('{"graph": 1}')
    with pytest.raises(InputError, match="cannot be read"):
        read_provenance(broken)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(10), 8000, format="WAV")
    assert call("run").code == 2
