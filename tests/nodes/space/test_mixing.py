from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from resonate_graph import Audio, NodeError, ParamError
from resonate_nodes import (
    average_stems,
    blend,
    crossfade,
    declick,
    difference,
    gain,
    invert,
    mix,
    residual,
    to_mono,
    trim,
)
from tests.degradations import with_clicks
from tests.signals import decibels, difference_db, joined, sine, white_noise


def test_gain_is_the_ratio_the_decibels_say(excerpt: Audio) -> None:
    louder = gain(excerpt, gain_db=6.0)
    expected = (excerpt.samples.astype(np.float64) * 10 ** (6 / 20)).astype(np.float32)
    np.testing.assert_array_equal(louder.samples, expected)


@pytest.mark.parametrize("gain_db", [-100.0, -6.0, 0.1, 40.0])
def test_gain_is_multiplied_in_float64_and_rounded_once(excerpt: Audio, gain_db: float) -> None:
    samples = excerpt.samples.astype(np.float64) * 10 ** (gain_db / 20)
    given = gain(Audio(excerpt.samples.T.copy().T, excerpt.sample_rate), gain_db=gain_db)
    assert given.samples.tobytes() == samples.astype(np.float32).tobytes()
    assert given.samples.flags.c_contiguous


def test_gain_of_zero_is_the_same_sound(excerpt: Audio) -> None:
    assert gain(excerpt) == excerpt


def test_mix_sums_in_float64_and_rounds_once(excerpt: Audio) -> None:
    total = mix([excerpt, excerpt, excerpt], gains_db=[0.0, -6.0, -20.0])
    ratio = 1 + 10 ** (-6 / 20) + 10 ** (-20 / 20)
    expected = (excerpt.samples.astype(np.float64) * ratio).astype(np.float32)
    np.testing.assert_allclose(total.samples, expected, rtol=0, atol=1e-7)


def test_mono_goes_into_every_channel_and_short_tracks_end_in_silence() -> None:
    stereo = Audio(np.ones((2, 4)), 8000)
    mono = Audio(np.full((1, 2), 0.5), 8000)
    expected = [[1.5, 1.5, 1.0, 1.0]] * 2
    np.testing.assert_array_equal(mix([stereo, mono]).samples, expected)


def test_what_cannot_be_mixed_says_why(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match="8000 Hz, 44100 Hz"):
        mix([excerpt, Audio(np.zeros((2, 8)), 8000)])
    with pytest.raises(NodeError, match="channel counts"):
        mix([excerpt, Audio(np.zeros((6, 8)), 44100)])
    with pytest.raises(ParamError, match="2 tracks need 2 gains"):
        mix([excerpt, excerpt], gains_db=[0.0])
    with pytest.raises(NodeError, match="nothing to mix"):
        mix([])


def test_stems_and_their_residual_give_the_mix_back(excerpt: Audio) -> None:
    stem = gain(excerpt, gain_db=-9.0)
    rest = residual(excerpt, [stem])
    np.testing.assert_allclose(
        mix([stem, rest]).samples, excerpt.samples, rtol=0, atol=float(np.finfo(np.float32).eps)
    )
    with pytest.raises(NodeError, match="have to match"):
        residual(excerpt, [Audio(np.zeros((2, 8)), 44100)])


def test_an_ensemble_is_the_weighted_mean(excerpt: Audio) -> None:
    quiet = gain(excerpt, gain_db=-9.0)
    expected = np.average(
        [excerpt.samples.astype(np.float64), quiet.samples.astype(np.float64)], axis=0,
        weights=[1, 3],
    )  # fmt: skip
    found = average_stems([excerpt, quiet], weights=[0.5, 1.5])
    np.testing.assert_allclose(found.samples, expected.astype(np.float32), rtol=0, atol=1e-7)
    assert average_stems([excerpt]) == excerpt


def test_what_cannot_be_averaged_says_why(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match="nothing to average"):
        average_stems([])
    with pytest.raises(ParamError, match="2 stems need 2 weights that are not all 0"):
        average_stems([excerpt, excerpt], weights=[1.0])
    with pytest.raises(ParamError, match="not all 0"):
        average_stems([excerpt], weights=[0.0])
    with pytest.raises(NodeError, match="have to match"):
        average_stems([excerpt, Audio(excerpt.samples[:, 1:], 44100)])


