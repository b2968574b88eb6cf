"""Forecasts: what a run would do, where and when, and what it would take, without doing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from .._base.display import Shown
from .._graph.bound import PortRef
from .._machine.capacity import Machine
from .._machine.schedule import CPU, Job, Lanes, Rehearsal, rehearse
from .bookkeeping import Run
from .plan import AnyPlan


@dataclass(frozen=True)
class PlannedStep:
    """What would become of one node.

    Attributes:
        id: the node's name in the graph.
        type: its type.
        status: ``run``; ``cached``; ``skipped`` where nobody needs it; ``open`` where it depends
            on what comes out of an earlier node whether it runs.
        wanted: its output ports that are needed.
        besides: those that nobody needs, which come out of the same work and would be kept.
        trouble: why it could not be computed, where it is open whether that is needed.
        key: its key, where that is known before running.
        lane: where it would run: ``cpu`` or an accelerator; None where it would not, as below.
        order: which one to start it would be, from 1 on.
        starts_seconds: when it would start.
        seconds: how long it would take.
        bytes: the memory it would need beside its inputs.
    """

    id: str
    type: str
    status: str
    wanted: tuple[str, ...]
    key: str | None
    lane: str | None = None
    order: int | None = None
    starts_seconds: float | None = None
    seconds: float | None = None
    bytes: int | None = None
    besides: tuple[str, ...] = ()
    trouble: str = ""


class Forecast(Shown, Sequence[PlannedStep]):
    """What would become of the nodes of a graph, in topological order; and of all together.

    Times are learned from the store, else declared by the nodes; they are no promise.

    Attributes:
        threads: how many threads of the CPU steps would share.
        accelerators: the accelerators that would be used.
        memory_bytes: what steps may take together.
        seconds: how long it would take.
        peak_bytes: the most memory that steps and held results would take together.
    """

    def __init__(
        self, steps: Sequence[PlannedStep], machine: Machine, rehearsal: Rehearsal
    ) -> None:
        self._steps = tuple(steps)
        self.threads = machine.threads
        self.memory_bytes = machine.memory_bytes
        self.accelerators = tuple(
            dict.fromkeys(turn.lane for turn in rehearsal.turns if turn.lane != CPU)
        )
        self.seconds = rehearsal.seconds
        self.peak_bytes = rehearsal.peak_bytes

    @overload
    def __getitem__(self, index: int) -> PlannedStep: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PlannedStep, ...]: ...
    def __getitem__(self, index: int | slice) -> PlannedStep | tuple[PlannedStep, ...]:
        return self._steps[index]

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[PlannedStep]:
        return iter(self._steps)

    def __repr__(self) -> str:
        return f"Forecast({list(self._steps)!r})"


def forecast(run: Run, plan: AnyPlan, machine: Machine) -> Forecast:
    """Return what a run that was planned would do on a machine.

    Raises:
        DeviceError: a device that somebody insists on is not there.
        InputError: an input cannot be read.
    """
    rehearsal = _rehearsed(run, machine)
    turns = {turn.job.id: (order, turn) for order, turn in enumerate(rehearsal.turns, 1)}
    steps = []
    for name, step in run.graph.steps.items():
        order, turn = turns.get(name, (None, None))
        steps.append(
            PlannedStep(
                id=name,
                type=step.type.id,
                status=status(plan, name),
                wanted=tuple(sorted(run.graph.wanted_ports.get(name, ()))),
                key=plan.key(name) if name in plan.statuses else None,
                lane=turn.lane if turn else None,
                order=order,
                starts_seconds=turn.starts if turn else None,
                seconds=turn.job.seconds if turn else None,
                bytes=turn.job.bytes if turn else None,
                besides=tuple(sorted(run.besides(name))) if turn else (),
                trouble=str((turn and run.unable(name)) or ""),
            )
        )
    return Forecast(steps, machine, rehearsal)


def status(plan: AnyPlan, name: str) -> str:
    """Return what a plan says of a step: ``run``, ``open``, ``cached`` or ``skipped``."""
    found = plan.statuses.get(name, "skipped")
    if found in ("skipped", "cached"):
        return found
    return "run" if plan.must_run(name) else "open"


def _rehearsed(run: Run, machine: Machine) -> Rehearsal:
    """Play it through; what may turn out to be stored counts as what runs."""
    run.measure_inputs()
    jobs = {}
    for name, estimate in run.outlook.expected.items():
        devices, threads = run.outlook.demand(name, machine.threads)
        jobs[name] = Job(
            id=name,
            lanes=devices,
            threads=threads,
            bytes=estimate.bytes,
            seconds=estimate.seconds,
            path_seconds=run.outlook.path_seconds(name),
            order=(run.order(name),),
        )
    results = {
        name: sum(run.outlook.expected_sizes[PortRef(name, port)].bytes for port in ports)
        for name, ports in run.graph.wanted_ports.items()
    }
    accelerators = dict.fromkeys(lane for job in jobs.values() for lane in job.lanes if lane != CPU)
    lanes = Lanes(machine.threads, machine.memory_bytes, tuple(accelerators))
    return rehearse(jobs, run.graph.dag, lanes, results=results)
