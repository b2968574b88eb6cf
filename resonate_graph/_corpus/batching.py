"""What a batch needs before it begins, and who does its jobs."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import BoundGraph, Graph, ParamError, Store, default_store, this_machine
from .._base.keywords import with_defaults
from .._base.paths import expanded
from .._machine.devices import presume
from .driver import Batch, Executor
from .hand import LEAST_BYTES, Setup, require_posix, share_bytes
from .listing import Wanted, jobs_of
from .local import Local
from .row import BatchRow
from .settings import BatchSettings
from .sums import Sums


class Prepared:
    """A batch that can begin: everything about it was found to be right.

    Attributes:
        batch: the batch.
        setup: what its jobs share.
        jobs: how many are done at a time on this machine.
        scheduler: the address of a scheduler whose workers do them instead, or None.
    """

    def __init__(
        self,
        batch: Batch,
        setup: Setup,
        jobs: int,
        scheduler: str | None,
        *,
        accelerated: bool,
        max_memory_bytes: int | None,
    ) -> None:
        self.batch, self.setup, self.jobs, self.scheduler = batch, setup, jobs, scheduler
        self._accelerated, self._max_memory_bytes = accelerated, max_memory_bytes

    def executor(self) -> Executor:
        """Return who does the jobs."""
        if self.scheduler is not None:
            from .cluster import Cluster

            # unless somebody says how much, each worker gives its children a share of its own
            setup = replace(self.setup, max_memory_bytes=self._max_memory_bytes)
            cluster: Executor = Cluster(self.scheduler, self.batch.probing(setup))
            return cluster
        threads = max(1, self.setup.threads // self.jobs)
        owner = self.setup.on(self.setup.settings["device"], threads)
        if not self._accelerated:
            return Local([owner] * self.jobs)
        return Local([owner, *[self.setup.on("cpu", threads)] * (self.jobs - 1)])


def prepare(
    graph: Graph, inputs: Any, folder: str | os.PathLike[str], settings: BatchSettings
) -> Prepared:
    """Find everything out that can be known before a job runs; arguments are those of `batch`."""
    require_posix()
    given = with_defaults(BatchSettings, settings)
    jobs, max_seconds = given["jobs"], given["max_seconds"]
    if jobs is not None and jobs < 1:
        raise ParamError(f"jobs is {jobs}: a batch needs one at least", param="jobs")
    if not max_seconds > 0 or math.isinf(max_seconds):
        raise ParamError(f"max_seconds is {max_seconds}: it takes a time in seconds",
                         param="max_seconds")  # fmt: skip
    place = expanded(folder).absolute()
    models = None if given["models"] is None else Path(given["models"]).absolute()
    wanted = Wanted(
        graph, dict(given["bound"] or {}), dict(given["params"] or {}),
        list(given["outputs"]) if given["outputs"] else None, given["name"], models, skip=place,
        remote=given["remote"],
    )  # fmt: skip
    found = jobs_of(inputs, wanted)
    _sweep(given["remote"], given["shared_store"])
    checked = graph.check(list(found[0].inputs), found[0].params, outputs=wanted.outputs,
                          models=models)  # fmt: skip
    accelerated = _is_accelerated(checked, given["device"])
    at_a_time = jobs or _jobs(accelerated)
    machine = this_machine()
    plain = {one: given[one] for one in ("device", "threads", "reuse", "warn_minutes",
                                         "max_minutes", "salvage")}  # fmt: skip
    setup = Setup(
        graph=graph.to_json(),
        source=graph.name,
        nodes=[_module(one) for one in given["nodes"]],
        outputs=wanted.outputs if wanted.outputs is None else list(wanted.outputs),
        folder=str(place),
        remote=given["remote"],
        settings={**plain, "models": None if models is None else str(models)},
        store=_store(given["store"], given["shared_store"]),
        provenance=given["provenance"],
        tags=given["tags"],
        pages=given["pages"],
        max_seconds=max_seconds,
        max_memory_bytes=given["max_memory_bytes"] or share_bytes(at_a_time),
        threads=given["threads"] or machine.threads,
        probe=None,
    )
    ready = Batch(
        found, wanted, setup, place, max_failures=given["max_failures"],
        retry_failed=given["retry_failed"], verify=given["verify"],
    )  # fmt: skip
    return Prepared(
        ready, setup, at_a_time, given["scheduler"], accelerated=accelerated,
        max_memory_bytes=given["max_memory_bytes"],
    )  # fmt: skip


def rows(
    made: Prepared, on_progress: Callable[[Sums], None], worded: Callable[[str], str] = str
) -> Iterator[BatchRow]:
    """Do a batch, and yield its rows as jobs end.

    Args:
        made: the batch.
        on_progress: told now and then how far it is.
        worded: puts what the page says, as Python does, into other words.
    """
    try:
        yield from made.batch.rows(made.executor, on_progress)
    finally:
        try:
            made.batch.write_results(worded)
        finally:
            made.batch.close()


def warn_of_remarks() -> Callable[[Sums], None]:
    """Return what hears of progress where nobody asked, and warns of what should be known."""
    said: list[str] = []

    def warn(sums: Sums) -> None:
        for remark in sums.remarks:
            if remark not in said:
                warnings.warn(remark, RuntimeWarning, stacklevel=2)
        said[:] = sums.remarks

    return warn


def _sweep(outputs: str, store: str | None) -> None:
    """Remove what killed batches left of outputs and of objects that were sent in parts."""
    if outputs:
        from .remote import sweep

        sweep(outputs)
    if store:
        from .shared_store import sweep_objects

        sweep_objects(store)


def _is_accelerated(bound: BoundGraph, device: str) -> bool:
    """Whether steps of a graph will run on an accelerator that there seems to be."""
    if device == "cpu" or all(one.type.device == "cpu" for one in bound.steps.values()):
        return False
    return any(one.kind != "cpu" for one in presume().devices)


def _jobs(accelerated: bool) -> int:
    """Return how many jobs are done at a time: one where they would share an accelerator."""
    machine = this_machine()
    return 1 if accelerated else max(1, min(machine.threads, machine.memory_bytes // LEAST_BYTES))


def _module(name: str) -> str:
    path = expanded(name)
    return str(path.absolute()) if path.suffix == ".py" else name


def _store(given: Any, shared: str | None) -> Any:
    if given is False:
        return False
    store = given if isinstance(given, Store) else Store(given) if given else default_store()
    path = str(store.path.absolute())
    return {"path": path, "shared": shared} if shared else path
