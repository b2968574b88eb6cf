"""The outlook of a run: where its steps may go, and what they are expected to take there.

Nothing here changes what is computed; it decides when a step runs and on what beside what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial

from .._base.errors import DeviceError
from .._graph.bound import BoundGraph, Source, Step
from .._machine.devices import Choice, Inventory, place
from .._machine.schedule import CPU, remaining_paths
from .._store.records import Size
from .estimates import Estimate, Experience, Likenesses, expected_sizes, likenesses, memory
from .plan import Status
from .settings import Setup

#: The size of what is not known.
_NOTHING = Size()


class Outlook:
    """Where the steps of one run may go, and what they will take.

    Args:
        graph: the checked graph.
        setup: how the run is to be done.
        experience: what steps took before.
        size: gives the size of what is there already; None for what is not.
        statuses: gives the plan's status of every needed step, once there is a plan.
    """

    def __init__(
        self,
        graph: BoundGraph,
        setup: Setup,
        experience: Experience,
        *,
        size: Callable[[Source], Size | None],
        statuses: Callable[[], Mapping[str, Status]],
    ) -> None:
        self._graph = graph
        self._setup = setup
        self._experience = experience
        self._size = size
        self._statuses = statuses
        self._choices: dict[str, Choice] = {}
        self._lengths: dict[str, float] = {}
        self._likenesses: dict[tuple[str, str], Likenesses] = {}

    def place(self, name: str) -> Choice:
        """Return where a step may run.

        Raises:
            DeviceError: what somebody insists on is not there.
        """
        if name not in self._choices:
            step = self._graph.steps[name]
            if step.type.device == "cpu":
                self._choices[name] = Choice((CPU,), "it computes on the CPU")
            else:
                found = self._choose(self._setup.inventory(), step)
                if self._setup.exact_reuse:  # a key that names a card holds what that card gave
                    found = replace(found, devices=found.devices[:1])
                self._choices[name] = found
        return self._choices[name]

    def kind(self, name: str) -> str:
        """Return the kind of device a step is expected to run on: ``cpu``, ``mps`` or ``cuda``.

        It is told without loading torch, so that what is stored is found at once. Whether the
        device is there, and works, is for `place` to find out.
        """
        step = self._graph.steps[name]
        if step.type.device == "cpu":
            return CPU
        wishes = [self._setup.device] if self._setup.device != "auto" else step.device
        try:
            found = self._choose(self._setup.presumed(), step)
        except DeviceError:  # it is insisted on what is not to be expected
            return wishes[0].partition(":")[0]
        return found.devices[0].partition(":")[0]

    def _choose(self, inventory: Inventory, step: Step) -> Choice:
        return place(
            inventory,
            self._setup.device,
            step.device,
            avoid=step.type.avoid,
            params=step.plain_params,
        )

    def demand(self, name: str, threads: int) -> tuple[tuple[str, ...], int]:
        """Return the lanes a step can run on, and how many threads of the CPU it keeps busy.

        Args:
            name: the step.
            threads: how many there are.
        """
        lanes = self.place(name).devices
        cost = self._graph.steps[name].type.cost
        return lanes, cost.threads_of(threads) if lanes == (CPU,) else 0

    def is_light(self, name: str) -> bool:
        """Whether a step runs on the CPU, so that it takes no lane from others."""
        return self._graph.steps[name].type.device == "cpu"

    def light_demand(self, name: str, threads: int) -> tuple[int, int]:
        """Return how many threads of the CPU a light step keeps busy, and its memory in bytes.

        Args:
            name: the step, which is ready.
            threads: how many there are.
        """
        step = self._graph.steps[name]
        sizes = [self._size(source) or _NOTHING for source in step.sources]
        self._lengths[name] = max([size.seconds for size in sizes] or [0.0])
        return step.type.cost.threads_of(threads), memory(step.type.cost, sizes)

    def estimate(self, name: str) -> Estimate:
        """Return what a step that is ready will take."""
        sources = self._graph.steps[name].sources
        return self._estimate(name, [self._size(source) or Size() for source in sources])

    @cached_property
    def expected(self) -> dict[str, Estimate]:
        """What each needed step will take; nothing for those that are in the store."""
        sizes = self.expected_sizes
        statuses = self._statuses()
        return {
            name: self._estimate(name, [sizes[one] for one in self._graph.steps[name].sources])
            for name in self._graph.needed
            if statuses[name] not in ("cached", "skipped")
        }

    @cached_property
    def expected_sizes(self) -> dict[Source, Size]:
        """How large everything will be, as far as that can be known."""
        return expected_sizes(self._graph, self._size)

    def times(self, threads: int) -> tuple[dict[str, float], float]:
        """Return what each step will take that has to run, and all of them together.

        Args:
            threads: how many threads of the CPU there are.
        """
        seconds = {name: one.seconds for name, one in self.expected.items()}
        work = sum(seconds[name] * self.demand(name, threads)[1] for name in seconds) / threads
        return seconds, max(work, *self._paths.values(), 0.0)

    def path_seconds(self, name: str) -> float:
        """Return the longest path of work that begins with a step."""
        return self._paths[name]

    def took_seconds(self, name: str) -> float:
        """Return how long such a step took before on the CPU in this process; inf if it did not."""
        length = self._lengths.get(name, 0.0)
        return self._experience.took(self._like(name, CPU), length)

    def note(self, name: str, device: str, seconds: float) -> None:
        """Note how long a step took, for those that come after it."""
        length = self._lengths.get(name, 0.0)
        self._experience.note(partial(self._like, name, device), length, seconds)

    @cached_property
    def _paths(self) -> dict[str, float]:
        seconds = {name: one.seconds for name, one in self.expected.items()}
        return remaining_paths(self._graph.dag, seconds)

    def _estimate(self, name: str, inputs: list[Size]) -> Estimate:
        node_type = self._graph.steps[name].type
        device = self.place(name).devices[0]
        self._lengths[name] = max((size.seconds for size in inputs), default=0.0)
        return self._experience.estimate(node_type.cost, self._like(name, device), inputs)

    def _like(self, name: str, device: str) -> Likenesses:
        if (name, device) not in self._likenesses:
            step = self._graph.steps[name]
            found = likenesses(step.type.id, step.params_text, device)
            self._likenesses[name, device] = found
        return self._likenesses[name, device]
