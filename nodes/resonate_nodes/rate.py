"""Sample rates: conversion by soxr at its highest quality. Linear phase, no latency."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, NodeError, node

_LOWEST, _HIGHEST = 1000, 768_000


@node(version=1, uses=("soxr",))
def resample(
    audio: Audio, *, sample_rate: Annotated[int, Field(ge=_LOWEST, le=_HIGHEST, examples=[48_000])]
) -> Audio:
    """Convert to another sample rate.

    The result is round(frames * new rate / old rate) frames long and aligned with the input.
    Peaks may come out higher than they were: the samples then lie nearer to the true peaks.

    Args:
        audio: the sound.
        sample_rate: the new rate, in Hz.

    Raises:
        NodeError: the sound's own rate is below 1 kHz or above 768 kHz.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> resample(Audio(np.zeros((2, 48000)), 48000), sample_rate=44100)
        Audio(2 ch, 44100 frames, 44100 Hz, 1.000 s)
    """
    if sample_rate == audio.sample_rate:
        return audio
    frames = round(audio.frames * sample_rate / audio.sample_rate)
    return Audio(convert(audio.samples, audio.sample_rate, sample_rate, frames), sample_rate)


def convert(
    samples: NDArray[np.float32], rate: int, new_rate: int, frames: int
) -> NDArray[np.float32]:
    """Return samples of shape (channels, frames) at a new rate, in exactly that many frames.

    Raises:
        NodeError: the rate is below 1 kHz or above 768 kHz: a file can claim 1 Hz, and a sound of
            a few seconds would fill the memory.
    """
    import soxr

    if rate == new_rate:
        return samples
    if not _LOWEST <= rate <= _HIGHEST:
        raise NodeError(f"a sound at {rate} Hz cannot be resampled, only {_LOWEST} to {_HIGHEST}")
    result = np.zeros((samples.shape[0], frames), np.float32)
    if samples.shape[1]:
        converted = soxr.resample(np.ascontiguousarray(samples.T), rate, new_rate, quality="VHQ")
        kept = min(frames, len(converted))
        result[:, :kept] = converted[:kept].T
    return result
