"""Sweeps: all combinations, shared steps once, failures kept apart, results to look at."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import (
    Audio,
    Cancelled,
    Graph,
    GraphError,
    InputError,
    ParamError,
    Store,
    read_audio,
)
from resonate_graph._experiment.rows import Row
from resonate_nodes import gain, highpass, normalize_loudness


def levels() -> Graph:
    made = Graph("levels")
    clean = made.add(highpass, "clean")(made.input("take", Audio), frequency_hz=40.0)
    quiet = made.add(gain, "quiet")(clean, gain_db=-3.0)
    target = made.param("target", float, default=-16.0, minimum=-40, maximum=0)
    made.output("master", made.add(normalize_loudness, "level")(quiet, target_lufs=target))
    return made


@pytest.fixture
def graph() -> Graph:
    return levels()


GRID = {"quiet.gain_db": [-3.0, -6.0], "target": [-20.0, -16.0, 5.0]}


class Swept(NamedTuple):
    """What a sweep over the grid gave, where, and what it kept. Tests only look at it."""

    rows: list[Row]
    folder: Path
    store: Store


@pytest.fixture(scope="module")
def swept(excerpt: Audio, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    folder = tmp_path_factory.mktemp("sweep")
    store = Store(tmp_path_factory.mktemp("store"))
    rows = levels().sweep({"take": excerpt}, GRID, folder, store=store)
    return Swept(list(rows), folder, store)


def test_every_combination_is_run_in_order_and_shares_what_it_can(swept: Swept) -> None:
    rows = swept.rows
    assert [tuple(row.params.values()) for row in rows] == [
        (gain_db, target) for gain_db in (-3.0, -6.0) for target in (-20.0, -16.0, 5.0)
    ]
    ran = [node for row in rows for node in row.ran]
    assert ran.count("clean") == 1
    assert ran.count("quiet") == 2
    for row in rows:
        if row.status == "done":
            figures = row.figures["master"]
            assert figures["integrated_lufs"] == pytest.approx(row.params["target"], abs=0.05)


def test_one_that_fails_says_why_and_does_not_stop_the_others(swept: Swept) -> None:
    failed = [row for row in swept.rows if row.status == "failed"]
    assert [row.params["target"] for row in failed] == [5.0, 5.0]
    assert all("above the maximum 0" in row.error for row in failed)
    assert not (swept.folder / "03").exists()


def test_whatever_happens_in_one_the_others_go_on(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    """Something that is no error of ours, from where results are written."""
    graph = Graph("fragile")
    graph.output("out", graph.add(gain, "level")(graph.input("take", Audio), gain_db=0.0))
    (tmp_path / "02" / "out.wav").mkdir(parents=True)  # where a file has to be
    written: list[list[str]] = []

    def read(row: object) -> None:
        rows = json.loads((tmp_path / "results.json").read_text())["rows"]
        written.append([one["status"] for one in rows])

    rows = graph.sweep(
        {"take": excerpt}, {"level.gain_db": [-1.0, -2.0, -3.0]}, tmp_path, store=store, on_row=read
    )
    assert [row.status for row in rows] == ["done", "failed", "done"]
    assert written == [["done"], ["done", "failed"], ["done", "failed", "done"]]


def test_a_parallel_sweep_stops_when_it_is_told_to(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    graph = Graph("stopped")
    graph.output("out", graph.add(gain, "level")(graph.input("take", Audio), gain_db=0.0))
    grid = {"level.gain_db": [float(one) for one in range(-20, 0)]}
    done: list[object] = []
    with pytest.raises(Cancelled):
        graph.sweep(
            {"take": excerpt},
            grid,
            tmp_path,
            store=store,
            jobs=2,
            on_row=done.append,
            cancelled=lambda: len(done) >= 2,
        )
    assert 2 <= len(done) <= 4
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert len(rows) == len(done)


def test_started_again_it_computes_nothing_twice(
    swept: Swept, graph: Graph, excerpt: Audio, tmp_path: Path
) -> None:
    again = graph.sweep({"take": excerpt}, GRID, tmp_path, store=swept.store)
    assert [row.ran for row in again] == [()] * 6


def test_in_parallel_it_gives_the_same_and_shares_the_same(
    swept: Swept, graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    many = graph.sweep({"take": excerpt}, GRID, tmp_path, store=store, jobs=3)
    assert [row.figures for row in many] == [row.figures for row in swept.rows]
    ran = [node for row in many for node in row.ran]
    assert ran.count("clean") == 1
    assert ran.count("quiet") == 2


def test_with_a_reference_it_measures_the_distance(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    reference = excerpt.save(tmp_path / "reference.wav")
    rows = graph.sweep(
        {"take": excerpt}, {"target": [-16.0]}, tmp_path / "out", store=store, reference=reference
    )
    wanted = excerpt.samples.astype(np.float64).ravel()
    found = read_audio(Path(rows[0].files["master"])).samples.astype(np.float64).ravel()
    cosine = wanted @ found / np.sqrt((wanted @ wanted) * (found @ found))
    expected = 10 * np.log10(cosine**2 / (1 - cosine**2))
    assert rows[0].figures["master"]["si_sdr_db"] == pytest.approx(expected, abs=1e-6)


def test_encoded_outputs_are_measured_as_they_lie_in_their_files(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    reference = excerpt.save(tmp_path / "reference.wav")
    (row,) = rg.stock("deliver").sweep(
        {"master": excerpt}, {"target_lufs": [-18]}, tmp_path, store=store, reference=reference
    )
    figures = row.figures["delivered"]
    assert figures["integrated_lufs"] == pytest.approx(-18, abs=0.05)
    assert figures["si_sdr_db"] is not None
    assert figures["si_sdr_db"] > 80


def test_what_cannot_be_compared_says_so(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    reference = Audio(np.zeros((1, 9)), 8000).save(tmp_path / "reference.wav")
    (row,) = graph.sweep(
        {"take": excerpt}, {"target": [-16.0]}, tmp_path, store=store, reference=reference
    )
    assert row.status == "done"
    assert row.error.startswith("no output is like the Audio(1 ch, 9 frames")


def test_a_sweep_that_cannot_work_ends_before_it_begins(
    graph: Graph, excerpt: Audio, tmp_path: Path
) -> None:
    with pytest.raises(GraphError, match="no param 'targt'"):
        graph.sweep({"take": excerpt}, {"targt": [-16.0, -14.0]}, tmp_path / "out")
    unusable: list[Any] = ["ab", [], 5]
    for values in unusable:
        with pytest.raises(ParamError, match="give a list of values"):
            graph.sweep({"take": excerpt}, {"target": values}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_values_of_numpy_are_values(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    values = np.array([-20, -16], np.float32)
    rows = graph.sweep({"take": excerpt}, {"target": values}, tmp_path, store=store)  # type: ignore[dict-item]
    assert [row.params["target"] for row in rows] == [-20.0, -16.0]


def test_an_input_that_cannot_be_read_is_told_once_before_anything_runs(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    missing, text = tmp_path / "missing.wav", tmp_path / "text.wav"
    text.write_text("no sound")
    for path, reason in ((missing, "no such file"), (text, "text.wav")):
        with pytest.raises(InputError, match=reason):
            graph.sweep({"take": path}, GRID, tmp_path / "out", store=store)
        with pytest.raises(InputError, match=reason):
            graph.sweep({"take": excerpt}, GRID, tmp_path / "out", store=store, reference=path)
    assert not (tmp_path / "out").exists()
    assert not list(store.retention.objects())


def test_what_an_earlier_sweep_left_is_removed_and_nothing_else(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    values = [-20.0, -18.0, -16.0, -14.0]
    graph.sweep({"take": excerpt}, {"target": values}, folder, store=store)
    (folder / "03" / "notes.txt").write_text("mine")
    (folder / "05").mkdir()
    (folder / "05" / "master.wav").write_text("mine, too")
    (folder / "pictures" / "mine.png").write_text("mine, as well")
    graph.sweep({"take": excerpt}, {"target": [-20.0, 5.0]}, folder, store=store)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {
        "01/master.wav",
        "01/master.wav.provenance.json",
        "03/notes.txt",
        "05/master.wav",
        "inputs/input-take.wav",
        "pictures/01-master.png",
        "pictures/input-take.png",
        "pictures/mine.png",
        "report.html",
        "results.json",
    }
    assert not (folder / "04").exists()


@pytest.mark.parametrize(
    "listed",
    [
        "nothing",
        '{"rows": 5}',
        '{"rows": [{"name": "..", "files": {"a": "precious"}, "pictures": {}}], "inputs": []}',
        '{"rows": [{"name": "07", "files": {"a": "../../precious", "b": ".."}, "pictures": {}}],'
        ' "inputs": [{"picture": "../precious"}]}',
    ],
)
def test_results_that_nobody_wrote_remove_nothing_elsewhere(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path, listed: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for place in (tmp_path, folder):
        (place / "precious").write_text("mine")
    (folder / "results.json").write_text(listed)
    graph.sweep({"take": excerpt}, {"target": [-20.0]}, folder, store=store)
    assert (tmp_path / "precious").exists()
    assert (folder / "precious").exists()


class Links(HTMLParser):
    """Collects what a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, value or "") for name, value in attrs if name in ("src", "href")]


