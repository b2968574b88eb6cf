"""What a run is given, and what it gives: `Settings`, `Outcome`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import platformdirs

from .._base.errors import DeviceError
from .._machine.capacity import Machine, this_machine
from .._machine.devices import Inventory, probe, require_request
from .._node.values import Value
from .._store.folder import Store
from .events import Event, Warned


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
    device: str = "auto"
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


def chosen(
    store: Store | str | os.PathLike[str] | Literal[False] | None = None,
    device: str = "auto",
    models: str | os.PathLike[str] | None = None,
    threads: int | None = None,
) -> Settings:
    """Return settings from what a caller says, as `Graph.run` takes it.

    Raises:
        DeviceError: there is no such device, or `threads` is below one.
    """
    return Settings(
        store=_opened(store),
        device=require_request(device),
        models=Path(models) if models is not None else None,
        machine=_machine(threads),
    )


def default_store() -> Store:
    """Return the store in ``RESONATE_STORE``, or else in the user's cache folder."""
    place = os.environ.get("RESONATE_STORE")
    return Store(place or platformdirs.user_cache_path("resonate_graph") / "store")


def _opened(given: Store | str | os.PathLike[str] | Literal[False] | None) -> Store | None:
    if given is False:
        return None
    if given is None:
        return default_store()
    return given if isinstance(given, Store) else Store(given)


def _machine(threads: int | None) -> Machine:
    if threads is None:
        return this_machine()
    if threads < 1:
        raise DeviceError(f"threads is {threads}: a run needs one at least")
    return replace(this_machine(), threads=threads)
