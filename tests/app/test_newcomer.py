"""The page in a browser: a newcomer's way, stopping, coming back, faults."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio, load, read_audio
from resonate_graph._cli.demo_song import bundled_song
from tests.app.deadly import DEADLY
from tests.browser import Browser, Opened
from tests.depth import thorough
from tests.engine.commands import OWN_NODES
from tests.processes import COMMAND, PATIENCE_SECONDS, Signals
from tests.tools import needs

pytestmark = [needs("chromium"), needs("streamlit"), pytest.mark.torch]

MODEL = "input[aria-label=model]"
RUN = ".st-key-run button"


#: Each step of these waits for the page to be drawn anew, which a busy machine does slowly.
SLOWLY = "it waits for the page at every step: only with --torture"


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Signals:
    """Lets a test wait for the node of ``waiting.json``."""
    return Signals(tmp_path_factory.mktemp("signals") / "signals")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, signals: Signals, take: Path) -> Iterator[str]:
    """The address of ``resonate app``, with a store and a cache of its own."""
    place = tmp_path_factory.mktemp("server")
    nodes = place / "deadly_nodes.py"
    nodes.write_text(DEADLY)
    for name, node, params in (
        ("waiting", "slow", {"folder": str(signals.folder)}), ("deadly", "deadly", {}),
        ("quieter", "gain", {"gain_db": {"$param": "level_db"}}),
    ):  # fmt: skip
        level = {"type": "number", "default": -6, "minimum": -60, "maximum": 0}
        graph = {
            "format": 1, "name": name, "inputs": {"mix": {"type": "audio"}},
            "params": {"level_db": level} if name == "quieter" else {},
            "nodes": {"only": {"type": node, "inputs": {"audio": "$mix"}, "params": params}},
            "outputs": {"out": "only"},
        }  # fmt: skip
        (place / f"{name}.json").write_text(json.dumps(graph))
    shutil.copy(take, place / "take.wav")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (place / "log.txt").open("wb")
    process = subprocess.Popen(
        [*COMMAND, "app", "--no-browser", "--port", str(port), "--store", place / "store",
         "--root", place, "--nodes", OWN_NODES, "--nodes", nodes],
        env={**os.environ, "XDG_CACHE_HOME": str(place / "cache")}, stdout=log, stderr=log,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + PATIENCE_SECONDS
    while not _answers(address):
        assert process.poll() is None, (place / "log.txt").read_text()
        assert time.monotonic() < end
    yield address
    process.terminate()
    process.wait(PATIENCE_SECONDS)
    work = place / "cache" / "resonate_graph" / "app"
    assert list(work.iterdir()) == []  # a server that ends leaves no run and no upload
    log.close()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        time.sleep(0.05)
        return False


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the song of the demo, damaged as there."""
    damaged = bundled_song().damaged
    part = damaged.samples[:, 5 * 44_100 : 7 * 44_100]
    return Audio(np.ascontiguousarray(part), 44_100).save(
        tmp_path_factory.mktemp("song") / "my song.wav"
    )


@pytest.fixture(scope="module")
def tab(server: str, browser: Browser) -> Iterator[Opened]:
    """The page, opened once: to load it is most of what these tests cost."""
    page = browser.open(server)
    page.see(MODEL)
    yield page
    page.close()


def _choose(page: Opened, graph: str) -> None:
    """Choose a graph of the folder, and no recording yet."""
    page.run("document.querySelector('[class*=st-key-change-] button')?.click()")
    page.until("document.querySelector('input[type=file]')")  # which is never seen itself
    option = f"[role=option]:has-text('{graph}.json')"
    for _ in range(5):  # the list closes where the page is drawn anew meanwhile
        page.click(".st-key-graph button")
        if page.sees(option, seconds=5):
            break
    page.click(option)
    page.until("!document.querySelector('input[aria-label=model]')")


def _text(page: Opened) -> str:
    return str(page.run("document.querySelector('.stMain').innerText"))


def _bring(page: Opened, path: Path, shown: str) -> None:
    """Bring a recording; once more where the page was drawn anew meanwhile, which takes it away."""
    for _ in range(2):
        page.bring("input[type=file]", path)
        if page.sees(shown, seconds=25):
            return
    page.bring("input[type=file]", path)
    page.see(shown)


