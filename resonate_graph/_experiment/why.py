"""Why a step would run: the difference to the nearest thing that was computed before.

Records keep what their key was made of. A key that is not in the store is compared with the
records of the same node type; the one with the fewest differences tells what changed. Where an
input is what changed, the reason is followed upstream.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._graph.bound import BoundGraph, InputRef, PortRef, Source
from .._node.values import brief
from .._run.forecast import status
from .._run.plan import AnyPlan
from .._store.folder import Store
from .._store.records import Key, Record

_MAX_CHAIN = 20


@dataclass(frozen=True)
class Reason:
    """Why one node would run, or that it would not.

    Attributes:
        id: the node's name in the graph.
        type: its type.
        status: ``run``, ``open``, ``cached`` or ``skipped``, as `Graph.plan` says.
        reasons: what changed since the nearest earlier result; empty where nothing runs.
    """

    id: str
    type: str
    status: str
    reasons: tuple[str, ...] = ()


def reasons(
    graph: BoundGraph, plan: AnyPlan, keys: Mapping[str, Key], store: Store
) -> list[Reason]:
    """Return for every node of a graph why it would run.

    Args:
        graph: the checked graph.
        plan: what would be done.
        keys: the key of each step whose inputs are known.
        store: what was computed before.
    """
    explainer = Explainer(graph, plan, keys, store)
    found = []
    for name, step in graph.steps.items():
        said = status(plan, name)
        why = explainer.reasons(name) if said in ("run", "open") else ()
        found.append(Reason(name, step.type.id, said, why))
    return found


class Explainer:
    """Explains a plan.

    Args:
        graph: the checked graph.
        plan: what would be done.
        keys: the key of each step whose inputs are known.
        store: what was computed before.
    """

    def __init__(
        self, graph: BoundGraph, plan: AnyPlan, keys: Mapping[str, Key], store: Store
    ) -> None:
        self._graph = graph
        self._plan = plan
        self._keys = keys
        self._store = store
        self._records = list(store.records())
        self._evictions = store.retention.evictions()
        self._quarantined = store.quarantined()
        self._explained: set[str] = set()

    def reasons(self, name: str) -> tuple[str, ...]:
        """Return why a step would run."""
        self._explained.clear()
        key = self._keys.get(name)
        if key is None:
            return tuple(self._unknown_inputs(name))
        record = next((one for one in self._records if one.key == key.hex), None)
        if record is not None:
            return tuple(self._lost_content(name, record))
        if key.hex in self._quarantined:
            return ("quarantined: what was stored did not match its digest",)
        nearest = self._nearest(name, key)
        if nearest is None:
            return ("never computed",)
        return tuple(self._differences(name, nearest.preimage, key.preimage)) or ("never computed",)

    def _unknown_inputs(self, name: str) -> Iterator[str]:
        """Name the inputs whose content is not known before something upstream runs, and why."""
        for port, sources in self._graph.steps[name].inputs.items():
            roots: dict[str, None] = {}
            for source in sources:
                if isinstance(source, PortRef) and self._plan.digest(source) is None:
                    roots.update(dict.fromkeys(self._roots(source.node)))
            for root in roots:
                why = "; ".join(self.reasons(root))
                yield f"input {port} may change because {root} has to run: {why}"

    def _roots(self, name: str) -> list[str]:
        """Return the steps upstream, or the step itself, that run for reasons of their own."""
        unknown = {name} | self._graph.dag.ancestors(name)
        return [one for one in self._graph.steps if one in unknown and self._runs_by_itself(one)]

    def _runs_by_itself(self, name: str) -> bool:
        return name in self._keys and self._plan.must_run(name)

    def _lost_content(self, name: str, record: Record) -> Iterator[str]:
        """Say why a step runs although its result is known."""
        missing = self._plan.wanted(name)
        for port in sorted(missing - record.ports.keys()):
            yield f"output {port} was never asked for"
        for port in sorted(missing & record.ports.keys()):
            digest = record.ports[port].digest
            damaged, dropped = self._quarantined.get(digest), self._evictions.get(digest)
            if damaged is not None and damaged > (dropped or 0.0):
                yield f"quarantined: output {port} did not match its digest"
            elif dropped is not None:
                day = time.strftime("%Y-%m-%d", time.localtime(dropped))
                yield f"evicted on {day}: output {port}"
            else:
                yield f"output {port} is gone from the store"

    def _nearest(self, name: str, key: Key) -> Record | None:
        """Return what is most like a step: of what it made itself before, else of its type."""
        alike = [one for one in self._records if one.preimage.get("type") == key.preimage["type"]]
        here = (self._graph.name, name)
        own = [one for one in alike if one.origin and (one.origin.graph, one.origin.node) == here]
        return min(
            own or alike,
            key=lambda one: (_distance(one.preimage, key.preimage), -one.created),
            default=None,
        )

    def _differences(
        self, name: str, old: Mapping[str, Any], new: Mapping[str, Any], depth: int = 0
    ) -> Iterator[str]:
        for label in ("version", "source", "package", "numerics", "device"):
            if old.get(label) != new.get(label):
                yield _changed_label(label, old.get(label), new.get(label))
        yield from _changed_items("", old["params"], new["params"])
        yield from _changed_items("library ", old["libraries"], new["libraries"])
        for label in old["identity"].keys() | new["identity"].keys():
            if old["identity"].get(label) != new["identity"].get(label):
                model = new["params"].get("model")
                yield f"{label} of {model} changed" if model else f"{label} changed"
        yield from self._changed_inputs(name, old["inputs"], new["inputs"], depth)

    def _changed_inputs(
        self, name: str, old: Mapping[str, Any], new: Mapping[str, Any], depth: int
    ) -> Iterator[str]:
        for port, sources in self._graph.steps[name].inputs.items():
            before, now = old.get(port, []), new.get(port, [])
            if before == now:
                continue
            if sorted(before) == sorted(now):
                yield f"the order of input {port} changed"
                continue
            if len(before) != len(now):
                yield f"input {port} takes {len(now)} wires, not {len(before)}"
                continue
            for source, digest in zip(sources, before, strict=True):
                if self._plan.digest(source) != digest:
                    yield f"input {port} changed because {self._cause(source, digest, depth)}"

    def _cause(self, source: Source, earlier_digest: str, depth: int) -> str:
        """Say why a wire carries other content than it did."""
        if isinstance(source, InputRef):
            sound = self._graph.inputs[source.name].type == "audio"
            return f"another {'recording' if sound else 'value'} is bound to {source.name!r}"
        key = self._keys.get(source.node)
        made_it = self._maker(source, earlier_digest)
        if key is None or made_it is None or depth >= _MAX_CHAIN:
            return f"{source} is another one"
        if source.node in self._explained:  # there may be very many ways to the same cause
            return f"{source} changed"
        self._explained.add(source.node)
        if made_it.preimage.get("type") != key.preimage["type"]:
            before = made_it.preimage.get("type")
            earlier = f"a {before}" if before else "the recording itself"
            return f"it comes from {source}, not from {earlier}"
        causes = list(self._differences(source.node, made_it.preimage, key.preimage, depth + 1))
        return f"{source} changed because {', '.join(causes)}" if causes else f"{source} changed"

    def _maker(self, source: PortRef, digest: str) -> Record | None:
        """Return the record of a content: of this very node, if it made it, else of any."""
        here = (self._graph.name, source.node)
        makers = [
            one
            for one in self._records
            if source.port in one.ports and one.ports[source.port].digest == digest
        ]
        own = (one for one in makers if one.origin and (one.origin.graph, one.origin.node) == here)
        return next(own, next(iter(makers), None))


def _distance(old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    """Count what differs between two preimages: each param, input, library and label."""
    one, other = dict(_atoms(old)), dict(_atoms(new))
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def _atoms(preimage: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in preimage.items():
        if isinstance(value, Mapping):
            yield from _atoms(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", repr(value)


def _changed_label(label: str, old: object, new: object) -> str:
    if label == "source":
        return "the node's source changed"
    name = "node version" if label == "version" else label
    return f"{name} {old} -> {new}"


def _changed_items(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{prefix}{name} {brief(old.get(name))} -> {brief(new.get(name))}"
