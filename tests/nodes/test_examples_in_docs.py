"""Every example in a docstring of the packages runs and gives what it shows."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import resonate_graph
import resonate_graphs
import resonate_nodes
from resonate_graph import Node

PACKAGES = (resonate_graph, resonate_nodes, resonate_graphs)


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def examples() -> Iterator[doctest.DocTest]:
    """Yield each docstring that holds an example.

    Those of nodes know nothing but the node itself, as where ``resonate nodes`` prints them.
    """
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in modules():
        for one in finder.find(module):
            name = one.name.rpartition(".")[2]
            if isinstance(getattr(module, name, None), Node) and module is not resonate_nodes:
                one.globs = {name: getattr(resonate_nodes, name)}
            if one.examples:
                yield one


EXAMPLES = list(examples())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_an_example_gives_what_it_shows(example: doctest.DocTest) -> None:
    shown: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=shown.append)
    assert result.failed == 0, "".join(shown)


def test_the_examples_were_found() -> None:
    names = {example.name for example in EXAMPLES}
    assert {"resonate_graph", "resonate_graph._sound.audio.Audio", "resonate_nodes"} <= names
    assert {"resonate_nodes.space.mixing.gain", "resonate_nodes.space.rate.resample"} <= names


def test_what_is_public_is_documented() -> None:
    for package in (resonate_graph, resonate_nodes):
        for name in package.__all__:
            item = getattr(package, name)
            if callable(item):
                text = inspect.getdoc(item)
                assert text, name
                assert text.splitlines()[0].rstrip().endswith((".", ":")), name
