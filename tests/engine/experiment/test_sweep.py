"""Sweeps: all combinations, shared steps once, failures kept apart, results to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import (
    Audio,
    Cancelled,
    Event,
    Graph,
    GraphError,
    InputError,
    NodeError,
    ParamError,
    PictureMade,
    Preparation,
    RunStarted,
    Store,
    node,
    read_audio,
)
from resonate_nodes import (
    encode_flac,
    from_mid_side,
    gain,
    highpass,
    match_eq,
    mid_side,
    mix,
    normalize_loudness,
    separate,
)
from tests.signals import followed, white_noise
from tests.tools import needs

if TYPE_CHECKING:
    from tests.browser import Browser


@pytest.fixture(scope="module")
def excerpt(excerpt: Audio) -> Audio:
    """A second of it is enough."""
    return excerpt.with_samples(excerpt.samples[:, : excerpt.sample_rate])


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = Graph("levels")
    clean = made.add(highpass, "clean")(made.input("take", Audio), frequency_hz=40.0)
    quiet = made.add(gain, "quiet")(clean, gain_db=-3.0)
    target = made.param("target", float, default=-16.0, minimum=-40, maximum=0)
    made.output("master", made.add(normalize_loudness, "level")(quiet, target_lufs=target))
    return made


GRID = {"quiet.gain_db": [-3.0, -6.0], "target": [-20.0, -16.0, -12.0]}


@dataclass(frozen=True)
class Swept:
    """A sweep that several tests look at."""

    rows: list[rg.Row]
    store: Path


@pytest.fixture(scope="module")
def swept(graph: Graph, excerpt: Audio, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    place = tmp_path_factory.mktemp("swept")
    rows = graph.sweep({"take": excerpt}, GRID, place / "out", store=place / "store")
    return Swept(rows, place / "store")


def in_order(question: Preparation) -> Mapping[str, Any]:
    if question.params["low_db"] > question.params["high_db"]:
        raise ParamError("low_db is above high_db")
    return {}


@node(prepare=in_order)
def between(audio: Audio, *, low_db: float, high_db: float) -> Audio:
    """Refuse levels that are out of order, before anything runs; or are alike, when it runs."""
    if low_db == high_db:
        raise NodeError("nothing is between them")
    return audio.with_samples(audio.samples * 10 ** (low_db / 20))


@pytest.fixture
def bounded() -> Graph:
    """A graph of which some combinations are wrong."""
    made = Graph("bounded")
    take = made.input("take", Audio)
    made.output("out", made.add(between, "level")(take, low_db=-6.0, high_db=0.0))
    return made


#: Wrong together is the third of them, and the fourth fails.
BOUNDS = {"level.low_db": [-9.0, -3.0], "level.high_db": [-6.0, -3.0]}


def test_every_combination_is_run_in_order_and_shares_what_it_can(swept: Swept) -> None:
    rows = swept.rows
    assert [tuple(row.params.values()) for row in rows] == [
        (gain_db, target) for gain_db in (-3.0, -6.0) for target in (-20.0, -16.0, -12.0)
    ]
    ran = [node for row in rows for node in row.ran]
    assert ran.count("clean") == 1
    assert ran.count("quiet") == 2
    for row in rows:
        figures = row.figures["master"]
        assert figures["integrated_lufs"] == pytest.approx(row.params["target"], abs=0.05)


def test_one_that_fails_says_why_and_does_not_stop_the_others(
    bounded: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    rows = bounded.sweep({"take": excerpt}, BOUNDS, tmp_path, store=store)
    assert [row.status for row in rows] == ["done", "done", "failed", "failed"]
    assert [row.error for row in rows] == [
        "",
        "",
        "/nodes/level/params: low_db is above high_db",
        "node 'level' (between): nothing is between them",
    ]
    assert not (tmp_path / "03").exists()


def test_what_is_wrong_only_together_is_told_before_the_first_run(
    bounded: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    told: list[str] = []
    bounded.sweep(
        {"take": excerpt},
        BOUNDS,
        tmp_path,
        store=store,
        on_row=lambda row: told.append(row.name),
        on_event=lambda event: told.append("run") if isinstance(event, RunStarted) else None,
    )
    # what becomes of a run is written while the next one runs, and told when that is done
    assert told == ["03", "run", "run", "01", "run", "02", "04"]


def test_every_value_is_checked_before_the_first_run(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    grid: dict[str, list[Any]] = {
        "quiet.gain_db": [-3.0, "loud", -6.0],
        "target": [-20.0, 5.0, 6.0],
    }
    told: list[object] = []
    with pytest.raises(GraphError) as caught:
        graph.sweep(
            {"take": excerpt}, grid, tmp_path, store=store, on_row=told.append, on_event=told.append
        )
    messages = [problem.message for problem in caught.value.problems]
    assert len(messages) == 3
    for wrong in ("5.0 is above the maximum 0", "6.0 is above the maximum 0", "'loud'"):
        assert sum(wrong in message for message in messages) == 1
    assert told == []
    assert not list(tmp_path.iterdir())
    assert not list(store.records())


def test_whatever_happens_in_one_the_others_go_on(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    """Something that is no error of ours, from where results are written."""
    graph = Graph("fragile")
    graph.output("out", graph.add(gain, "level")(graph.input("take", Audio), gain_db=0.0))
    (tmp_path / "02" / "out.flac").mkdir(parents=True)  # where a file has to be
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
    graph: Graph, excerpt: Audio, swept: Swept, tmp_path: Path
) -> None:
    again = graph.sweep({"take": excerpt}, GRID, tmp_path, store=swept.store)
    assert [row.ran for row in again] == [()] * 6


def test_in_parallel_it_gives_the_same_and_shares_the_same(
    graph: Graph, excerpt: Audio, swept: Swept, tmp_path: Path
) -> None:
    many = graph.sweep({"take": excerpt}, GRID, tmp_path, store=tmp_path / "many", jobs=3)
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


def compared(rows: Sequence[rg.Row]) -> set[str]:
    """The outputs that were compared with a reference."""
    return {name for row in rows for name, found in row.figures.items() if "si_sdr_db" in found}


def test_a_reference_is_compared_with_what_is_an_input_as_a_whole(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    """Not with a part of it, though it has the shape; but with all of the parts together."""
    graph = Graph("parts")
    take, tone = graph.input("take", Audio), graph.input("tone", Audio)
    level = graph.add(gain, "level")(take, gain_db=-1.0)
    sides = graph.add(mid_side, "sides")(level)
    quiet = graph.add(gain, "quiet")(sides.side, gain_db=-6.0)
    graph.output("matched", graph.add(match_eq)(level, tone))
    graph.output("side", quiet)
    graph.output("joined", graph.add(from_mid_side)(sides.mid, quiet))
    graph.output("mids", graph.add(from_mid_side, "mids")(sides.mid, sides.mid))
    graph.output("encoded", graph.add(encode_flac)(level))
    graph.output("both", graph.add(mix)([level, tone]))
    other = excerpt.with_samples(excerpt.samples[:, ::-1].copy())
    reference = excerpt.save(tmp_path / "reference.wav")
    rows = graph.sweep(
        {"take": excerpt, "tone": other},
        {"level.gain_db": [-1.0]},
        tmp_path / "out",
        store=store,
        reference=reference,
    )
    assert compared(rows) == {"matched", "joined", "encoded"}


@pytest.mark.torch
def test_all_stems_together_are_the_mix_and_some_are_not(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    """Of the stems of a model, which has not all that its node could give."""
    graph = Graph("stems")
    split = graph.add(separate, "split")(graph.input("mix", Audio), model="mini")
    vocals = graph.add(gain, "vocals")(split.vocals, gain_db=1.0)
    graph.output("all", graph.add(mix)([vocals, split.drums, split.bass, split.other]))
    graph.output("backing", graph.add(mix)([split.drums, split.bass, split.other]))
    graph.output("sung", vocals)
    short = excerpt.with_samples(excerpt.samples[:, :22050])
    reference = short.save(tmp_path / "reference.wav")
    rows = graph.sweep(
        {"mix": short},
        {"vocals.gain_db": [1.0]},
        tmp_path / "out",
        store=store,
        reference=reference,
        device="cpu",
    )
    assert compared(rows) == {"all"}
    (row,) = graph.sweep(
        {"mix": short},
        {"vocals.gain_db": [1.0]},
        tmp_path / "out",
        outputs=["backing"],
        store=store,
        reference=reference,
        device="cpu",
    )
    assert compared([row]) == set()
    assert row.error == (
        "the reference is of no output that is an input as a whole: "
        "name the output it is for (backing)"
    )


def test_a_reference_is_not_compared_where_it_may_be_of_several_inputs(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    graph = Graph("two")
    for name in ("voice", "music"):
        wire = graph.add(gain, f"{name}-level")(graph.input(name, Audio), gain_db=-1.0)
        graph.output(f"{name}-out", wire)
    reference = excerpt.save(tmp_path / "reference.wav")
    given = {"voice": excerpt, "music": excerpt}
    grid = {"voice-level.gain_db": [-1.0]}
    (row,) = graph.sweep(given, grid, tmp_path / "a", store=store, reference=reference)
    assert compared([row]) == set()
    assert row.error.endswith("name the output it is for (voice-out, music-out)")
    named = {"music-out": reference}
    (row,) = graph.sweep(given, grid, tmp_path / "b", store=store, reference=named)
    assert compared([row]) == {"music-out"}
    assert row.error == ""


def test_a_named_reference_is_of_an_output_there_is_and_of_its_shape(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    take = excerpt.save(tmp_path / "take.wav")
    grid = {"target": [-16.0]}
    with pytest.raises(ParamError, match="no output 'mastr'; did you mean 'master'"):
        graph.sweep({"take": take}, grid, tmp_path / "out", store=store, reference={"mastr": take})
    assert not (tmp_path / "out").exists()
    short = Audio(np.ones((2, 9)), 8000).save(tmp_path / "short.wav")
    (row,) = graph.sweep(
        {"take": take}, grid, tmp_path / "out", store=store, reference={"master": short}
    )
    assert row.error.startswith("master is not like its reference, the Audio(2 ch, 9 frames")


def test_without_a_store_nothing_is_kept_and_all_is_computed(
    graph: Graph, excerpt: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONATE_STORE", str(tmp_path / "usual"))
    rows = graph.sweep({"take": excerpt}, {"target": [-16.0, -14.0]}, tmp_path, store=False)
    assert [row.ran for row in rows] == [("clean", "quiet", "level")] * 2
    assert not (tmp_path / "usual").exists()


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
    sounds = folder / "report_files"
    (sounds / "mine.png").write_text("mine, as well")
    (min(sounds.iterdir()) / "mine.txt").write_text("mine, too")
    graph.sweep({"take": excerpt}, {"target": [-20.0]}, folder, store=store)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {one for one in left if "report_files" not in one} == {
        "01/master.flac",
        "01/master.flac.provenance.json",
        "03/notes.txt",
        "05/master.wav",
        "inputs/take/sound.flac",
        "report.html",
        "results.json",
    }
    heard = {Path(one).parent.name for one in left if one.endswith("spectrum.png")}
    assert len(heard) == 2  # the input, and the one result
    rest = {one for one in left if "report_files" in one} - {
        f"report_files/{one}/{name}"
        for one in heard
        for name in ("spectrum.png", "sound.json", "0.js")
    }
    assert {Path(one).name for one in rest} == {"mine.png", "mine.txt"}
    assert not (folder / "04").exists()


@pytest.mark.parametrize(
    "listed",
    [
        "nothing",
        '{"rows": 5}',
        '{"rows": [{"name": "..", "files": {"a": "precious"}, "pictures": {}}], "inputs": []}',
        '{"rows": [{"name": "07", "files": {"a": "../../precious", "b": ".."}, "pictures": {}}],'
        ' "inputs": [{"picture": "../precious"}]}',
        '{"rows": [{"name": "07", "files": {}, "pictures": {"a": "report_files/../precious"}}],'
        ' "inputs": [{"picture": "report_files/..//spectrum.png"}]}',
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


def test_the_results_and_the_page_lie_in_the_folder(
    bounded: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    bounded.sweep({"take": excerpt}, BOUNDS, tmp_path, store=store)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [row["status"] for row in results["rows"]] == ["done", "done", "failed", "failed"]
    text = (tmp_path / "report.html").read_text()
    page = Links()
    page.feed(text)
    done = ("01", "02")
    players = [link for tag, link in page.found if tag == "audio"]
    assert players == ["inputs/take/sound.flac", *(f"{name}/out.flac" for name in done)]
    files = [link for tag, link in page.found if not link.startswith("data:")]
    assert all((tmp_path / link).is_file() for link in files)
    pictures = [row["pictures"]["out"] for row in results["rows"][:2]]
    inputs = [results["inputs"][0][one] for one in ("picture", "file")]
    assert all((tmp_path / one).is_file() for one in (*pictures, *inputs))
    assert "low_db is above high_db" in text


def test_what_a_sweep_shows_lies_in_its_folder_which_may_be_moved(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    take = excerpt.save(tmp_path / "50% #1?.wav")
    folder = tmp_path / "out"
    graph.sweep({"take": take}, {"target": [-16.0]}, folder, store=store, reference=take)
    page = Links()
    page.feed((folder / "report.html").read_text())
    players = [unquote(link) for tag, link in page.found if tag == "audio"]
    linked = ["inputs/take/50% #1?.wav", "references/50% #1?.wav"]
    assert players == [*linked, "01/master.flac"]
    assert all((folder / one).samefile(take) for one in linked)
    moved = folder.rename(tmp_path / "elsewhere")
    files = [unquote(link) for _, link in page.found if not link.startswith("data:")]
    assert all((moved / one).is_file() for one in files)
    results = json.loads((moved / "results.json").read_text())
    told = [one["file"] for one in results["inputs"]] + list(results["rows"][0]["files"].values())
    assert told == players
    assert str(tmp_path) not in json.dumps(results)


def test_what_is_there_to_be_listened_to_is_flac_unless_it_is_too_loud(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    graph = Graph("loud")
    graph.output("out", graph.add(gain, "level")(graph.input("take", Audio), gain_db=0.0))
    grid = {"level.gain_db": [-3.0, 30.0]}
    rows = graph.sweep({"take": excerpt}, grid, tmp_path, store=store)
    assert [Path(row.files["out"]).name for row in rows] == ["out.flac", "out.wav"]
    heard = [read_audio(row.files["out"]) for row in rows]
    np.testing.assert_allclose(heard[0].samples, gain(excerpt, gain_db=-3.0).samples, atol=2**-23)
    assert heard[1] == gain(excerpt, gain_db=30.0)


def test_stems_are_shown_where_that_is_asked(excerpt: Audio, store: Store, tmp_path: Path) -> None:
    graph = Graph("sides")
    mid, side = graph.add(mid_side, "apart")(graph.input("take", Audio))
    level = graph.add(gain, "level")(side, gain_db=0.0)
    graph.output("whole", graph.add(from_mid_side)(mid, level))
    graph.output("side", level)
    grid = {"level.gain_db": [-3.0, -6.0]}

    def shown(**more: Any) -> set[str]:
        rows = graph.sweep({"take": excerpt}, grid, tmp_path, store=store, **more)
        assert all(set(row.figures) == set(row.files) for row in rows)
        (names,) = {tuple(row.pictures) for row in rows}
        return set(names)

    assert shown() == {"whole"}
    assert shown(pictures=["side"]) == {"side"}
    assert shown(pictures=[]) == set()
    assert shown(outputs=["side"]) == {"side"}
    with pytest.raises(ParamError, match="no output 'sides'; did you mean 'side'"):
        shown(pictures=["sides"])


def test_pictures_are_counted(graph: Graph, excerpt: Audio, store: Store, tmp_path: Path) -> None:
    events: list[Event] = []
    grid = {"target": [-20.0, -16.0]}
    graph.sweep({"take": excerpt}, grid, tmp_path, store=store, on_event=events.append)
    made = [event for event in events if isinstance(event, PictureMade)]
    assert made == [PictureMade(done, 3) for done in (1, 2, 3)]


def test_the_page_says_what_was_compared_and_what_was_best(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    take = excerpt.save(tmp_path / "side A.wav")
    wanted = graph.run({"take": take}, store=store).save(tmp_path / "wanted")["master"]
    folder = tmp_path / "out"
    grid = {"clean.frequency_hz": [200.0, 60.0]}
    graph.sweep({"take": take}, grid, folder, store=store, reference=wanted)
    text = (folder / "report.html").read_text()
    assert "2 combinations of side A.wav, master.wav · " in text
    assert "<dt>SI-SDR</dt>" in text
    assert text.count('class="number best"') == 1
    assert "02: clean.frequency_hz = 60.0" in text


@needs("chromium")
def test_results_are_switched_between_on_a_phone_too(
    graph: Graph, store: Store, tmp_path: Path, browser: Browser
) -> None:
    noise = white_noise(seconds=3, rate=32_000, rms=0.05)
    graph.sweep({"take": noise}, {"clean.frequency_hz": [6000.0]}, tmp_path, store=store)
    page = browser.open(tmp_path / "report.html", width=390)
    assert page.run("document.documentElement.scrollWidth") == 390
    page.run("window.one = document.querySelector('.rg-player').player, null")
    heard = page.played(noise.sample_rate, "2", each_seconds=0.3)
    sounds = {"take": noise, "01": read_audio(tmp_path / "01" / "master.flac")}
    assert [name for name, _ in followed(heard, sounds)] == ["take", "01"]
    assert not page.faults
    page.close()


def test_a_sweep_of_which_all_failed_removes_nothing(
    graph: Graph, excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    graph.sweep({"take": excerpt}, {"target": [-20.0, -16.0]}, folder, store=store)
    for name in ("01", "02"):
        (folder / name / "master.flac").rename(folder / f"{name}.flac")
        (folder / name / "master.flac").mkdir()
    (row,) = graph.sweep({"take": excerpt}, {"target": [-18.0]}, folder, store=store)
    assert row.status == "failed"
    assert "cannot be written" in row.error
    assert (folder / "02" / "master.flac.provenance.json").exists()
