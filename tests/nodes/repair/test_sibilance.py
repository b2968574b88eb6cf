from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, NodeError
from resonate_nodes import deess, gain
from tests import degradations
from tests.signals import decibels, difference_db, joined, si_sdr_db, sine


def test_harsh_s_sounds_are_turned_down(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    assert si_sdr_db(deess(harsh), groove) > si_sdr_db(harsh, groove) + 15
    assert si_sdr_db(deess(harsh, ratio=2.0), groove) > si_sdr_db(harsh, groove) + 7


def test_between_the_s_sounds_nothing_changes(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    changed = (deess(harsh).samples != harsh.samples).any(axis=0)
    sibilant = (harsh.samples != groove.samples).any(axis=0)
    near = np.convolve(sibilant, np.ones(2 * 1323 + 1), "same") > 0.5
    assert not (changed & ~near).any()


@pytest.mark.parametrize("harsh_db", [0.0, 10.0])
@pytest.mark.parametrize(("ratio", "above_db"), [(2.0, 6.0), (4.0, 3.0), (100.0, 0.12)])
def test_above_the_threshold_it_grows_by_the_ratio(
    ratio: float, above_db: float, harsh_db: float
) -> None:
    voice = sine(300, seconds=4, rate=48_000, amplitude=0.5)
    hiss = sine(8000, seconds=1, rate=48_000, amplitude=0.5)
    quiet = voice.with_samples(0 * voice.samples)
    both = joined(voice, hiss, quiet)
    # the loud passages are the voice: the hiss lies 12 dB above a threshold of -12 dB
    heard = deess(both, threshold_db=-12.0, ratio=ratio, harsh_db=harsh_db)
    middle = slice(int(4.4 * 48_000), int(4.6 * 48_000))
    level = decibels(float(np.std(heard.samples[:, middle]) / np.std(both.samples[:, middle])))
    assert level == pytest.approx(above_db - 12.0, abs=0.1)


def test_what_is_not_harsh_or_does_not_last_stays() -> None:
    voice = sine(300, seconds=4, rate=48_000, amplitude=0.5)
    hiss = sine(8000, seconds=0.02, rate=48_000, amplitude=0.5)
    quiet = voice.with_samples(0 * voice.samples)
    stroke = joined(voice, hiss, quiet)
    assert deess(stroke, threshold_db=-12.0, harsh_db=10.0) == stroke
    assert deess(stroke, threshold_db=-12.0, harsh_db=0.0) != stroke
    lasting = joined(voice, *[hiss] * 10, quiet)
    assert deess(lasting, threshold_db=-12.0, harsh_db=16.0) == lasting
    assert deess(lasting, threshold_db=-12.0, harsh_db=12.0) != lasting


def test_it_works_alike_at_any_level(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    quiet = gain(harsh, gain_db=-40.0)
    assert difference_db(gain(deess(quiet), gain_db=40.0), deess(harsh)) < -100


def test_both_channels_keep_their_balance(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    same = harsh.with_samples(harsh.samples[:1] * [[1.0], [0.5]])
    heard = deess(same)
    np.testing.assert_allclose(heard.samples[1], 0.5 * heard.samples[0], atol=1e-6)


def test_a_split_beyond_the_rate_is_an_error() -> None:
    with pytest.raises(NodeError, match="4500 Hz is not below 4000 Hz"):
        deess(sine(300, rate=8000))


def test_a_long_sound_is_treated_alike_throughout() -> None:
    # it is worked on ten seconds at a time; periods of 3.7 s meet all that in other places
    voice = sine(300, seconds=2.5, rate=16_000, amplitude=0.5)
    hiss = sine(6000, seconds=0.4, rate=16_000, amplitude=0.25)
    quiet = voice.with_samples(0.01 * voice.samples[:, :12_800])
    heard = deess(joined(*[voice, hiss, quiet] * 9), threshold_db=-12.0, harsh_db=3.0).samples
    periods = heard.reshape(9, -1)
    assert difference_db(Audio(periods[0], 16_000), joined(voice, hiss, quiet)) > -40
    np.testing.assert_allclose(periods[1:-1], np.broadcast_to(periods[4], (7, 59_200)), atol=1e-6)


def test_a_sound_that_is_harsh_throughout_is_one_s_sound_however_long() -> None:
    voice = sine(300, seconds=30, rate=16_000, amplitude=0.5)
    hiss = sine(6000, seconds=30, rate=16_000, amplitude=0.25)
    both = voice.with_samples(voice.samples + hiss.samples)
    turned_down = deess(both, threshold_db=-30.0).samples - voice.samples
    levels = turned_down[0].reshape(-1, 16_000).std(axis=1)
    assert levels[1:-1] == pytest.approx(levels[5], rel=1e-3)
    assert levels[5] < 0.1 * 0.25 / np.sqrt(2)
