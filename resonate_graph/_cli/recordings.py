"""The recordings that a graph is run on: one, or several of which each is a run of its own."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .. import Binding, Graph, InputError, InputsError
from .._base.paths import expanded
from .call import bound_value, split_pair

if TYPE_CHECKING:
    from .. import Recipe


def read_recordings(
    graph: Graph,
    given: Sequence[str] | None,
    files: Sequence[str] | None,
    params: Mapping[str, Any],
    outputs: Collection[str] | None,
) -> list[dict[str, Binding]]:
    """Return the bindings of each run: of ``-i``, and of files that stand without a name.

    One input of sound may have several files, as several of ``-i NAME=FILE``, as a pattern such as
    ``sides/*.wav``, or without a name where it is the only one that is left to bind.

    Raises:
        BadParameter: it is not clear what is meant.
        GraphError: the graph is wrong, where it takes the graph to say which input is meant.
    """
    specs = graph.document.inputs
    found: dict[str, list[Binding]] = {}
    for text in given or ():
        name, value = split_pair(text, "-i")
        kind = specs[name].type if name in specs else ""
        bound = bound_value(value, kind)
        values = list(_matching(str(bound))) if kind == "audio" else [bound]
        found.setdefault(name, []).extend(values)
    if files:
        name = _open_input(graph, found, params, outputs)
        found[name] = [path for text in files for path in _matching(text)]
    several = {name: _once(values) for name, values in found.items()}
    for name, values in several.items():
        if len(values) > 1 and (name not in specs or specs[name].type != "audio"):
            raise typer.BadParameter(f"-i {name} was given twice")
    many = [name for name, values in several.items() if len(values) > 1]
    if len(many) > 1:
        names = " and ".join(many)
        raise typer.BadParameter(f"one input may have several files, not both {names}")
    single = {name: values[0] for name, values in several.items() if len(values) == 1}
    if not many:
        return [single]
    return [{**single, many[0]: value} for value in several[many[0]]]


def require_files(recipe: Recipe, bound: Mapping[str, Binding]) -> None:
    """Find out that files are gone which a file was made of.

    Args:
        recipe: how it was made.
        bound: what is bound instead of what it was made of.

    Raises:
        InputsError: they are.
    """
    gone = {
        name: InputError(
            path, f"there is no such file any more; say where it is now: -i {name}=NEWPLACE"
        )
        for name, path in recipe.files.items()
        if name not in bound and not path.exists()
    }
    if (error := InputsError.of(gone)) is not None:
        raise error


def _open_input(
    graph: Graph,
    found: Mapping[str, object],
    params: Mapping[str, Any],
    outputs: Collection[str] | None,
) -> str:
    """Return the one input of sound that is left to bind."""
    specs = graph.document.inputs
    left = [name for name, spec in specs.items() if spec.type == "audio" and name not in found]
    if len(left) > 1:
        needed = graph.check(params=params, outputs=outputs).needed_inputs
        left = [name for name in left if name in needed]
    if len(left) == 1:
        return left[0]
    what = f"several: {', '.join(left)}" if left else "none that is not bound"
    raise typer.BadParameter(
        f"files without a name go to the graph's one input of sound, and it has {what}; "
        "say -i NAME=FILE"
    )


def _matching(text: str) -> Iterator[str]:
    """Yield the files that match a pattern; a text that is none, or matches nothing, as it is."""
    path = expanded(text)
    parts = path.parts
    plain = list(itertools.takewhile(lambda part: not _is_pattern(part), parts))
    found: list[Path] = []
    if len(plain) < len(parts) and not path.exists():
        found = sorted(Path(*plain).glob("/".join(parts[len(plain) :])))
    yield from map(str, found or [path])


def _is_pattern(part: str) -> bool:
    return any(mark in part for mark in "*?[")


def _once(values: Sequence[Binding]) -> list[Binding]:
    """Return values without those that are there already: a file is run once."""
    return list({str(value): value for value in values}.values())
