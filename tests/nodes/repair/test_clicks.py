from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, ParamError
from resonate_nodes import declick, decrackle, detect_clicks, resample
from tests import degradations
from tests.depth import sampled
from tests.signals import (
    decibels,
    difference_db,
    joined,
    peak,
    relative_db,
    si_sdr_db,
    sine,
    white_noise,
)


@pytest.mark.parametrize(("per_second", "gain_db"), [(2, 15), (10, 15), (50, 12)])
@sampled(1)
def test_clicks_on_a_record_go(per_second: float, gain_db: float, music: Audio) -> None:
    record = degradations.with_clicks(music, per_second=per_second)
    assert si_sdr_db(declick(record), music) > si_sdr_db(record, music) + gain_db


@pytest.mark.parametrize("rate", [16_000, 48_000, 96_000])
@sampled(1)
def test_clicks_go_at_any_rate(rate: int, excerpt: Audio) -> None:
    clean = resample(excerpt, sample_rate=rate)
    record = degradations.with_clicks(clean)
    assert si_sdr_db(declick(record), clean) > si_sdr_db(record, clean) + 8


@pytest.mark.parametrize(("per_second", "gain_db"), [(100, 10), (400, 9), (1000, 7)])
@sampled(1)
def test_crackle_goes(per_second: float, gain_db: float, excerpt: Audio) -> None:
    clean = excerpt.with_samples(excerpt.samples[:, : 2 * excerpt.sample_rate])
    record = degradations.with_crackle(clean, per_second=per_second)
    assert si_sdr_db(decrackle(record), clean) > si_sdr_db(record, clean) + gain_db


def test_hardly_a_sample_changes_away_from_the_clicks(music: Audio) -> None:
    record = degradations.with_clicks(music, per_second=5)
    changed = declick(record).samples != record.samples
    clicked = record.samples != music.samples
    near = np.array([np.convolve(one, np.ones(201), "same") > 0 for one in clicked])
    assert (changed & ~near).mean() < 1e-4


def test_one_click_is_found_where_it_is() -> None:
    tone = sine(440, amplitude=0.5, rate=44_100)
    samples = tone.samples.copy()
    samples[0, 20_000:20_020] += 0.1
    repaired = declick(tone.with_samples(samples))
    assert np.flatnonzero(repaired.samples[0] != samples[0]).tolist() != []
    assert difference_db(repaired, tone) < -80


def test_a_click_in_silence_leaves_silence() -> None:
    samples = np.zeros((2, 44_100))
    samples[0, 10_000:10_010] = 0.5
    assert difference_db(declick(Audio(samples, 44_100)), Audio(0 * samples, 44_100)) < -100


def test_clicks_at_the_very_ends_go() -> None:
    tone = sine(300, amplitude=0.5, rate=44_100)
    samples = tone.samples.copy()
    samples[0, :5] += 0.4
    samples[0, -5:] -= 0.4
    repaired = declick(tone.with_samples(samples))
    assert si_sdr_db(repaired, tone) > si_sdr_db(tone.with_samples(samples), tone) + 10


def test_the_onset_of_noise_is_no_click() -> None:
    quiet = white_noise(rms=0.001, seconds=0.5, rate=44_100)
    loud = white_noise(rms=0.3, seconds=0.5, rate=44_100, seed=1)
    onset = quiet.with_samples(np.concatenate([quiet.samples, loud.samples], axis=1))
    assert declick(onset) == onset


def test_what_lasts_longer_than_a_click_stays() -> None:
    tone = sine(440, amplitude=0.5, rate=44_100)
    samples = tone.samples.copy()
    samples[0, 20_000:20_060] += 0.3
    record = tone.with_samples(samples)
    assert declick(record, max_click_ms=0.5) == record
    assert declick(record, max_click_ms=3.0) != record


def test_a_param_out_of_range_is_an_error(excerpt: Audio) -> None:
    with pytest.raises(ParamError, match="threshold_sigma"):
        declick(excerpt, threshold_sigma=1.0)


