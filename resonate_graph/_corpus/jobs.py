"""Jobs: one graph on one recording each, what makes a job the same as before, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from blake3 import blake3
from pydantic import AfterValidator, Field

from .. import BoundGraph, Preparation

#: What a job may have come to. ``died`` is an end of its process and not yet of the job.
STATES = ("done", "failed", "died", "quarantined")

#: What a journal can count to, and time.
Count: TypeAlias = Annotated[int, Field(ge=0, lt=1 << 63)]
Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _files(given: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    if not all("path" in one for one in given.values()):
        raise ValueError("a file has no path")
    return given


def _steps(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for one in given:
        if not ({"id", "status"} <= one.keys() and isinstance(one.get("did") or {}, dict)):
            raise ValueError("a step is none")
    return given


def _warnings(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not all(isinstance(one.get("message"), str) for one in given):
        raise ValueError("a warning has no message")
    return given


def _identity(given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if not {"steps", "outputs", "settings"} <= given.keys() or not all(
        isinstance(step, dict) for step in given["steps"].values()
    ):
        raise ValueError("an identity is none")
    return given


#: What decides the results of a graph, as `identity` returns it.
Identity: TypeAlias = Annotated[dict[str, dict[str, Any]], AfterValidator(_identity)]
_Files: TypeAlias = Annotated[Mapping[str, Mapping[str, Any]], AfterValidator(_files)]


@dataclass(frozen=True)
class Job:
    """One graph on one recording.

    Attributes:
        id: what it is known by from run to run: its inputs and what its outputs are called.
        label: what people call it.
        inputs: a file, or a value, for each input.
        params: graph params by name, node params as ``node.param``.
        name: the pattern of its outputs' names.
        carried: the columns of its row that are neither input nor param.
    """

    id: str
    label: str
    inputs: Mapping[str, Any]
    params: Mapping[str, Any]
    name: str
    carried: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        label: str,
        inputs: Mapping[str, Any],
        params: Mapping[str, Any],
        name: str,
        carried: Mapping[str, Any],
    ) -> Job:
        """Return a job; its id is made here."""
        return cls(digest_of([dict(inputs), name])[:32], label, inputs, params, name, carried)


@dataclass(frozen=True)
class End:
    """How a job ended, or its process did; plain JSON values.

    Attributes:
        state: one of `STATES`.
        seconds: how long it took.
        device: where its accelerated steps ran; else ``cpu``.
        worker: whose process did it.
        content: the digest of what went in: the bytes of its files, its values, params and graph.
        inputs: size, time and digest of each file that went in.
        outputs: path, size, time and digest of each file that was written.
        steps: what each step did.
        warnings: what was said about the result.
        sound_seconds: how long its longest input sounds.
        kind: in a word why it failed: ``input``, ``node``, ``memory``, ``time``, ``exit``,
            ``signal``, ``model``, ``output``, ``other``.
        error: the class of the error.
        place: where it happened: the node.
        message: what was said.
        page: the page of this job, where one was made.
    """

    state: str
    seconds: Seconds = 0.0
    device: str = ""
    worker: str = ""
    content: str = ""
    inputs: _Files = field(default_factory=dict)
    outputs: _Files = field(default_factory=dict)
    steps: Annotated[list[dict[str, Any]], AfterValidator(_steps)] = field(default_factory=list)
    warnings: Annotated[list[dict[str, Any]], AfterValidator(_warnings)] = field(
        default_factory=list
    )
    sound_seconds: Seconds = 0.0
    kind: str = ""
    error: str = ""
    place: str = ""
    message: str = ""
    page: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dict(self.__dict__)

    @property
    def ran(self) -> int:
        """How many steps were computed."""
        return sum(step["status"] == "ran" for step in self.steps)

    @property
    def reused(self) -> int:
        """How many steps came from the store."""
        return sum(step["status"] == "cached" for step in self.steps)


def digest_of(value: Any) -> str:
    """Return the digest of JSON values."""
    return blake3(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def stamp(path: Path) -> dict[str, Any]:
    """Return size and time of a file, by which it is known without being read.

    Raises:
        OSError: it is not there.
    """
    found = path.stat()
    return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    return blake3().update_mmap(path).hexdigest()


def identity(graph: BoundGraph, models: Path | None, more: Mapping[str, Any]) -> Identity:
    """Return what decides the results of a graph, whatever goes in.

    Args:
        graph: the checked graph, with its params.
        models: the folder of model weights.
        more: settings that decide results too.

    Raises:
        ResonateError: a step can never be done, or the weights of its model are not to be had.
    """
    steps = {}
    for name in graph.needed:
        step = graph.steps[name]
        question = Preparation(step.plain_params, graph.wanted_ports[name], models)
        steps[name] = {
            "type": step.type.id,
            "version": step.type.version or step.type.fingerprint,
            "params": dict(step.plain_params),
            "wires": {port: [str(one) for one in wires] for port, wires in step.inputs.items()},
            "libraries": step.type.library_versions,
            "weights": dict(step.type.prepared(question)),
        }
    outputs = {name: str(source) for name, source in graph.outputs.items()}
    return {"steps": steps, "outputs": outputs, "settings": dict(more)}


def what_changed(before: Identity, now: Identity) -> list[str]:
    """Say what differs between two identities, in a few words each."""
    told = []
    old, new = before["steps"], now["steps"]
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            told.append(f"step {name} is gone")
        elif name not in old:
            told.append(f"step {name} is new")
        else:
            words = {"wires": "wiring", "type": "type", "version": "version", "params": "params",
                     "libraries": "libraries", "weights": "weights"}  # fmt: skip
            told += [
                f"{word} of {name} changed"
                for part, word in words.items()
                if old[name].get(part) != new[name].get(part)
            ]
    if before["outputs"] != now["outputs"]:
        told.append("outputs changed")
    old, new = before["settings"], now["settings"]
    told += [f"{name} changed" for name in new if new[name] != old.get(name)]
    return told
