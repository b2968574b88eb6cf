"""The limiter: its ceiling, what it leaves alone, how it lets go."""

from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, Graph
from resonate_nodes import limit, measure_loudness
from tests.depth import thorough
from tests.signals import (
    Array,
    decibels,
    joined,
    oversampled_peak_db,
    sine,
    white_noise,
)

RATE = 48_000


def square(frequency_hz: float, *, rate: int = RATE) -> Audio:
    time = np.arange(2 * rate) / rate
    return Audio(0.9 * np.sign(np.sin(2 * np.pi * frequency_hz * time + 0.1)), rate)


def clicks(*, every_ms: int, amplitude: float = 0.99) -> Audio:
    """Return quiet noise for three seconds, with a click now and then."""
    audio = white_noise(seconds=3, rms=0.02, channels=1)
    samples = audio.samples.copy()
    samples[:, 4000 :: RATE * every_ms // 1000] = amplitude
    return audio.with_samples(samples)


def test_what_is_far_from_peaks_is_not_touched_and_how_much_was_is_noted() -> None:
    audio = clicks(every_ms=1000)
    graph = Graph("limited")
    graph.output("out", graph.add(limit)(graph.input("take", Audio), ceiling_dbtp=-6.0))
    result = graph.run({"take": audio}, store=False)
    heard = result["out"]
    assert isinstance(heard, Audio)
    touched = heard.samples[0] != audio.samples[0]
    (did,) = (one["did"] for one in result.report["nodes"])
    assert did["time_turned_down_percent"] == pytest.approx(100 * touched.mean(), abs=1)
    for peak in range(4000, audio.frames, RATE):
        touched[max(peak - RATE * 6 // 1000, 0) : peak + RATE * 220 // 1000] = False
    assert not touched.any()
    quiet = audio.with_samples(audio.samples / 4)
    assert limit(quiet, ceiling_dbtp=-6.0) == quiet


def gain_curve_db(heard: Audio, audio: Audio) -> Array:
    """Return the gain in dB, sample by sample, where the sound is loud enough to tell."""
    loud = np.abs(audio.samples[0]) > 0.005
    curve: Array = 20 * np.log10(heard.samples[0, loud] / audio.samples[0, loud].astype(float))
    return np.interp(np.arange(audio.frames), np.flatnonzero(loud), curve)


DENSE = {
    "noise": white_noise(seconds=2, rms=0.3, channels=2),
    "noise at 96 kHz": white_noise(rate=96_000, rms=0.3, channels=2),
    "noise in 6 channels": white_noise(rms=0.3, channels=6),
    "noise at 8 kHz": white_noise(seconds=2, rate=8000, rms=0.3),
    "square": square(331),
    "square at 44.1 kHz": square(1001.3, rate=44_100),
    "square at 96 kHz": square(331, rate=96_000),
    "a quarter of the rate": sine(RATE / 4, phase_degrees=45, amplitude=1.4),
    "clicks": clicks(every_ms=200),
}


@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -12.0])
@pytest.mark.parametrize("name", DENSE)
def test_the_limiter_holds_its_ceiling(name: str, ceiling_dbtp: float) -> None:
    heard = limit(DENSE[name], ceiling_dbtp=ceiling_dbtp)
    assert heard.samples.shape == DENSE[name].samples.shape
    assert oversampled_peak_db(heard) <= ceiling_dbtp + 0.05


@pytest.mark.parametrize("release_ms", [1.0, 50.0, 1000.0])
@pytest.mark.parametrize("look_ahead_ms", [1.0, 5.0, 50.0])
def test_the_limiter_holds_its_ceiling_on_music(
    music: Audio, release_ms: float, look_ahead_ms: float
) -> None:
    heard = limit(music, ceiling_dbtp=-9.0, release_ms=release_ms, look_ahead_ms=look_ahead_ms)
    assert oversampled_peak_db(heard) == pytest.approx(-9, abs=0.05)


def test_what_is_below_the_ceiling_passes_bit_by_bit(groove: Audio) -> None:
    assert limit(groove, ceiling_dbtp=-3.0) == groove
    assert limit(clicks(every_ms=200, amplitude=0.1), ceiling_dbtp=-18.0) == clicks(
        every_ms=200, amplitude=0.1
    )


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
@pytest.mark.parametrize("look_ahead_ms", [1.0, 5.0, 20.0])
def test_the_limiter_needs_no_more_than_its_look_ahead(rate: int, look_ahead_ms: float) -> None:
    audio = white_noise(seconds=0.3, rate=rate, rms=0.01)
    for at in range(rate // 10, rate // 10 + 8):  # wherever in a hop it lies
        samples = audio.samples.copy()
        samples[0, at] = 1.0
        heard = limit(audio.with_samples(samples), ceiling_dbtp=-6.0, look_ahead_ms=look_ahead_ms)
        touched = np.flatnonzero(heard.samples[0] != samples[0])
        assert at - touched[0] <= look_ahead_ms * rate / 1000
        assert at - touched[0] > 0.2 * look_ahead_ms * rate / 1000
        assert int(np.argmax(np.abs(heard.samples[0]))) == at  # nothing is delayed


def test_a_click_is_let_go_at_the_release_and_the_next_one_finds_no_hole() -> None:
    audio = clicks(every_ms=200)
    curve = gain_curve_db(limit(audio, ceiling_dbtp=-12.0, release_ms=50.0), audio)
    first = 4000 + RATE // 100
    reduction = -curve[first : first + 17 * RATE // 100 : RATE // 100]
    closed_form = reduction[0] * np.exp(-np.arange(len(reduction)) / 5)
    np.testing.assert_allclose(reduction, closed_form, atol=0.15)
    assert curve[4000 + RATE * 190 // 1000] > -0.25


def test_long_reduction_is_let_go_ten_times_as_slowly() -> None:
    loud, quiet = white_noise(rms=0.3), white_noise(seconds=3, rms=0.01, seed=1)
    audio = joined(loud, quiet)
    curve = gain_curve_db(limit(audio, ceiling_dbtp=-12.0, release_ms=50.0), audio)
    half, one = -curve[RATE + RATE // 2], -curve[2 * RATE]
    assert half > 1
    assert one / half == pytest.approx(np.exp(-1), rel=0.1)
    assert curve[-RATE // 10] > -0.02


@pytest.mark.parametrize("frequency_hz", [30.0, 100.0, 997.0])
def test_the_gain_of_a_steady_tone_is_steady(frequency_hz: float) -> None:
    tone = sine(frequency_hz, seconds=2)
    heard = limit(tone, ceiling_dbtp=-6.0)
    later = slice(RATE // 2, 2 * RATE - RATE // 10)
    wave, reference = heard.samples[0, later].astype(float), tone.samples[0, later].astype(float)
    rest = wave - (wave @ reference) / (reference @ reference) * reference
    assert decibels(np.sqrt(np.mean(rest**2) / np.mean(wave**2))) < -60


@thorough
def test_a_shorter_release_makes_a_sound_louder(groove: Audio) -> None:
    loudness = [
        measure_loudness(limit(groove, ceiling_dbtp=-12.0, release_ms=one)).integrated_lufs
        for one in (5.0, 50.0, 500.0)
    ]
    assert loudness == sorted(loudness, reverse=True)  # type: ignore[type-var]


def test_the_limiter_gives_all_channels_one_gain() -> None:
    left = clicks(every_ms=200).samples[0].astype(np.float64)
    audio = Audio(np.stack([left, 0.25 * left, -0.5 * left]), RATE)
    heard = limit(audio, ceiling_dbtp=-12.0)
    loud = np.abs(left) > 0.005
    curve = heard.samples[:, loud] / audio.samples[:, loud]
    np.testing.assert_allclose(curve, np.tile(curve[0], (3, 1)), rtol=1e-5)
    assert curve.min() < 0.3


@pytest.mark.parametrize("rate", [1, 7, 100])
def test_a_rate_of_a_few_hertz_is_no_hindrance(rate: int) -> None:
    loud = white_noise(seconds=200 / rate, rate=rate, rms=0.5)
    heard = limit(loud, ceiling_dbtp=-6.0)
    assert np.abs(heard.samples).max() <= 10 ** (-6 / 20)
