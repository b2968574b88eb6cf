"""Problems of a graph: collected, each with its place and with what was probably meant.

What is said of each stands where it is found: of form in `document`, of types, ports, wires and
bindings in `check`, of params in `param_check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .._base.errors import MAX_PROBLEMS, GraphError, Problem
from .positions import Positions


class Located:
    """A document's problems get their line and column here, if it came from a text."""

    def __init__(self, source: str, text: str | None = None) -> None:
        self.source = source
        self._text = text
        self._positions: Positions | None = None

    @property
    def positions(self) -> Positions | None:
        """The places of the text's values, read when first asked for."""
        if self._positions is None and self._text is not None:
            self._positions = Positions(self._text)
        return self._positions

    def problem(self, code: str, pointer: str, message: str, *, key: bool = False) -> Problem:
        """Return a problem with its place; with `key`, the place of the key, not of the value."""
        if (positions := self.positions) is None:
            return Problem(code, message, pointer)
        place = positions.find_key(pointer) if key else positions.find(pointer)
        return Problem(code, message, pointer, place.line, place.column)


class Problems:
    """Collects everything that is wrong with one graph.

    Args:
        located: the document the problems are in.
    """

    def __init__(self, located: Located) -> None:
        self.located = located
        self._found: list[Problem] = []

    def add(
        self,
        code: str,
        pointer: str,
        message: str,
        *,
        hint: Callable[[], str] = lambda: "",
        key: bool = False,
        argument: str = "",
    ) -> None:
        """Add a problem.

        Args:
            code: a stable word for its kind.
            pointer: where in the document it is.
            message: what is wrong.
            hint: gives what is said after the message, such as `near_names.instead`; asked only
                as long as somebody will read it.
            key: the place is that of the key, not of the value.
            argument: what of the call it is about, if it is not about the document.
        """
        if len(self._found) < MAX_PROBLEMS:
            message += hint()
        if argument:
            self._found.append(Problem(code, message, pointer, argument=argument))
        else:
            self._found.append(self.located.problem(code, pointer, message, key=key))

    @property
    def found(self) -> tuple[Problem, ...]:
        """Those that were added."""
        return tuple(self._found)

    def include(self, found: Iterable[Problem]) -> None:
        """Add problems that have their places already."""
        self._found.extend(found)

    def raise_any(self) -> None:
        """Raise all of them; what is wrong in a graph that is used often is told once.

        Raises:
            GraphError: there are some.
        """
        if self._found:
            raise GraphError(self.located.source, _once(self._found))


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems; of those that differ in the use that leads there, the first."""
    alike: dict[Problem, list[Problem]] = {}
    for problem in problems:
        alike.setdefault(replace(problem, within="", uses=()), []).append(problem)
    return [
        replace(first, within=f"{first.within} and {len(others)} more") if others else first
        for first, *rest in alike.values()
        for others in [{one.within for one in rest} - {first.within}]
    ]
