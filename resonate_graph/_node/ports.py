"""Port types: what a wire may carry, read from a node's annotations."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from .._sound.audio import Audio
from .values import File, Report, Value

_NAMES: dict[type, str] = {
    Audio: "audio",
    File: "file",
    float: "number",
    int: "integer",
    str: "string",
    bool: "boolean",
}


@dataclass(frozen=True)
class PortType:
    """The type of one port: `Audio`, `File`, a subclass of `Report`, or a plain scalar."""

    python: type

    @property
    def name(self) -> str:
        """The word used in graph files and messages: ``audio``, ``number``, or a report's name."""
        return _NAMES.get(self.python, self.python.__name__)

    def accepts(self, other: PortType) -> bool:
        """Whether a value of the other type may travel into a port of this one."""
        if self.python is other.python:
            return True
        if self.python is float and other.python is int:
            return True
        if bool in (self.python, other.python):
            return self.python is other.python
        return issubclass(other.python, self.python)

    def holds(self, value: object) -> bool:
        """Whether a value is of this type."""
        return self.accepts(PortType(type(value)))

    def exactly(self, value: Any) -> Value | None:
        """Return a value as exactly this type, None where it is not of it.

        What comes back from the store is what the port declares; so what goes in has to be, too:
        1 from a port of numbers is 1.0, -0.0 is 0.0, and a report is of the declared class itself.
        """
        own_type: type = type(value)
        if own_type is self.python and own_type is not float:
            same: Value = value
            return same
        if not self.holds(value):
            return None
        exact: Any = self.python(value) if self.python in (float, int, str) else value
        if self.python is float:
            exact += 0.0  # the only float this changes is -0.0, which JSON readers drop
        own_type = type(exact)
        return exact if own_type is self.python else None


@dataclass(frozen=True)
class Port:
    """An input or output of a node.

    Attributes:
        name: the port's name.
        type: what travels through it.
        many: it takes a list of wires, in order.
        optional: it may be left unconnected.

    Example:
        >>> from resonate_nodes import mix
        >>> [str(port) for port in mix.type.inputs]
        ['list[audio]']
    """

    name: str
    type: PortType
    many: bool = False
    optional: bool = False

    def __str__(self) -> str:
        text = f"list[{self.type.name}]" if self.many else self.type.name
        return f"{text}, optional" if self.optional else text


def port_type(annotation: object) -> PortType | None:
    """Return the port type of an annotation, or None where it names none."""
    if inspect.isclass(annotation) and (annotation in _NAMES or issubclass(annotation, Report)):
        return PortType(annotation)
    return None


def scalar_type(name: str) -> PortType:
    """Return the port type of a word used in graph files, such as ``number``."""
    return {type_name: PortType(python) for python, type_name in _NAMES.items()}[name]


def describe(value: object) -> str:
    """Name the type of a value as messages do."""
    known: Any = port_type(type(value))
    return known.name if known else type(value).__name__


__all__ = ["Port", "PortType", "Value", "describe", "port_type", "scalar_type"]
