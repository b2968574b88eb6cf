"""Clicks that ring on: their tails are subtracted; what starts hard and rings in music stays."""

from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import declick, detect_clicks, resample
from tests import degradations
from tests.depth import sampled
from tests.signals import difference_db, relative_db, si_sdr_db, sine, white_noise

# The decay in ms, the frequencies in Hz, and what tails gain over filling in alone, in dB.
KINDS = [(0.5, (500, 3000), 3), (1.0, (300, 1500), 5), (2.5, (150, 800), 5), (5.0, (150, 500), 5)]


@pytest.mark.parametrize(("decay_ms", "frequency_hz", "gain_db"), KINDS)
@pytest.mark.parametrize("start", [1, 6, 11])
@sampled(2)
def test_pops_in_music_go_with_their_tails(
    decay_ms: float, frequency_hz: tuple[float, float], gain_db: float, start: int, groove: Audio
) -> None:
    clean = groove.with_samples(groove.samples[:1, start * 44_100 : (start + 4) * 44_100])
    record = degradations.with_pops(
        clean, decay_ms=decay_ms, frequency_hz=frequency_hz, per_second=3, seed=start
    )
    repaired = si_sdr_db(declick(record), clean)
    assert repaired > si_sdr_db(record, clean) + 5
    assert repaired > si_sdr_db(declick(record, max_tail_ms=0), clean) + gain_db


@pytest.mark.parametrize("rate", [22_050, 48_000, 96_000])
@sampled(1)
def test_pops_go_at_any_rate(rate: int, speech: Audio) -> None:
    clean = resample(speech.with_samples(speech.samples[:1, : 6 * 16_000]), sample_rate=rate)
    record = degradations.with_pops(clean, level_db=(12, 20))
    repaired = si_sdr_db(declick(record), clean)
    assert repaired > si_sdr_db(declick(record, max_tail_ms=0), clean) + 4


def test_the_sound_beneath_a_tail_stays() -> None:
    """Filled in over 10 ms, noise would be lost: what is left of the pop is far less than it."""
    clean = white_noise(seconds=1, rate=44_100, rms=0.01)
    time = np.arange(2000) / 44_100
    pop = np.zeros_like(clean.samples)
    pop[0, 20_000:22_000] = 0.5 * np.exp(-time / 0.0025) * np.cos(2 * np.pi * 400 * time)
    repaired = declick(clean.with_samples(clean.samples + pop))
    left = np.sum((repaired.samples - clean.samples).astype(np.float64) ** 2)
    assert 10 * np.log10(left / np.sum(pop**2)) < -30
    assert difference_db(repaired, clean) < -50


@pytest.mark.parametrize("apart", [1800, 2000, 2500])
def test_a_pop_soon_after_another_goes_as_well(apart: int) -> None:
    """Its model is made of what lies before it: of what the other left of the sound."""
    clean = white_noise(seconds=1, rate=44_100, rms=0.01)
    time = np.arange(4000) / 44_100
    pops = np.zeros_like(clean.samples)
    for place, amplitude, frequency_hz in ((20_000, 0.5, 400), (20_000 + apart, 0.3, 900)):
        tail = np.exp(-time / 0.003) * np.cos(2 * np.pi * frequency_hz * time)
        pops[0, place : place + len(time)] += amplitude * tail
    repaired = declick(clean.with_samples(clean.samples + pops))
    left = np.sum((repaired.samples - clean.samples).astype(np.float64) ** 2)
    assert 10 * np.log10(left / np.sum(pops**2)) < -30


@pytest.mark.parametrize("decay_ms", [1.0, 3.0, 5.0])
def test_a_tail_that_lasts_longer_than_asked_for_stays(decay_ms: float) -> None:
    clean = (
        sine(440, amplitude=0.3, rate=44_100).samples + white_noise(rate=44_100, rms=1e-3).samples
    )
    time = np.arange(3000) / 44_100
    pop = 0.3 * np.exp(-1000 * time / decay_ms) * np.cos(2 * np.pi * 900 * time)
    record = clean.copy()
    record[0, 20_000:23_000] += pop
    lasts_ms = np.log(100) * decay_ms

    def left_db(max_tail_ms: float) -> float:
        repaired = declick(Audio(record, 44_100), max_tail_ms=max_tail_ms).samples
        # after what is filled in
        return float(np.abs(repaired - clean)[0, 20_100:].max())

    assert left_db(1.3 * lasts_ms) < 0.1 * left_db(0.7 * lasts_ms)


def _plucked(frequency_hz: float, random: np.random.Generator, frames: int) -> np.ndarray:
    """Return a string after K. Karplus and A. Strong: noise in a loop that dulls."""
    line = np.convolve(
        random.uniform(-1, 1, round(44_100 / frequency_hz) + 7), np.ones(8) / 8, "valid"
    )
    samples = np.empty(frames)
    for place in range(frames):
        here = place % len(line)
        samples[place] = line[here]
        line[here] = 0.498 * (line[here] + line[(here + 1) % len(line)])
    return samples


def _struck(frequency_hz: float, random: np.random.Generator, frames: int) -> np.ndarray:
    """Return a bar or a bell: a few partials, each with a decay of its own, struck by noise."""
    time = np.arange(frames) / 44_100
    partials = sum(
        np.exp(-time / random.uniform(0.003, 0.2) * ratio)
        * np.sin(2 * np.pi * ratio * frequency_hz * time)
        for ratio in (1, 2.76, 5.4)
    )
    mallet = np.exp(-time / 0.002) * random.standard_normal(frames)
    return 0.3 * partials + 0.1 * mallet


@pytest.mark.parametrize("make", [_plucked, _struck])
@pytest.mark.parametrize("seed", range(4))
@sampled(1)
def test_what_is_plucked_or_struck_stays(make, seed: int) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    frames = 6000
    notes = [make(random.uniform(200, 1200), random, frames) for _ in range(20)]
    sound = np.concatenate(notes) + 1e-4 * random.standard_normal(20 * frames)
    clean = Audio(0.5 * sound / np.abs(sound).max(), 44_100)
    assert relative_db(declick(clean), declick(clean, max_tail_ms=0)) < -60


def test_drums_are_no_pops(music: Audio) -> None:
    assert declick(music) == declick(music, max_tail_ms=0)


def test_a_voice_has_no_pops(speech: Audio) -> None:
    assert declick(speech) == speech


def test_a_pop_is_told_with_its_tail() -> None:
    clean = white_noise(seconds=1, rate=44_100, rms=0.003)
    time = np.arange(2000) / 44_100
    record = clean.samples.copy()
    record[0, 20_000:22_000] += 0.5 * np.exp(-time / 0.002) * np.cos(2 * np.pi * 500 * time)
    report = detect_clicks(clean.with_samples(record))
    (pop,) = report.loudest
    assert pop.time_seconds == pytest.approx(20_000 / 44_100, abs=1e-4)
    assert pop.length_ms == pytest.approx(13.8, rel=0.2)  # 60 dB down
    assert pop.level_dbfs == pytest.approx(-6, abs=0.5)
