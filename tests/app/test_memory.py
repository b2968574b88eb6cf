"""What the server holds: no sound, however many runs it has."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio, Graph
from resonate_nodes import gain
from tests.app.serving import page_server
from tests.browser import Browser, Opened
from tests.processes import PATIENCE_SECONDS
from tests.tools import needs

pytestmark = [needs("chromium"), needs("streamlit")]

RUNS, MINUTES, RATE = 10, 5, 44_100
MOST_BYTES = 600e6
#: Each run has three such sounds, as samples.
SOUND_BYTES = MINUTES * 60 * RATE * 2 * 4


def test_the_server_does_not_grow_with_the_eleventh_run(
    browser: Browser, tmp_path: Path, torture: bool
) -> None:
    if not torture:
        pytest.skip("it makes eleven runs of five minutes: only with --torture")
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 60 * RATE))
    take = Audio(np.tile(noise, MINUTES), RATE).save(tmp_path / "take.wav")
    graph = Graph("level")
    level = graph.param("level_db", float, default=-6.0, minimum=-24, maximum=0)
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=level))
    path = graph.save(tmp_path / "level.json")
    with page_server(tmp_path, path, "-i", f"mix={take}") as server:
        page = browser.open(server.address)
        held = []
        for number in range(1, RUNS + 2):
            page.see("text=1 of 1 steps would run")
            page.click(".st-key-run button")
            shown = shown_run(page, number)
            for start in (10, 100, 200):
                zoomed(page, shown, start)
            server.rest()
            held.append(server.process.memory_full_info().uss)
            page.focus("input[type=range][aria-label='level, dB']")
            page.press("ArrowRight")
        page.close()
    assert max(held) < MOST_BYTES
    assert held[-1] - held[0] < SOUND_BYTES, held
    assert held[-1] < 1.1 * max(held[:-1]), held  # it goes up and down as garbage is looked for


def shown_run(page: Opened, number: int) -> str:
    """Wait until the plots of the latest of several runs are drawn; return what finds them."""
    name = "new URL(location).searchParams.get('run')"
    shown = f"document.querySelector(`.st-key-plots-${{{name}}} .rg-plots[data-fetched]`)"
    listed = "document.querySelectorAll('[class*=st-key-job-]').length"
    end = time.monotonic() + 5 * PATIENCE_SECONDS
    while not page.run(f"{listed} === {number} && !!{shown}"):
        assert time.monotonic() < end
        time.sleep(0.2)
    return shown


def zoomed(page: Opened, shown: str, start: float) -> None:
    """Zoom to twenty seconds, and wait until they are drawn."""
    before = int(page.run(f"{shown}.dataset.fetched"))
    page.run(
        f"Plotly.relayout({shown}.querySelector('.js-plotly-plot'),"
        f" {{'xaxis.range': [{start}, {start + 20}]}}); 0"
    )
    page.until(f"{shown}.dataset.fetched > {before}")
