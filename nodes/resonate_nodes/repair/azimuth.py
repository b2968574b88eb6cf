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
from typing import Annotated

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
_FOR_THE_SMALLER = 1e-3
# How far the phases have to agree with one delay, 0 to 1, for it to be one, and how much of the
# amplitude the channels have to share where the delay is followed: what is left of a chord in the
# reverberation has a delay too, but it is none of the tape.
_LEAST_AGREEMENT = 0.95
_LEAST_SHARE = 0.75
# Heads that are in order are this far apart: 20 degrees at 10 kHz.
_LEAST_DELAY_SECONDS = 5.5e-6


@node(version=2, uses=("scipy",), cost=Cost(seconds_per_second=0.02))
def align_azimuth(
    ctx: RunContext,
    audio: Audio,
    *,
    max_delay_ms: Annotated[float, Field(gt=0, le=5)] = 0.3,
    follow: bool = True,
) -> Audio:
    """Line up left and right of a tape that was played with a head out of azimuth.

    A steady delay between the channels is found to about a hundredth of a sample, one that wanders
    to about a tenth, and taken out of the right channel; the left one stays as it is, bit by bit.
    It is the delay of what both channels share, such as voices in the middle; where they share
    little, the delay of what lies around is kept. Less than 5.5 µs is left alone: heads that are in
    order have that. Where left and right share too little throughout, as two unrelated tracks or a
    very wide mix do, the sound comes back unchanged, with the warning ``no-common-sound``. A delay
    that was recorded, by microphones that stood apart, is taken for one of the tape: leave such
    recordings alone.

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
    found = _delays(audio, max_delay_ms / 1000 * audio.sample_rate, follow)
    if found is None:
        ctx.warn("no-common-sound", "left and right share too little to be lined up")
        ctx.note(summary="left and right share too little to be lined up")
        return audio
    centres, delays = found
    if np.abs(delays).max() < _LEAST_DELAY_SECONDS * audio.sample_rate:
        ctx.note(summary="left and right are in line")
        return audio
    found_us = 1e6 / audio.sample_rate * delays
    ctx.note(right_delay_us=float(np.median(found_us)))
    if np.ptp(found_us):
        ctx.note(delays_us=[float(found_us.min()), float(found_us.max())])
    right = _moved(audio.samples[1].astype(np.float64), centres, -delays)
    return audio.with_samples(np.stack([audio.samples[0].astype(np.float64), right]))


def _delays(audio: Audio, furthest: float, follow: bool) -> tuple[Array, Array] | None:
    """Return by how many frames right is later than left, and at which frames.

    None where they share too little.
    """
    centres, powers, cross, radians = _cross_spectra(audio)
    weights = np.ones((1, len(centres)))
    if follow and len(centres) > 1:
        apart = np.abs(centres[:, None] - centres) / (_FOLLOW_SECONDS * audio.sample_rate)
        weights = np.where(apart < 1, 1 + np.cos(np.pi * np.minimum(apart, 1)), 0)
    amplitudes = np.abs(cross)
    found = []
    for weight in weights:
        both = np.tensordot(weight, cross, 1)
        left, right = (np.tensordot(weight, power, 1) for power in powers)
        share = np.abs(both).sum() / max(np.sqrt(left * right).sum(), 1e-300)
        if len(weights) > 1 and share < _LEAST_SHARE:
            continue
        known = _delay(both, left * right, radians, furthest)
        if known is not None:
            delay, counts = known
            # when it was heard, frequency by frequency: not in the middle, where a part is louder
            times = np.tensordot(weight * centres, amplitudes, 1)
            times /= np.maximum(np.tensordot(weight, amplitudes, 1), 1e-300)
            found.append((np.average(times, weights=counts), delay))
    if not found:
        return _delays(audio, furthest, False) if len(weights) > 1 else None
    places, delays = np.array(sorted(found)).T
    return places, delays


def _cross_spectra(audio: Audio) -> tuple[Array, tuple[Array, Array], Spectra, Array]:
    """Return where stretches lie, both power spectra and the cross-spectrum of each, and radians.

    The spectra have shape (stretches, frequencies).
    """
    from scipy.fft import next_fast_len

    stretch = min(audio.frames, round(_STRETCH_SECONDS * audio.sample_rate))
    size = max(1, min(stretch, next_fast_len(stretch // _FRAMES_PER_STRETCH * 2, real=True)))
    window = np.hanning(size + 2)[1:-1]
    hertz = np.arange(size // 2 + 1) * (audio.sample_rate / size)
    radians = hertz * (2 * np.pi / audio.sample_rate)
    used = (hertz >= _LOWEST_HZ) & (hertz <= min(_HIGHEST_HZ, 0.45 * audio.sample_rate))
    starts = range(0, max(1, audio.frames - stretch // 2), stretch)
    powers = np.zeros((2, len(starts), int(used.sum())))
    cross = np.zeros((len(starts), int(used.sum())), np.complex128)
    centres = np.zeros(len(starts))
    for index, start in enumerate(starts):
        piece = audio.samples[:, start : start + stretch].astype(np.float64)
        views = np.lib.stride_tricks.sliding_window_view(piece, size, axis=1)
        spectra = np.fft.rfft(views[:, :: max(1, size // 2)] * window, axis=2)[:, :, used]
        powers[:, index] = np.square(np.abs(spectra)).sum(axis=1)
        cross[index] = (np.conj(spectra[0]) * spectra[1]).sum(axis=0)
        centres[index] = start + piece.shape[1] / 2
    return centres, (powers[0], powers[1]), cross, radians[used]


def _delay(
    cross: Spectra, product: Array, radians: Array, furthest: float
) -> tuple[float, Array] | None:
    """Return by how many frames right is later than left, and what each frequency counted.

    None where the phases do not agree with any delay.

    Args:
        cross: the cross-spectrum.
        product: the product of both power spectra.
        radians: the frequencies, per frame.
        furthest: the longest delay, in frames.
    """
    coherence = np.zeros(len(product))
    np.divide(np.square(np.abs(cross)), product, out=coherence, where=product > 0)
    coherence[coherence < _LOWEST_COHERENCE] = 0
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
    return (delay, counts) if agrees >= _LEAST_AGREEMENT else None


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
