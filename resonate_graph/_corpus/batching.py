"""`batch`: a graph over a whole archive, from Python."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from .. import BoundGraph, Graph, ParamError, Settings, Store, default_store, this_machine
from .._base.keywords import with_defaults
from .._base.paths import expanded
from .._machine.devices import presume
from .driver import Batch, Executor, Plan
from .hand import LEAST_BYTES, Setup, require_posix, share_bytes
from .listing import Wanted, jobs_of
from .local import Local
from .row import BatchRow
from .sums import Sums

#: How long a job may take where nobody says.
MAX_SECONDS = 3600.0


def batch(
    graph: Graph,
    inputs: str | os.PathLike[str] | Iterable[Mapping[str, Any]],
    folder: str | os.PathLike[str],
    *,
    bound: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    outputs: Collection[str] | None = None,
    name: str = "",
    nodes: Collection[str] = (),
    jobs: int | None = None,
    scheduler: str | None = None,
    max_failures: int | None = None,
    retry_failed: bool = False,
    verify: bool = False,
    max_seconds: float = MAX_SECONDS,
    max_memory_bytes: int | None = None,
    shared_store: str | None = None,
    remote: str = "",
    provenance: bool = True,
    tags: bool = True,
    pages: bool = False,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Sums], None] | None = None,
    **settings: Unpack[Settings],
) -> Iterator[BatchRow]:
    """See `resonate_graph.batch`."""
    made = prepare(
        graph, inputs, folder, bound=bound, params=params, outputs=outputs, name=name, nodes=nodes,
        jobs=jobs, max_failures=max_failures, retry_failed=retry_failed, verify=verify,
        max_seconds=max_seconds, max_memory_bytes=max_memory_bytes, shared_store=shared_store,
        remote=remote, provenance=provenance, tags=tags, pages=pages, settings=settings,
    )  # fmt: skip
    if on_plan is not None:
        on_plan(made.batch.plan)
    return rows(made, scheduler, on_progress or (lambda sums: None))


class Prepared:
    """A batch that can begin: everything about it was found to be right.

    Attributes:
        batch: the batch.
        setup: what its jobs share.
        jobs: how many are done at a time on this machine.
    """

    def __init__(
        self,
        batch: Batch,
        setup: Setup,
        jobs: int,
        *,
        accelerated: bool,
        max_memory_bytes: int | None,
    ) -> None:
        self.batch, self.setup, self.jobs = batch, setup, jobs
        self._accelerated, self._max_memory_bytes = accelerated, max_memory_bytes

    def executor(self, scheduler: str | None) -> Executor:
        """Return who does the jobs."""
        if scheduler is not None:
            from .cluster import Cluster

            # unless somebody says how much, each worker gives its children a share of its own
            setup = replace(self.setup, max_memory_bytes=self._max_memory_bytes)
            cluster: Executor = Cluster(scheduler, self.batch.probing(setup))
            return cluster
        threads = max(1, self.setup.threads // self.jobs)
        owner = self.setup.on(self.setup.settings["device"], threads)
        if not self._accelerated:
            return Local([owner] * self.jobs)
        return Local([owner, *[self.setup.on("cpu", threads)] * (self.jobs - 1)])


def prepare(
    graph: Graph,
    inputs: Any,
    folder: str | os.PathLike[str],
    *,
    bound: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
    outputs: Collection[str] | None,
    name: str,
    nodes: Collection[str],
    jobs: int | None,
    max_failures: int | None,
    retry_failed: bool,
    verify: bool,
    max_seconds: float,
    max_memory_bytes: int | None,
    shared_store: str | None,
    remote: str,
    provenance: bool,
    tags: bool,
    pages: bool,
    settings: Settings,
) -> Prepared:
    """Find everything out that can be known before a job runs; arguments are those of `batch`."""
    require_posix()
    if jobs is not None and jobs < 1:
        raise ParamError(f"jobs is {jobs}: a batch needs one at least", param="jobs")
    if not max_seconds > 0 or math.isinf(max_seconds):
        raise ParamError(f"max_seconds is {max_seconds}: it takes a time in seconds",
                         param="max_seconds")  # fmt: skip
    place = expanded(folder).absolute()
    given = with_defaults(Settings, settings)
    models = None if given["models"] is None else Path(given["models"]).absolute()
    wanted = Wanted(
        graph, dict(bound or {}), dict(params or {}), list(outputs) if outputs else None, name,
        models, skip=place,
    )  # fmt: skip
    found = jobs_of(inputs, wanted)
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
        nodes=[_module(one) for one in nodes],
        outputs=wanted.outputs if wanted.outputs is None else list(wanted.outputs),
        folder=str(place),
        remote=remote,
        settings={**plain, "models": None if models is None else str(models)},
        store=_store(given["store"], shared_store),
        provenance=provenance,
        tags=tags,
        pages=pages,
        max_seconds=max_seconds,
        max_memory_bytes=max_memory_bytes or share_bytes(at_a_time),
        threads=given["threads"] or machine.threads,
        probe=None,
    )
    ready = Batch(
        found, wanted, setup, place, max_failures=max_failures, retry_failed=retry_failed,
        verify=verify,
    )  # fmt: skip
    return Prepared(
        ready, setup, at_a_time, accelerated=accelerated, max_memory_bytes=max_memory_bytes
    )


def rows(
    made: Prepared, scheduler: str | None, on_progress: Callable[[Sums], None]
) -> Iterator[BatchRow]:
    try:
        yield from made.batch.rows(made.executor(scheduler), on_progress)
    finally:
        made.batch.write_results()
        made.batch.close()


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
