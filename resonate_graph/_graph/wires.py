"""Following wires through the graphs that are used, to the plain nodes that they come from."""

from __future__ import annotations

from collections.abc import Callable

from .._base.near_names import instead
from .places import Place
from .scopes import Scope, Use

#: A wire that leads nowhere; why was said where it was followed.
NOWHERE = ""

#: Where a wire comes from: a plain node's port, or an input of the graph itself, and where that is
#: written; a wire that goes through used graphs is written in several places, of which this is the
#: one that names what it comes from.
End = tuple[str, Place]

#: Through how many used graphs a wire may lead that do nothing with what it brings.
MAX_PASSES = 100


class Wires:
    """Follows wires; what is wrong with one is told once.

    Args:
        add: told of each problem: its place, its code, and what is wrong.
    """

    def __init__(self, add: Callable[[Place, str, str], None]) -> None:
        self._add = add
        self._passes = 0

    def one(self, scope: Scope, wire: str, place: Place) -> End:
        """Return the one end of a wire."""
        ends = self.follow(scope, wire, place)
        if ".*" in wire:
            self._add(place, "not-a-list", f"{wire} is many wires, and one is taken here")
            return NOWHERE, place
        return ends[0]

    def follow(self, scope: Scope, wire: str, place: Place) -> list[End]:
        """Return the plain nodes' ports, or inputs of the graph itself, that a wire comes from."""
        if wire.startswith("$"):
            return [self.input(scope, wire[1:], place)]
        node, *ways = wire.split(".")
        use = scope.uses.get(node)
        if use is None:
            if len(ways) > 1 or ways == ["*"]:
                message = f"{node!r} is no graph that is used for_each: say node or node.port"
                self._add(place, "unknown-port", message)
                return [(NOWHERE, place)]
            return [(scope.prefix + wire, place)]  # whether that is there is for the check to say
        if use.spec.for_each is None:
            copies = list(use.copies.values())
        else:
            key, *ways = ways or [""]
            copies = self._copies(use, node, key, place)
        output = self._output(use, node, ways, place) if copies else None
        return [self.end(copy, output) for copy in copies] if output else [(NOWHERE, place)]

    def _copies(self, use: Use, node: str, key: str, place: Place) -> list[Scope]:
        """Return what is meant of a graph that is used for each of some names."""
        if key == "*" or not use.copies:
            return list(use.copies.values())
        if not key:
            known = ", ".join(f"{node}.{one}" for one in use.copies)
            message = f"{node!r} is several: say {known}, or {node}.* for all"
            self._add(place, "ambiguous-port", message)
        elif key not in use.copies:
            message = f"{node!r} is not used for {key!r}{instead(key, use.copies)}"
            self._add(place, "unknown-port", message)
        return [use.copies[key]] if key in use.copies else []

    def _output(self, use: Use, node: str, ways: list[str], place: Place) -> str | None:
        """Return the output that is meant of a used graph."""
        if not ways and len(use.outputs) == 1:
            return next(iter(use.outputs.values()))
        if not ways:
            each = "" if use.spec.for_each is None else ".NAME"
            choices = ", ".join(f"{node}{each}.{port}" for port in use.outputs)
            message = f"{node!r} has several outputs: say {choices}"
            self._add(
                place, "ambiguous-port", message if use.outputs else f"{node!r} has no outputs"
            )
            return None
        port = ".".join(ways)
        if port not in use.outputs:
            message = f"{node!r} has no output {port!r}{instead(port, use.outputs)}"
            self._add(place, "unknown-port", message)
        return use.outputs.get(port)

    def input(self, scope: Scope, name: str, place: Place) -> End:
        """Return where an input of a scope comes from."""
        if scope.outer is None or scope.use is None:
            return f"${name}", place
        if name not in scope.body.inputs:
            message = f"no input {name!r}{instead(name, scope.body.inputs)}"
            self._add(place, "unknown-input", message)
            return NOWHERE, place
        if name not in scope.wires:
            return NOWHERE, place
        each = name in (scope.use.spec.for_each or {})
        parts = ("for_each", name, scope.key) if each else ("inputs", name)
        wire, where = scope.wires[name], scope.use.place.at(*parts)
        return self._remember(scope, f"${name}", scope.outer, wire, where)

    def end(self, copy: Scope, output: str) -> End:
        """Return where an output of a used graph comes from."""
        wire, where = copy.body.outputs[output], copy.place.at("outputs", output)
        return self._remember(copy, output, copy, wire, where)

    def _remember(self, scope: Scope, name: str, start: Scope, wire: str, place: Place) -> End:
        """Follow a wire once; one that leads to itself leads nowhere."""
        if name not in scope.ends and self._passes == MAX_PASSES:
            message = f"{wire} leads through over {MAX_PASSES} used graphs that only hand it on"
            self._add(place, "too-deep", message)
            scope.ends[name] = NOWHERE, place
        elif name not in scope.ends:
            scope.ends[name] = None
            self._passes += 1
            scope.ends[name] = self.one(start, wire, place)
            self._passes -= 1
        end = scope.ends[name]
        if end is None:
            self._add(place, "cycle", f"{wire} leads through used graphs back to itself")
            return NOWHERE, place
        return end
