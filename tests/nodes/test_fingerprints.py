from __future__ import annotations

import pytest

from resonate_graph import Catalog
from tests.nodes import fingerprints

CURRENT = fingerprints.current()


def test_every_stock_node_has_a_version() -> None:
    assert Catalog.installed().broken == ()
    assert [name for name, entry in CURRENT.items() if not entry["version"]] == []


@pytest.mark.parametrize("name", CURRENT)
def test_a_node_that_changed_has_a_new_version(name: str) -> None:
    known = fingerprints.written().get(name, {"version": None})
    if known["version"] == CURRENT[name]["version"]:
        assert known == CURRENT[name], (
            f"the source of {name} changed. If its samples may differ by that, raise its version; "
            f"in any case run: {fingerprints.COMMAND}"
        )


def test_what_is_written_down_is_up_to_date() -> None:
    assert fingerprints.written() == CURRENT, f"run: {fingerprints.COMMAND}"
