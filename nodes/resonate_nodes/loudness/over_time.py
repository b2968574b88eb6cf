"""Loudness over time, as figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, Report, RunContext, node

from .._common.channels import speakers_of
from .._common.notes import note_known
from . import bs1770

#: The measures come every 10 ms; so many of them make a step.
_EVERY = 10


class LoudnessOverTimeReport(Report):
    """Loudness of the stretches around many times; None for a stretch of silence.

    Attributes:
        step_seconds: how far the times are apart.
        momentary_start_seconds: the first time of `momentary_lufs`.
        momentary_lufs: loudness of the 0.4 s around each time; of a shorter sound one value.
        short_term_start_seconds: the first time of `short_term_lufs`.
        short_term_lufs: loudness of the 3 s around each time; none of a shorter sound.
    """

    step_seconds: float
    momentary_start_seconds: float
    momentary_lufs: tuple[float | None, ...]
    short_term_start_seconds: float
    short_term_lufs: tuple[float | None, ...]


@node(version=1, uses=("scipy", "pyloudnorm"))
def loudness_over_time(ctx: RunContext, audio: Audio) -> LoudnessOverTimeReport:
    """Measure momentary and short-term loudness every 0.1 s, after EBU Tech 3341.

    Not gated, over all channels, which count by their places as in `measure_loudness`. In
    hundredths of a LU.

    Args:
        ctx: filled in by the engine.
        audio: the sound, 8 kHz or more.

    Raises:
        NodeError: more than eight channels of which nothing is known, or a rate below 8 kHz.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(4 * 48000) / 48000)
        >>> report = loudness_over_time(Audio(np.stack([tone, 0 * tone]), 48000))
        >>> len(report.momentary_lufs), report.short_term_lufs[5]
        (37, -3.01)
    """
    whole, course = bs1770.measure_over_time(audio, ctx.progress)
    speakers = speakers_of(audio)
    if speakers is not None:
        speakers.say_guess(ctx)
    note_known(
        ctx,
        max_momentary_lufs=whole.max_momentary_lufs,
        max_short_term_lufs=whole.max_short_term_lufs,
    )
    return LoudnessOverTimeReport(
        step_seconds=0.1,
        momentary_start_seconds=min(0.4, audio.duration_seconds) / 2,
        momentary_lufs=_every_step(course.momentary),
        short_term_start_seconds=1.5,
        short_term_lufs=_every_step(course.short_term),
    )


def _every_step(course: NDArray[np.float64]) -> tuple[float | None, ...]:
    taken = course[::_EVERY]
    return tuple(
        round(float(one), 2) + 0.0 if known else None
        for one, known in zip(taken, np.isfinite(taken), strict=True)
    )
