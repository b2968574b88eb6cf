"""Timing: a sound moved in time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.fractional_delay import delayed


@node(version=1, uses=("scipy",), cost=Cost(bytes_per_input_byte=9))
def delay(
    ctx: RunContext,
    audio: Audio,
    *,
    delay_ms: Annotated[float, Field(ge=-60_000, le=60_000)] = 0.0,
    delay_samples: Annotated[float, Field(ge=-10_000_000, le=10_000_000)] = 0.0,
) -> Audio:
    """Move a sound later, or earlier, to line it up with another one.

    The two params are added. Where the sum is a whole number of samples, samples are moved as they
    are; parts of a sample are interpolated (a windowed sinc of 257 taps, flat to 95 % of half the
    sample rate), as it takes to line up two transfers or two microphones. The length stays: what is
    moved over an end is lost, what comes in at the other is silence. `pad` first to keep all.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        delay_ms: how much later, in ms; negative is earlier.
        delay_samples: how much later, in samples of this sound; negative is earlier.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> delay(Audio(np.array([1.0, 2.0, 3.0]), 44100), delay_samples=1.0).samples.tolist()
        [[0.0, 1.0, 2.0]]
    """
    frames = delay_ms / 1000 * audio.sample_rate + delay_samples
    if frames == 0:
        ctx.note(summary="not moved")
        return audio
    ctx.note(delay_ms=1000 * frames / audio.sample_rate, delay_samples=frames)
    return audio.with_samples(delayed(audio.samples, frames))
