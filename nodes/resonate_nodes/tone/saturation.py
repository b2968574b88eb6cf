"""Saturation: peaks rounded off as by tape or a valve, without aliasing."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.channels import decibels
from .._common.notes import note_known

Array = NDArray[np.float64]

# The waveform is bent at 700 kHz or more, in stretches that overlap by faded edges.
_LEAST_RATE = 700_000
_MOST_TIMES = 64
_STRETCH_FRAMES = 1 << 14
_EDGE_FRAMES = 1 << 11
# What is bent, and what of the harmonics is let through, in parts of half the sample rate: all up
# to the first, nothing at the second. A brick wall would ring from one stretch into the next.
_ROLL_OFF = (0.96, 1.0)


@node(version=1, uses=("scipy",), cost=Cost(seconds_per_second=0.03))
def saturate(
    ctx: RunContext, audio: Audio, *, drive: Annotated[float, Field(ge=0, le=10)] = 1.0
) -> Audio:
    """Round off peaks: odd harmonics, and less dynamic range, as tape and valves give them.

    Each sample becomes tanh(drive x sample) / drive. Soft sounds keep their level; full scale comes
    out 2.4 dB softer at a drive of 1, 6.3 dB at 2, 12 dB at 4, 20 dB at 10. The curve is applied to
    the waveform oversampled to 700 kHz or more (64 times at most), and only what it adds is brought
    down again: the harmonics that do not fit below half the sample rate are left out instead of
    coming back as aliases, and what is not bent stays as it was, in time and in level. Aliases of a
    tone at full scale stay below -100 dBFS up to 9 kHz, below -90 dBFS at 15 kHz. Channels are
    treated alike, each by itself.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        drive: how strongly the curve bends; 0 changes nothing.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> loud = saturate(Audio(np.ones(44100), 44100), drive=1.0)
        >>> round(float(loud.samples[0, 22050]), 4)
        0.7616
    """
    if drive == 0 or not audio.samples.any():
        ctx.note(summary="nothing bent")
        return audio
    result = audio.samples.astype(np.float64)
    for channel in result:
        _bend(channel, drive, audio.sample_rate)
    before, after = (float(np.abs(one).max()) for one in (audio.samples, result))
    note_known(ctx, peak_before_dbfs=decibels(before), peak_after_dbfs=decibels(after))
    return audio.with_samples(result)


def _bend(channel: Array, drive: float, sample_rate: int) -> None:
    """Apply the curve to one channel, in place."""
    from scipy import fft

    factor = _times(sample_rate)
    step = _STRETCH_FRAMES - 2 * _EDGE_FRAMES
    fade = np.sin(np.pi / 2 * (np.arange(_EDGE_FRAMES) + 0.5) / _EDGE_FRAMES) ** 2
    window = np.concatenate([fade, np.ones(step), fade[::-1]])
    passed = _roll_off(_STRETCH_FRAMES // 2 + 1)
    padded = np.pad(channel, _EDGE_FRAMES + step)[step:]
    for start in range(0, len(channel), step):
        stretch = padded[start : start + _STRETCH_FRAMES] * window
        spectrum = fft.rfft(stretch) * passed
        wave = factor * fft.irfft(spectrum, factor * _STRETCH_FRAMES)
        wave = np.tanh(drive * wave) / drive - wave
        bent = fft.rfft(wave)[: len(passed)] * passed / factor
        added = fft.irfft(bent, _STRETCH_FRAMES)[_EDGE_FRAMES : _EDGE_FRAMES + step]
        part = channel[start : start + step]
        part += added[: len(part)]


def _times(sample_rate: int) -> int:
    """Return how many times to oversample: a power of two."""
    times = 2
    while times < _MOST_TIMES and times * sample_rate < _LEAST_RATE:
        times *= 2
    return times


def _roll_off(bins: int) -> Array:
    low, high = _ROLL_OFF
    place = np.clip((np.linspace(0, 1, bins) - low) / (high - low), 0, 1)
    passed: Array = (1 + np.cos(np.pi * place)) / 2
    return passed
