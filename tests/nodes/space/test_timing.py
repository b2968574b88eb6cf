from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import delay, lowpass
from tests.signals import difference_db, sine

RATE = 48_000


@pytest.mark.parametrize("samples", [1, 37, -1, -500, 0])
def test_whole_samples_are_moved_bit_by_bit(excerpt: Audio, samples: int) -> None:
    expected = np.zeros_like(excerpt.samples)
    kept = excerpt.frames - abs(samples)
    expected[:, max(0, samples) : max(0, samples) + kept] = excerpt.samples[
        :, max(0, -samples) : max(0, -samples) + kept
    ]
    for moved in (
        delay(excerpt, delay_samples=float(samples)),
        delay(excerpt, delay_ms=samples / 44.1),
        delay(excerpt, delay_ms=2 * samples / 44.1, delay_samples=float(-samples)),
    ):
        np.testing.assert_array_equal(moved.samples, expected)


@pytest.mark.parametrize("samples", [0.5, 0.01, 3.3, -7.77])
@pytest.mark.parametrize("frequency_hz", [20.0, 997.0, 10_000.0, 22_700.0])
def test_parts_of_a_sample_shift_the_phase_by_just_that(
    samples: float, frequency_hz: float
) -> None:
    tone = sine(frequency_hz)
    expected = sine(frequency_hz, phase_degrees=-360 * frequency_hz * samples / RATE)
    moved = delay(tone, delay_samples=samples)
    inside = slice(200, -200)
    error = np.abs(moved.samples[:, inside] - expected.samples[:, inside]).max()
    assert 20 * np.log10(error) < -75


def test_there_and_back_is_the_same_sound(excerpt: Audio) -> None:
    low = lowpass(excerpt, frequency_hz=18_000.0, slope_db_per_octave=96)
    back = delay(delay(low, delay_samples=0.4), delay_samples=-0.4)
    inside = slice(500, -500)
    parts = (one.with_samples(one.samples[:, inside]) for one in (back, low))
    assert difference_db(*parts) < -80


def test_a_delay_beyond_the_end_leaves_silence(excerpt: Audio) -> None:
    for delay_ms in (60_000.0, -60_000.0, 3000.5):
        assert not delay(excerpt, delay_ms=delay_ms).samples[:, 500:-500].any()
