"""Nodes that were renamed in part: ``check --fix`` brings graphs of before to today's names."""

from __future__ import annotations

from typing import NamedTuple

from resonate_graph import Audio, node


class Parts(NamedTuple):
    low: Audio
    upper: Audio


@node(version=2, renamed={"sound": "audio", "lower": "low"})
def parts(audio: Audio) -> Parts:
    """Take a sound apart."""
    return Parts(audio, audio)


@node(renamed={"sound": "audio", "amount": "ratio"})
def soften(audio: Audio, *, ratio: float = 1.0) -> Audio:
    """Make a sound softer."""
    return audio.with_samples(audio.samples * ratio)
