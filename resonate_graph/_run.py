"""One run of a graph: what is known of it, and what has to be done around each of its steps.

`Run` does the bookkeeping and decides nothing about when; `_execute` does. All of it happens in
the thread that called, but for `Run.read` and `Run.perform`, which may be given to a worker: they
read what is fixed by then, and hand back what they found. So nothing here needs a lock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ._bindings import Bindings, path_text
from ._context import RunContext
from ._devices import Choice, place
from ._errors import Cancelled, OutputError, ResonateError, RunError, StoreError
from ._estimates import Estimate, Experience, expected_sizes
from ._events import (
    Event,
    InputRead,
    NodeFinished,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    Warned,
)
from ._graph import BoundGraph, InputRef, PortRef, Source, Step
from ._key_lock import KeyLock
from ._keys import Key, step_key
from ._node import Preparation
from ._plan import Found, Plan
from ._records import Entry, Origin, Size
from ._schedule import CPU, remaining_paths
from ._settings import Outcome, Settings, StepReport
from ._store import Quarantined, Store
from ._values import Value
from ._workspace import Workspace


@dataclass
class Shared:
    """What runs of one graph find out once for all of them.

    Attributes:
        identities: what the `prepare` hooks said, by step.
        experience: what steps took before.
    """

    experience: Experience
    identities: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What came of reading the inputs: what was said about each, and what went wrong."""

    warnings: dict[str, list[tuple[str, str]]]
    error: BaseException | None = None


@dataclass(frozen=True)
class Performance:
    """What came of a step.

    Attributes:
        values: its outputs by port.
        seconds: how long it computed.
        entries: what records say of its outputs; none without a store.
        trouble: why the store did not keep them.
        device: where it computed in the end.
    """

    values: dict[str, Value]
    seconds: float
    entries: dict[str, Entry] = field(default_factory=dict)
    trouble: ResonateError | None = None
    device: str = CPU


