"""A mix in segments, and the estimates of its segments put together again, in bounded memory.

This is what `demucs.apply.apply_model` does with ``split=True``, to the last bit, for any number
of passes at once: each pass is one model from one starting point (a shift). Where Demucs holds the
estimate of the whole mix of every stem, here what is finished is handed out and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

#: Gives a sound from one frame to another, in shape (channels, frames).
Read: TypeAlias = Callable[[int, int], Array]

#: Given where in its pass a segment begins and its length, in frames: how many frames go into the
#: model before it, and how many altogether.
Surround: TypeAlias = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Pass:
    """One model over the mix, from one starting point.

    Attributes:
        model: the number of its model.
        weights: what its estimates count for, by the number of the stem; others it has not.
        start: where its first segment begins, in frames; at or before the mix's beginning.
        segment: the length of its segments, in frames.
        stride: from the beginning of one segment to that of the next, in frames.
        surround: what goes into the model around a segment.
        window: what estimates are weighted with, given the length of a segment.
    """

    model: int
    weights: Mapping[int, float]
    start: int
    segment: int
    stride: int
    surround: Surround
    window: Callable[[int], Array]

    def offsets(self, frames: int) -> range:
        """Return where the segments of a mix begin."""
        return range(self.start, frames, self.stride)


@dataclass(frozen=True)
class Job:
    """One segment of one pass: what goes into the model, and what is kept of what comes out.

    Attributes:
        number: which of the passes.
        model: its model.
        first: the first frame that goes in; what lies outside the mix is silence.
        last: the frame after the last.
        trim: how many frames of the estimate come before the segment.
        frames: how many frames of it are the segment.
        row: how many segments of each pass are done with it, if it ends a row; else 0.
    """

    number: int
    model: int
    first: int
    last: int
    trim: int
    frames: int
    row: int


def jobs(passes: Sequence[Pass], frames: int, group: int = 1) -> list[Job]:
    """Return all segments, in an order in which passes keep step.

    Args:
        passes: the passes.
        frames: the length of the mix.
        group: how many segments of one pass stand together, for models that take several at once.
    """
    order = sorted(
        (index // group, number, index)
        for number, one in enumerate(passes)
        for index in range(len(one.offsets(frames)))
    )
    found = []
    for place, (row, number, index) in enumerate(order):
        one = passes[number]
        offset = one.offsets(frames)[index]
        length = min(one.segment, frames - offset)
        before, size = one.surround(offset - one.start, length)
        first = offset - before
        ends_row = place + 1 == len(order) or order[place + 1][0] != row
        done = (row + 1) * group if ends_row else 0
        found.append(Job(number, one.model, first, first + size, offset - first, length, done))
    return found


def reading(samples: Array) -> Read:
    """Return how to read samples that are in memory."""
    return lambda first, last: samples[:, first:last]


def cut(read: Read, frames: int, job: Job) -> tuple[Array, slice]:
    """Return what of a mix goes into a segment, and where in it; the rest of it is silence.

    Args:
        read: gives the mix from one frame to another.
        frames: its length.
        job: the segment.
    """
    first = max(0, job.first)
    part = read(first, max(first, min(job.last, frames)))
    start = min(first, job.last) - job.first
    return part, slice(start, start + part.shape[1])


class OverlapAdd:
    """Puts estimates of segments together, in the order of `jobs`, and hands out what is finished.

    Args:
        passes: the passes.
        frames: the length of the mix.
        stems: how many stems there are.
        channels: how many channels each has.
    """

    def __init__(self, passes: Sequence[Pass], frames: int, stems: int, channels: int) -> None:
        self._passes = passes
        self._frames = frames
        self._shape = (stems, channels)
        self._sums = [_zeros(len(one.weights), channels, one.segment) for one in passes]
        self._counts = [_zeros(one.segment) for one in passes]
        self._next = [one.start for one in passes]
        self._finished = [_zeros(len(one.weights), channels, 0) for one in passes]
        self._windows = [one.window(one.segment) for one in passes]
        self._totals = [sum(one.weights.get(stem, 0.0) for one in passes) for stem in range(stems)]

    def add(self, job: Job, estimate: Array) -> Array:
        """Add what a model made of a segment; return what is finished now.

        Args:
            job: the segment.
            estimate: shape (stems, channels, frames) of what went in.

        Returns:
            The next frames of all stems, maybe none.
        """
        number, one = job.number, self._passes[job.number]
        window = self._windows[number][: job.frames]
        total, count = self._sums[number], self._counts[number]
        for sums, part in zip(total, estimate, strict=True):  # a stem's fit a cache
            sums[:, : job.frames] += window * part[:, job.trim : job.trim + job.frames]
        count[: job.frames] += window
        offset = self._next[number]
        done = job.frames if offset + one.stride >= self._frames else one.stride
        ready = total[..., :done] / count[:done]
        ready = ready[..., max(0, min(-offset, done)) :]  # a shifted pass begins before the mix
        waiting = self._finished[number]
        self._finished[number] = np.concatenate([waiting, ready], -1) if waiting.size else ready
        self._next[number] = offset + done
        for array in (total, count):
            array[..., : one.segment - done] = array[..., done:]
            array[..., one.segment - done :] = 0
        return self._take()

    def _take(self) -> Array:
        """Return the weighted means of the frames that every pass has finished."""
        frames = min(part.shape[-1] for part in self._finished)
        parts = [part[..., :frames] for part in self._finished]
        self._finished = [part[..., frames:] for part in self._finished]
        if len(parts) == 1 and self._passes[0].weights == dict.fromkeys(range(self._shape[0]), 1):
            return parts[0]
        means = _zeros(*self._shape, frames)
        for one, part in zip(self._passes, parts, strict=True):
            for (stem, weight), estimate in zip(one.weights.items(), part, strict=True):
                means[stem] += estimate * np.float32(weight)
        means /= np.array(self._totals, np.float32)[:, None, None]
        return means

    # -- going on in another process ----------------------------------------------------------

    def state(self) -> dict[str, Array]:
        """Return the arrays with which another process can go on, after a job that ends a row."""
        found = {}
        for number, one in enumerate(self._passes):
            overlap = max(0, one.segment - one.stride)
            found[f"sums{number}"] = self._sums[number][..., :overlap]
            found[f"counts{number}"] = self._counts[number][:overlap]
            found[f"finished{number}"] = self._finished[number]
        return found

    def restore(self, rows: int, state: Mapping[str, Array]) -> None:
        """Go on where another object of the same passes was.

        Args:
            rows: how many segments of each pass it had added.
            state: what it gave then.

        Raises:
            ValueError: the state is not one of these passes.
        """
        for number, one in enumerate(self._passes):
            sums, counts = state.get(f"sums{number}"), state.get(f"counts{number}")
            finished = state.get(f"finished{number}")
            overlap = max(0, one.segment - one.stride)
            stems, channels = self._finished[number].shape[:2]
            if (
                rows < 1
                or sums is None
                or sums.shape != (stems, channels, overlap)
                or counts is None
                or counts.shape != (overlap,)
                or finished is None
                or finished.shape[:2] != (stems, channels)
            ):
                raise ValueError(f"this is no state of pass {number}")
            self._sums[number][..., : sums.shape[-1]] = sums
            self._counts[number][: counts.shape[-1]] = counts
            self._finished[number] = finished
            self._next[number] = min(self._frames, one.start + rows * one.stride)


def _zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def triangle(frames: int) -> Array:
    """Return Demucs' window: a triangle, one in the middle and never zero."""
    rising = np.arange(1, frames // 2 + 1, dtype=np.int64)
    falling = np.arange(frames - frames // 2, 0, -1, dtype=np.int64)
    window = np.concatenate([rising, falling])
    return window.astype(np.float32) / np.float32(window.max())
