"""Where outputs go: their files' names, and whether what stands there may be written over."""

from __future__ import annotations

import json
import math
import os
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from .._base.errors import InputError, OutputError, ParamError
from .._graph.bound import BoundGraph, PortRef
from .._node.values import File, Report, Value, plain_json
from .._sound.audio import Audio
from .._sound.limits import Limits
from .bindings import Bindings
from .verify import content

#: What outputs are called where nobody says otherwise.
PLAIN = "{output}"

#: What a pattern may say, and what that stands for.
FIELDS: Mapping[str, str] = {
    "input": "the name of the first input's file, without its suffix",
    "file": "that name with its suffix",
    "folder": "the name of the folder in which it lies",
    "output": "the output",
    "graph": "the graph",
}

#: What stands at a place: nothing; the very same; something else; or what the same graph made of
#: the same files, which is the same if nothing has changed.
State: TypeAlias = Literal["free", "same", "other", "likely"]


@dataclass(frozen=True)
class Target:
    """The file of an output.

    Attributes:
        output: the output's name.
        path: its file.
        state: what stands there: ``free`` for nothing, ``same`` for the very same content,
            ``other`` for something else, ``likely`` for what the same steps made of the same
            inputs before.
    """

    output: str
    path: Path
    state: State


def file_name(
    pattern: str, *, output: str, suffix: str, graph: str, sources: Mapping[str, Path]
) -> Path:
    """Return the name of an output's file, relative to the folder it goes to.

    Args:
        pattern: its name without a suffix, of `FIELDS` in braces: ``{input}.{output}``.
        output: the output's name.
        suffix: the suffix of the file; the output's name may have it too.
        graph: the graph's name, which also stands for the input where none is a file.
        sources: the files that are bound, the first one first.

    Raises:
        ParamError: the pattern has other fields, or leaves the folder.
    """
    first = next(iter(sources.values()), Path(graph))
    parts = {
        "input": first.stem if sources else graph,
        "file": first.name,
        "folder": first.absolute().parent.name if sources else graph,
        "output": output.removesuffix(suffix),
        "graph": graph,
    }
    try:
        name = pattern.format_map(parts) if _fields(pattern) <= parts.keys() else ""
    except (ValueError, IndexError, AttributeError, TypeError):
        name = ""
    if not name.strip():
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise ParamError(f"name is {pattern!r}: it takes text and {known}", param="name")
    path = PurePath(name + suffix)
    if path.is_absolute() or ".." in path.parts or path.name in ("", suffix):
        raise ParamError(f"name is {pattern!r}: {name!r} is no name in the folder", param="name")
    return Path(path)


def _fields(pattern: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(pattern) if field is not None}


def suffix_of(value: Value) -> str:
    """Return the suffix of the file that a value becomes."""
    if isinstance(value, File):
        return value.suffix
    return ".wav" if isinstance(value, Audio) else ".json"


def expected_suffix(graph: BoundGraph, output: str) -> str | None:
    """Return the suffix of an output's file before anything ran; None where only a run says it."""
    source = graph.outputs[output]
    if not isinstance(source, PortRef):
        return ".wav" if graph.inputs[source.name].type == "audio" else ".json"
    kind = _kind(graph, output)
    if kind is File:
        _, encodes, suffix = graph.steps[source.node].type.name.partition("encode_")
        dot, own = output.partition(".")[1:]
        suffix = own if dot else suffix if encodes else ""
        return f".{suffix}" if suffix else None
    return ".wav" if kind is Audio else ".json"


def _kind(graph: BoundGraph, output: str) -> object:
    """Return the type of an output that a step gives; that of sound, for an input."""
    source = graph.outputs[output]
    port = None
    if isinstance(source, PortRef):
        port = graph.steps[source.node].type.output(source.port)
    return port.type.python if port else Audio


def require_apart(paths: Sequence[tuple[str, Path]]) -> None:
    """Find out before anything is written that two outputs share a file.

    Args:
        paths: what each file is called in messages, and the file.

    Raises:
        OutputError: two of them share one, or would on a filesystem that knows no capitals.
    """
    taken: dict[str, str] = {}
    for name, path in paths:
        other = taken.setdefault(os.path.normpath(path).casefold(), name)
        if other != name:
            raise OutputError(f"{path}: the outputs {other} and {name} share this file")


def holds(path: Path, value: Value) -> bool:
    """Whether a file has the same content as a value that is to be written there.

    Of files with sound that is their samples, whatever tags they carry.
    """
    try:
        if isinstance(value, Audio):
            return _samples(path) == value
        if isinstance(value, File):
            return path.read_bytes() == value.content or _sounds_alike(path, value)
        plain = plain_json(value) if isinstance(value, Report) else value
        return bool(json.loads(path.read_text(encoding="utf-8")) == plain)
    except (InputError, OSError, ValueError):
        return False


def _samples(path: Path) -> Audio:
    from .._sound.decode import read_audio

    return read_audio(path, Limits(max_minutes=math.inf), warn=lambda code, message: None)


def _sounds_alike(path: Path, value: File) -> bool:
    with tempfile.NamedTemporaryFile(suffix=value.suffix) as file:
        file.write(value.content)
        file.flush()
        return _samples(path) == _samples(Path(file.name))


# -- before anything runs -------------------------------------------------------------------------


def targets(
    graph: BoundGraph,
    bindings: Bindings,
    folder: Path,
    name: str,
    plan: Callable[[], Callable[[str], Value | None]] | None,
) -> Iterator[Target]:
    """Yield the file of each output, as far as it is known before a run, and what stands there.

    What was made otherwise counts as something else, although it may turn out to be the same.

    Args:
        graph: the checked graph.
        bindings: what is bound to its inputs.
        folder: where the files go.
        name: the pattern of their names.
        plan: plans the run, and returns what gives an output that is stored already; asked only
            where files are there. None to look into none of them.

    Raises:
        InputError: an input cannot be read.
        ParamError: `name` is no pattern.
    """
    stored: Callable[[str], Value | None] | None = None
    for output in graph.outputs:
        suffix = expected_suffix(graph, output)
        if suffix is None:
            continue
        path = folder / file_name(
            name, output=output, suffix=suffix, graph=graph.name, sources=bindings.paths
        )
        if not path.exists():
            yield Target(output, path, "free")
            continue
        if plan is None:
            yield Target(output, path, "other")
            continue
        stored = stored or plan()
        yield Target(output, path, _state(path, output, graph, bindings, stored))


def _state(
    path: Path,
    output: str,
    graph: BoundGraph,
    bindings: Bindings,
    stored: Callable[[str], Value | None],
) -> State:
    known = stored(output)
    if known is not None:
        return "same" if holds(path, known) else "other"
    from .recipe import read_provenance

    try:
        recipe = read_provenance(path)
        if recipe.held is None or content(path, recipe.held.holds) != recipe.held.digest:
            return "other"
    except InputError:
        return "other"
    return "likely" if recipe.makes_alike(output, graph, bindings) else "other"