def _repaired(page: Opened, song: Path) -> None:
    _bring(page, song, "text=my song.wav")
    page.fill(MODEL, "mini")
    page.see("text=steps would run")
    page.click(RUN)


@thorough
def test_a_newcomer_repairs_a_song_and_takes_it_home(
    server: str, tab: Opened, song: Path, tmp_path: Path
) -> None:
    page = tab
    _repaired(page, song)
    page.see(".rg-player.rg-ready")
    page.see(".rg-plots[data-fetched]")
    page.run("window.one = document.querySelector('.rg-player').player")
    labels = page.run("one.voices.map(voice => voice.label)")
    assert labels == ["As it was", "restored", "taken out of restored", "Stems"]
    page.run("one.play()")
    page.until("one.position > 0.3")
    page.run("one.choose(1)")
    page.until("one.position > 1")
    page.run("one.pause()")
    assert np.abs(page.heard()).max() > 0.05
    page.until("Math.abs(document.querySelector('.rg-plots').dataset.head - one.position) < 0.01")

    told = page.run("""(() => {
        const plot = document.querySelector('.js-plotly-plot'), box = plot.getBoundingClientRect();
        return [...Array(40).keys()].map(part => {
            plot.dispatchEvent(new MouseEvent('mousemove', {clientX: box.left + box.width / 2,
                clientY: box.top + (part + 0.5) / 40 * box.height}));
            return document.querySelector('.rg-plot-tip').textContent;
        });
    })()""")
    assert any(re.fullmatch(r"0:0\d\.\d+ · .* LUFS( · .*)?", one) for one in told), told
    assert any(re.fullmatch(r"0:0\d\.\d+ · [\d,]+ Hz · .* dBFS", one) for one in told), told
    page.run("""(() => { const plot = document.querySelector('.js-plotly-plot'),
        box = plot.getBoundingClientRect(); plot.dispatchEvent(new MouseEvent('click',
            {clientX: box.left + box.width / 2, clientY: box.top + 20, bubbles: true})); })()""")
    assert 0.5 < page.run("one.position") < 1.4  # of two seconds

    before = page.run("document.querySelector('.rg-plots').dataset.fetched")
    page.run(
        "Plotly.relayout(document.querySelector('.js-plotly-plot'), {'xaxis.range': [1, 1.2]})"
    )
    page.until(f"document.querySelector('.rg-plots').dataset.fetched > {before}")
    step = page.run("document.querySelector('.rg-plots').dataset.step")
    assert float(step) < 0.001  # in seconds; what showed all of it had 6 ms

    page.focus("input[type=range][aria-label='vocals, dB']")
    page.press(*["ArrowRight"] * 6)
    page.see("text=3 of 16 steps would run: vocals, sum, master")
    page.click(RUN)
    page.see("text=3.0 dB")
    page.until("document.querySelectorAll('[class*=st-key-job-]').length === 2")
    page.see(".rg-plots[data-fetched]")
    sound = page.download("a:text-is('restored')", tmp_path)
    graph = page.download("button:has-text('The graph with these settings')", tmp_path)
    assert (sound.name, graph.name) == ("my song.restored.wav", "song-repair.json")
    again = load(graph).run({"mix": song}, outputs=["restored"], store=False)["restored"]
    assert isinstance(again, Audio)
    assert read_audio(sound).digest == again.digest
    assert page.faults == []
    own = [one for one in page.asked if not one.startswith((server, "data:", "blob:"))]
    assert own == []  # nothing from elsewhere


def test_a_run_is_found_again_and_stopped_and_another_tab_waits(
    tab: Opened, browser: Browser, song: Path, signals: Signals, torture: bool
) -> None:
    if not torture:
        pytest.skip(SLOWLY)
    page = tab
    _choose(page, "waiting")
    _bring(page, song, "text=1 of 1 steps would run")
    page.click(RUN)
    signals.wait_until_started()
    other = browser.open(page.address)  # as if the tab had been closed, and opened again
    other.see("text=my song.wav")
    other.see("button:has-text('Cancel')")
    other.reload()  # in the middle of a run
    other.see("text=my song.wav")
    other.see("button:has-text('Cancel')")
    other.click(RUN)
    other.see("text=1 run before this one. One runs at a time.")
    page.click("button:has-text('Cancel')")
    page.see("text=It was stopped.")
    signals.wait_until_started()
    other.see("text=Runs, for")
    other.click("button:has-text('Cancel')")
    other.see("text=It was stopped.")
    assert page.faults == other.faults == []
    other.close()


