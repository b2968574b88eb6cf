"""Planning: which steps must run for the outputs, and which need not. Pure.

Work is found by walking back from the outputs, and stops at what the store has. A step's key
needs the content of its inputs; so where an input is not known yet, whether the step must run is
found out when the input is: a changed step whose result turns out the same cuts off all that
follows. `Plan` is told what is found (`lookup`) and what was finished (`finished`), and says what
can run now (`ready`); it touches neither files nor clocks.

Without a store nothing has to be found out: every needed step runs, and `EveryStep` counts what
each still waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from .._graph.bound import BoundGraph, InputRef, PortRef, Source, Step

Digests: TypeAlias = Mapping[str, str]
Status: TypeAlias = Literal["skipped", "waiting", "cached", "ready", "running", "ran"]


@dataclass(frozen=True)
class Found:
    """What the store knows of a step.

    Attributes:
        key: the step's key.
        digests: the content digest of each port that was computed before.
        present: the ports whose content can be read.
    """

    key: str | None = None
    digests: Digests = field(default_factory=dict)
    present: frozenset[str] = frozenset()


#: Asks the store about a step, given the digests of its inputs by port.
Lookup = Callable[[Step, Mapping[str, tuple[str, ...]]], Found]


#: A step of these may still read what it is wired to.
_TO_COME = ("waiting", "ready", "running")

#: The statuses of a step that need not be looked at again unless something is lost.
_BUSY = ("running", "ready")

#: The statuses of a step that is at its end, unless something is lost.
_ENDED = ("cached", "ran")


@dataclass(slots=True)
class _State:
    status: Status = "skipped"
    asked_for_digests: bool = False
    asked_for_values: set[str] = field(default_factory=set)
    found: Found | None = None
    must_run: bool = False
    runs_for: frozenset[str] = frozenset()
    digests: dict[str, str] = field(default_factory=dict)


class _Turns:
    """Which steps can run now, and what is new of that."""

    def __init__(self) -> None:
        self._ready: dict[str, None] = {}
        self._news: list[str] = []
        self._ended: list[str] = []

    @property
    def ready(self) -> tuple[str, ...]:
        """The steps that must run and whose inputs can all be read, first found first.

        Which of them starts next is for the schedule to say.
        """
        return tuple(self._ready)

    @property
    def has_ready(self) -> bool:
        """Whether there is a step that is `ready`."""
        return bool(self._ready)

    def news(self) -> list[str]:
        """Return the steps that became ready since this was asked last, first found first."""
        news, self._news = self._news, []
        return news

    def remind(self, step: str) -> None:
        """Count a step that is `ready` among the news again."""
        self._news.append(step)

    def ended(self) -> list[str]:
        """Return the steps that came to an end since this was asked last: they read no more."""
        ended, self._ended = self._ended, []
        return ended

    def is_ready(self, step: str) -> bool:
        """Whether a step is one of those that are `ready`."""
        return step in self._ready


class Plan(_Turns):
    """What is needed, what is known and what must run, kept up to date as steps finish.

    Args:
        graph: the checked graph.
        inputs: content digests of the graph's inputs.
        lookup: asks the store.
    """

    def __init__(self, graph: BoundGraph, inputs: Digests, lookup: Lookup) -> None:
        super().__init__()
        self._graph = graph
        self._inputs = inputs
        self._lookup = lookup
        self._states = {name: _State() for name in graph.needed}
        self._unsettled: deque[str] = deque()
        for end in graph.outputs.values():
            if isinstance(end, PortRef):
                self._ask_for_value(end)
        self._settle()

    @property
    def statuses(self) -> dict[str, Status]:
        """The status of every needed step, in topological order."""
        return {name: state.status for name, state in self._states.items()}

    @property
    def cached(self) -> tuple[str, ...]:
        """The steps whose results are taken from the store, in topological order."""
        return tuple(name for name, state in self._states.items() if state.status == "cached")

    def must_run(self, step: str) -> bool:
        """Whether it is certain that the step runs; a waiting step may still be found stored."""
        return self._states[step].must_run

    def key(self, step: str) -> str | None:
        """The key of a step, where it is known."""
        found = self._states[step].found
        return found.key if found else None

    def digest(self, source: Source) -> str | None:
        """The content digest of a source, where it is known."""
        if isinstance(source, InputRef):
            return self._inputs.get(source.name)
        return self._states[source.node].digests.get(source.port)

    def wanted(self, step: str) -> frozenset[str]:
        """The output ports a run of this step has to give: to be read, or not known yet."""
        state = self._states[step]
        wanted = self._graph.wanted_ports[step]
        if state.digests:
            wanted -= state.digests.keys()
        asked = state.asked_for_values
        return wanted | (asked - state.found.present if state.found else asked)

    def present(self, step: str) -> frozenset[str]:
        """The output ports of a step that the store has."""
        found = self._states[step].found
        return found.present if found else frozenset()

    def in_use(self, source: Source) -> bool:
        """Whether a step that is still to come may read a source."""
        readers = self._graph.readers.get(source, ())
        # from the last one on: steps start about in order, so it is seldom far to the first to come
        return any(self._states[reader].status in _TO_COME for reader in reversed(readers))

    def start(self, step: str) -> None:
        """Take a step from `ready`."""
        del self._ready[step]
        state = self._states[step]
        state.status, state.runs_for = "running", self.wanted(step)

    def finished(self, step: str, digests: Digests, *, cached: bool = False) -> None:
        """Note that the ports a step ran for can now be read, and what their content is."""
        state = self._states[step]
        state.status = "cached" if cached else "ran"
        self._ended.append(step)
        if any(state.digests.get(port, digest) != digest for port, digest in digests.items()):
            self._ask_again_after(step)
        state.digests.update(digests)
        if (found := state.found) is not None:
            state.found = Found(found.key, found.digests, found.present | state.runs_for)
        self._unsettled.append(step)  # another of its ports may have been asked for meanwhile
        self._unsettled.extend(self._graph.consumers[step])
        self._settle()

    def lost(self, source: PortRef, reader: str | None) -> None:
        """Note that a port's content could not be read after all; its reader has to wait."""
        state = self._states[source.node]
        assert state.found is not None
        state.found = replace(state.found, present=state.found.present - {source.port})
        if state.status != "running":  # another reader has found so before, and it is at it
            state.status = "waiting"
        state.asked_for_values.add(source.port)
        if reader is not None:
            self._states[reader].status = "waiting"
            self._unsettled.append(reader)
        self._unsettled.append(source.node)
        self._settle()

    def _ask_again_after(self, step: str) -> None:
        """Forget what was found by the content of a step that came out otherwise this time."""
        changed = [step]
        while changed:
            for name in self._graph.consumers[changed.pop()]:
                state = self._states[name]
                if state.found is not None and state.status not in ("running", "ran"):
                    state.found, state.must_run, state.status = None, False, "waiting"
                    state.digests.clear()
                    self._ready.pop(name, None)
                    self._unsettled.append(name)
                    changed.append(name)

    def _settle(self) -> None:
        while self._unsettled:
            self._update(self._unsettled.popleft())

    def _update(self, name: str) -> None:
        """Bring one step's status up to date with what is asked of it and what is known."""
        state = self._states[name]
        asked = state.asked_for_digests or state.asked_for_values
        if not asked or state.status in _BUSY:
            return
        if state.found is None and not self._identify(name, state):
            state.status = "waiting"
            return
        assert state.found is not None
        complete = self._graph.wanted_ports[name] <= state.digests.keys()
        state.must_run = not (complete and state.asked_for_values <= state.found.present)
        if not state.must_run:
            if state.status not in _ENDED:
                state.status = "cached"
                self._ended.append(name)
        elif self._inputs_are_readable(name):
            state.status = "ready"
            self._ready[name] = None
            self._news.append(name)
        else:
            state.status = "waiting"

    def _identify(self, name: str, state: _State) -> bool:
        """Look the step up, once the content of all its inputs is known; say whether it is."""
        unknown = [source for source in self._graph.producers[name] if self.digest(source) is None]
        for source in unknown:
            self._ask_for_digests(source.node)
        if unknown:
            return False
        step = self._graph.steps[name]
        content = {
            port: tuple(str(self.digest(source)) for source in sources)
            for port, sources in step.inputs.items()
        }
        state.found = self._lookup(step, content)
        state.digests.update(state.found.digests)
        self._unsettled.extend(self._graph.consumers[name])
        return True

    def _inputs_are_readable(self, name: str) -> bool:
        missing = [source for source in self._graph.producers[name] if not self._readable(source)]
        for source in missing:
            self._ask_for_value(source)
        return not missing

    def _readable(self, source: PortRef) -> bool:
        state = self._states[source.node]
        if state.status == "running":
            return False
        return state.found is not None and source.port in state.found.present

    def _ask_for_digests(self, name: str) -> None:
        state = self._states[name]
        if not state.asked_for_digests:
            state.asked_for_digests = True
            self._unsettled.append(name)

    def _ask_for_value(self, source: PortRef) -> None:
        state = self._states[source.node]
        if source.port not in state.asked_for_values:
            state.asked_for_values.add(source.port)
            self._unsettled.append(source.node)


