"""What the results of a sweep are compared with: a reference, and the outputs that it can mean.

A reference that nobody names an output for is what one of the inputs should have been. So it is
compared with outputs of its shape that are still the sound of one input as a whole: wired from it
along the first sound that goes into each step, or all of them where that port takes many. What a
step gives of a sound that it takes apart (stems, harmonic and percussive, mid and side) is a part
of it; where all the parts come together again, they are the whole.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from .._base.errors import MissingModelError, ParamError, ResonateError
from .._graph.bound import BoundGraph, InputRef, PortRef, Source, Step
from .._node.declaration import Preparation
from .._node.ports import Port
from .._node.values import File
from .._sound.audio import Audio
from .._sound.decode import read_audio
from .._sound.limits import Limits

#: A file for the outputs that it can mean, or a file for each output that is named.
Given: TypeAlias = "str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]"

#: What two sounds have in common that can be compared: the sample rate, channels and frames.
Form: TypeAlias = "tuple[int, int, int]"

#: A part of a sound: the outputs of steps that it went through, each of a step that took a part of
#: what it was given. Of the whole there is nothing to say.
_Part: TypeAlias = "tuple[PortRef, ...]"
_WHOLE: _Part = ()


def form(sound: Audio) -> Form:
    """Return the form of a sound."""
    return sound.sample_rate, sound.channels, sound.frames


@dataclass(frozen=True)
class Reference:
    """What the outputs of a graph are compared with.

    Attributes:
        files: the files, by what they are shown as.
        named: a sound for each output that was named.
        unnamed: the sound that was given without a name.
        wholes: the input whose sound an output is as a whole, by output.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    named: Mapping[str, Audio] = field(default_factory=dict)
    unnamed: Audio | None = None
    wholes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls, given: Given | None, graph: BoundGraph, limits: Limits, models: Path | None = None
    ) -> Reference:
        """Read the files of a reference; where none is given, nothing is compared.

        Args:
            given: as `Graph.sweep` takes it.
            graph: the checked graph.
            limits: how they are read.
            models: the folder of model weights.

        Raises:
            ParamError: the graph has no such output.
            InputError: a file cannot be read.
        """
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            path = Path(given)
            wholes = dict(_wholes(graph, models))
            return cls({"reference": path}, {}, read_audio(path, limits), wholes)
        for name in given:
            if name not in graph.outputs:
                near = difflib.get_close_matches(name, graph.outputs, n=1)
                hint = (
                    f"did you mean {near[0]!r}?" if near else f"it has {', '.join(graph.outputs)}"
                )
                raise ParamError(
                    f"reference: the graph has no output {name!r}; {hint}", param="reference"
                )
        paths = {name: Path(path) for name, path in given.items()}
        named = {name: read_audio(path, limits) for name, path in paths.items()}
        return cls({f"reference {name}": path for name, path in paths.items()}, named)

    def partners(self, forms: Mapping[str, Form]) -> dict[str, Audio]:
        """Return what each output is compared with, of those that are compared with anything.

        Args:
            forms: the forms of the outputs that sound, by name.
        """
        if self.unnamed is None:
            return {name: one for name, one in self.named.items() if forms.get(name) == form(one)}
        meant = self._meant(forms)
        several = len({self.wholes[name] for name in meant}) > 1
        return {} if several else dict.fromkeys(meant, self.unnamed)

    def remark(self, forms: Mapping[str, Form]) -> str:
        """Say what could not be compared, and why; nothing where all went well."""
        compared = self.partners(forms)
        if self.unnamed is None:
            left = {name: sound for name, sound in self.named.items() if name not in compared}
            return "; ".join(
                f"{name} is not like its reference, the {sound}" for name, sound in left.items()
            )
        if compared:
            return ""
        alike = [name for name, one in forms.items() if one == form(self.unnamed)]
        if not alike:
            return f"no output is like the {self.unnamed}"
        meant = self._meant(forms)
        why = "may be of several inputs" if meant else "is of no output that is an input as a whole"
        return f"the reference {why}: name the output it is for ({', '.join(meant or alike)})"

    def _meant(self, forms: Mapping[str, Form]) -> list[str]:
        """Return the outputs that a reference without a name can mean."""
        wanted = form(self.unnamed) if self.unnamed is not None else None
        return [name for name, one in forms.items() if name in self.wholes and one == wanted]


# -- what is the whole of what ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Share:
    """What a wire carries of the sound of an input: the parts of it, or `_WHOLE`."""

    input: str
    parts: frozenset[_Part]


def _wholes(graph: BoundGraph, models: Path | None) -> Iterator[tuple[str, str]]:
    """Yield each output that is the sound of an input as a whole, and that input."""
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
            shares[sounds[0]] = taken
        elif taken is not None:
            for made in sounds:
                shares[made] = replace(taken, parts=frozenset((*one, made) for one in taken.parts))
    for output, source in graph.outputs.items():
        share = shares.get(source)
        if share is not None and share.parts == {_WHOLE}:
            yield output, share.input


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
    together = _joined([taken, *more], siblings)  # such as the side beside the mid
    return together if _WHOLE in together.parts else taken


def _joined(several: Sequence[_Share], siblings: Mapping[str, frozenset[PortRef]]) -> _Share:
    """Return shares of one input together: where all parts of something are, they are that."""
    parts = frozenset[_Part]().union(*(share.parts for share in several))
    waiting = sorted(parts, key=len)
    while waiting:
        part = waiting.pop()
        if part == _WHOLE:
            return _Share(several[0].input, frozenset([_WHOLE]))
        *before, last = part
        family = {(*before, one) for one in siblings[last.node]}
        if family <= parts and tuple(before) not in parts:
            parts |= {tuple(before)}
            waiting.append(tuple(before))
    return _Share(several[0].input, parts)


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
