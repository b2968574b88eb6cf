"""The stock graph ``inspect`` finds what was done to a recording, and says so to people."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio, File, Result
from tests import degradations
from tests.depth import thorough
from tests.signals import decibels

CLICKS_PER_SECOND = 3.0
HUM_DB = -18.0
HISS_SNR_DB = 25.0


def inspected(recording: Audio, **params: Any) -> tuple[dict[str, Any], str, Result]:
    result = rg.stock("inspect").run({"recording": recording}, params=params, store=False)
    figures, page = result["figures"], result["report"]
    assert isinstance(figures, File)
    assert isinstance(page, File)
    assert (figures.suffix, page.suffix) == (".json", ".html")
    return json.loads(figures.content), page.content.decode(), result


def spaced(audio: Audio) -> Audio:
    """Return a recording with pauses, in which a noise floor can be heard."""
    gate = np.arange(audio.frames) % (2 * audio.sample_rate) < 1.5 * audio.sample_rate
    return audio.with_samples(audio.samples * gate)


def test_it_finds_what_was_put_in(groove: Audio) -> None:
    quiet = groove.with_samples(0.5 * spaced(groove).samples)
    hummed = degradations.with_hum(quiet, base_hz=50.2, level_db=HUM_DB)
    tape = degradations.with_hiss(hummed, snr_db=HISS_SNR_DB)
    clicked = degradations.with_clicks(tape, per_second=CLICKS_PER_SECOND)
    level = 0.25
    recording = clicked.with_samples(np.clip(clicked.samples, -level, level))
    figures, page, _ = inspected(recording, title="Side <A>")

    assert figures["hum"]["found"]
    assert figures["hum"]["base_hz"] == pytest.approx(50.2, abs=0.05)
    expected = decibels(degradations.rms(quiet)) + HUM_DB
    for channel in figures["hum"]["channels"]:
        assert channel["level_dbfs"] == pytest.approx(expected, abs=2)

    # white noise from 4 to 11 kHz alone: below, hum and reverberation are part of the floor
    octaves = {one["centre_hz"]: one["noise_dbfs"] for one in figures["noise"]["octaves"]}
    hiss = decibels(degradations.rms(hummed)) - HISS_SNR_DB
    for centre in (4000.0, 8000.0):
        share = 10 * np.log10(centre / np.sqrt(2) / 22_050)
        assert octaves[centre] == pytest.approx(hiss + share, abs=1.5)

    for channel in figures["clipping"]["channels"]:
        assert channel["upper_dbfs"] == pytest.approx(decibels(level), abs=0.01)
        assert channel["clips"] > 0

    per_minute = 60 * CLICKS_PER_SECOND
    for channel in figures["clicks"]["channels"]:
        assert 0.5 * per_minute < channel["clicks_per_minute"] < 1.3 * per_minute

    assert figures["loudness"]["sample_peak_dbfs"] == pytest.approx(decibels(level), abs=0.01)
    assert figures["description"]["duration_seconds"] == groove.duration_seconds

    assert "<h1>Side &lt;A&gt;</h1>" in page
    assert page.count("<img ") == 3
    for heading in ("Description", "Loudness", "Clipping", "Clicks", "Hum", "Noise"):
        assert f"<h2>{heading}</h2>" in page
    assert f"{figures['hum']['base_hz']:.1f}" in page


@thorough
def test_it_finds_nothing_in_a_clean_recording(groove: Audio) -> None:
    figures, _, result = inspected(groove)
    assert not figures["hum"]["found"]
    assert figures["clipping"]["clips"] == 0
    assert figures["clicks"]["clicks_per_minute"] < 20
    assert result.report["warnings"] == []


@thorough
@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
@pytest.mark.parametrize("channels", [1, 6])
def test_it_takes_what_is_short_and_in_any_number_of_channels(
    channels: int, excerpt: Audio
) -> None:
    short = np.tile(excerpt.samples[:1, :1000], (channels, 1))
    figures, page, _ = inspected(excerpt.with_samples(short))
    assert figures["description"]["channels"] == channels
    assert figures["hum"]["found"] is False
    assert "</html>" in page
