"""What `declip` leaves as it was made: distortion, pulse waves, old game consoles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from resonate_graph import Audio
from resonate_nodes import declip, detect_clipping
from tests.depth import sampled
from tests.signals import si_sdr_db

Array = NDArray[np.float64]


def plucked(rate: int, seconds: float = 3.0) -> Array:
    """Return two strings, plucked twice a second."""
    time = np.arange(round(seconds * rate)) / rate
    since, count = time % 0.5, (time / 0.5).astype(int)
    root = np.array([82.4, 110.0, 98.0])[count % 3]
    wave: Array = sum(
        np.exp(-since * k / 1.5) * np.sin(2 * np.pi * k * root * ratio * since) / k
        for k in range(1, 12)
        for ratio in (1.0, 1.498)
    ) * np.float64(0.25)
    return wave


def pulses(duty: float, frequency_hz: float, rate: int, seconds: float = 3.0) -> Array:
    turns = frequency_hz * np.arange(round(seconds * rate)) / rate % 1
    wave: Array = np.where(turns < duty, 0.35, -0.35)
    return wave


def console(rate: int, seconds: float = 3.0) -> Array:
    """Return two pulse waves of 16 levels and a triangle of 16 steps: those of a game console."""
    time = np.arange(round(seconds * rate)) / rate
    level = np.round(15 * (1 - 0.6 * (time / 0.2 % 1))) / 15
    tune = np.array([262.0, 330.0, 392.0, 523.0])[(time / 0.2).astype(int) % 4]
    bass = np.array([65.4, 98.0])[(time / 0.4).astype(int) % 2]
    high, low = np.cumsum(tune) / rate % 1, np.cumsum(bass) / rate % 1
    steps = np.round(15 * (1 - np.abs(2 * low - 1))) / 15
    wave: Array = 0.15 * level * np.where(high < 0.125, 1, -1) + 0.2 * (2 * steps - 1)
    return wave + 0.15 * level * np.where(np.cumsum(tune / 2) / rate % 1 < 0.25, 1, -1)


def cubic(sound: Array) -> Array:
    """Return what the usual curve of distortion makes of a sound: it is flat beyond 1."""
    inside = np.clip(sound, -1, 1)
    curve: Array = 1.5 * (inside - inside**3 / 3)
    return curve


BENT: dict[str, Callable[[Array], Array]] = {
    "a little, by tanh": lambda sound: np.tanh(6 * sound),
    "much, by tanh": lambda sound: np.tanh(20 * sound),
    "very much, by tanh": lambda sound: np.tanh(60 * sound),
    "a little, by a cubic": lambda sound: cubic(3 * sound),
    "much, by a cubic": lambda sound: cubic(10 * sound),
    "a sine's quarter": lambda sound: np.sin(np.pi / 2 * np.clip(6 * sound, -1, 1)),
}


@pytest.mark.parametrize("rate", [44_100, 8000])
@pytest.mark.parametrize("shape", BENT)
def test_distortion_that_bends_stays(shape: str, rate: int) -> None:
    guitar = Audio(0.5 * BENT[shape](plucked(rate))[None], rate)
    assert declip(guitar) == guitar
    assert detect_clipping(guitar).clips == 0


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("frequency_hz", [55.0, 221.0, 883.0])
def test_a_sine_that_was_cut_off_is_not_bent(frequency_hz: float, level: float) -> None:
    """Near its top it is a parabola, too."""
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(44_100) / 44_100)
    cut = Audio(0.5 * np.clip(wave, -level, level)[None], 44_100)
    assert detect_clipping(cut).clips > frequency_hz


@pytest.mark.parametrize("rate", [44_100, 8000])
def test_what_was_cut_off_is_rebuilt(rate: int) -> None:
    clean = Audio(0.5 * plucked(rate)[None], rate)
    level = 0.6 * float(np.abs(clean.samples).max())
    cut = clean.with_samples(np.clip(clean.samples, -level, level))
    assert si_sdr_db(declip(cut), clean) > si_sdr_db(cut, clean) + 4


@sampled(6)
@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050])
@pytest.mark.parametrize("frequency_hz", [98, 262, 523, 880])
@pytest.mark.parametrize("duty", [0.0625, 0.125, 0.25])
def test_pulse_waves_stay(duty: float, frequency_hz: float, rate: int) -> None:
    """As a synthesiser of few bits makes them, and as they are after another rate."""
    raw = pulses(duty, frequency_hz, rate)
    finer = signal.resample_poly(pulses(duty, frequency_hz, 8 * rate), 1, 8)
    for wave in (raw, finer):
        sound = Audio(wave[None], rate)
        assert declip(sound) == sound


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100])
def test_an_old_game_console_stays(rate: int) -> None:
    sound = Audio(console(rate)[None], rate)
    assert declip(sound) == sound
