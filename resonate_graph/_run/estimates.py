"""Estimates: what a step will take, from what such steps took before, else from what is declared.

How long: seconds per second of the longest input, the median of the latest records of the node's
type on the same kind of device; of those with the same params, where there are any, because one
model may take four times as long as another. How much memory: by what its author declares.
Estimates decide when a step runs and on what beside what; a wrong one costs time, never a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, TypeAlias

from .._graph.bound import BoundGraph, PortRef, Source, Step, params_text
from .._machine.cost import Cost
from .._sound.audio import Audio
from .._store.folder import Store
from .._store.records import Record, Size

#: How many records are looked at, the latest ones, and how many of a kind count.
_RECORDS, _OF_A_KIND = 200, 5

#: What a step is like: its type, its params as text (none for all), and the kind of device.
Likeness: TypeAlias = tuple[str, str, str]
Likenesses: TypeAlias = tuple[Likeness, ...]


class Estimate(NamedTuple):
    """What a step is expected to take.

    Attributes:
        seconds: how long it computes.
        bytes: the memory it needs beside its inputs.
    """

    seconds: float
    bytes: int


class Experience:
    """What steps took before, in this run and as far as a store knows.

    Args:
        store: the store, which is asked once somebody wants to know; None for nothing but this run.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._noted: list[tuple[Callable[[], Likenesses], float, float]] = []
        self._learned: dict[Likeness, float] = {}

    def note(self, like: Callable[[], Likenesses], length_seconds: float, seconds: float) -> None:
        """Note how long a step took.

        Args:
            like: says what it is like, as `likenesses` does; asked when somebody wants to know.
            length_seconds: how long its longest input sounds.
            seconds: how long it computed.
        """
        self._noted.append((like, length_seconds, seconds))

    @property
    def _own(self) -> Mapping[Likeness, float]:
        """What steps of these runs took; made of what was noted when somebody wants to know."""
        for like, length_seconds, seconds in self._noted:
            rate = seconds / length_seconds if length_seconds else seconds
            self._learned.update(dict.fromkeys(like(), rate))
        self._noted.clear()
        return self._learned

    def took(self, like: Likenesses, length_seconds: float) -> float:
        """Return how long such a step takes, by those of this run; inf before there were any."""
        own = self._own
        rate = next((own[one] for one in like if one in own), math.inf)
        return rate * length_seconds if length_seconds else rate

    def estimate(self, cost: Cost, like: Likenesses, inputs: Sequence[Size]) -> Estimate:
        """Return what a step will take.

        Args:
            cost: what its author declares.
            like: what it is like, as `likenesses` says.
            inputs: the sizes of its inputs.
        """
        length = max((size.seconds for size in inputs), default=0.0)
        known = (rates[one] for one in like for rates in (self._own, self._rates) if one in rates)
        rate = next(known, None)
        if rate is None:
            seconds = cost.seconds + cost.seconds_per_second * length
        else:
            seconds = rate * length if length else rate
        return Estimate(seconds, memory(cost, inputs))

    @cached_property
    def _rates(self) -> Mapping[Likeness, float]:
        return learned(self._store.latest_records(_RECORDS)) if self._store else {}


def likenesses(type_id: str, params: str, device: str) -> Likenesses:
    """Return what a step is like, the most telling first.

    Args:
        type_id: its type.
        params: its params, as text that is the same where they are.
        device: where it runs.
    """
    kind = device.partition(":")[0]
    return (type_id, params, kind), (type_id, "", kind)


def memory(cost: Cost, inputs: Iterable[Size]) -> int:
    """Return the memory in bytes that a step needs beside its inputs."""
    return int(cost.bytes + cost.bytes_per_input_byte * sum([size.bytes for size in inputs]))


def learned(records: Sequence[Record]) -> dict[Likeness, float]:
    """Return seconds per second of input by what steps are like.

    Where nothing in a record sounds, or nobody knows for how long, it is plain seconds.

    Args:
        records: the records, the latest first.
    """
    lengths = {
        entry.digest: entry.size.seconds for record in records for entry in record.ports.values()
    }
    rates: dict[Likeness, list[float]] = {}
    for record in records:
        type_id, params = record.preimage.get("type"), record.preimage.get("params", {})
        if type_id is None or record.device is None:  # a decoded file
            continue
        inputs = record.preimage.get("inputs", {})
        known = [lengths.get(digest, 0.0) for digests in inputs.values() for digest in digests]
        known += [] if any(known) else [lengths[one.digest] for one in record.ports.values()]
        length = max(known, default=0.0)
        for one in likenesses(type_id, params_text(params), record.device):
            found = rates.setdefault(one, [])
            if len(found) < _OF_A_KIND:
                found.append(record.seconds / length if length else record.seconds)
    from statistics import median  # which takes longer to import than most runs have to learn

    return {key: median(found) for key, found in rates.items()}


def expected_sizes(graph: BoundGraph, known: Callable[[Source], Size | None]) -> dict[Source, Size]:
    """Return the size of everything that is needed; what is not known is as its longest input.

    Args:
        graph: the checked graph.
        known: gives the size of what is there already.
    """
    sizes: dict[Source, Size] = {}

    def size(source: Source) -> Size:
        if source not in sizes:
            sizes[source] = known(source) or Size()
        return sizes[source]

    for name in graph.needed:
        step = graph.steps[name]
        inputs = [size(source) for source in step.sources]
        longest = max(inputs, key=lambda one: one.bytes, default=Size())
        for port in graph.wanted_ports[name]:
            source = PortRef(name, port)
            sizes[source] = known(source) or (longest if _sounds(step, port) else Size())
    return sizes


def _sounds(step: Step, port: str) -> bool:
    found = step.type.output(port)
    return found is not None and found.type.python is Audio
