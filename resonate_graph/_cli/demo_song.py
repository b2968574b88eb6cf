"""The song of ``resonate demo``: its true stems, and the same damaged in a known way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import resources
from typing import Any

import numpy as np

from .. import Audio, read_audio

STEMS = ("drums", "bass", "other", "vocals")

HUM_HZ = 60.0
HUM_HARMONICS = 8
#: Below the level of the song, as RMS.
HUM_DB = -9.0
HISS_DB = -20.0
CLICKS_PER_SECOND = 6.0

#: A click is a burst that dies away within this; its peak stands over the song's RMS level by this.
_CLICK_MS = (0.05, 1.0)
_CLICK_PEAKS_DB = (6.0, 20.0)
_SEED = 1926

_Samples = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Song:
    """A song of which everything is known.

    Attributes:
        mix: the sum of the stems.
        stems: drums, bass, other and vocals.
        damaged: the mix with hum, hiss and clicks.
    """

    mix: Audio
    stems: Mapping[str, Audio]
    damaged: Audio


def bundled_song() -> Song:
    """Return the song that comes with the library (see CREDITS.md of the recordings)."""
    folder = resources.files("resonate_graph") / "recordings" / "song"
    stems = {}
    for name in STEMS:
        with resources.as_file(folder / f"{name}.ogg") as path:
            stems[name] = read_audio(path)
    mix = summed(stems)
    return Song(mix, stems, damaged(mix))


def summed(stems: Mapping[str, Audio]) -> Audio:
    """Return the sum of sounds of one shape."""
    first, *_ = stems.values()
    return first.with_samples(
        reduce(np.add, (stem.samples.astype(np.float64) for stem in stems.values()))
    )


def damaged(song: Audio) -> Audio:
    """Return a song with mains hum, tape hiss and clicks; the same each time."""
    random = np.random.default_rng(_SEED)
    level = float(np.sqrt(np.mean(np.square(song.samples, dtype=np.float64))))
    added = level * (_hum(random, song) + _hiss(random, song) + _clicks(random, song))
    return song.with_samples(song.samples + added)


def _hum(random: np.random.Generator, song: Audio) -> _Samples:
    """Return harmonics of the mains, the k-th of amplitude 1/k, alike in all channels."""
    seconds = np.arange(song.frames) / song.sample_rate
    phases = random.uniform(0, 2 * np.pi, HUM_HARMONICS)
    hum = np.zeros(song.frames)
    for k, phase in enumerate(phases, start=1):
        hum += np.sin(2 * np.pi * HUM_HZ * k * seconds + phase) / k
    scaled: _Samples = hum * (_ratio(HUM_DB) / np.sqrt(np.mean(hum**2)))
    return scaled


def _hiss(random: np.random.Generator, song: Audio) -> _Samples:
    """Return white noise, independent in each channel."""
    return random.standard_normal(song.samples.shape) * _ratio(HISS_DB)


def _clicks(random: np.random.Generator, song: Audio) -> _Samples:
    """Return scratches at random times, in each channel its own."""
    clicks = np.zeros(song.samples.shape)
    for channel in clicks:
        count = random.poisson(CLICKS_PER_SECOND * song.duration_seconds)
        for start in random.integers(0, song.frames, count):
            length = max(2, round(random.uniform(*_CLICK_MS) / 1000 * song.sample_rate))
            burst = random.standard_normal(length) * np.exp(-3 * np.arange(length) / length)
            burst *= _ratio(random.uniform(*_CLICK_PEAKS_DB)) / np.abs(burst).max()
            place = channel[start : start + length]
            place += burst[: len(place)]
    return clicks


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))
