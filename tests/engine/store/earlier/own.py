"""Nodes of a caller's own: with a version, and without one, which is keyed by its source."""

from __future__ import annotations

import numpy as np

from resonate_graph import Audio, Report, node

#: Reached by `soften`, so part of what it is keyed by.
SHARE = 0.25


class Level(Report):
    """The highest sample of a sound."""

    peak: float


def softened(audio: Audio, by: float) -> Audio:
    """Also reached by `soften`."""
    return audio.with_samples(audio.samples * np.float32(1 - by))


@node()
def soften(audio: Audio, *, times: int = 1) -> Audio:
    """Take a share away, some times."""
    for _ in range(times):
        audio = softened(audio, SHARE)
    return audio


@node()
def frames(audio: Audio) -> int:
    """Count."""
    return audio.frames


@node(version=3)
def level(audio: Audio, offset: float) -> Level:
    """Measure."""
    return Level(peak=float(np.abs(audio.samples).max()) + offset)
