"""Provenance: how a file was made, written beside it and into it.

It says what somebody needs to make the file again and to see what differs: the graph, the params
of the call, the inputs with their digests, each node's type, version, params, key, device and
libraries, the digest of what came out, and of what of it the file holds. It holds no times, so
equal runs write equal files. `recipe` reads it back.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .._base.version import VERSION
from .._graph.bound import BoundGraph
from .._graph.document import GraphDocument
from .._node.values import digest
from .bindings import Bindings, path_text
from .outcome import Outcome

FORMAT = 1
SUFFIX = ".provenance.json"
TAG = "RESONATE_GRAPH"


def describe(
    document: GraphDocument,
    params: Mapping[str, Any],
    bound: BoundGraph,
    inputs: Mapping[str, Any],
    outcome: Outcome,
) -> dict[str, Any]:
    """Return the provenance of a run, as plain JSON values.

    Args:
        document: the graph, with all that it uses.
        params: the params of the call.
        bound: the graph as it was run.
        inputs: what `describe_inputs` said of its inputs.
        outcome: what came of it.
    """
    nodes: dict[str, Any] = {}
    for report in outcome.steps:
        if report.status == "skipped":
            continue
        step = bound.steps[report.id]
        nodes[report.id] = {
            "type": report.type,
            "version": step.type.version,
            "params": deepcopy(step.plain_params),
            "key": report.key,
            "device": report.device,
            "libraries": dict(step.type.library_versions),
            "did": deepcopy(report.did),
        }
    return {
        "format": FORMAT,
        "made_with": {
            "resonate-graph": VERSION,
            "python": platform.python_version(),
        },
        "graph": document.to_plain() | {"format": 1},
        "params": deepcopy(dict(params)),
        "inputs": dict(inputs),
        "nodes": nodes,
        "outputs": {name: digest(value) for name, value in outcome.values.items()},
    }


def describe_inputs(bound: BoundGraph, bindings: Bindings) -> dict[str, Any]:
    """Return what the provenance of a run says of its inputs.

    Raises:
        InputError: a file cannot be read.
    """
    inputs: dict[str, Any] = {}
    for name in bound.needed_inputs:
        path = bindings.paths.get(name)
        if path is not None:
            inputs[name] = {
                "file": path_text(path.absolute()),
                "file_digest": bindings.file_digest(name),
            }
            if gaps := bindings.gaps_seconds(name):
                inputs[name]["gaps_seconds"] = [list(gap) for gap in gaps]
        else:
            value = bindings.value(name)
            plain = value if isinstance(value, (str, int, float, bool)) else None
            inputs[name] = {"value": plain, "digest": digest(value)}
    return inputs