@pytest.mark.parametrize("per_second", [1, 5])
@sampled(1)
def test_clicks_are_counted_where_they_are(per_second: float, groove: Audio) -> None:
    clean = groove.with_samples(groove.samples[:, : 10 * groove.sample_rate])
    record = degradations.with_clicks(clean, per_second=per_second)
    report = detect_clicks(record, max_listed=10_000)
    clicked = record.samples != clean.samples
    added = np.abs(record.samples - clean.samples)
    for channel, mask, heights in zip(report.channels, clicked, added, strict=True):
        bursts = np.convolve(mask, np.ones(45)) > 0
        count = np.count_nonzero(np.diff(bursts.astype(int)) == 1)
        assert channel.clicks == pytest.approx(count, rel=0.25)
        assert channel.damaged_percent == pytest.approx(100 * mask.mean(), rel=0.5)
        assert channel.loudest_dbfs == pytest.approx(decibels(heights.max()), abs=1)
    names = ("left", "right")
    places = [
        (names.index(one.channel), round(one.time_seconds * 44_100)) for one in report.loudest
    ]
    near = [clicked[channel, max(place - 20, 0) : place + 20].any() for channel, place in places]
    assert near.count(False) <= 4  # what there is of the kind in 10 s of drums
    assert len(places) == sum(channel.clicks for channel in report.channels)


def test_what_declick_removes_is_what_is_detected(excerpt: Audio) -> None:
    record = degradations.with_clicks(excerpt, per_second=3)
    report = detect_clicks(record)
    taken = declick(record)
    removed = record.with_samples(record.samples - taken.samples)
    loudest = max(channel.loudest_dbfs or -200 for channel in report.channels)
    assert loudest == pytest.approx(decibels(peak(removed)), abs=1e-3)
    left, right = (one.any() for one in removed.samples)
    assert [channel.clicks > 0 for channel in report.channels] == [left, right]
    for channel, one in zip(report.channels, removed.samples, strict=True):  # all others stay
        assert 100 * np.count_nonzero(one) / record.frames <= channel.damaged_percent


def test_a_scratch_across_both_channels_counts_once() -> None:
    samples = np.tile(sine(440, amplitude=0.5, rate=44_100).samples, (2, 1))
    samples[:, 20_000:20_020] += 0.2
    report = detect_clicks(Audio(samples, 44_100))
    assert (report.clicks, [one.clicks for one in report.channels]) == (1, [1, 1])
    assert report.clicks_per_minute == pytest.approx(60)
    assert [click.channel for click in report.loudest] == ["left", "right"]
    assert detect_clicks(Audio(samples, 44_100), max_listed=0).loudest == ()


def test_hardly_a_click_is_found_in_clean_music(music: Audio) -> None:
    per_minute = detect_clicks(music).clicks_per_minute
    assert per_minute is not None
    assert per_minute < 20


def test_clicks_are_found_by_their_places(music: Audio) -> None:
    """Bumps, rings and double lobes, most of them smooth; two in five are softer than the sound."""
    record, clicks = degradations.with_groove_clicks(music)
    repaired = declick(record)
    changed = (repaired.samples != record.samples).any(axis=0)
    loud = [changed[one.start : one.stop].any() for one in clicks if one.level_db >= 10]
    found = [changed[one.start : one.stop].any() for one in clicks]
    assert np.mean(loud) > 0.7
    assert np.mean(found) > 0.55
    near = np.zeros(music.frames, bool)
    for one in clicks:
        near[max(one.start - 50, 0) : one.stop + 50] = True
    assert np.mean(near[changed]) > 0.9


