"""Mixing: gain, sums and exact residuals. Sums are made in float64 and rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, NodeError, ParamError, node

Decibels = Annotated[float, Field(ge=-120, le=60)]


@node(version=1)
def gain(audio: Audio, *, gain_db: Decibels = 0.0) -> Audio:
    """Make the sound louder or softer.

    Args:
        audio: the sound.
        gain_db: what to add to the level, in dB. 0 leaves every sample as it is.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> round(float(gain(Audio(np.ones(8), 44100), gain_db=-6.0).samples[0, 0]), 4)
        0.5012
    """
    if gain_db == 0:
        return audio
    return audio.with_samples(audio.samples * np.float64(_ratio(gain_db)))


@node(version=1)
def mix(tracks: list[Audio], *, gains_db: list[Decibels] | None = None) -> Audio:
    """Sum tracks, each at its own gain.

    The result is as long as the longest track; shorter ones end in silence. A mono track goes
    into every channel of the others at its level. The sum may exceed full scale; nothing is
    clipped.

    Args:
        tracks: sounds of one sample rate, mono or of one channel count.
        gains_db: one gain per track, in the same order, in dB; None for 0 dB each.

    Raises:
        NodeError: the tracks differ in rate, or in channel count where none is mono.
        ParamError: there are not as many gains as tracks.
    """
    if not tracks:
        raise NodeError("there is nothing to mix: connect at least one track")
    gains = gains_db if gains_db is not None else [0.0] * len(tracks)
    if len(gains) != len(tracks):
        raise ParamError(
            f"{len(tracks)} tracks need {len(tracks)} gains, {len(gains)} were given",
            param="gains_db",
        )
    total = _sum(tracks, [_ratio(value) for value in gains])
    return Audio(total, tracks[0].sample_rate)


@node(version=1)
def residual(mix: Audio, stems: list[Audio]) -> Audio:
    """What is left of a mix without some of its stems: exactly mix minus the sum of the stems.

    Separated stems do not add up to the mix; the residual of all of them is what separation
    lost, the residual of the vocals is an instrumental with everything else untouched.

    Args:
        mix: the whole.
        stems: what to take out, of the same rate, length and channel count.

    Raises:
        NodeError: a stem differs from the mix in rate, length or channel count.
    """
    _require_alike(mix, stems, "mix")
    return Audio(_sum([mix, *stems], [1.0] + [-1.0] * len(stems)), mix.sample_rate)


@node(version=1)
def average_stems(
    stems: list[Audio], *, weights: list[Annotated[float, Field(ge=0, le=1e6)]] | None = None
) -> Audio:
    """Average what several models made of one stem: an ensemble.

    Models err in different places, so that their mean errs less. Each stem has a node of its own,
    and so weights of its own.

    Args:
        stems: the same stem by each model, of one rate, length and channel count.
        weights: what each counts for, in the same order; None for all alike.

    Raises:
        NodeError: there is none, or they differ in rate, length or channel count.
        ParamError: there are not as many weights as stems, or all are 0.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> one, other = Audio(np.zeros((1, 4)), 44100), Audio(np.ones((1, 4)), 44100)
        >>> float(average_stems([one, other], weights=[1.0, 3.0]).samples[0, 0])
        0.75
    """
    if not stems:
        raise NodeError("there is nothing to average: connect at least one stem")
    shares = weights if weights is not None else [1.0] * len(stems)
    if len(shares) != len(stems) or not sum(shares):
        raise ParamError(
            f"{len(stems)} stems need {len(stems)} weights that are not all 0, not {shares}",
            param="weights",
        )
    _require_alike(stems[0], stems[1:], "first stem")
    total = sum(shares)
    return Audio(_sum(stems, [share / total for share in shares]), stems[0].sample_rate)


def _require_alike(one: Audio, others: Sequence[Audio], name: str) -> None:
    for other in others:
        if (other.sample_rate, other.samples.shape) != (one.sample_rate, one.samples.shape):
            raise NodeError(f"a stem is {other}, the {name} is {one}: they have to match")


def _sum(tracks: Sequence[Audio], ratios: Sequence[float]) -> NDArray[np.float64]:
    rates = {track.sample_rate for track in tracks}
    if len(rates) > 1:
        found = ", ".join(f"{rate} Hz" for rate in sorted(rates))
        raise NodeError(f"the tracks have different rates ({found}): resample them to one first")
    channels = {track.channels for track in tracks}
    if len(channels - {1}) > 1:
        found = ", ".join(map(str, sorted(channels)))
        raise NodeError(f"the tracks have different channel counts ({found})")
    total = np.zeros((max(channels), max(track.frames for track in tracks)))
    for track, ratio in zip(tracks, ratios, strict=True):
        total[:, : track.frames] += track.samples * np.float64(ratio)
    return total


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))
