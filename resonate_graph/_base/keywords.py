"""Keyword arguments that several functions share, said once.

A `TypedDict` declares them: each key with its type and its `Default`, and what it does in the
docstring. A function takes them as ``**settings: Unpack[Settings]``, which type checkers and
editors read. `spelled_out` gives it, for help() and notebooks, the signature and the docstring of
a function that names each, and refuses names and values that are none of theirs.
"""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import os
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from typing_extensions import get_original_bases, get_type_hints, is_typeddict

from .docstrings import entries
from .errors import ParamError

_Function = TypeVar("_Function", bound=Callable[..., Any])

_WIDTH = 95


@dataclass(frozen=True)
class Default:
    """What a keyword argument is where nobody gives it; stands in its `Annotated` type."""

    value: Any


@dataclass(frozen=True)
class Keyword:
    """A keyword argument that a `TypedDict` declares.

    Attributes:
        name: its name.
        type: its type.
        written: its type as the source writes it.
        default: what it is where nobody gives it.
        doc: what the docstring says of it, as one line of text.
    """

    name: str
    type: Any
    written: str
    default: Any
    doc: str

    def require(self, value: object) -> None:
        """Find out whether it can have a value.

        Raises:
            ParamError: it cannot.
        """
        if not _fits(value, self.type):
            raise ParamError(f"{self.name} is {value!r}: it takes {_said(self.type)}",
                             param=self.name)  # fmt: skip


@functools.cache
def keywords(declared: type) -> Mapping[str, Keyword]:
    """Return what a `TypedDict` declares, by name: its own, then what it has of others."""
    hints = get_type_hints(declared, include_extras=True)
    found = {}
    for name, doc in _docs(declared):
        kind, default = get_args(hints[name])
        written = _written(declared.__annotations__[name].__forward_arg__)
        found[name] = Keyword(name, kind, written, default.value, doc)
    return found


def _docs(declared: type) -> Iterator[tuple[str, str]]:
    """Yield what the docstrings of a `TypedDict`, and of those it is made of, say of each key."""
    yield from entries(declared.__doc__ or "", "Attributes").items()
    for one in get_original_bases(declared):
        if is_typeddict(one):
            yield from _docs(one)


def with_defaults(declared: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each keyword argument: the one given, else its default."""
    return {name: given.get(name, one.default) for name, one in keywords(declared).items()}


def spelled_out(declared: type) -> Callable[[_Function], _Function]:
    """Let a function that takes ``**settings: Unpack[declared]`` look as if it named each.

    In its docstring they stand where ``settings`` stood among the arguments.
    """
    known = keywords(declared)

    def decorate(function: _Function) -> _Function:
        signature = _signature(function, known)
        title = function.__qualname__

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            _require(kwargs, signature.parameters, known, title)
            return function(*args, **kwargs)

        checked.__signature__ = signature  # type: ignore[attr-defined]
        checked.__doc__ = _documented(function, known)
        return checked  # type: ignore[return-value]

    return decorate


def _require(
    given: Mapping[str, Any],
    names: Mapping[str, object],
    known: Mapping[str, Keyword],
    title: str,
) -> None:
    for name, value in given.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            others = ", ".join(one for one in names if one != "self")
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {others}"
            raise ParamError(f"{title} takes no {name!r}; {hint}", param=name)
        if name in known:
            known[name].require(value)


# -- what help() shows ----------------------------------------------------------------------------


def _signature(function: Callable[..., Any], known: Mapping[str, Keyword]) -> inspect.Signature:
    signature = inspect.signature(function)
    *own, rest = signature.parameters.values()
    assert rest.kind is inspect.Parameter.VAR_KEYWORD
    kind = inspect.Parameter.KEYWORD_ONLY
    named = [
        inspect.Parameter(one.name, kind, default=one.default, annotation=one.written)
        for one in known.values()
    ]
    return signature.replace(parameters=[*own, *named])


def _documented(function: Callable[..., Any], known: Mapping[str, Keyword]) -> str:
    doc = inspect.getdoc(function) or ""
    said = "\n".join(
        textwrap.fill(f"{one.name}: {one.doc}", _WIDTH, initial_indent=" " * 4,
                      subsequent_indent=" " * 8)
        for one in known.values()
    )  # fmt: skip
    return re.sub(r"^    settings:.*(?:\n {8}.*)*$", lambda match: said, doc, flags=re.MULTILINE)


def _written(annotated: str) -> str:
    """Return the type that the source of an `Annotated` type names."""
    body = ast.parse(annotated, mode="eval").body
    assert isinstance(body, ast.Subscript)
    assert isinstance(body.slice, ast.Tuple)
    return ast.unparse(body.slice.elts[0])


# -- values and types -----------------------------------------------------------------------------

#: What is taken for a number: numpy's are, too.
_NUMBERS: dict[Any, Any] = {int: Integral, float: Real}

_WORDS: dict[Any, str] = {
    NoneType: "None",
    bool: "True or False",
    float: "a number",
    int: "a whole number",
    os.PathLike: "a path",
    str: "text",
}


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is of a type: a class, a literal, or a union of such."""
    if get_origin(kind) is Literal:
        return any(type(value) is type(one) and value == one for one in get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    return isinstance(value, get_origin(kind) or kind)


def _said(kind: Any) -> str:
    """Say a type in words."""
    words = list(_words(kind))
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _words(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Literal:
        yield from map(repr, get_args(kind))
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _words(one)
    else:
        plain = get_origin(kind) or kind
        yield _WORDS.get(plain, f"a {plain.__name__}")
