"""What a run tells while it runs. Pass `on_event` to `Graph.run` to hear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .._node.notes import Note


@dataclass(frozen=True)
class RunStarted:
    """The graph was checked and planned; `nodes` are the steps its outputs depend on."""

    graph: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class RunPlanned:
    """What is to be done is known, and nothing of it is done yet.

    What is known to be reused was told before, by a `NodeFinished` each.

    Attributes:
        seconds: what each node is expected to take that has to run, or may have to: by earlier
            runs, else by what the nodes declare.
        total_seconds: how long all of them are expected to take, some at the same time.
    """

    seconds: Mapping[str, float]
    total_seconds: float


@dataclass(frozen=True)
class InputRead:
    """An input was identified: decoded, or recognised as decoded before."""

    name: str
    description: str


@dataclass(frozen=True)
class NodeStarted:
    """A node began to compute."""

    node: str
    type: str
    device: str


@dataclass(frozen=True)
class NodeWaiting:
    """A node waits while another process computes the same thing."""

    node: str
    type: str


@dataclass(frozen=True)
class NodeProgress:
    """A node is at `done` of `total`, in a unit of its own."""

    node: str
    done: float
    total: float


@dataclass(frozen=True)
class NodeFinished:
    """A node is done: it ``ran``, or its result was ``cached``; `did` is what it noted."""

    node: str
    type: str
    status: str
    seconds: float
    did: Mapping[str, Note] = field(default_factory=dict)


@dataclass(frozen=True)
class Warned:
    """Something the person who reads the result has to know."""

    code: str
    message: str
    node: str | None = None


@dataclass(frozen=True)
class PictureMade:
    """The page of a sweep has `done` of `total` sounds by now, to be seen and heard."""

    done: int
    total: int


@dataclass(frozen=True)
class RunFinished:
    """The run ended: ``done``, ``failed`` or ``cancelled``."""

    status: str
    seconds: float


Event: TypeAlias = (
    "RunStarted | RunPlanned | InputRead | NodeStarted | NodeWaiting | NodeProgress | NodeFinished "
    "| Warned | PictureMade | RunFinished"
)
