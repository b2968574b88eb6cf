"""What may travel on a wire besides `Audio`: `File`, `Report` and plain scalars."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import rfc8785
from blake3 import blake3
from pydantic import BaseModel, ConfigDict

from .._base.display import Shown
from .._base.docstrings import entries
from .._sound.audio import Audio

#: Integers go this far in both directions, so that every JSON reader agrees on them.
MAX_INTEGER = 2**53 - 1

#: Between these, Python and JavaScript write a float in the same digits, without an exponent.
_PLAIN_FLOATS = 1e-4, 1e15

#: What JSON writes as lists.
_LISTED = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class File(Shown):
    """An encoded file: its bytes and its suffix, such as ``.mp3``."""

    content: bytes
    suffix: str

    def __post_init__(self) -> None:
        if not (self.suffix.startswith(".") and self.suffix[1:].isalnum()):
            raise ValueError(f"suffix {self.suffix!r} is not of the form '.wav'")

    def __repr__(self) -> str:
        return f"File({len(self.content)} bytes, {self.suffix!r})"


@dataclass(frozen=True)
class Finding:
    """What a report says to somebody who does not read figures.

    Attributes:
        text: one sentence: what was found, and whether that is much.
        do: what helps, such as a node or a graph; empty where nothing needs help.
    """

    text: str
    do: str = ""


class Report(Shown, BaseModel):
    """Base of the measurements that nodes return: frozen, strict, plain JSON inside.

    A field's unit is the end of its name (`unit_of`). What the docstring says of it under
    ``Attributes`` becomes its description. A report that lists places in a sound gives each a
    report of its own, with ``time_seconds`` and ``length_ms``: pages mark them.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        defer_build=True,  # until the descriptions are there
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, text in entries(cls.__doc__ or "", "Attributes").items():
            if name in cls.model_fields and cls.model_fields[name].description is None:
                cls.model_fields[name].description = text
        cls.model_rebuild(force=True, raise_errors=False)

    def findings(self) -> list[Finding]:
        """Say in sentences what was found: nothing, unless a kind of report has words for it."""
        return []


Scalar: TypeAlias = "str | int | float | bool"
Value: TypeAlias = "Audio | File | Report | Scalar"


def digest(value: Value) -> str:
    """Return the content digest of a value: equal exactly where the values are equal."""
    if isinstance(value, Audio):
        return value.digest
    if isinstance(value, File):
        tag = b"resonate_graph file 1\0" + value.suffix.encode() + b"\0"
        return blake3(tag + value.content).hexdigest()
    return json_digest(value_json(value))


def json_digest(content: bytes) -> str:
    """Return the content digest of a report or scalar, given as canonical JSON."""
    return blake3(b"resonate_graph json 1\0" + content).hexdigest()


def require_portable(value: Value) -> None:
    """Make sure that a value can be kept, and that every reader of JSON reads it alike.

    Raises:
        ValueError: a number is not finite, an integer is beyond ±(2^53 - 1), or a text is no
            valid Unicode.
    """
    if not isinstance(value, (Audio, File)):
        value_json(value)


def value_json(value: Report | Scalar) -> bytes:
    """Return a report or scalar as canonical JSON (RFC 8785), its type included."""
    plain: Any = plain_json(value) if isinstance(value, Report) else value
    return canonical_json({"type": type(value).__name__, "value": plain})


def plain_json(model: BaseModel) -> dict[str, Any]:
    """Return a model as plain JSON values, the same in every process: sets in order."""
    plain: dict[str, Any] = _in_order(model, model.model_dump(mode="json"))
    return plain


def canonical_json(value: Any) -> bytes:
    """Return the canonical JSON (RFC 8785) of plain JSON values.

    Python's own writer is many times as fast as rfc8785, and takes what both write alike.
    """
    try:
        return _fast_json.encode(_written_alike(value)).encode()
    except _WrittenOtherwise:
        return rfc8785.dumps(value)


class _WrittenOtherwise(Exception):
    """Python's own writer writes a value in another way, or does not refuse it."""


_fast_json = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
)


def _written_alike(value: Any) -> Any:
    """Return values so that Python's own writer makes canonical JSON of them.

    Raises:
        _WrittenOtherwise: it does not.
    """
    kind = type(value)
    if (kind is str and value.isprintable()) or kind is bool or value is None:
        return value
    if kind is dict and _are_ascii(value):
        return {name: _written_alike(one) for name, one in value.items()}
    if kind is list or kind is tuple:
        return [_written_alike(one) for one in value]
    if kind is int and -MAX_INTEGER <= value <= MAX_INTEGER:
        return value
    if kind is float and value == 0:
        return 0
    if kind is float and _PLAIN_FLOATS[0] <= abs(value) <= _PLAIN_FLOATS[1]:
        return int(value) if value.is_integer() else value
    raise _WrittenOtherwise


def _are_ascii(names: Iterable[Any]) -> bool:
    """Whether keys are texts of ASCII, which both writers put into the same order."""
    try:
        return "".join(names).isascii()
    except TypeError:  # they are no texts
        return False


def canonical(value: Any) -> Any:
    """Return plain JSON values as canonical JSON spells them: 1.0 as 1, -0.0 as 0, keys in order.

    Raises:
        ValueError: canonical JSON cannot hold them.
    """
    return from_canonical_json(canonical_json(value))


def from_canonical_json(text: bytes) -> Any:
    """Return what canonical JSON says, as it spells it."""
    return json.loads(text, parse_int=_portable_integer)


def brief(value: object, longest: int = 60) -> str:
    """Return a param's value as messages show it: 2.0 as 2, and the beginning of what is long."""
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _portable_integer(digits: str) -> int | float:
    """Read an integer; as a float where it is beyond what every JSON reader counts exactly."""
    number = int(digits)
    return number if abs(number) <= MAX_INTEGER else float(number)


def _in_order(value: Any, plain: Any) -> Any:
    """Return what a value was written as, but each set in an order that is no accident."""
    if isinstance(value, BaseModel) and isinstance(plain, dict):
        return {name: _in_order(getattr(value, name, None), one) for name, one in plain.items()}
    if isinstance(value, dict) and isinstance(plain, dict) and len(value) == len(plain):
        pairs = zip(value.values(), plain.items(), strict=True)
        return {name: _in_order(one, written) for one, (name, written) in pairs}
    if isinstance(value, _LISTED) and isinstance(plain, list) and len(value) == len(plain):
        items = [_in_order(one, written) for one, written in zip(value, plain, strict=True)]
        return sorted(items, key=json.dumps) if isinstance(value, (set, frozenset)) else items
    return plain
