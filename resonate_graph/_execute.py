"""Executing a plan: run what is ready, keep what came out, tell what happens.

One step at a time, in this process. Values are let go after their last use. Ctrl-C, or
`cancelled` returning True, stops between two steps or wherever a node reports progress; what was
finished by then is in the store.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._bindings import Bindings, path_text
from ._context import RunContext
from ._devices import Inventory, Request, choose, probe
from ._errors import Cancelled, OutputError, ResonateError, RunError, StoreError
from ._events import (
    Event,
    InputRead,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    Warned,
)
from ._graph import BoundGraph, InputRef, PortRef, Source, Step
from ._keys import Key, step_key
from ._node import Preparation
from ._plan import Found, Plan
from ._records import Entry, Origin
from ._store import Quarantined, Store
from ._values import Value
from ._workspace import Workspace


@dataclass(frozen=True)
class Settings:
    """How a run is to be done; none of it changes what a result is.

    Attributes:
        store: where results are kept; None to keep nothing.
        device: where accelerated nodes compute.
        models: the folder of model weights; None for the usual places.
        exact_reuse: results of another device are not reused.
        on_event: told what happens.
        cancelled: asked whether to stop.
        inventory: says what the machine has, when somebody has to know.
    """

    store: Store | None = None
    device: Request = "auto"
    models: Path | None = None
    exact_reuse: bool = False
    on_event: Callable[[Event], None] = lambda event: None
    cancelled: Callable[[], bool] = lambda: False
    inventory: Callable[[], Inventory] = probe


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


@dataclass
class _Known:
    """What is remembered of a step once the store was asked."""

    key: Key
    entries: dict[str, Entry] = field(default_factory=dict)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class Execution:
    """One run of a bound graph."""

    def __init__(self, graph: BoundGraph, bindings: Bindings, settings: Settings) -> None:
        self.graph = graph
        self._bindings = bindings
        self._settings = settings
        self._reports = {name: StepReport(name, step.type.id) for name, step in graph.steps.items()}
        self._warnings: list[Warned] = []
        self._values: dict[PortRef, Value] = {}
        self._known: dict[str, _Known] = {}
        self._identities: dict[str, Mapping[str, Any]] = {}
        self._kept = set(graph.outputs.values())
        self._store_is_broken = False
        bindings.warn = self._warn

    def run(self) -> Outcome:
        """Run what the outputs need.

        Raises:
            ResonateError: what kept it from finishing.
            KeyboardInterrupt: Ctrl-C was pressed; nothing is left half-done.
        """
        start = time.perf_counter()
        status = "failed"
        self._tell(RunStarted(self.graph.name, self.graph.needed))
        store = self._settings.store
        try:
            with store.in_use() if store else contextlib.nullcontext():
                plan = self.plan(fetch=True)
                self._choose_devices(plan)
                self._advance(plan)
                values = self._outputs(plan)
            self._report_reused(plan)
            if store and store.retention.floor_is_out_of_reach and not self._store_is_broken:
                self._report_full_disk(store)
            status = "done"
        except (KeyboardInterrupt, Cancelled):
            status = "cancelled"
            raise
        finally:
            seconds = time.perf_counter() - start
            self._tell(RunFinished(status, seconds))
        return Outcome(values, list(self._reports.values()), self._warnings, seconds)

    def plan(self, *, fetch: bool) -> Plan:
        """Return what has to be done, without doing it.

        Args:
            fetch: whether nodes may fetch what they need (weights) to know their identity.
        """
        for name in self.graph.needed:
            self._identities[name] = self._identity(name, fetch=fetch)
        if self._settings.store is None:
            return Plan(self.graph)
        digests = {}
        for name in self.graph.needed_inputs:
            digests[name] = self._bindings.digest(name)
            self._tell(InputRead(name, self._bindings.describe(name)))
        return Plan(self.graph, digests, self._look_up)

    @property
    def keys(self) -> dict[str, Key]:
        """The key of each step whose inputs are known, once there is a plan."""
        return {name: known.key for name, known in self._known.items()}

    # -- one step -----------------------------------------------------------------------------

    def _advance(self, plan: Plan) -> None:
        """Run what has to run."""
        self._release(plan)
        while plan.ready:
            self._check_cancelled()
            self._take(plan, plan.ready[0])
            self._release(plan)

    def _take(self, plan: Plan, name: str) -> None:
        """Run a step that is ready; or find that another process did, or that an input is lost."""
        step = self.graph.steps[name]
        plan.start(name)
        known = self._known.get(name)
        store = self._settings.store
        if known is None or store is None:
            self._run(plan, step, known)
            return
        with store.lock(known.key, self._waiting(step)):
            found = self._find(step, known.key)
            if plan.wanted(name) <= found.present:
                plan.finished(name, found.digests, cached=True)
            else:
                self._run(plan, step, known)

    def _waiting(self, step: Step) -> Callable[[], None]:
        """Return what to do now and then while another process computes the same."""
        told = False

        def wait() -> None:
            nonlocal told
            self._check_cancelled()
            if not told:
                told = True
                self._tell(NodeWaiting(step.id, step.type.id))

        return wait

    def _run(self, plan: Plan, step: Step, known: _Known | None) -> None:
        inputs = self._inputs(plan, step)
        if inputs is None:
            return
        report = self._reports[step.id]
        report.device = self._device(step)
        warnings: list[tuple[str, str]] = []
        ctx = RunContext(
            device=report.device,
            wanted=plan.wanted(step.id),
            models=self._settings.models,
            on_progress=lambda done, total: self._tell(NodeProgress(step.id, done, total)),
            on_warning=lambda code, message: warnings.append((code, message)),
            cancelled=self._settings.cancelled,
            workspace=self._workspace(known),
        )
        self._tell(NodeStarted(step.id, step.type.id, report.device))
        start = time.perf_counter()
        values = _call(step, inputs, ctx)
        del inputs
        report.seconds = time.perf_counter() - start
        report.status = "ran"
        for code, message in warnings:
            self._warn(code, message, step.id)
        self._values.update({PortRef(step.id, port): value for port, value in values.items()})
        digests = self._keep(known, values, report, warnings, ctx.workspace) if known else {}
        ctx.workspace.remove()
        plan.finished(step.id, digests)
        self._tell(NodeFinished(step.id, step.type.id, "ran", report.seconds))

    def _inputs(self, plan: Plan, step: Step) -> dict[str, Any] | None:
        """Return a step's inputs by port; None if one turned out to be lost."""
        inputs: dict[str, Any] = {}
        for port in step.type.inputs:
            values = []
            for source in step.inputs[port.name]:
                try:
                    values.append(self._value(source))
                except Quarantined:
                    assert isinstance(source, PortRef)
                    self._report_loss(source)
                    plan.lost(source, step.id)
                    return None
            if port.many:
                inputs[port.name] = values or (None if port.optional else [])
            else:
                inputs[port.name] = values[0] if values else None
        return inputs

    def _value(self, source: Source) -> Value:
        if isinstance(source, InputRef):
            return self._bindings.value(source.name)
        if source in self._values:
            return self._values[source]
        store = self._settings.store
        assert store is not None
        entry = self._known[source.node].entries[source.port]
        port = self.graph.steps[source.node].type.output(source.port)
        assert port is not None
        return store.get(entry, port.type)

    def _release(self, plan: Plan) -> None:
        """Let go of what nobody will read again."""
        for name in self.graph.needed_inputs:
            source = InputRef(name)
            if source not in self._kept and not plan.in_use(source):
                self._bindings.release(name)
        for port in list(self._values):
            if port not in self._kept and not plan.in_use(port):
                del self._values[port]

    # -- the store ----------------------------------------------------------------------------

    def _look_up(self, step: Step, inputs: Mapping[str, tuple[str, ...]]) -> Found:
        device = self._device(step) if self._settings.exact_reuse else None
        key = step_key(step, inputs, self._identities[step.id], device=device)
        self._known[step.id] = _Known(key)
        self._reports[step.id].key = key.hex
        return self._find(step, key)

    def _find(self, step: Step, key: Key) -> Found:
        store = self._settings.store
        assert store is not None
        known = self._known[step.id]
        record = None
        try:
            record = store.record(key)
        except Quarantined:
            self._warn(
                "store-damaged",
                f"what is stored of {step.id} was damaged; it is computed again",
                step.id,
            )
        except StoreError as error:
            self._give_up_on_store(error)
        if record is None:
            return Found(key.hex)
        known.entries = dict(record.ports)
        known.warnings = record.warnings
        self._reports[step.id].device = record.device
        digests = {port: entry.digest for port, entry in record.ports.items()}
        present = store.present(record, lambda port: self._report_damage(step.id, port))
        return Found(key.hex, digests, present)

    def _keep(
        self,
        known: _Known,
        values: Mapping[str, Value],
        report: StepReport,
        warnings: list[tuple[str, str]],
        workspace: Workspace,
    ) -> dict[str, str]:
        """Put a step's values and its record into the store; return the digests."""
        store = self._settings.store
        assert store is not None
        entries = {port: Entry.of(value) for port, value in values.items()}
        known.entries.update(entries)
        if not self._store_is_broken:
            try:
                for value in values.values():
                    share = report.seconds / len(values)
                    store.put(value, seconds=share, file=workspace.written(value))
                store.put_record(
                    known.key,
                    entries,
                    seconds=report.seconds,
                    device=report.device,
                    warnings=warnings,
                    origin=Origin(
                        graph=self.graph.name,
                        node=report.id,
                        files={
                            name: path_text(path) for name, path in self._bindings.paths.items()
                        },
                    ),
                )
            except (OutputError, StoreError) as error:
                self._give_up_on_store(error)
        if self._store_is_broken:
            self._kept.update(PortRef(report.id, port) for port in values)
        return {port: entry.digest for port, entry in entries.items()}

    def _workspace(self, known: _Known | None) -> Workspace:
        store = self._settings.store
        if known is None or store is None or self._store_is_broken:
            return Workspace(None)
        return Workspace(store.workspace_folder(known.key))

    def _give_up_on_store(self, error: ResonateError) -> None:
        if not self._store_is_broken:
            self._store_is_broken = True
            self._warn("store-unusable", f"results of this run are not kept: {error}")

    def _report_loss(self, source: PortRef) -> None:
        self._warn(
            "store-damaged",
            f"the stored {source} is missing, or did not match its digest; it is computed again",
            source.node,
        )

    def _report_damage(self, step: str, port: str) -> None:
        name = PortRef(step, port)
        self._warn("store-damaged", f"the stored {name} was damaged and was moved away", step)

    def _report_full_disk(self, store: Store) -> None:
        floor = store.retention.floor_bytes
        self._warn(
            "disk-nearly-full",
            f"less than {floor / 1e9:g} GB is free on the disk of {store.path}, and dropping "
            "results would not change that: free some space, or keep them elsewhere with --store",
        )

    # -- before and after -----------------------------------------------------------------------

    def _identity(self, name: str, *, fetch: bool) -> Mapping[str, Any]:
        step = self.graph.steps[name]
        if step.type.prepare is None:
            return {}
        wanted = self.graph.wanted_ports[name]
        question = Preparation(step.plain_params, wanted, self._settings.models, fetch)
        return step.type.prepare(question)

    def _choose_devices(self, plan: Plan) -> None:
        """Find out now, not after an hour, that a device somebody insists on is not there."""
        for name in self.graph.needed:
            if plan.must_run(name):
                self._device(self.graph.steps[name])

    def _device(self, step: Step) -> str:
        if step.type.device == "cpu":
            return "cpu"
        return choose(self._settings.inventory(), self._settings.device, step.device)

    def _outputs(self, plan: Plan) -> dict[str, Value]:
        """Return the values of the outputs; what turns out to be lost is computed again."""
        values: dict[str, Value] = {}
        for name, source in self.graph.outputs.items():
            while name not in values:
                try:
                    values[name] = self._value(source)
                except Quarantined:
                    assert isinstance(source, PortRef)
                    self._report_loss(source)
                    plan.lost(source, None)
                    self._advance(plan)
        return values

    def _report_reused(self, plan: Plan) -> None:
        for name, status in plan.statuses.items():
            report = self._reports[name]
            if status == "cached" and report.status != "ran":
                report.status = "cached"
                self._tell(NodeFinished(name, report.type, "cached", 0.0))
                known = self._known.get(name)
                for code, message in known.warnings if known else ():
                    self._warn(code, message, name)

    def _check_cancelled(self) -> None:
        if self._settings.cancelled():
            raise Cancelled("the run was cancelled")

    def _warn(self, code: str, message: str, node: str | None = None) -> None:
        warning = Warned(code, message, node)
        if warning not in self._warnings:
            self._warnings.append(warning)
            self._tell(warning)

    def _tell(self, event: Event) -> None:
        self._settings.on_event(event)


def _call(step: Step, inputs: Mapping[str, Any], ctx: RunContext) -> dict[str, Value]:
    try:
        return step.type.run(inputs, step.params, ctx)
    except Cancelled:
        raise
    except Exception as error:  # whatever a node raises becomes one error that names the node
        raise RunError(step.id, step.type.id, error) from error
    finally:
        ctx.close()