def test_polarity_turned_over_cancels_out_and_twice_is_the_same(excerpt: Audio) -> None:
    assert not mix([excerpt, invert(excerpt)]).samples.any()
    assert invert(invert(excerpt)) == excerpt


def test_the_difference_is_what_was_taken_out_to_the_last_rounding(excerpt: Audio) -> None:
    clicked = with_clicks(excerpt)
    mended = declick(clicked)
    removed = difference(clicked, mended)
    expected = clicked.samples.astype(np.float64) - mended.samples
    np.testing.assert_array_equal(removed.samples, expected.astype(np.float32))
    assert difference_db(mix([mended, removed]), clicked) < -130
    assert not difference(clicked, clicked).samples.any()
    untouched = clicked.samples == mended.samples
    assert not removed.samples[untouched].any()


def test_a_blend_has_both_by_their_shares(excerpt: Audio) -> None:
    wet = gain(excerpt, gain_db=-20.0)
    heard = blend(excerpt, wet, amount=0.25)
    expected = 0.75 * excerpt.samples.astype(np.float64) + 0.25 * wet.samples
    np.testing.assert_array_equal(heard.samples, expected.astype(np.float32))
    assert blend(excerpt, wet, amount=0.0) == excerpt
    assert blend(excerpt, wet, amount=1.0) == wet
    assert difference_db(blend(excerpt, excerpt, amount=0.3), excerpt) < -130


@pytest.mark.parametrize("node", [difference, blend])
def test_what_is_not_alike_is_neither_compared_nor_blended(
    node: Callable[[Audio, Audio], Audio], excerpt: Audio
) -> None:
    for other in (to_mono(excerpt), trim(excerpt, end_seconds=1.0), Audio(excerpt.samples, 48_000)):
        with pytest.raises(NodeError, match="they have to match"):
            node(excerpt, other)


def test_a_crossfade_of_parts_of_one_sound_at_equal_gain_is_that_sound(excerpt: Audio) -> None:
    first, second = trim(excerpt, end_seconds=2.0), trim(excerpt, start_seconds=1.0)
    joint = crossfade(first, second, overlap_seconds=1.0, curve="equal_gain")
    assert difference_db(joint, excerpt) < -130


def test_a_crossfade_at_equal_power_keeps_the_level_of_noise() -> None:
    one, other = (white_noise(seconds=20.0, seed=seed) for seed in (1, 2))
    joint = crossfade(one, other, overlap_seconds=10.0)
    for start in range(30):
        second = joint.samples[0, start * 48_000 : (start + 1) * 48_000]
        assert decibels(float(np.sqrt(np.mean(second**2))) / 0.1) == pytest.approx(0, abs=0.15)


def test_without_overlap_it_joins_end_to_end(excerpt: Audio) -> None:
    assert crossfade(excerpt, excerpt, overlap_seconds=0.0) == joined(excerpt, excerpt)


def test_outside_the_overlap_every_sample_stays(excerpt: Audio) -> None:
    tone = sine(440, rate=44_100, amplitude=0.1, channels=2)
    joint = crossfade(excerpt, tone, overlap_seconds=0.5)
    before, after = excerpt.frames - 22_050, tone.frames - 22_050
    np.testing.assert_array_equal(joint.samples[:, :before], excerpt.samples[:, :before])
    np.testing.assert_array_equal(joint.samples[:, -after:], tone.samples[:, -after:])
    mono = crossfade(to_mono(excerpt), tone, overlap_seconds=0.5)
    assert mono.samples.shape == joint.samples.shape


def test_what_cannot_be_crossfaded_says_why(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match="the second sound has 1 s, an overlap of 2 s"):
        crossfade(excerpt, trim(excerpt, end_seconds=1.0), overlap_seconds=2.0)
    with pytest.raises(NodeError, match="different rates"):
        crossfade(excerpt, Audio(excerpt.samples, 48_000))
