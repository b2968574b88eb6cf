"""When a hum is on: sought in stretches where it does not last, and told at each knot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .evidence import beside_power, evidence
from .knots import Array, Complex, Knots
from .track import WINDOW_KNOTS, phases_turn_hz, steadily_hz, weights, window_centres

# Where hum does not last it is sought in stretches: so many seconds, but no fewer knots. It is
# nearer to what was named then, as the mains are: bass notes come and go, and G1 lies 2 % below
# 50 Hz. The shortest tell of hum only where two of them, apart, have the same levels and phases.
_SEARCH = 0.005
_STRETCHES = ((6.0, 120, True), (3.0, 60, True), (2.0, 40, False))
_ALIKE, _TURNS = 0.8, 64
_ONE_TRACK = 0.001
# Going on or off must be worth so many nats.
_CHANGE_NATS = 8.0


class _Stretch(NamedTuple):
    """A stretch that hums: at which knots, at which frequency, in which channels, how clearly."""

    place: slice
    frequency_hz: float
    counts: Array
    channels: NDArray[np.bool_]
    score: float
    alone: bool


class HumAtTimes(NamedTuple):
    """Hum that is there at times: its frequency, its channels, where it was heard, how clearly."""

    frequency_hz: float
    channels: NDArray[np.bool_]
    within: NDArray[np.bool_]
    score: float


def hum_at_times(tracked: Complex, said: Array, knots: Knots, harmonics: int) -> HumAtTimes | None:
    """Return the hum that is there at times, None where there is none.

    Args:
        tracked: the amplitudes at the base that was named.
        said: what the windows of the track say, by channel and harmonic.
        knots: where the amplitudes are.
        harmonics: how many are asked for.
    """
    stretches = list(_stretches(tracked, said, knots, harmonics))
    told = [one for one in stretches if one.alone] or _alike(stretches, tracked, knots)
    if not told:
        return None
    best = max(told, key=lambda one: one.score)
    within = np.zeros(tracked.shape[2], np.bool_)
    channels = np.zeros(len(tracked), np.bool_)
    same = [one for one in stretches if abs(one.frequency_hz / best.frequency_hz - 1) < _ONE_TRACK]
    for one in same:
        within[one.place] = True
        channels |= one.channels
    scores = [one.score for one in same]
    counts = np.average([one.counts for one in same], axis=0, weights=scores)
    rows = within[np.rint(window_centres(len(within))).astype(int)]
    frequency_hz = steadily_hz(np.tensordot(counts, said[:, :, rows].sum(axis=2)), knots)
    turned = knots.turned(tracked, frequency_hz) * within
    frequency_hz += phases_turn_hz(turned, knots, counts)
    return HumAtTimes(frequency_hz, channels, within, best.score)


def _stretches(tracked: Complex, said: Array, knots: Knots, harmonics: int) -> Iterator[_Stretch]:
    """Yield the stretches that hum, the longest first."""
    count = tracked.shape[2]
    centres = window_centres(count)
    for seconds, fewest, alone in _STRETCHES:
        length = max(fewest, round(seconds * knots.per_second))
        near = max(length - WINDOW_KNOTS, WINDOW_KNOTS // 3) / 2
        for start in range(0, count - length + 1, length // 4):
            rows = np.abs(centres - (start + (length - 1) / 2)) <= near
            if not rows.any():
                continue
            place = slice(start, start + length)
            heard, here = tracked[:, :, place], said[:, :, rows].sum(axis=2)
            frequency_hz = steadily_hz(here.sum(axis=(0, 1)), knots)
            counts = weights(knots.turned(heard, frequency_hz))
            frequency_hz = steadily_hz(np.tensordot(counts, here), knots)
            if abs(frequency_hz / knots.base_hz - 1) > _SEARCH:
                continue
            channels, score = evidence(knots.turned(heard, frequency_hz), harmonics)
            if channels.any():
                yield _Stretch(place, frequency_hz, counts, channels, score, alone)


def _alike(stretches: list[_Stretch], tracked: Complex, knots: Knots) -> list[_Stretch]:
    """Return those stretches of which another one, apart, has the same levels and phases.

    Of one of two the phases may be those of another moment: all turned as much, times their number.
    """
    numbers = np.arange(1, tracked.shape[1] + 1)
    turns = np.exp(2j * np.pi * np.outer(numbers, np.arange(_TURNS)) / _TURNS)
    found = []
    for one in stretches:
        turned = knots.turned(tracked, one.frequency_hz)
        beside = np.sqrt(beside_power(turned[:, :, one.place]).mean(axis=2))
        mine = turned[:, :, one.place].mean(axis=2) / beside
        for other in stretches:
            apart = other.place.start >= one.place.stop or other.place.stop <= one.place.start
            if not apart or abs(other.frequency_hz / one.frequency_hz - 1) > _ONE_TRACK:
                continue
            theirs = turned[:, :, other.place].mean(axis=2) / beside
            product = np.sum(mine * theirs.conj(), axis=0)
            like = np.max((product @ turns).real)
            if like > _ALIKE * np.sqrt(np.sum(np.abs(mine) ** 2) * np.sum(np.abs(theirs) ** 2)):
                found.append(one)
                break
    return found


def likeliest_path(said: Array) -> NDArray[np.bool_]:
    """Return where it is on, by what speaks for it at each knot, in nats."""
    on, off = 0.0, 0.0
    from_other = np.zeros((len(said), 2), np.bool_)
    for index, nats in enumerate(said):
        goes_on, goes_off = off - _CHANGE_NATS, on - _CHANGE_NATS
        from_other[index] = goes_off > off, goes_on > on
        on, off = max(on, goes_on) + nats, max(off, goes_off)
    path = np.empty(len(said), np.bool_)
    state = on > off
    for index in range(len(said) - 1, -1, -1):
        path[index] = state
        state ^= from_other[index, int(state)]
    return path
