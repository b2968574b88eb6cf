"""Each written file says how it was made, beside it and in it, and can be made again from that."""

from __future__ import annotations

import io
import json
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.id3 import TIT2

import resonate_graph as rg
from resonate_graph import Audio, Graph, InputError, Result, read_provenance, verify
from resonate_nodes import encode_flac, encode_mp3, encode_ogg, encode_wav, gain, measure_loudness
from tests.engine.commands import Command


def every_format() -> Graph:
    graph = Graph("formats")
    quiet = graph.add(gain, "quiet")(graph.input("take", Audio), gain_db=-2.0)
    graph.output("float", quiet)
    graph.output("wav", graph.add(encode_wav)(quiet))
    graph.output("flac", graph.add(encode_flac)(quiet))
    graph.output("mp3", graph.add(encode_mp3)(quiet))
    graph.output("ogg", graph.add(encode_ogg)(quiet))
    graph.output("loudness", graph.add(measure_loudness)(quiet))
    return graph


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory, excerpt: Audio) -> Path:
    second = excerpt.with_samples(excerpt.samples[:, : excerpt.sample_rate])
    return second.save(tmp_path_factory.mktemp("take") / "take.wav")


@pytest.fixture(scope="module")
def first_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of what is made first; what is made again is made in others."""
    return tmp_path_factory.mktemp("first") / "store"


@pytest.fixture(scope="module")
def result(take: Path, first_store: Path) -> Result:
    return every_format().run({"take": take}, params={"quiet.gain_db": -4.0}, store=first_store)


@pytest.fixture(scope="module")
def at_defaults(take: Path, first_store: Path) -> Result:
    return every_format().run({"take": take}, store=first_store)


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


def test_it_tells_the_graph_and_the_params_as_they_were_run(excerpt: Audio) -> None:
    graph = Graph("growing")
    take = graph.input("take", Audio)
    graph.output("quiet", graph.add(gain, "quiet")(take, gain_db=-2.0))
    params: dict[str, float] = {"quiet.gain_db": -4.0}

    def listen(event: object) -> None:
        graph.add(gain)(take, gain_db=-8.0)
        params["quiet.gain_db"] = -9.0

    result = graph.run({"take": excerpt}, params=params, store=False, on_event=listen)
    assert len(graph.document.nodes) > 1
    assert list(result.provenance["graph"]["nodes"]) == list(result.provenance["nodes"])
    assert result.provenance["params"] == {"quiet.gain_db": -4.0}


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


def zero_some(path: Path) -> None:
    """Put silence of half a thousand samples into the middle of a file of sound, as it is coded."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(bytes(content))


def test_each_file_is_what_its_provenance_says(result: Result, tmp_path: Path) -> None:
    said = {name: verify(path) for name, path in result.save(tmp_path).items()}
    assert all(one.is_same for one in said.values()), said
    assert {name: one.output for name, one in said.items()} == {name: name for name in said}
    assert said["float"].message == "the same samples as were written"
    assert said["mp3"].message == "the same sound as was written"
    assert said["loudness"].message == "the same bytes as were written"


@pytest.mark.parametrize("name", ["float", "wav", "flac", "mp3", "ogg", "loudness"])
def test_a_file_that_was_changed_or_cut_is_not(
    at_defaults: Result, tmp_path: Path, name: str
) -> None:
    made = at_defaults.save(tmp_path)[name]
    whole = made.read_bytes()
    made.write_bytes(whole[: len(whole) * 2 // 3])
    assert not verify(made).is_same
    if name != "loudness":
        made.write_bytes(whole)
        zero_some(made)
        assert not verify(made).is_same
    made.write_bytes(whole)
    assert verify(made).is_same
    made.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        verify(f"{made}.provenance.json")


def test_one_step_of_one_sample_is_another_sound(result: Result, tmp_path: Path) -> None:
    for name in ("wav", "flac"):
        made = result.save(tmp_path)[name]
        samples, rate = soundfile.read(made, dtype="int32", always_2d=True)
        samples[99, 1] += 256
        soundfile.write(made, samples, rate, "PCM_24")
        assert not verify(made).is_same
        samples[99, 1] -= 256
        soundfile.write(
            made, samples, rate, "PCM_24", compression_level=0.9 if name == "flac" else None
        )
        assert verify(made).is_same
        soundfile.write(made, samples, 2 * rate, "PCM_24")
        assert not verify(made).is_same


@pytest.mark.parametrize("name", ["float", "wav", "flac", "mp3", "ogg"])
def test_tags_may_be_edited(at_defaults: Result, tmp_path: Path, name: str) -> None:
    made = at_defaults.save(tmp_path)[name]
    tags = mutagen.File(made, easy=True)
    assert tags is not None
    if name in ("float", "wav"):
        tags.tags.add(TIT2(3, ["Another title, as long as many pages" * 300]))
    else:
        tags["title"] = "Another title, as long as many pages" * 300
    tags.save()
    assert verify(made).is_same


def test_a_file_is_compared_with_what_it_is_made_of_again(
    call: Command, result: Result, tmp_path: Path
) -> None:
    for name in ("float", "flac"):
        made = result.save(tmp_path)[name]
        arguments = ("run", "--from-provenance", made, "-o", tmp_path / "2", "--overwrite")
        again = call(*arguments)
        assert again.code == 0, again.err
        assert f"the same as in {made}" in again.out
        assert call("verify", made).out == f"{made}: {verify(made).message}\n"
        zero_some(made)
        again = call(*arguments)
        assert again.code == 1
        assert f"differs: {made}: " in again.out
        assert "the same" not in again.out
        document = call.document("verify", made, code=1)
        assert [one["is_same"] for one in document["files"]] == [False]


def test_a_file_that_is_gone_is_made_again_and_not_compared(
    call: Command, result: Result, tmp_path: Path
) -> None:
    made = result.save(tmp_path)["float"]
    made.unlink()
    again = call("run", "--from-provenance", f"{made}.provenance.json", "-o", tmp_path / "2")
    assert again.code == 0, again.err
    assert f"not compared: {made}: there is no such file" in again.out
    missing = call("verify", tmp_path / "take.wav", made)
    assert missing.code == 1
    assert len(missing.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("format", 2, "it is of format 2, and this version reads 1"),
        ("graph", [1], "/graph: "),
        ("params", None, "/params: "),
        ("inputs/take", "take.wav", "/inputs/take: "),
        ("inputs/take/file", 7, "/inputs/take/file: "),
        ("inputs/take/file", "a\0b", "is no name of a file"),
        ("inputs/take/value", [1], "/inputs/take/value: "),
        ("nodes", {"quiet": None}, "/nodes/quiet: "),
        ("nodes/quiet/libraries", ["lameenc"], "/nodes/quiet/libraries: "),
        ("nodes/quiet/params", "none", "/nodes/quiet/params: "),
        ("outputs/float", 3, "/outputs/float: "),
        ("file/holds", "other", "/file/holds: "),
    ],
)
def test_what_is_odd_in_it_is_told_before_anything_runs(
    call: Command, result: Result, tmp_path: Path, place: str, value: object, said: str
) -> None:
    beside = Path(f"{result.save(tmp_path)['float']}.provenance.json")
    story = json.loads(beside.read_text())
    *way, last = place.split("/")
    inside = story
    for key in way:
        inside = inside[key]
    inside[last] = value
    beside.write_text(json.dumps(story))
    told = call("run", "--from-provenance", beside, "-o", tmp_path / "2")
    assert told.code == 1
    assert said in told.err
    assert not (tmp_path / "2").exists()


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


def test_a_folder_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder, not a file"):
        verify(tmp_path)
