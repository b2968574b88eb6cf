"""Peaks: brought to a level, or kept below one."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from resonate_graph import Audio, RunContext, node

from .._common.channels import decibels
from .._common.notes import note_known
from ..space.mixing import gain
from . import bs1770
from .limiter import LOOK_AHEAD_MS, RELEASE_MS, Limiter

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
            `measure_loudness` (ITU-R BS.1770, oversampled 8 times): what a converter
            or an encoder makes of the samples; ``sample``, the highest sample, in dBFS.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> louder = normalize_peak(Audio(np.array([0.0, 0.1, -0.25]), 44100), peak="sample")
        >>> round(float(np.abs(louder.samples).max()), 4)
        0.8913
    """
    if peak == "true":
        found = decibels(bs1770.true_peak(audio))
    else:
        found = decibels(float(np.abs(audio.samples).max(initial=0.0)))
    if found is None:
        ctx.warn("no-peak", "the sound is silent throughout; its level was not changed")
        ctx.note(summary="silent: level not changed")
        return audio
    ctx.note(**{f"peak_before_{'dbtp' if peak == 'true' else 'dbfs'}": found})
    gain_db = target_db - found
    if gain_db > _MAX_GAIN_DB:
        gain_db = _MAX_GAIN_DB
        ctx.warn("target-missed", f"the gain was held at {gain_db:+.0f} dB")
    gain_db = max(gain_db, -120.0)
    ctx.note(gain_db=gain_db)
    return gain(audio, gain_db=gain_db)


@node(version=1, uses=("scipy",))
def limit(
    ctx: RunContext,
    audio: Audio,
    *,
    ceiling_dbtp: Annotated[float, Field(ge=-40, le=0)] = -1.0,
    release_ms: Annotated[float, Field(ge=1, le=5000)] = RELEASE_MS,
    look_ahead_ms: Annotated[float, Field(ge=1, le=50)] = LOOK_AHEAD_MS,
) -> Audio:
    """Limit: no true peak above a ceiling; away from such peaks everything stays, bit for bit.

    True peaks are those of the waveform between the samples (ITU-R BS.1770, here oversampled 8
    times). All channels get the same gain, so that the stereo image stays; nothing is delayed.
    After a peak that stands alone the gain comes back at `release_ms`; after reduction that lasted
    100 ms and more it comes back up to ten times as slowly, so that dense music does not pump.
    What stands that close before or behind a peak is turned down with it, however soft it is: from
    `look_ahead_ms` before it until 4 times `release_ms` (after long reduction 40 times) behind it,
    for 6 dB. How much of the time that was, is noted. A sound without a peak above the ceiling
    comes out as it went in.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        ceiling_dbtp: highest true peak allowed, in dBTP.
        release_ms: time constant of the recovery after a single peak.
        look_ahead_ms: how long ahead of a peak the gain begins to fall, at most.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> loud = limit(Audio(np.sin(np.arange(48000) / 10), 48000), ceiling_dbtp=-6.0)
        >>> float(np.abs(loud.samples).max()) <= 10 ** (-6 / 20)
        True
    """
    limiter = Limiter(
        audio, 10 ** (ceiling_dbtp / 20), release_ms=release_ms, look_ahead_ms=look_ahead_ms
    )
    limited = limiter.limit()
    note_known(ctx, peak_before_dbtp=decibels(limiter.true_peak))
    if limiter.deepest_reduction_db:
        ctx.note(deepest_reduction_db=limiter.deepest_reduction_db)
        ctx.note(time_turned_down_percent=limiter.time_turned_down_percent)
    else:
        ctx.note(summary=f"no peak above {ceiling_dbtp:g} dBTP")
    return limited
