"""Integers that wrapped around: told from clipping and from what jumps by itself, and put back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from resonate_graph import Audio, RunContext, did_in_words
from resonate_nodes import declip, detect_clipping
from tests.signals import Array, white_noise

RATE = 44_100
TIME = np.arange(RATE) / RATE


def as_added(samples: Array, bits: int = 16) -> tuple[Audio, Audio]:
    """Return what integers should hold, and what they hold where nothing saturates."""
    steps = 2 ** (bits - 1)
    whole = np.round(samples * steps)
    wrapped = (whole + steps) % (2 * steps) - steps
    return Audio(whole / steps, RATE), Audio(wrapped / steps, RATE)


@pytest.mark.parametrize("over_db", [0.4, 2.0])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_peaks_that_wrapped_come_back_to_the_bit(over_db: float, bits: int, groove: Audio) -> None:
    samples = groove.samples[:, : 3 * RATE].astype(np.float64)
    wanted, stored = as_added(samples / np.abs(samples).max() * 10 ** (over_db / 20), bits)
    beyond = stored.samples != wanted.samples
    assert beyond.any()
    report = detect_clipping(stored)
    assert sum(channel.overflows for channel in report.channels) > 0
    assert report.clips == 0
    repaired = declip(stored)
    back = repaired.samples == wanted.samples
    assert np.mean(back[beyond]) > 0.8
    assert back[~beyond].all()


def test_it_is_told_in_words() -> None:
    _, stored = as_added(1.3 * np.sin(2 * np.pi * 100 * TIME))
    first, *_ = detect_clipping(stored).findings()
    assert first.text.startswith("200 peaks wrap around")
    assert "declip" in str(first)
    ctx = RunContext()
    detect_clipping.type.call(ctx, stored)
    assert did_in_words(ctx.did) == "no clips found, 200 overflows found"
    clipped = np.clip(1.3 * np.sin(2 * np.pi * 100 * TIME), -1, 1)
    assert detect_clipping(Audio(clipped, RATE)).channels[0].overflows == 0


def test_a_peak_that_wrapped_stays_where_a_threshold_is_named() -> None:
    wanted, stored = as_added(1.3 * np.sin(2 * np.pi * 100 * TIME))
    beyond = stored.samples != wanted.samples
    repaired = declip(stored, threshold_dbfs=0.0)
    np.testing.assert_array_equal(repaired.samples[beyond], wanted.samples[beyond])


def square(level: float) -> Array:
    return level * np.sign(np.sin(2 * np.pi * 441 * TIME + 0.01))


def sawtooth(level: float) -> Array:
    return level * (2 * (437 * TIME % 1) - 1)


def chip(level: float) -> Array:
    """A pulse and a triangle of sixteen steps, in 8 bits."""
    steps = np.round(7.5 * np.abs(4 * (110 * TIME % 1) - 2) - 7.5) / 7.5
    return np.round(127 * level * (0.6 * np.sign(np.sin(2740 * TIME)) + 0.4 * steps)) / 128


def pulses_of_a_register(level: float) -> Array:
    random = np.random.default_rng(0)
    return level * random.choice([-1.0, 1.0], RATE // 9 + 1).repeat(9)[:RATE]


def uniform_noise(level: float) -> Array:
    return np.random.default_rng(1).uniform(-level, level, RATE)


def driven_noise(level: float) -> Array:
    """Dull noise, driven far beyond full scale into a converter that saturates."""
    noise = white_noise(rms=1.0, seconds=1, rate=RATE).samples[0].astype(np.float64)
    driven: Array = np.clip(3 * np.convolve(noise, np.ones(4) / 2, "same"), -1, 1)
    return level * driven


def fallen_square(level: float) -> Array:
    """A square wave behind a high-pass of first order: its plateaus decay."""
    from scipy.signal import butter, sosfilt

    wave: Array = sosfilt(butter(1, 100, "highpass", fs=RATE, output="sos"), square(1.0))
    wave *= level / np.abs(wave).max()
    return wave


def noisy_square(level: float) -> Array:
    """Two levels with noise on them: what it jumps to is nearly two full scales away."""
    random = np.random.default_rng(2)
    return level * random.choice([-1.0, 1.0], RATE) * random.uniform(0.8, 1.0, RATE)


def sweep(level: float) -> Array:
    """A sine up to nearly half the sample rate, where it jumps at each sample."""
    return level * np.sin(np.cumsum(np.geomspace(0.003, 3, 4 * RATE)))


@pytest.mark.parametrize("level", [1.0, 0.98, 0.9])
@pytest.mark.parametrize(
    "sound",
    [
        square,
        sawtooth,
        chip,
        pulses_of_a_register,
        uniform_noise,
        driven_noise,
        fallen_square,
        noisy_square,
        sweep,
    ],
)
def test_what_jumps_by_itself_stays(sound: Callable[[float], Array], level: float) -> None:
    (channel,) = detect_clipping(Audio(sound(level), RATE)).channels
    assert channel.overflows == 0


@pytest.mark.parametrize("rate", [1, 8000, 11_025])
def test_noise_at_full_scale_stays_at_low_rates(rate: int) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 200_000)
    assert detect_clipping(Audio(noise, rate)).channels[0].overflows == 0
    burst = Audio(np.where(np.arange(4000) < 16, noise[:4000], 0), rate)
    np.testing.assert_array_equal(declip(burst).samples, burst.samples)


def test_music_at_full_scale_and_driven_into_it_has_no_overflow(groove: Audio) -> None:
    loudest = np.abs(groove.samples).max()
    for gain in (1.0, 4.0):
        hot = groove.with_samples(np.clip(groove.samples * (gain / loudest), -1, 1))
        assert all(channel.overflows == 0 for channel in detect_clipping(hot).channels)
