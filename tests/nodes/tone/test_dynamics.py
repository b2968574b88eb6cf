"""Static curves against the closed forms; time constants against JUCE's own definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, NodeError
from resonate_nodes import compress, expand, gain, gate
from tests.counts import examples
from tests.signals import (
    decibels,
    difference_db,
    impulse,
    joined,
    peak,
    relative_db,
    sine,
    white_noise,
)

RATE = 48_000


def steady(level_db: float, *, frames: int = RATE, channels: int = 1) -> Audio:
    """Return DC: the one signal whose level is the same at every sample."""
    return Audio(np.full((channels, frames), 10 ** (level_db / 20)), RATE)


def last_level_db(audio: Audio) -> float:
    return decibels(abs(float(audio.samples[0, -1])))


@settings(max_examples=examples(15))
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


@settings(max_examples=examples(15))
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


def test_the_figures_of_the_docs() -> None:
    """A ratio of 10: 2 dB below the threshold become 20; of 2: 5 become 10."""
    assert last_level_db(gate(steady(-47.0), ratio=10.0)) == pytest.approx(-65.0, abs=0.1)
    assert last_level_db(expand(steady(-50.0), ratio=2.0)) == pytest.approx(-55.0, abs=0.1)


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
        expand(click, threshold_db=-40.0, attack_ms=0.01),
        gate(click, threshold_db=-40.0, attack_ms=0.01),
    ):
        at = np.flatnonzero(heard.samples[0])
        np.testing.assert_array_equal(at, [rate // 20])


def test_channels_that_are_not_linked_are_treated_one_by_one() -> None:
    loud, quiet = sine(440, amplitude=0.9), sine(440, amplitude=0.01)
    both = Audio(np.concatenate([loud.samples, quiet.samples] * 3), RATE)
    for node in (compress, gate):
        heard = node(both, threshold_db=-30.0, ratio=8.0, link_channels=False)
        for channel in range(6):
            alone = node(both.with_samples(both.samples[channel]), threshold_db=-30.0, ratio=8.0)
            np.testing.assert_array_equal(heard.samples[channel], alone.samples[0])


#: The nodes that link channels, at settings that turn down much of the recording.
LINKED: dict[str, Callable[[Audio], Audio]] = {
    "compress": lambda audio: compress(audio, threshold_db=-40.0, ratio=8.0),
    "expand": lambda audio: expand(audio, threshold_db=-6.0, ratio=3.0, range_db=40.0),
    "gate": lambda audio: gate(audio, threshold_db=-15.0),
}


@pytest.mark.parametrize("name", LINKED)
def test_all_channels_get_the_gain_of_the_loudest(name: str, excerpt: Audio) -> None:
    """So a copy at another level beside the sound changes nothing, and follows it."""
    mono = excerpt.with_samples(excerpt.samples[0])
    levels = np.array([[1.0], [0.125], [-0.5]])
    together = LINKED[name](excerpt.with_samples(levels * mono.samples))
    alone = LINKED[name](mono)
    expected = alone.with_samples(levels * alone.samples)
    assert difference_db(together, expected) < -130
    assert difference_db(alone, mono) > -20


@pytest.mark.parametrize("name", LINKED)
def test_the_image_stays_where_it_is(name: str, excerpt: Audio) -> None:
    left, right = excerpt.samples.astype(np.float64)
    heard_left, heard_right = LINKED[name](excerpt).samples.astype(np.float64)
    np.testing.assert_allclose(heard_left * right, heard_right * left, rtol=0, atol=1e-7)


@settings(max_examples=examples(15))
@given(
    level_db=st.floats(-90, 0),
    threshold_db=st.floats(-60, 0),
    ratio=st.floats(1, 3),
    range_db=st.floats(0, 60),
)
def test_the_expanders_static_curve(
    level_db: float, threshold_db: float, ratio: float, range_db: float
) -> None:
    heard = expand(
        steady(level_db, channels=2),
        threshold_db=threshold_db,
        ratio=ratio,
        range_db=range_db,
        attack_ms=1.0,
        release_ms=10.0,
    )
    under = max(0.0, threshold_db - level_db)
    expected = level_db - min(range_db, (ratio - 1) * under)
    assert last_level_db(heard) == pytest.approx(expected, abs=1e-2)


def test_hiss_in_pauses_sinks_by_the_range_and_the_sound_stays(speech: Audio) -> None:
    """Speech and pauses in turn, with hiss at -60 dBFS throughout."""
    pause = white_noise(seconds=2.0, rate=16_000, rms=1e-3)
    noisy = joined(speech, pause)
    heard = expand(noisy, threshold_db=-45.0, ratio=4.0, range_db=12.0)
    end = slice(-16_000, None)
    sunk = np.sqrt(np.mean(heard.samples[:, end] ** 2) / np.mean(noisy.samples[:, end] ** 2))
    assert decibels(float(sunk)) == pytest.approx(-12, abs=0.1)
    said = heard.with_samples(heard.samples[:, : speech.frames])
    assert relative_db(said, speech) < -40


def test_a_second_call_remembers_nothing_of_the_first(excerpt: Audio) -> None:
    assert compress(excerpt) == compress(excerpt)
    assert gate(excerpt, threshold_db=-20.0) == gate(excerpt, threshold_db=-20.0)
    assert expand(excerpt, threshold_db=-20.0) == expand(excerpt, threshold_db=-20.0)


@pytest.mark.parametrize("node", [gate, expand])
def test_a_sound_that_a_gate_cannot_square_is_refused(node: Callable[..., Audio]) -> None:
    loud = Audio(np.full((2, 4410), 1e17), 44_100)
    assert np.isfinite(node(loud).samples).all()
    who = "gate" if node is gate else "expand"
    with pytest.raises(NodeError, match=rf"peak of the sound, 1e\+30, is too high for {who}, "):
        node(Audio(np.full((2, 4410), 1e30), 44_100))
