"""What an output is of the inputs: the sound of one as a whole, or of a part of it.

An output is the sound of one input as a whole where it is wired from it along the first sound that
goes into each step, or all of them where that port takes many. What a step gives of a sound that it
takes apart (stems, harmonic and percussive, mid and side) is a part of it; where all the parts come
together again, they are the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from .._base.errors import MissingModelError, ResonateError
from .._node.declaration import Preparation
from .._node.ports import Port
from .._node.values import File
from .._sound.audio import Audio
from .bound import BoundGraph, InputRef, PortRef, Source, Step

#: A part of a sound: the outputs of steps that it went through, each of a step that took a part of
#: what it was given. Of the whole there is nothing to say.
_Part: TypeAlias = "tuple[PortRef, ...]"
_WHOLE: _Part = ()


@dataclass(frozen=True)
class Whole:
    """What an output is that is the sound of an input as a whole.

    Attributes:
        input: the graph input.
        steps: the steps that all of it went through, in order.
    """

    input: str
    steps: tuple[str, ...]


def wholes(graph: BoundGraph, models: Path | None = None) -> dict[str, Whole]:
    """Return each output that is the sound of an input as a whole, and what it is of that.

    Args:
        graph: the checked graph.
        models: the folder of model weights, by which a model is known to lack stems.
    """
    return dict(_wholes(graph, models))


@dataclass(frozen=True)
class _Share:
    """What a wire carries of the sound of an input: the parts of it, or `_WHOLE`.

    All of it went through `steps`.
    """

    input: str
    parts: frozenset[_Part]
    steps: tuple[str, ...] = ()


def _wholes(graph: BoundGraph, models: Path | None) -> Iterator[tuple[str, Whole]]:
    shares: dict[Source, _Share] = {
        InputRef(name): _Share(name, frozenset([_WHOLE]))
        for name, spec in graph.inputs.items()
        if spec.type == "audio"
    }
    siblings: dict[str, frozenset[PortRef]] = {}
    for name in graph.needed:
        step = graph.steps[name]
        sounds = [PortRef(name, port) for port in _sounds_given(step, models)]
        siblings[name] = frozenset(sounds)
        taken = _taken(step, shares, siblings)
        if taken is not None and len(sounds) == 1:
            shares[sounds[0]] = replace(taken, steps=(*taken.steps, name))
        elif taken is not None:
            for made in sounds:
                shares[made] = replace(taken, parts=frozenset((*one, made) for one in taken.parts))
    for output, source in graph.outputs.items():
        share = shares.get(source)
        if share is not None and share.parts == {_WHOLE}:
            yield output, Whole(share.input, share.steps)


def _taken(
    step: Step, shares: Mapping[Source, _Share], siblings: Mapping[str, frozenset[PortRef]]
) -> _Share | None:
    """Return what a step takes of the sound of an input; None where that is not of one alone."""
    ports = [step.inputs[port.name] for port in step.type.inputs if _sounds(port)]
    if not ports:
        return None
    main = [shares.get(wire) for wire in ports[0]]
    if None in main or len({share.input for share in main if share}) != 1:
        return None
    taken = _joined([share for share in main if share], siblings)
    others = [shares.get(wire) for wires in ports[1:] for wire in wires]
    more = [one for one in others if one and one.input == taken.input and _WHOLE not in one.parts]
    if _WHOLE in taken.parts:
        return taken
    together = _joined([taken, *more], siblings)  # such as the side beside the mid
    return together if _WHOLE in together.parts else taken


def _joined(several: Sequence[_Share], siblings: Mapping[str, frozenset[PortRef]]) -> _Share:
    """Return shares of one input together: where all parts of something are, they are that."""
    parts = frozenset[_Part]().union(*(share.parts for share in several))
    steps = _shared([share.steps for share in several])
    waiting = sorted(parts, key=len)
    while waiting:
        part = waiting.pop()
        if part == _WHOLE:
            return _Share(several[0].input, frozenset([_WHOLE]), steps)
        *before, last = part
        family = {(*before, one) for one in siblings[last.node]}
        if family <= parts and tuple(before) not in parts:
            parts |= {tuple(before)}
            waiting.append(tuple(before))
    return _Share(several[0].input, parts, steps)


def _shared(ways: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the steps at the beginning of all ways."""
    alike = (len(set(steps)) == 1 for steps in zip(*ways, strict=False))
    return ways[0][: sum(itertools.takewhile(bool, alike))]


def _sounds_given(step: Step, models: Path | None) -> list[str]:
    """Return the ports on which a step can give sound; a model may lack some of its type's."""
    ports = [port.name for port in step.type.outputs if _sounds(port)]
    prepare = step.type.prepare
    if prepare is None or len(ports) < 2:
        return ports

    def gives(port: str) -> bool:
        try:
            prepare(Preparation(step.plain_params, frozenset([port]), models, fetch=False))
        except MissingModelError:
            return True
        except ResonateError:
            return False
        return True

    return [port for port in ports if gives(port)]


def _sounds(port: Port) -> bool:
    return port.type.python in (Audio, File)
