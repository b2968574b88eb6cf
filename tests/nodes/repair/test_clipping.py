from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from resonate_graph import Audio, ParamError
from resonate_nodes import declip, detect_clipping, resample
from tests import degradations
from tests.depth import sampled, thorough
from tests.signals import Array, decibels, difference_db, peak, si_sdr_db, sine


def gain_db(repaired: Audio, damaged: Audio, clean: Audio) -> float:
    """Return by how much the SDR has risen, as the literature on declipping has it."""
    before, after = (
        np.sum(np.square(one.samples - clean.samples, dtype=np.float64))
        for one in (damaged, repaired)
    )
    return float(10 * np.log10(before / after))


@pytest.fixture(scope="module")
def bar(excerpt: Audio) -> Audio:
    """A second and a half of one channel."""
    return excerpt.with_samples(excerpt.samples[:1, :66_150])


@pytest.fixture(scope="module")
def chord() -> Audio:
    """Three long strings, a second and a half: sparse, as most of the survey's excerpts are."""
    time = np.arange(66_150) / 44_100
    wave = sum(
        np.exp(-0.3 * time * (1 + number / 3)) * np.sin(2 * np.pi * number * note * time) / number
        for note in (196.0, 247.0, 330.0)
        for number in range(1, 12)
    )
    return Audio(wave / np.abs(wave).max(), 44_100)


# Means of the ten excerpts of P. Záviška, P. Rajmic, A. Ozerov, L. Rencker (IEEE JSTSP 15, 2021):
# social sparsity (PEW) for what is sparse.
@pytest.mark.parametrize(("sdr_db", "literature_db"), [(3, 15.0), (7, 17.7)])
@sampled(2)
def test_what_is_sparse_gains_as_in_the_literature(
    sdr_db: float, literature_db: float, chord: Audio
) -> None:
    cut, _ = degradations.clipped(chord, sdr_db=sdr_db)
    assert gain_db(declip(cut), cut, chord) > literature_db


@pytest.mark.parametrize(("sdr_db", "least_db"), [(3, 8), (7, 10), (20, 12)])
@sampled(2)
def test_clipped_peaks_come_back(sdr_db: float, least_db: float, bar: Audio) -> None:
    cut, _ = degradations.clipped(bar, sdr_db=sdr_db)
    assert gain_db(declip(cut), cut, bar) > least_db


@thorough
def test_there_is_no_seam_where_pieces_meet(speech: Audio) -> None:
    """Seven seconds are two pieces, which meet in the middle; a second around it is one."""
    cut, _ = degradations.clipped(speech, sdr_db=7)
    whole = declip(cut)
    middle, half = speech.frames // 2, speech.sample_rate // 2
    inner = slice(middle - half // 2, middle + half // 2)
    around = slice(middle - 2 * half, middle + 2 * half)
    alone = declip(cut.with_samples(cut.samples[:, around]))
    there = slice(inner.start - around.start, inner.stop - around.start)
    before, clean = (one.with_samples(one.samples[:, inner]) for one in (cut, speech))
    in_whole, in_piece = (
        gain_db(clean.with_samples(samples), before, clean)
        for samples in (whole.samples[:, inner], alone.samples[:, there])
    )
    assert in_whole > in_piece - 1 > 5


@pytest.mark.parametrize("rate", [16_000, 96_000, 192_000])
@sampled(3)
def test_clipped_peaks_come_back_at_any_rate(rate: int, excerpt: Audio) -> None:
    clean = resample(excerpt.with_samples(excerpt.samples[:1, :44_100]), sample_rate=rate)
    cut, _ = degradations.clipped(clean, sdr_db=12)
    assert si_sdr_db(declip(cut), clean) > si_sdr_db(cut, clean) + 5


def test_what_was_not_clipped_stays_and_what_was_lies_beyond(bar: Audio) -> None:
    cut, level = degradations.clipped(bar, sdr_db=15)
    heard = declip(cut)
    clipped = np.abs(cut.samples) >= level * (1 - 1e-5)
    np.testing.assert_array_equal(heard.samples[~clipped], cut.samples[~clipped])
    assert (np.abs(heard.samples[clipped]) >= np.abs(cut.samples[clipped])).all()
    assert peak(heard) > 1.1 * level
    assert declip(cut) == heard


def test_each_channel_and_polarity_has_its_own_level(excerpt: Audio) -> None:
    excerpt = excerpt.with_samples(excerpt.samples[:, :44_100])
    limits = np.quantile(excerpt.samples, [0.01, 0.98], axis=1)
    lowest, highest = limits[0][:, None] * [[1.0], [1.5]], limits[1][:, None] * [[1.3], [1.0]]
    cut = excerpt.with_samples(np.clip(excerpt.samples, lowest, highest))
    assert si_sdr_db(declip(cut), excerpt) > si_sdr_db(cut, excerpt) + 5


def test_dither_does_not_hide_it(bar: Audio) -> None:
    cut, _ = degradations.clipped(bar, sdr_db=15)
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (2, *cut.samples.shape)).sum(axis=0)
    dithered = cut.with_samples(np.round(cut.samples * 32_767 + noise) / 32_767)
    assert gain_db(declip(dithered), dithered, bar) > gain_db(declip(cut), cut, bar) - 1


