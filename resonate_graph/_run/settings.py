"""What a run is given: `Settings` as a caller says them, `Setup` as they come out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from typing_extensions import TypedDict

from .._base.errors import DeviceError
from .._base.keywords import Default, with_defaults
from .._machine.capacity import Machine, this_machine
from .._machine.devices import Inventory, presume, probe, require_request
from .._sound.limits import Limits
from .._store.folder import Store
from .events import Event


class Settings(TypedDict, total=False):
    """How a run is to be done: keyword arguments that the methods of `Graph` share.

    `Graph.run`, `Graph.run_many`, `Graph.plan`, `Graph.why` and `Graph.sweep` take them all, so
    that what a plan says is what a run with the same settings does. Those of several calls can be
    kept together; type checkers know them, too.

    Attributes:
        device: where accelerated nodes compute: ``auto``, ``mps``, ``cuda``, ``cpu``, or a
            certain card such as ``cuda:1``.
        threads: how many threads of the CPU its steps may keep busy together; None for as many
            as this process may use, 1 for one step after another.
        store: where results are kept; None for the usual place (see `default_store`), False to
            keep and reuse nothing.
        models: the folder of model weights; None for the usual places.
        reuse: ``exact`` to reuse only what was computed on the same kind of device.
        warn_minutes: warn about inputs longer than this.
        max_minutes: refuse inputs longer than this; and small files that unpack to more samples
            than so many minutes of stereo have at 48 kHz (see `Limits`).
        salvage: read what is left of damaged inputs; silence stands for what is known to be lost
            in their middle, a warning says what was lost, and the report lists the gaps.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio, Settings, stock
        >>> settings: Settings = {"store": False, "device": "cpu", "threads": 2}
        >>> inputs = {"master": Audio(np.full((2, 44100), 0.1), 44100)}
        >>> plan = stock("deliver").plan(inputs, outputs=["loudness"], **settings)
        >>> [step.status for step in plan]
        ['run', 'run', 'skipped']
    """

    device: Annotated[str, Default("auto")]
    threads: Annotated[int | None, Default(None)]
    store: Annotated[Store | str | os.PathLike[str] | Literal[False] | None, Default(None)]
    models: Annotated[str | os.PathLike[str] | None, Default(None)]
    reuse: Annotated[Literal["content", "exact"], Default("content")]
    warn_minutes: Annotated[float, Default(Limits.warn_minutes)]
    max_minutes: Annotated[float, Default(Limits.max_minutes)]
    salvage: Annotated[bool, Default(Limits.salvage)]


def nobody_listens(event: Event) -> None:
    """Let an event be."""


@dataclass(frozen=True)
class Setup:
    """How a run is done, once its settings are understood.

    Attributes:
        store: where results are kept; None to keep nothing.
        device: where accelerated nodes compute.
        models: the folder of model weights; None for the usual places.
        limits: how inputs are read.
        exact_reuse: results of another device are not reused.
        map_results: results are handed out as they lie in the store, not as they were computed.
        on_event: told what happens.
        cancelled: asked whether to stop.
        inventory: says what the machine has, when somebody has to know.
        presumed: says the same at once, unproved, where no more than the kind of device counts.
        machine: how many threads and how much memory steps may use together.
    """

    store: Store | None = None
    device: str = "auto"
    models: Path | None = None
    limits: Limits = field(default_factory=Limits)
    exact_reuse: bool = False
    map_results: bool = False
    on_event: Callable[[Event], None] = nobody_listens
    cancelled: Callable[[], bool] = lambda: False
    inventory: Callable[[], Inventory] = probe
    presumed: Callable[[], Inventory] = presume
    machine: Machine = field(default_factory=this_machine)


def understood(settings: Settings) -> Setup:
    """Return what a caller's settings come to; their names and types are right by then.

    Raises:
        ParamError: one cannot have this value.
        DeviceError: there is no such device, or `threads` is below one.
    """
    given = with_defaults(Settings, settings)
    models = given["models"]
    return Setup(
        store=_opened(given["store"]),
        device=require_request(given["device"]),
        models=Path(models) if models is not None else None,
        limits=Limits(**{one.name: given[one.name] for one in fields(Limits)}),
        exact_reuse=given["reuse"] == "exact",
        machine=_machine(given["threads"]),
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
