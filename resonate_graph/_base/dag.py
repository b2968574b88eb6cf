"""What depends on what: names in order, and what stands before them.

These few lines stand here because to import networkx takes a quarter of a second, which every
command would wait for. What goes wrong (circles) is left to it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Dag(Generic[Name]):
    """A directed graph of names.

    Args:
        names: the names, in the order in which iterating gives them.
        edges: pairs of what stands before and what comes after; their names need not be in `names`.
    """

    def __init__(self, names: Iterable[Name] = (), edges: Iterable[tuple[Name, Name]] = ()) -> None:
        self.successors: dict[Name, dict[Name, None]] = {name: {} for name in names}
        self.predecessors: dict[Name, dict[Name, None]] = {name: {} for name in self.successors}
        for before, after in edges:
            for ways in (self.successors, self.predecessors):
                ways.setdefault(before, {})
                ways.setdefault(after, {})
            self.successors[before][after] = None
            self.predecessors[after][before] = None

    def __iter__(self) -> Iterator[Name]:
        return iter(self.successors)

    def __len__(self) -> int:
        return len(self.successors)

    @property
    def edges(self) -> Iterator[tuple[Name, Name]]:
        """Each pair of what stands before and what comes after."""
        return ((before, after) for before, ways in self.successors.items() for after in ways)

    def in_order(self) -> list[Name]:
        """Return the names so that each comes after all that stand before it (A. B. Kahn, 1962).

        Of several that could be next, the one that iterating gives first is. What is in a circle,
        or behind one, is left out.
        """
        names = [*self]
        places = {name: place for place, name in enumerate(names)}
        missing = {name: len(before) for name, before in self.predecessors.items()}
        ready = [places[name] for name in names if not missing[name]]  # as it is: a heap
        order = []
        while ready:
            name = names[heappop(ready)]
            order.append(name)
            for after in self.successors[name]:
                missing[after] -= 1
                if not missing[after]:
                    heappush(ready, places[after])
        return order

    def ancestors(self, *names: Name) -> set[Name]:
        """Return what stands before any of some names, by whatever way."""
        found: set[Name] = set()
        behind = [*names]
        while behind:
            new = self.predecessors[behind.pop()].keys() - found
            found |= new
            behind += new
        return found
