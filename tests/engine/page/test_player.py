"""The player in a browser: what comes out of the loudspeakers, and what is seen."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import Audio
from resonate_graph._page import parts
from resonate_graph._page.player import Mark, Track, player
from resonate_graph._page.terms import explained
from resonate_graph._run.measure import measure
from tests.browser import Browser, Opened
from tests.signals import followed, place_in
from tests.tools import needs

pytestmark = needs("chromium")

RATE = 32_000
SECONDS = 5
#: How much quieter the second sound is.
QUIETER_DB = 17.0
MARKS = [Mark(1.25, 1.25, "a click"), Mark(3.0, 3.5, "hum")]


def noise(seed: int, amplitude: float) -> Audio:
    """A sound of which every millisecond is known from every other."""
    samples = np.random.default_rng(seed).standard_normal((2, SECONDS * RATE)) * amplitude
    return Audio(samples.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def sounds() -> dict[str, Audio]:
    quiet = 10 ** (-QUIETER_DB / 20)
    return {
        "damaged": noise(1, 0.1),
        "restored": noise(2, 0.1 * quiet),
        "drums": noise(3, 0.03),
        "vocals": noise(4, 0.03),
    }


@pytest.fixture(scope="module")
def folder(sounds: dict[str, Audio], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with two players, in a folder with the files."""
    place = tmp_path_factory.mktemp("page")
    for name, sound in sounds.items():
        sound.save(place / f"{name}.wav")
    tracks = [
        Track("damaged", "As it came", "damaged.wav", sounds["damaged"], marks=MARKS),
        Track("restored", "Restored", "restored.wav", sounds["restored"], note="declick, dehum"),
        Track("drums", "drums", "drums.wav", sounds["drums"], group="stems"),
        Track("vocals", "vocals", "vocals.wav", sounds["vocals"], group="stems"),
    ]
    long_name = "a_parameter_with_quite_a_long_name"
    table = parts.table(
        ["", long_name, "LUFS", "said"], [["01", "−14", "−14.02", "words " * 9]] * 3
    )
    body = (
        player(tracks, folder=place)
        + parts.section("Figures", explained(table), parts.command("resonate run " + "x" * 120))
        + parts.notice("Something was found.", "Do this.", kind="warning")
        + parts.section("Again", player(tracks[:2], folder=None, label="all in the page"))
    )
    (place / "page.html").write_text(parts.document("A page & its sounds", body), "utf-8")
    return place


@pytest.fixture(scope="module")
def opened(browser: Browser, folder: Path) -> Iterator[Opened]:
    page = browser.open(folder / "page.html")
    page.run("window.one = document.querySelectorAll('.rg-player')[0].player,"
             "window.two = document.querySelectorAll('.rg-player')[1].player, null")  # fmt: skip
    yield page
    assert not page.faults
    page.close()


@pytest.fixture
def page(opened: Opened) -> Opened:
    """The page as it was when it was opened."""
    opened.run("""(() => {
        for (const one of [window.one, window.two]) {
            one.pause(); one.match(true); if (one.looping) one.repeat(false); one.loop = null;
            for (const track of one.tracks) track.muted = track.solo = false;
            one.zoom(0); one.choose(0); one.seek(0);
        }
    })()""")
    opened.click(".rg-player .rg-how")  # which gives the keys to the first
    opened.heard()
    return opened


def played(page: Opened, *keys: str, each_seconds: float = 0.35) -> NDArray[np.float32]:
    return page.played(RATE, *keys, each_seconds=each_seconds)


def loudness(part: NDArray[np.float32]) -> float:
    found = measure(Audio(part, RATE), None)["integrated_lufs"]
    assert found is not None
    return found


def test_keys_switch_at_the_same_sample_without_a_gap_and_equally_loud(
    page: Opened, sounds: dict[str, Audio]
) -> None:
    heard = played(page, "2", "1")
    found = followed(heard, {name: sounds[name] for name in ("damaged", "restored")})
    assert [name for name, _ in found] == ["damaged", "restored", "damaged"]
    levels = [loudness(heard[:, part]) for _, part in found]
    assert max(levels) - min(levels) < 0.5


