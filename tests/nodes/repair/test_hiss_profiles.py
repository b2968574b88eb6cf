"""What a noise profile must not take away, and what of a profile does not count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import denoise, resample, to_mono
from tests.counts import examples
from tests.signals import Array, decibels, difference_db, si_sdr_db, sine, white_noise

RATE = 44_100

#: Some sounds are given a profile of next to nothing, and come back as they were.
pytestmark = pytest.mark.filterwarnings("ignore:no-noise-found:resonate_graph.ResonateWarning")


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


@pytest.mark.parametrize("snr_db", [10.0, 20.0, 30.0])
def test_it_is_nearer_to_the_music_than_before_and_than_noisereduce(
    snr_db: float, music: Audio
) -> None:
    """Noise that falls by 3 dB an octave, as music does: the gate takes the music there with it."""
    from noisereduce import reduce_noise

    clean = to_mono(music)
    noise, own = (pink(clean.frames, seed) for seed in (1, 2))
    level = np.std(clean.samples) * 10 ** (-snr_db / 20)
    noisy = clean.with_samples(clean.samples + level * noise)
    profile = Audio(level * own[None, :RATE], RATE)
    theirs = reduce_noise(
        y=noisy.samples, sr=RATE, y_noise=profile.samples[0], stationary=True,
        clip_noise_stationary=False,
    )  # fmt: skip
    heard = si_sdr_db(denoise(noisy, profile, strength=1.0), clean)
    assert heard > si_sdr_db(noisy, clean) + 0.5
    assert heard > si_sdr_db(noisy.with_samples(theirs), clean) + 0.5


def pink(frames: int, seed: int) -> Array:
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20)), frames)
    return np.asarray(noise / np.std(noise))


def test_a_threshold_further_up_takes_more(excerpt: Audio) -> None:
    hiss = white_noise(rate=RATE, rms=0.005, channels=2)
    changes = [
        difference_db(denoise(excerpt, hiss, strength=1.0, threshold_std=std), excerpt)
        for std in (0.0, 1.5, 3.0, 6.0)
    ]
    assert changes == sorted(changes)
    assert changes[-1] > changes[0] + 6


# -- what is no noise in a profile ----------------------------------------------------------------

Spoil = Callable[[Array, float, float, np.random.Generator], Array]


def black(noise: Array, start: float, part: float, random: np.random.Generator) -> Array:
    first, last = int(start * noise.shape[1]), int((start + part) * noise.shape[1])
    noise[:, first:last] = 0
    return noise


def dithered_black(noise: Array, start: float, part: float, random: np.random.Generator) -> Array:
    throws = random.uniform(-0.5, 0.5, (2, *noise.shape)).sum(axis=0)
    saved: Array = np.round(black(noise, start, part, random) * 32_768 + throws) / 32_768
    return saved


def faded(noise: Array, start: float, part: float, random: np.random.Generator) -> Array:
    length = int(part * noise.shape[1] / 2)
    ramp = np.ones(noise.shape[1])
    ramp[:length] = np.linspace(0, 1, length)
    return noise * ramp * ramp[::-1]


def clicked(noise: Array, start: float, part: float, random: np.random.Generator) -> Array:
    for place in random.integers(0, noise.shape[1] - 40, 3):
        noise[:, place : place + 40] += 0.5 * random.standard_normal(40) * np.hanning(40)
    return noise


@given(
    spoil=st.sampled_from([black, dithered_black, faded, clicked]),
    start=st.floats(0, 0.9),
    part=st.floats(0.01, 0.6),
    rate=st.sampled_from([8000, 22_050, 44_100, 48_000]),
    channels=st.sampled_from([1, 2]),
    seed=st.integers(0, 100),
)
@settings(max_examples=examples(10))
def test_black_fades_and_clicks_in_a_profile_do_not_count(
    spoil: Spoil, start: float, part: float, rate: int, channels: int, seed: int, excerpt: Audio
) -> None:
    clean = resample(excerpt.with_samples(excerpt.samples[:, :44_100]), sample_rate=rate)
    random = np.random.default_rng(seed)
    noise = 0.01 * random.standard_normal((2, clean.frames))
    profile = 0.01 * random.standard_normal((channels, 2 * rate))
    noisy = clean.with_samples(clean.samples + noise)
    right = si_sdr_db(denoise(noisy, Audio(profile, rate), strength=0.7), clean)
    spoiled = Audio(spoil(profile.copy(), start, part, random), rate)
    heard = si_sdr_db(denoise(noisy, spoiled, strength=0.7), clean)
    assert heard == pytest.approx(right, abs=0.4)
    assert heard > si_sdr_db(noisy, clean) + 1


@pytest.mark.filterwarnings("ignore:nearly-all-taken:resonate_graph.ResonateWarning")
def test_a_noise_that_moves_is_used_whole() -> None:
    """Waves of 12 dB: nothing in them lies apart from the rest."""
    waves = 10 ** (0.3 * np.sin(2 * np.pi * 0.5 * np.arange(4 * RATE) / RATE))
    surf = 0.01 * waves * np.random.default_rng(0).standard_normal((2, 4 * RATE))
    loudest = surf[:, int(0.3 * RATE) : int(0.7 * RATE)]
    heard = denoise(Audio(loudest, RATE), Audio(surf, RATE), strength=1.0, threshold_std=3.0)
    assert np.std(heard.samples) < 0.1 * np.std(loudest)


def silent(noise: Array, random: np.random.Generator) -> Array:
    return 0 * noise


def dither_alone(noise: Array, random: np.random.Generator) -> Array:
    return dithered_black(noise, 0, 1, random)


def vanishing(noise: Array, random: np.random.Generator) -> Array:
    """What is left of a fade that never came to its end: its power is no number of 32 bits."""
    return noise + 1e-25 * random.standard_normal(noise.shape)


@pytest.mark.parametrize("kind", [silent, dither_alone, vanishing])
def test_a_silent_profile_is_told_and_the_noise_sought_in_the_sound(
    kind: Callable[[Array, np.random.Generator], Array], excerpt: Audio
) -> None:
    random = np.random.default_rng(0)
    noisy = excerpt.with_samples(excerpt.samples + 0.02 * random.standard_normal((2, 3 * RATE)))
    profile = Audio(kind(np.zeros((2, RATE)), random), RATE)
    with pytest.warns(ResonateWarning, match=r"profile-silent: .* sought in the sound instead"):
        heard = denoise(noisy, profile)
    assert heard == denoise(noisy)


def test_a_profile_that_is_silent_in_one_channel_is_told(excerpt: Audio) -> None:
    noise = white_noise(seconds=3, rate=RATE, rms=0.02, channels=2, seed=1)
    noisy = excerpt.with_samples(excerpt.samples + noise.samples)
    own = white_noise(rate=RATE, rms=0.02, channels=2, seed=2)
    one = own.with_samples(own.samples * np.array([[0.0], [1.0]]))
    with pytest.warns(ResonateWarning, match="profile-silent: in left the noise profile is silent"):
        heard = denoise(noisy, one, strength=1.0)
    np.testing.assert_allclose(heard.samples[0], noisy.samples[0], rtol=0, atol=1e-6)
    assert np.array_equal(heard.samples[1], denoise(noisy, own, strength=1.0).samples[1])
    # where the sound is silent in that channel too, all is well
    alone = noisy.with_samples(noisy.samples * np.array([[0.0], [1.0]]))
    denoise(alone, one)


@pytest.mark.parametrize("gain_db", [0.0, -6.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_recording_as_its_own_profile_is_told_and_not_used(
    gain_db: float, channels: int, excerpt: Audio
) -> None:
    noise = white_noise(seconds=3, rate=RATE, rms=0.02, channels=2, seed=1)
    noisy = excerpt.with_samples(excerpt.samples + noise.samples)
    itself = noisy if channels == 2 else to_mono(noisy)
    itself = itself.with_samples(itself.samples * np.float32(10 ** (gain_db / 20)))
    with pytest.warns(ResonateWarning, match="profile-is-recording: the noise profile is the rec"):
        heard = denoise(noisy, itself)
    assert heard == denoise(noisy)


def test_a_recording_shorter_than_a_frame_as_its_own_profile_is_told_too() -> None:
    short = white_noise(seconds=0.01, rate=RATE, rms=0.02, seed=1)
    with pytest.warns(ResonateWarning) as told:
        heard = denoise(short, short)
    codes = [str(one.message).partition(":")[0] for one in told]
    assert codes == ["profile-is-recording", "too-short"]
    assert heard == short


def test_other_noise_as_loud_and_as_long_as_the_sound_is_a_profile() -> None:
    noise, other = (white_noise(seconds=2, rate=RATE, seed=seed) for seed in (1, 2))
    with pytest.warns(ResonateWarning, match="nearly-all-taken"):  # there is nothing else in it
        heard = denoise(noise, other, strength=1.0)
    assert np.std(heard.samples) < 0.02


@pytest.mark.parametrize("strength", [0.3, 1.0])
@pytest.mark.parametrize("part", [slice(1, None), slice(RATE, 2 * RATE)], ids=["moved", "a second"])
def test_music_as_a_profile_is_told(part: slice, strength: float, excerpt: Audio) -> None:
    profile = excerpt.with_samples(excerpt.samples[:, part])
    with pytest.warns(ResonateWarning, match="nearly-all-taken: .* nothing but noise"):
        denoise(excerpt, profile, strength=strength)


def test_a_profile_that_is_too_soft_is_told(excerpt: Audio) -> None:
    noise = white_noise(seconds=3, rate=RATE, rms=0.02, channels=2, seed=1)
    noisy = excerpt.with_samples(excerpt.samples + noise.samples)
    with pytest.warns(ResonateWarning, match="no-noise-found: .* softer than what it should take"):
        denoise(noisy, white_noise(rate=RATE, rms=2e-5, seed=2))


@pytest.mark.parametrize(("seconds", "told"), [(0.03, "3[0-9] ms"), (0.2, "20[0-9] ms")])
def test_a_short_profile_is_used_and_told(seconds: float, told: str, excerpt: Audio) -> None:
    noise = white_noise(seconds=3, rate=RATE, rms=0.02, channels=2, seed=1)
    noisy = excerpt.with_samples(excerpt.samples + noise.samples)
    short = white_noise(seconds=seconds, rate=RATE, rms=0.02, channels=2, seed=2)
    with pytest.warns(ResonateWarning, match=f"profile-short: only {told} of the noise profile"):
        heard = denoise(noisy, short, strength=0.7)
    assert si_sdr_db(heard, excerpt) > si_sdr_db(noisy, excerpt) + 4


def test_what_is_left_of_a_profile_is_what_counts(excerpt: Audio) -> None:
    hiss = white_noise(rate=RATE, rms=0.02, channels=2).samples.copy()
    hiss[:, : int(0.9 * RATE)] = 0
    with pytest.warns(ResonateWarning, match="profile-short: only (9[0-9]|1[0-2][0-9]) ms"):
        denoise(excerpt, Audio(hiss, RATE))
