"""What stands in the graphs that a graph defines, and is used by nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .document import Definition, NodeSpec
from .param_check import references
from .positions import join


def idle(source: Definition) -> Iterator[tuple[str, str, str]]:
    """Yield what nothing uses: definitions, and inputs, params and nodes of those that are used.

    Yields:
        What it is (``graph``, ``input``, ``param`` or ``node``), its name, and its pointer.
    """
    if not source.graphs:
        return
    reached: set[int] = set()
    _reach(source, (), reached)
    yield from _idle_below(source, "", reached)


def _reach(body: Definition, around: tuple[Definition, ...], reached: set[int]) -> None:
    """Note a definition and those that it uses: its own, or of what it stands in."""
    if id(body) in reached:
        return
    reached.add(id(body))
    places = (*around, body)
    for spec in body.nodes.values():
        for depth in range(len(places), 0, -1):
            if (found := places[depth - 1].graphs.get(spec.graph or "")) is not None:
                _reach(found, places[:depth], reached)
                break


def _idle_below(
    body: Definition, pointer: str, reached: set[int]
) -> Iterator[tuple[str, str, str]]:
    for name, inner in body.graphs.items():
        place = join(f"{pointer}/graphs", name)
        if id(inner) in reached:
            yield from _idle_inside(inner, place)
            yield from _idle_below(inner, place, reached)
        else:
            yield "graph", name, place


def _idle_inside(body: Definition, pointer: str) -> Iterator[tuple[str, str, str]]:
    """Yield what of a definition no output of it needs."""
    needed: set[str] = set()
    waiting = list(body.outputs.values())
    while waiting:
        wire = waiting.pop()
        name = wire if wire.startswith("$") else wire.partition(".")[0]
        if name not in needed:
            needed.add(name)
            waiting += _wires(body.nodes[name]) if name in body.nodes else ()
    params = {
        param
        for name, spec in body.nodes.items()
        if name in needed
        for param in references(spec.params)
    }
    for name in body.nodes:
        if name not in needed:
            yield "node", name, join(f"{pointer}/nodes", name)
    for name in body.inputs:
        if f"${name}" not in needed:
            yield "input", name, join(f"{pointer}/inputs", name)
    for name in body.params:
        if name not in params:
            yield "param", name, join(f"{pointer}/params", name)


def _wires(spec: NodeSpec) -> Iterable[str]:
    """Yield the wires that go into a node."""
    given = [*spec.inputs.values(), *(spec.for_each or {}).values()]
    for one in given:
        yield from [one] if isinstance(one, str) else one.values() if isinstance(one, dict) else one
