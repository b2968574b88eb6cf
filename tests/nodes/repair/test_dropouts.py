from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from resonate_graph import Audio, NodeError, ResonateWarning
from resonate_nodes import remove_dc, repair_dropouts, resample
from tests import degradations
from tests.depth import sampled
from tests.signals import Array, difference_db, joined, peak, si_sdr_db, sine


@pytest.mark.parametrize(("longest_ms", "gain_db"), [(2, 10), (5, 9), (10, 7), (20, 5)])
def test_short_gaps_are_filled(longest_ms: float, gain_db: float, music: Audio) -> None:
    tape = degradations.with_dropouts(music, longest_ms=longest_ms)
    assert si_sdr_db(repair_dropouts(tape), music) > si_sdr_db(tape, music) + gain_db


@pytest.mark.parametrize(("bits", "peak_steps"), [(16, 30), (16, 100), (8, 13), (8, 40)])
def test_what_rests_at_zero_by_rounding_is_no_dropout(
    bits: int, peak_steps: int, excerpt: Audio
) -> None:
    steps = np.round(excerpt.samples * (peak_steps / peak(excerpt)))
    faded = excerpt.with_samples(steps / 2 ** (bits - 1))
    changed = repair_dropouts(faded).samples - faded.samples
    assert np.sum(changed**2) < 1e-5 * np.sum(faded.samples**2)  # -50 dB


@pytest.mark.parametrize("rate", [11_025, 17_100, 22_050])
@pytest.mark.parametrize("faded", [False, True])
def test_a_wave_of_8_bits_rests_at_zero_where_it_turns(rate: int, faded: bool) -> None:
    """Low, loud and a little noisy: now and then it stays within a step of zero for a while."""
    from scipy.signal import butter, sosfilt

    random = np.random.default_rng(rate)
    low = butter(2, [60, 900], "bandpass", fs=rate, output="sos")
    wave = sosfilt(low, random.standard_normal(20 * rate))
    hiss = 0.7 * random.standard_normal(len(wave))
    samples = np.clip(np.round(20 * wave / wave.std() + hiss), -127, 127) / 128
    if faded:  # afterwards: its smallest step is no longer that of most of it
        samples *= np.minimum(1, np.arange(len(samples))[::-1] / rate)
    sound = Audio(samples, rate)
    assert repair_dropouts(sound) == sound


def test_sound_that_is_often_zero_has_no_dropouts() -> None:
    """Half of its samples are zero, mostly one by one: now and then some others fall between."""
    random = np.random.default_rng(5)
    levels = random.integers(1, 100, 44_100) * random.choice([-1, 1], 44_100)
    levels[random.random(44_100) < 0.15] = 0
    levels[::2] = 0
    sound = Audio(levels / 128, 11_025)
    assert repair_dropouts(sound) == sound


