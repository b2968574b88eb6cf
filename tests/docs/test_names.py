"""docs/architecture.md names what is there, and so do the docstrings of the wings."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import resonate_graph
import resonate_nodes
from resonate_graph import Catalog
from tests.docs.pages import ROOT, prose

PAGE = ROOT / "docs" / "architecture.md"
SAID = sorted(set(re.findall(r"`([^`\n]+)`", prose(PAGE))))

#: Words of the page that name no code of ours: commands, params, parts of names.
WORDS = {"@node(version=1)", "__init__.py", "auto", "encode_", "explain", "lint-imports",
         "on_event", "prepare", "register", "resonate", "survey"}  # fmt: skip

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_OF_THE_ENGINE = re.compile(r"_\w+\.")


def find(name: str) -> Any:
    """Return what a dotted name stands for; the engine's own names begin with a wing."""
    parts = (f"resonate_graph.{name}" if _OF_THE_ENGINE.match(name) else name).split(".")
    found: Any = None
    for index, part in enumerate(parts):
        if found is None or (isinstance(found, ModuleType) and not hasattr(found, part)):
            found = importlib.import_module(".".join(parts[: index + 1]))
        else:
            found = getattr(found, part)
    return found


def is_there(name: str) -> bool:
    """Whether a name on the page stands for something."""
    if name in WORDS or " " in name:
        return True
    if "/" in name or name.endswith(".toml"):
        return (ROOT / name).exists()
    if name.startswith("Graph."):
        return hasattr(resonate_graph.Graph, name.removeprefix("Graph."))
    if _DOTTED.fullmatch(name):
        try:
            return find(name) is not None
        except (ImportError, AttributeError):
            return False
    public = {*dir(resonate_graph), "resonate_graph", *resonate_graph.stock_graphs()}
    named_in_full = {one.rpartition(".")[2] for one in SAID if "." in one}
    return name in public | named_in_full | set(Catalog.installed().types)


def test_what_the_page_names_is_there() -> None:
    assert [name for name in SAID if not is_there(name)] == []


@pytest.mark.parametrize("package", [resonate_graph, resonate_nodes], ids=lambda one: one.__name__)
def test_every_wing_is_on_the_page(package: ModuleType) -> None:
    (folder,) = package.__path__
    wings = {path.parent.name for path in Path(folder).glob("*/__init__.py")} - {"_common"}
    said = {name.rstrip("/").rpartition("/")[2] for name in SAID if name.endswith("/")}
    assert wings <= said


@pytest.mark.parametrize("package", [resonate_graph, resonate_nodes], ids=lambda one: one.__name__)
def test_a_wing_names_its_modules(package: ModuleType) -> None:
    """What the docstring of a wing says of its doors, and of what is behind them, is all there."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        wing = importlib.import_module(found.name)
        _, doors, named = (wing.__doc__ or "").partition("Doors:")
        if doors:
            modules = {one.name for one in pkgutil.iter_modules(wing.__path__)}
            assert set(re.findall(r"`(\w+)`", named)) == modules, found.name
