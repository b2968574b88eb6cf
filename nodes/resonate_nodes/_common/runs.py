"""Runs: stretches in which something holds, as masks and by where they start and stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]


def runs(mask: Mask) -> tuple[Places, Places]:
    """Return where runs of True start and stop."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return edges[::2], edges[1::2]


def mask_of(starts: Places, stops: Places, length: int) -> Mask:
    """Return a mask of some length that is True from each start to its stop. They may overlap."""
    steps = np.zeros(length + 1, np.int32)
    np.add.at(steps, starts, 1)
    np.add.at(steps, stops, -1)
    inside: Mask = np.cumsum(steps[:-1]) > 0
    return inside


def touched(starts: Places, stops: Places, mask: Mask) -> Mask:
    """Return which runs a mask has a part in."""
    counts = np.concatenate([[0], np.cumsum(mask)])
    some: Mask = counts[stops] > counts[starts]
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
