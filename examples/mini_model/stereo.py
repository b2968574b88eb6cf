"""Stereo sound: silence, and what is put into it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .tracks import RATE_HZ as RATE

__all__ = ["RATE", "Stereo", "add", "fitted", "panned", "silence"]

Stereo = NDArray[np.float32]  # (samples, 2)


def silence(seconds: float) -> Stereo:
    return np.zeros((round(seconds * RATE), 2), np.float32)


def fitted(sound: NDArray[np.float32], seconds: float) -> Stereo:
    """Cut to that length, or filled up with silence."""
    padded = silence(seconds)
    padded[: len(sound)] = sound[: len(padded)]
    return padded


def add(sound: Stereo, other: NDArray[np.floating], start_s: float) -> None:
    """Add another sound, as much of it as there is room for."""
    first = round(start_s * RATE)
    last = min(len(sound), first + len(other))
    if first < last:
        sound[first:last] += other[: last - first]


def panned(sound: NDArray[np.float32], place: float) -> Stereo:
    """A mono sound at a place from -1 (left) to 1 (right)."""
    angle = (place + 1) * np.pi / 4
    gains = np.sqrt(2) * np.array((np.cos(angle), np.sin(angle)))
    return np.asarray(sound[:, None] * gains, np.float32)
