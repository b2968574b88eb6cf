"""Measuring results: loudness and true peak, by the node `measure_loudness` of whoever has it."""

from __future__ import annotations

from typing import Any

from .._base.errors import CatalogError
from .._graph.bound import BoundGraph, InputRef, PortRef, Step
from .._graph.document import InputSpec
from .._node.catalog import Catalog
from .._sound.audio import Audio
from .._sound.limits import Limits
from .._store.folder import Store
from .._store.records import OWN
from .bindings import Bindings
from .bookkeeping import Run
from .execute import execute
from .settings import Setup

_NODE = "measure_loudness"


def measure(audio: Audio, store: Store | None) -> dict[str, float | None]:
    """Return loudness and true peak.

    Args:
        audio: what is measured.
        store: where figures are looked up and kept; None to measure each time.

    Raises:
        CatalogError: no pack has the node.
    """
    graph = _graph()
    setup = Setup(store=store)
    bindings = Bindings(graph.name, graph.inputs, {"audio": audio}, Limits(), store)
    run = Run(graph, bindings, setup)
    execute([run], setup)
    if run.error is not None:
        raise run.error
    assert run.outcome is not None
    report: Any = run.outcome.values["loudness"]
    return {
        "integrated_lufs": report.integrated_lufs,
        "true_peak_dbtp": report.true_peak_dbtp,
    }


def _graph() -> BoundGraph:
    node_type = Catalog.installed().get(_NODE)
    if node_type is None:
        raise CatalogError(f"no node type {_NODE!r}: install the pack that has it")
    step = Step(
        id="loudness",
        type=node_type,
        inputs={node_type.inputs[0].name: (InputRef("audio"),)},
        params=node_type.check_params({}),
    )
    inputs = {"audio": InputSpec(type="audio")}
    outputs = {"loudness": PortRef(step.id, node_type.outputs[0].name)}
    return BoundGraph(OWN, {step.id: step}, inputs, outputs)
