from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from resonate_graph import Audio, Store
from resonate_graph._base.installed import version_of
from resonate_graph._store.records import Key
from tests import toy_nodes

X = Audio(np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32), 8000)
Y = Audio(np.linspace(1, 0, 64, dtype=np.float32).reshape(2, 32), 8000)


def key(
    node: dict[str, Any],
    folder: Path,
    *,
    name: str = "step",
    nodes: str = toy_nodes.MODULE,
    inputs: dict[str, Audio] | None = None,
    params: dict[str, Any] | None = None,
    graph_params: dict[str, Any] | None = None,
    models: Path | None = None,
    **more: Any,
) -> str:
    """The key of a node wired to the inputs `x` and `y`."""
    document = {
        "format": 1,
        "name": "g",
        "inputs": {"x": {"type": "audio"}, "y": {"type": "audio"}},
        "params": graph_params or {},
        "nodes": {name: node},
        "outputs": {"out": f"{name}.drums" if node["type"] == "separate" else name},
        **more,
    }
    graph = rg.Graph.from_json(json.dumps(document), nodes=[nodes])
    plan = graph.plan(
        inputs or {"x": X, "y": Y}, store=Store(folder / "store"), params=params, models=models
    )
    (found,) = [step.key for step in plan if step.id == name]
    assert found is not None
    return found


