from __future__ import annotations

from resonate_graph import Catalog
from tests.depth import thorough
from tests.nodes import fingerprints


@thorough
def test_every_stock_node_has_a_version_and_one_that_changed_a_new_one() -> None:
    assert Catalog.installed().broken == ()
    current, known = fingerprints.current(), fingerprints.written()
    assert [name for name, entry in current.items() if not entry["version"]] == []
    changed = [
        name
        for name, entry in current.items()
        if name in known and known[name]["version"] == entry["version"] and known[name] != entry
    ]
    assert changed == [], (
        f"their sources changed. Where samples may differ by that, raise the version; in any case "
        f"run: {fingerprints.COMMAND}"
    )
    assert known == current, f"run: {fingerprints.COMMAND}"
