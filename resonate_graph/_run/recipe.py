"""Provenance read back: what it takes to make a file again, and what differs from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .._base.errors import InputError
from .._graph.bound import BoundGraph, InputRef, Source, Step
from .._node.values import brief
from .._sound.tags import read_tags
from .bindings import Bindings
from .provenance import FORMAT, SUFFIX, TAG


class _Input(BaseModel):
    file: str | None = None
    file_digest: str | None = None
    value: str | int | float | bool | None = None


class _Node(BaseModel):
    model_config = ConfigDict(extra="allow")  # such as what it did

    type: str
    version: int | str | None
    params: dict[str, Any]
    device: str | None
    libraries: dict[str, str]


class _File(BaseModel):
    output: str
    holds: Literal["samples", "coded", "bytes"]
    digest: str


class _Provenance(BaseModel):
    """What must be there, and of which type; the rest is for people."""

    format: Literal[1]
    graph: dict[str, Any]
    params: dict[str, Any]
    inputs: dict[str, _Input]
    nodes: dict[str, _Node]
    outputs: dict[str, str]
    file: _File | None = None


@dataclass(frozen=True)
class Held:
    """What of a run a file holds.

    Attributes:
        output: the output.
        holds: what the digest is of: its samples, the sound as it is coded, or all its bytes.
        digest: the digest.
    """

    output: str
    holds: Literal["samples", "coded", "bytes"]
    digest: str


@dataclass(frozen=True)
class Recipe:
    """What a provenance says about making a file again.

    Attributes:
        graph: the graph's JSON text.
        params: the params of the call.
        settings: what every param was, whoever set it: of the graph as ``name``, of nodes as
            ``node.param``.
        files: the files that were bound, by input.
        values: the scalars that were bound, by input.
        file_digests: the digests of the files' bytes.
        nodes: the nodes as they were run.
        outputs: the digests of what came out.
        held: what of it the file holds, which its provenance was read of; None where that was
            written before files were told apart.
    """

    graph: str
    params: Mapping[str, Any]
    settings: Mapping[str, Any]
    files: Mapping[str, Path]
    values: Mapping[str, Any]
    file_digests: Mapping[str, str]
    nodes: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, str]
    held: Held | None = field(default=None, compare=False)

    @property
    def bindings(self) -> dict[str, Any]:
        """What was bound to the graph's inputs."""
        return {**self.files, **self.values}

    def changes(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Say which params of a new call differ from what they were."""
        for name, now in params.items():
            before = self.settings.get(name, now)
            if before != now:
                yield f"{name} {brief(before)} -> {brief(now)}"

    def makes_alike(self, output: str, graph: BoundGraph, bindings: Bindings) -> bool:
        """Whether an output of a run would be made by the same steps of the same inputs.

        Raises:
            InputError: an input cannot be read.
        """
        try:
            document = json.loads(self.graph)
            wires = {name: node.get("inputs", {}) for name, node in document["nodes"].items()}
            end = graph.outputs[output]
            written = _wire(document["outputs"][output])
            if written not in ([str(end)], [str(_behind(graph, end))]):
                return False
            waiting = [end]
            while waiting:
                source = waiting.pop()
                if isinstance(source, InputRef):
                    if not self._was_bound(source.name, bindings):
                        return False
                    continue
                step = graph.steps[source.node]
                if not _is_same_step(step, self.nodes[step.id]):
                    return False
                before = wires.get(step.id, {})
                for port, sources in step.inputs.items() if step.id in wires else ():
                    if list(map(str, sources)) != _wire(before.get(port, [])):
                        return False
                waiting.extend(step.sources)
        except (KeyError, TypeError, AttributeError):
            return False
        return True

    def _was_bound(self, name: str, bindings: Bindings) -> bool:
        if name in bindings.paths:
            return self.file_digests.get(name) == bindings.file_digest(name)
        return name in self.values and bool(self.values[name] == bindings.given[name])

    def differences(self, made: Mapping[str, Any]) -> Iterator[str]:
        """Say what differs between this and the provenance of a new run."""
        for name, before in self.file_digests.items():
            now = made["inputs"].get(name, {}).get("file_digest")
            if now is not None and now != before:
                yield f"the file bound to {name!r} is another one"
        for name, node in self.nodes.items():
            for what, before, now in _changed(node, made["nodes"].get(name, node)):
                yield f"{name}: {what} {brief(before)} -> {brief(now)}"
        for name, before in self.outputs.items():
            if name in made["outputs"] and made["outputs"][name] != before:
                yield f"output {name!r} came out differently"


def read_provenance(path: str | os.PathLike[str]) -> Recipe:
    """Return the provenance of a file: from its metadata, else from the JSON beside it.

    Args:
        path: a file that `Result.save` wrote, or its ``.provenance.json``.

    Raises:
        InputError: there is none, or it cannot be read.

    Example:
        >>> import tempfile, numpy as np
        >>> from resonate_graph import Audio, Graph, read_provenance
        >>> from resonate_nodes import gain
        >>> folder = tempfile.mkdtemp()
        >>> take = Audio(np.full((2, 100), 0.5), 44100).save(f"{folder}/take.wav")
        >>> graph = Graph("quieter")
        >>> graph.output("quiet", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=-6.0))
        >>> made = graph.run({"mix": take}, store=False).save(f"{folder}/out")

        To make it again, or the same with a param changed:

        >>> recipe = read_provenance(made["quiet"])
        >>> again = Graph.from_json(recipe.graph)
        >>> result = again.run(recipe.bindings, params=recipe.params, store=False)
        >>> list(recipe.differences(result.provenance))
        []
        >>> result = again.run(recipe.bindings, params={"level.gain_db": -3.0}, store=False)
        >>> list(recipe.differences(result.provenance))
        ['level: gain_db -6 -> -3', "output 'quiet' came out differently"]
    """
    path = Path(path)
    try:
        plain = json.loads(_text(path))
        read = _Provenance.model_validate(plain)
        graph = json.dumps(read.graph)
        files = {name: _path(one.file) for name, one in read.inputs.items() if one.file is not None}
    except ValidationError as error:
        raise InputError(path, f"its provenance cannot be read: {_in_words(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"its provenance cannot be read: {error}") from error
    return Recipe(
        graph=graph,
        params=read.params,
        settings=dict(_settings(read)),
        files=files,
        values={name: one.value for name, one in read.inputs.items() if one.value is not None},
        file_digests={
            name: one.file_digest
            for name, one in read.inputs.items()
            if one.file_digest is not None
        },
        nodes={name: node.model_dump() for name, node in read.nodes.items()},
        outputs=read.outputs,
        held=Held(**read.file.model_dump()) if read.file is not None else None,
    )


def file_told(path: Path) -> Path:
    """Return the file of which a provenance tells that was given itself or lies beside it."""
    return path.with_name(path.name.removesuffix(SUFFIX))


def _path(text: str) -> Path:
    """Return a file's name; one that no file can have is a ValueError."""
    if b"\0" in os.fsencode(text):
        raise ValueError(f"{text!r} is no name of a file")
    return Path(text)


