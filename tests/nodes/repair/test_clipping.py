from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, ParamError
from resonate_nodes import declip, resample
from tests import degradations
from tests.signals import difference_db, peak, si_sdr_db, sine


@pytest.mark.parametrize(("sdr_db", "gain_db"), [(7, 8), (12, 10), (20, 11)])
def test_clipped_peaks_come_back(sdr_db: float, gain_db: float, excerpt: Audio) -> None:
    cut, _ = degradations.clipped(excerpt, sdr_db=sdr_db)
    assert si_sdr_db(declip(cut), excerpt) > si_sdr_db(cut, excerpt) + gain_db


@pytest.mark.parametrize("rate", [16_000, 96_000])
def test_clipped_peaks_come_back_at_any_rate(rate: int, excerpt: Audio) -> None:
    clean = resample(excerpt.with_samples(excerpt.samples[:1, :44_100]), sample_rate=rate)
    cut, _ = degradations.clipped(clean, sdr_db=12)
    assert si_sdr_db(declip(cut), clean) > si_sdr_db(cut, clean) + 5


def test_what_was_not_clipped_stays_and_what_was_lies_beyond(excerpt: Audio) -> None:
    cut, level = degradations.clipped(excerpt, sdr_db=15)
    heard = declip(cut)
    clipped = np.abs(cut.samples) >= level * (1 - 1e-5)
    np.testing.assert_array_equal(heard.samples[~clipped], cut.samples[~clipped])
    assert (np.abs(heard.samples[clipped]) >= np.abs(cut.samples[clipped])).all()
    assert peak(heard) > 1.1 * level


def test_each_channel_and_polarity_has_its_own_level(excerpt: Audio) -> None:
    limits = np.quantile(excerpt.samples, [0.01, 0.98], axis=1)
    lowest, highest = limits[0][:, None] * [[1.0], [1.5]], limits[1][:, None] * [[1.3], [1.0]]
    cut = excerpt.with_samples(np.clip(excerpt.samples, lowest, highest))
    assert si_sdr_db(declip(cut), excerpt) > si_sdr_db(cut, excerpt) + 5


def test_plateaus_need_not_be_quite_flat(excerpt: Audio) -> None:
    second = excerpt.with_samples(excerpt.samples[:, :44_100])
    cut, level = degradations.clipped(second, sdr_db=12)
    blurred = cut.with_samples(cut.samples + 1e-3 * level * np.sin(np.arange(cut.frames)))
    assert si_sdr_db(declip(blurred), second) > si_sdr_db(blurred, second) + 8
    named = declip(blurred, threshold_dbfs=20 * np.log10(0.998 * level))
    assert si_sdr_db(named, second) > si_sdr_db(blurred, second) + 8


@pytest.mark.parametrize("gain", [2**-10, 32.0])
def test_it_works_alike_at_any_level(gain: float, excerpt: Audio) -> None:
    second = excerpt.with_samples(excerpt.samples[:1, :44_100])
    cut, _ = degradations.clipped(second, sdr_db=12)
    heard = declip(cut.with_samples(gain * cut.samples))
    assert difference_db(heard.with_samples(heard.samples / gain), declip(cut)) < -60


@pytest.mark.parametrize("frequency_hz", [20.0, 50.0, 997.0])
@pytest.mark.parametrize("bits", [16, 24])
def test_a_sine_of_few_bits_is_not_clipped(frequency_hz: float, bits: int) -> None:
    tone = sine(frequency_hz, rate=44_100, seconds=2, amplitude=0.9)
    steps = 2 ** (bits - 1)
    rounded = tone.with_samples(np.round(tone.samples * steps) / steps)
    assert declip(rounded) == rounded


def test_a_threshold_that_nothing_reaches_changes_nothing(excerpt: Audio) -> None:
    assert declip(excerpt, threshold_dbfs=0.0) == excerpt
    with pytest.raises(ParamError, match="threshold_dbfs"):
        declip(excerpt, threshold_dbfs=1.0)
