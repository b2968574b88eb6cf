"""docs/nodes.md says what the catalogue says."""

from __future__ import annotations

import pytest

from resonate_graph import Catalog
from tests.docs.pages import ROOT
from tests.engine.commands import Command


def test_the_page_of_nodes_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    made = Command(capsys)("nodes", "--markdown")
    assert made.code == 0
    kept = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
    assert kept == made.out, "make it again: resonate nodes --markdown > docs/nodes.md"


def test_every_node_has_a_section_with_its_ports_and_params() -> None:
    page = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
    sections = {one.partition("\n")[0]: one for one in page.split("\n### ")[1:]}
    assert sections.keys() == {node_type.id for node_type in Catalog.installed()}
    for node_type in Catalog.installed():
        rows = {line.split("`")[1] for line in sections[node_type.id].splitlines() if "| `" in line}
        ports = {port.name for port in (*node_type.inputs, *node_type.outputs)}
        assert ports | node_type.params.model_fields.keys() <= rows


@pytest.mark.parametrize("also", [["gain"], ["--json"]])
def test_a_page_of_one_node_or_in_json_is_refused(
    also: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused = Command(capsys)("nodes", "--markdown", *also)
    assert refused.code == 2
    assert "--markdown goes with neither" in refused.err
