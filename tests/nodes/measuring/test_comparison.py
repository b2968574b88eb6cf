from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, NodeError
from resonate_nodes import compare, describe, detect_clipping, gain, noise_floor, resample
from tests import degradations
from tests.depth import sampled
from tests.signals import decibels, si_sdr_db, sine, white_noise

# -- compare --------------------------------------------------------------------------------------


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 20.0, 60.0])
def test_noise_that_was_added_is_measured(snr_db: float, excerpt: Audio) -> None:
    report = compare(excerpt, degradations.with_hiss(excerpt, snr_db=snr_db))
    assert report.snr_db == pytest.approx(snr_db, abs=0.1)
    rms_db = decibels(degradations.rms(excerpt))
    assert report.null_rms_dbfs == pytest.approx(rms_db - snr_db, abs=0.1)
    assert not report.identical


def test_si_sdr_is_that_of_its_definition(excerpt: Audio) -> None:
    noisy = gain(degradations.with_hiss(excerpt, snr_db=12), gain_db=-4.0)
    report = compare(excerpt, noisy)
    assert report.si_sdr_db == pytest.approx(si_sdr_db(noisy, excerpt), abs=1e-6)
    assert report.gain_db == pytest.approx(-4.0, abs=0.05)
    left, right = (Audio(one, 44_100) for one in excerpt.samples)
    for channel, one, samples in zip(report.channels, (left, right), noisy.samples, strict=True):
        assert channel.si_sdr_db == pytest.approx(si_sdr_db(Audio(samples, 44_100), one), abs=1e-6)


def test_sdr_is_that_of_its_definition() -> None:
    """Against the projection on 512 delayed copies, by its normal equations in full."""
    random = np.random.default_rng(0)
    wanted = np.convolve(random.standard_normal(3000), [1, 0.7, 0.2], "same").astype(np.float32)
    found = np.convolve(wanted, [0.5, -0.3, 0.1])[:3000] + 0.05 * random.standard_normal(3000)
    found = found.astype(np.float32)
    delayed = np.zeros((3000, 512))
    for k in range(512):
        delayed[k:, k] = wanted[: 3000 - k]
    # the definition pads both with zeros, so that no delayed copy is cut off
    padded = np.vstack([delayed, np.zeros((511, 512))])
    for k in range(1, 512):
        padded[3000 : 3000 + k, k] = wanted[3000 - k :]
    target = padded @ np.linalg.solve(padded.T @ padded, padded.T @ np.pad(found, (0, 511)))
    rest = np.pad(found, (0, 511)) - target
    expected = 10 * np.log10((target @ target) / (rest @ rest))
    report = compare(Audio(wanted, 8000), Audio(found, 8000))
    assert report.sdr_db == pytest.approx(expected, abs=0.01)


def test_each_measure_allows_for_what_it_says(excerpt: Audio) -> None:
    louder = compare(excerpt, gain(excerpt, gain_db=3.0))
    assert louder.snr_db == pytest.approx(-decibels(10 ** (3 / 20) - 1), abs=0.01)
    assert louder.si_sdr_db is None or louder.si_sdr_db > 120
    assert louder.gain_db == pytest.approx(3.0, abs=1e-4)
    late = compare(excerpt, excerpt.with_samples(np.roll(excerpt.samples, 100, axis=1)))
    assert late.si_sdr_db is not None
    assert late.si_sdr_db < 0
    assert late.sdr_db is not None
    assert late.sdr_db > 30


def test_the_same_is_identical(excerpt: Audio) -> None:
    report = compare(excerpt, excerpt)
    assert report.identical
    assert report.gain_db == pytest.approx(0.0, abs=1e-9)
    assert report.snr_db is report.si_sdr_db is report.sdr_db is None
    assert report.null_rms_dbfs is report.null_peak_dbfs is None