def test_a_slow_filter_against_dc_does_not_hide_it(bar: Audio) -> None:
    cut, _ = degradations.clipped(bar, sdr_db=15)
    blocker = butter(1, 0.5, "highpass", fs=bar.sample_rate, output="sos")
    after, wanted = (one.with_samples(sosfilt(blocker, one.samples)) for one in (cut, bar))
    assert gain_db(declip(after), after, wanted) > 8


@thorough
def test_plateaus_need_not_be_quite_flat(bar: Audio) -> None:
    cut, level = degradations.clipped(bar, sdr_db=12)
    blurred = cut.with_samples(cut.samples + 1e-3 * level * np.sin(np.arange(cut.frames)))
    assert gain_db(declip(blurred), blurred, bar) > 8
    named = declip(blurred, threshold_dbfs=20 * np.log10(0.998 * level))
    assert gain_db(named, blurred, bar) > 8


@pytest.mark.parametrize("gain", [2**-10, 32.0])
@sampled(2)
def test_it_works_alike_at_any_level(gain: float, excerpt: Audio) -> None:
    second = excerpt.with_samples(excerpt.samples[:1, :44_100])
    cut, _ = degradations.clipped(second, sdr_db=12)
    heard = declip(cut.with_samples(gain * cut.samples))
    assert difference_db(heard.with_samples(heard.samples / gain), declip(cut)) < -60


@pytest.mark.parametrize("frequency_hz", [20.0, 50.0, 997.0])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_a_sine_of_few_bits_is_not_clipped(frequency_hz: float, bits: int) -> None:
    tone = sine(frequency_hz, rate=44_100, seconds=2, amplitude=0.9)
    steps = 2 ** (bits - 1)
    rounded = tone.with_samples(np.round(tone.samples * steps) / steps)
    assert declip(rounded) == rounded
    assert detect_clipping(rounded).clips == 0


def test_a_threshold_that_nothing_reaches_changes_nothing(excerpt: Audio) -> None:
    assert declip(excerpt, threshold_dbfs=0.0) == excerpt
    with pytest.raises(ParamError, match="threshold_dbfs"):
        declip(excerpt, threshold_dbfs=1.0)


@pytest.mark.parametrize("corner_hz", [0.5, 3.0, 20.0])
def test_a_filter_against_dc_does_not_hide_clipping(groove: Audio, corner_hz: float) -> None:
    """Each plateau decays behind it, and where they lie wanders: what went in is flat."""
    clean = groove.with_samples(groove.samples[:1, : 2 * groove.sample_rate])
    cut, level = degradations.clipped(clean, sdr_db=15)
    blocker = butter(1, corner_hz, "highpass", fs=clean.sample_rate, output="sos")
    sound = clean.with_samples(sosfilt(blocker, cut.samples.astype(np.float64)))
    true = float(np.mean(np.abs(cut.samples) >= level))
    (found,) = detect_clipping(sound).channels
    assert found.clipped_percent == pytest.approx(100 * true, rel=0.01)


@pytest.mark.parametrize("corner_hz", [3.0, 10.0, 20.0])
@sampled(1)
def test_a_filter_against_dc_costs_nothing(groove: Audio, corner_hz: float) -> None:
    """What it took from the samples after a peak that was cut off comes back too."""
    clean = groove.with_samples(groove.samples[:1, : 2 * groove.sample_rate])
    cut, _ = degradations.clipped(clean, sdr_db=15)
    blocker = butter(1, corner_hz, "highpass", fs=clean.sample_rate, output="sos")
    after, wanted = (
        one.with_samples(sosfilt(blocker, one.samples.astype(np.float64))) for one in (cut, clean)
    )
    assert gain_db(declip(after), after, wanted) > gain_db(declip(cut), cut, clean) - 0.3


