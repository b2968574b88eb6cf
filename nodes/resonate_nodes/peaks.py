"""Peaks: brought to a level."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from resonate_graph import Audio, RunContext, node

from . import _bs1770
from .mixing import gain

_MAX_GAIN_DB = 60.0


@node(version=1, uses=("scipy",))
def normalize_peak(
    ctx: RunContext,
    audio: Audio,
    *,
    target_db: Annotated[float, Field(ge=-60, le=0)] = -1.0,
    peak: Literal["true", "sample"] = "true",
) -> Audio:
    """Bring the highest peak to a level, by one gain for the whole sound.

    Silence comes back unchanged, and no gain is more than 60 dB; a warning says so.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        target_db: where the peak is to be: in dBTP or dBFS, as `peak` says.
        peak: ``true``, the peak of the waveform between the samples, in dBTP, as it is measured by
            `measure_loudness` (ITU-R BS.1770, oversampled 8 times below 64 kHz): what a converter
            or an encoder makes of the samples; ``sample``, the highest sample, in dBFS.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> louder = normalize_peak(Audio(np.array([0.0, 0.1, -0.25]), 44100), peak="sample")
        >>> round(float(np.abs(louder.samples).max()), 4)
        0.8913
    """
    if peak == "true":
        found = _bs1770.decibels(_bs1770.true_peak(audio))
    else:
        found = _bs1770.decibels(float(np.abs(audio.samples).max(initial=0.0)))
    if found is None:
        ctx.warn("no-peak", "the sound is silent throughout; its level was not changed")
        return audio
    gain_db = target_db - found
    if gain_db > _MAX_GAIN_DB:
        gain_db = _MAX_GAIN_DB
        ctx.warn("target-missed", f"the gain was held at {gain_db:+.0f} dB")
    return gain(audio, gain_db=max(gain_db, -120.0))
