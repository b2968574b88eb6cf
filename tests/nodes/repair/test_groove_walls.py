"""Mono records that were played in stereo: a click in one wall is replaced by the other wall."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import shift

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import declick, detect_clicks, resample
from tests import degradations
from tests.counts import examples
from tests.depth import sampled
from tests.signals import Array, si_sdr_db, white_noise

RATE = 44_100


@pytest.fixture(scope="module")
def mono(groove: Audio) -> Audio:
    """Four seconds of the bundled recording, the same in both walls."""
    middle = groove.samples[:, : 4 * RATE].mean(axis=0)
    return groove.with_samples(np.stack([middle, middle]))


def scratched(clean: Audio, wall: int | None = None, per_second: float = 8.0) -> Audio:
    """Add clicks of up to 3 ms: each in one wall only."""
    random = np.random.default_rng(11)
    samples = clean.samples.astype(np.float64)
    level = degradations.rms(clean)
    for _ in range(round(per_second * clean.duration_seconds)):
        start = random.integers(clean.frames - clean.sample_rate // 100)
        time = np.arange(random.integers(4, clean.sample_rate * 3 // 1000)) / clean.sample_rate
        ring = np.exp(-2000 * time) * np.cos(2 * np.pi * random.uniform(500, 3000) * time)
        place = random.integers(2) if wall is None else wall
        samples[place, start : start + len(time)] += level * random.uniform(2, 10) * ring
    return clean.with_samples(samples)


def repaired(record: Audio) -> Audio:
    """Take the better wall, and see that nothing is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResonateWarning)
        return declick(record, mono_source=True)


def test_what_one_wall_lost_the_other_has(mono: Audio) -> None:
    record = scratched(mono)
    found = repaired(record)
    assert si_sdr_db(record, mono) < 20
    assert si_sdr_db(found, mono) > 50
    changed = found.samples != record.samples
    near = [np.convolve(one, np.ones(45), "same") > 0 for one in record.samples != mono.samples]
    assert not (changed & ~np.array(near)).any()


@given(
    gain_db=st.floats(-6, 6),
    delay=st.floats(-4, 4),
    noise_db=st.sampled_from([-60.0, -40.0, -30.0]),
    level_db=st.sampled_from([0.0, -40.0]),
)
@settings(max_examples=examples(4), derandomize=True, deadline=None)
def test_walls_differ_in_level_time_and_noise(
    mono: Audio, gain_db: float, delay: float, noise_db: float, level_db: float
) -> None:
    """The surface of a wall is 30 dB or more under the sound, and the other's in a repair."""
    second = 2 * RATE
    left = mono.samples[0, :second].astype(np.float64)
    right = 10 ** (gain_db / 20) * shift(left, delay, order=5, mode="nearest")
    level = degradations.rms(mono)
    hiss = white_noise(rms=level * 10 ** (noise_db / 20), seconds=2, rate=RATE, channels=2)
    walls = 10 ** (level_db / 20) * (np.stack([left, right]) + hiss.samples)
    clean = Audio(walls, RATE)
    record = scratched(clean)
    assert si_sdr_db(repaired(record), clean) > max(
        si_sdr_db(declick(record), clean), si_sdr_db(record, clean) + 12
    )


@pytest.mark.parametrize("rate", [16_000, 96_000])
@sampled(1)
def test_at_any_rate(rate: int, mono: Audio) -> None:
    clean = resample(mono.with_samples(mono.samples[:, : 2 * RATE]), sample_rate=rate)
    assert si_sdr_db(repaired(scratched(clean)), clean) > 45


def test_gains_that_drift_are_followed(mono: Audio) -> None:
    drift = np.stack([np.ones(mono.frames), np.linspace(0.8, 1.0, mono.frames)])
    clean = mono.with_samples(mono.samples * drift)
    assert si_sdr_db(repaired(scratched(clean)), clean) > 40


def test_a_crack_of_fifteen_milliseconds_in_one_wall_goes(mono: Audio) -> None:
    samples = mono.samples.astype(np.float64)
    time = np.arange(round(0.015 * RATE)) / RATE
    samples[1, RATE : RATE + len(time)] += 0.3 * np.exp(-250 * time) * np.sin(4000 * time)
    record = mono.with_samples(samples)
    assert si_sdr_db(repaired(record), mono) > max(si_sdr_db(declick(record), mono) + 10, 40)


def test_where_both_walls_were_hurt_it_is_filled_in(mono: Audio) -> None:
    """A scratch through both walls, alike or not: where it is alike, nearly as often as without."""
    for alike in (True, False):
        samples = mono.samples.astype(np.float64)
        random = np.random.default_rng(5)
        for start in range(5000, mono.frames - 5000, 9001):
            samples[:, start : start + 20] += 0.4 * random.standard_normal((2 - alike, 20))
        record = mono.with_samples(samples)
        assert si_sdr_db(repaired(record), mono) > si_sdr_db(record, mono) + 12


