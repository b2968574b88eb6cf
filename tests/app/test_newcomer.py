"""The page in a browser: a newcomer's way, stopping, coming back, faults."""

from __future__ import annotations

import os
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
from tests.browser import Browser, Opened
from tests.processes import COMMAND, PATIENCE_SECONDS
from tests.tools import needs

pytestmark = [needs("chromium"), needs("streamlit"), pytest.mark.torch]

MODEL = "input[aria-label=model]"
RUN = "button:text-is('Run'), [data-testid=stButton] button:has-text('Run')"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``resonate app``, with a store and a cache of its own."""
    place = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (place / "log.txt").open("wb")
    process = subprocess.Popen(
        [*COMMAND, "app", "--no-browser", "--port", str(port), "--store", place / "store",
         "--root", place],
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
    """Four seconds of the song of the demo, damaged as there."""
    damaged = bundled_song().damaged
    part = damaged.samples[:, 5 * 44_100 : 9 * 44_100]
    return Audio(np.ascontiguousarray(part), 44_100).save(
        tmp_path_factory.mktemp("song") / "my song.wav"
    )


def _text(page: Opened) -> str:
    return str(page.run("document.querySelector('.stMain').innerText"))


def _repaired(page: Opened, song: Path) -> None:
    page.see(MODEL)
    page.bring("input[type=file]", song)
    page.see("text=my song.wav")
    page.fill(MODEL, "mini")
    page.see("text=steps would run")
    page.click(RUN)


def test_a_newcomer_repairs_a_song_and_takes_it_home(
    server: str, browser: Browser, song: Path, tmp_path: Path
) -> None:
    page = browser.open(server)
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

    before = page.run("document.querySelector('.rg-plots').dataset.fetched")
    page.run(
        "Plotly.relayout(document.querySelector('.js-plotly-plot'), {'xaxis.range': [1, 1.2]})"
    )
    page.until(f"document.querySelector('.rg-plots').dataset.fetched > {before}")
    apart = "document.querySelector('.js-plotly-plot').data[0].x"
    assert page.run(f"{apart}[1] - {apart}[0]") < 0.001  # what showed all of it had 6 ms

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
    page.close()
