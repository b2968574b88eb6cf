"""Sample rates: conversion by soxr or torchaudio. Linear phase, no latency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Avoid, Cost, NodeError, RunContext, accelerated, node

from .._common.versions import used_by
from .sinc import Sinc, fits

_LOWEST, _HIGHEST = 1000, 768_000

#: How much torchaudio's sinc is given at once.
_BLOCK_FRAMES = 1 << 22


@node(
    version=3,
    device=accelerated,
    uses=("soxr",),
    prepare=used_by("method", {"torchaudio": "torchaudio"}),
    cost=Cost(seconds_per_second=0.01),
    rate=lambda params: int(params["sample_rate"]),
    avoid=[
        Avoid(kind, "soxr computes on the CPU", {"method": ("soxr",)}) for kind in ("mps", "cuda")
    ],
)
def resample(
    ctx: RunContext,
    audio: Audio,
    *,
    sample_rate: Annotated[int, Field(ge=_LOWEST, le=_HIGHEST, examples=[48_000])],
    method: Literal["soxr", "torchaudio"] = "soxr",
) -> Audio:
    """Convert to another sample rate.

    The result is round(frames * new rate / old rate) frames long and aligned with the input.
    Peaks may come out higher than they were: the samples then lie nearer to the true peaks.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        sample_rate: the new rate, in Hz.
        method: ``soxr`` at its highest quality (VHQ), on the CPU; or ``torchaudio``'s sinc under a
            Kaiser window, which runs on an accelerator where there is one. It is flat within
            0.01 dB up to 0.90 of half the lower rate (0.02 dB lost at 0.92, 6 dB at 0.95), and
            what it adds, images included, lies below -120 dB: at 44.1 kHz nothing is lost at
            20 kHz.

    Raises:
        NodeError: the sound's own rate is below 1 kHz or above 768 kHz; with ``torchaudio``, the
            rates have too few factors in common.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> resample(Audio(np.zeros((2, 48000)), 48000), sample_rate=44100)
        Audio(2 ch, 44100 frames, 44100 Hz, 1.000 s)
    """
    ctx.note(rate_before_hz=audio.sample_rate, rate_after_hz=sample_rate)
    if sample_rate == audio.sample_rate:
        ctx.note(summary=f"at {sample_rate:,} Hz already")
        return audio
    frames = round(audio.frames * sample_rate / audio.sample_rate)
    if method == "soxr":
        found = convert(audio.samples, audio.sample_rate, sample_rate, frames)
    else:
        found = _by_torchaudio(ctx, audio, sample_rate, frames)
    return audio.with_samples(found, sample_rate)


def convert(
    samples: NDArray[np.float32], rate: float, new_rate: int, frames: int
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
    blocks: Iterable[NDArray[np.float32]], channels: int, rate: float, new_rate: int, frames: int
) -> Iterator[NDArray[np.float32]]:
    """Yield at a new rate what comes in blocks: exactly so many frames, whatever the blocks are.

    Args:
        blocks: of shape (channels, frames), from beginning to end.
        channels: how many channels they have.
        rate: their rate, in Hz.
        new_rate: the new rate, in Hz.
        frames: how many frames there will be: some less than soxr gives, or silence at the end.

    Raises:
        NodeError: the rate is below 1 kHz or above 768 kHz.
    """
    import soxr

    if rate == new_rate:
        yield from blocks
        return
    require_rate(rate)
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


def require_rate(rate: float) -> None:
    """Refuse a rate that is too low or too high to be converted.

    A file can claim 1 Hz, and a sound of a few seconds would fill the memory.

    Raises:
        NodeError: it is below 1 kHz or above 768 kHz.
    """
    if not _LOWEST <= rate <= _HIGHEST:
        raise NodeError(
            f"a sound at {rate:.10g} Hz cannot be resampled, only {_LOWEST} to {_HIGHEST}"
        )


def _by_torchaudio(
    ctx: RunContext, audio: Audio, new_rate: int, frames: int
) -> NDArray[np.float32]:
    """Return samples at a new rate, computed on a device.

    Raises:
        NodeError: the rates are too high, too low, or have too little in common.
    """
    require_rate(audio.sample_rate)
    if not fits(audio.sample_rate, new_rate):
        raise NodeError(
            f"torchaudio's table from {audio.sample_rate} to {new_rate} Hz would be too large; "
            "take the method 'soxr'"
        )

    def blocks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, audio.frames, _BLOCK_FRAMES):
            ctx.progress(start, audio.frames)
            yield audio.samples[:, start : start + _BLOCK_FRAMES]

    sinc = Sinc(
        audio.sample_rate,
        new_rate,
        ctx.device,
        fell=lambda message: ctx.warn("device-fallback", message),
    )
    result = np.empty((audio.channels, frames), np.float32)
    done = 0
    for part in sinc.converted(blocks(), audio.channels, frames):
        result[:, done : done + part.shape[1]] = part
        done += part.shape[1]
    ctx.progress(audio.frames, audio.frames)
    ctx.device = sinc.device
    result.flags.writeable = False  # so it need not be copied
    return result
