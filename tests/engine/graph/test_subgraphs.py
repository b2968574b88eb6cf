"""Graphs that use graphs: what they are spelled out to, and what is told where."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from resonate_graph import Audio, Graph, GraphError, Store
from tests import toy_nodes
from tests.engine.problems import assert_places, graph, load, only, problems_of
from tests.processes import resonate

SOUND = Audio(np.linspace(-0.5, 0.5, 64, dtype=np.float32).reshape(2, 32), 8000)


def scale(wire: str, factor: Any, **more: Any) -> dict[str, Any]:
    return {"type": "scale", "inputs": {"audio": wire}, "params": {"factor": factor}, **more}


AUDIO = {"audio": {"type": "audio"}}
PARAMS = {
    "first": {"type": "number", "default": 2, "minimum": 0, "maximum": 4},
    "second": {"type": "number", "default": 3},
}
NODES = {"a": scale("$audio", {"$param": "first"}), "b": scale("a", {"$param": "second"})}
#: Two gains after another, each a param.
CHAIN: dict[str, Any] = {
    "inputs": AUDIO, "params": PARAMS, "nodes": NODES, "outputs": {"out.flac": "b"}
}  # fmt: skip
SPLIT = {"type": "sides", "inputs": {"audio": "$x"}}


def use(name: str = "chain", wire: str = "$x", **params: Any) -> dict[str, Any]:
    return {"type": "graph", "graph": name, "inputs": {"audio": wire}, "params": params}


def each(wires: Any, name: str = "chain", **params: Any) -> dict[str, Any]:
    return {"type": "graph", "graph": name, "for_each": {"audio": wires}, "params": params}


def using(nodes: dict[str, Any], outputs: dict[str, str], **more: Any) -> rg.Graph:
    return graph(nodes, outputs, **{"graphs": {"chain": CHAIN}, **more})


def factors(graph: rg.Graph, **params: Any) -> dict[str, float]:
    steps = graph.check(params=params).steps
    return {
        name: step.plain_params["factor"] for name, step in steps.items() if step.type.id == "scale"
    }


# -- spelling --------------------------------------------------------------------------------------


def test_a_use_is_spelled_out_as_the_nodes_of_its_graph() -> None:
    bound = using({"twice": use(first=0.5)}, {"out": "twice"}).check()
    assert list(bound.steps) == ["twice/a", "twice/b"]
    assert str(bound.outputs["out"]) == "twice/b"
    assert [str(one) for one in bound.steps["twice/a"].inputs["audio"]] == ["$x"]


def test_a_chain_has_the_same_keys_however_it_is_written(tmp_path: Path) -> None:
    plain = graph(
        {"one": {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": 0.5}},
         "two": {"type": "scale", "inputs": {"audio": "one"}, "params": {"factor": 3}}},
        {"out": "two"},
    )  # fmt: skip
    store = Store(tmp_path)
    before = plain.run({"x": SOUND}, store=store)
    after = using({"twice": use(first=0.5)}, {"out": "twice"}).run({"x": SOUND}, store=store)
    assert {node["status"] for node in after.report["nodes"]} == {"cached"}
    assert [n["key"] for n in after.report["nodes"]] == [n["key"] for n in before.report["nodes"]]


def test_params_come_from_the_caller_else_the_use_else_the_definition() -> None:
    nodes = {"plain": use(), "set": use(first=1), "linked": use(first={"$param": "p"})}
    params = {"p": {"type": "number", "default": 0.25}}
    made = using(nodes, {"out": "plain", "o2": "set", "o3": "linked"}, params=params)
    assert factors(made) == {
        "plain/a": 2, "plain/b": 3, "set/a": 1, "set/b": 3, "linked/a": 0.25, "linked/b": 3,
    }  # fmt: skip
    given = {"p": 4, "set.first": 3, "plain/b.factor": -1}
    assert factors(made, **given) == {
        "plain/a": 2, "plain/b": -1, "set/a": 3, "set/b": 3, "linked/a": 4, "linked/b": 3,
    }  # fmt: skip


def test_for_each_uses_a_graph_for_each_of_some_wires() -> None:
    nodes = {
        "split": SPLIT,
        "stems": each({"l": "split.left", "r": "split.right"}, first={"l": 0.5}, second=1),
        "again": each("stems.*"),
        "sum": {"type": "total", "inputs": {"tracks": ["$x", "again.*"]}},
    }
    made = using(nodes, {"out": "sum", "left": "stems.l", "right": "again.r.out"})
    bound = made.check()
    assert [str(one) for one in bound.steps["sum"].inputs["tracks"]] == [
        "$x", "again/l/b", "again/r/b",
    ]  # fmt: skip
    assert str(bound.outputs["left"]) == "stems/l/b"
    assert str(bound.outputs["right"]) == "again/r/b"
    given = {"stems.first": 0.1, "stems/r.second": 7, "again.second": 5}
    assert factors(made, **given) == {
        "stems/l/a": 0.5, "stems/l/b": 1, "stems/r/a": 0.1, "stems/r/b": 7,
        "again/l/a": 2, "again/l/b": 5, "again/r/a": 2, "again/r/b": 5,
    }  # fmt: skip


def test_a_graph_may_use_definitions_of_its_own_and_of_what_is_around_it() -> None:
    inner = {"inputs": {"audio": {"type": "audio"}}, "nodes": {"n": use("chain", "$audio")},
             "outputs": {"out": "n"}}  # fmt: skip
    params = {**PARAMS, "first": {"type": "number", "default": 1}}
    own = {**inner, "graphs": {"chain": {**CHAIN, "params": params}}}
    made = using(
        {"outer": use("inner"), "own": use("own")},
        {"a": "outer", "b": "own"},
        graphs={"chain": CHAIN, "inner": inner, "own": own},
    )
    assert factors(made) == {"outer/n/a": 2, "outer/n/b": 3, "own/n/a": 1, "own/n/b": 3}


def test_a_graph_that_only_hands_on_adds_no_node() -> None:
    hand = {"inputs": {"audio": {"type": "audio"}, "other": {"type": "audio"}}, "nodes": {},
            "outputs": {"same": "$audio", "rest": "$other"}}  # fmt: skip
    nodes = {"split": SPLIT,
             "h": {"type": "graph", "graph": "hand",
                   "inputs": {"audio": "split.left", "other": "$x"}}}  # fmt: skip
    bound = using(nodes, {"out": "h.same", "x": "h.rest"}, graphs={"hand": hand}).check()
    assert (str(bound.outputs["out"]), str(bound.outputs["x"])) == ("split.left", "$x")
    assert list(bound.steps) == ["split"]


def test_a_device_of_a_use_is_that_of_its_nodes_that_name_none() -> None:
    body = {**CHAIN, "nodes": {**NODES, "a": scale("$audio", 1, device=["mps"])}}
    made = using({"u": {**use(), "device": ["cuda", "cpu"]}}, {"out": "u"}, graphs={"chain": body})
    steps = made.check().steps
    assert (steps["u/a"].device, steps["u/b"].device) == (("mps",), ("cuda", "cpu"))


def test_stock_graphs_are_used_by_their_names() -> None:
    document = {
        "format": 1, "name": "twice", "inputs": {"x": {"type": "audio"}},
        "nodes": {"end": {"type": "graph", "graph": "deliver", "inputs": {"master": "$x"},
                          "params": {"target_lufs": -20}}},
        "outputs": {"song": "end.delivered"},
    }  # fmt: skip
    made = Graph.from_json(json.dumps(document))
    assert made.check().steps["end/level"].plain_params["target_lufs"] == -20
    again = json.loads(made.to_json())
    assert again["nodes"] == document["nodes"]
    assert "graphs" not in again


def test_graphs_of_an_installed_package_are_found_by_their_names(tmp_path: Path) -> None:
    package = tmp_path / "tape_graphs"
    write(package, "worn-tape.json", {**CHAIN, "nodes": {"a": {"type": "invert", "inputs": {
        "audio": "$audio"}}}, "params": {}, "outputs": {"out": "a"}})  # fmt: skip
    (package / "__init__.py").touch()
    info = tmp_path / "tape_graphs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tape-graphs\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[resonate_graph.graphs]\ntape = tape_graphs\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    ended = resonate("check", "worn-tape", "--json", PYTHONPATH=path)
    assert (ended.code, ended.document["graph"]) == (0, "worn-tape")


# -- files -----------------------------------------------------------------------------------------


def write(folder: Path, name: str, body: dict[str, Any]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": 1, "name": Path(name).stem, **body}))
    return path


def song(ref: str) -> dict[str, Any]:
    return {"inputs": {"x": {"type": "audio"}}, "nodes": {"u": use(ref)}, "outputs": {"out": "u"}}


def nested(ref: str) -> dict[str, Any]:
    return {"inputs": {"audio": {"type": "audio"}}, "nodes": {"deep": use(ref, "$audio")},
            "outputs": {"out": "deep"}}  # fmt: skip


def read(path: Path, **more: Any) -> Graph:
    return rg.load(path, nodes=[toy_nodes.MODULE], **more)


def test_files_are_found_beside_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, "chains/deep/chain.json", CHAIN)
    write(tmp_path, "chains/way.json", nested("./deep/chain.json"))
    made = read(write(tmp_path, "song.json", song("./chains/way.json")))
    assert list(made.check().steps) == ["u/deep/a", "u/deep/b"]


def test_what_lies_in_files_is_copied_into_what_is_written(tmp_path: Path) -> None:
    write(tmp_path, "chains/chain.json", CHAIN)
    write(tmp_path, "chains/way.json", nested("./chain.json"))
    made = read(write(tmp_path, "song.json", song("./chains/way.json")))
    elsewhere = made.save(tmp_path / "elsewhere" / "song.json")
    assert factors(read(elsewhere)) == factors(made) == {"u/deep/a": 2, "u/deep/b": 3}
    result = made.run({"x": SOUND}, store=False)
    saved = result.save(tmp_path / "out")
    recipe = rg.read_provenance(saved["out"])
    assert factors(Graph.from_json(recipe.graph, nodes=[toy_nodes.MODULE])) == factors(made)


def test_what_is_copied_means_the_same_where_its_names_are_taken(tmp_path: Path) -> None:
    """A file uses a stock graph by a name that the graph around it has for another."""
    end = {"type": "graph", "graph": "deliver", "inputs": {"master": "$audio"}}
    write(tmp_path, "chain.json", {"inputs": AUDIO, "nodes": {"end": end},
                                   "outputs": {"out": "end.delivered"}})  # fmt: skip
    own = {"inputs": {"master": {"type": "audio"}}, "nodes": {"n": scale("$master", 2)},
           "outputs": {"delivered": "n"}}  # fmt: skip
    body = {**song("./chain.json"), "graphs": {"deliver": own}}
    made = read(write(tmp_path, "song.json", body))
    saved = read(made.save(tmp_path / "elsewhere" / "song.json"))
    assert list(saved.check().steps) == list(made.check().steps)
    assert saved.differences(made) == []


def test_files_of_one_name_in_several_folders_are_no_circle(tmp_path: Path) -> None:
    write(tmp_path, "a.json", nested("./sub/b.json"))
    write(tmp_path, "sub/b.json", nested("./a.json"))
    write(tmp_path, "sub/a.json", CHAIN)
    made = read(write(tmp_path, "song.json", song("./a.json")))
    assert factors(read(made.save(tmp_path / "elsewhere" / "song.json"))) == factors(made)


def test_files_of_a_folder_of_the_caller_are_found_too(tmp_path: Path) -> None:
    write(tmp_path / "shared", "chain.json", CHAIN)
    path = write(tmp_path / "songs", "song.json", song("./chain.json"))
    assert list(read(path, graphs=tmp_path / "shared").check().steps) == ["u/a", "u/b"]
    assert "there is no file './chain.json' in" in only(read(path)).message


@pytest.mark.parametrize("ref", ["./../chain.json", "./a/../../chain.json", ".//chain.json", "./."])
def test_a_file_outside_the_folder_cannot_be_named(tmp_path: Path, ref: str) -> None:
    write(tmp_path, "chain.json", CHAIN)
    problem = only(read(write(tmp_path / "songs", "song.json", song(ref))))
    assert problem.code == "unknown-graph"
    assert problem.message == f"{ref!r} is no file below this one: say ./name.json"


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "chain.json", CHAIN)
    path = write(tmp_path / "songs", "song.json", song("./chain.json"))
    (tmp_path / "songs" / "chain.json").symlink_to(tmp_path / "chain.json")
    assert "is a link that leads out of" in only(read(path)).message


def test_a_graph_that_lies_in_no_file_names_none() -> None:
    assert "lies in no file" in only(using({"u": use("./chain.json")}, {"out": "u"})).message


def test_faults_of_a_used_file_are_told_with_its_name_and_line(tmp_path: Path) -> None:
    text = '{"format": 1,\n "name": "b",\n "nodes": [],\n "outputs": {}}'
    (tmp_path / "broken.json").write_text(text)
    problem = only(read(write(tmp_path, "song.json", song("./broken.json"))))
    assert str(problem) == "broken.json:3:11 /nodes: Input should be an object (in u)"
    write(tmp_path, "faulty.json", {**CHAIN, "nodes": {**NODES, "a": {"type": "scael"}}})
    told = r"(?s)song.json: 1 problem.*faulty.json:1:\d+ /nodes/a/type"
    with pytest.raises(GraphError, match=told):
        read(write(tmp_path, "song.json", song("./faulty.json"))).check()


# -- what is wrong ---------------------------------------------------------------------------------


def test_faults_of_uses_and_definitions_are_told_at_once_where_they_stand() -> None:
    text = """{
      "format": 1, "name": "many", "inputs": {"x": {"type": "audio"}},
      "graphs": {
        "chain": {
          "inputs": {"audio": {"type": "audio"}, "amount": {"type": "number"}},
          "params": {"first": {"type": "number", "default": 2, "maximum": 4}},
          "nodes": {
            "a": {"type": "scale", "inputs": {"audio": ‸"$audioo"},
                  "params": {"factor": ‸{"$param": "frist"}}},
            "b": {"type": ‸"scael", "inputs": {"audio": "a"}},
            "c": {"type": "scale", "inputs": {"audio": ‸"aa"}}
          },
          "outputs": {"out": "c"}
        }
      },
      "nodes": {
        "u": {"type": "graph", "graph": "chain", "inputs": {"audio": "$x", "amount": ‸"$x"},
              "params": {"first": ‸9}},
        "v": ‸{"type": "graph", "graph": "chain", "inputs": {"audio": "u", ‸"tracks": "u"},
              "params": {‸"firts": 1}},
        "w": {"type": "graph", "graph": ‸"chian", "inputs": {"audio": "$x"}}
      },
      "outputs": {"out": "v"}
    }"""
    problems = assert_places(
        text,
        ("unknown-input", "/graphs/chain/nodes/a/inputs/audio"),
        ("unknown-param", "/graphs/chain/nodes/a/params/factor"),
        ("unknown-type", "/graphs/chain/nodes/b/type"),
        ("unknown-node", "/graphs/chain/nodes/c/inputs/audio"),
        ("wrong-port-type", "/nodes/u/inputs/amount"),
        ("bad-param", "/nodes/u/params/first"),
        ("missing-input", "/nodes/v"),
        ("unknown-port", "/nodes/v/inputs/tracks"),
        ("unknown-param", "/nodes/v/params/firts"),
        ("unknown-graph", "/nodes/w/graph"),
    )
    assert [str(one).partition(": ")[2] for one in problems] == [
        "no input 'audioo'; did you mean 'audio'? (in u and 1 more)",
        "no graph param 'frist'; did you mean 'first'? (in u and 1 more)",
        "no node type 'scael'; did you mean 'scale'? (in u and 1 more)",
        "no node 'aa'; did you mean 'a'? (in u and 1 more)",
        "$x gives audio, this input takes number; nothing here gives number",
        "9 is above the maximum 4",
        "input 'amount' (number) of 'v' is not connected; nothing here gives number",
        "'chain' has no input 'tracks'; there are: audio, amount",
        "'chain' has no param 'firts'; did you mean 'first'?",
        "no graph 'chian'; did you mean 'chain'?",
    ]


def test_a_fault_deep_inside_names_the_way_to_it() -> None:
    nodes = {"n": use("chain", "$audio", first=7)}
    inner = {"inputs": AUDIO, "nodes": nodes, "outputs": {"out": "n"}}
    made = using({"u": use("inner")}, {"out": "u"}, graphs={"chain": CHAIN, "inner": inner})
    problem = only(made)
    assert problem.to_json() == {
        "code": "bad-param", "message": "7 is above the maximum 4",
        "pointer": "/graphs/inner/nodes/n/params/first", "line": 1, "column": problem.column,
        "within": "u", "uses": [{"name": "u", "source": "graph.json", "line": 1,
                                 "column": problem.uses[0].column}],
    }  # fmt: skip


def test_graphs_that_use_each_other_are_refused_with_the_circle() -> None:
    a = {**nested("b"), "inputs": {"audio": {"type": "audio"}}}
    made = using({"u": use("a")}, {"out": "u"}, graphs={"a": a, "b": nested("a")})
    problem = only(made)
    assert (problem.code, problem.pointer) == ("cycle", "/graphs/b/nodes/deep/graph")
    assert problem.message == "these graphs use each other in a circle: a -> b -> a"


def test_a_file_that_uses_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "chain.json", nested("./chain.json"))
    problem = only(read(write(tmp_path, "song.json", song("./chain.json"))))
    assert problem.message.startswith("these graphs use each other in a circle: ./chain.json ->")


def test_wires_in_a_circle_are_found_through_what_hands_them_on() -> None:
    hand = {"inputs": {"audio": {"type": "audio"}}, "nodes": {}, "outputs": {"out": "$audio"}}
    made = using({"u": use("h", "v"), "v": use("h", "u")}, {"out": "u"}, graphs={"h": hand})
    assert "cycle" in {one.code for one in problems_of(made)}
    real = using({"u": use("chain", "v"), "v": use("chain", "u")}, {"out": "u"})
    told = "these nodes feed each other in a circle: u/a -> u/b -> v/a -> v/b -> u/a"
    assert only(real).message == told


@pytest.mark.parametrize(
    ("node", "code", "message"),
    [
        ({"type": "graph"}, "missing-key", "'graph' is missing: the name of a definition"),
        ({"type": "scale", "graph": "chain"}, "unknown-key", "only a node of the type \"graph\""),
        (each({}), "bad-for-each", 'say for what: "for_each"'),
        (each("split.*"), "bad-for-each", "split.* is no bundle of wires"),
        (each({"l": "$x"}, first={"k": 1}), "unknown-key", "'u' is not used for 'k'"),
        ({**each({"l": "$x"}), "inputs": {"audio": "$x"}}, "duplicate-key", "is wired twice"),
        (use(first="x"), "bad-param", "'x' is no number"),
        (use(first={"$param": "nope"}), "unknown-param", "no graph param 'nope'"),
        ({**use(), "inputs": {"audio": ["$x"]}}, "not-a-list", "takes one wire, not a list"),
        (use(wire="each.*"), "not-a-list", "each.* is many wires, and one is taken here"),
        (each({"k": "each.*"}), "not-a-list", "each.* is many wires, and one is taken here"),
    ],
)  # fmt: skip
def test_each_fault_of_a_use_is_told(node: dict[str, Any], code: str, message: str) -> None:
    problems = problems_of(
        using({"split": SPLIT, "each": each({"k": "$x"}), "u": node}, {"out": "$x"})
    )
    assert code in [one.code for one in problems]
    assert any(message in one.message for one in problems if one.code == code)


@pytest.mark.parametrize(
    ("wire", "code", "message"),
    [
        ("u", "ambiguous-port", "'u' is several: say u.l, u.r, or u.* for all"),
        ("u.m", "unknown-port", "'u' is not used for 'm'; there are: l, r"),
        ("u.l.x", "unknown-port", "'u' has no output 'x'; there are: out"),
        ("u.*", "not-a-list", "u.* is many wires, and one is taken here"),
        ("split.*", "unknown-port", "'split' is no graph that is used for_each"),
        ("split.left.x", "unknown-port", "'split' is no graph that is used for_each"),
        ("two", "ambiguous-port", "'two' has several outputs: say two.a, two.b"),
    ],
)
def test_each_fault_of_a_wire_to_a_use_is_told(wire: str, code: str, message: str) -> None:
    pair = {"inputs": {"audio": {"type": "audio"}}, "nodes": {},
            "outputs": {"a": "$audio", "b": "$audio"}}  # fmt: skip
    nodes = {"split": SPLIT, "u": each({"l": "split.left", "r": "split.right"}), "two": use("pair")}
    made = using(nodes, {"out": wire}, graphs={"chain": CHAIN, "pair": pair})
    found = [(one.code, one.message) for one in problems_of(made)]
    assert any(one == code and message in said for one, said in found), found


def test_what_would_grow_without_end_is_refused_and_soon() -> None:
    """Twenty definitions that use the next one ten times would be 10^20 nodes."""
    graphs = {
        f"g{level}": {
            "inputs": {"audio": {"type": "audio"}},
            "nodes": {f"n{i}": use(f"g{level + 1}", "$audio") for i in range(10)},
            "outputs": {"out": "n0"},
        }
        for level in range(20)
    }
    made = using({"u": use("g0")}, {"out": "u"}, graphs={**graphs, "g20": CHAIN})
    assert [one.code for one in problems_of(made)] == ["too-large"]


def test_long_ways_are_refused_not_followed_for_ever() -> None:
    hand = {"inputs": {"audio": {"type": "audio"}}, "nodes": {}, "outputs": {"out": "$audio"}}
    nodes: dict[str, Any] = {f"n{i}": use("h", f"n{i + 1}") for i in range(1500)}
    nodes["n1500"] = use("h")
    made = using(nodes, {"out": "n0"}, graphs={"h": hand})
    assert {one.code for one in problems_of(made)} == {"too-deep"}
    bundles: dict[str, Any] = {f"n{i}": each(f"n{i + 1}.*", "h") for i in range(1500)}
    bundles["n1500"] = each({"k": "$x"}, "h")
    made = using(bundles, {"out": "n1499.k"}, graphs={"h": hand})
    assert "too-deep" in {one.code for one in problems_of(made)}


def test_a_param_of_a_use_that_is_misspelt_is_told_with_what_was_meant() -> None:
    made = using({"u": each({"l": "$x"})}, {"out": "u.l"})
    message = only(made, params={"u/l.frist": 1}).message
    assert message == "no param 'u/l.frist'; did you mean 'u/l.first'?"


def test_what_stops_a_new_author_inside_a_definition_is_told_as_outside() -> None:
    """A param that needs a value and is misspelt is told once; ``"$name"`` was meant as a param."""
    nodes = {
        "low": {"type": "highpass", "inputs": {"audio": "$audio"}, "params": {"frequency": 80}},
        "clean": {"type": "denoise", "inputs": {"audio": "low"}, "params": {"strength": "$hiss"}},
    }
    voice = {"inputs": AUDIO, "params": {"hiss": {"type": "number", "default": 0.5}},
             "nodes": nodes, "outputs": {"out": "clean"}}  # fmt: skip
    made = using({"u": use("voice"), "v": use("voice", "u")}, {"out": "v"}, graphs={"voice": voice})
    with pytest.raises(GraphError) as caught:
        made.check()
    assert [one.message for one in caught.value.problems] == [
        "'highpass' has no param 'frequency'; did you mean 'frequency_hz'?",
        "strength: input should be a valid number, not '$hiss'; "
        'a param of the graph is written {"$param": "hiss"}',
    ]


def test_a_wire_through_used_graphs_is_told_where_it_is_written() -> None:
    """Not where it ends, and once, though both uses bring it; also one that nobody takes."""
    inner = {"inputs": AUDIO, "outputs": {"out": "twice", "idle": "nowhere"},
             "nodes": {"twice": {"type": "scale", "inputs": {"audio": "$audio"}}}}  # fmt: skip
    outer = {
        "inputs": AUDIO, "outputs": {"out": "n.out"}, "graphs": {"inner": inner},
        "nodes": {"both": {"type": "sides", "inputs": {"audio": "$audio"}},
                  "n": use("inner", "both")},
    }  # fmt: skip
    made = using({"u": use("outer"), "v": use("outer", "u")}, {"out": "v"}, graphs={"outer": outer})
    with pytest.raises(GraphError) as caught:
        made.check()
    assert [(one.pointer, one.message, one.within) for one in caught.value.problems] == [
        ("/graphs/outer/graphs/inner/outputs/idle", "no node 'nowhere'; there are: twice",
         "u/n and 1 more"),
        ("/graphs/outer/nodes/n/inputs/audio",
         "'both' has several outputs: say both.left, both.right", "u and 1 more"),
    ]  # fmt: skip


def test_wires_that_would_fit_are_named_as_they_are_written_there() -> None:
    """Inputs, nodes and outputs of used graphs, of the same scope; none that would be a circle."""
    nodes = {
        "first": {"type": "scale", "inputs": {"audio": "$audio"}},
        "figures": {"type": "peak", "inputs": {"audio": "first"}},
        "wrong": {"type": "scale", "inputs": {"audio": "figures"}},
        "after": {"type": "sides", "inputs": {"audio": "wrong"}},
        "other": use("chain", "$audio"),
    }
    outer = {"inputs": AUDIO, "nodes": nodes, "outputs": {"out": "after.left"}}
    made = using({"u": use("outer")}, {"out": "u"}, graphs={"outer": outer, "chain": CHAIN})
    assert only(made).message == (
        "figures gives Peak, input 'audio' takes audio; audio here: $audio, other, first"
    )


def test_a_definition_that_nothing_uses_is_warned_of() -> None:
    bound = using({"a": scale("$x", 1)}, {"out": "a"}).check()
    assert [one.code for one in bound.warnings] == ["unused-graph"]


def test_what_nothing_uses_in_definitions_is_warned_of() -> None:
    number = {"type": "number", "default": 1}
    hand: dict[str, Any] = {
        "inputs": {**AUDIO, "spare": {"type": "audio"}},
        "params": {"by": number, "idle": number},
        "nodes": {
            "kept": scale("$audio", {"$param": "by"}),
            "lost": scale("$spare", {"$param": "idle"}),
        },
        "outputs": {"out": "kept"},
    }
    last = {"inputs": AUDIO, "nodes": {"kept": scale("$audio", 1)}, "outputs": {"out": "kept"}}
    first = {**last, "nodes": {"kept": use("last", "$audio")}}
    used = use("hand")
    used["inputs"]["spare"] = "$x"
    made = using({"u": used}, {"out": "u.out"}, graphs={"hand": hand, "first": first, "last": last})
    assert [(one.code, one.pointer) for one in made.check().warnings] == [
        ("unused-node", "/graphs/hand/nodes/lost"),
        ("unused-input", "/graphs/hand/inputs/spare"),
        ("unused-param", "/graphs/hand/params/idle"),
        ("unused-graph", "/graphs/first"),
        ("unused-graph", "/graphs/last"),
    ]


# -- in Python -------------------------------------------------------------------------------------


def chain_graph() -> Graph:
    inner = Graph("chain")
    audio = inner.input("audio", Audio)
    first = inner.param("first", float, default=2.0)
    inner.output("out", inner.add(toy_nodes.scale, "a")(audio, factor=first))
    return inner


def test_a_graph_is_added_like_a_node() -> None:
    outer = Graph("outer")
    mix = outer.input("mix", Audio)
    strong = outer.param("strong", float, default=3.0)
    once = outer.add(chain_graph(), "once")(mix, first=strong)
    twice = outer.add(chain_graph())(audio=once)
    outer.output("out", twice)
    assert list(outer.document.graphs) == ["chain"]
    assert factors(outer) == {"once/a": 3, "chain/a": 2}
    result = outer.run({"mix": SOUND}, store=False)
    out = result["out"]
    assert isinstance(out, Audio)
    np.testing.assert_array_equal(out.samples, SOUND.samples * 6)


def test_a_graph_is_used_for_each_of_some_wires_in_python() -> None:
    outer = Graph("outer")
    ends = outer.add(toy_nodes.sides, "split")(outer.input("mix", Audio))
    both = outer.add(chain_graph(), "both")(
        audio={"l": ends.left, "r": ends.right}, first={"l": 0.5}
    )
    outer.output("sum", outer.add(toy_nodes.total)(list(both.values())))
    outer.output("left", both.l)
    assert factors(outer) == {"both/l/a": 0.5, "both/r/a": 2}
    with pytest.raises(AttributeError, match="there is no 'm'; there are: l, r"):
        _ = both.m


def test_several_outputs_are_given_back_by_their_names() -> None:
    outer = Graph("outer")
    end = outer.add(rg.stock("deliver"), "end")(outer.input("mix", Audio), target_lufs=-20)
    outer.output("song", end.delivered)
    outer.output("report", end["loudness"])
    assert outer.check().steps["end/level"].plain_params["target_lufs"] == -20
    assert Graph.from_json(outer.to_json()).check().steps.keys() == outer.check().steps.keys()


def test_graphs_of_one_name_that_differ_are_kept_apart() -> None:
    other = chain_graph()
    again = other.input("again", Audio)
    other.output("second", other.add(toy_nodes.scale, "b")(again, factor=4.0))
    outer = Graph("outer")
    mix = outer.input("mix", Audio)
    outer.output("a", outer.add(chain_graph(), "one")(mix))
    outer.output("b", outer.add(other, "two")(mix, mix).second)
    assert list(outer.document.graphs) == ["chain", "chain_2"]
    assert factors(outer) == {"one/a": 2, "two/a": 2, "two/b": 4}


# -- flattening keeps keys -------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(1, 3))
def test_nesting_changes_no_key(levels: list[int], depth: int) -> None:
    """A chain of gains, cut at any places into definitions inside definitions."""
    gains = [factor / 4 for factor in levels]
    plain = {
        f"n{i}": {"type": "scale", "inputs": {"audio": f"n{i - 1}" if i else "$x"},
                  "params": {"factor": factor}}
        for i, factor in enumerate(gains)
    }  # fmt: skip
    body: dict[str, Any] = {
        "inputs": {"x": {"type": "audio"}}, "nodes": plain, "outputs": {"out": f"n{len(gains) - 1}"}
    }  # fmt: skip
    for _ in range(depth):
        body = {
            "inputs": {"x": {"type": "audio"}}, "graphs": {"inner": body},
            "nodes": {"u": {"type": "graph", "graph": "inner", "inputs": {"x": "$x"}}},
            "outputs": {"out": "u"},
        }  # fmt: skip
    whole = load(json.dumps({"format": 1, "name": "g", **body}))
    keys = [
        [node["key"] for node in made.run({"x": SOUND}, store=False).report["nodes"]]
        for made in (graph(plain, {"out": f"n{len(gains) - 1}"}), whole)
    ]
    assert keys[0] == keys[1]
