from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from resonate_graph._graph.bound import BoundGraph, PortRef, Source, Step
from resonate_graph._run.plan import EveryStep, Found, Plan
from tests import toy_nodes

PORTS = ("left", "right")
INPUTS = {"x": "content of x"}


def bound(wires: Mapping[str, list[str]], outputs: list[str]) -> BoundGraph:
    """A checked graph of steps with two outputs each, from what is wired into each step."""
    document = {
        "format": 1,
        "name": "g",
        "inputs": {"x": {"type": "audio"}},
        "nodes": {
            name: {"type": "knot", "inputs": {"tracks": sources}} for name, sources in wires.items()
        },
        "outputs": {f"out{index}": wire for index, wire in enumerate(outputs)},
    }
    return rg.Graph.from_json(json.dumps(document), nodes=[toy_nodes.MODULE]).check()


@dataclass(repr=False)
class World:
    """What each step would give: its version enters its key, its behaviour what comes out."""

    graph: BoundGraph
    versions: Mapping[str, int]
    behaviours: Mapping[str, int]

    def __repr__(self) -> str:
        steps = {step.id: list(map(str, step.sources)) for step in self.graph.steps.values()}
        outputs = list(map(str, self.graph.outputs.values()))
        return f"World({steps}, {outputs}, {self.versions}, {self.behaviours})"

    def key(self, step: str, inputs: tuple[str, ...]) -> str:
        return short("key", step, self.versions[step], inputs)

    def content(self, step: str, inputs: tuple[str, ...]) -> dict[str, str]:
        return {port: short(step, port, self.behaviours[step], inputs) for port in PORTS}

    def truth(self) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """The key and the content of every step, by computing everything."""
        keys: dict[str, str] = {}
        contents: dict[str, dict[str, str]] = {}
        for name, step in self.graph.steps.items():
            inputs = tuple(
                contents[source.node][source.port]
                if isinstance(source, PortRef)
                else INPUTS[source.name]
                for source in step.sources
            )
            keys[name] = self.key(name, inputs)
            contents[name] = self.content(name, inputs)
        return keys, contents


def short(*parts: Any) -> str:
    return f"{parts[0]}-{parts[1]}-{blake3(repr(parts).encode()).hexdigest(6)}"


@dataclass
class SimulatedStore:
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)

    def found(self, key: str) -> Found:
        record = self.records.get(key, {})
        present = frozenset(port for port, digest in record.items() if digest in self.objects)
        return Found(key, dict(record), present)


@dataclass
class Run:
    """Executes a plan with a simulated store, in any order the plan allows."""

    world: World
    store: SimulatedStore
    random: random.Random
    computed: list[tuple[str, str]] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    losses: int = 0

    def execute(self) -> Plan:
        plan = Plan(self.world.graph, INPUTS, self._look_up)
        while plan.ready or self._lost_output(plan):
            name = self.random.choice(plan.ready)
            plan.start(name)
            lost = [source for source in self._producers(name) if not self._readable(plan, source)]
            if lost:
                self.losses += 1
                plan.lost(lost[0], name)
            else:
                self._run(plan, name)
            assert sum(self.runs.values()) < 1000
        return plan

    def _look_up(self, step: Step, inputs: Mapping[str, tuple[str, ...]]) -> Found:
        return self.store.found(self.world.key(step.id, inputs["tracks"]))

    def _run(self, plan: Plan, name: str) -> None:
        inputs = tuple(str(plan.digest(source)) for source in self.world.graph.steps[name].sources)
        content = self.world.content(name, inputs)
        given = {port: content[port] for port in plan.wanted(name)}
        self.store.records.setdefault(self.world.key(name, inputs), {}).update(given)
        self.store.objects.update(given.values())
        self.computed += [(name, port) for port in given]
        self.runs[name] += 1
        plan.finished(name, given)

    def _producers(self, name: str) -> list[PortRef]:
        sources = self.world.graph.steps[name].sources
        return [source for source in sources if isinstance(source, PortRef)]

    def _readable(self, plan: Plan, source: Source) -> bool:
        return plan.digest(source) in self.store.objects

    def _lost_output(self, plan: Plan) -> bool:
        """Tell the plan of an output that cannot be read once all is done."""
        for end in self.world.graph.outputs.values():
            if isinstance(end, PortRef) and not self._readable(plan, end):
                self.losses += 1
                plan.lost(end, None)
                return True
        return False


def expected_runs(world: World, store: SimulatedStore) -> set[str]:
    """The steps that have to run, by the definition: walk back from the outputs.

    A step runs if the store does not know the content of a port that somebody uses, or cannot
    give a port that has to be read; what a step that runs is wired to has to be read.
    """
    graph = world.graph
    keys, _ = world.truth()
    to_read: dict[str, set[str]] = {name: set() for name in graph.needed}
    runs = set()
    for end in graph.outputs.values():
        if isinstance(end, PortRef):
            to_read[end.node].add(end.port)
    for name in reversed(graph.needed):
        found = store.found(keys[name])
        if not (
            graph.wanted_ports[name] <= found.digests.keys() and to_read[name] <= found.present
        ):
            runs.add(name)
            for source in graph.steps[name].sources:
                if isinstance(source, PortRef):
                    to_read[source.node].add(source.port)
    return runs


