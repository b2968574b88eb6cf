"""What the results of a sweep are compared with: a reference, and the outputs that it can mean.

A reference that nobody names an output for is what one of the inputs should have been. So it is
compared with outputs of its shape that are still the sound of one input as a whole (`wholes`).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from .._base.errors import ParamError
from .._graph.bound import BoundGraph
from .._graph.lineage import wholes
from .._sound.audio import Audio
from .._sound.decode import read_audio
from .._sound.limits import Limits

#: A file for the outputs that it can mean, or a file for each output that is named.
Given: TypeAlias = "str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]"

#: What two sounds have in common that can be compared: the sample rate, channels and frames.
Form: TypeAlias = "tuple[int, int, int]"


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
            inputs = {name: whole.input for name, whole in wholes(graph, models).items()}
            return cls({"reference": path}, {}, read_audio(path, limits), inputs)
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