def test_as_the_files_are_the_levels_differ(page: Opened, sounds: dict[str, Audio]) -> None:
    page.press("e")
    heard = played(page, "2")
    (_, loud), (_, quiet) = followed(heard, sounds)
    difference = loudness(heard[:, loud]) - loudness(heard[:, quiet])
    assert difference == pytest.approx(QUIETER_DB, abs=0.5)


def test_stems_sound_together_and_are_muted_and_heard_alone(
    page: Opened, sounds: dict[str, Audio]
) -> None:
    page.press("3")
    both = played(page)[:, 1000:-1000]
    total = Audio(sounds["drums"].samples + sounds["vocals"].samples, RATE)
    assert place_in(total, both)[1] > 0.999
    page.run("one.seek(0)")
    page.click(".rg-player [aria-label='Mute drums']")
    assert place_in(sounds["vocals"], played(page)[:, 1000:-1000])[1] > 0.999
    page.run("one.seek(0)")
    page.click(".rg-player [aria-label='Solo drums']")
    assert place_in(sounds["drums"], played(page)[:, 1000:-1000])[1] > 0.999


def test_a_loop_comes_round_to_the_sample(page: Opened) -> None:
    page.run("one.setLoop(1, 1.25), one.seek(1)")
    heard = played(page, each_seconds=0.6)[:, 1000:]
    round_frames = RATE // 4
    assert np.corrcoef(heard[0, :4000], heard[0, round_frames : round_frames + 4000])[0, 1] > 0.999


def test_one_player_stops_the_other(page: Opened) -> None:
    page.run("one.play()")
    page.until("one.playing")
    page.run("two.play()")
    page.until("two.playing")
    assert page.run("[one.playing, two.playing]") == [False, True]
    page.press(" ")  # keys go to the one that sounds
    page.until("!two.playing")


def test_keys_and_buttons_say_what_they_do(page: Opened) -> None:
    page.press("ArrowRight", "Shift+ArrowLeft")
    assert page.run("one.position") == pytest.approx(4.49, abs=0.02)  # not beyond the end
    page.press("Home", "n")
    assert page.run("one.position") == MARKS[0].start_s
    page.press("[", "n", "]")
    assert page.run("one.loop") == pytest.approx([1.25, 3.0])
    page.press("+", "+")
    assert page.run("one.view.length") == pytest.approx(SECONDS / 4)
    page.press("-")
    assert page.run("one.view.length") == pytest.approx(SECONDS / 2)
    page.press("0", "l", "p")
    assert page.run("[one.view.whole, one.looping]") == [True, False]
    assert page.run("one.position") == MARKS[0].start_s
    page.run("one.seek(3)")
    page.press("2")
    said = page.run("""[...document.querySelectorAll('.rg-player:first-of-type button')].filter(
        one => !one.closest('details')).map(one => one.getAttribute('aria-label')
        || one.textContent.trim()).filter(text => !text)""")
    assert said == []
    checked = page.run("one.voices.map(voice => voice.button.getAttribute('aria-checked'))")
    assert checked == ["false", "true", "false"]
    assert page.run("one.slider.getAttribute('aria-valuetext')") == "0:03.0 of 0:05.0"
    assert page.run("one.canvas.getAttribute('aria-label')").startswith(
        "Waveform and spectrogram of Restored, 0:00.0 to"
    )


@pytest.mark.parametrize("width", [390, 1200])
def test_no_page_is_wider_than_its_window(page: Opened, width: int) -> None:
    page.resize(width)
    page.run("one.choose(2)")
    assert page.run("document.documentElement.scrollWidth") == width
    cut = page.run("""[...document.querySelectorAll('.rg-player *')].filter(one => {
        const box = one.getBoundingClientRect();
        return box.width > 1 && !one.closest('.rg-told, .rg-tip')
            && (box.right > innerWidth || box.left < 0);
    }).map(one => one.className)""")
    assert cut == []


def test_a_click_on_the_waveform_goes_there_and_marks_are_listed(page: Opened) -> None:
    page.run("""(() => { const box = one.stage.getBoundingClientRect();
        for (const kind of ['pointerdown', 'pointerup']) one.stage.dispatchEvent(new PointerEvent(
            kind,
            {clientX: box.left + box.width / 2, clientY: box.top + 60, pointerId: 1})); })()""")
    assert page.run("one.position") == pytest.approx(SECONDS / 2, abs=0.01)
    listed = page.run(
        "[...one.root.querySelectorAll('.rg-findings li')].map(one => one.textContent)"
    )
    assert [text.split(" ", 1)[1] for text in listed] == ["a click", "hum"]


