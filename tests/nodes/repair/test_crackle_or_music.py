"""What `decrackle` leaves: beginnings, pulses, the corners of distortion, and what is rare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from resonate_graph import Audio
from resonate_nodes import decrackle
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


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
@pytest.mark.parametrize("sound", [blocks, brass])
def test_the_sharp_sounds_of_instruments_are_no_crackle(
    sound: Callable[[int], Array], rate: int
) -> None:
    clean = Audio(sound(rate)[None], rate)
    assert relative_db(decrackle(clean), clean) < -60


def test_pulse_waves_are_no_crackle() -> None:
    clean = Audio(pulses(44_100)[None], 44_100)
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