def test_the_results_and_the_page_lie_in_the_folder(swept: Swept) -> None:
    results = json.loads((swept.folder / "results.json").read_text())
    assert [row["status"] for row in results["rows"]].count("done") == 4
    text = (swept.folder / "report.html").read_text()
    page = Links()
    page.feed(text)
    done = ("01", "02", "04", "05")
    players = [link for tag, link in page.found if tag == "audio"]
    assert players == ["inputs/input-take.wav", *(f"{name}/master.wav" for name in done)]
    pictures = [link for tag, link in page.found if tag == "img"]
    assert pictures == ["pictures/input-take.png", *(f"pictures/{n}-master.png" for n in done)]
    assert all((swept.folder / link).is_file() for _, link in page.found)
    assert "above the maximum 0" in text


def test_inputs_and_the_reference_are_heard_where_they_lie(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    take = excerpt.save(tmp_path / "50% #1?.wav")
    folder = tmp_path / "out"
    graph.sweep({"take": take}, {"target": [-16.0]}, folder, store=store, reference=take)
    page = Links()
    page.feed((folder / "report.html").read_text())
    players = [unquote(link) for tag, link in page.found if tag == "audio"]
    assert players == ["../50% #1?.wav", "../50% #1?.wav", "01/master.wav"]
    assert [link for tag, link in page.found if tag == "img"] == [
        "pictures/input-take.png",
        "pictures/reference.png",
        "pictures/01-master.png",
    ]
    assert all((folder / unquote(link)).is_file() for _, link in page.found)
    assert not (folder / "inputs").exists()


def test_every_picture_says_what_it_shows_and_how_large_it_is(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    graph.sweep({"take": excerpt}, {"target": [-16.0]}, tmp_path, store=store)
    text = (tmp_path / "report.html").read_text()
    assert 'alt="waveform and spectrogram of master with target = -16.0"' in text
    assert text.count('width="640" height="400"') == 2


def test_a_sweep_of_which_all_failed_removes_nothing(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    graph.sweep({"take": excerpt}, {"target": [-20.0, -16.0]}, folder, store=store)
    for name in ("01", "02"):
        (folder / name / "master.wav").rename(folder / f"{name}.wav")
        (folder / name / "master.wav").mkdir()
    (row,) = graph.sweep({"take": excerpt}, {"target": [-18.0]}, folder, store=store)
    assert row.status == "failed"
    assert "cannot be written" in row.error
    assert (folder / "02" / "master.wav.provenance.json").exists()