@pytest.mark.parametrize("corner_hz", [3.0, 20.0])
def test_the_level_is_that_before_a_filter_against_dc(groove: Audio, corner_hz: float) -> None:
    """Behind it a plateau begins higher, and ends lower."""
    clean = groove.with_samples(groove.samples[:1, : 2 * groove.sample_rate])
    cut, level = degradations.clipped(clean, sdr_db=7)
    blocker = butter(1, corner_hz, "highpass", fs=clean.sample_rate, output="sos")
    sound = clean.with_samples(sosfilt(blocker, cut.samples.astype(np.float64)))
    (found,) = detect_clipping(sound).channels
    assert found.upper_dbfs == pytest.approx(decibels(level), abs=0.1)
    assert found.lower_dbfs == pytest.approx(decibels(level), abs=0.1)


def test_what_was_muted_behind_a_filter_against_dc_stays_silent(groove: Audio) -> None:
    """Here too the samples after a peak get back what the filter took, but not these."""
    clean = groove.with_samples(groove.samples[:1, : 2 * groove.sample_rate])
    cut, _ = degradations.clipped(clean, sdr_db=7)
    blocker = butter(1, 3.0, "highpass", fs=clean.sample_rate, output="sos")
    samples = sosfilt(blocker, cut.samples.astype(np.float64))
    muted = slice(groove.sample_rate, groove.sample_rate * 3 // 2)
    samples[:, muted] = 0
    restored = declip(clean.with_samples(samples)).samples
    assert not restored[:, muted].any()
    before = clean.with_samples(sosfilt(blocker, clean.samples.astype(np.float64)))
    until = slice(muted.start)
    damaged, back, wanted = (
        Audio(one[:, until], clean.sample_rate) for one in (samples, restored, before.samples)
    )
    assert gain_db(back, damaged, wanted) > 10


def in_16_bits(audio: Audio, noise: Array | float) -> Audio:
    """Return a sound rounded to 16 bits, with noise of so many steps."""
    return audio.with_samples(np.round(audio.samples * 32_767 + noise) / 32_767)


@pytest.mark.parametrize(("start_seconds", "least"), [(0, 0.98), (4, 0.85)])
def test_dither_hides_few_of_the_samples_that_were_clipped(
    start_seconds: int, least: float, groove: Audio
) -> None:
    start = start_seconds * groove.sample_rate
    clean = groove.with_samples(groove.samples[:1, start : start + 2 * groove.sample_rate])
    cut, level = degradations.clipped(clean, sdr_db=28)
    true = float(100 * np.mean(np.abs(cut.samples) >= level))
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (2, *cut.samples.shape)).sum(axis=0)
    (found,) = detect_clipping(in_16_bits(cut, noise)).channels
    assert least * true < found.clipped_percent < 1.01 * true


@pytest.mark.parametrize(("corner_hz", "start_seconds", "least"),
                         [(0.5, 0, 0.94), (0.5, 4, 0.94), (20.0, 0, 0), (20.0, 4, 0)])  # fmt: skip
def test_behind_a_filter_16_bits_hide_some(
    corner_hz: float, start_seconds: int, least: float, groove: Audio
) -> None:
    start = start_seconds * groove.sample_rate
    clean = groove.with_samples(groove.samples[:1, start : start + 2 * groove.sample_rate])
    cut, level = degradations.clipped(clean, sdr_db=15)
    true = float(100 * np.mean(np.abs(cut.samples) >= level))
    blocker = butter(1, corner_hz, "highpass", fs=clean.sample_rate, output="sos")
    sound = clean.with_samples(sosfilt(blocker, cut.samples.astype(np.float64)))
    (found,) = detect_clipping(in_16_bits(sound, 0.0)).channels
    assert least * true <= found.clipped_percent <= 1.01 * true * (least > 0)


def test_samples_near_the_limit_of_float32(groove: Audio) -> None:
    clean = groove.with_samples(groove.samples[:1, :22_050])
    cut, _ = degradations.clipped(clean, sdr_db=7)
    samples = cut.samples.astype(np.float64)
    huge = cut.with_samples(samples * (3e38 / np.abs(samples).max()))
    restored = declip(huge)
    assert detect_clipping(huge).clips == detect_clipping(cut).clips
    assert np.abs(restored.samples).max() > np.abs(huge.samples).max()
    below = np.abs(huge.samples) < 0.99 * np.abs(huge.samples).max()
    np.testing.assert_array_equal(restored.samples[below], huge.samples[below])
