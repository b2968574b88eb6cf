"""What `decrackle` leaves: beginnings, pulses, drops, corners of distortion, and what is rare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from resonate_graph import Audio
from resonate_nodes import decrackle
from tests.depth import sampled
from tests.signals import relative_db

Array = NDArray[np.float64]

pytestmark = pytest.mark.filterwarnings("ignore:not-plausible:resonate_graph.ResonateWarning")


def blocks(rate: int) -> Array:
    """Return hits on two blocks of wood, four a second, in the noise of a room."""
    time = np.arange(4 * rate) / rate
    since, count = time % 0.25, (time / 0.25).astype(int)
    pitch = np.array([1130.0, 1490.0])[count % 2]
    hits = np.exp(-since / 0.012) * np.sin(2 * np.pi * pitch * since) * np.minimum(since / 2e-4, 1)
    noise = 1e-4 * np.random.default_rng(3).standard_normal(len(time))
    room: Array = 0.5 * hits + noise
    return room


def pulses(rate: int) -> Array:
    """Return a melody of a pulse wave, band-limited."""
    time = np.arange(32 * rate) / (8 * rate)
    tune = np.array([440.0, 554.0, 660.0, 880.0])[(time / 0.25).astype(int) % 4]
    turns = np.cumsum(tune) / (8 * rate) % 1
    wave: Array = signal.resample_poly(np.where(turns < 0.125, 0.35, -0.35), 1, 8)
    return wave


def brass(rate: int) -> Array:
    """Return long notes, the pulses of which are as sharp as lips make them."""
    time = np.arange(4 * rate) / rate
    pitch = np.array([116.5, 174.6])[time.astype(int) % 2]
    phase = np.cumsum(pitch * (1 + 0.004 * np.sin(2 * np.pi * 5.2 * time))) / rate
    wave: Array = 0.4 * np.exp(6 * (np.cos(2 * np.pi * phase) - 1)) * np.minimum(time % 1 / 0.05, 1)
    return wave


def driven(rate: int) -> Array:
    """Return two strings plucked twice a second, through an amplifier that is turned up."""
    time = np.arange(16 * rate) / (4 * rate)
    since, count = time % 0.5, (time / 0.5).astype(int)
    root = np.array([82.4, 110.0, 98.0])[count % 3]
    strings = sum(
        np.exp(-since * k / 1.5) * np.sin(2 * np.pi * k * root * ratio * since) / k
        for k in range(1, 12)
        for ratio in (1.0, 1.498)
    )
    wave: Array = signal.resample_poly(0.5 * np.tanh(3 * strings), 1, 4)
    return wave


def drops(rate: int, per_second: int = 50, lengths_ms: tuple[float, float] = (0.3, 1.0)) -> Array:
    """Return drops of rain: each a ring that begins at once, in a room's noise."""
    random = np.random.default_rng(3)
    rain = 2e-4 * random.standard_normal(5 * rate)
    for start in random.integers(0, 4 * rate, 4 * per_second):
        time = np.arange(rate // 100) / rate
        ring = np.exp(-1000 * time / random.uniform(*lengths_ms))
        ring *= np.sin(2 * np.pi * min(random.uniform(1500, 9000), 0.4 * rate) * time)
        rain[start : start + len(time)] += 0.1 * random.lognormal(-1, 0.8) * ring
    heard: Array = rain[: 4 * rate]
    return heard


def shower(rate: int) -> Array:
    """Return so many drops that they are half a noise."""
    return drops(rate, per_second=600)


def shaker(rate: int) -> Array:
    """Return beans in a shaker, four strokes a second: each a crowd of knocks."""
    random = np.random.default_rng(1)
    count = 4 * rate
    often = np.exp(-2 * (np.arange(count) / rate % 0.25 / 0.05 - 1) ** 2) * 12_000 / rate
    knocks = random.lognormal(-1, 1, count) * random.choice([-1, 1], count)
    knocks[random.random(count) > often] = 0
    band = signal.butter(2, [3000, min(9000, 0.45 * rate)], "bandpass", fs=rate)
    heard: Array = signal.lfilter(*band, knocks)
    heard *= 0.3 / np.abs(heard).max()
    heard += 1e-4 * random.standard_normal(count)
    return heard


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("sound", [blocks, brass, driven, drops, shower, shaker])
@sampled(12)
def test_what_is_sharp_in_a_sound_is_no_crackle(sound: Callable[[int], Array], rate: int) -> None:
    clean = Audio(sound(rate)[None], rate)
    assert relative_db(decrackle(clean), clean) < -60


@pytest.mark.parametrize("rate", [22_050, 44_100])
@pytest.mark.parametrize("level_db", [0.0, -40.0])
def test_pulse_waves_are_no_crackle(level_db: float, rate: int) -> None:
    """Also where they are soft, and rounded to 16 bits."""
    wave = np.round(32768 * 10 ** (level_db / 20) * pulses(rate)) / 32768
    clean = Audio(wave[None], rate)
    assert relative_db(decrackle(clean), clean) < -60


@pytest.mark.parametrize(("count", "goes"), [(2, False), (60, True)])
def test_crackle_is_many(count: int, goes: bool, excerpt: Audio) -> None:
    """One or two in a second are for `declick`, which tells them from music by more than this."""
    clean = excerpt.with_samples(excerpt.samples[:1])
    samples = clean.samples.copy()
    for place in np.linspace(4000, clean.frames - 4000, count, dtype=int):
        samples[0, place : place + 2] += np.array([0.3, -0.2], np.float32)
    heard = decrackle(clean.with_samples(samples))
    assert (relative_db(heard, clean) < relative_db(clean.with_samples(samples), clean) - 6) == goes
    assert goes or heard == clean.with_samples(samples)
