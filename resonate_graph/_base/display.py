"""How values show themselves in notebooks: they ask here, and what makes pages answers.

A value is of a wing that knows no pages, so it cannot say itself how it looks. Its class is a
`Shown`; how the values of a class are shown is registered by `shows`, in a module that is imported
when something is shown for the first time (`shown_by`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeAlias, TypeVar

#: What is shown, in as many forms as there are, by MIME type; pictures in base64.
Bundle: TypeAlias = Mapping[str, str]

T = TypeVar("T")

_bundles: dict[type, Callable[[Any], Bundle]] = {}
_sources: list[str] = []


class Shown:
    """A value that shows itself in notebooks, by IPython's protocol."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), **_bundle(self)}

    def _repr_html_(self) -> str | None:
        return _bundle(self).get("text/html")


def shows(kind: type[T]) -> Callable[[Callable[[T], Bundle]], Callable[[T], Bundle]]:
    """Register how the values of a class are shown, and those of its subclasses."""

    def register(bundle: Callable[[T], Bundle]) -> Callable[[T], Bundle]:
        _bundles[kind] = bundle
        return bundle

    return register


def shown_by(*modules: str) -> None:
    """Name the modules that register; they are imported when something is shown first."""
    _sources.extend(modules)


def _bundle(value: object) -> Bundle:
    for module in _sources:  # each time: a thread waits for the import that another began
        import_module(module)
    for kind in type(value).__mro__:
        if kind in _bundles:
            return _bundles[kind](value)
    return {}
