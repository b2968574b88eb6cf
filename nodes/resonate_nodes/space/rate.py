"""Sample rates: conversion by soxr at its highest quality. Linear phase, no latency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    converted = convert(audio.samples, audio.sample_rate, sample_rate, frames)
    return audio.with_samples(converted, sample_rate)


def convert(
    samples: NDArray[np.float32], rate: int, new_rate: int, frames: int
) -> NDArray[np.float32]:
    """Return samples of shape (channels, frames) at a new rate, in exactly that many frames.

    Raises:
        NodeError: the rate is below 1 kHz or above 768 kHz.
    """
    if rate == new_rate:
        return samples
    result = np.zeros((samples.shape[0], frames), np.float32)
    done = 0
    for block in converted([samples], samples.shape[0], rate, new_rate, frames):
        result[:, done : done + block.shape[1]] = block
        done += block.shape[1]
    return result


def converted(
    blocks: Iterable[NDArray[np.float32]], channels: int, rate: int, new_rate: int, frames: int
) -> Iterator[NDArray[np.float32]]:
    """Yield at a new rate what comes in blocks: exactly so many frames, whatever the blocks are.

    Args:
        blocks: of shape (channels, frames), from beginning to end.
        channels: how many channels they have.
        rate: their rate, in Hz.
        new_rate: the new rate, in Hz.
        frames: how many frames there will be: some less than soxr gives, or silence at the end.

    Raises:
        NodeError: the rate is below 1 kHz or above 768 kHz: a file can claim 1 Hz, and a sound of
            a few seconds would fill the memory.
    """
    import soxr

    if rate == new_rate:
        yield from blocks
        return
    if not _LOWEST <= rate <= _HIGHEST:
        raise NodeError(f"a sound at {rate} Hz cannot be resampled, only {_LOWEST} to {_HIGHEST}")
    stream = soxr.ResampleStream(rate, new_rate, channels, dtype="float32", quality="VHQ")

    def resampled() -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            yield stream.resample_chunk(np.ascontiguousarray(block.T))
        yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)

    left = frames
    for part in resampled():
        yield part[:left].T
        left -= min(left, len(part))
    yield np.zeros((channels, left), np.float32)
