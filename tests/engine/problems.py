"""What tests of `check` share: graphs of toy nodes, and where their problems are."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

import resonate_graph as rg
from resonate_graph import GraphError, Problem
from tests import toy_nodes
from tests.marks import marked


def load(text: str) -> rg.Graph:
    return rg.Graph.from_json(text, source="graph.json", nodes=[toy_nodes.MODULE])


def graph(nodes: dict[str, Any], outputs: dict[str, str], **more: Any) -> rg.Graph:
    """A graph with an input `x` of audio, on one line."""
    document = {"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, **more}
    return load(json.dumps({**document, "nodes": nodes, "outputs": outputs}))


def problems_of(graph: rg.Graph, **call: Any) -> tuple[Problem, ...]:
    with pytest.raises(GraphError) as caught:
        graph.check(**call)
    return caught.value.problems


def only(graph: rg.Graph, **call: Any) -> Problem:
    (problem,) = problems_of(graph, **call)
    return problem


def assert_places(
    text: str, *expected: tuple[str, str], inputs: Collection[str] | None = None, **call: Any
) -> tuple[Problem, ...]:
    """Assert that a text has these problems (code, pointer), at the places marked in it."""
    plain, places = marked(text)
    problems = problems_of(load(plain), inputs=inputs, **call)
    assert [(one.code, one.pointer) for one in problems] == list(expected)
    assert [(one.line, one.column) for one in problems] == places
    return problems
