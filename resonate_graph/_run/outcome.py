"""What a run gave: `Outcome`, with a `StepReport` for each of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._node.notes import Note
from .._node.values import Value
from .events import Warned


@dataclass
class StepReport:
    """What became of one step."""

    id: str
    type: str
    status: str = "skipped"
    device: str | None = None
    seconds: float = 0.0
    key: str | None = None
    did: dict[str, Note] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a run gave: the values of its outputs, and what became of each step."""

    values: dict[str, Value]
    steps: list[StepReport]
    warnings: list[Warned]
    seconds: float = 0.0