@st.composite
def situations(draw: st.DrawFn) -> tuple[World, SimulatedStore]:
    """A graph, and a store with parts of what an earlier state of the graph gave."""
    count = draw(st.integers(1, 9))
    names = [f"n{index}" for index in range(count)]
    wires: dict[str, list[str]] = {}
    for index, name in enumerate(names):
        sources = ["$x", *(f"{one}.{port}" for one in names[:index] for port in PORTS)]
        wires[name] = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3))
    ends = [f"{name}.{port}" for name in names for port in PORTS]
    graph = bound(wires, draw(st.lists(st.sampled_from(ends), min_size=1, max_size=3, unique=True)))

    old = World(graph, dict.fromkeys(names, 1), dict.fromkeys(names, 1))
    store = SimulatedStore()
    keys, contents = old.truth()
    for name in names:
        kept = draw(st.sets(st.sampled_from(PORTS)) | st.just(set(PORTS)))
        store.records[keys[name]] = {port: contents[name][port] for port in sorted(kept)}
    every = sorted(digest for record in store.records.values() for digest in record.values())
    store.objects = set(every) - draw(st.sets(st.sampled_from(every)) if every else st.just(set()))

    edited = draw(st.sets(st.sampled_from(names)))
    changed = draw(st.sets(st.sampled_from(sorted(edited))) if edited else st.just(set()))
    new = World(
        graph,
        {name: 1 + (name in edited) for name in names},
        {name: 1 + (name in changed) for name in names},
    )
    return new, store


# -- against the definition --------------------------------------------------------------------


@given(situations(), st.randoms(use_true_random=False))
def test_a_run_does_what_the_definition_says(
    situation: tuple[World, SimulatedStore], order: random.Random
) -> None:
    world, store = situation
    expected = expected_runs(world, store)
    run = Run(world, store, order)
    plan = run.execute()

    statuses = plan.statuses
    assert set(run.runs) == expected
    assert {name for name, status in statuses.items() if status == "ran"} == expected
    assert set(statuses.values()) <= {"ran", "cached"}
    assert [port for port, times in Counter(run.computed).items() if times > 1] == []
    assert run.losses == 0
    assert_outputs_are_right(plan, run)


def assert_outputs_are_right(plan: Plan, run: Run) -> None:
    _, contents = run.world.truth()
    for end in run.world.graph.outputs.values():
        assert isinstance(end, PortRef)
        assert plan.digest(end) == contents[end.node][end.port]
        assert plan.digest(end) in run.store.objects


@given(situations(), st.randoms(use_true_random=False))
def test_a_second_run_computes_nothing(
    situation: tuple[World, SimulatedStore], order: random.Random
) -> None:
    world, store = situation
    Run(world, store, order).execute()
    again = Run(world, store, order)
    plan = again.execute()
    assert again.computed == []
    assert set(plan.statuses.values()) == {"cached"}
    assert not any(plan.must_run(name) for name in world.graph.needed)


@given(situations(), st.randoms(use_true_random=False))
def test_without_a_store_every_needed_step_runs_once(
    situation: tuple[World, SimulatedStore], order: random.Random
) -> None:
    graph = situation[0].graph
    plan = EveryStep(graph)
    ran: list[str] = []
    while plan.ready:
        name = order.choice(plan.ready)
        plan.start(name)
        producers = {source.node for source in graph.steps[name].sources
                     if isinstance(source, PortRef)}  # fmt: skip
        assert producers <= set(ran)
        assert plan.wanted(name) == graph.wanted_ports[name]
        plan.finished(name, {})
        ran.append(name)
    assert sorted(ran) == sorted(graph.needed)


