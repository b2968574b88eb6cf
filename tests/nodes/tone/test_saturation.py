from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import gain, saturate
from tests.signals import Array, decibels, difference_db, impulse, peak, sine

RATE = 44_100
FRAMES = 1 << 15


def spectrum_db(audio: Audio) -> Array:
    """Return the level of each frequency of 2^15 samples from the middle, in dBFS of a sine."""
    window = np.blackman(FRAMES)
    start = (audio.frames - FRAMES) // 2
    spectrum = np.fft.rfft(audio.samples[0, start : start + FRAMES] * window)
    levels: Array = 20 * np.log10(np.abs(spectrum) * 2 / window.sum() + 1e-12)
    return levels


@pytest.mark.parametrize("drive", [0.5, 1.0, 4.0, 10.0])
def test_the_curve(drive: float) -> None:
    """A tone so low that each sample is bent as it stands."""
    tone = sine(20, rate=RATE, seconds=2.0)
    expected = np.tanh(drive * tone.samples.astype(np.float64)) / drive
    heard = saturate(tone, drive=drive)
    inside = slice(4000, -4000)
    np.testing.assert_allclose(heard.samples[0, inside], expected[0, inside], rtol=0, atol=1e-4)


@pytest.mark.parametrize("drive", [1.0, 10.0])
@pytest.mark.parametrize(
    ("frequency_hz", "limit_db"),
    [(100.0, -100), (1000.0, -100), (5000.0, -100), (9000.0, -100), (15_000.0, -90)],
)
def test_no_aliases(frequency_hz: float, limit_db: float, drive: float) -> None:
    """What is there besides the harmonics of a tone at full scale."""
    bin_number = round(frequency_hz * FRAMES / RATE)
    tone = sine(bin_number * RATE / FRAMES, rate=RATE, seconds=2.0)
    levels = spectrum_db(saturate(tone, drive=drive))
    for harmonic in range(1, 1 + len(levels) // bin_number):
        near = harmonic * bin_number
        levels[max(0, near - 5) : near + 6] = -np.inf
    assert levels.max() < limit_db


def test_without_oversampling_there_would_be_some() -> None:
    bin_number = round(5000 * FRAMES / RATE)
    tone = sine(bin_number * RATE / FRAMES, rate=RATE, seconds=2.0)
    levels = spectrum_db(tone.with_samples(np.tanh(10 * tone.samples) / 10))
    for harmonic in range(1, 1 + len(levels) // bin_number):
        near = harmonic * bin_number
        levels[max(0, near - 5) : near + 6] = -np.inf
    assert levels.max() > -60


def test_harmonics_are_odd_and_as_strong_as_the_curve_makes_them() -> None:
    """The third harmonic of tanh by Fourier's integral."""
    bin_number = round(1000 * FRAMES / RATE)
    tone = sine(bin_number * RATE / FRAMES, rate=RATE, seconds=2.0)
    levels = spectrum_db(saturate(tone, drive=2.0))
    turns = 2 * np.pi * (np.arange(4096) + 0.5) / 4096
    for harmonic in (1, 3, 5, 7):
        part = 2 * np.mean(np.tanh(2 * np.sin(turns)) / 2 * np.sin(harmonic * turns))
        assert levels[harmonic * bin_number] == pytest.approx(decibels(abs(part)), abs=0.01)
    assert levels[2 * bin_number] < -100


def test_soft_sounds_stay_and_loud_ones_lose_their_peaks(excerpt: Audio) -> None:
    soft = gain(excerpt, gain_db=-60.0)
    assert difference_db(saturate(soft), soft) < -120
    loud = saturate(excerpt, drive=4.0)
    assert peak(loud) < 0.26
    assert saturate(excerpt, drive=0.0) == excerpt


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_nothing_is_delayed(rate: int) -> None:
    """What comes of a click is the same forwards and backwards, around the click."""
    at = rate // 2
    heard = saturate(impulse(frames=rate, at=at, rate=rate), drive=2.0).samples[0]
    assert int(np.abs(heard).argmax()) == at
    np.testing.assert_allclose(heard[at - 1000 : at], heard[at + 1 : at + 1001][::-1], atol=1e-5)


def test_where_stretches_meet_nothing_is_heard() -> None:
    """The sound moved by some samples is bent alike."""
    random = np.random.default_rng(0)
    noise = Audio(0.3 * random.standard_normal((1, 60_000)), RATE)
    moved = noise.with_samples(noise.samples[:, 5000:])
    whole, part = saturate(noise, drive=3.0), saturate(moved, drive=3.0)
    inside = slice(4000, 50_000)
    error = np.abs(whole.samples[0, 5000:][inside] - part.samples[0, inside]).max()
    assert decibels(float(error)) < -80