@pytest.mark.parametrize("rate", [88_200, 192_000])
def test_at_high_rates_drums_are_no_clicks_and_clicks_are(rate: int, groove: Audio) -> None:
    """The bandwidth of a sound says nothing of its rate: most of such files have no more."""
    clean = resample(groove.with_samples(groove.samples[:1, 44_100:132_300]), sample_rate=rate)
    assert declick(clean) == clean
    clicked, clicks = degradations.with_groove_clicks(
        clean, per_second=4, lengths=(rate // 8000, rate // 1500), levels_db=(10, 20)
    )
    repaired = declick(clicked)
    changed = (repaired.samples != clicked.samples).any(axis=0)
    found = sum(bool(changed[click.start : click.stop].any()) for click in clicks)
    assert found > 0.7 * len(clicks)
    assert si_sdr_db(repaired, clean) > si_sdr_db(clicked, clean) + 6


@pytest.mark.parametrize("gain", [1.5, 4.0])
def test_a_sound_that_was_clipped_has_no_clicks(gain: float, groove: Audio) -> None:
    hot = groove.samples[:, 44_100:132_300] * (gain / np.abs(groove.samples).max())
    clipped = groove.with_samples(np.clip(hot, -1, 1))
    assert relative_db(declick(clipped), clipped) < -60


def test_a_long_sound_is_searched_as_its_parts_are(groove: Audio) -> None:
    # thirty seconds at a time; a part that begins where blocks and levels do sees the same
    rate, grid = 16_000, 256 * 16
    sound = resample(groove, sample_rate=rate)
    long = joined(*[sound] * -(-40 * rate // sound.frames))
    long = degradations.with_clicks(long.with_samples(long.samples[:1, : 40 * rate]), per_second=4)
    first, sure = 60 * grid, 72 * grid
    part = long.with_samples(long.samples[:, first:])
    repaired = declick(long).samples
    assert (repaired != long.samples)[:, 29 * rate : 31 * rate].any()
    np.testing.assert_array_equal(repaired[:, sure:], declick(part).samples[:, sure - first :])


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_a_click_is_filled_in_alike_wherever_it_lies(rate: int) -> None:
    # some lie across the blocks of the model, one across the thirty seconds searched at once
    tone = sine(440, seconds=31, rate=rate, amplitude=0.5)
    scratched = tone.samples.copy()
    length = round(0.001 * rate)
    places = [round(30 * rate) - length // 2, *range(rate, 10 * rate, rate // 10 + 3)]
    for place in places:
        scratched[:, place : place + length] += 0.3
    report = detect_clicks(tone.with_samples(scratched), max_listed=1000)
    assert report.clicks == len(places)
    assert [one.length_ms for one in report.loudest] == pytest.approx([1] * len(places), rel=0.3)
    assert difference_db(declick(tone.with_samples(scratched)), tone) < -60


def test_however_loud_a_click_is_it_goes(groove: Audio) -> None:
    # two that are near count as one candidate, longer and louder than those of the network
    samples = groove.samples.copy()
    random = np.random.default_rng(0)
    for place in (100_000, 200_000, 373_488):
        for start, length, height in ((place, 41, 2.4), (place + 97, 16, 0.5)):
            burst = random.uniform(-1, 1, length) * np.exp(-np.arange(length) / (length / 3))
            samples[:, start : start + length] += height * burst
    record = groove.with_samples(samples)
    assert si_sdr_db(declick(record), groove) > si_sdr_db(record, groove) + 15


@pytest.mark.parametrize("rate", [500, 900])
def test_a_click_goes_from_a_sound_of_a_very_low_rate(rate: int) -> None:
    noise = white_noise(rms=0.01, seconds=3, rate=rate, seed=2)
    samples = noise.samples.copy()
    samples[0, rate] += 1
    repaired = declick(noise.with_samples(samples))
    assert abs(repaired.samples[0, rate]) < 0.1


@pytest.mark.parametrize("milliseconds", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("second", [1, 4, 7])
def test_a_lone_click_far_larger_than_the_sound_goes(
    milliseconds: float, second: int, groove: Audio
) -> None:
    clean = groove.with_samples(groove.samples[:1, : 10 * 44_100])
    length = round(milliseconds * 44.1)
    burst = np.random.default_rng(second).standard_normal(length) * np.hanning(length + 2)[1:-1]
    samples = clean.samples.copy()
    there = slice(second * 44_100, second * 44_100 + length)
    samples[0, there] += (3 * burst / np.abs(burst).max()).astype(np.float32)
    record = clean.with_samples(samples)
    assert si_sdr_db(declick(record), clean) > si_sdr_db(record, clean) + 12
