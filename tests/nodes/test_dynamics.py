"""Static curves against the closed forms; time constants against JUCE's own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonate_graph import Audio
from resonate_nodes import compress, gain, gate, limit, measure_loudness
from tests.signals import (
    Array,
    decibels,
    difference_db,
    impulse,
    joined,
    oversampled_peak_db,
    peak,
    sine,
    white_noise,
)

RATE = 48_000


def steady(level_db: float, *, frames: int = RATE, channels: int = 1) -> Audio:
    """Return DC: the one signal whose level is the same at every sample."""
    return Audio(np.full((channels, frames), 10 ** (level_db / 20)), RATE)


def last_level_db(audio: Audio) -> float:
    return decibels(abs(float(audio.samples[0, -1])))


@settings(max_examples=40, deadline=None)
@given(
    level_db=st.floats(-60, 12),
    threshold_db=st.floats(-60, 0),
    ratio=st.floats(1, 100),
    makeup_db=st.floats(-24, 24),
)
def test_the_compressors_static_curve(
    level_db: float, threshold_db: float, ratio: float, makeup_db: float
) -> None:
    heard = compress(
        steady(level_db),
        threshold_db=threshold_db,
        ratio=ratio,
        attack_ms=1.0,
        release_ms=10.0,
        makeup_db=makeup_db,
    )
    over = max(0.0, level_db - threshold_db)
    expected = level_db - over + over / ratio + makeup_db
    assert last_level_db(heard) == pytest.approx(expected, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(level_db=st.floats(-70, 0), threshold_db=st.floats(-60, 0), ratio=st.floats(1, 3))
def test_the_gates_static_curve(level_db: float, threshold_db: float, ratio: float) -> None:
    heard = gate(
        steady(level_db), threshold_db=threshold_db, ratio=ratio, attack_ms=1.0, release_ms=10.0
    )
    under = max(0.0, threshold_db - level_db)
    expected = level_db - (ratio - 1) * under
    assert last_level_db(heard) == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("level_db", [-40.0, -18.0, -12.0, -3.0])
def test_a_long_sine_is_compressed_by_its_peak(level_db: float) -> None:
    tone = sine(997, seconds=2.0, amplitude=10 ** (level_db / 20))
    heard = compress(tone, threshold_db=-18.0, ratio=4.0, attack_ms=0.01, release_ms=5000.0)
    settled = heard.with_samples(heard.samples[:, RATE:])
    expected = level_db if level_db <= -18 else -18 + (level_db + 18) / 4
    assert decibels(peak(settled)) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("level_db", [-65.0, -50.0, -46.0, -44.0, -20.0])
def test_a_long_sine_is_gated_by_its_peak(level_db: float) -> None:
    tone = sine(997, seconds=2.0, amplitude=10 ** (level_db / 20))
    heard = gate(tone, threshold_db=-45.0, ratio=3.0)
    settled = heard.with_samples(heard.samples[:, RATE:])
    expected = level_db if level_db >= -45 else level_db - 2 * (-45 - level_db)
    assert decibels(peak(settled)) == pytest.approx(expected, abs=0.05)


def test_a_ratio_of_1_changes_nothing(excerpt: Audio) -> None:
    assert difference_db(compress(excerpt, threshold_db=-60.0, ratio=1.0), excerpt) < -120
    assert difference_db(gate(excerpt, threshold_db=0.0, ratio=1.0), excerpt) < -120


def test_what_stays_below_the_threshold_is_not_compressed(excerpt: Audio) -> None:
    quiet = gain(excerpt, gain_db=-30.0)
    assert difference_db(compress(quiet, threshold_db=-18.0, ratio=10.0), quiet) < -120


def test_an_open_gate_passes_every_sample_and_a_closed_one_turns_down(excerpt: Audio) -> None:
    assert difference_db(gate(excerpt, threshold_db=-120.0), excerpt) < -120
    hiss = gain(excerpt, gain_db=-60.0)
    assert decibels(peak(gate(hiss, threshold_db=-30.0)) / peak(hiss)) < -100


def test_makeup_is_plain_gain(excerpt: Audio) -> None:
    plain = compress(excerpt, threshold_db=-30.0, ratio=3.0)
    assert compress(excerpt, threshold_db=-30.0, ratio=3.0, makeup_db=7.0) == gain(
        plain, gain_db=7.0
    )


@pytest.mark.parametrize("attack_ms", [3.0, 10.0, 50.0])
def test_the_attack_covers_all_but_exp_of_minus_2_pi_in_its_time(attack_ms: float) -> None:
    before, after = 1e-3, 1.0
    step = joined(steady(-60.0), steady(0.0))
    heard = compress(step, threshold_db=-20.0, ratio=2.0, attack_ms=attack_ms, release_ms=5000.0)
    samples = np.arange(round(attack_ms * RATE / 1000))
    decay = np.exp(-2 * np.pi * (samples + 1) / (attack_ms * RATE / 1000))
    envelope = after - (after - before) * decay
    expected = np.minimum(1.0, (envelope / 0.1) ** (1 / 2 - 1))
    reached = heard.samples[0, RATE : RATE + len(samples)]
    np.testing.assert_allclose(reached, expected, rtol=1e-3)


def test_the_release_lets_go_at_its_pace() -> None:
    step = joined(steady(0.0), steady(-60.0))
    heard = compress(step, threshold_db=-20.0, ratio=2.0, attack_ms=1.0, release_ms=200.0)
    samples = np.arange(round(0.2 * RATE))
    envelope = 1e-3 + (1 - 1e-3) * np.exp(-2 * np.pi * (samples + 1) / (0.2 * RATE))
    expected = 1e-3 * np.minimum(1.0, (envelope / 0.1) ** (1 / 2 - 1))
    reached = heard.samples[0, RATE : RATE + len(samples)]
    np.testing.assert_allclose(reached, expected, rtol=1e-3)


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_no_latency_at_any_rate(rate: int) -> None:
    click = impulse(frames=rate // 10, at=rate // 20, rate=rate, channels=2)
    for heard in (
        compress(click, threshold_db=-40.0, ratio=4.0),
        gate(click, threshold_db=-40.0, attack_ms=0.01),
    ):
        at = np.flatnonzero(heard.samples[0])
        np.testing.assert_array_equal(at, [rate // 20])


def test_channels_are_treated_one_by_one() -> None:
    loud, quiet = sine(440, amplitude=0.9), sine(440, amplitude=0.01)
    both = Audio(np.concatenate([loud.samples, quiet.samples] * 3), RATE)
    heard = compress(both, threshold_db=-30.0, ratio=8.0)
    for channel in range(6):
        alone = compress(both.with_samples(both.samples[channel]), threshold_db=-30.0, ratio=8.0)
        np.testing.assert_array_equal(heard.samples[channel], alone.samples[0])


def test_a_second_call_remembers_nothing_of_the_first(excerpt: Audio) -> None:
    assert compress(excerpt) == compress(excerpt)
    assert gate(excerpt, threshold_db=-20.0) == gate(excerpt, threshold_db=-20.0)


# -- the limiter ----------------------------------------------------------------------------------


def square(frequency_hz: float, *, rate: int = RATE) -> Audio:
    time = np.arange(2 * rate) / rate
    return Audio(0.9 * np.sign(np.sin(2 * np.pi * frequency_hz * time + 0.1)), rate)


def clicks(*, every_ms: int, amplitude: float = 0.99) -> Audio:
    """Return quiet noise for three seconds, with a click now and then."""
    audio = white_noise(seconds=3, rms=0.02, channels=1)
    samples = audio.samples.copy()
    samples[:, 4000 :: RATE * every_ms // 1000] = amplitude
    return audio.with_samples(samples)


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
    groove: Audio, release_ms: float, look_ahead_ms: float
) -> None:
    heard = limit(groove, ceiling_dbtp=-9.0, release_ms=release_ms, look_ahead_ms=look_ahead_ms)
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
