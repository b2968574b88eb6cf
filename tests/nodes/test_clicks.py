from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, ParamError
from resonate_nodes import declick, decrackle, resample
from tests import degradations
from tests.signals import difference_db, si_sdr_db, sine, white_noise


@pytest.mark.parametrize(("per_second", "gain_db"), [(2, 15), (10, 15), (50, 12)])
def test_clicks_on_a_record_go(per_second: float, gain_db: float, groove: Audio) -> None:
    record = degradations.with_clicks(groove, per_second=per_second)
    assert si_sdr_db(declick(record), groove) > si_sdr_db(record, groove) + gain_db


@pytest.mark.parametrize("rate", [16_000, 48_000, 96_000])
def test_clicks_go_at_any_rate(rate: int, excerpt: Audio) -> None:
    clean = resample(excerpt, sample_rate=rate)
    record = degradations.with_clicks(clean)
    assert si_sdr_db(declick(record), clean) > si_sdr_db(record, clean) + 8


@pytest.mark.parametrize(("per_second", "gain_db"), [(100, 10), (400, 9), (1000, 7)])
def test_crackle_goes(per_second: float, gain_db: float, groove: Audio) -> None:
    record = degradations.with_crackle(groove, per_second=per_second)
    assert si_sdr_db(decrackle(record), groove) > si_sdr_db(record, groove) + gain_db


def test_hardly_a_sample_changes_away_from_the_clicks(groove: Audio) -> None:
    record = degradations.with_clicks(groove, per_second=5)
    changed = declick(record).samples != record.samples
    clicked = record.samples != groove.samples
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
