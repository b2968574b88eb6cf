"""Where the nodes of a flat graph stand in the documents that it was spelled from."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from .._base.errors import Problem, UsePlace
from .positions import join
from .problems import Located


class Place(NamedTuple):
    """Where something stands: a document, a pointer in it, and the uses that lead there.

    Attributes:
        located: the document's text.
        pointer: JSON pointer.
        within: the names of the uses, such as ``repair/vocals``; empty in the graph itself.
    """

    located: Located
    pointer: str
    within: str = ""

    def at(self, *parts: str | int) -> Place:
        """Return a place inside this one."""
        return Place(self.located, join(self.pointer, *parts), self.within)


class Spelled(Located):
    """Gives problems of a flat graph their places in the documents that it was spelled from.

    Args:
        located: the text of the graph itself.
    """

    def __init__(self, located: Located) -> None:
        super().__init__(located.source)
        self.own = located
        self.places: dict[str, Place] = {}

    def problem(self, code: str, pointer: str, message: str, *, key: bool = False) -> Problem:
        """Return a problem with its place; with `key`, the place of the key, not of the value."""
        kind, _, rest = pointer[1:].partition("/")
        name, slash, rest = rest.partition("/")
        place = self.places.get(pointer)
        if place is not None:
            return self.problem_at(place, code, message, key=key)
        place = self.places.get(f"/{kind}/{name}")
        if place is None:
            return self.own.problem(code, pointer, message, key=key)
        inside = Place(place.located, f"{place.pointer}{slash}{rest}", place.within)
        return self.problem_at(inside, code, message, key=key)

    def problem_at(self, place: Place, code: str, message: str, *, key: bool = False) -> Problem:
        """Return a problem of a certain place; names in it are told as they stand there."""
        if place.within:
            message = re.sub(rf"(^|['\"]){re.escape(place.within)}[/.]", r"\1", message)
        found = place.located.problem(code, place.pointer, message, key=key)
        source = "" if place.located.source == self.source else place.located.source
        return replace(found, source=source, within=place.within, uses=self.uses(place.within))

    def uses(self, way: str) -> tuple[UsePlace, ...]:
        """Return where the nodes stand that use what a way leads to, from the outside in."""
        parts = way.split("/")
        found = []
        for length in range(1, len(parts) + 1):
            name = "/".join(parts[:length])
            if (place := self.places.get(join("/nodes", name))) is not None:
                at = place.located.problem("", place.pointer, "", key=True)
                found.append(UsePlace(name, place.located.source, at.line, at.column))
        return tuple(found)
