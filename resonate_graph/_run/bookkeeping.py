"""One run of a graph: what is known of it, and what has to be done around each of its steps.

`Run` does the bookkeeping and decides nothing about when; `execute` does. All of it happens in
the thread that called, but for `Run.read` and `Run.perform`, which may be given to a worker: they
read what is fixed by then, and hand back what they found. So nothing here needs a lock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .._base.errors import Cancelled, MissingModelError, NodeError, RunError
from .._graph.bound import BoundGraph, InputRef, PortRef, Source, Step
from .._machine.capacity import return_freed_memory
from .._node.context import FP32, RunContext
from .._node.declaration import Placed, Preparation
from .._node.notes import Note
from .._node.values import Value
from .._sound.audio import Audio
from .._sound.broadcast import Span
from .._store.folder import Quarantined
from .._store.records import Size
from .bindings import Bindings, path_text
from .estimates import Experience
from .events import (
    Event,
    InputRead,
    NodeFinished,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunPlanned,
    RunStarted,
    Warned,
)
from .keys import step_key
from .outcome import Outcome, StepReport
from .outlook import Outlook
from .plan import AnyPlan, EveryStep, Found, Plan, Status
from .rates import misfits
from .settings import Setup, nobody_listens
from .stored import NOT_KEPT, Kept, Stored

#: What a step that computed for longer than this has freed is worth giving back.
_LONG_SECONDS = 1.0


@dataclass
class Shared:
    """What runs of one graph find out once for all of them.

    Attributes:
        identities: what the `prepare` hooks said, by step.
        experience: what steps took before.
    """

    experience: Experience
    identities: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Reading(NamedTuple):
    """What came of reading the inputs.

    Attributes:
        warnings: what was said about each.
        read: those that were read.
        error: what went wrong.
    """

    warnings: dict[str, list[tuple[str, str]]]
    read: frozenset[str]
    error: BaseException | None = None


class Performance(NamedTuple):
    """What came of a step.

    Attributes:
        values: its outputs by port.
        seconds: how long it computed.
        kept: what the store has of them.
        device: where it computed in the end.
        did: what it noted that it did.
    """

    values: dict[str, Value]
    seconds: float
    kept: Kept
    device: str
    did: dict[str, Note]


class Run:
    """One run of a bound graph.

    Args:
        graph: the checked graph.
        bindings: what is bound to its inputs.
        setup: how it is to be done.
        shared: what other runs of this graph have found out.
        index: which of several runs it is.

    Attributes:
        outlook: where its steps may go, and what they are expected to take.
        stored: what the store has of it.
        error: what kept it from finishing, once something did.
        outcome: what it gave, once it is finished.
        held_bytes: the memory that results take which somebody will still read.
        keeps_nothing: whether there is no store: nobody else computes the same, nothing is lost.
    """

    def __init__(
        self,
        graph: BoundGraph,
        bindings: Bindings,
        setup: Setup,
        shared: Shared | None = None,
        index: int = 0,
    ) -> None:
        self.graph = graph
        self.index = index
        self.error: BaseException | None = None
        self.outcome: Outcome | None = None
        self.held_bytes = 0
        self._bindings = bindings
        self._setup = setup
        self.keeps_nothing = setup.store is None
        self._shared = shared or Shared(Experience(setup.store))
        self._reports: dict[str, StepReport] = {}
        self._warnings: dict[Warned, None] = {}
        self._values: dict[PortRef, Value] = {}
        self._sizes: dict[PortRef, Size] = {}  # of these values
        self._spans: dict[PortRef, Span] = {}  # of these, and of those that were let go of
        self._held = set(graph.outputs.values())
        self._bare_contexts: dict[tuple[str, int, frozenset[str]], RunContext] = {}
        self._listened = setup.on_event is not nobody_listens
        self._plan: AnyPlan | None = None
        self._start = time.perf_counter()
        self.outlook = Outlook(
            graph, setup, self._shared.experience, size=self._size, statuses=self._statuses
        )
        files = {name: path_text(path) for name, path in bindings.paths.items()}
        self.stored = Stored(setup.store, graph, files, self.warn)
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
        done: set[str] = set()
        error: BaseException | None = None
        told = self._bindings.warn

        def read(name: str) -> None:
            self._bindings.warn = _collecting(warnings.setdefault(name, []))
            if self._setup.store is None:
                self._bindings.value(name)
            else:
                self._bindings.digest(name)
            done.add(name)

        try:
            self._bindings.every(read, self.graph.needed_inputs)
        except BaseException as problem:
            error = problem
        finally:
            self._bindings.warn = told
        return Reading(warnings, frozenset(done), error)

    def begin(self, reading: Reading) -> None:
        """Plan what has to be done.

        Raises:
            InputError: an input cannot be read; an `InputsError` where several cannot.
            DeviceError: a device that somebody insists on is not there.
        """
        for name, warnings in reading.warnings.items():
            for code, message in warnings:
                self.warn(code, message)
            if self._setup.store is not None and name in reading.read:
                self.tell(InputRead(name, self._bindings.describe(name)))
        if reading.error is not None:
            raise reading.error
        for step, misfit in misfits(self.graph, self._input_rate, self.outlook.kind):
            raise RunError(step.id, step.type.id, misfit) from misfit
        self._plan = self._planned()
        for name in self.graph.placed:  # told now, not after an hour
            if self._plan.must_run(name):
                self.outlook.place(name)
        self.require_able()
        self._report_reused()
        if self._listened:
            self.tell(RunPlanned(*self.outlook.times(self._setup.machine.threads)))
        self._release([InputRef(name) for name in self.graph.needed_inputs])

    def _input_rate(self, name: str) -> int | None:
        span = self._bindings.span(name)
        return None if span is None else span.sample_rate

    def plan(self, *, fetch: bool) -> AnyPlan:
        """Return what has to be done, without doing it.

        Args:
            fetch: whether nodes may fetch what they need (weights) to know their identity.
        """
        self._identify(fetch=fetch)
        self._plan = self._planned()
        return self._plan

    def require_able(self) -> None:
        """Refuse what is planned, where a step that has to be computed cannot be.

        Raises:
            RunError: its device cannot do it.
        """
        assert self._plan is not None
        for name in self.graph.choosy:
            if self._plan.must_run(name) and (error := self.unable(name)) is not None:
                raise RunError(name, self.graph.steps[name].type.id, error) from error

    def unable(self, name: str) -> NodeError | None:
        """Return why the device of a step cannot compute it; None where it can."""
        step = self.graph.steps[name]
        return None if step.type.able is None else step.type.inability(self._placed(step))

    def stored_output(self, name: str) -> Value | None:
        """Return an output that a planned run need not compute; None for any other.

        Raises:
            InputError: it is an input that cannot be read.
        """
        assert self._plan is not None
        source = self.graph.outputs[name]
        if isinstance(source, InputRef):
            return self._bindings.value(source.name)
        if self._plan.statuses[source.node] != "cached":
            return None
        with contextlib.suppress(Quarantined):
            return self.stored.value(source)
        return None

    def measure_inputs(self) -> None:
        """Find out how large the inputs are, where no store remembers.

        Raises:
            InputError: an input cannot be read.
        """
        unknown = [name for name in self.graph.needed_inputs if self._bindings.size(name) == Size()]
        self._bindings.every(self._bindings.value, unknown)

    @property
    def unread_bytes(self) -> int:
        """The memory it will take to read the inputs, roughly."""
        return self._bindings.unread_bytes

    @property
    def is_begun(self) -> bool:
        """Whether there is a plan."""
        return self._plan is not None

    def _identify(self, *, fetch: bool) -> None:
        for name in self.graph.prepared:
            if name not in self._shared.identities:
                self._shared.identities[name] = self._identity(name, fetch=fetch)

    def _identity(self, name: str, *, fetch: bool) -> Mapping[str, Any]:
        step = self.graph.steps[name]
        wanted = self.graph.wanted_ports[name]
        question = Preparation(step.plain_params, wanted, self._setup.models, fetch)
        try:
            return step.type.prepared(question)
        except MissingModelError as error:
            raise _with_instead(error, step) from error

    def _planned(self) -> AnyPlan:
        if self._setup.store is None:
            return EveryStep(self.graph)
        digests = self._bindings.every(self._bindings.digest, self.graph.needed_inputs)
        return Plan(self.graph, digests, self._look_up)

    def _look_up(self, step: Step, inputs: Mapping[str, tuple[str, ...]]) -> Found:
        device = self.outlook.place(step.id).devices[0] if self._setup.exact_reuse else None
        numerics = self._numerics(step)
        identity = self._shared.identities.get(step.id, {})
        key = step_key(step, inputs, identity, numerics=numerics, device=device)
        self._report(step.id).key = key.hex
        anywhere = step_key(step, inputs, identity, numerics=numerics) if device else None
        return self.stored.look_up(step.id, key, anywhere=anywhere, device=device)

    def _numerics(self, step: Step) -> str:
        """Return how a step whose inputs are known computes."""
        if step.type.numerics is None:
            return FP32
        return step.type.computed_in(self._placed(step))

    def _placed(self, step: Step) -> Placed:
        rates = {
            port: [span.sample_rate for source in sources if (span := self.span(source))]
            for port, sources in step.inputs.items()
        }
        return Placed(step.plain_params, rates, self.outlook.kind(step.id))

    # -- what can run ---------------------------------------------------------------------------

    @property
    def has_ready(self) -> bool:
        """Whether a step can run now."""
        return self._plan is not None and self._plan.has_ready

    def is_ready(self, name: str) -> bool:
        """Whether a step can run now."""
        return self._plan is not None and self._plan.is_ready(name)

    def news(self) -> list[str]:
        """Return the steps that can run now and could not when this was asked last."""
        return self._plan.news() if self._plan else []

    def remind(self, name: str) -> None:
        """Count a step that can run among the news again."""
        if self._plan is not None and self._plan.is_ready(name):
            self._plan.remind(name)

    def order(self, name: str) -> int:
        """Return a step's place in the graph."""
        return self.graph.places[name]

    def _statuses(self) -> Mapping[str, Status]:
        assert self._plan is not None
        return self._plan.statuses

    def _size(self, source: Source) -> Size | None:
        if isinstance(source, InputRef):
            return self._bindings.size(source.name)
        if source in self._sizes:
            return self._sizes[source]
        entry = self.stored.entry(source)
        return entry.size if entry else None

    # -- one step -------------------------------------------------------------------------------

    def wait(self, name: str) -> None:
        """Tell that another process computes a step."""
        self.tell(NodeWaiting(name, self.graph.steps[name].type.id))

    def take_stored(self, name: str) -> bool:
        """Take a step's result from the store if it came there meanwhile; say whether it did."""
        assert self._plan is not None
        if self.stored.key(name) is None:
            return False
        found = self.stored.look_again(name)
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
                    self._lose(source, step.id)
                    return None
            if port.many:
                inputs[port.name] = values or (None if port.optional else [])
            else:
                inputs[port.name] = values[0] if values else None
        return inputs

    def besides(self, name: str) -> frozenset[str]:
        """Return what else a step gives at next to no cost, and the store does not have yet."""
        assert self._plan is not None
        if not self.stored.keeps:
            return frozenset()
        step, wanted = self.graph.steps[name], self._plan.wanted(name)
        question = Preparation(step.plain_params, wanted, self._setup.models)
        return step.type.given_besides(question) - self._plan.present(name)

    def context(self, name: str, lane: str, threads: int) -> RunContext:
        """Return what a step that begins now is given, and tell that it does."""
        assert self._plan is not None
        if self._listened:
            self.tell(NodeStarted(name, self.graph.steps[name].type.id, lane))
        return RunContext(
            device=lane,
            wanted=self._plan.wanted(name),
            besides=self.besides(name),
            models=self._setup.models,
            numerics=self._numerics(self.graph.steps[name]),
            threads=threads,
            workspace=self.stored.workspace(name),
        )

    def bare_context(self, name: str, lane: str, threads: int) -> RunContext:
        """Return what a step goes by whose node takes no context, and tell that it begins.

        The node never sees it, so steps that go by the same share one.
        """
        assert self._plan is not None
        if self._listened:
            self.tell(NodeStarted(name, self.graph.steps[name].type.id, lane))
        wanted = self._plan.wanted(name)
        shared = self._bare_contexts.get((lane, threads, wanted))
        if shared is None:
            shared = RunContext(device=lane, wanted=wanted, threads=threads)
            self._bare_contexts[lane, threads, wanted] = shared
        return shared

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
        seconds = time.perf_counter() - start
        kept = NOT_KEPT
        if not self.keeps_nothing:
            self.stored.were_read(inputs)
            kept = self.stored.keep(name, values, ctx, seconds=seconds, warnings=warnings)
            values = self.stored.as_kept(values, kept)
        inputs.clear()
        if seconds > _LONG_SECONDS:
            return_freed_memory()
        return Performance(values, seconds, kept, ctx.device, dict(ctx.did))

    def finish(self, name: str, done: Performance, warnings: list[tuple[str, str]]) -> None:
        """Note what came of a step."""
        assert self._plan is not None
        step = self.graph.steps[name]
        kind = step.type.id
        key = report.key if (report := self._reports.get(name)) is not None else None
        self._reports[name] = StepReport(
            name, kind, "ran", done.device, done.seconds, key, done.did
        )
        self.outlook.note(name, done.device, done.seconds)
        for code, message in warnings:
            self.warn(code, message, name)
        made = []
        for port, value in done.values.items():
            made.append(source := step.results[port])
            if source in self._values:  # computed before, where a part of it was lost
                self._drop(source)
            self._values[source], self._sizes[source] = value, (size := Size.of(value))
            if isinstance(value, Audio):
                self._spans[source] = Span.of(value)
            self.held_bytes += size.bytes
        digests = {}
        if not self.keeps_nothing:
            self.stored.note(name, done.kept)
            if not done.kept.is_there:
                wanted = self.graph.wanted_ports[name]
                self._held.update(source for source in made if source.port in wanted)
            digests = {port: entry.digest for port, entry in done.kept.entries.items()}
        self._plan.finished(name, digests)
        if self._listened:
            self.tell(NodeFinished(name, kind, "ran", done.seconds, done.did))
        self._release(made)

    def _value(self, source: Source) -> Value:
        if isinstance(source, InputRef):
            return self._bindings.value(source.name)
        if source in self._values:
            return self._values[source]
        return self.stored.value(source)

    def _release(self, sources: Sequence[Source] = ()) -> None:
        """Let go of what nobody will read again, of some sources and of what was read until now."""
        assert self._plan is not None
        plan, held, steps = self._plan, self._held, self.graph.steps
        read = [source for name in plan.ended() for source in steps[name].sources]
        read += sources
        for source in dict.fromkeys(read) if len(read) > 1 else read:  # thousands may read one
            if source in held or plan.in_use(source):
                continue
            if isinstance(source, InputRef):
                self._bindings.release(source.name)
            else:
                self._drop(source)

    def _lose(self, source: PortRef, reader: str | None) -> None:
        """Note that a stored result could not be read after all."""
        assert isinstance(self._plan, Plan)
        self.stored.report_loss(source)
        self._plan.lost(source, reader)

    def _drop(self, port: PortRef) -> None:
        if port in self._values:
            del self._values[port]
            self.held_bytes -= self._sizes.pop(port).bytes

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
                self._lose(source, None)
                return False
        self._report_reused()
        self.stored.report_full_disk()
        reports = [self._report(name) for name in self.graph.steps]
        self.outcome = Outcome(values, reports, list(self._warnings))
        return True

    def close(self, status: str) -> None:
        """Let go of everything, and tell how it ended: ``done``, ``failed`` or ``cancelled``."""
        seconds = time.perf_counter() - self._start
        if self.outcome is not None:
            self.outcome.seconds = seconds
        self._values.clear()
        self._sizes.clear()
        self.held_bytes = 0
        for name in self.graph.needed_inputs:
            self._bindings.release(name)
        self.tell(RunFinished(status, seconds))

    def _output(self, source: Source) -> Value:
        """Return an output; where results are mapped, as it lies in the store."""
        setup = self._setup
        if setup.map_results and setup.store and isinstance(source, PortRef):
            with contextlib.suppress(Quarantined):
                return self.stored.value(source)
        return self._value(source)

    def _report_reused(self) -> None:
        assert self._plan is not None
        for name in self._plan.cached:
            report = self._report(name)
            if report.status == "skipped":
                report.status, report.device = "cached", self.stored.device(name)
                report.did = self.stored.did(name)
                if self._listened:
                    self.tell(NodeFinished(name, report.type, "cached", 0.0, report.did))
                for code, message in self.stored.warnings(name):
                    self.warn(code, message, name)

    def _report(self, name: str) -> StepReport:
        """Return the report of a step, as far as it is written."""
        if (report := self._reports.get(name)) is None:
            report = self._reports[name] = StepReport(name, self.graph.steps[name].type.id)
        return report

    def span(self, source: Source) -> Span | None:
        """Return how long a sound of this run is; None where that is not known."""
        if isinstance(source, InputRef):
            return self._bindings.span(source.name)
        entry = self.stored.entry(source)
        if source in self._spans or entry is None:
            return self._spans.get(source)
        if entry.frames is None or entry.sample_rate is None or entry.channels is None:
            return None
        return Span(entry.frames, entry.sample_rate, entry.channels)

    # -- telling --------------------------------------------------------------------------------

    def warn(self, code: str, message: str, node: str | None = None) -> None:
        """Say something that the person who reads the result has to know."""
        warning = Warned(code, message, node)
        if warning not in self._warnings:
            self._warnings[warning] = None
            self.tell(warning)

    def tell(self, event: Event) -> None:
        """Tell what happens."""
        self._setup.on_event(event)


def _with_instead(error: MissingModelError, step: Step) -> MissingModelError:
    """Return the error that says how to take a model that is here and would do."""
    named = [name for name, value in step.plain_params.items() if value == error.model]
    if not named or not error.instead:
        return error
    param = step.references.get(named[0], f"{step.id}.{named[0]}")
    how = f"{error} (`params={{{param!r}: {error.instead[0]!r}}}`)"
    return MissingModelError(error.model, how, instead=error.instead)


def _collecting(said: list[tuple[str, str]]) -> Callable[[str, str], None]:
    return lambda code, message: said.append((code, message))


def _call(step: Step, inputs: Mapping[str, Any], ctx: RunContext) -> dict[str, Value]:
    try:
        return step.type.run(inputs, step.params, ctx)
    except Cancelled:
        raise
    except Exception as error:  # whatever a node raises becomes one error that names the node
        place = step.type.place_of(error)
        raise RunError(step.id, step.type.id, error, place=place) from error
    finally:
        ctx.close()
