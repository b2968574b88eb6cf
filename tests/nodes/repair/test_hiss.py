from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, NodeError, ResonateWarning
from resonate_nodes import denoise, noise_floor, resample
from tests import degradations
from tests.signals import (
    decibels,
    joined,
    relative_db,
    si_sdr_db,
    white_noise,
)


def added(*sounds: Audio) -> Audio:
    """Return the sum of sounds of one shape."""
    return sounds[0].with_samples(sum(sound.samples.astype(float) for sound in sounds))


def silence_like(audio: Audio) -> Audio:
    return audio.with_samples(np.zeros(audio.samples.shape))


# -- noise ----------------------------------------------------------------------------------------

RMS = 0.05


@pytest.fixture(scope="module")
def noisy(excerpt: Audio) -> Audio:
    """The recording under white noise, at an SI-SDR of 9.7 dB."""
    return added(excerpt, white_noise(seconds=3, rate=44_100, rms=RMS, channels=2, seed=1))


@pytest.fixture(scope="module")
def profile() -> Audio:
    """Another second of the same kind of noise."""
    return white_noise(seconds=1, rate=44_100, rms=RMS, channels=2, seed=2)


def test_strength_0_changes_nothing(noisy: Audio, profile: Audio) -> None:
    assert denoise(noisy, strength=0.0) is noisy
    assert denoise(noisy, profile, strength=0.0) is noisy


def test_a_profile_of_the_noise_gains_6_db(noisy: Audio, profile: Audio, excerpt: Audio) -> None:
    before = si_sdr_db(noisy, excerpt)
    assert before == pytest.approx(9.7, abs=0.1)
    assert si_sdr_db(denoise(noisy, profile, strength=1.0), excerpt) > before + 6


def test_a_stationary_gate_finds_the_noise_in_the_pauses(profile: Audio, excerpt: Audio) -> None:
    pause = silence_like(profile)
    clean = joined(pause, excerpt, pause)
    noise = white_noise(seconds=5, rate=44_100, rms=RMS, channels=2, seed=3)
    heard = denoise(added(clean, noise), stationary=True, strength=1.0)
    assert si_sdr_db(heard, clean) > si_sdr_db(added(clean, noise), clean) + 6
    in_pause = slice(4410, 40_000)
    left = np.std(heard.samples[:, in_pause]) / np.std(noise.samples[:, in_pause])
    assert left < 0.25


@pytest.mark.parametrize("stationary", [False, True])
@pytest.mark.parametrize(("snr_db", "gain_db"), [(5, 12), (10, 10.5), (20, 7)])
def test_without_a_profile_hiss_goes_and_the_music_stays(
    snr_db: float, gain_db: float, stationary: bool, music: Audio
) -> None:
    tape = degradations.with_hiss(music, snr_db=snr_db)
    heard = denoise(tape, strength=1.0, stationary=stationary)
    assert si_sdr_db(heard, music) > si_sdr_db(tape, music) + gain_db


def test_without_a_profile_a_clean_recording_hardly_changes(music: Audio) -> None:
    assert si_sdr_db(denoise(music, strength=1.0), music) > 25


@pytest.mark.parametrize("stationary", [False, True])
def test_digital_silence_tells_nothing_of_the_noise(stationary: bool) -> None:
    noise = white_noise(seconds=15, rate=8000, rms=RMS)
    silence = silence_like(white_noise(seconds=30, rate=8000))
    heard = denoise(joined(silence, noise), strength=1.0, stationary=stationary)
    assert np.std(heard.samples[:, 32 * 8000 :]) < 0.4 * RMS


@pytest.mark.filterwarnings("ignore:nearly-all-taken:resonate_graph.ResonateWarning")
def test_noise_alone_is_turned_down_by_the_strength() -> None:
    noise = white_noise(seconds=3, rate=44_100, rms=RMS, seed=4)
    other = white_noise(seconds=1, rate=44_100, rms=RMS, seed=5)
    middle = slice(44_100, 2 * 44_100)
    for strength in (0.25, 0.5, 0.75):
        heard = denoise(noise, other, strength=strength, threshold_std=4.0)
        left = np.std(heard.samples[:, middle]) / np.std(noise.samples[:, middle])
        assert left == pytest.approx(1 - 0.997 * strength, abs=0.01)  # 50 dB at most


def test_where_there_is_nothing_but_noise_more_of_it_goes(speech: Audio) -> None:
    """A voice recorded at 16 kHz holds nothing above 8 kHz, the hiss around it does."""
    from scipy.signal import butter, sosfilt

    clean = resample(speech, sample_rate=44_100)
    noisy = degradations.with_hiss(clean, snr_db=20)
    heard = denoise(noisy, strength=1.0)
    assert si_sdr_db(heard, clean) > si_sdr_db(noisy, clean) + 6
    high = butter(8, 10_000, "high", fs=44_100, output="sos")
    left = np.std(sosfilt(high, heard.samples)) / np.std(sosfilt(high, noisy.samples))
    assert decibels(left) < -30


@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
@pytest.mark.parametrize("stationary", [False, True])
def test_any_rate_and_any_kind_of_gate(rate: int, stationary: bool, excerpt: Audio) -> None:
    clean = resample(excerpt.with_samples(excerpt.samples[:1, :44_100]), sample_rate=rate)
    noise = white_noise(rate=rate, rms=RMS, seed=6)
    heard = denoise(added(clean, noise), stationary=stationary)
    assert heard.sample_rate == rate
    assert heard.samples.shape == clean.samples.shape
    own = white_noise(rate=rate, rms=RMS, seed=7)
    with_profile = denoise(added(clean, noise), own, strength=1.0)
    assert si_sdr_db(with_profile, clean) > si_sdr_db(added(clean, noise), clean) + 3


