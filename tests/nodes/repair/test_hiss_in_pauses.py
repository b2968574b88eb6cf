"""What is heard where all of a sound pauses is its noise, moving or not; music is no noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from resonate_graph import Audio
from resonate_nodes import denoise, resample
from tests.benchmarks.speech import fan, noisy, rain, wind
from tests.signals import Array, relative_db, si_sdr_db, white_noise

RATE = 44_100


@pytest.fixture(scope="module")
def voice(speech: Audio) -> Audio:
    """The reader, at the rate of today's recordings of noise."""
    return resample(speech, sample_rate=RATE)


def rise_db(heard: Audio, noisy: Audio, clean: Audio) -> float:
    return si_sdr_db(heard, clean) - si_sdr_db(noisy, clean)


@pytest.mark.parametrize(
    ("noise", "snr_db", "gain_db"), [(wind, 5.0, 1.3), (fan, 0.0, 3.2), (rain, 0.0, 7.7)]
)
def test_noise_around_a_voice_is_what_its_pauses_hold(
    noise: Callable[[Audio, np.random.Generator], Array],
    snr_db: float,
    gain_db: float,
    voice: Audio,
) -> None:
    damaged = noisy(voice, noise(voice, np.random.default_rng(4)), snr_db)
    assert rise_db(denoise(damaged, strength=1.0), damaged, voice) > gain_db


def test_noise_that_moves_is_followed_unless_it_is_to_be_one_floor(voice: Audio) -> None:
    damaged = noisy(voice, wind(voice, np.random.default_rng(4)), 5.0)
    followed = denoise(damaged, strength=1.0)
    one_floor = denoise(damaged, strength=1.0, stationary=True)
    assert rise_db(followed, damaged, voice) > rise_db(one_floor, damaged, voice) + 0.2


def test_the_two_channels_have_floors_of_their_own(voice: Audio) -> None:
    gusts = noisy(voice, wind(voice, np.random.default_rng(4)), 5.0)
    hiss = noisy(voice, white_noise(seconds=voice.duration_seconds, rate=RATE).samples[0], 10.0)
    alone = [denoise(one, strength=1.0).samples[0] for one in (gusts, hiss)]
    both = gusts.with_samples(np.concatenate([gusts.samples, hiss.samples]))
    np.testing.assert_allclose(denoise(both, strength=1.0).samples, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("swell_seconds", [1.3, 2.7])
def test_rumbling_low_notes_of_music_that_never_pauses_are_no_noise(swell_seconds: float) -> None:
    """A roll of kettledrums is noise in itself; the chord above it says that it is music."""
    random = np.random.default_rng(5)
    time = np.arange(12 * RATE) / RATE
    swells = 10 ** (6 * np.sin(2 * np.pi * time / swell_seconds) / 20)
    low = butter(2, [50, 250], "bandpass", fs=RATE, output="sos")
    roll = swells * sosfilt(low, random.standard_normal(len(time)))
    chord = sum(
        np.sin(2 * np.pi * k * hertz * time + random.uniform(0, 6)) / k
        for hertz in (220.0, 277.2, 329.6)
        for k in range(1, 40)
    )
    music = Audio(0.1 * (roll / np.std(roll) + 0.5 * chord / np.std(chord)), RATE)
    assert relative_db(denoise(music, strength=1.0), music) < -20
