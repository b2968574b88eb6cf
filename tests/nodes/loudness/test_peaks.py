from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import gain, normalize_peak
from resonate_nodes.loudness import bs1770
from tests.signals import decibels, oversampled_peak_db, peak, white_noise


@pytest.mark.parametrize("target_db", [-6.0, -1.0, 0.0])
def test_the_true_peak_is_where_it_is_asked_for(groove: Audio, target_db: float) -> None:
    heard = normalize_peak(groove, target_db=target_db)
    assert oversampled_peak_db(heard) == pytest.approx(target_db, abs=0.05)


@pytest.mark.parametrize("target_db", [-6.0, -1.0, 0.0])
def test_the_sample_peak_is_where_it_is_asked_for(excerpt: Audio, target_db: float) -> None:
    heard = normalize_peak(excerpt, target_db=target_db, peak="sample")
    assert decibels(peak(heard)) == pytest.approx(target_db, abs=1e-5)


def test_it_is_one_gain_for_all_of_the_sound(excerpt: Audio) -> None:
    heard = normalize_peak(excerpt, target_db=-9.0, peak="sample")
    expected = gain(excerpt, gain_db=-9.0 - decibels(peak(excerpt)))
    np.testing.assert_allclose(heard.samples, expected.samples, rtol=1e-6)


def test_dense_noise_keeps_the_true_peak() -> None:
    heard = normalize_peak(white_noise(seconds=2.0, rate=44_100, channels=2))
    assert oversampled_peak_db(heard) == pytest.approx(-1.0, abs=0.05)


def test_silence_and_what_is_nearly_silent_say_so() -> None:
    silence = Audio(np.zeros((2, 100)), 44_100)
    with pytest.warns(ResonateWarning, match="no-peak"):
        assert normalize_peak(silence) == silence
    with pytest.warns(ResonateWarning, match="held at"):
        heard = normalize_peak(Audio(np.full(100, 1e-6), 44_100), peak="sample")
    assert decibels(peak(heard)) == pytest.approx(-60, abs=0.01)


def test_the_highest_of_all_peaks_is_found_wherever_it_stands(excerpt: Audio) -> None:
    """Stretches that cannot hold it are not looked at closely; each peak is asked for here."""
    random = np.random.default_rng(0)
    for _ in range(8):
        start = int(random.integers(0, 60_000))
        levels = np.interp(np.arange(60_000), [0, 20_000, 40_000, 60_000], random.uniform(0, 1, 4))
        sound = excerpt.with_samples(excerpt.samples[:, start : start + 60_000] * levels)
        every = bs1770.hop_true_peaks(sound, 1)
        assert bs1770.true_peak(sound) == every.max()
