"""What is to be done: folders, patterns and manifests, and all that is wrong with them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from resonate_graph import Audio, GraphError, ManifestError
from resonate_graph._corpus.jobs import Job
from resonate_graph._corpus.listing import Wanted, jobs_of
from tests.corpus.archives import open_graph, write_graph, write_innocent


@pytest.fixture
def tapes(tmp_path: Path, excerpt: Audio) -> Path:
    write_innocent(tmp_path / "tapes", 4, excerpt)
    return tmp_path / "tapes"


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    return Wanted(open_graph(write_graph(tmp_path)))


def names(jobs: list[Job]) -> list[str]:
    return [job.name for job in jobs]


def problems(given: object, wanted: Wanted) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        jobs_of(given, wanted)
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def test_a_folder_gives_its_recordings_and_leaves_the_rest_alone(
    tapes: Path, wanted: Wanted
) -> None:
    (tapes / "cover.jpg").write_bytes(b"x")
    (tapes / "._000.wav").write_bytes(b"what macOS leaves")
    (tapes / "out").mkdir()
    (tapes / "out" / "made.wav").write_bytes(b"x")
    wanted.skip = tapes / "out"
    found = jobs_of(tapes, wanted)
    assert names(found) == [f"{one}.{{output}}" for one in
                            ("side0/000", "side0/002", "side1/001", "side1/003")]  # fmt: skip
    assert found[0].inputs == {"tape": str(tapes / "side0" / "000.wav")}


def test_a_pattern_gives_what_matches(tapes: Path, wanted: Wanted) -> None:
    assert names(jobs_of(str(tapes / "side1" / "*.wav"), wanted)) == [
        "001.{output}",
        "003.{output}",
    ]
    assert len(jobs_of(str(tapes / "**" / "*.wav"), wanted)) == 4


def test_a_manifest_binds_inputs_and_params_and_carries_the_rest(
    tapes: Path, wanted: Wanted
) -> None:
    rows = [
        {"tape": "side0/000.wav", "factor": 0.25, "title": "One"},
        {"tape": str(tapes / "side1" / "001.wav"), "take.factor": 2, "title": "Two"},
    ]
    (tapes / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tapes / "list.csv").write_text(
        "tape,factor,take.factor,title\nside0/000.wav,0.25,,One\n"
        f"{tapes / 'side1' / '001.wav'},,2,Two\n"
    )
    wanted.name = "{title}-{output}"
    for manifest in ("list.jsonl", "list.csv"):
        found = jobs_of(tapes / manifest, wanted)
        assert [dict(job.params) for job in found] == [{"factor": 0.25}, {"take.factor": 2}]
        assert [job.carried["title"] for job in found] == ["One", "Two"]
        assert names(found) == ["One-{output}", "Two-{output}"]
        assert found[0].inputs["tape"] == str(tapes / "side0" / "000.wav")


def test_what_holds_for_all_jobs_gives_way_to_what_a_row_says(tapes: Path, wanted: Wanted) -> None:
    wanted.params = {"factor": 0.1}
    (tapes / "list.csv").write_text("tape,factor\nside0/000.wav,\nside1/001.wav,2\n")
    found = jobs_of(tapes / "list.csv", wanted)
    assert [job.params["factor"] for job in found] == [0.1, 2]
    wanted.inputs = {"tape": str(tapes / "side0" / "000.wav")}
    (tapes / "list.csv").write_text("factor\n0.25\n")
    (job,) = jobs_of(tapes / "list.csv", wanted)
    assert job.inputs == wanted.inputs


def test_parquet_is_read_where_pyarrow_is(tapes: Path, wanted: Wanted) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"tape": ["side0/000.wav", "side1/001.wav"], "factor": [0.5, None]})
    parquet.write_table(table, tapes / "list.parquet")
    found = jobs_of(tapes / "list.parquet", wanted)
    assert [dict(job.params) for job in found] == [{"factor": 0.5}, {}]


def test_everything_wrong_with_a_manifest_is_told_at_once(tapes: Path, wanted: Wanted) -> None:
    (tapes / "list.csv").write_text(
        "tape,factor\nside0/000.wav,0.5\nside0/000.wav,1\nside0/002.wav\nside0,1\n"
        "side0/009.wav,1\n,1\nside1/001.wav,much\n"
    )
    told = "\n".join(problems(tapes / "list.csv", wanted))
    for said in (
        "line 3: 000.taken.wav is written by line 2 (taken), too",
        "line 4: 1 cells, and 2 columns",
        "line 5: " + str(tapes / "side0") + ": this is a folder, not a file",
        "side0/009.wav: there is no such file",
        "line 7: there is nothing under 'tape'",
        "line 8: params['factor']",
    ):
        assert said in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tope\na.wav\n", "there is no column 'tape'; did you mean 'tope'"),
        ("tape,tape\na.wav,b.wav\n", "the column 'tape' is there twice"),
        ('tape\n"a.wav\n', "this is no CSV"),
        ("tape\n", "there is nothing to do"),
    ],
)
def test_a_broken_manifest_is_told(tapes: Path, wanted: Wanted, text: str, said: str) -> None:
    (tapes / "list.csv").write_text(text)
    assert any(said in one for one in problems(tapes / "list.csv", wanted))


def test_broken_lines_of_json_are_told(tapes: Path, wanted: Wanted) -> None:
    (tapes / "list.jsonl").write_text('{"tape": "side0/000.wav"}\n{"tape": \n[1]\n')
    told = problems(tapes / "list.jsonl", wanted)
    assert [one.split(":")[0] for one in told] == ["line 2", "line 3"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tape": "~nobody-is-called-this/a.wav"}, "a.wav: there is no such file"),
        ({"tape": "~\0/a.wav"}, "a.wav: there is no such file"),
        ({"tape": "a" * 5000}, "this is no file: File name too long"),
        ({"tape": "side0/000.wav", "title": "\ud800"}, "is no UTF-8 text"),
    ],
)
def test_cells_that_can_be_no_file_or_no_text_are_told(
    tapes: Path, wanted: Wanted, row: dict[str, str], said: str
) -> None:
    (tapes / "list.jsonl").write_text(json.dumps(row))
    (told,) = problems(tapes / "list.jsonl", wanted)
    assert told.startswith("line 1: ")
    assert said in told


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_a_recording_whose_name_is_no_text_is_told(tapes: Path, wanted: Wanted) -> None:
    """The journal, the tables and the page of a batch are UTF-8, and would end with an error."""
    os.rename(tapes / "side0" / "000.wav", os.fsencode(tapes / "side0") + b"/na\xefve.wav")  # noqa: PTH104
    (told,) = problems(tapes, wanted)
    assert told.endswith("ve.wav: its name is no UTF-8 text")


def test_folders_that_match_a_pattern_and_names_that_meet_are_told(
    tapes: Path, wanted: Wanted
) -> None:
    assert any("this is a folder" in one for one in problems(str(tapes / "*"), wanted))
    wanted.name = "{output}"
    assert any("is written by" in one for one in problems(tapes, wanted))
    wanted.name = "{titel}.{output}"
    assert "there is no 'titel'" in problems(tapes, wanted)[0]
    assert "no such folder" in problems(tapes / "nowhere", wanted)[0]


def test_outputs_are_no_recordings(tapes: Path, wanted: Wanted) -> None:
    (tapes / "out").mkdir()
    (tapes / "out" / "made.wav").write_bytes(b"x")
    wanted.skip = tapes / "out"
    assert len(jobs_of(str(tapes / "**" / "*.wav"), wanted)) == 4
    wanted.skip = tapes
    for given in (tapes, tapes / "*" / "*.wav"):
        assert "another folder" in problems(given, wanted)[0]


def test_outputs_are_no_recordings_by_whichever_way_one_gets_there(
    tapes: Path, wanted: Wanted
) -> None:
    (tapes / "out").mkdir()
    (tapes / "out" / "made.wav").write_bytes(b"x")
    link = tapes.with_name("link")
    link.symlink_to(tapes)
    for skip in (tapes / "side0" / ".." / "out", link / "out"):
        wanted.skip = skip
        for given in (tapes, link, tapes / "**" / "*.wav"):
            assert len(jobs_of(str(given), wanted)) == 4
    wanted.skip = link
    assert "another folder" in problems(tapes, wanted)[0]


def test_no_output_is_written_over_a_recording(tapes: Path, wanted: Wanted) -> None:
    made = tapes / "side0" / "000.taken.wav"  # of another batch, and now a recording, too
    made.write_bytes((tapes / "side0" / "000.wav").read_bytes())
    rows = [{"tape": tapes / "side0" / "000.wav"}, {"tape": made}]
    wanted.skip = tapes / "side0" / ".." / "side0"
    (told,) = problems(rows, wanted)
    assert told.startswith(f"row 1: taken would be written over the recording {made};")
    wanted.name = "{input}"
    assert len(problems(rows, wanted)) == 2
    wanted.skip = tapes / "side1"
    assert len(jobs_of(rows, wanted)) == 2


def test_what_is_no_row_is_told(tapes: Path, wanted: Wanted) -> None:
    paths = [str(tapes / "side0" / "000.wav"), {"tape": tapes / "side0" / "000.wav"}]
    (told,) = problems(paths, wanted)
    assert told.startswith(f"row 1: {paths[0]!r} is no mapping of the graph's inputs to files")
    assert problems(7, wanted) == ["7 is no folder, pattern, manifest or list of rows"]


def test_outputs_at_a_url_are_no_recordings(tapes: Path, wanted: Wanted) -> None:
    pytest.importorskip("fsspec")
    (tapes / "out").mkdir()
    (tapes / "out" / "made.wav").write_bytes(b"x")
    url = tapes.as_uri()
    wanted.remote = f"{url}/out"
    found = jobs_of(url, wanted)
    assert len(found) == 4
    wanted.remote = url
    assert "another folder" in problems(f"{url}/", wanted)[0]
    wanted.name = "{input}"
    wanted.remote = f"{url}/side0"
    assert "over the recording" in problems([dict(found[0].inputs)], wanted)[0]


def test_recordings_that_differ_in_their_suffix_can_be_told_apart(
    tapes: Path, wanted: Wanted
) -> None:
    (tapes / "side0" / "000.mp3").write_bytes(b"x")
    (told,) = problems(tapes, wanted)
    assert "{path}.{suffix}.{output}" in told
    wanted.name = "{path}.{suffix}.{output}"
    assert "side0/000.mp3.{output}" in names(jobs_of(tapes, wanted))


def test_params_that_are_wrong_for_all_are_an_error_of_the_graph(
    tapes: Path, wanted: Wanted
) -> None:
    wanted.params = {"factor": "much"}
    with pytest.raises(GraphError):
        jobs_of(tapes, wanted)