@dataclass
class _Known:
    """What is remembered of a step once the store was asked."""

    key: Key
    entries: dict[str, Entry] = field(default_factory=dict)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class Run:
    """One run of a bound graph.

    Args:
        graph: the checked graph.
        bindings: what is bound to its inputs.
        settings: how it is to be done.
        shared: what other runs of this graph have found out.
        index: which of several runs it is.

    Attributes:
        error: what kept it from finishing, once something did.
        outcome: what it gave, once it is finished.
    """

    def __init__(
        self,
        graph: BoundGraph,
        bindings: Bindings,
        settings: Settings,
        shared: Shared | None = None,
        index: int = 0,
    ) -> None:
        self.graph = graph
        self.index = index
        self.error: BaseException | None = None
        self.outcome: Outcome | None = None
        self.held_bytes = 0
        self._bindings = bindings
        self._settings = settings
        self._shared = shared or Shared(Experience(settings.store))
        self._reports = {name: StepReport(name, step.type.id) for name, step in graph.steps.items()}
        self._warnings: list[Warned] = []
        self._values: dict[PortRef, Value] = {}
        self._known: dict[str, _Known] = {}
        self._choices: dict[str, Choice] = {}
        self._lengths: dict[str, float] = {}
        self._kept = set(graph.outputs.values())
        self._store_is_broken = False
        self._plan: Plan | None = None
        self._start = time.perf_counter()
        self._order = {name: number for number, name in enumerate(graph.steps)}
        bindings.warn = self.warn

    # -- beginning ------------------------------------------------------------------------------

    def open(self) -> None:
        """Find out what decides the results beside inputs and params.

        Raises:
            ResonateError: weights are not to be had, or a param is not possible after all.
        """
        self._start = time.perf_counter()
        self.tell(RunStarted(self.graph.name, self.graph.needed))
        self._identify(fetch=True)

    def read(self) -> Reading:
        """Read the inputs, in whichever thread."""
        warnings: dict[str, list[tuple[str, str]]] = {}
        error: BaseException | None = None
        told = self._bindings.warn
        try:
            for name in self.graph.needed_inputs:
                self._bindings.warn = _collecting(warnings.setdefault(name, []))
                if self._settings.store is None:
                    self._bindings.value(name)
                else:
                    self._bindings.digest(name)
        except BaseException as problem:
            error = problem
        finally:
            self._bindings.warn = told
        return Reading(warnings, error)

    def begin(self, reading: Reading) -> None:
        """Plan what has to be done.

        Raises:
            InputError: an input cannot be read.
            DeviceError: a device that somebody insists on is not there.
        """
        for name, warnings in reading.warnings.items():
            for code, message in warnings:
                self.warn(code, message)
            read = reading.error is None or name != list(reading.warnings)[-1]
            if self._settings.store is not None and read:
                self.tell(InputRead(name, self._bindings.describe(name)))
        if reading.error is not None:
            raise reading.error
        self._plan = self._planned()
        for name in self.graph.needed:  # told now, not after an hour
            if self._plan.must_run(name):
                self.place(name)
        self._release()

    def plan(self, *, fetch: bool) -> Plan:
        """Return what has to be done, without doing it.

        Args:
            fetch: whether nodes may fetch what they need (weights) to know their identity.
        """
        self._identify(fetch=fetch)
        self._plan = self._planned()
        return self._plan

    def measure_inputs(self) -> None:
        """Find out how large the inputs are, where no store remembers.

        Raises:
            InputError: an input cannot be read.
        """
        for name in self.graph.needed_inputs:
            if self._bindings.size(name) == Size():
                self._bindings.value(name)

    @property
    def keys(self) -> dict[str, Key]:
        """The key of each step whose inputs are known, once there is a plan."""
        return {name: known.key for name, known in self._known.items()}

    @property
    def digests(self) -> set[str]:
        """The digests of all results it knows of."""
        return {one.digest for known in self._known.values() for one in known.entries.values()}

    @property
    def unread_bytes(self) -> int:
        """The memory it will take to read the inputs, roughly."""
        return self._bindings.unread_bytes

    @property
    def is_begun(self) -> bool:
        """Whether there is a plan."""
        return self._plan is not None

    def _identify(self, *, fetch: bool) -> None:
        for name in self.graph.needed:
            if name not in self._shared.identities:
                self._shared.identities[name] = self._identity(name, fetch=fetch)

    def _identity(self, name: str, *, fetch: bool) -> Mapping[str, Any]:
        step = self.graph.steps[name]
        if step.type.prepare is None:
            return {}
        wanted = self.graph.wanted_ports[name]
        question = Preparation(step.plain_params, wanted, self._settings.models, fetch)
        return step.type.prepare(question)

    def _planned(self) -> Plan:
        if self._settings.store is None:
            return Plan(self.graph)
        digests = {name: self._bindings.digest(name) for name in self.graph.needed_inputs}
        return Plan(self.graph, digests, self._look_up)

    # -- what can run ---------------------------------------------------------------------------

    @property
    def ready(self) -> tuple[str, ...]:
        """The steps that can run now, first found first."""
        return self._plan.ready if self._plan else ()

    def order(self, name: str) -> int:
        """Return a step's place in the graph."""
        return self._order[name]

    def key(self, name: str) -> Key | None:
        """Return a step's key; None without a store."""
        known = self._known.get(name)
        return known.key if known else None

    def place(self, name: str) -> Choice:
        """Return where a step may run.

        Raises:
            DeviceError: what somebody insists on is not there.
        """
        if name not in self._choices:
            step = self.graph.steps[name]
            if step.type.device == "cpu":
                self._choices[name] = Choice((CPU,), "it computes on the CPU")
            else:
                self._choices[name] = place(
                    self._settings.inventory(),
                    self._settings.device,
                    step.device,
                    avoid=step.type.avoid,
                    params=step.plain_params,
                )
        return self._choices[name]

    def estimate(self, name: str) -> Estimate:
        """Return what a step that is ready will take."""
        sources = self.graph.steps[name].sources
        return self._estimate(name, [self._size(source) or Size() for source in sources])

    def demand(self, name: str, threads: int) -> tuple[tuple[str, ...], int]:
        """Return the lanes a step can run on, and how many threads of the CPU it keeps busy.

        Args:
            name: the step.
            threads: how many there are.
        """
        lanes = self.place(name).devices
        cost = self.graph.steps[name].type.cost
        return lanes, cost.threads_of(threads) if lanes == (CPU,) else 0

    def path_seconds(self, name: str) -> float:
        """Return the longest path of work that begins with a step."""
        return self._paths[name]

    def took_seconds(self, name: str) -> float:
        """Return how long such a step took before on the CPU in this process; inf if it did not."""
        length = self._lengths.get(name, 0.0)
        return self._shared.experience.took(self._reports[name].type, CPU, length)

    @cached_property
    def expected(self) -> dict[str, Estimate]:
        """What each needed step will take; nothing for those that are in the store."""
        assert self._plan is not None
        sizes = self.expected_sizes
        statuses = self._plan.statuses
        return {
            name: self._estimate(name, [sizes[one] for one in self.graph.steps[name].sources])
            for name in self.graph.needed
            if statuses[name] not in ("cached", "skipped")
        }

    @cached_property
    def expected_sizes(self) -> dict[Source, Size]:
        """How large everything will be, as far as that can be known."""
        return expected_sizes(self.graph, self._size)

    @cached_property
    def _paths(self) -> dict[str, float]:
        seconds = {name: one.seconds for name, one in self.expected.items()}
        return remaining_paths(self.graph.dag, seconds)

    def _estimate(self, name: str, inputs: list[Size]) -> Estimate:
        node_type = self.graph.steps[name].type
        device = self.place(name).devices[0]
        self._lengths[name] = max((size.seconds for size in inputs), default=0.0)
        return self._shared.experience.estimate(node_type.cost, node_type.id, device, inputs)

    def _size(self, source: Source) -> Size | None:
        if isinstance(source, InputRef):
            return self._bindings.size(source.name)
        if source in self._values:
            return Size.of(self._values[source])
        known = self._known.get(source.node)
        entry = known.entries.get(source.port) if known else None
        return entry.size if entry else None

    # -- one step -------------------------------------------------------------------------------

    def lock(self, name: str) -> KeyLock | None:
        """Return the right to compute a step, still to be taken; None where nobody shares it."""
        key, store = self.key(name), self._settings.store
        return store.key_lock(key) if key and store else None

    def wait(self, name: str) -> None:
        """Tell that another process computes a step."""
        self.tell(NodeWaiting(name, self.graph.steps[name].type.id))

    def take_stored(self, name: str) -> bool:
        """Take a step's result from the store if it came there meanwhile; say whether it did."""
        assert self._plan is not None
        known = self._known.get(name)
        if known is None:
            return False
        found = self._find(self.graph.steps[name], known.key)
        if not self._plan.wanted(name) <= found.present:
            return False
        self._plan.start(name)
        self._plan.finished(name, found.digests, cached=True)
        self._release()
        return True

    def inputs(self, name: str) -> dict[str, Any] | None:
        """Begin a step and return its inputs by port; None if one turned out to be lost.

        Raises:
            InputError: a file has to be read again, and cannot be.
        """
        assert self._plan is not None
        self._plan.start(name)
        step = self.graph.steps[name]
        inputs: dict[str, Any] = {}
        for port in step.type.inputs:
            values = []
            for source in step.inputs[port.name]:
                try:
                    values.append(self._value(source))
                except Quarantined:
                    assert isinstance(source, PortRef)
                    self._report_loss(source)
                    self._plan.lost(source, step.id)
                    return None
            if port.many:
                inputs[port.name] = values or (None if port.optional else [])
            else:
                inputs[port.name] = values[0] if values else None
        return inputs

    def context(self, name: str, lane: str, threads: int) -> RunContext:
        """Return what a step that begins now is given, and tell that it does."""
        assert self._plan is not None
        report = self._reports[name]
        report.device = lane
        self.tell(NodeStarted(name, report.type, lane))
        return RunContext(
            device=lane,
            wanted=self._plan.wanted(name),
            models=self._settings.models,
            threads=threads,
            workspace=self._workspace(name),
        )

    def perform(
        self, name: str, inputs: dict[str, Any], ctx: RunContext, warnings: list[tuple[str, str]]
    ) -> Performance:
        """Compute a step and keep what came out, in whichever thread.

        Args:
            name: the step.
            inputs: its inputs, which are let go of.
            ctx: what it is given.
            warnings: what it has said, once it is done.

        Raises:
            RunError: the node failed.
            Cancelled: it was told to stop.
        """
        start = time.perf_counter()
        values = _call(self.graph.steps[name], inputs, ctx)
        inputs.clear()
        seconds = time.perf_counter() - start
        known, store = self._known.get(name), self._settings.store
        if known is None or store is None:
            return Performance(values, seconds, device=ctx.device)
        entries = {port: Entry.of(value) for port, value in values.items()}
        done = Performance(values, seconds, entries, device=ctx.device)
        if self._store_is_broken:
            return done
        try:
            for value in values.values():
                share = seconds / len(values)
                store.put(value, seconds=share, file=ctx.workspace.written(value))
            files = {name: path_text(path) for name, path in self._bindings.paths.items()}
            store.put_record(
                known.key,
                entries,
                seconds=ctx.workspace.earlier_seconds + seconds,
                device=ctx.device,
                warnings=warnings,
                origin=Origin(graph=self.graph.name, node=name, files=files),
            )
        except (OutputError, StoreError) as error:
            return replace(done, trouble=error)
        finally:
            ctx.workspace.remove()
        return done

    def finish(self, name: str, done: Performance, warnings: list[tuple[str, str]]) -> None:
        """Note what came of a step."""
        assert self._plan is not None
        report = self._reports[name]
        report.seconds, report.status, report.device = done.seconds, "ran", done.device
        length = self._lengths.get(name, 0.0)
        self._shared.experience.note(report.type, report.device or CPU, length, done.seconds)
        for code, message in warnings:
            self.warn(code, message, name)
        for port, value in done.values.items():
            self._drop(PortRef(name, port))  # computed before, where a part of it was lost
            self._values[PortRef(name, port)] = value
            self.held_bytes += Size.of(value).bytes
        if name in self._known:
            self._known[name].entries.update(done.entries)
        if done.trouble is not None:
            self._give_up_on_store(done.trouble)
        if self._store_is_broken:
            self._kept.update(PortRef(name, port) for port in done.values)
        digests = {port: entry.digest for port, entry in done.entries.items()}
        self._plan.finished(name, digests)
        self.tell(NodeFinished(name, report.type, "ran", done.seconds))
        self._release()

    def _workspace(self, name: str) -> Workspace:
        key, store = self.key(name), self._settings.store
        if key is None or store is None or self._store_is_broken:
            return Workspace(None)
        return Workspace(store.workspace_folder(key))

    def _value(self, source: Source) -> Value:
        if isinstance(source, InputRef):
            return self._bindings.value(source.name)
        if source in self._values:
            return self._values[source]
        return self._stored_value(source)

    def _stored_value(self, source: PortRef) -> Value:
        store = self._settings.store
        assert store is not None
        entry = self._known[source.node].entries[source.port]
        port = self.graph.steps[source.node].type.output(source.port)
        assert port is not None
        return store.get(entry, port.type)

    def _release(self) -> None:
        """Let go of what nobody will read again."""
        assert self._plan is not None
        for name in self.graph.needed_inputs:
            source = InputRef(name)
            if source not in self._kept and not self._plan.in_use(source):
                self._bindings.release(name)
        for port in list(self._values):
            if port not in self._kept and not self._plan.in_use(port):
                self._drop(port)

    def _drop(self, port: PortRef) -> None:
        if port in self._values:
            self.held_bytes -= Size.of(self._values.pop(port)).bytes

    # -- the end --------------------------------------------------------------------------------

    def conclude(self) -> bool:
        """Gather the outputs; False where some turned out to be lost and are computed again.

        Raises:
            InputError: a file that is an output cannot be read.
        """
        assert self._plan is not None
        values: dict[str, Value] = {}
        for name, source in self.graph.outputs.items():
            try:
                values[name] = self._output(source)
            except Quarantined:
                assert isinstance(source, PortRef)
                self._report_loss(source)
                self._plan.lost(source, None)
                return False
        self._report_reused()
        store = self._settings.store
        if store and store.retention.floor_is_out_of_reach and not self._store_is_broken:
            self._report_full_disk(store)
        self.outcome = Outcome(values, list(self._reports.values()), self._warnings)
        return True

    def close(self, status: str) -> None:
        """Let go of everything, and tell how it ended: ``done``, ``failed`` or ``cancelled``."""
        seconds = time.perf_counter() - self._start
        if self.outcome is not None:
            self.outcome.seconds = seconds
        self._values.clear()
        self.held_bytes = 0
        for name in self.graph.needed_inputs:
            self._bindings.release(name)
        self.tell(RunFinished(status, seconds))

    def _output(self, source: Source) -> Value:
        """Return an output; where results are mapped, as it lies in the store."""
        settings = self._settings
        if settings.map_results and settings.store and isinstance(source, PortRef):
            with contextlib.suppress(Quarantined):
                return self._stored_value(source)
        return self._value(source)

    def _report_reused(self) -> None:
        assert self._plan is not None
        for name, status in self._plan.statuses.items():
            report = self._reports[name]
            if status == "cached" and report.status != "ran":
                report.status = "cached"
                self.tell(NodeFinished(name, report.type, "cached", 0.0))
                known = self._known.get(name)
                for code, message in known.warnings if known else ():
                    self.warn(code, message, name)

    # -- the store ------------------------------------------------------------------------------

    def _look_up(self, step: Step, inputs: Mapping[str, tuple[str, ...]]) -> Found:
        device = self.place(step.id).devices[0] if self._settings.exact_reuse else None
        key = step_key(step, inputs, self._shared.identities[step.id], device=device)
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
            self.warn(
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

    def _give_up_on_store(self, error: ResonateError) -> None:
        if not self._store_is_broken:
            self._store_is_broken = True
            self.warn("store-unusable", f"results of this run are not kept: {error}")

    def _report_loss(self, source: PortRef) -> None:
        self.warn(
            "store-damaged",
            f"the stored {source} is missing, or did not match its digest; it is computed again",
            source.node,
        )

    def _report_damage(self, step: str, port: str) -> None:
        name = PortRef(step, port)
        self.warn("store-damaged", f"the stored {name} was damaged and was moved away", step)

    def _report_full_disk(self, store: Store) -> None:
        floor = store.retention.floor_bytes
        self.warn(
            "disk-nearly-full",
            f"less than {floor / 1e9:g} GB is free on the disk of {store.path}, and dropping "
            "results would not change that: free some space, or keep them elsewhere with --store",
        )

    # -- telling --------------------------------------------------------------------------------

    def warn(self, code: str, message: str, node: str | None = None) -> None:
        """Say something that the person who reads the result has to know."""
        warning = Warned(code, message, node)
        if warning not in self._warnings:
            self._warnings.append(warning)
            self.tell(warning)

    def tell(self, event: Event) -> None:
        """Tell what happens."""
        self._settings.on_event(event)


def _collecting(said: list[tuple[str, str]]) -> Callable[[str, str], None]:
    return lambda code, message: said.append((code, message))


def _call(step: Step, inputs: Mapping[str, Any], ctx: RunContext) -> dict[str, Value]:
    try:
        return step.type.run(inputs, step.params, ctx)
    except Cancelled:
        raise
    except Exception as error:  # whatever a node raises becomes one error that names the node
        raise RunError(step.id, step.type.id, error) from error
    finally:
        ctx.close()