def test_a_drag_chooses_a_loop_and_the_wheel_with_ctrl_zooms(page: Opened) -> None:
    page.run("""(() => { const box = one.stage.getBoundingClientRect();
        for (const [kind, part] of [['pointerdown', 0.2], ['pointermove', 0.5], ['pointerup', 0.5]])
            one.stage.dispatchEvent(new PointerEvent(kind, {pointerId: 1, buttons: 1,
                clientX: box.left + part * box.width, clientY: box.top + 60})); })()""")
    assert page.run("one.loop") == pytest.approx([0.2 * SECONDS, 0.5 * SECONDS], abs=0.02)
    page.run("""(() => { const box = one.stage.getBoundingClientRect();
        one.stage.dispatchEvent(new WheelEvent('wheel', {ctrlKey: true, deltaY: -200,
            clientX: box.left + box.width / 2, clientY: box.top + 60})); })()""")
    assert page.run("one.view.length") == pytest.approx(SECONDS / math.e, abs=0.01)


def test_a_page_is_dark_for_a_reader_who_wants_it_so(browser: Browser, folder: Path) -> None:
    ground = []
    for dark in (False, True):
        opened = browser.open(folder / "page.html", dark=dark)
        ground.append(opened.run("getComputedStyle(document.body).backgroundColor"))
        opened.close()
    light, shade = (sum(map(int, re.findall(r"\d+", one)[:3])) for one in ground)
    assert shade < 200
    assert light > 600


def test_a_browser_is_told_to_refuse_what_lies_elsewhere(browser: Browser, folder: Path) -> None:
    page = browser.open(folder / "page.html")
    page.run("""new Promise(done => {
        document.addEventListener('securitypolicyviolation', event => done(event.blockedURI));
        fetch('http://127.0.0.1:9/').catch(() => {}); }).then(uri => { window.refused = uri; })""")
    assert page.run("window.refused").startswith("http://127.0.0.1:9")
    page.close()


def test_nothing_is_asked_for_beyond_the_folder(page: Opened, folder: Path) -> None:
    asked = [one for one in page.asked if not one.startswith("data:")]
    assert all(one.startswith(folder.as_uri() + "/") for one in asked)
    assert all((folder / "report_files") in Path(one[7:]).parents for one in asked[1:])
    links = page.run("[...document.querySelectorAll('a[href]')].map(one => one.href)")
    assert all(one.startswith(folder.as_uri()) for one in links)


def test_a_copy_that_is_missing_is_told(browser: Browser, tmp_path: Path) -> None:
    sound = Audio(np.full((1, 800), 0.1), 8000)
    (tmp_path / "page.html").write_text(
        parts.document("x", player([Track("a", "a", sound=sound)], folder=tmp_path)), "utf-8"
    )
    (piece,) = (tmp_path / "report_files").rglob("0.js")
    piece.unlink()
    page = browser.open(tmp_path / "page.html")
    page.click(".rg-play")
    page.until("document.querySelector('.rg-how').textContent.includes('is not beside the page')")
    assert page.run("document.querySelector('.rg-play').getAttribute('aria-label')") == "Play"
    page.close()


def test_in_a_page_of_others_keys_work_on_the_player_only(
    browser: Browser, sounds: dict[str, Audio], tmp_path: Path
) -> None:
    """As in a notebook: each output brings the script, and the keys are the notebook's."""
    tracks = [Track("a", "a", sound=sounds["drums"]), Track("b", "b", sound=sounds["vocals"])]
    content = "".join(parts.embedded(player(tracks, folder=None)) for _ in range(2))
    (tmp_path / "page.html").write_text(f"<!doctype html><body>{content}", "utf-8")
    page = browser.open(tmp_path / "page.html")
    page.run("window.both = [...document.querySelectorAll('.rg-player')].map(one => one.player)")
    page.press("2")
    assert page.run("both.map(one => one.chosen)") == [0, 0]
    page.click(":nth-match(.rg-how, 2)")
    page.press("2", " ")
    page.until("both[1].playing")
    assert page.run("both.map(one => one.chosen)") == [0, 1]
    page.click(".rg-player .rg-play")
    page.until("both[0].playing && !both[1].playing")
    assert not page.faults
    page.close()
