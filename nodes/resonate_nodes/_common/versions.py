"""Versions of libraries that only some settings of a node use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from resonate_graph import NodeError, Preparation


def used_by(param: str, libraries: Mapping[str, str]) -> Callable[[Preparation], dict[str, Any]]:
    """Return a `prepare` hook by which a library is in the key where a param's value uses it.

    Args:
        param: the param that chooses.
        libraries: the library by the value of the param.
    """

    def prepare(question: Preparation) -> dict[str, Any]:
        library = libraries.get(question.params[param])
        if library is None:
            return {}
        try:
            return {library: metadata.version(library)}
        except metadata.PackageNotFoundError:
            chosen = question.params[param]
            raise NodeError(f"{param} {chosen!r} uses {library}, which is not installed") from None

    return prepare
