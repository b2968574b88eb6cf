"""Tape azimuth: left and right a part of a sample apart, found and lined up again.

A playback head that stands at another angle than the one that recorded reads one track ahead of
the other. The two differ by distance of the tracks x tan(angle) / tape speed: 60 µs for 10
arcminutes on a half-track tape at 19 cm/s, and it wanders as the tape skews. In mono the treble
then cancels out; in stereo the image loses its focus.

The delay is found by generalised cross-correlation (C. Knapp and G. Carter, *The generalized
correlation method for estimation of time delay*, IEEE Trans. Acoustics, Speech, Signal Processing
24, 1976): each frequency counts by the coherence of the two channels there, the weighting of Hannan
and Thomson, so that what is in one channel only, and hiss, does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, NodeError, RunContext, node

from .._common.fractional_delay import REACH, delayed

Array = NDArray[np.float64]
Spectra = NDArray[np.complex128]

# Cross-spectra are averaged over stretches of this length, by frames of 1/40 of it.
_STRETCH_SECONDS = 1.0
_FRAMES_PER_STRETCH = 40
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 16_000.0
# The delay follows what lies within so many seconds before and after.
_FOLLOW_SECONDS = 3.0
_STEPS_PER_FRAME = 8
# A frequency counts by its coherence, but none for a hundred others, and none whose coherence may
# be chance. Of two delays that agree with the phases alike, as in a pure tone, the smaller is
# meant.
_LOWEST_COHERENCE, _HIGHEST_COHERENCE = 0.1, 0.99
# A frequency of two independent sounds is taken for coherent in so many cases at most: in short
# sounds, of few frames, chance alone goes beyond the lowest coherence.
_BY_CHANCE = 1e-5
_FOR_THE_SMALLER = 1e-3
# How far the phases have to agree with one delay, 0 to 1, for it to be one, and how much of the
# amplitude the channels have to share where the delay is followed: what is left of a chord in the
# reverberation has a delay too, but it is none of the tape.
_LEAST_AGREEMENT = 0.95
_LEAST_SHARE = 0.75
# One delay is the same in all octaves whose coherence is so high, to within a part of it and what
# heads that are in order have. That of effects and microphones differs from octave to octave; the
# phase of a single tone is none.
_OCTAVES_HZ = (600.0, 1500.0, 3000.0, 6000.0, 10_000.0)
_COHERENT = 0.6
_DELAY_DIFFERS, _LEAST_WIDTH = 0.25, 0.05
# Channels of opposite polarity, or further apart than is looked for, share this of their amplitude
# at least. The phases of those of opposite polarity agree so far with a delay, and so much further
# than without turning one over: those of a pure tone agree as far either way.
_LEAST_SHARE_AT_ALL = 0.5
_LEAST_INVERTED_AGREEMENT = 0.7
_RATHER_INVERTED = 0.3
# Delays beyond the limit are sought up to here, to be told.
_TOLD_SECONDS = 0.01
_LONGEST_MS = 5.0
# Heads that are in order are this far apart: 20 degrees at 10 kHz. Where less is heard than that,
# so many degrees at the end of the spectrum: less is not to be told from chance.
_LEAST_DELAY_SECONDS, _TELLING_HZ = 5.5e-6, 10_000.0
_END_OF_RATE = 0.45


@node(version=6, uses=("scipy",), cost=Cost(seconds_per_second=0.02))
def align_azimuth(
    ctx: RunContext,
    audio: Audio,
    *,
    max_delay_ms: Annotated[float, Field(gt=0, le=_LONGEST_MS)] = 0.3,
    follow: bool = True,
) -> Audio:
    """Line up left and right of a tape that was played with a head out of azimuth.

    A steady delay between the channels is found to about a hundredth of a sample, one that wanders
    to about a tenth, and taken out of the right channel; the left one stays as it is, bit by bit.
    It is the delay of what both channels share, such as voices in the middle; where they share
    little, the delay of what lies around is kept. Less than 5.5 µs is left alone: heads that are in
    order have that; and below a rate of 22 kHz, less than 20 degrees at the end of the spectrum,
    such as 15 µs at 8 kHz. Where left and right share too little throughout, as two unrelated
    tracks or a very wide mix do, the sound comes back unchanged, with the warning
    ``no-common-sound``; where they share much, but at a delay beyond the limit,
    ``delay-beyond-limit`` tells it. A delay that was recorded, by microphones that stood apart, is
    taken for one of the tape: leave such recordings alone.

    A right channel of opposite polarity, as by a cable that was wired the wrong way round, is
    turned over, and lined up as any other: the warning ``inverted`` says so. It is known by the
    phases of all frequencies together, which agree with no delay but with one of the opposite
    polarity.

    Only the delay is mended: treble that each track lost by the wrong angle does not come back.
    Beyond its ends the sound is taken to go on mirrored.
    Mono comes back unchanged.

    Args:
        ctx: filled in by the engine.
        audio: the sound, one or two channels.
        max_delay_ms: how far the channels may be apart, in ms.
        follow: follow a delay that wanders, over three seconds either way (at the very ends it is
            held); or else take out one delay throughout.

    Raises:
        NodeError: more than two channels.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> noise = np.random.default_rng(0).standard_normal(44101)
        >>> apart = Audio(np.stack([noise[1:], noise[:-1]]), 44100)
        >>> together = align_azimuth(apart).samples[:, 200:-200]
        >>> bool(np.abs(together[0] - together[1]).max() < 1e-3)
        True
    """
    if audio.channels > 2:
        raise NodeError(
            f"align_azimuth is for two channels, this sound has {audio.channels}: "
            "select_channels takes two of them"
        )
    if audio.channels == 1 or not audio.samples.any():
        ctx.note(summary="nothing to line up")
        return audio
    shared = _cross_spectra(audio)
    limit = max_delay_ms / 1000 * audio.sample_rate
    inverted = _is_inverted(shared)
    if inverted:
        ctx.warn("inverted", "the right channel had the opposite polarity: it was turned over")
        ctx.note(right_inverted=1)
        shared = shared._replace(cross=-shared.cross)
    right = audio.samples[1].astype(np.float64) * (-1 if inverted else 1)
    found = _delays(shared, limit, follow)
    if found is None:
        _tell_why(ctx, shared)
    elif np.abs(found[1]).max() >= _least_delay(audio.sample_rate):
        centres, delays = found
        found_us = 1e6 / audio.sample_rate * delays
        ctx.note(right_delay_us=float(np.median(found_us)))
        if np.ptp(found_us):
            ctx.note(delays_us=[float(found_us.min()), float(found_us.max())])
        right = _moved(right, centres, -delays)
    else:
        ctx.note(summary="left and right are in line")
        found = None
    if found is None and not inverted:
        return audio
    return audio.with_samples(np.stack([audio.samples[0].astype(np.float64), right]))


def _least_delay(sample_rate: int) -> float:
    """Return the delay, in frames, below which heads are in order."""
    heard = min(1.0, _END_OF_RATE * sample_rate / _TELLING_HZ)
    return _LEAST_DELAY_SECONDS * sample_rate / heard


class _Shared(NamedTuple):
    """What left and right have in common: spectra of shape (stretches, frequencies).

    Attributes:
        sample_rate: in Hz.
        centres: the frames where the stretches lie.
        left: the power spectrum of the left channel.
        right: that of the right one.
        cross: the cross-spectrum.
        radians: the frequencies, per frame.
        spectra: how many spectra all stretches have.
    """

    sample_rate: int
    centres: Array
    left: Array
    right: Array
    cross: Spectra
    radians: Array
    spectra: int

    @property
    def least_coherence(self) -> float:
        """The coherence from which on a frequency counts."""
        by_chance = np.exp(np.log(_BY_CHANCE) / max(self.spectra - 1, 1))
        return max(_LOWEST_COHERENCE, 1 - float(by_chance))

    def delay(
        self, cross: Spectra, product: Array, furthest: float, among: slice = slice(None)
    ) -> tuple[float, Array, float] | None:
        """Return `_delay` of cross-spectra at some of the frequencies."""
        least = self.least_coherence
        return _delay(cross[among], product[among], self.radians[among], furthest, least)

    def agreement(self, sign: int, furthest: float) -> float:
        """Return how far the phases of the whole agree with a delay, at a polarity."""
        product = self.left.sum(axis=0) * self.right.sum(axis=0)
        known = self.delay(sign * self.cross.sum(axis=0), product, furthest)
        return known[2] if known else 0.0

    def share(self) -> float:
        """Return how much of the amplitude both share throughout, 0 to 1."""
        amplitudes = np.sqrt(self.left.sum(axis=0) * self.right.sum(axis=0)).sum()
        return float(np.abs(self.cross.sum(axis=0)).sum() / max(amplitudes, 1e-300))


def _is_inverted(shared: _Shared) -> bool:
    """Whether the right channel has the opposite polarity."""
    if shared.share() < _LEAST_SHARE_AT_ALL:
        return False
    furthest = _TOLD_SECONDS * shared.sample_rate
    agrees = shared.agreement(-1, furthest)
    without = shared.agreement(1, furthest)
    return agrees >= max(_LEAST_INVERTED_AGREEMENT, without + _RATHER_INVERTED)


def _tell_why(ctx: RunContext, shared: _Shared) -> None:
    """Warn that no delay was found: it lies beyond the limit, or there is none."""
    far = _delays(shared, _TOLD_SECONDS * shared.sample_rate, follow=False)
    if far is None or shared.share() < _LEAST_SHARE_AT_ALL:
        why = "left and right share too little at one delay to be lined up"
        ctx.warn("no-common-sound", why)
    else:
        delay_ms = 1000 * float(far[1][0]) / shared.sample_rate
        why = f"right is {abs(delay_ms):.2f} ms {'later' if delay_ms > 0 else 'earlier'} than left"
        mend = (
            f"max_delay_ms={np.ceil(10 * abs(delay_ms) - 0.01) / 10:g} lines them up"
            if abs(delay_ms) <= _LONGEST_MS
            else "the node delay moves one of them"
        )
        ctx.warn("delay-beyond-limit", f"{why}, beyond the limit: {mend}")
    ctx.note(summary=why)


def _delays(shared: _Shared, furthest: float, follow: bool) -> tuple[Array, Array] | None:
    """Return by how many frames right is later than left, and at which frames.

    None where they share too little.
    """
    centres, cross = shared.centres, shared.cross
    weights = np.ones((1, len(centres)))
    if follow and len(centres) > 1:
        apart = np.abs(centres[:, None] - centres) / (_FOLLOW_SECONDS * shared.sample_rate)
        weights = np.where(apart < 1, 1 + np.cos(np.pi * np.minimum(apart, 1)), 0)
    amplitudes = np.abs(cross)
    found = []
    for weight in weights:
        both = np.tensordot(weight, cross, 1)
        left, right = (np.tensordot(weight, power, 1) for power in (shared.left, shared.right))
        share = np.abs(both).sum() / max(np.sqrt(left * right).sum(), 1e-300)
        if len(weights) > 1 and share < _LEAST_SHARE:
            continue
        known = shared.delay(both, left * right, furthest)
        if (
            known is not None
            and known[2] >= _LEAST_AGREEMENT
            and _is_one(known[0], both, left * right, shared, furthest)
        ):
            delay, counts, _ = known
            # when it was heard, frequency by frequency: not in the middle, where a part is louder
            times = np.tensordot(weight * centres, amplitudes, 1)
            times /= np.maximum(np.tensordot(weight, amplitudes, 1), 1e-300)
            found.append((np.average(times, weights=counts), delay))
    if not found:
        return _delays(shared, furthest, False) if len(weights) > 1 else None
    places, delays = np.array(sorted(found)).T
    return places, delays


def _is_one(delay: float, cross: Spectra, product: Array, shared: _Shared, furthest: float) -> bool:
    """Whether all octaves that left and right share have that delay, in frames."""
    edges = 2 * np.pi / shared.sample_rate * np.array(_OCTAVES_HZ)
    delays = [delay]  # of all frequencies together, where the treble weighs most
    widest = 0.0
    for low, high in pairwise(edges):
        octave = slice(*np.searchsorted(shared.radians, (low, high)))
        powers = np.square(np.abs(cross[octave]))
        if powers.any() and powers.sum() > _COHERENT * product[octave].sum():
            widest = max(widest, _width(shared.radians[octave], powers))
            known = shared.delay(cross, product, furthest, octave)
            if known is not None:
                delays.append(known[0])
    least = _least_delay(shared.sample_rate)
    if len(delays) == 2 and widest < _LEAST_WIDTH:  # in one octave there is one tone
        return False
    return bool(np.ptp(delays) <= max(_DELAY_DIFFERS * abs(delay), least))


def _width(frequencies: Array, powers: Array) -> float:
    """Return the standard deviation of the frequencies of a spectrum, over their mean."""
    mean = np.average(frequencies, weights=powers)
    return float(np.sqrt(np.average(np.square(frequencies / mean - 1), weights=powers)))


def _cross_spectra(audio: Audio) -> _Shared:
    from scipy.fft import next_fast_len

    stretch = min(audio.frames, round(_STRETCH_SECONDS * audio.sample_rate))
    size = max(1, min(stretch, next_fast_len(stretch // _FRAMES_PER_STRETCH * 2, real=True)))
    window = np.hanning(size + 2)[1:-1]
    hertz = np.arange(size // 2 + 1) * (audio.sample_rate / size)
    radians = hertz * (2 * np.pi / audio.sample_rate)
    used = (hertz >= _LOWEST_HZ) & (hertz <= min(_HIGHEST_HZ, _END_OF_RATE * audio.sample_rate))
    starts = range(0, max(1, audio.frames - stretch // 2), stretch)
    powers = np.zeros((2, len(starts), int(used.sum())))
    cross = np.zeros((len(starts), int(used.sum())), np.complex128)
    centres, count = np.zeros(len(starts)), 0
    for index, start in enumerate(starts):
        piece = audio.samples[:, start : start + stretch].astype(np.float64)
        views = np.lib.stride_tricks.sliding_window_view(piece, size, axis=1)
        spectra = np.fft.rfft(views[:, :: max(1, size // 2)] * window, axis=2)[:, :, used]
        powers[:, index] = np.square(np.abs(spectra)).sum(axis=1)
        count += spectra.shape[1]
        cross[index] = (np.conj(spectra[0]) * spectra[1]).sum(axis=0)
        centres[index] = start + piece.shape[1] / 2
    return _Shared(audio.sample_rate, centres, powers[0], powers[1], cross, radians[used], count)


def _delay(
    cross: Spectra, product: Array, radians: Array, furthest: float, least_coherence: float
) -> tuple[float, Array, float] | None:
    """Return by how many frames right is later than left, and what each frequency counted.

    And how far the phases agree with that, from -1 to 1. None where no frequency counts.

    Args:
        cross: the cross-spectrum.
        product: the product of both power spectra.
        radians: the frequencies, per frame.
        furthest: the longest delay, in frames.
        least_coherence: that of a frequency that counts.
    """
    coherence = np.zeros(len(product))
    np.divide(np.square(np.abs(cross)), product, out=coherence, where=product > 0)
    coherence[coherence < least_coherence] = 0
    coherence = np.minimum(coherence, _HIGHEST_COHERENCE)
    weights = coherence / (1 - coherence)
    if not weights.sum() > 0:
        return None
    phases = np.angle(cross)
    tried = np.arange(-np.ceil(furthest * _STEPS_PER_FRAME), furthest * _STEPS_PER_FRAME + 1)
    tried = np.clip(tried / _STEPS_PER_FRAME, -furthest, furthest)
    agreement = np.cos(phases + np.outer(tried, radians)) @ weights / weights.sum()
    agreement -= _FOR_THE_SMALLER * np.abs(tried) / furthest
    delay = float(tried[agreement.argmax()])
    counts = weights * np.square(radians)
    for _ in range(4):  # weighted least squares of the phases that are left
        rest = np.angle(np.exp(1j * (phases + delay * radians)))
        delay -= float(np.average(rest / radians, weights=counts))
    delay = float(np.clip(delay, -furthest, furthest))
    agrees = float(np.cos(phases + delay * radians) @ weights / weights.sum())
    return delay, counts, agrees


def _moved(channel: Array, centres: Array, delays: Array) -> Array:
    """Return a channel that is later by a delay that goes linearly from one centre to the next.

    Beyond its ends it is taken to go on mirrored: to begin there is no step from silence.
    """
    beyond = max(map(_margin, delays))
    surrounded = np.pad(channel, beyond, mode="symmetric")
    moved = np.zeros(len(channel))
    for start, stop, delay, weights in _spans(len(channel), centres, delays):
        margin = _margin(delay)
        around = surrounded[start + beyond - margin : stop + beyond + margin]
        moved[start:stop] += weights * delayed(around[None], delay)[0, margin:-margin]
    return moved


def _margin(delay: float) -> int:
    return REACH + int(np.ceil(abs(delay))) + 1


def _spans(length: int, centres: Array, delays: Array) -> Iterator[tuple[int, int, float, Array]]:
    """Yield each delay with the frames it has a part in, and how much of one at each of them.

    The parts are triangles from the centre before to the one after, and add up to 1: between two
    delays that are nearly the same, the mean of both sounds is the sound at their mean.
    """
    for index, delay in enumerate(delays):
        start = 0 if index == 0 else int(centres[index - 1])
        stop = length if index == len(delays) - 1 else int(np.ceil(centres[index + 1]))
        shares = np.zeros(len(delays))
        shares[index] = 1.0
        yield start, stop, float(delay), np.interp(np.arange(start, stop), centres, shares)
