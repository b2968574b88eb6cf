"""`BatchRow`: a job of a batch, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .jobs import End, Job

#: What each row of a table has before the carried columns.
COLUMNS = (
    "job", "recording", "state", "kind", "error", "place", "message", "seconds", "sound_seconds",
    "device", "worker", "ran", "reused", "warnings", "outputs", "page",
)  # fmt: skip

#: What a row says as the end of its job does.
_OF_THE_END = (
    "seconds", "sound_seconds", "device", "worker", "steps", "warnings", "kind", "error", "place",
    "message", "page",
)  # fmt: skip


@dataclass(frozen=True)
class BatchRow:
    """A job of a batch, and what became of it.

    Attributes:
        job: what it is known by from run to run.
        recording: what people call it.
        state: ``done`` or ``failed``; ``waiting`` in tables of a batch that is not over.
        kept: whether it was so before this start.
        inputs: a file, or a value, for each input.
        params: graph params by name, node params as ``node.param``.
        carried: the other columns of its row.
        seconds: how long it took.
        sound_seconds: how long its longest input sounds.
        device: where its accelerated steps ran; else ``cpu``.
        worker: whose process did it.
        outputs: the files written, by output.
        steps: what each step did.
        warnings: what was said about the result.
        kind: in a word why it failed: ``input``, ``node``, ``memory``, ``time``, ``exit``,
            ``signal``, ``model``, ``output``, ``worker``, ``other``; empty where it did not.
        error: the class of the error.
        place: the node where it happened.
        message: what was said.
        page: the page of this job, where one was asked for.
    """

    job: str
    recording: str
    state: str
    kept: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    carried: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    sound_seconds: float = 0.0
    device: str = ""
    worker: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    kind: str = ""
    error: str = ""
    place: str = ""
    message: str = ""
    page: str = ""

    @classmethod
    def of(cls, job: Job, end: End | None, *, kept: bool) -> BatchRow:
        """Return the row of a job; `end` is None while it waits."""
        told: dict[str, Any] = {}
        if end is not None:
            told = {name: getattr(end, name) for name in _OF_THE_END}
            told["outputs"] = {name: str(one["path"]) for name, one in end.outputs.items()}
        return cls(
            job.id,
            job.label,
            end.state if end else "waiting",
            kept,
            inputs=job.inputs,
            params=job.params,
            carried=job.carried,
            **told,
        )

    @property
    def said(self) -> str:
        """The first line of the message, without the name of the file where that comes first."""
        return without_file(self.message or self.error, self.inputs.values())

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dict(self.__dict__)

    def cells(self) -> dict[str, Any]:
        """Return it as the cells of a table."""
        found = {
            **{called(name): cell for name, cell in self.carried.items()},
            **{name: getattr(self, name, None) for name in COLUMNS},
            "ran": sum(step["status"] == "ran" for step in self.steps),
            "reused": sum(step["status"] == "cached" for step in self.steps),
            "warnings": "; ".join(one["message"] for one in self.warnings),
            "outputs": json.dumps(dict(self.outputs)) if self.outputs else "",
            "seconds": round(self.seconds, 3),
            "sound_seconds": round(self.sound_seconds, 3),
        }
        for step in self.steps:
            for name, note in (step.get("did") or {}).items():
                if isinstance(note, (int, float, str)):
                    found[f"{step['id']}.{name}"] = note
        return found


def called(carried: str) -> str:
    """Return what a column is called in tables that a row carries along."""
    return f"carried.{carried}" if carried in COLUMNS else carried


def without_file(message: str, files: Iterable[Any]) -> str:
    """Return the first line of what is said of a file, to be shown beside its name."""
    first = next(iter(message.splitlines()), "")
    for file in files:
        first = first.removeprefix(f"{file}: ")
    return first
