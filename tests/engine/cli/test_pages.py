"""The pages that `resonate run --report` and `resonate report` write: whose, where, over what."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import pytest

from resonate_graph import Audio, Graph
from resonate_nodes import gain
from tests.engine.commands import Command
from tests.files import write_sound


@pytest.fixture
def sides(tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two recordings and a graph; it is the present one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESONATE_STORE", "store")
    short = excerpt.with_samples(excerpt.samples[:, :4000])
    for number, name in enumerate(("a.wav", "b.wav")):
        write_sound(gain(short, gain_db=-float(number)), tmp_path / name)
    graph = Graph("quieter")
    level = graph.param("level_db", float, default=-3.0, maximum=0)
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=level))
    graph.save("quieter.json")
    return tmp_path


def commands(page: str) -> list[str]:
    found = re.findall(r"<pre>(.*?)</pre>", Path(page).read_text(), re.DOTALL)
    return [html.unescape(one) for one in found]


def test_the_command_that_makes_it_again_names_what_was_given(sides: Path, call: Command) -> None:
    words = ("run", "quieter.json", "a.wav", "-p", "level_db=-6", "-o", "o ut", "--report")
    assert call.document(*words, "-v")["page"] == "o ut/report.html"
    again, by_provenance = commands("o ut/report.html")
    assert again == "resonate run quieter.json a.wav -p level_db=-6 -o 'o ut' --report"
    assert by_provenance == "resonate run --from-provenance 'o ut/a.out.wav' -o again"
    assert call(*shlex.split(again)[1:]).said == ["  1 reused"]


def test_each_of_several_recordings_has_a_page_of_its_own(sides: Path, call: Command) -> None:
    words = ("run", "quieter.json", "a.wav", "b.wav", "-o", "out", "--report", "-q")
    document = call.document(*words)
    assert [run["page"] for run in document["runs"]] == ["out/a.report.html", "out/b.report.html"]
    for name in ("a", "b"):
        again, _ = commands(f"out/{name}.report.html")
        assert again == f"resonate run quieter.json -o out --report -i mix={name}.wav"
        assert f"<title>quieter: {name}.wav</title>" in Path(f"out/{name}.report.html").read_text()


def test_pages_are_named_as_outputs_are(sides: Path, call: Command) -> None:
    (sides / "other").mkdir()
    (sides / "b.wav").rename("other/a.wav")
    words = ("run", "quieter.json", "a.wav", "other/a.wav", "-o", "out", "--report", "-q")
    assert call(*words, "--name", "{folder}-{input}-{output}").code == 0
    pages = {path.name for path in Path("out").glob("*.html")}
    assert pages == {f"{sides.name}-a.report.html", "other-a.report.html"}


def test_a_page_of_other_files_is_not_written_over_unless_it_is_said(
    sides: Path, call: Command
) -> None:
    words = ("run", "quieter.json", "-o", "out", "--report")
    assert call(*words, "a.wav").code == 0
    assert call(*words, "a.wav").code == 0  # its own is made anew
    before = Path("out/report.html").read_bytes()
    refused = call(*words, "b.wav")
    assert refused.code == 2
    assert "out/report.html is there already, and holds something else" in refused.err
    assert "--overwrite" in refused.err
    assert not Path("out/b.out.wav").exists()
    assert Path("out/report.html").read_bytes() == before
    assert call(*words, "b.wav", "--overwrite").code == 0
    refused = call("report", "out/a.out.wav")
    assert (refused.code, "--overwrite" in refused.err) == (2, True)
    assert call("report", "out/a.out.wav", "--overwrite").code == 0
    Path("out/report.html").write_text("my own notes")
    assert call("report", "out/a.out.wav").code == 2


def test_a_page_of_a_file_whose_source_was_moved_says_where_to_name_it(
    sides: Path, call: Command
) -> None:
    assert call("run", "quieter.json", "a.wav", "-o", "out").code == 0
    (sides / "a.wav").rename("moved.wav")
    ended = call("report", "out/a.out.wav")
    assert (ended.code, ended.said[0].endswith("say where it is now: -i mix=NEWPLACE")) == (1, True)
    assert call("report", "out/a.out.wav", "-i", "mix=moved.wav").code == 0


def test_a_page_made_again_lets_hear_what_was_taken_out_where_that_was_written(
    sides: Path, call: Command
) -> None:
    words = ("run", "quieter.json", "a.wav", "-o")
    assert call(*words, "with", "--removed").code == call(*words, "without").code == 0
    for folder in ("with", "without"):
        assert call("report", f"{folder}/a.out.wav").code == 0
    assert '"file":"a.out.removed.wav"' in Path("with/report.html").read_text()
    assert "taken out" not in Path("without/report.html").read_text()


def test_what_an_earlier_run_took_out_does_not_stay_beside_other_samples(
    sides: Path, call: Command
) -> None:
    words = ("run", "quieter.json", "a.wav", "-o", "out")
    taken_out = sides / "out" / "a.out.removed.wav"
    assert call(*words, "--removed").code == 0
    assert call(*words).code == 0
    assert taken_out.exists()  # it is what was taken out of these samples
    assert call(*words, "-p", "level_db=-6", "--overwrite").code == 0
    assert not taken_out.exists()
    write_sound(Audio([[0.5]], 8000), taken_out)  # somebody's own
    assert call(*words, "-p", "level_db=-5", "--overwrite").code == 0
    assert taken_out.exists()


@pytest.mark.parametrize("command", [("run", "quieter.json", "a.wav"), ("demo",),
                                     ("sweep", "quieter.json", "-i", "mix=a.wav"),
                                     ("store", "export")])  # fmt: skip
def test_a_folder_that_is_a_file_is_told_before_anything_runs(
    sides: Path, call: Command, command: tuple[str, ...]
) -> None:
    ended = call(*command, "-o", "b.wav")
    assert ended.code == 2
    assert ended.said[0] == "error: -o b.wav: cannot be written: b.wav is not a folder"
