"""The grid of a sweep: every combination of its values, all of them checked before one is run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base.errors import GraphError, ParamError, Problem
from .._graph.bound import BoundGraph


@dataclass(frozen=True)
class Trial:
    """One combination of a grid.

    Attributes:
        params: its values, by param.
        graph: the graph with these params, checked; None where they are wrong together.
        fault: what is wrong with them then.
    """

    params: Mapping[str, Any]
    graph: BoundGraph | None = None
    fault: GraphError | None = None


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of a grid; the first param changes slowest.

    Raises:
        ParamError: the values of a param are no list, or none.
    """
    for name, values in grid.items():
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise ParamError(f"{name}: give a list of values to try, not {values!r}", param=name)
    return [
        dict(zip(grid, values, strict=True))
        for values in itertools.product(*map(_plain, grid.values()))
    ]


def trials(
    grid: Mapping[str, Sequence[Any]], check: Callable[[Mapping[str, Any]], BoundGraph]
) -> list[Trial]:
    """Check every combination of a grid.

    A combination whose values are wrong only together does not stand in the way of the others.

    Args:
        grid: the values to try, by param.
        check: returns the graph with these params, checked.

    Raises:
        ParamError: the values of a param are no list, or none.
        GraphError: a value is wrong whatever it is combined with; with all that is wrong of all
            such values.
    """
    found = [_tried(combo, check) for combo in combinations(grid)]
    hopeless = _hopeless(found, [len(values) for values in grid.values()])
    if hopeless:
        problems: dict[Problem, None] = {}
        for fault in hopeless:
            problems.update(dict.fromkeys(fault.problems))
        raise GraphError(hopeless[0].source, list(problems))
    return found


def _tried(params: Mapping[str, Any], check: Callable[[Mapping[str, Any]], BoundGraph]) -> Trial:
    try:
        return Trial(params, graph=check(params))
    except GraphError as error:
        return Trial(params, fault=error)


def _hopeless(found: Sequence[Trial], counts: Sequence[int]) -> list[GraphError]:
    """Return the faults of the combinations of each value of which no combination is right.

    Args:
        found: the combinations, in order.
        counts: how many values each param has.
    """
    places = list(itertools.product(*map(range, counts)))
    right = {
        value
        for place, trial in zip(places, found, strict=True)
        if trial.fault is None
        for value in enumerate(place)
    }
    return [
        trial.fault
        for place, trial in zip(places, found, strict=True)
        if trial.fault is not None and (not right or set(enumerate(place)) - right)
    ]


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return values as Python's own, where they are numpy's."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]