class EveryStep(_Turns):
    """A plan where there is no store: every needed step runs once, after what it reads.

    Args:
        graph: the checked graph.
    """

    #: Nothing is taken from a store.
    cached: tuple[str, ...] = ()

    def __init__(self, graph: BoundGraph) -> None:
        super().__init__()
        self._graph = graph
        self._missing = dict(graph.awaited)
        self._to_read = dict(graph.read_counts)
        self._statuses: dict[str, Status] = dict.fromkeys(graph.needed, "waiting")
        for name, count in self._missing.items():
            if not count:
                self._found_ready(name)

    @property
    def statuses(self) -> dict[str, Status]:
        """The status of every needed step, in topological order."""
        return dict(self._statuses)

    def must_run(self, step: str) -> bool:
        """Whether it is certain that the step runs: it is."""
        return step in self._statuses

    def key(self, step: str) -> None:
        """Nobody needs a key."""

    def digest(self, source: Source) -> None:
        """Nobody needs the digest of a source."""

    def wanted(self, step: str) -> frozenset[str]:
        """The output ports a run of this step has to give."""
        return self._graph.wanted_ports[step]

    def present(self, step: str) -> frozenset[str]:
        """The output ports of a step that the store has: none."""
        return frozenset()

    def in_use(self, source: Source) -> bool:
        """Whether a step that is still to come reads a source."""
        return self._to_read.get(source, 0) > 0

    def start(self, step: str) -> None:
        """Take a step from `ready`."""
        del self._ready[step]
        self._statuses[step] = "running"

    def finished(self, step: str, digests: Digests, *, cached: bool = False) -> None:
        """Note that the outputs of a step can now be read."""
        self._statuses[step] = "ran"
        self._ended.append(step)
        for source in self._graph.steps[step].sources:
            self._to_read[source] -= 1
        for name in self._graph.consumers[step]:
            self._missing[name] -= 1
            if not self._missing[name]:
                self._found_ready(name)

    def _found_ready(self, name: str) -> None:
        self._statuses[name] = "ready"
        self._ready[name] = None
        self._news.append(name)


#: What a run goes by.
AnyPlan: TypeAlias = "Plan | EveryStep"
