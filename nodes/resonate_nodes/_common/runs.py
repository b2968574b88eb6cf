"""Runs: stretches in which something holds, as masks and by where they start and stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# Runs are put into a mask one by one where there is at most one in so many samples.
_SAMPLES_OF_A_RUN = 64


def runs(mask: Mask) -> tuple[Places, Places]:
    """Return where runs of True start and stop."""
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    if mask[:1].any():
        edges = np.insert(edges, 0, 0)
    if len(edges) % 2:
        edges = np.append(edges, len(mask))
    return edges[::2], edges[1::2]


def mask_of(starts: Places, stops: Places, length: int) -> Mask:
    """Return a mask of some length that is True from each start to its stop. They may overlap."""
    if len(starts) < length // _SAMPLES_OF_A_RUN:
        inside: Mask = np.zeros(length, bool)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            inside[start:stop] = True
        return inside
    steps = np.zeros(length + 1, np.int32)
    np.add.at(steps, starts, 1)
    np.add.at(steps, stops, -1)
    return np.asarray(np.cumsum(steps[:-1]) > 0)


def touched(starts: Places, stops: Places, mask: Mask) -> Mask:
    """Return which runs a mask has a part in."""
    places = np.flatnonzero(mask)
    some: Mask = np.searchsorted(places, stops) > np.searchsorted(places, starts)
    return some


def touching(mask: Mask, other: Mask) -> Mask:
    """Return those runs of a mask, whole, that another mask has a part in."""
    starts, stops = runs(mask)
    those = touched(starts, stops, other)
    return mask_of(starts[those], stops[those], len(mask))


def without_gaps(mask: Mask, gap: int) -> Mask:
    """Return a mask with the gaps up to some length filled in."""
    starts, stops = runs(mask)
    short = starts[1:] - stops[:-1] <= gap
    return mask | mask_of(stops[:-1][short], starts[1:][short], len(mask))


class Gathered:
    """The runs of a mask that comes in parts, one after the other, and the largest value in each.

    A run that goes on in the next part is one.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[Places, Places, Array]] = []

    def add(self, mask: Mask, first: int, values: Array | None = None) -> None:
        """Add a part.

        Args:
            mask: the part.
            first: where it begins.
            values: of each sample of it, none below zero; only those in runs count.
        """
        starts, stops = runs(mask)
        if len(starts):
            largest = np.zeros(len(starts))
            if values is not None:
                largest = np.maximum.reduceat(np.where(mask, values, 0), starts)
            self._parts.append((starts + first, stops + first, largest))

    def runs(self, gap: int = 0) -> tuple[Places, Places]:
        """Return where the runs start and stop, those as near as some gap as one."""
        starts, stops, _ = self._joined()
        begins = self._begins(gap)
        return starts[begins], stops[np.append(begins[1:], True)[: len(stops)]]

    def largest(self, gap: int = 0) -> Array:
        """Return the largest value in each of these."""
        values = self._joined()[2]
        begins = np.flatnonzero(self._begins(gap))
        largest: Array = np.maximum.reduceat(values, begins) if len(begins) else values
        return largest

    def count(self) -> int:
        """Return how many samples are in runs."""
        starts, stops, _ = self._joined()
        return int(np.sum(stops - starts))

    def _joined(self) -> tuple[Places, Places, Array]:
        nothing: Places = np.zeros(0, np.intp)
        starts, stops, largest = zip(*self._parts, (nothing, nothing, np.zeros(0)), strict=True)
        return np.concatenate(starts), np.concatenate(stops), np.concatenate(largest)

    def _begins(self, gap: int) -> Mask:
        starts, stops, _ = self._joined()
        begins = np.ones(len(starts), bool)
        begins[1:] = starts[1:] - stops[:-1] > gap
        return begins
