"""Stereo: middle and sides, the width and balance of the image, and what is left of it in mono."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, NodeError, Report, RunContext, node

from .._common.channels import power_decibels
from .._common.notes import note_known

Array = NDArray[np.float64]

_OCTAVES_HZ = (31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0)
_SEGMENT_SECONDS = 0.2
# A band that is softer than this against the whole, in dB, holds nothing that anyone would miss.
_LEAST_BAND_DB = -100.0


class MidSide(NamedTuple):
    """What two channels have in common, and how they differ.

    Attributes:
        mid: (left + right) / 2, one channel.
        side: (left - right) / 2, one channel.
    """

    mid: Audio
    side: Audio


class MonoBand(Report):
    """What mono leaves of one octave.

    Attributes:
        centre_hz: the middle of the octave, in Hz.
        correlation: of left and right in it, -1 to 1; None where it is silent in one of them.
        lost_db: how much softer it is in mono, in dB; None where it is silent or nothing is left.
    """

    centre_hz: float
    correlation: float | None
    lost_db: float | None


class MonoReport(Report):
    """What mono leaves of a stereo sound.

    Attributes:
        correlation: of left and right, -1 to 1: 1 is mono, 0 has nothing in common, below 0 much
            is lost in mono; None where one of them is silent.
        lost_db: how much softer the sound is in mono, in dB: the power of (left + right) / 2
            against the mean power of left and right. 0 for what is mono, 3.01 for channels that
            have nothing in common, more where they cancel out; None for silence, and where nothing
            at all is left.
        bands: the same per octave, those below half the sample rate.
    """

    correlation: float | None
    lost_db: float | None
    bands: list[MonoBand]


@node(version=1, besides="all")
def mid_side(ctx: RunContext, audio: Audio) -> MidSide:
    """Split stereo into what is in the middle and what is at the sides, one channel each.

    `from_mid_side` puts them together again: bit by bit the same for what comes from files of 16
    bits, otherwise within one rounding of float32.

    Args:
        ctx: filled in by the engine.
        audio: the sound, two channels.

    Returns:
        mid, (left + right) / 2, and side, (left - right) / 2.

    Raises:
        NodeError: the sound has another number of channels than two.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> parts = mid_side(Audio(np.array([[1.0], [0.5]]), 44100))
        >>> parts.mid.samples.tolist(), parts.side.samples.tolist()
        ([[0.75]], [[0.25]])
    """
    left, right = _channels(audio, "mid_side")
    middle, sides = (left + right) / 2, (left - right) / 2
    _note_sides(ctx, middle, sides)
    return MidSide(audio.with_samples(middle), audio.with_samples(sides))


@node(version=1, cost=Cost(bytes_per_input_byte=6))
def from_mid_side(mid: Audio, side: Audio) -> Audio:
    """Make stereo of mid and side: left is mid + side, right is mid - side.

    Args:
        mid: what is in the middle, one channel.
        side: what is at the sides, one channel, of the same rate and length.

    Raises:
        NodeError: one of them is not mono, or they differ in rate or length.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> mid, side = Audio(np.array([0.75]), 44100), Audio(np.array([0.25]), 44100)
        >>> from_mid_side(mid, side).samples.tolist()
        [[1.0], [0.5]]
    """
    for sound, name in ((mid, "mid"), (side, "side")):
        if sound.channels != 1:
            raise NodeError(f"{name} has {sound.channels} channels: mid and side are mono each")
    if (mid.sample_rate, mid.frames) != (side.sample_rate, side.frames):
        raise NodeError(f"mid is {mid}, side is {side}: rate and length have to match")
    middle, sides = mid.samples[0].astype(np.float64), side.samples[0].astype(np.float64)
    return mid.with_samples(np.stack([middle + sides, middle - sides]))


@node(version=1, cost=Cost(bytes_per_input_byte=8))
def width(
    ctx: RunContext, audio: Audio, *, width: Annotated[float, Field(ge=0, le=4)] = 1.0
) -> Audio:
    """Make the stereo image narrower or wider: the level of the sides against the middle.

    What is in the middle stays as it is, and so does the sound in mono. A wider image may exceed
    full scale; nothing is clipped. Mono has no sides and comes back unchanged.

    Args:
        ctx: filled in by the engine.
        audio: the sound, one or two channels.
        width: what the sides are multiplied by: 0 is mono, 1 leaves it as it is, 2 is twice as
            wide.

    Raises:
        NodeError: more than two channels.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> width(Audio(np.array([[1.0], [0.0]]), 44100), width=0.0).samples.tolist()
        [[0.5], [0.5]]
    """
    if width == 1 or audio.channels == 1:
        ctx.note(summary="as wide as before")
        return audio
    ctx.note(width_percent=100 * width)
    left, right = _channels(audio, "width")
    middle, sides = (left + right) / 2, width * (left - right) / 2
    return audio.with_samples(np.stack([middle + sides, middle - sides]))


@node(version=1, cost=Cost(bytes_per_input_byte=6))
def balance(
    ctx: RunContext, audio: Audio, *, balance_db: Annotated[float, Field(ge=-60, le=60)] = 0.0
) -> Audio:
    """Even out the levels of left and right, by turning one of them down.

    Args:
        ctx: filled in by the engine.
        audio: the sound, two channels.
        balance_db: positive moves the sound to the right: left is turned down by so many dB;
            negative to the left: right is turned down. 0 leaves every sample as it is.

    Raises:
        NodeError: the sound has another number of channels than two.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> moved = balance(Audio(np.ones((2, 1)), 44100), balance_db=6.0)
        >>> moved.samples.round(3).tolist()
        [[0.5009999871253967], [1.0]]
    """
    left, right = _channels(audio, "balance")
    if balance_db == 0:
        ctx.note(summary="balance left as it is")
        return audio
    ctx.note(**{f"{'left' if balance_db > 0 else 'right'}_gain_db": -abs(balance_db)})
    ratio = 10 ** (-abs(balance_db) / 20)
    pair = [left * ratio, right] if balance_db > 0 else [left, right * ratio]
    return audio.with_samples(np.stack(pair))


@node(version=1, uses=("scipy",), cost=Cost(bytes_per_input_byte=8))
def check_mono(ctx: RunContext, audio: Audio) -> MonoReport:
    """Measure what mono would leave of a stereo sound: as a whole and per octave.

    Mono is its own mono: correlation 1, nothing lost.

    Args:
        ctx: filled in by the engine.
        audio: the sound, one or two channels.

    Raises:
        NodeError: more than two channels.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(np.arange(44100) / 10)
        >>> report = check_mono(Audio(np.stack([tone, -0.5 * tone]), 44100))
        >>> round(report.correlation, 3), round(report.lost_db, 2)
        (-1.0, 10.0)
    """
    left, right = _channels(audio, "check_mono", mono=True)
    powers = np.array([left @ left, right @ right, left @ right])
    correlation, lost_db = _in_mono(powers)
    note_known(ctx, correlation=correlation, lost_in_mono_db=lost_db)
    return MonoReport(
        correlation=correlation, lost_db=lost_db, bands=_bands(left, right, audio.sample_rate)
    )


def _note_sides(ctx: RunContext, middle: Array, sides: Array) -> None:
    """Note how loud the sides are against the middle."""
    levels = [power_decibels(np.mean(one**2)) if one.size else None for one in (middle, sides)]
    if levels[1] is None:
        ctx.note(summary="nothing at the sides")
    elif levels[0] is not None:
        ctx.note(sides_against_middle_db=levels[1] - levels[0])


def _channels(audio: Audio, name: str, *, mono: bool = False) -> tuple[Array, Array]:
    """Return left and right, in float64.

    Raises:
        NodeError: the sound has another number of channels.
    """
    if audio.channels == 2:
        left, right = audio.samples.astype(np.float64, order="C")  # sums go by what lies together
        return left, right
    if mono and audio.channels == 1:
        both = audio.samples[0].astype(np.float64)
        return both, both
    raise NodeError(
        f"{name} is for two channels, this sound has {audio.channels}: "
        "to_stereo or select_channels make two of them"
    )


def _in_mono(powers: Array) -> tuple[float | None, float | None]:
    """Return correlation and loss from the energies of left, right, and left times right."""
    left, right, common = (float(one) for one in powers)
    product = left * right
    correlation = float(np.clip(common / product**0.5, -1, 1)) if product > 0 else None
    whole, kept = (left + right) / 2, (left + right + 2 * common) / 4
    # what float32 leaves of two channels that cancel out is rounding, not sound
    lost_db = 10 * float(np.log10(whole / kept)) if kept > 1e-14 * whole > 0 else None
    return correlation, lost_db


def _bands(left: Array, right: Array, sample_rate: int) -> list[MonoBand]:
    """Return what mono leaves of each octave, from the spectra of segments (P. Welch, 1967)."""
    from scipy.signal import csd

    if not left.size:
        return []
    segment = min(left.size, max(16, round(_SEGMENT_SECONDS * sample_rate)))
    spectra = [
        csd(one, other, sample_rate, nperseg=segment, detrend=False, scaling="spectrum")
        for one, other in ((left, left), (right, right), (left, right))
    ]
    frequencies = spectra[0][0]
    energies = np.array([spectrum.real for _, spectrum in spectra])
    least = (energies[0] + energies[1]).sum() * 10 ** (_LEAST_BAND_DB / 10)
    bands = []
    for centre_hz in _OCTAVES_HZ:
        low, high = centre_hz / 2**0.5, centre_hz * 2**0.5
        inside = (frequencies >= low) & (frequencies < high)
        if low >= sample_rate / 2 or not inside.any():
            continue
        powers = energies[:, inside].sum(axis=1)
        silent = powers[0] + powers[1] <= least
        correlation, lost_db = (None, None) if silent else _in_mono(powers)
        bands.append(MonoBand(centre_hz=centre_hz, correlation=correlation, lost_db=lost_db))
    return bands