@given(situations(), st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_objects_that_vanish_meanwhile_are_made_again(
    situation: tuple[World, SimulatedStore], order: random.Random, seed: int
) -> None:
    world, store = situation
    thief = random.Random(seed)

    class Robbed(Run):
        def _run(self, plan: Plan, name: str) -> None:
            super()._run(plan, name)
            if self.store.objects and sum(self.runs.values()) < 20:
                self.store.objects.discard(thief.choice(sorted(self.store.objects)))

    run = Robbed(world, store, order)
    assert_outputs_are_right(run.execute(), run)


# -- single cases, to be read ------------------------------------------------------------------

CHAIN = {"a": ["$x"], "b": ["a.left"], "c": ["b.left"]}


def chain(edited: str = "", changed: str = "") -> World:
    return World(
        bound(CHAIN, ["c.left"]),
        {name: 1 + (name in edited) for name in CHAIN},
        {name: 1 + (name in changed) for name in CHAIN},
    )


def filled() -> SimulatedStore:
    """What a run of the unchanged chain leaves."""
    store = SimulatedStore()
    Run(chain(), store, random.Random(0)).execute()
    return store


def executed(world: World, store: SimulatedStore) -> tuple[list[str], Plan]:
    run = Run(world, store, random.Random(0))
    plan = run.execute()
    return list(run.runs), plan


def test_a_result_is_enough_though_everything_before_it_is_gone() -> None:
    store = filled()
    _, contents = chain().truth()
    store.objects = {contents["c"]["left"]}
    ran, plan = executed(chain(), store)
    assert (ran, set(plan.statuses.values())) == ([], {"cached"})


def test_a_changed_step_runs_alone_where_its_result_is_the_same() -> None:
    ran, plan = executed(chain(edited="b"), filled())
    assert ran == ["b"]
    assert plan.statuses == {"a": "cached", "b": "ran", "c": "cached"}


def test_a_changed_result_makes_what_follows_run() -> None:
    ran, _ = executed(chain(edited="b", changed="b"), filled())
    assert ran == ["b", "c"]


def test_whether_a_step_runs_is_open_until_its_inputs_are_known() -> None:
    plan = Plan(
        chain(edited="b").graph, INPUTS, Run(chain(edited="b"), filled(), random.Random(0))._look_up
    )
    assert plan.ready == ("b",)
    assert plan.statuses == {"a": "cached", "b": "ready", "c": "waiting"}
    assert [plan.must_run(name) for name in "abc"] == [False, True, False]
    assert (plan.key("b") is None, plan.key("c") is None) == (False, True)


def test_what_is_lost_is_made_again_with_what_it_needs() -> None:
    store = filled()
    _, contents = chain().truth()
    store.objects -= {contents["c"]["left"], contents["a"]["left"]}
    ran, _ = executed(chain(), store)
    assert ran == ["c"]  # b is there to be read
    store.objects -= {contents["c"]["left"], contents["b"]["left"]}
    ran, _ = executed(chain(), store)
    assert ran == ["a", "b", "c"]


def test_only_the_ports_that_somebody_reads_are_wanted() -> None:
    world = World(
        bound({"a": ["$x"], "b": ["a.right"]}, ["b.left"]), {"a": 1, "b": 1}, {"a": 1, "b": 1}
    )
    run = Run(world, SimulatedStore(), random.Random(0))
    run.execute()
    assert run.computed == [("a", "right"), ("b", "left")]


def test_a_port_that_was_not_computed_before_is_added() -> None:
    store = SimulatedStore()
    one = {"a": 1}
    Run(World(bound({"a": ["$x"]}, ["a.left"]), one, one), store, random.Random(0)).execute()
    run = Run(World(bound({"a": ["$x"]}, ["a.left", "a.right"]), one, one), store, random.Random(0))
    run.execute()
    assert run.computed == [("a", "right")]


def test_a_source_is_in_use_until_its_last_reader_ran() -> None:
    graph = bound({"a": ["$x"], "b": ["a.left"], "c": ["a.left", "b.left"]}, ["c.left"])
    plan = EveryStep(graph)
    used = []
    while plan.ready:
        name = plan.ready[0]
        plan.start(name)
        plan.finished(name, {})
        used.append(plan.in_use(PortRef("a", "left")))
    assert used == [True, True, False]
    assert not plan.in_use(PortRef("a", "right"))


def test_a_graph_whose_outputs_are_its_inputs_has_nothing_to_do() -> None:
    plan = Plan(bound({"a": ["$x"]}, ["$x"]), INPUTS, lambda step, inputs: Found())
    assert (plan.ready, plan.statuses) == ((), {})


@pytest.mark.parametrize("known", [True, False])
def test_a_very_long_chain_is_planned_without_recursion(known: bool) -> None:
    length = 2000
    wires = {f"n{index}": [f"n{index - 1}.left" if index else "$x"] for index in range(length)}
    graph = bound(dict(reversed(wires.items())), [f"n{length - 1}.left"])
    world = World(graph, dict.fromkeys(wires, 1), dict.fromkeys(wires, 1))
    store = SimulatedStore()
    if known:
        keys, contents = world.truth()
        store.records = {keys[name]: contents[name] for name in wires}
        store.objects = {contents["n0"]["left"]}  # all that can be read
    plan = Plan(graph, INPUTS, Run(world, store, random.Random(0))._look_up)
    order = []
    while plan.ready:
        (name,) = plan.ready
        plan.start(name)
        content = world.content(name, (str(plan.digest(graph.steps[name].sources[0])),))
        plan.finished(name, {"left": content["left"]})
        order.append(name)
    assert order == list(wires)[1 if known else 0 :]
