"""The stock graphs that packages bring, as the texts they are."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from .._base.installed import entry_points

GROUP = "resonate_graph.graphs"


@lru_cache(maxsize=1)
def stock_graphs() -> dict[str, str]:
    """Return the JSON texts of the installed stock graphs, by name."""
    found: dict[str, str] = {}
    for point in entry_points(GROUP):
        for item in resources.files(point.module).iterdir():
            if item.name.endswith(".json"):
                found[item.name.removesuffix(".json")] = item.read_text(encoding="utf-8")
    return dict(sorted(found.items()))
