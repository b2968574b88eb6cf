"""What a run is given, and what it gives: `Settings`, `Outcome`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ._devices import Inventory, Request, probe
from ._events import Event, Warned
from ._machine import Machine, this_machine
from ._store import Store
from ._values import Value


@dataclass(frozen=True)
class Settings:
    """How a run is to be done; none of it changes what a result is.

    Attributes:
        store: where results are kept; None to keep nothing.
        device: where accelerated nodes compute.
        models: the folder of model weights; None for the usual places.
        exact_reuse: results of another device are not reused.
        map_results: results are handed out as they lie in the store, not as they were computed.
        on_event: told what happens.
        cancelled: asked whether to stop.
        inventory: says what the machine has, when somebody has to know.
        machine: how many threads and how much memory steps may use together.
    """

    store: Store | None = None
    device: Request = "auto"
    models: Path | None = None
    exact_reuse: bool = False
    map_results: bool = False
    on_event: Callable[[Event], None] = lambda event: None
    cancelled: Callable[[], bool] = lambda: False
    inventory: Callable[[], Inventory] = probe
    machine: Machine = field(default_factory=this_machine)


@dataclass
class StepReport:
    """What became of one step."""

    id: str
    type: str
    status: str = "skipped"
    device: str | None = None
    seconds: float = 0.0
    key: str | None = None


@dataclass
class Outcome:
    """What a run gave: the values of its outputs, and what became of each step."""

    values: dict[str, Value]
    steps: list[StepReport]
    warnings: list[Warned]
    seconds: float = 0.0