def test_a_sound_that_comes_to_rest_was_not_held() -> None:
    """It settles on a level within 7 ms, stays there for 3, and leaves it as softly."""
    rate = 44_100
    tone = np.sin(2 * np.pi * 330 * np.arange(rate // 4) / rate)
    tone[-300:] *= np.cos(np.pi / 2 * np.arange(300) / 299) ** 4
    sound = Audio(0.002 + 0.3 * np.concatenate([tone, np.zeros(130), tone[::-1]]), rate)
    assert repair_dropouts(sound) == sound


def test_gaps_in_a_file_of_16_bits_are_filled(excerpt: Audio) -> None:
    clean = excerpt.with_samples(np.round(excerpt.samples * 2**15) / 2**15)
    tape = degradations.with_dropouts(clean)
    assert si_sdr_db(repair_dropouts(tape), clean) > si_sdr_db(tape, clean) + 7


@pytest.mark.parametrize("rate", [8000, 96_000])
def test_short_gaps_are_filled_at_any_rate(rate: int, excerpt: Audio) -> None:
    clean = resample(excerpt, sample_rate=rate)
    tape = degradations.with_dropouts(clean)
    assert si_sdr_db(repair_dropouts(tape), clean) > si_sdr_db(tape, clean) + 6


def test_what_is_there_stays_bit_by_bit(music: Audio) -> None:
    tape = degradations.with_dropouts(music)
    there = tape.samples != 0
    np.testing.assert_array_equal(repair_dropouts(tape).samples[there], tape.samples[there])


def test_a_tone_goes_on_through_a_gap() -> None:
    tone = sine(441, amplitude=0.5, rate=44_100, phase_degrees=30)
    samples = tone.samples.copy()
    samples[0, 20_000:20_400] = 0
    assert difference_db(repair_dropouts(tone.with_samples(samples)), tone) < -30


def test_a_long_gap_is_left_with_a_warning(excerpt: Audio) -> None:
    samples = excerpt.samples.copy()
    samples[:, 60_000:62_000] = 0
    tape = excerpt.with_samples(samples)
    with pytest.warns(ResonateWarning, match="long-dropout: 2 gaps of more than 20 ms"):
        assert repair_dropouts(tape) == tape


def test_silence_before_after_and_between_faded_sounds_is_no_dropout() -> None:
    silence = Audio(np.zeros((1, 400)), 44_100)
    tone = sine(441, seconds=0.5, rate=44_100)
    faded = tone.with_samples(tone.samples * np.hanning(tone.frames) ** 3)
    sound = joined(silence, faded, silence, faded, silence)
    assert repair_dropouts(sound) == sound


def test_an_offset_goes_and_nothing_else(music: Audio) -> None:
    centred = music.samples - music.samples.mean(axis=1, keepdims=True, dtype=np.float64)
    shifted = music.with_samples(centred + np.array([[0.2], [-0.1]]))
    assert difference_db(remove_dc(shifted), music.with_samples(centred)) < -120
    still = Audio(np.full((2, 1000), 0.25), 8000)
    assert not remove_dc(still).samples.any()


def test_regions_that_are_known_are_filled_whatever_stands_in_them() -> None:
    """A file that was salvaged has its gaps where it says, also where they are not silent."""
    time = np.arange(44100) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    damaged = np.stack([tone, tone])
    damaged[:, 20_000:20_400] = 0.01 * np.random.default_rng(0).standard_normal(400)
    sound = Audio(damaged, 44100)
    assert repair_dropouts(sound) == sound
    filled = repair_dropouts(sound, regions_seconds=[(20_000 / 44100, 20_400 / 44100)])
    assert np.abs(filled.samples - tone).max() < 1e-4
    with pytest.warns(ResonateWarning, match="long-dropout"):
        assert repair_dropouts(sound, regions_seconds=[(0.1, 0.2)]) == sound


@pytest.mark.parametrize(("start", "stop"), [(0, 400), (43_700, 44_100)])
def test_regions_at_the_ends_become_silence(start: int, stop: int) -> None:
    """One side is not known there, and nothing is made up from the other."""
    tone = sine(440, seconds=1, rate=44_100)
    filled = repair_dropouts(tone, regions_seconds=[(start / 44_100, stop / 44_100)])
    assert not filled.samples[:, start:stop].any()
    changed = np.flatnonzero((filled.samples != tone.samples)[0])
    assert start <= changed.min()
    assert changed.max() < stop
    short = tone.with_samples(tone.samples[:, 1:400])
    assert not repair_dropouts(short, regions_seconds=[(0, 399 / 44_100)]).samples.any()


@pytest.mark.parametrize("region", [(0.5, 0.4), (0.5, 0.5), (-0.1, 0.1), (0.9, 1.1)])
def test_regions_that_are_none_are_refused(region: tuple[float, float]) -> None:
    with pytest.raises(NodeError, match=r"regions_seconds has .* no part of a sound of 1 s"):
        repair_dropouts(Audio(np.ones((1, 44100)), 44100), regions_seconds=[region])


# -- what stands in for the sound -----------------------------------------------------------------


def dither(before: Array, random: np.random.Generator) -> Array:
    throws = random.uniform(-0.5, 0.5, (2, *before.shape)).sum(axis=0)
    return np.asarray(np.round(throws) / 32_768)


def held(before: Array, random: np.random.Generator) -> Array:
    return np.repeat(before[:, -1:], before.shape[1], axis=1)


def repeated(before: Array, random: np.random.Generator) -> Array:
    return before


@pytest.mark.parametrize("stand_in", [dither, held, repeated])
@pytest.mark.parametrize("gap_ms", [4, 8])
@sampled(2)
def test_what_stands_in_for_the_sound_is_found_and_replaced(
    stand_in: Callable[[Array, np.random.Generator], Array], gap_ms: int, music: Audio
) -> None:
    random = np.random.default_rng(gap_ms)
    samples, silent = music.samples.copy(), music.samples.copy()
    gap = gap_ms * music.sample_rate // 1000
    for place in random.integers(gap, music.frames - gap, 10):
        samples[:, place : place + gap] = stand_in(
            samples[:, place - gap : place].astype(np.float64), random
        )
        silent[:, place : place + gap] = 0
    tape = music.with_samples(samples)
    found = si_sdr_db(repair_dropouts(tape), music)
    assert found > si_sdr_db(tape, music) + 3
    assert found > si_sdr_db(repair_dropouts(music.with_samples(silent)), music) - 8


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_sound_of_few_bits_and_clipped_sound_stay(bits: int, music: Audio) -> None:
    rounded = np.round(music.samples * 2 ** (bits - 1)) / 2 ** (bits - 1)
    for samples in (rounded, np.clip(rounded, -0.1, 0.1)):
        assert repair_dropouts(music.with_samples(samples)) == music.with_samples(samples)


def test_what_comes_again_by_itself_is_no_repeated_block() -> None:
    period = 0.1 * np.random.default_rng(0).standard_normal(441)
    steps = np.sign(np.sin(2 * np.pi * 55 * np.arange(88_200) / 44_100))
    for samples in (np.tile(period, 200), 0.5 * steps):
        sound = Audio(samples, 44_100)
        assert repair_dropouts(sound) == sound


@pytest.mark.parametrize("bits", [3, 4, 6])
def test_dithered_music_of_few_bits_rests_at_zero(bits: int, groove: Audio) -> None:
    """Its level next to zero is far off: between them there is dither, which is no dropout's."""
    music = groove.samples[:, 44_100:88_200].astype(np.float64)
    coarse = np.round(music / np.abs(music).max() * 2 ** (bits - 1)) / 2 ** (bits - 1)
    dither = np.random.default_rng(2).uniform(-0.5, 0.5, (2, *music.shape)).sum(axis=0)
    sound = groove.with_samples(np.round(0.25 * coarse * 32_767 + dither) / 32_768)
    assert repair_dropouts(sound) == sound
