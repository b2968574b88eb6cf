"""Where in a recording an output begins: found along the way from the one to the other.

A node that says nothing is believed to keep time where what comes out is as long as what goes in;
one that moves the beginning says by how much (`begins` of `node`). Anything else is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from .._graph.bound import BoundGraph, InputRef, PortRef, Source, Step
from .._node.values import File
from .._sound.broadcast import Span

#: Says how long a source is, None where that is not known, or it is no sound.
Spans = Callable[[Source], "Span | None"]


class Course(NamedTuple):
    """The way from a recording to an output.

    Attributes:
        input: the graph input to which the recording is bound.
        recording: what the recording is.
        sound: what the output is, or what it was before it was encoded.
        start_seconds: where in the recording it begins.
    """

    input: str
    recording: Span
    sound: Span
    start_seconds: Fraction


def course(graph: BoundGraph, output: str, spans: Spans) -> Course | None:
    """Return where an output begins in the one recording it comes from; None where not known."""
    begins: dict[Source, tuple[str, Fraction] | None] = {}
    sounds: dict[Source, Source] = {}
    end = graph.outputs[output]
    for source in _backwards(graph, end):
        if isinstance(source, InputRef):
            begins[source], sounds[source] = (source.name, Fraction(0)), source
        else:
            begins[source] = _begin(graph.steps[source.node], source, begins, sounds, spans)
    found = begins[end]
    if found is None:
        return None
    recording, sound = spans(InputRef(found[0])), spans(sounds[end])
    if recording is None or sound is None:
        return None
    return Course(found[0], recording, sound, found[1])


def _backwards(graph: BoundGraph, end: Source) -> list[Source]:
    """Return the sources on the way to one, each after those it is made of."""
    order: dict[Source, None] = {}
    open_ends = [end]
    while open_ends:
        source = open_ends[-1]
        wires = graph.steps[source.node].main_wires if isinstance(source, PortRef) else ()
        missing = [wire for wire in wires if wire not in order]
        if missing:
            open_ends += missing
        else:
            order[source] = None
            open_ends.pop()
    return list(order)


def _begin(
    step: Step,
    source: PortRef,
    begins: dict[Source, tuple[str, Fraction] | None],
    sounds: dict[Source, Source],
    spans: Spans,
) -> tuple[str, Fraction] | None:
    wires = step.main_wires
    known = {begins[wire] for wire in wires}
    port = step.type.output(source.port)
    if len(known) != 1 or (begin := known.pop()) is None or port is None:
        return None
    sounds[source] = sounds[wires[0]] if port.type.python is File else source
    if port.type.python is File:
        return begin
    made, before = spans(source), [spans(wire) for wire in wires]
    if made is None or None in before:
        return None
    if step.type.begins is not None:
        seconds = step.type.begins(step.plain_params)
        first = before[0]
        if seconds is None or first is None:
            return None
        moved = Fraction(round(seconds * first.sample_rate), first.sample_rate)
        return begin[0], begin[1] + moved
    keeps = all(one is not None and _as_long(one, made) for one in before)
    return begin if keeps else None


def _as_long(one: Span, other: Span) -> bool:
    """Whether one sound is as long as another, at whatever rate."""
    wanted = Fraction(one.frames * other.sample_rate, one.sample_rate)
    return abs(wanted - other.frames) <= (0 if one.sample_rate == other.sample_rate else 1)