def test_one_sample_that_differs_is_seen(excerpt: Audio) -> None:
    samples = excerpt.samples.copy()
    samples[1, 100] += 0.25
    report = compare(excerpt, excerpt.with_samples(samples))
    assert report.null_peak_dbfs == pytest.approx(decibels(0.25), abs=1e-4)
    left, right = report.channels
    assert (left.channel, right.channel) == ("left", "right")
    assert left.null_peak_dbfs is None
    assert right.null_peak_dbfs == report.null_peak_dbfs


def test_silence_has_no_ratio(excerpt: Audio) -> None:
    silence = excerpt.with_samples(np.zeros_like(excerpt.samples))
    lost = compare(excerpt, silence)
    assert lost.snr_db == pytest.approx(0.0)
    assert lost.si_sdr_db is lost.sdr_db is lost.gain_db is None
    assert compare(silence, excerpt).snr_db is None
    assert compare(silence, silence).identical


def test_what_cannot_be_compared_is_refused(excerpt: Audio) -> None:
    for other in (
        resample(excerpt, sample_rate=48_000),
        excerpt.with_samples(excerpt.samples[:1]),
        excerpt.with_samples(excerpt.samples[:, 1:]),
    ):
        with pytest.raises(NodeError, match="they must match"):
            compare(excerpt, other)


# -- detect_clipping ------------------------------------------------------------------------------


def test_clipping_is_found_at_its_level(excerpt: Audio) -> None:
    cut, level = degradations.clipped(excerpt, sdr_db=15)
    report = detect_clipping(cut)
    lost = np.abs(excerpt.samples) >= level
    for channel, mask in zip(report.channels, lost, strict=True):
        assert channel.upper_dbfs == pytest.approx(decibels(level), abs=1e-3)
        assert channel.lower_dbfs == pytest.approx(decibels(level), abs=1e-3)
        runs = np.count_nonzero(np.diff(mask.astype(int)) == 1)
        assert channel.clips == pytest.approx(runs, rel=0.02)
        assert channel.clipped_percent == pytest.approx(100 * mask.mean(), rel=0.02)
    assert report.clips_per_minute == pytest.approx(20 * report.clips)
    assert len(report.longest) == 100
    times = [clip.time_seconds for clip in report.longest]
    assert times == sorted(times)


def test_what_is_clean_has_no_clips(groove: Audio) -> None:
    report = detect_clipping(groove)
    assert (report.clips, report.clips_per_minute, report.longest) == (0, 0.0, ())
    assert all(channel.upper_dbfs is None for channel in report.channels)


def test_each_clip_has_its_place() -> None:
    tone = sine(100, seconds=1.0, rate=48_000)
    cut = tone.with_samples(np.clip(tone.samples, -1, 0.5))
    report = detect_clipping(cut, max_listed=3)
    (channel,) = report.channels
    # a sine is above half its amplitude from 30 to 150 degrees: a third of each period
    assert channel.clips == 100
    assert channel.longest_ms == pytest.approx(10 / 3, abs=0.05)
    assert channel.clipped_percent == pytest.approx(100 / 3, abs=0.3)
    phases = [clip.time_seconds % 0.01 for clip in report.longest]
    assert phases == pytest.approx([1 / 1200] * 3, abs=5e-5)


def test_samples_beyond_full_scale_are_counted() -> None:
    samples = np.zeros((2, 1000))
    samples[0, :5] = 1.5
    samples[1, 10] = -1.0
    left, right = detect_clipping(Audio(samples, 8000)).channels
    assert (left.beyond_full_scale, right.beyond_full_scale) == (5, 0)


# -- noise_floor ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
@pytest.mark.parametrize("seconds", [1.0, 12.0, 30.0])
@sampled(2)
def test_noise_alone_is_measured(rate: int, seconds: float) -> None:
    report = noise_floor(white_noise(seconds=seconds, rate=rate, rms=0.001, channels=2))
    assert report.noise_dbfs == pytest.approx(-60, abs=1)
    for channel in report.channels:
        assert channel.sound_dbfs == pytest.approx(-60, abs=0.2)
        assert channel.below_sound_db == pytest.approx(0, abs=1)