def test_clicks_in_a_pause_are_told_too(mono: Audio) -> None:
    """Where the walls hold nothing but their own noise."""
    hiss = white_noise(rms=2e-4, seconds=4, rate=RATE, channels=2)
    pause = np.r_[np.ones(2 * RATE), np.zeros(2 * RATE)]
    clean = mono.with_samples(mono.samples * pause + hiss.samples)
    record = scratched(clean, wall=0)
    found = repaired(record).samples[:, 2 * RATE :]
    assert np.abs(found).max() < 2e-3 < np.abs(record.samples[:, 2 * RATE :]).max()


def test_a_long_record_is_mended_where_its_stretches_meet(mono: Audio) -> None:
    short = resample(mono, sample_rate=8000)
    clean = short.with_samples(np.tile(short.samples, (1, 9)))  # 36 s, in stretches of some 30
    samples, burst = clean.samples.copy(), np.hanning(16) * np.resize([0.4, -0.4], 16)
    for start in range(29 * 8000, 32 * 8000, 391):
        samples[start // 391 % 2, start : start + 16] += burst
    record = clean.with_samples(samples)
    assert np.abs(repaired(record).samples - clean.samples).max() < 1e-5


def test_stereo_is_no_mono_groove(music: Audio) -> None:
    record = degradations.with_clicks(music)
    with pytest.warns(ResonateWarning, match="walls-differ: .*0.00 to 5.00 s"):
        assert declick(record, mono_source=True) == declick(record)


def test_narrow_stereo_is_told(groove: Audio) -> None:
    """It differs by less than walls may, but by music: that is told where something was taken."""
    samples = groove.samples[:, : 6 * RATE].astype(np.float64)
    middle, side = samples.mean(axis=0), (samples[0] - samples[1]) / 2
    narrow = groove.with_samples(np.stack([middle + 0.1 * side, middle - 0.1 * side]))
    with pytest.warns(ResonateWarning, match="walls-differ: .*follows the music.*0.00 to 6.00 s"):
        declick(narrow, mono_source=True)


@sampled(1)
@pytest.mark.parametrize("hiss_db", [-30.0, -45.0])
def test_walls_of_unlike_treble_are_walls(mono: Audio, hiss_db: float) -> None:
    """One of them through a pick-up that loses some treble: a steady filter is no music."""
    left = mono.samples[0].astype(np.float64)
    right = 0.85 * left + 0.15 * shift(left, 1, order=1)
    hiss = white_noise(
        rms=degradations.rms(mono) * 10 ** (hiss_db / 20), seconds=4, rate=RATE, channels=2
    )
    clean = mono.with_samples(np.stack([left, right]) + hiss.samples)
    assert si_sdr_db(repaired(scratched(clean)), clean) > si_sdr_db(scratched(clean), clean) + 12


@pytest.mark.parametrize("channels", [1, 3])
def test_a_groove_has_two_walls(channels: int, excerpt: Audio) -> None:
    record = degradations.with_clicks(
        excerpt.with_samples(np.repeat(excerpt.samples[:1], channels, axis=0))
    )
    with pytest.warns(ResonateWarning, match=f"walls-differ: .* has {channels}"):
        assert declick(record, mono_source=True) == declick(record)


def test_one_silent_wall_says_nothing(excerpt: Audio) -> None:
    one = excerpt.with_samples(excerpt.samples * [[1.0], [0.0]])
    with pytest.warns(ResonateWarning, match="walls-differ"):
        assert declick(one, mono_source=True) == declick(one)
    silence = excerpt.with_samples(0 * excerpt.samples)
    assert repaired(silence) == silence


def test_a_clean_mono_record_stays(mono: Audio) -> None:
    hiss = white_noise(rms=1e-3, seconds=4, rate=RATE, channels=2)
    record = mono.with_samples(mono.samples + hiss.samples)
    assert repaired(record) == declick(record)


def test_clicks_are_counted_in_the_wall_they_are_in(mono: Audio) -> None:
    record = scratched(mono, wall=1)
    report = detect_clicks(record, mono_source=True)
    added: Array = np.abs(record.samples - mono.samples)[1]
    bursts = np.convolve(added > 0, np.ones(20)) > 0
    count = np.count_nonzero(np.diff(bursts.astype(int)) == 1)
    left, right = report.channels
    assert left.clicks == 0
    assert right.clicks == pytest.approx(count, abs=2)
    assert right.loudest_dbfs == pytest.approx(20 * np.log10(added.max()), abs=0.1)