SCALE = {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": 2}}
MIX = {"type": "mix", "inputs": {"tracks": ["$x", "$y"]}, "params": {"gains_db": [0, -6]}}


# -- the same in every process ------------------------------------------------------------------

SETS = """
from pydantic import BaseModel
from resonate_graph import Report, node

class Part(BaseModel):
    names: frozenset[str]

class Found(Report):
    names: set[str]

@node(version=1)
def name(x: float, *, names: set[str], parts: dict[str, list[Part]]) -> Found:
    return Found(names=names)
"""
NAMES = ["drums", "bass", "other", "vocals", "guitar", "piano"]
ASK = """
import json, sys
import resonate_graph as rg
graph = rg.Graph.from_json(sys.argv[1], nodes=[sys.argv[2]])
step = graph.run({"x": 1.0}, store=sys.argv[3]).report["nodes"][0]
(record,) = rg.Store(sys.argv[3]).records()
print(json.dumps([step["key"], record.preimage["params"], record.ports["out"].digest]))
"""


def test_sets_are_written_in_one_order(tmp_path: Path) -> None:
    (tmp_path / "sets.py").write_text(SETS)
    part = {"names": NAMES}
    document = {
        "format": 1,
        "name": "g",
        "inputs": {"x": {"type": "number"}},
        "nodes": {"name": {"type": "name", "inputs": {"x": "$x"},
                           "params": {"names": NAMES, "parts": {"b": [part], "a": []}}}},
        "outputs": {"out": "name"},
    }  # fmt: skip
    given = [json.dumps(document), str(tmp_path / "sets.py")]
    answers = [
        subprocess.run(
            [sys.executable, "-c", ASK, *given, str(tmp_path / f"store{seed}")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(set(answers)) == 1
    params = json.loads(answers[0])[1]
    assert params == {"names": sorted(NAMES), "parts": {"a": [], "b": [{"names": sorted(NAMES)}]}}


# -- the same meaning --------------------------------------------------------------------------


def test_names_descriptions_and_layout_do_not_enter(tmp_path: Path) -> None:
    plain = key(SCALE, tmp_path)
    assert key(SCALE, tmp_path, name="other") == plain
    assert key({**SCALE, "description": "louder", "ui": {"x": 10}}, tmp_path) == plain
    assert key(SCALE, tmp_path, ui=[1], description="a graph") == plain
    assert key({**SCALE, "device": ["cpu"]}, tmp_path) == plain
    assert key(dict(reversed(SCALE.items())), tmp_path) == plain


def test_defaults_are_the_same_as_what_they_stand_for(tmp_path: Path) -> None:
    given = {"type": "gain", "inputs": {"audio": "$x"}, "params": {"gain_db": 0.0}}
    assert key({"type": "gain", "inputs": {"audio": "$x"}}, tmp_path) == key(given, tmp_path)


def test_a_whole_number_is_the_same_as_an_integer(tmp_path: Path) -> None:
    assert key({**SCALE, "params": {"factor": 2.0}}, tmp_path) == key(SCALE, tmp_path)


def test_it_does_not_matter_who_says_a_param(tmp_path: Path) -> None:
    plain = key(SCALE, tmp_path)
    other = {**SCALE, "params": {"factor": -1}}
    assert key(other, tmp_path, params={"step.factor": 2}) == plain
    by_name = {**SCALE, "params": {"factor": {"$param": "amount"}}}
    specs = {"amount": {"type": "number", "default": 2}}
    assert key(by_name, tmp_path, graph_params=specs) == plain


def test_one_wire_is_the_same_as_a_list_of_one(tmp_path: Path) -> None:
    one = {"type": "mix", "inputs": {"tracks": "$x"}}
    assert key(one, tmp_path) == key({**one, "inputs": {"tracks": ["$x"]}}, tmp_path)


def test_inputs_enter_by_content_not_by_name(tmp_path: Path) -> None:
    swapped = {**SCALE, "inputs": {"audio": "$y"}}
    assert key(swapped, tmp_path, inputs={"x": Y, "y": X}) == key(SCALE, tmp_path)
    copy = Audio(X.samples.copy(), X.sample_rate)
    assert key(SCALE, tmp_path, inputs={"x": copy, "y": Y}) == key(SCALE, tmp_path)


def test_a_pinned_version_is_the_same_node(tmp_path: Path) -> None:
    assert key({**MIX, "type": "mix@1"}, tmp_path) == key(MIX, tmp_path)


# -- another meaning ---------------------------------------------------------------------------


def test_every_difference_gives_another_key(tmp_path: Path) -> None:
    nodes: list[dict[str, Any]] = [
        SCALE,
        {**SCALE, "params": {"factor": 2.0000000001}},
        {**SCALE, "params": {"factor": -2}},
        {**SCALE, "inputs": {"audio": "$y"}},
        {**SCALE, "type": "gain", "params": {"gain_db": 2}},
        MIX,
        {**MIX, "inputs": {"tracks": ["$y", "$x"]}},
        {**MIX, "inputs": {"tracks": ["$x", "$x"]}},
        {**MIX, "params": {"gains_db": [-6, 0]}},
        {**MIX, "params": {}},
        {"type": "total", "inputs": {"tracks": ["$x", "$y"]}},
        {"type": "total", "inputs": {"tracks": ["$x"], "more": "$y"}},
        {"type": "total", "inputs": {"tracks": ["$y"], "more": "$x"}},
        {"type": "residual", "inputs": {"mix": "$x", "stems": ["$y"]}},
        {"type": "residual", "inputs": {"mix": "$y", "stems": ["$x"]}},
    ]
    keys = [key(node, tmp_path) for node in nodes]
    assert len(set(keys)) == len(nodes)


def test_the_rate_of_an_input_enters(tmp_path: Path) -> None:
    other = Audio(X.samples, 16000)
    assert key(SCALE, tmp_path, inputs={"x": other, "y": Y}) != key(SCALE, tmp_path)


OWN = """
from resonate_graph import Audio, node

@node({declared})
def own(audio: Audio) -> Audio:
    \"\"\"Say what it does.\"\"\"
    return audio.with_samples(audio.samples * 2)  # louder
"""


def own_key(folder: Path, declared: str = "", old: str = "", new: str = "") -> str:
    path = folder / f"{random.randrange(10**12)}.py"
    path.write_text(OWN.format(declared=declared).replace(old, new))
    return key({"type": "own", "inputs": {"audio": "$x"}}, folder, nodes=str(path))


@pytest.mark.parametrize("declared", ["", "version=1"])
def test_the_source_of_a_node_of_ones_own_enters(tmp_path: Path, declared: str) -> None:
    plain = own_key(tmp_path, declared)
    assert own_key(tmp_path, declared, "* 2", "* 3") != plain
    assert own_key(tmp_path, declared, "# louder", "# quieter") == plain
    assert own_key(tmp_path, declared, "Say what it does.", "Say something else.") == plain


def test_the_version_enters(tmp_path: Path) -> None:
    assert own_key(tmp_path, "version=1") != own_key(tmp_path, "version=2")


def test_the_versions_of_declared_libraries_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for version in ("1.0", "1.1"):
        packages = tmp_path / version
        metadata = packages / f"sparkle-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: sparkle\nVersion: {version}\n")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(packages)
            version_of.cache_clear()  # as in another process
            keys.append(own_key(tmp_path, "uses=['sparkle']"))
    version_of.cache_clear()
    assert keys[0] != keys[1]


def test_the_weights_of_a_model_enter_not_their_place(models_dir: Path, tmp_path: Path) -> None:
    node = {"type": "separate", "inputs": {"mix": "$x"}}
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in models_dir.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    plain = key(node, tmp_path, models=models_dir)
    assert key(node, tmp_path, models=moved) == plain
    (moved / "small0.th").write_bytes((models_dir / "small1.th").read_bytes())
    assert key(node, tmp_path, models=moved) != plain


# -- the form of a key -------------------------------------------------------------------------

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), plain_json), st.randoms())
def test_a_key_does_not_depend_on_the_order_of_its_preimage(
    preimage: dict[str, Any], random: random.Random
) -> None:
    items = list(preimage.items())
    random.shuffle(items)
    assert Key.of(dict(items)) == Key.of(preimage)


def meaning(value: Any) -> Any:
    """A value so that two are equal where JSON means the same: all numbers are doubles."""
    if isinstance(value, dict):
        return {name: meaning(item) for name, item in value.items()}
    if isinstance(value, list):
        return [meaning(item) for item in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return ("number", float(value)) if is_number else (type(value).__name__, value)


@given(plain_json, plain_json)
def test_keys_are_equal_exactly_where_preimages_mean_the_same(one: Any, other: Any) -> None:
    same = meaning(one) == meaning(other)
    assert (Key.of({"value": one}).hex == Key.of({"value": other}).hex) is same


def test_keys_stay_what_they_are() -> None:
    # if this has to change, stored results become unreachable: raise KEY_FORMAT as well
    preimage = {"b": [1, 2.5, "ü", None, True], "a": {"z": -0.0, "y": 1e21}}
    by_hand = '{"a":{"y":1e+21,"z":0},"b":[1,2.5,"ü",null,true]}'
    assert Key.of(preimage).hex == blake3(by_hand.encode()).hexdigest()
