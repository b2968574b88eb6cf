"""`resonate run` on several recordings, and where their files go."""

from __future__ import annotations

from pathlib import Path

import pytest

import resonate_graph as rg
from resonate_graph import Audio, Graph
from resonate_nodes import gain
from tests.engine.commands import Command
from tests.files import write_sound
from tests.processes import files_in


@pytest.fixture
def sides(tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three recordings and a graph; it is the present one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sides").mkdir()
    short = excerpt.with_samples(excerpt.samples[:, :4000])
    for number, name in enumerate(("a.wav", "b.wav", "sides/c.wav")):
        write_sound(gain(short, gain_db=-float(number)), tmp_path / name)
    graph = Graph("quieter")
    level = graph.param("level_db", float, default=-3.0, maximum=0)
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=level))
    graph.save("quieter.json")
    return tmp_path


def written(folder: Path) -> list[str]:
    return [name for name in files_in(folder) if not name.endswith(".provenance.json")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.wav", "b.wav", "sides/c.wav"],
        ["*.wav", "sides/*.wav", "a.wav"],
        ["-i", "mix=a.wav", "-i", "mix=b.wav", "-i", "mix=sides/?.wav"],
    ],
)
def test_each_recording_is_a_run_of_its_own(
    sides: Path, call: Command, arguments: list[str]
) -> None:
    ended = call("run", "quieter.json", *arguments, "-o", "out")
    assert ended.code == 0, ended.err
    assert written(sides / "out") == ["a.out.wav", "b.out.wav", "c.out.wav"]
    for name in ("a", "b", "sides/c"):
        expected = gain(rg.read_audio(f"{name}.wav"), gain_db=-3.0)
        assert rg.read_audio(f"out/{Path(name).name}.out.wav") == expected
    assert [line.split()[0] for line in ended.out.splitlines() if line] == [
        "recording", "a.wav", "b.wav", "sides/c.wav", "quieter:",
    ]  # fmt: skip
    assert ended.out.endswith("quieter: 3 of 3 done\n")


def test_what_fails_is_told_last_and_the_others_are_done(sides: Path, call: Command) -> None:
    words = ("run", "quieter.json", "gone.wav", "a.wav", "quieter.json", "-o", "out")
    ended = call(*words)
    assert ended.code == 1
    assert written(sides / "out") == ["a.out.wav"]
    *table, last = [line for line in ended.out.splitlines() if line]
    assert [line.split()[0] for line in table[1:]] == ["a.wav", "gone.wav", "quieter.json"]
    assert last == "quieter: 1 of 3 done"
    assert ended.said[-2] == "failed: gone.wav: there is no such file"
    assert ended.said[-1].startswith("failed: quieter.json: this is no WAV, FLAC")
    document = call.document(*words, code=1)
    assert (document["graph"], document["status"]) == ("quieter", "failed")
    assert [run["recording"] for run in document["runs"]] == ["gone.wav", "a.wav", "quieter.json"]
    assert [run["status"] for run in document["runs"]] == ["failed", "done", "failed"]
    assert document["runs"][0]["error"]["type"] == "InputError"
    assert document["runs"][1]["outputs"]["out"]["path"] == "out/a.out.wav"


def test_recordings_of_one_name_are_told_apart_before_anything_runs(
    sides: Path, call: Command
) -> None:
    (sides / "a.wav").rename("sides/a.wav")
    (sides / "b.wav").rename("a.wav")
    ended = call("run", "quieter.json", "a.wav", "sides/a.wav", "-o", "out")
    assert ended.code == 2
    hint = "{folder}/{input}.{output}"
    (line,) = ended.said
    assert line == (
        f"error: out/a.out.wav: a.wav and sides/a.wav would share this file; take --name '{hint}'"
    )
    assert not (sides / "out").exists()
    assert (
        call("run", "quieter.json", "a.wav", "sides/a.wav", "-o", "out", "--name", hint).code == 0
    )
    assert written(sides / "out") == [f"{one}/a.out.wav" for one in sorted((sides.name, "sides"))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-i", "mix=a.wav", "b.wav"], "one input of sound, and it has none that is not bound"),
        (["-i", "other=a.wav", "b.wav"], "no input 'other'"),
    ],
)
def test_files_go_to_the_one_input_that_is_left(
    sides: Path, call: Command, arguments: list[str], message: str
) -> None:
    ended = call("run", "quieter.json", *arguments)
    assert (ended.code, message in ended.err) == (2, True)


def test_of_several_inputs_it_takes_a_name(sides: Path, call: Command) -> None:
    ended = call("run", "tape", "a.wav", "b.wav")
    assert ended.code == 2
    assert "and it has several: recording, noise; say -i NAME=FILE" in ended.err
    twice = call("run", "tape", "-i", "recording=*.wav", "-i", "noise=a.wav", "-i", "noise=b.wav")
    assert twice.code == 2
    assert "one input may have several files, not both recording and noise" in twice.err


def test_nothing_is_written_over_unless_it_is_said(sides: Path, call: Command) -> None:
    words = ("run", "quieter.json", "a.wav", "b.wav", "-o", "out", "--store", "store")
    assert call(*words).code == 0
    before = {name: (sides / "out" / name).read_bytes() for name in files_in(sides / "out")}
    assert call(*words).code == 0  # the same is no conflict
    refused = call(*words, "-p", "level_db=-6")
    assert refused.code == 2
    assert refused.said == [
        "error: 2 files are there already, and hold something else: take another folder, or --name "
        "PATTERN, or write over it with --overwrite",
        "  out/a.out.wav",
        "  out/b.out.wav",
    ]
    assert refused.out == ""
    assert {name: (sides / "out" / name).read_bytes() for name in files_in(sides / "out")} == before
    assert call(*words, "-p", "level_db=-6", "--overwrite").code == 0
    assert rg.read_audio("out/a.out.wav") == gain(rg.read_audio("a.wav"), gain_db=-6.0)


def test_a_file_whose_source_was_moved_says_where_to_name_it(sides: Path, call: Command) -> None:
    assert call("run", "quieter.json", "a.wav", "-o", "out").code == 0
    (sides / "a.wav").rename("moved.wav")
    again = ("run", "--from-provenance", "out/a.out.wav", "-o", "again")
    ended = call(*again)
    assert ended.code == 1
    assert ended.said == [
        f"error: {sides / 'a.wav'}: there is no such file any more; "
        "say where it is now: -i mix=NEWPLACE"
    ]
    assert call(*again, "-i", "mix=moved.wav").code == 0
    assert written(sides / "again") == ["moved.out.wav"]


def test_quiet_says_only_what_is_wrong(sides: Path, call: Command) -> None:
    ended = call("run", "quieter.json", "a.wav", "b.wav", "-o", "out", "-q")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert call("run", "quieter.json", "gone.wav", "-q").said == [
        "error: gone.wav: there is no such file"
    ]


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_quiet_and_verbose_exclude_each_other(sides: Path, call: Command, command: str) -> None:
    ended = call(command, "quieter.json", "-i", "mix=a.wav", "-q", "-v")
    assert ended.code == 2
    assert ended.said[0] == "error: --quiet and --verbose exclude each other"


def test_verbose_says_what_is_reused_and_read(sides: Path, call: Command) -> None:
    words = ("run", "quieter.json", "a.wav", "-o", "out")
    call(*words)
    assert call(*words).said == ["  1 reused"]
    assert [line.split() for line in call(*words, "-v").said] == [
        ["mix", "is", "a.wav"], ["gain", "reused", "gain", "-3.0", "dB"]
    ]  # fmt: skip
