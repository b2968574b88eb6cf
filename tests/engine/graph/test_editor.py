"""What VS Code's JSON language service makes of the schema: it completes, explains and points.

It runs where Node and the service are: ``npm ci --prefix tests/editor``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import resonate_graph as rg

EDITOR = Path(__file__).parents[2] / "editor"
SERVICE = EDITOR / "node_modules" / "vscode-json-languageservice"

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and SERVICE.is_dir()),
    reason="to ask VS Code's JSON service, install Node, then: npm ci --prefix tests/editor",
)

GRAPH = """{{
  "format": 1, "name": "g", "inputs": {{"x": {{"type": "audio"}}}},
  "params": {{"p": {{"type": "number"}}}},
  "nodes": {{"a": {}}},
  "outputs": {{"o": "a"}}
}}"""

#: What is asked, of a node with a mark where the cursor stands.
ASKED = {
    "nodes": ("complete", "‸"),
    "types": ("complete", '{"type": "‸"}'),
    "ports": ("complete", '{"type": "blend", "inputs": {‸}}'),
    "params": ("complete", '{"type": "gate", "inputs": {"audio": "$x"}, "params": {‸}}'),
    "values": (
        "complete",
        '{"type": "resample", "inputs": {"audio": "$x"}, "params": {"method": ‸}}',
    ),
    "type": ("hover", '{"type": "ga‸te", "inputs": {"audio": "$x"}}'),
    "port": ("hover", '{"type": "gate", "inputs": {"au‸dio": "$x"}}'),
    "param": ("hover", '{"type": "gate", "inputs": {}, "params": {"thre‸shold_db": -3}}'),
    "right": ("validate", '{"type": "gate@3", "inputs": {"audio": "$x"}}'),
    "range": (
        "validate",
        '{"type": "gate", "inputs": {"audio": "$x"}, "params": {"threshold_db": 3}}',
    ),
    "pinned": (
        "validate",
        '{"type": "gate@3", "inputs": {"audio": "$x"}, "params": {"threshold_db": 3}}',
    ),
    "name": (
        "validate",
        '{"type": "gate", "inputs": {"audio": "$x"}, "params": {"treshold_db": -3}}',
    ),
    "wrong type": ("validate", '{"type": "gaet", "inputs": {"audio": "$x"}}'),
    "wrong port": ("validate", '{"type": "gate", "inputs": {"audio": "$x", "sound": "$x"}}'),
    "missing": ("validate", '{"type": "gate", "inputs": {}}'),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    version = rg.Catalog.installed().types["gate"].version
    cases = []
    for ask, node in ASKED.values():
        text = GRAPH.format(node.replace("gate@3", f"gate@{version}"))
        cases.append({"ask": ask, "text": text.replace("‸", ""), "at": max(text.find("‸"), 0)})
    given = json.dumps({"schema": rg.schema(), "cases": cases})
    ended = subprocess.run(
        ["node", str(EDITOR / "ask.mjs"), str(EDITOR)],
        input=given, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return dict(zip(ASKED, json.loads(ended.stdout), strict=True))


def labels(answer: Any) -> list[str]:
    return [one["label"].strip('"') for one in answer]


def test_it_completes_nodes_types_ports_params_and_values(answers: dict[str, Any]) -> None:
    every = {one.id for one in rg.Catalog.installed()}
    assert every | {"graph"} <= set(labels(answers["nodes"]))
    (gate,) = (one for one in answers["nodes"] if one["label"] == "gate")
    assert json.loads(gate["insert"].replace("${1}", "$x")) == {
        "type": "gate", "inputs": {"audio": "$x"}
    }  # fmt: skip
    assert every <= set(labels(answers["types"]))
    assert labels(answers["ports"]) == ["dry", "wet"]
    assert answers["params"][0] == {"label": "threshold_db", "insert": '"threshold_db": ${1:-45}'}
    assert {"soxr", "torchaudio", '{"$param": ...}'} <= {
        one["label"].strip('"') if one["label"][0] == '"' else one["label"]
        for one in answers["values"]
    }


def test_it_says_what_each_is(answers: dict[str, Any]) -> None:
    assert answers["type"] == "Silence what lies below the threshold."
    assert answers["port"] == "the sound. Audio: node, node.port, or $input."
    assert answers["param"].endswith("the sound is turned down. Unit: dB.")


def test_an_error_points_at_what_is_wrong(answers: dict[str, Any]) -> None:
    assert answers["right"] == []
    for what in ("range", "pinned"):
        assert answers[what] == [{"message": "Value is above the maximum of 0.", "text": "3"}]
    (name,) = answers["name"]
    assert name == {"message": "Property treshold_db is not allowed.", "text": '"treshold_db"'}
    (kind,) = answers["wrong type"]
    assert kind["text"] == '"gaet"'
    assert kind["message"].startswith("No node has this type")
    assert [one["text"] for one in answers["wrong port"]] == ['"sound"']
    assert [one["message"] for one in answers["missing"]] == ['Missing property "audio".']
