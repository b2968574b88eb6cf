"""Dynamics: compressor and gate, by pedalboard (JUCE), channels one by one; a true-peak limiter."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resonate_graph import Audio, node

from ._limiter import LOOK_AHEAD_MS, RELEASE_MS, Limiter
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


@node(version=1, uses=("scipy",))
def limit(
    audio: Audio,
    *,
    ceiling_dbtp: Annotated[float, Field(ge=-40, le=0)] = -1.0,
    release_ms: Release = RELEASE_MS,
    look_ahead_ms: Annotated[float, Field(ge=1, le=50)] = LOOK_AHEAD_MS,
) -> Audio:
    """Limit: no true peak above a ceiling, and what is below it stays as it is, bit for bit.

    True peaks are those of the waveform between the samples (ITU-R BS.1770, here oversampled 8
    times). All channels get the same gain, so that the stereo image stays; nothing is delayed.
    After a peak that stands alone the gain comes back at `release_ms`; after reduction that lasted
    100 ms and more it comes back up to ten times as slowly, so that dense music does not pump.

    Args:
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
    return limiter.limit()
