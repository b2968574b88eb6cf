"""The page of a run: what it says is what the run did, and it loads nothing from elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pyloudnorm
import pytest

import resonate_graph as rg
from resonate_graph import Audio, Graph, Result, Store
from resonate_graph._experiment.advice import _ADVICE
from resonate_nodes import (
    declick,
    gain,
    highpass,
    hpss,
    measure_loudness,
    normalize_loudness,
    plot_spectrogram,
)
from tests.browser import Browser, Opened
from tests.engine.commands import Command
from tests.signals import white_noise
from tests.tools import needs

RATE = 44_100


def graph() -> Graph:
    """A graph with a whole, two parts, a picture, a report and a warning."""
    made = Graph("record", description="Clicks & rumble out.")
    side = made.input("side", Audio)
    clean = made.add(declick)(side)
    quiet = made.add(gain)(clean, gain_db=-6.0)
    parts = made.add(hpss)(quiet)
    made.output("restored", made.add(normalize_loudness, "master")(quiet, target_lufs=-20.0))
    made.output("tones", parts.harmonic)
    made.output("beats", parts.percussive)
    made.output("loudness", made.add(measure_loudness)(quiet))
    made.output("picture", made.add(plot_spectrogram)(quiet))
    silence = made.add(highpass, "low")(side, frequency_hz=20.0)
    made.output("flac.flac", made.add(gain, "same")(silence, gain_db=0.0))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return Store(folder / "store")


@pytest.fixture(scope="module")
def result(folder: Path, store: Store) -> Result:
    """One second of noise with three clicks."""
    samples = white_noise(rate=RATE, rms=0.02, channels=2, seed=1).samples.copy()
    samples[:, [9_000, 20_000, 33_000]] += 0.5
    side = Audio(samples, RATE).save(folder / "side a.wav")
    made = graph().run({"side": side}, store=store, removed=True)
    made.save(folder / "out")
    return made


@pytest.fixture(scope="module")
def page(folder: Path, store: Store, result: Result) -> Path:
    return graph().report(result, folder / "out", command="resonate run 'my graph'", store=store)


def text_of(page: Path) -> str:
    """The words that a reader sees."""
    plain = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page.read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", plain)).split())


def test_the_page_says_what_the_run_did(page: Path, result: Result) -> None:
    said = text_of(page)
    assert said.startswith("record: side a.wav")
    assert "Clicks & rumble out." in said
    for node in result.report["nodes"]:
        assert node["id"] in said
    assert "3 clicks removed" in said
    assert "gain −6.0 dB" in said
    assert "resonate run 'my graph'" in said


def test_its_figures_are_those_of_pyloudnorm(page: Path, result: Result, folder: Path) -> None:
    meter = pyloudnorm.Meter(RATE)
    restored = result["restored"]
    assert isinstance(restored, Audio)
    before = meter.integrated_loudness(rg.read_audio(folder / "side a.wav").samples.T)
    after = meter.integrated_loudness(restored.samples.T)
    rows = re.findall(r"(As it was|restored) (−[\d.]+) −?[\d.]+ 1.0 s 44,100 Hz", text_of(page))
    shown = {name: -float(level[1:]) for name, level in rows}
    assert shown["As it was"] == pytest.approx(before, abs=0.1)
    assert shown["restored"] == pytest.approx(after, abs=0.1)


def test_all_that_sounds_is_in_the_player(page: Path) -> None:
    document = page.read_text()
    for label in ("As it was", "restored", "taken out of restored", "tones", "beats", "flac"):
        assert f'"{label}"' in document, label


def test_files_are_linked_from_where_the_page_lies(page: Path) -> None:
    links = re.findall(r'"(?:file|place)": ?"([^"]+)"', page.read_text())
    assert "restored.wav" in links
    assert [one for one in links if not (page.parent / unquote(one)).exists()] == []


def test_it_loads_nothing_from_elsewhere(page: Path) -> None:
    assert not re.search(r"(src|href)=[\"'](https?:)?//", page.read_text())


def test_an_output_may_have_the_name_of_the_page(tmp_path: Path) -> None:
    made = rg.stock("inspect")
    result = made.run({"recording": white_noise(rate=RATE, seed=2)}, store=False)
    saved = result.save(tmp_path)
    assert saved["report"].name == "report.html"
    before = saved["report"].read_bytes()
    assert made.report(result, tmp_path, store=False).name == "run-report.html"
    assert saved["report"].read_bytes() == before


def test_a_page_is_made_again_from_a_file(call: Command, page: Path, store: Store) -> None:
    page.unlink()
    before = {one.key for one in store.records()}
    ended = call("report", page.parent / "restored.wav", "--store", store.path)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(page)
    assert "reused" in text_of(page)
    assert "computed" not in text_of(page).partition("What each step did")[2].partition("Loud")[0]
    assert {one.key for one in store.records()} == before


def test_other_samples_than_are_in_the_file_are_told(
    call: Command, store: Store, tmp_path: Path
) -> None:
    side = tmp_path / "side.wav"
    white_noise(rate=RATE, seed=3).save(side)
    ended = call(
        "run", "deliver", side, "-o", tmp_path, "--store", store.path, "--only", "delivered"
    )
    assert ended.code == 0, ended.err
    white_noise(rate=RATE, seed=4, rms=0.01).save(side)
    made = tmp_path / "side.delivered.wav"
    ended = call("report", made, "--store", store.path)
    assert ended.code == 1
    said = text_of(tmp_path / "report.html")
    assert "this is not what is in side.delivered.wav" in said
    assert "--from-provenance" not in said


def test_what_was_taken_out_lies_beside_and_is_not_taken_for_the_output(
    call: Command, folder: Path, store: Store, tmp_path: Path
) -> None:
    words = ("run", "vinyl", folder / "side a.wav", "-o", tmp_path, "--store", store.path)
    assert call(*words, "--removed").code == 0
    (tmp_path / "moved.wav").write_bytes((folder / "side a.wav").read_bytes())
    made = tmp_path / "side a.restored.wav"
    ended = call("report", made, "-i", f"recording={tmp_path / 'moved.wav'}", "--store", store.path)
    assert ended.code == 0, ended.err
    assert f"--from-provenance '{made}'" in text_of(tmp_path / "report.html")


def test_a_sound_that_is_no_file_is_heard_before_and_after(tmp_path: Path, store: Store) -> None:
    made = rg.stock("vinyl")
    result = made.run({"recording": white_noise(rate=RATE, seed=5)}, store=store)
    said = made.report(result, tmp_path, store=store).read_text()
    assert '"As it was"' in said


def test_a_run_writes_its_page_where_that_is_asked(
    call: Command, folder: Path, result: Result, store: Store, tmp_path: Path
) -> None:
    saved = graph().save(tmp_path / "record.json")
    side = folder / "side a.wav"
    ended = call(
        "run", saved, "-i", f"side={side}", "-o", tmp_path / "out", "--report",
        "--store", store.path,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert (tmp_path / "out" / "report.html").exists()
    assert "to hear and see" in ended.out


def test_advice_is_given_for_codes_that_there_are() -> None:
    sources = "\n".join(
        path.read_text()
        for root in ("resonate_graph", "nodes")
        for path in (Path(__file__).parents[3] / root).rglob("*.py")
        if path.name != "advice.py"
    )
    assert [code for code in _ADVICE if f'"{code}"' not in sources] == []


@needs("chromium")
class TestInABrowser:
    @pytest.fixture
    def opened(self, browser: Browser, page: Path) -> Iterator[Opened]:
        shown = browser.open(page)
        yield shown
        assert not shown.faults
        shown.close()

    @pytest.mark.parametrize("width", [390, 1200])
    def test_it_fits_the_window(self, opened: Opened, width: int) -> None:
        opened.resize(width)
        assert opened.run("document.documentElement.scrollWidth") <= width

    def test_a_graph_that_is_wider_than_the_page_says_so_and_can_be_moved(
        self, opened: Opened
    ) -> None:
        shown = (
            "[document.querySelector('[class^=resonate-hint]').offsetHeight > 0, "
            "(box => box.scrollWidth > box.clientWidth)(document.querySelector('.rg-graph'))]"
        )
        for width, is_wider in ((390, True), (2000, False)):
            opened.resize(width)
            opened.run("document.querySelector('main').style.maxWidth = 'none'")
            assert opened.run(shown) == [is_wider, is_wider], width