def test_what_is_wrong_is_said_and_the_page_stays(
    tab: Opened, song: Path, tmp_path: Path, torture: bool
) -> None:
    if not torture:
        pytest.skip(SLOWLY)
    page = tab
    _choose(page, "deadly")
    damaged = tmp_path / "damaged.flac"
    damaged.write_bytes(b"fLaC" + bytes(200))
    _bring(page, damaged, "[role=alert]:has-text('damaged.flac')")
    said = page.run("document.querySelector('.stMain [role=alert]').innerText")
    assert "recording.flac" not in said
    assert "uploads" not in said
    page.click("[class*=st-key-change-] button")
    _bring(page, song, "text=1 of 1 steps would run")
    page.click(RUN)
    page.see("text=The process of this run died; the page did not.")
    assert "SIGKILL" in _text(page)
    assert page.faults == []


def test_all_of_it_by_keyboard_on_a_narrow_dark_page(
    server: str, browser: Browser, torture: bool
) -> None:
    if not torture:
        pytest.skip(SLOWLY)
    page = browser.open(server, 390, dark=True)
    page.see(MODEL)
    page.tab_to(".st-key-graph")
    page.press("Enter")
    page.type("quieter")
    page.see("[role=option]:has-text('quieter.json')")
    page.press("Enter")
    page.until("!document.querySelector('input[aria-label=model]')")
    page.tab_to(".st-key-way-mix")
    page.press("ArrowRight", "ArrowRight", "Space")
    page.see(".st-key-pick-mix--0")
    page.tab_to(".st-key-pick-mix--0")
    page.press("Enter")
    page.type("take")
    page.see("[role=option]:has-text('take.wav')")
    page.press("Enter")
    page.see("text=1 of 1 steps would run: only")
    page.tab_to("[aria-label='level, dB']")
    page.press("ArrowRight")
    page.tab_to(".st-key-run")
    page.press("Enter")
    page.see(".rg-player.rg-ready")
    page.see(".rg-plots[data-fetched]")
    page.run("window.one = document.querySelector('.rg-player').player")
    page.tab_to(".rg-play")
    page.press("Space")
    page.until("one.playing")
    page.press("2")
    assert page.run("one.voice.label") == "out"
    page.tab_to(".rg-downloads a")
    page.tab_to("[class*=st-key-graph-] button")
    assert page.run("document.documentElement.scrollWidth") == 390
    ground = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    assert max(map(int, re.findall(r"\d+", page.run(ground))[:3])) < 64
    assert page.faults == []
    page.close()


def test_a_microphone_is_recorded(tab: Opened, tmp_path: Path, torture: bool) -> None:
    if not torture:
        pytest.skip(SLOWLY)
    page = tab
    _choose(page, "quieter")
    page.click("button:has-text('Record')")
    page.click("[data-testid=stAudioInput] button[aria-label=Record]")
    page.until("document.querySelector('[aria-label=\"Stop recording\"]')")
    page.run("new Promise(done => setTimeout(done, 1500))")
    page.click("[aria-label='Stop recording']")
    page.see("text=recorded.wav")
    page.see("text=1 of 1 steps would run: only")
    page.click(RUN)
    page.see(".rg-plots[data-fetched]")
    recorded = read_audio(page.download("a:text-is('what was recorded')", tmp_path))
    assert recorded.duration_seconds > 1
    assert np.abs(recorded.samples).max() > 0.01
    assert page.faults == []


@thorough
def test_another_name_of_this_machine_and_other_files_are_refused(server: str) -> None:
    def answer(path: str, host: str) -> int:
        request = urllib.request.Request(f"{server}{path}", headers={"Host": host})
        try:
            with urllib.request.urlopen(request) as found:
                return int(found.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    own = server.removeprefix("http://")
    assert answer("/", own) == 200
    assert answer("/", "evil.example") == 400
    assert answer("/resonate/plotly.min.js", own) == 200
    assert answer(f"/resonate/runs/{'0' * 16}/out/{'a' * 300}", own) == 404
    for path in ("0" * 16, "..", "%2e%2e"):
        assert answer(f"/resonate/runs/{path}/out/report.html", own) in (400, 404)
