from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, NodeError, ParamError
from resonate_nodes import average_stems, gain, mix, residual


def test_gain_is_the_ratio_the_decibels_say(excerpt: Audio) -> None:
    louder = gain(excerpt, gain_db=6.0)
    expected = (excerpt.samples.astype(np.float64) * 10 ** (6 / 20)).astype(np.float32)
    np.testing.assert_array_equal(louder.samples, expected)


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