def _in_words(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["loc"] == ("format",):
        return f"it is of format {brief(first['input'])}, and this version reads {FORMAT}"
    deep = 3 if first["loc"][:1] == ("inputs",) else None  # behind it, alternatives of a union
    place = "".join(f"/{part}" for part in first["loc"][:deep])
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _wire(wires: Any) -> list[str]:
    """Return what a document wires into a port, as text; an only output by its node's name."""
    listed = wires if isinstance(wires, list) else [wires]
    return [wire.removesuffix(".out") for wire in listed]


def _behind(graph: BoundGraph, source: Source) -> Source:
    """Return what an encoder that an output's suffix asked for is wired to."""
    if isinstance(source, InputRef):
        return source
    return next(iter(graph.steps[source.node].sources), source)


def _is_same_step(step: Step, node: Mapping[str, Any]) -> bool:
    now = (step.type.id, step.type.version, dict(step.plain_params), step.type.library_versions)
    return now == (node["type"], node["version"], node["params"], node["libraries"])


def _settings(read: _Provenance) -> Iterator[tuple[str, Any]]:
    params = read.graph.get("params")
    for name, spec in params.items() if isinstance(params, dict) else ():
        if isinstance(spec, dict):
            yield name, spec.get("default")
    for name, node in read.nodes.items():
        for param, value in node.params.items():
            yield f"{name}.{param}", value
    yield from read.params.items()


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield what of a node is another: what it is, what it was, what it is now."""
    for what in ("type", "version", "device"):
        if old[what] != new[what]:
            yield what, old[what], new[what]
    for part, prefix in (("params", ""), ("libraries", "library ")):
        for name in sorted(old[part].keys() | new[part].keys()):
            before, now = old[part].get(name), new[part].get(name)
            if before != now:
                yield prefix + name, before, now


def _text(path: Path) -> str:
    """Return what the file itself carries, else what lies beside it.

    The one was made with these samples, the other maybe with those of another file of that name.
    """
    beside = path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)
    try:
        inside = _read_tag(path) if path != beside and path.is_file() else None
        if inside is not None:
            return inside
        if beside.is_file():
            return beside.read_text(encoding="utf-8")
        if path.is_dir():
            raise InputError(path, "this is a folder, not a file")
        if not path.is_file():
            raise InputError(path, "there is no such file")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(beside, f"cannot be read: {error}") from error
    raise InputError(path, f"it carries no provenance, and there is no {beside.name} beside it")


def _read_tag(path: Path) -> str | None:
    try:
        return next(iter(read_tags(path).fields.get(TAG, [])), None)
    except InputError:  # damaged, or no sound: then it carries none
        return None
