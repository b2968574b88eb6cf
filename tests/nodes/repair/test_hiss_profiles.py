"""What the spectral gate must not take away."""

from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import denoise
from tests.signals import Array, decibels, difference_db, si_sdr_db, sine, white_noise

RATE = 44_100


def level_db(audio: Audio) -> float:
    return decibels(float(np.std(audio.samples[:, RATE : 2 * RATE])))


@pytest.mark.parametrize("frequency_hz", [30.0, 60.0, 100.0, 1000.0, 15_000.0, 21_500.0])
@pytest.mark.parametrize("strength", [0.01, 0.5, 1.0])
def test_a_loud_tone_keeps_its_level_at_both_ends_of_the_spectrum(
    frequency_hz: float, strength: float
) -> None:
    tone = sine(frequency_hz, seconds=3, rate=RATE, amplitude=0.3)
    hiss = white_noise(rate=RATE, rms=1e-5)
    assert level_db(denoise(tone, hiss, strength=strength)) == pytest.approx(
        level_db(tone), abs=0.25
    )


def test_a_little_strength_changes_little(excerpt: Audio) -> None:
    hiss = white_noise(rate=RATE, rms=0.005, channels=2)
    assert difference_db(denoise(excerpt, hiss, strength=0.001), excerpt) < -60
    assert difference_db(denoise(excerpt, strength=0.001), excerpt) < -60


def test_the_first_and_last_moments_stay(excerpt: Audio) -> None:
    hiss = white_noise(rate=RATE, rms=1e-5, channels=2)
    heard = denoise(excerpt, hiss, strength=1.0)
    for part in (slice(0, 441), slice(-441, None)):
        before, after = excerpt.samples[:, part], heard.samples[:, part]
        assert decibels(float(np.std(after) / np.std(before))) == pytest.approx(0, abs=0.5)


def test_noise_in_opposite_phase_is_noise_too(excerpt: Audio) -> None:
    def side(seed: int, seconds: float) -> Array:
        noise = white_noise(seconds=seconds, rate=RATE, rms=0.05, seed=seed).samples.astype(float)
        return np.concatenate([noise, -noise])

    noisy = excerpt.with_samples(excerpt.samples + side(1, 3))
    heard = denoise(noisy, Audio(side(2, 1), RATE), strength=1.0)
    assert si_sdr_db(heard, excerpt) > si_sdr_db(noisy, excerpt) + 6


@pytest.mark.parametrize(("rms", "gain_db"), [(0.005, 1), (0.02, 5), (0.05, 9)])
def test_a_profile_helps_at_any_level_of_noise(rms: float, gain_db: float, excerpt: Audio) -> None:
    noise = white_noise(seconds=3, rate=RATE, rms=rms, channels=2, seed=1)
    noisy = excerpt.with_samples(excerpt.samples + noise.samples.astype(float))
    own = white_noise(rate=RATE, rms=rms, channels=2, seed=2)
    heard = denoise(noisy, own, strength=0.7)
    assert si_sdr_db(heard, excerpt) > si_sdr_db(noisy, excerpt) + min(gain_db, 5)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("threshold_std", [0.5, 1.5, 3.0])
def test_away_from_the_edges_it_is_noisereduce(rate: int, threshold_std: float) -> None:
    """Ours counts nothing beyond the ends of sound and spectrum as noise: there they differ."""
    from noisereduce import reduce_noise
    from scipy.signal import butter, sosfiltfilt

    swept = np.sin(2 * np.pi * np.cumsum(np.geomspace(900, 0.35 * rate, 4 * rate)) / rate)
    noise = white_noise(seconds=4, rate=rate, rms=0.02, channels=2)
    sound = noise.with_samples(noise.samples + 0.3 * swept * (np.arange(4 * rate) % 9000 < 6000))
    profile = white_noise(rate=rate, rms=0.02, seed=1)
    length = 1024 if rate == 44_100 else 512
    theirs = reduce_noise(
        y=sound.samples.astype(float), sr=rate, y_noise=profile.samples[0], stationary=True,
        n_fft=length, n_std_thresh_stationary=threshold_std, clip_noise_stationary=False,
        chunk_size=10**9, padding=64 * length,
    )  # fmt: skip
    ours = denoise(sound, profile, strength=1.0, threshold_std=threshold_std)
    band = butter(6, [1200, 0.45 * rate], "bandpass", fs=rate, output="sos")
    apart = sosfiltfilt(band, ours.samples - theirs)[:, rate // 4 : -rate // 4]
    # a bin that lies on the threshold to seven digits may fall on either side of it
    assert decibels(float(np.sqrt(np.mean(apart**2)))) < -100
