"""Clicks that are smooth, that are in both channels, and that lie among the pulses of a pitch."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import declick
from tests.depth import sampled
from tests.signals import Array, si_sdr_db

RATE = 44_100


def notes(seed: int, seconds: float = 4.0, rate: int = RATE) -> Array:
    """Return plucked notes over the noise of a room, one each half second, peak 0.3."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(time))
    for begin in np.arange(0, seconds, 0.5):
        pitch_hz = random.choice([196.0, 220.0, 247.0, 294.0, 330.0, 392.0])
        since = np.maximum(time - begin, 0)
        for number in range(1, 7):
            decay = np.minimum(1, since / 0.02) * np.exp(-since * (1.5 + 0.6 * number))
            sound += decay * np.sin(2 * np.pi * pitch_hz * number * since) / number**1.5
    noise = lfilter([1.0], [1.0, -0.9], random.standard_normal(len(time)))
    made: Array = 0.3 * sound / np.abs(sound).max() + 0.002 * noise / noise.std()
    return made


def lobes(length: int) -> Array:
    """Return a click without a corner: one sine under a Hann window."""
    place = np.arange(1, length + 1) / (length + 1)
    shape: Array = np.sin(2 * np.pi * place) * np.sin(np.pi * place) ** 2
    return shape


def places(seed: int, frames: int, count: int = 8) -> list[int]:
    """Return where clicks begin: one in each of as many equal parts, at any place of it."""
    part = frames // (count + 1)
    random = np.random.default_rng(seed)
    return [
        part * (index + 1) + int(random.integers(-part // 4, part // 4)) for index in range(count)
    ]


def spread(samples: Array, clicks: list[int], shape: Array) -> Array:
    """Add a click at each of some places, up and down by turns."""
    hurt = samples.copy()
    for index, place in enumerate(clicks):
        hurt[place : place + len(shape)] += (-1) ** index * shape
    return hurt


def hits(changed: NDArray[np.bool_], clicks: list[int], length: int) -> int:
    """Return how many clicks something was changed of."""
    return sum(bool(changed[place : place + length].any()) for place in clicks)


@pytest.mark.parametrize(
    ("milliseconds", "height", "share"), [(0.7, 0.3, 0.9), (1.0, 0.3, 0.75), (1.2, 0.6, 0.75)]
)
@sampled(1)
def test_a_smooth_click_is_filled_in_as_far_as_it_reaches(
    milliseconds: float, height: float, share: float
) -> None:
    """It is as loud as the sound, or twice as loud; hardly a sample of it stands out alone."""
    length = round(milliseconds * RATE / 1000)
    found, covered = 0, []
    for seed in range(4):
        clean = notes(seed)
        clicks = places(seed, len(clean))
        record = Audio(spread(clean, clicks, height * lobes(length)), RATE)
        repaired = declick(record)
        changed = (repaired.samples != record.samples)[0]
        found += hits(changed, clicks, length)
        covered += [changed[place : place + length].mean() for place in clicks]
        gained = si_sdr_db(repaired, Audio(clean, RATE)) - si_sdr_db(record, Audio(clean, RATE))
        assert gained > 3
    assert found >= share * len(covered)
    reached = [one for one in covered if one]
    assert np.median(reached) > 0.9


def test_a_smooth_click_of_two_milliseconds_goes_where_it_is_loud() -> None:
    """Half of those that are four times as loud as the sound: what is softer is a note's."""
    length, found = round(0.002 * RATE), 0
    for seed in range(4):
        clean = notes(seed)
        clicks = places(seed, len(clean))
        record = Audio(spread(clean, clicks, 1.2 * lobes(length)), RATE)
        found += hits((declick(record).samples != record.samples)[0], clicks, length)
    assert found >= 16


@pytest.mark.parametrize(("milliseconds", "lobed"), [(0.5, False), (1.0, False), (1.2, True)])
def test_a_lone_smooth_click_goes_where_it_is_far_louder(milliseconds: float, lobed: bool) -> None:
    """Ten times as loud as the peak of the sound, and found in part at first."""
    length, found = round(milliseconds * RATE / 1000), 0
    shape = lobes(length) if lobed else np.hanning(length + 2)[1:-1]
    for seed in range(4):
        clean = notes(seed)
        clicks = places(seed, len(clean), 1)
        record = Audio(spread(clean, clicks, 3 * shape), RATE)
        repaired = declick(record)
        gained = si_sdr_db(repaired, Audio(clean, RATE)) - si_sdr_db(record, Audio(clean, RATE))
        found += gained > 15
    assert found == 4


def test_plucked_notes_have_no_clicks() -> None:
    for seed in range(4):
        clean = Audio(notes(seed), RATE)
        assert declick(clean) == clean


def test_a_click_in_both_channels_is_mended_in_both() -> None:
    """A tenth as loud on the right: beside one on the left it is one, alone it is not."""
    length = 20
    beside, alone = 0, 0
    for seed in range(3):
        clean = np.stack([notes(seed), notes(seed + 10)])
        clicks = places(seed, clean.shape[1])
        apart = [place + 2000 for place in clicks]
        for right in (clicks, apart):
            left = spread(clean[0], clicks, 0.2 * lobes(length))
            record = Audio(np.stack([left, spread(clean[1], right, 0.02 * lobes(length))]), RATE)
            changed = declick(record).samples != record.samples
            assert hits(changed[0], clicks, length) == len(clicks)
            if right is clicks:
                beside += hits(changed[1], right, length)
            else:
                alone += hits(changed[1], right, length)
    assert beside >= 12
    assert alone <= 2


def test_a_click_in_one_channel_leaves_the_other_as_it_is() -> None:
    clean = np.stack([notes(0), notes(1)])
    hurt = spread(clean[0], places(0, clean.shape[1]), 0.2 * lobes(20))
    record = Audio(np.stack([hurt, clean[1]]), RATE)
    repaired = declick(record)
    assert (repaired.samples != record.samples)[0].any()
    np.testing.assert_array_equal(repaired.samples[1], record.samples[1])


def breath(pitch_hz: float, seed: int = 0, seconds: float = 3.0) -> Array:
    """Return noise that swells for 3 ms at a pitch, as the breath of a reed does."""
    random = np.random.default_rng(seed)
    sound = 0.02 * random.standard_normal(round(seconds * RATE))
    swell = 0.2 * np.hanning(round(0.003 * RATE))
    for number in range(1, int(seconds * pitch_hz) - 1):
        place = round(number * RATE / pitch_hz)
        sound[place : place + len(swell)] += swell * random.standard_normal(len(swell))
    return sound


@pytest.mark.parametrize("pitch_hz", [90.0, 140.0])
def test_what_is_evenly_spaced_and_like_no_click_is_not_told_as_pulses(pitch_hz: float) -> None:
    sound = Audio(breath(pitch_hz), RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResonateWarning)
        assert declick(sound) == sound


def test_clicks_go_from_among_pulses_that_are_like_none() -> None:
    found = 0
    for seed in range(3):
        clean = breath(140.0, seed)
        clicks = places(seed, len(clean))
        decay = np.exp(-np.arange(25) / 8)
        click = 2 * np.random.default_rng(seed).standard_normal(25) * decay
        record = Audio(spread(clean, clicks, click), RATE)
        found += hits((declick(record).samples != record.samples)[0], clicks, 25)
    assert found >= 16


def test_among_pulses_that_are_like_clicks_nothing_is_touched() -> None:
    """Single samples a hundred times a second, and clicks in between."""
    pulses = 0.002 * np.random.default_rng(0).standard_normal(2 * RATE)
    pulses[441::441] += 0.3
    record = Audio(spread(pulses, places(0, len(pulses)), 0.3 * lobes(20)), RATE)
    with pytest.warns(ResonateWarning, match="not-plausible"):
        assert declick(record) == record
