"""What sample rates make impossible, found before anything runs.

A node's `fits` hook says at which rates it cannot do its work. The rates on the way to it are known
where a node says what it makes of one (`rate`), and between the nodes of one pack, which are
believed to keep it where they say nothing. Of anything else nothing is foretold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .._base.errors import NodeError
from .._graph.bound import BoundGraph, InputRef, PortRef, Source, Step
from .._node.declaration import Placed
from .._sound.audio import Audio


class _Rate(NamedTuple):
    """A rate, and the packs whose nodes are believed to have kept it."""

    hertz: int
    believed: frozenset[str | None] = frozenset()


def misfits(
    graph: BoundGraph, rate_of: Callable[[str], int | None], kind_of: Callable[[str], str]
) -> Iterator[tuple[Step, NodeError]]:
    """Yield the steps that cannot do their work at the rates they will be given, and why.

    Args:
        graph: the checked graph.
        rate_of: gives the rate of what is bound to an input; None where it is no sound.
        kind_of: gives the kind of device that a step is expected to run on.
    """
    if all(graph.steps[name].type.fits is None for name in graph.needed):
        return
    rates: dict[Source, _Rate] = {}
    for name in graph.needed_inputs:
        hertz = rate_of(name)
        if hertz is not None:
            rates[InputRef(name)] = _Rate(hertz)
    for name in graph.needed:
        step = graph.steps[name]
        if step.type.fits is not None:
            place = Placed(step.plain_params, _given(step, rates), kind_of(name))
            if (misfit := step.type.misfit(place)) is not None:
                yield step, misfit
        try:
            made = _made(step, rates)
        except NodeError as error:
            yield step, error
            made = None
        for port in step.type.outputs:
            if made is not None and port.type.python is Audio:
                rates[PortRef(name, port.name)] = made


def _given(step: Step, rates: dict[Source, _Rate]) -> dict[str, list[int]]:
    """Return the rates on each port that a step's own pack answers for."""
    return {
        port: [
            rates[source].hertz
            for source in sources
            if source in rates and rates[source].believed <= {step.type.pack}
        ]
        for port, sources in step.inputs.items()
    }


def _made(step: Step, rates: dict[Source, _Rate]) -> _Rate | None:
    if step.type.rate is not None:
        hertz = step.type.rate_given(step.plain_params)
        return None if hertz is None else _Rate(hertz)
    first = next(iter(step.main_wires), None)
    if first is None or first not in rates or step.type.pack is None:
        return None
    before = rates[first]
    return _Rate(before.hertz, before.believed | {step.type.pack})
