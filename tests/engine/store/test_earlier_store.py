"""A store that an earlier commit wrote is reused whole, and what comes out of it is the same.

It lies in ``earlier/`` with the script that made it and with what that commit gave. Which library
versions are installed decides about one step, and the node of another has had a new version since;
neither is on the way to any other step. The rest is asked of any machine.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

import resonate_graph as rg
from resonate_graph import Graph, Result, Store
from resonate_graph._run.keys import step_key
from resonate_graph._store.records import Key
from tests.engine.runs import statuses

EARLIER = Path(__file__).parent / "earlier"
INPUTS: dict[str, str | float] = {"take": str(EARLIER / "take.flac"), "offset": 0.5}
EXPECTED: dict[str, Any] = json.loads((EARLIER / "expected.json").read_text())
#: The only step that declares a library. Its node, `highpass`, has had a param more since.
WITH_LIBRARY = "clean"
NEW_PARAM = "phase"
#: The only step whose node has had a new version since: `encode_wav`, for sounds with a layout.
RAISED = "file"
#: Where the header of a sound says which channels it has; then it said nothing of two.
MASK = slice(76, 80)
FRONT_LEFT_AND_RIGHT = bytes([3, 0, 0, 0])


@pytest.fixture
def graph() -> Graph:
    return rg.load(EARLIER / "graph.json", nodes=[str(EARLIER / "own.py")])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A copy of the store, since runs note there what they use."""
    return Store(shutil.copytree(EARLIER / "store", tmp_path / "store"))


def without_library(graph: Graph, store: Store) -> Result:
    outputs = [name for name, node in graph.document.outputs.items() if node != WITH_LIBRARY]
    return graph.run(INPUTS, outputs=outputs, store=store)


def contents(store: Store, kind: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store.path / kind).glob("*/*")}


def test_every_step_is_reused(graph: Graph, store: Store) -> None:
    result = without_library(graph, store)
    found = statuses(result)
    assert found.pop(WITH_LIBRARY) == "skipped"
    assert found.pop(RAISED) == "ran"
    assert set(found.values()) == {"cached"}
    keys = {node["id"]: node["key"] for node in result.report["nodes"]}
    assert {name: keys[name] for name in found} == {name: EXPECTED["keys"][name] for name in found}


def test_nothing_is_added_but_what_the_input_held_and_what_ran(graph: Graph, store: Store) -> None:
    objects, records = contents(store, "objects"), contents(store, "records")
    without_library(graph, store)
    assert contents(store, "objects") == objects
    now = contents(store, "records")
    assert records.items() <= now.items()
    added = [json.loads(now[name])["preimage"] for name in now.keys() - records.keys()]
    ran = [preimage["type"] for preimage in added if "decode" not in preimage]
    assert ran == ["encode_wav"]
    assert len(added) <= 2


def test_outputs_are_what_they_were_byte_for_byte(
    graph: Graph, store: Store, tmp_path: Path
) -> None:
    result = without_library(graph, store)
    for name, output in result.report["outputs"].items():
        assert output["digest"] == EXPECTED["digests"][name]
    for path in result.save(tmp_path / "out", provenance=False).values():
        content = bytearray(path.read_bytes())
        if path.name == "whole.wav":
            assert content[MASK] == FRONT_LEFT_AND_RIGHT
            content[MASK] = bytes(4)
        assert blake3(content).hexdigest() == EXPECTED["files"][path.name]


def test_computed_anew_they_are_the_same(graph: Graph, tmp_path: Path) -> None:
    """What the earlier commit computed and what this one computes are one, not just its copy."""
    result = without_library(graph, Store(tmp_path / "new"))
    assert set(statuses(result).values()) == {"ran", "skipped"}
    for name, output in result.report["outputs"].items():
        assert output["digest"] == EXPECTED["digests"][name]


def test_a_key_is_made_of_what_its_record_says(graph: Graph, store: Store) -> None:
    """For all steps: the key of today, with the versions of then, is the key of then."""
    records = {record.key: record for record in store.records()}
    for name, step in graph.check(list(INPUTS)).steps.items():
        earlier = records[EXPECTED["keys"][name]]
        inputs = {port: tuple(digests) for port, digests in earlier.preimage["inputs"].items()}
        preimage = dict(step_key(step, inputs, earlier.preimage["identity"]).preimage)
        assert (name == WITH_LIBRARY) == bool(preimage["libraries"])
        assert preimage["libraries"].keys() == earlier.preimage["libraries"].keys()
        preimage["libraries"] = earlier.preimage["libraries"]
        params = preimage["params"] = dict(preimage["params"])
        assert (params.pop(NEW_PARAM, None) == "minimum") == (name == WITH_LIBRARY)
        if name == RAISED:
            assert preimage["version"] > earlier.preimage["version"]
            preimage["version"] = earlier.preimage["version"]
        assert Key.of(preimage).hex == earlier.key


def test_everything_in_it_is_sound(store: Store) -> None:
    checked = list(store.verify())
    assert len(checked) == len(contents(store, "objects")) + len(contents(store, "records"))
    assert all(sound for _, sound in checked)