def settings() -> list[tuple[str, bool]]:
    return [(noise, stationary) for noise in ("none", "given") for stationary in (False, True)]


@pytest.mark.parametrize(("noise", "stationary"), settings())
def test_digital_silence_stays_digital_silence(
    noise: str, stationary: bool, excerpt: Audio, profile: Audio
) -> None:
    given = profile if noise == "given" else None
    silence = silence_like(excerpt)
    half = joined(excerpt, silence, excerpt)
    left = excerpt.samples * np.array([[1.0], [0.0]])
    for sound in (silence, half, excerpt.with_samples(left)):
        heard = denoise(sound, given, stationary=stationary)
        assert not heard.samples[sound.samples == 0].any()
        assert heard.samples.shape == sound.samples.shape


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_profile_and_sound_may_differ_in_channels(channels: int, noisy: Audio) -> None:
    profile = white_noise(seconds=1, rate=44_100, rms=RMS, channels=channels, seed=8)
    assert denoise(noisy, profile).samples.shape == noisy.samples.shape


def test_a_sound_longer_than_a_chunk_has_no_seam(groove: Audio) -> None:
    # worked on in chunks of 14 s; with a profile the gate looks no further than a moment ahead
    long = resample(joined(groove, groove), sample_rate=16_000)
    hiss = white_noise(seconds=1, rate=16_000, rms=0.02, channels=2)
    around = slice(10 * 16_000, 18 * 16_000)
    inside = slice(2 * 16_000, 6 * 16_000)
    alone = denoise(long.with_samples(long.samples[:, around]), hiss, strength=1.0)
    whole = denoise(long, hiss, strength=1.0)
    np.testing.assert_allclose(
        whole.samples[:, around][:, inside], alone.samples[:, inside], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("with_profile", [False, True])
def test_the_same_however_it_is_cut_into_blocks(
    with_profile: bool, noisy: Audio, profile: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = (noisy, profile) if with_profile else (noisy,)
    whole = denoise(*inputs, strength=1.0)
    for frames in (1, 37, 10_000):
        monkeypatch.setattr("resonate_nodes.repair.stft._FRAMES_AT_ONCE", frames)
        assert denoise(*inputs, strength=1.0) == whole


def test_two_calls_give_the_same_samples(noisy: Audio, profile: Audio) -> None:
    assert denoise(noisy) == denoise(noisy)
    assert denoise(noisy, profile) == denoise(noisy, profile)


def test_a_profile_that_does_not_fit_is_an_error(noisy: Audio) -> None:
    with pytest.raises(NodeError, match="noise profile is at 48000 Hz, the sound at 44100 Hz"):
        denoise(noisy, white_noise(rate=48_000))
    with pytest.raises(NodeError, match=r"1023 frames long; it needs at least 1024 \(23 ms\)"):
        denoise(noisy, Audio(np.ones((2, 1023)), 44_100))


@pytest.mark.filterwarnings("ignore:nearly-all-taken:resonate_graph.ResonateWarning")
@pytest.mark.parametrize("frames", [1, 10, 1023])
def test_a_sound_too_short_to_judge_comes_back_with_a_warning(frames: int, profile: Audio) -> None:
    short = profile.with_samples(profile.samples[:, :frames])
    with pytest.warns(ResonateWarning, match=f"too-short: {frames} frames"):
        assert denoise(short) is short
    assert denoise(short, profile).samples.shape == short.samples.shape


def test_samples_near_the_limit_of_float32(noisy: Audio, profile: Audio) -> None:
    """A power of two changes no sample but by its exponent."""
    up = np.float32(2.0**127)
    loud = noisy.with_samples(noisy.samples * up)
    loud_profile = profile.with_samples(profile.samples * up)
    for heard, wanted in (
        (denoise(loud), denoise(noisy)),
        (denoise(loud, loud_profile), denoise(noisy, profile)),
    ):
        assert relative_db(heard.with_samples(heard.samples / up), wanted) < -120
    floor_db = noise_floor(noisy).noise_dbfs or 0
    assert noise_floor(loud).noise_dbfs == pytest.approx(floor_db + decibels(2.0**127), abs=1e-3)


@pytest.mark.parametrize("exponent", [-24, -33, -66, -100])
def test_noise_far_below_anything_that_is_heard(
    exponent: int, noisy: Audio, profile: Audio
) -> None:
    """At -600 dBFS, too, it is taken as it is at full scale, and no more."""
    down = np.float32(2.0**exponent)
    soft = noisy.with_samples(noisy.samples * down)
    soft_profile = profile.with_samples(profile.samples * down)
    for heard, wanted in (
        (denoise(soft, strength=1.0), denoise(noisy, strength=1.0)),
        (denoise(soft, soft_profile, strength=1.0), denoise(noisy, profile, strength=1.0)),
    ):
        assert relative_db(heard.with_samples(heard.samples / down), wanted) < -100
    floor_db = noise_floor(noisy).noise_dbfs or 0
    assert noise_floor(soft).noise_dbfs == pytest.approx(floor_db + decibels(float(down)), abs=1e-3)
