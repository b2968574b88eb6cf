"""What tests of runs share: a graph that counts, and questions about what a run left behind."""

from __future__ import annotations

from pathlib import Path

from resonate_graph import Audio, Graph, Result, Store
from tests.own_nodes import counted_gain


def chain(told: Path, *ratios: float, name: str = "chain", prefix: str = "step") -> Graph:
    """A graph of gains one after another."""
    graph = Graph(name)
    wire = graph.input("mix", Audio)
    for number, ratio in enumerate(ratios, 1):
        wire = graph.add(counted_gain, f"{prefix}{number}")(wire, ratio=ratio, folder=str(told))
    graph.output("out", wire)
    return graph


def statuses(result: Result) -> dict[str, str]:
    return {node["id"]: node["status"] for node in result.report["nodes"]}


def codes(result: Result) -> list[str]:
    return [warning["code"] for warning in result.report["warnings"]]


def count(told: Path) -> int:
    path = told / "count"
    return len(path.read_text()) if path.exists() else 0


def objects(store: Store) -> list[Path]:
    return [path for path in (store.path / "objects").rglob("*") if path.is_file()]


def object_of(store: Store, result: Result, name: str) -> Path:
    """Return where the store keeps an output."""
    digest = result.report["outputs"][name]["digest"]
    (path,) = (path for path in objects(store) if path.stem == digest)
    return path


def records(store: Store) -> list[Path]:
    return [path for path in (store.path / "records").rglob("*") if path.is_file()]
