"""Dynamics: compressor, gate and expander, by pedalboard (JUCE), with one gain for all channels.

A gain of its own for each channel would pull the image to and fro: what is loud on the left would
turn down the left alone, and the middle would wander. So the level is that of the loudest channel
at each sample, and all channels get the gain that follows from it. pedalboard does not link
channels: here it works on that level, and the gain is what it did to it.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from resonate_graph import Audio, NodeError, RunContext, node

from .._common.notes import note_gains
from .._common.stretches import stretches
from ..space.mixing import gain
from .plugins import process

Threshold = Annotated[float, Field(ge=-120, le=0)]
Ratio = Annotated[float, Field(ge=1, le=100)]
Attack = Annotated[float, Field(ge=0.01, le=1000)]
Release = Annotated[float, Field(ge=1, le=5000)]

_LEAST_LEVEL = 1e-30
_FRAMES_AT_ONCE = 1 << 16
_OPEN = "nothing turned down"
# pedalboard's gate squares what it is given in float32, and what it gives beyond that is NaN.
_LOUDEST = 2.0**60


@node(version=2, uses=("pedalboard",))
def compress(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_db: Threshold = -18.0,
    ratio: Ratio = 2.0,
    attack_ms: Attack = 10.0,
    release_ms: Release = 100.0,
    makeup_db: Annotated[float, Field(ge=-24, le=24)] = 0.0,
    link_channels: bool = True,
) -> Audio:
    """Compress: what exceeds a threshold grows by only 1/ratio dB per dB.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_db: where it begins, in dBFS.
        ratio: dB in per dB out above the threshold; 1 changes nothing.
        attack_ms: how fast it responds to a rise.
        release_ms: how fast it recovers.
        makeup_db: gain afterwards.
        link_channels: all channels get the gain of the loudest, so that the stereo image stays
            where it is; False treats each by itself, as for two tracks that are two recordings.
    """
    from pedalboard import Compressor

    plugin = Compressor(
        threshold_db=threshold_db, ratio=ratio, attack_ms=attack_ms, release_ms=release_ms
    )
    compressed = _processed(plugin, audio, link_channels)
    note_gains(ctx, audio, compressed, f"nothing lies above {threshold_db:g} dBFS for long")
    if makeup_db:
        ctx.note(gain_db=makeup_db)
    return gain(compressed, gain_db=makeup_db)


@node(version=3, uses=("pedalboard",))
def gate(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_db: Threshold = -45.0,
    ratio: Ratio = 10.0,
    attack_ms: Attack = 1.0,
    release_ms: Release = 100.0,
    link_channels: bool = True,
) -> Audio:
    """Silence what lies below the threshold.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_db: below this level, in dBFS, the sound is turned down.
        ratio: a dB below the threshold becomes so many dB; 1 changes nothing. At 10, what lies
            2 dB below it comes out 20 dB below it: turned down by 18 dB.
        attack_ms: how fast it opens.
        release_ms: how fast it closes.
        link_channels: all channels open with the loudest, so that the stereo image stays where it
            is; False treats each by itself.

    Raises:
        NodeError: the sound is 360 dB over full scale.
    """
    from pedalboard import NoiseGate

    _require_loudness_in_reach(audio, "gate")
    plugin = NoiseGate(
        threshold_db=threshold_db, ratio=ratio, attack_ms=attack_ms, release_ms=release_ms
    )
    gated = _processed(plugin, audio, link_channels)
    note_gains(ctx, audio, gated, _OPEN)
    return gated


@node(version=2, uses=("pedalboard",))
def expand(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_db: Threshold = -45.0,
    ratio: Ratio = 2.0,
    range_db: Annotated[float, Field(ge=0, le=120)] = 12.0,
    attack_ms: Attack = 5.0,
    release_ms: Release = 200.0,
) -> Audio:
    """Expand downwards: what is soft becomes softer, but only by so much.

    A gate that does not close: pauses, hiss and spill sink, and are still there. All channels get
    the gain of the loudest.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_db: below this level, in dBFS, the sound is turned down.
        ratio: a dB below the threshold becomes so many dB; 1 changes nothing. At 2, what lies 5 dB
            below it comes out 10 dB below it: turned down by 5 dB.
        range_db: the most by which it is turned down, in dB; 0 changes nothing.
        attack_ms: how fast it comes up again.
        release_ms: how fast it goes down.

    Raises:
        NodeError: the sound is 360 dB over full scale.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> soft = Audio(np.full(44100, 0.001), 44100)
        >>> round(float(np.log10(expand(soft).samples[0, -1]) * 20), 2)
        -72.0
    """
    from pedalboard import NoiseGate

    _require_loudness_in_reach(audio, "expand")
    plugin = NoiseGate(
        threshold_db=threshold_db, ratio=ratio, attack_ms=attack_ms, release_ms=release_ms
    )
    expanded = _turned_down(plugin, audio, 10 ** (-range_db / 20))
    note_gains(ctx, audio, expanded, _OPEN)
    return expanded


def _require_loudness_in_reach(audio: Audio, who: str) -> None:
    peak = max(float(audio.samples.max(initial=0)), -float(audio.samples.min(initial=0)))
    if peak > _LOUDEST:
        raise NodeError(
            f"the peak of the sound, {peak:.3g}, is too high for {who}, which takes up to "
            f"{_LOUDEST:.3g}; 1 is full scale: turn it down first, as with normalize_peak"
        )


def _processed(plugin: Any, audio: Audio, link_channels: bool) -> Audio:
    if not link_channels or audio.channels == 1:
        return process(plugin, audio)
    return _turned_down(plugin, audio)


def _turned_down(plugin: Any, audio: Audio, least: float = 0.0) -> Audio:
    """Do to all channels what a plug-in does to the level of the loudest, or a least gain."""
    level = np.zeros(audio.frames, np.float32)
    for channel in audio.samples:
        np.maximum(level, np.abs(channel), out=level)
    heard = process(plugin, audio.with_samples(level)).samples[0]
    turned_down = np.empty(audio.samples.shape, np.float32)
    for stretch in stretches(audio.frames, _FRAMES_AT_ONCE, around=0):
        before, after = level[stretch.own], heard[stretch.own]
        gains = np.ones(len(before))
        np.divide(after, before, out=gains, where=before > _LEAST_LEVEL, dtype=np.float64)
        np.maximum(gains, least, out=gains)
        turned_down[:, stretch.own] = audio.samples[:, stretch.own] * gains
    turned_down.flags.writeable = False  # so it need not be copied
    return audio.with_samples(turned_down)
