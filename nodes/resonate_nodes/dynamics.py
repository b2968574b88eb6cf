"""Dynamics: compressor and gate, by pedalboard (JUCE). Channels are treated one by one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resonate_graph import Audio, node

from ._pedalboard import process
from .mixing import gain

Threshold = Annotated[float, Field(ge=-120, le=0)]
Ratio = Annotated[float, Field(ge=1, le=100)]
Attack = Annotated[float, Field(ge=0.01, le=1000)]
Release = Annotated[float, Field(ge=1, le=5000)]


@node(version=1, uses=("pedalboard",))
def compress(
    audio: Audio,
    *,
    threshold_db: Threshold = -18.0,
    ratio: Ratio = 2.0,
    attack_ms: Attack = 10.0,
    release_ms: Release = 100.0,
    makeup_db: Annotated[float, Field(ge=-24, le=24)] = 0.0,
) -> Audio:
    """Compress: what exceeds a threshold grows by only 1/ratio dB per dB.

    Args:
        audio: the sound.
        threshold_db: where it begins, in dBFS.
        ratio: dB in per dB out above the threshold; 1 changes nothing.
        attack_ms: how fast it responds to a rise.
        release_ms: how fast it recovers.
        makeup_db: gain afterwards.
    """
    from pedalboard import Compressor

    plugin = Compressor(
        threshold_db=threshold_db, ratio=ratio, attack_ms=attack_ms, release_ms=release_ms
    )
    return gain(process(plugin, audio), gain_db=makeup_db)


@node(version=1, uses=("pedalboard",))
def gate(
    audio: Audio,
    *,
    threshold_db: Threshold = -45.0,
    ratio: Ratio = 10.0,
    attack_ms: Attack = 1.0,
    release_ms: Release = 100.0,
) -> Audio:
    """Silence what lies below the threshold.

    Args:
        audio: the sound.
        threshold_db: below this level, in dBFS, the sound is turned down.
        ratio: dB turned down per dB below the threshold; 1 changes nothing.
        attack_ms: how fast it opens.
        release_ms: how fast it closes.
    """
    from pedalboard import NoiseGate

    plugin = NoiseGate(
        threshold_db=threshold_db, ratio=ratio, attack_ms=attack_ms, release_ms=release_ms
    )
    return process(plugin, audio)
