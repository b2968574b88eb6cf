"""The frequency of a hum, followed as it wanders, by the amplitudes of its harmonics at the knots.

Each window says something for each frequency, all harmonics and channels together; the smoothest
path through what they say is the hum's, or one frequency throughout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .evidence import TINY, prominence
from .knots import Array, Complex, Knots

# The base lies within 1 % of what was named, and is sought in steps of 0.02 %, by the first
# harmonics: the others move too fast.
SEARCH = 0.01
_STEP = 0.0002
_OFFSETS = np.arange(-SEARCH, SEARCH + _STEP / 2, _STEP)
TRACKED_HARMONICS = 10
WINDOW_KNOTS = 48
# How much one harmonic in one window may say, in nats, before it counts for a tenth: a loud note
# must not outvote the rest.
_MOST_SAID = 1.0
# What it costs the track to move by one step from one window to the next: this, times the square.
# The mains keep their frequency for minutes: a track that moves must say more than the best that
# does not, by so much and so much for each window. Less is enough once it is known which harmonics
# stand out, as chance has less to say then.
_STIFFNESS = 0.1
MOVES_NATS, MOVES_NATS_WEIGHTED = 2.5, 1.0
_MOVES_NATS_PER_WINDOW = 0.04
# A frequency that is the same throughout is known better still by the phases of all harmonics, in
# windows of so many knots, within one step.
_PHASE_KNOTS, _PHASE_STEPS = 160, 81


def _starts(count: int) -> NDArray[np.intp]:
    """Return at which knots the windows begin, of so many knots in all."""
    width = min(WINDOW_KNOTS, count)
    return np.arange(0, count - width + 1, max(1, width // 6))


def window_centres(count: int) -> Array:
    """Return where the middles of the windows are, in knots, of so many knots in all."""
    return _starts(count).astype(np.float64) + (min(WINDOW_KNOTS, count) - 1) / 2


def said_by_windows(amplitudes: Complex, knots: Knots) -> Array:
    """Return what each window says for each frequency within the search, in nats.

    Of shape (channels, harmonics, windows, frequencies).
    """
    count = amplitudes.shape[2]
    width = min(WINDOW_KNOTS, count)
    starts = _starts(count)
    window = np.hanning(width + 2)[1:-1]
    offsets = knots.base_hz * _OFFSETS
    times = np.arange(width) / knots.per_second
    said = np.empty((*amplitudes.shape[:2], len(starts), len(offsets)))
    for index in range(amplitudes.shape[1]):
        turned = np.exp(-2j * np.pi * (index + 1) * np.outer(times, offsets)) * window[:, None]
        for channel, heard in enumerate(amplitudes[:, index]):
            cut = np.lib.stride_tricks.sliding_window_view(heard, width)[starts]
            power = (np.abs(cut) ** 2) @ window * window.sum()
            explained = np.abs(cut @ turned) ** 2 / np.maximum(power, TINY)[:, None]
            nats = -np.log1p(-np.minimum(explained, 0.9999))
            said[channel, index] = np.where(nats < _MOST_SAID, nats, 0.9 * _MOST_SAID + 0.1 * nats)
    return said


def weights(amplitudes: Complex) -> Array:
    """Return how much each harmonic of each channel has to say: none if it does not stand out.

    If none stands out, all have as much to say.
    """
    stands_out, _ = prominence(amplitudes)
    found: Array = np.maximum(1 - 1 / stands_out, 0)
    return found if stands_out.max() > 1 else stands_out**0


def followed(said: Array, knots: Knots, moves_nats: float = MOVES_NATS) -> Array:
    """Return the base frequency at each knot, in Hz; it moves if so many nats speak for that."""
    path = _smoothest_path(said)
    best = said.sum(axis=0)
    gained = said[np.arange(len(path)), path].sum() - _STIFFNESS * np.sum(np.diff(path) ** 2)
    if gained - best.max() < moves_nats + _MOVES_NATS_PER_WINDOW * len(path):
        return np.full(len(knots), steadily_hz(best, knots))
    centres = window_centres(len(knots))
    exactly = [_highest(row, at) for row, at in zip(said, path, strict=True)]
    found_hz = knots.base_hz * np.interp(exactly, np.arange(len(_OFFSETS)), _OFFSETS)
    track: Array = knots.base_hz + np.interp(np.arange(len(knots)), centres, found_hz)
    return track


def steadily_hz(said: Array, knots: Knots) -> float:
    """Return the frequency for which most is said."""
    return knots.base_hz * (1 + _STEP * _highest(said) - SEARCH)


def phases_turn_hz(amplitudes: Complex, knots: Knots, counts: Array) -> float:
    """Return by how much the base is higher, going by how the phases of all harmonics turn.

    Levels do not count, so that a note has no more to say than the hum beneath it.

    Args:
        amplitudes: the harmonics at about the base; zeros where there is no hum.
        knots: where they are.
        counts: what each has to say, as `weights` has it.
    """
    width = min(_PHASE_KNOTS, amplitudes.shape[2])
    phases = amplitudes / np.maximum(np.abs(amplitudes), TINY)
    cut = np.lib.stride_tricks.sliding_window_view(phases, width, axis=2)[:, :, :: width // 2]
    steps_hz = knots.base_hz * np.linspace(-_STEP, _STEP, _PHASE_STEPS)
    turns = np.outer(np.arange(width) / knots.per_second, steps_hz)
    said = sum(
        counts[:, index]
        @ np.sum(np.abs(cut[:, index] @ np.exp(-2j * np.pi * (index + 1) * turns)) ** 2, axis=1)
        for index in range(amplitudes.shape[1])
    )
    return float(np.interp(_highest(said), np.arange(len(steps_hz)), steps_hz))


def _highest(values: Array, at: int | None = None) -> float:
    """Return where values are highest, between the samples: at the top of a parabola.

    Near a place, within half a sample of it, if one is given.
    """
    place = int(values.argmax()) if at is None else int(at)
    if not 0 < place < len(values) - 1:
        return float(place)
    before, there, after = (float(value) for value in values[place - 1 : place + 2])
    bend = before - 2 * there + after
    return place + float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else place


def _smoothest_path(said: Array) -> NDArray[np.intp]:
    """Return the column of each row that says most, at the least movement between rows."""
    columns = np.arange(said.shape[1])
    cost = _STIFFNESS * np.subtract.outer(columns, columns) ** 2
    total, came_from = said[0], []
    for row in said[1:]:
        options = total - cost
        came_from.append(options.argmax(axis=1))
        total = row + options.max(axis=1)
    path = [int(total.argmax())]
    for choice in reversed(came_from):
        path.append(int(choice[path[-1]]))
    return np.array(path[::-1])
