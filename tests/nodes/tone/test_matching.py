from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, NodeError
from resonate_nodes import Band, eq, gain, match_eq, resample, to_mono
from tests.signals import Array, difference_db, impulse, si_sdr_db, white_noise

DULL = [
    Band(kind="high_shelf", frequency_hz=3000.0, gain_db=-9.0),
    Band(frequency_hz=250.0, gain_db=5.0, q=0.7),
]


def thirds_db(audio: Audio) -> Array:
    """Return the level of each third of an octave from 50 Hz to 16 kHz, by one long FFT."""
    power = np.square(np.abs(np.fft.rfft(audio.samples.astype(np.float64)))).sum(axis=0)
    hertz = np.fft.rfftfreq(audio.frames, 1 / audio.sample_rate)
    centres = 1000 * 2 ** (np.arange(-13, 13) / 3)
    levels = [
        power[(hertz >= one / 2 ** (1 / 6)) & (hertz < one * 2 ** (1 / 6))].mean()
        for one in centres
    ]
    return np.asarray(10 * np.log10(levels), np.float64)


def tilt_db(audio: Audio, reference: Audio) -> float:
    """Return how far apart two tones are: the RMS over thirds of an octave, level aside."""
    apart = thirds_db(audio) - thirds_db(reference)
    return float(np.std(apart))


def test_a_dull_copy_gets_its_tone_back(groove: Audio) -> None:
    dull = eq(groove, bands=DULL)
    heard = match_eq(dull, groove)
    assert tilt_db(dull, groove) > 4
    assert tilt_db(heard, groove) < 0.5
    assert si_sdr_db(heard, groove) > si_sdr_db(dull, groove)


def test_another_part_of_the_same_music_will_do(groove: Audio) -> None:
    half = groove.frames // 2
    first = groove.with_samples(groove.samples[:, :half])
    second = groove.with_samples(groove.samples[:, half:])
    dull = eq(first, bands=DULL)
    assert tilt_db(match_eq(dull, second), second) < 0.3 * tilt_db(dull, second)


def test_half_the_amount_goes_half_the_way(groove: Audio) -> None:
    dull = eq(groove, bands=DULL)
    whole, half = match_eq(dull, groove), match_eq(dull, groove, amount=0.5)
    moved = thirds_db(whole) - thirds_db(dull)
    np.testing.assert_allclose(thirds_db(half) - thirds_db(dull), moved / 2, rtol=0, atol=0.3)


def test_no_gain_is_more_than_is_allowed(groove: Audio) -> None:
    dull = eq(groove, bands=[Band(kind="high_shelf", frequency_hz=1000.0, gain_db=-40.0)])
    moved = thirds_db(match_eq(dull, groove, max_gain_db=6.0)) - thirds_db(dull)
    assert np.abs(moved).max() < 6.1
    assert np.abs(moved).max() > 5.5


def test_level_rate_and_channels_of_the_reference_do_not_matter(groove: Audio) -> None:
    dull = eq(groove, bands=DULL)
    expected = match_eq(dull, groove)
    assert difference_db(match_eq(dull, gain(groove, gain_db=-30.0)), expected) < -90
    elsewhere = match_eq(dull, to_mono(resample(groove, sample_rate=48_000)))
    assert tilt_db(elsewhere, groove) < 0.8


def test_beyond_what_a_reference_can_hold_the_gain_stays(groove: Audio, speech: Audio) -> None:
    heard = match_eq(groove, speech)
    moved = thirds_db(heard) - thirds_db(groove)
    assert np.ptp(moved[-3:]) < 0.5


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_nothing_is_delayed(rate: int) -> None:
    noise = white_noise(seconds=4.0, rate=rate, channels=2)
    band = Band(frequency_hz=0.1 * rate, gain_db=9.0, q=1.0)
    heard = match_eq(noise, eq(noise, bands=[band]))
    spectra = np.fft.rfft(heard.samples) / np.fft.rfft(noise.samples)
    hertz = np.fft.rfftfreq(noise.frames, 1 / rate)
    inside = (hertz > 100) & (hertz < 0.4 * rate)
    # a filter of linear phase without delay: real and positive throughout
    assert np.abs(np.median(np.angle(spectra[:, inside]))) < 1e-3
    assert np.percentile(np.abs(np.angle(spectra[:, inside])), 95) < 0.05


def test_an_offset_is_no_tone(groove: Audio) -> None:
    offset = Audio(np.full((2, 44_100), 0.1), 44_100)
    with pytest.raises(NodeError, match="reference is silent between 25 Hz and 19845 Hz"):
        match_eq(groove, offset)
    assert match_eq(offset, groove) == offset


@pytest.mark.parametrize("at", [0, -1])
def test_an_impulse_at_an_end_has_the_tone_of_one_in_the_middle(groove: Audio, at: int) -> None:
    samples = np.zeros((1, 30_000))
    samples[:, at] = 0.5
    expected = match_eq(groove, impulse(frames=30_000, at=15_000, rate=44_100))
    assert difference_db(match_eq(groove, Audio(samples, 44_100)), expected) < -60


def test_a_silent_reference_has_no_tone(groove: Audio) -> None:
    silence = Audio(np.zeros((2, 44_100)), 44_100)
    with pytest.raises(NodeError, match="reference is silent"):
        match_eq(groove, silence)
    assert match_eq(silence, groove) == silence
