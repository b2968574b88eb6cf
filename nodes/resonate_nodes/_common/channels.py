"""What reports say of channels, levels and places, in the same words everywhere."""

from __future__ import annotations

from math import log10
from typing import Annotated, SupportsFloat

from pydantic import Field

from resonate_graph import Audio

#: How many places a report lists.
Listed = Annotated[int, Field(ge=0, le=10_000)]

#: Channels are taken in the order of ITU-R BS.1770, as `measure_loudness` does.
_NAMES: dict[int, tuple[str, ...]] = {
    1: ("mono",),
    2: ("left", "right"),
    3: ("left", "right", "centre"),
    4: ("left", "right", "left surround", "right surround"),
    5: ("left", "right", "centre", "left surround", "right surround"),
    6: ("left", "right", "centre", "LFE", "left surround", "right surround"),
}


def channel_names(channels: int) -> tuple[str, ...]:
    """Return what the channels are called, in order."""
    return _NAMES.get(channels) or tuple(f"channel {index + 1}" for index in range(channels))


def decibels(ratio: SupportsFloat) -> float | None:
    """Return an amplitude ratio in dB, None for silence."""
    value = float(ratio)
    return 20 * log10(value) if value > 0 else None


def power_decibels(ratio: SupportsFloat) -> float | None:
    """Return a power ratio in dB, None for silence."""
    value = float(ratio)
    return 10 * log10(value) if value > 0 else None


def per_minute(count: int, audio: Audio) -> float | None:
    """Return how many there are in each minute of a sound; None for one without samples."""
    return 60 * count / audio.duration_seconds if audio.frames else None
