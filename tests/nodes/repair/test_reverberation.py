from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import dereverb
from tests import degradations
from tests.depth import sampled, thorough
from tests.signals import Array, difference_db, joined, si_sdr_db, white_noise


def claps(*, seconds: float, rate: int, channels: int = 1, seed: int = 0) -> Audio:
    """Return bursts of noise, at random times: as dry as speech, and without notes."""
    random = np.random.default_rng(seed)
    samples: Array = np.zeros((channels, round(seconds * rate)))
    for start in random.uniform(0, samples.shape[1] - 0.2 * rate, round(4 * seconds)):
        length = round(random.uniform(0.03, 0.15) * rate)
        burst = random.standard_normal(length) * np.hanning(length)
        samples[:, int(start) :][:, :length] += random.uniform(0.1, 1) * burst
    return Audio(0.1 * samples, rate)


@pytest.mark.parametrize("rt60_seconds", [0.4, 0.8, 1.5])
@pytest.mark.parametrize(("channels", "gain_db"), [(1, 0.7), (2, 4)])
@sampled(1)
def test_the_tail_of_a_room_is_reduced(rt60_seconds: float, channels: int, gain_db: float) -> None:
    dry = claps(seconds=8, rate=16_000, channels=channels)
    wet = degradations.with_reverb(dry, rt60_seconds=rt60_seconds)
    assert si_sdr_db(dereverb(wet), dry) > si_sdr_db(wet, dry) + gain_db


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
@sampled(1)
def test_it_is_reduced_at_any_rate(rate: int) -> None:
    dry = claps(seconds=3, rate=rate, channels=2)
    wet = degradations.with_reverb(dry)
    assert si_sdr_db(dereverb(wet), dry) > si_sdr_db(wet, dry) + 2


@pytest.mark.parametrize("rt60_seconds", [0.4, 1.5])
@sampled(1)
def test_dense_music_is_not_made_worse(rt60_seconds: float, music: Audio) -> None:
    wet = degradations.with_reverb(music, rt60_seconds=rt60_seconds)
    assert si_sdr_db(dereverb(wet), music) > si_sdr_db(wet, music) - 0.3


def test_what_is_dry_stays() -> None:
    dry = claps(seconds=8, rate=16_000, channels=2)
    assert si_sdr_db(dereverb(dry), dry) > 50


def test_half_the_strength_takes_half() -> None:
    wet = degradations.with_reverb(claps(seconds=4, rate=16_000))
    taken = wet.samples.astype(float) - dereverb(wet).samples
    half = wet.samples.astype(float) - dereverb(wet, strength=0.5).samples
    np.testing.assert_allclose(half, taken / 2, atol=1e-6)
    assert dereverb(wet, strength=0.0) is wet


def test_it_works_alike_at_any_level() -> None:
    wet = degradations.with_reverb(claps(seconds=4, rate=16_000))
    quiet = wet.with_samples(wet.samples * 2.0**-10)
    heard = dereverb(quiet)
    assert difference_db(heard.with_samples(heard.samples * 2.0**10), dereverb(wet)) < -100


def test_one_channel_does_not_sound_in_the_other() -> None:
    wet = degradations.with_reverb(claps(seconds=4, rate=16_000))
    silent = wet.with_samples(np.concatenate([wet.samples, 0 * wet.samples]))
    assert not dereverb(silent).samples[1].any()


@thorough
def test_a_long_sound_has_no_seams() -> None:
    # the filters are found anew for every block of 8 s at this rate
    dry = claps(seconds=24, rate=16_000, channels=2, seed=1)
    wet = degradations.with_reverb(dry)
    heard = dereverb(wet)
    gains = [
        si_sdr_db(part(heard, start), part(dry, start))
        - si_sdr_db(part(wet, start), part(dry, start))
        for start in range(0, 24, 4)
    ]
    assert min(gains) > 2


def part(audio: Audio, start: int) -> Audio:
    """Return four seconds of a sound at 16 kHz."""
    return audio.with_samples(audio.samples[:, 16_000 * start : 16_000 * (start + 4)])


def test_a_very_short_sound_comes_back_with_a_warning() -> None:
    short = white_noise(seconds=0.05, rate=44_100)
    with pytest.warns(ResonateWarning, match="too-short: 2205 frames"):
        assert dereverb(short) is short


def test_digital_silence_after_a_sound_stays_silent() -> None:
    wet = degradations.with_reverb(claps(seconds=3, rate=16_000))
    silence = wet.with_samples(np.zeros((1, 16_000)))
    heard = dereverb(joined(wet, silence, wet))
    assert np.abs(heard.samples[:, 3 * 16_000 + 2000 : 4 * 16_000 - 2000]).max() < 1e-6


@pytest.fixture(scope="module")
def drums(music: Audio) -> Audio:
    """What of the recording sounds for a moment only."""
    from librosa.effects import hpss

    return music.with_samples(hpss(music.samples[:, : 10 * 44_100], margin=4)[1])


@pytest.mark.parametrize(("rt60_seconds", "gain_db"), [(0.4, 2), (0.8, 3), (1.5, 3)])
@sampled(1)
def test_the_drums_of_a_recording_come_nearer(
    rt60_seconds: float, gain_db: float, drums: Audio
) -> None:
    wet = degradations.with_reverb(drums, rt60_seconds=rt60_seconds)
    assert si_sdr_db(dereverb(wet), drums) > si_sdr_db(wet, drums) + gain_db


def test_samples_near_the_limit_of_float32(drums: Audio) -> None:
    wet = degradations.with_reverb(drums.with_samples(drums.samples[:, : 2 * 44_100]))
    up = np.float32(2.0**127)
    heard = dereverb(wet.with_samples(wet.samples * up))
    assert difference_db(heard.with_samples(heard.samples / up), dereverb(wet)) < -100


@pytest.mark.parametrize("exponent", [-66, -100, -120])
def test_sounds_so_soft_that_float32_cannot_square_them(exponent: int, drums: Audio) -> None:
    """The smallest normal number of float32 is 2**-126."""
    soft = drums.with_samples(np.ldexp(drums.samples, exponent))
    heard = dereverb(soft).samples.astype(np.float64)
    assert difference_db(Audio(np.ldexp(heard, -exponent), drums.sample_rate), dereverb(drums)) < (
        -100 if exponent > -120 else -70
    )