def test_octaves_of_white_noise_rise_by_3_db() -> None:
    report = noise_floor(white_noise(seconds=20.0, rate=48_000, rms=0.01))
    levels = [band.noise_dbfs for band in report.octaves if band.centre_hz >= 250]
    assert [band.centre_hz for band in report.octaves][-1] == 16_000
    assert None not in levels
    assert np.diff(np.array(levels, float)) == pytest.approx([3.01] * 6, abs=0.8)
    # from 707 to 1414 Hz lie 707 of 24,000 Hz
    (at_1k,) = (one.noise_dbfs for one in report.octaves if one.centre_hz == 1000)
    assert at_1k == pytest.approx(-40 + 10 * np.log10(707 / 24_000), abs=1)


@pytest.mark.parametrize("snr_db", [20, 30])
def test_hiss_is_found_beneath_speech_like_pauses(snr_db: float, groove: Audio) -> None:
    beat = np.sin(2 * np.pi * np.arange(groove.frames) / groove.sample_rate) > 0
    phrases = groove.with_samples(groove.samples * beat)
    tape = degradations.with_hiss(phrases, snr_db=snr_db)
    expected = decibels(degradations.rms(phrases)) - snr_db
    assert noise_floor(tape).noise_dbfs == pytest.approx(expected, abs=1.5)


def test_digital_silence_has_no_noise() -> None:
    report = noise_floor(Audio(np.zeros((2, 44_100)), 44_100))
    assert report.noise_dbfs is None
    assert report.octaves == ()


# -- describe -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 48_000, 96_000])
@pytest.mark.parametrize("frequency_hz", [500.0, 3000.0])
@sampled(2)
def test_a_tone_is_described(rate: int, frequency_hz: float) -> None:
    report = describe(sine(frequency_hz, seconds=2.0, rate=rate, amplitude=0.5, channels=2))
    assert (report.duration_seconds, report.sample_rate_hz, report.channels) == (2.0, rate, 2)
    assert report.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert report.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert report.crest_db == pytest.approx(3.01, abs=0.01)
    assert report.centroid_hz == pytest.approx(frequency_hz, abs=10)
    assert report.rolloff_hz == pytest.approx(frequency_hz, abs=40)
    assert report.bandwidth_hz is not None
    assert report.bandwidth_hz < 100
    assert report.flatness is not None
    assert report.flatness < 1e-4


def test_the_spectral_figures_are_those_of_librosa(excerpt: Audio) -> None:
    from librosa import feature

    mono = excerpt.with_samples(excerpt.samples[:1])
    report = describe(mono)
    given = {"y": mono.samples[0], "sr": 44_100, "n_fft": 2048, "hop_length": 512, "center": False}
    assert report.centroid_hz == pytest.approx(feature.spectral_centroid(**given).mean(), rel=1e-3)
    assert report.bandwidth_hz == pytest.approx(
        feature.spectral_bandwidth(**given).mean(), rel=1e-3
    )
    assert report.rolloff_hz == pytest.approx(
        feature.spectral_rolloff(**given, roll_percent=0.85).mean(), rel=1e-2
    )


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_the_tempo_of_a_beat_is_found(bpm: int) -> None:
    random = np.random.default_rng(1)
    samples = np.zeros(12 * 44_100)
    for start in np.arange(0, 11.5, 60 / bpm):
        place = int(start * 44_100)
        samples[place : place + 2000] = random.standard_normal(2000) * np.hanning(4000)[2000:]
    assert describe(Audio(0.3 * samples, 44_100)).tempo_bpm == pytest.approx(bpm, rel=0.04)


def test_an_offset_is_measured_in_the_channel_that_has_most() -> None:
    samples = np.stack([np.full(8000, 0.01), np.full(8000, -0.1)])
    assert describe(Audio(samples, 8000)).dc_dbfs == pytest.approx(-20, abs=1e-3)
