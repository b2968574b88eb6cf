from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from resonate_graph import GraphError, InputError, Problem
from resonate_graph._graph.document import parse
from tests.marks import marked

HEAD = '{"format": 1, "name": "g", "nodes": {}, "outputs": {}'


def problems_of(text: str) -> tuple[Problem, ...]:
    """What is wrong with the form of a text."""
    with pytest.raises(GraphError) as caught:
        parse(text, "graph.json")
    return caught.value.problems


def only(text: str) -> Problem:
    (problem,) = problems_of(text)
    return problem


def assert_places(text: str, *expected: tuple[str, str]) -> tuple[Problem, ...]:
    """Assert that a text has these problems (code, pointer), at the places marked in it."""
    plain, places = marked(text)
    problems = problems_of(plain)
    assert [(one.code, one.pointer) for one in problems] == list(expected)
    assert [(one.line, one.column) for one in problems] == places
    return problems


# -- text that is no JSON ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "‸",
        "\n  ‸x",
        '{"name": "ünïcödé",\n "nodes" ‸1}',
        "{‸'name': 1}",
        '{"name": "g" ‸/* mine */}',
        '{"name": "g"} ‸x',
        "{}\n‸{}",
        '{"name": "a‸\tb"}',
        "‸\ufeff{}",
    ],
    ids=["empty", "word", "colon", "quotes", "comment", "garbage", "two", "tab", "bom"],
)
def test_a_fault_of_syntax_is_found_at_its_place(text: str) -> None:
    (problem,) = assert_places(text, ("syntax", ""))
    assert "this is no JSON" in problem.message


def test_a_comma_too_many_is_no_json() -> None:
    assert only(HEAD + ",}").code == "syntax"


def test_a_file_that_is_no_utf_8_is_told_where(tmp_path: Path) -> None:
    path = tmp_path / "latin-1.json"
    path.write_bytes('{"name": "ü",\n "description": "'.encode() + "größe".encode("latin-1"))
    with pytest.raises(GraphError) as caught:
        rg.load(path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.column) == ("syntax", 2, 20)
    assert "no UTF-8" in problem.message
    assert str(caught.value).startswith(str(path))


def test_a_byte_order_mark_in_a_file_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + b"}")
    assert rg.load(path).name == "g"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"graph\.json: there is no such file"):
        rg.load(tmp_path / "graph.json")
    with pytest.raises(InputError, match="cannot be read"):
        rg.load(tmp_path)


# -- JSON that goes beyond what every reader agrees on -----------------------------------------


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_that_are_no_json_are_found_in_place(word: str) -> None:
    text = HEAD + f',\n "ui": {{"ümlaut": [1, ‸{word}]}}}}'
    assert_places(text, ("not-finite", "/ui/ümlaut/1"))


def test_every_such_word_is_found() -> None:
    text = HEAD + ',\n "ui": [‸NaN,\n "NaN",\n ‸-Infinity]}'
    assert_places(text, ("not-finite", "/ui/0"), ("not-finite", "/ui/2"))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "-" + "9" * 10_000])
def test_numbers_beyond_float64_are_found(number: str) -> None:
    assert_places(HEAD + f',\n "ui": [‸{number}]}}', ("not-finite", "/ui/0"))


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**30])
def test_integers_that_readers_round_differently_are_found(number: int) -> None:
    (problem,) = assert_places(HEAD + f', "ui": ‸{number}}}', ("too-large", "/ui"))
    assert str(2**53 - 1) in problem.message


def test_a_repeated_key_is_found_each_time() -> None:
    text = """{
      "format": 1,
      "name": "g",
      "nodes": {"gain": {"type": "gain", ‸"type": "gate"}},
      "outputs": {},
      ‸"name": "h", "ui": [1e+3, 2E-1],
      ‸"\\u006eame": "i"
    }"""
    assert_places(
        text,
        ("duplicate-key", "/nodes/gain/type"),
        ("duplicate-key", "/name"),
        ("duplicate-key", "/name"),
    )


def test_half_a_character_is_found() -> None:
    text = HEAD + ', "ui": [‸"\\ud800",\n {"a": ‸"\\udfff!"}, ‸{"\\ud800": 1}]}'
    assert_places(text, ("bad-text", "/ui/0"), ("bad-text", "/ui/1/a"), ("bad-text", "/ui/2"))


def test_half_a_character_in_a_python_text_is_found() -> None:
    assert_places(HEAD + ', "ui": ‸"\ud800"}', ("bad-text", "/ui"))


def test_whole_characters_beyond_the_first_plane_are_fine() -> None:
    graph = rg.Graph.from_json(HEAD + ', "description": "\\ud83c\\udf9a 🎚"}')
    assert graph.document.description == "🎚 🎚"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_100_000_nested_brackets_are_one_problem(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    for text in (opening * 100_000, opening * 100_000 + "1" + closing * 100_000):
        assert only(text).code == "too-deep"


def test_nesting_is_allowed_to_a_limit() -> None:
    assert rg.Graph.from_json(HEAD + ', "ui": ' + "[" * 31 + "]" * 31 + "}").name == "g"
    for depth in (32, 500):
        text = HEAD + ',\n "ui": ' + "[" * 31 + "‸" + "[" * (depth - 31) + "]" * depth + "}"
        assert_places(text, ("too-deep", "/ui" + "/0" * 31))


def test_a_document_that_is_too_large_is_not_read() -> None:
    problem = only(HEAD + " " * (8 << 20) + "}")
    assert (problem.code, problem.message) == ("too-large", "the document is over 8 MiB")


def test_a_large_document_on_one_line_is_explained_quickly() -> None:
    # to count characters from the start of the line for each value would take minutes
    problem = only(HEAD + f', "ui": [{"1," * 100_000}1e999]}}')
    assert problem.column == len(HEAD) + 10 + 200_000


# -- JSON that is no graph ---------------------------------------------------------------------


@pytest.mark.parametrize("text", ["[]", "1", '"graph"', "null"])
def test_a_graph_is_an_object(text: str) -> None:
    assert only(text).message == "a graph is a JSON object"


@pytest.mark.parametrize("value", ["0", "2", "1.0", "true", '"1"', "null", "[1]"])
def test_a_format_this_library_does_not_know_is_refused(value: str) -> None:
    assert_places(f'{{\n "format": ‸{value}}}', ("unknown-format", "/format"))


def test_a_document_without_a_format_is_refused() -> None:
    assert_places('\n‸{"name": "g"}', ("unknown-format", "/format"))


def test_missing_keys_are_all_told() -> None:
    text = '{"format": 1,\n "nodes": {"gain": {}}}'
    found = [(one.pointer, one.line, one.column, one.message) for one in problems_of(text)]
    assert found == [
        ("", 1, 1, "'outputs' is missing"),
        ("", 1, 1, "'name' is missing"),
        ("/nodes/gain", 2, 20, "'type' is missing"),
    ]


def test_unknown_keys_are_found_everywhere_with_what_may_stand_there() -> None:
    text = """{
      "format": 1, "name": "g", "description": "größe", ‸"nmae": 1,
      "inputs": {"mix": {"type": "audio", ‸"kind": 1}},
      "params": {"p": {"type": "number", ‸"min": 0}},
      "nodes": {"gain": {"type": "gain", ‸"input": {"audio": "$mix"}}},
      "outputs": {}
    }"""
    problems = assert_places(
        text,
        ("unknown-key", "/nmae"),
        ("unknown-key", "/inputs/mix/kind"),
        ("unknown-key", "/params/p/min"),
        ("unknown-key", "/nodes/gain/input"),
    )
    assert problems[3].message == (
        "unknown key 'input'; here stand: type, graph, inputs, for_each, params, device, "
        "description, ui"
    )


def test_wrong_types_are_found_at_the_value() -> None:
    text = """{
      "format": 1, "name": ‸7,
      "inputs": {"mix": {"type": ‸"sound"}, "x": ‸[]},
      "params": {"p": {"type": "number", "minimum": ‸"0", "maximum": ‸true, "enum": ‸3}},
      "nodes": {"gain": {"type": ‸["gain"], "inputs": ‸[], "params": ‸"x", "device": ‸"cpu"}},
      "outputs": {"out": ‸1}
    }"""
    pointers = ["/name", "/inputs/mix/type", "/inputs/x", "/params/p/minimum", "/params/p/maximum",
                "/params/p/enum", "/nodes/gain/type", "/nodes/gain/inputs", "/nodes/gain/params",
                "/nodes/gain/device", "/outputs/out"]  # fmt: skip
    assert_places(text, *(("wrong-type", pointer) for pointer in pointers))


@pytest.mark.parametrize("name", ["strings", "str", "int_gain", "floats", "list_of", "literal_x",
                                  "function_x", "constrained-str"])  # fmt: skip
def test_names_that_look_like_type_names_do_not_confuse_the_place(name: str) -> None:
    text = f'{{"format": 1, "name": "g", "outputs": {{}},\n "nodes": {{"{name}": {{"type": ‸3}}}}}}'
    assert_places(text, ("wrong-type", f"/nodes/{name}/type"))


@pytest.mark.parametrize(
    "name", ["", "1st", "a b", "a.b", "a/b", "../a", "$a", "ä", "a\n", "a" * 101]
)
def test_names_are_words(name: str) -> None:
    text = json.dumps({"format": 1, "name": "g", "nodes": {name: {"type": "gain"}}, "outputs": {}})
    problem = only(text)
    assert problem.code == "bad-name" if len(name) < 100 else "wrong-type"
    assert len(name) > 100 or f"{name!r} is no valid name: letters, digits" in problem.message
    assert problem.column == text.index(json.dumps(name), 30) + 1


@pytest.mark.parametrize("name", ["out", "out.wav", "a-b_c.mp3"])
def test_an_output_may_have_a_suffix(name: str) -> None:
    text = json.dumps({"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, "nodes": {},
                       "outputs": {name: "$x"}})  # fmt: skip
    assert list(rg.Graph.from_json(text).document.outputs) == [name]


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", "..", "out.tar.gz", "out.", ".wav",
                                  "c:x", "out.WAV"])  # fmt: skip
def test_an_output_names_no_other_place(name: str) -> None:
    text = json.dumps({"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, "nodes": {},
                       "outputs": {name: "$x"}})  # fmt: skip
    problem = only(text)
    assert problem.code == "bad-name"
    assert f"{name!r} is no valid name of an output: letters, digits" in problem.message


@pytest.mark.parametrize(
    "wire", ["", "a b", "a.b.c.d", "a.*.*", "*", "$", "$a.b", "a.", ".a", "$$a", "1"]
)
def test_a_wire_has_one_of_three_forms(wire: str) -> None:
    text = json.dumps({"format": 1, "name": "g", "nodes": {}, "outputs": {"out": wire}})
    expected = f"{wire!r} is no valid wire: node, node.port, or $input"
    assert only(text).message.startswith(expected)
    assert only(text).message.endswith("of names that begin with no digit or -")


def test_a_bad_wire_in_a_list_is_one_problem_at_its_own_place() -> None:
    text = (
        '{"format": 1, "name": "g", "outputs": {},\n'
        ' "nodes": {"sum": {"type": "mix", "inputs": {"tracks": ["a", ‸"b c", ‸3]}}}}'
    )
    assert_places(
        text,
        ("bad-name", "/nodes/sum/inputs/tracks/1"),
        ("wrong-type", "/nodes/sum/inputs/tracks/2"),
    )


def test_a_device_is_a_kind_or_a_certain_card() -> None:
    text = json.dumps({"format": 1, "name": "g", "outputs": {},
                       "nodes": {"a": {"type": "gain",
                                       "device": ["cuda:12", "tpu", "cuda:x"]}}})  # fmt: skip
    problems = problems_of(text)
    assert [one.pointer for one in problems] == ["/nodes/a/device/1", "/nodes/a/device/2"]
    assert {one.message for one in problems} == {
        "it is mps, cuda, cpu, or a certain card such as cuda:1"
    }


def test_problems_come_in_the_order_of_the_text_and_read_well() -> None:
    text = '{"outputs": 1,\n "format": 1,\n "nodes": 2,\n "name": 3}'
    with pytest.raises(GraphError) as caught:
        rg.Graph.from_json(text, source="mine.json")
    assert str(caught.value) == (
        "mine.json: 3 problems\n"
        "  1:13 /outputs: Input should be an object\n"
        "  3:11 /nodes: Input should be an object\n"
        "  4:10 /name: Input should be a valid string"
    )
    assert caught.value.source == "mine.json"
    assert caught.value.problems[0].to_json() == {
        "code": "wrong-type", "message": "Input should be an object", "pointer": "/outputs",
        "line": 1, "column": 13,
    }  # fmt: skip


# -- writing and reading back ------------------------------------------------------------------

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=10)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
wires = names | names.map("${}".format) | st.builds("{}.{}".format, names, names)
NOTHING = st.fixed_dictionaries({}, optional={"description": texts | st.none(), "ui": plain})


def spec(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda left, right: {**left, **right},
        st.fixed_dictionaries(required, optional=optional),
        NOTHING,
    )


scalar_types = st.sampled_from(["number", "integer", "string", "boolean"])
input_specs = spec({"type": scalar_types | st.just("audio")}, {})
param_specs = spec(
    {"type": scalar_types},
    {"default": plain, "minimum": numbers, "maximum": numbers, "enum": st.lists(plain, max_size=3)},
)
node_specs = spec(
    {"type": texts},
    {
        "inputs": st.dictionaries(names, wires | st.lists(wires, max_size=3), max_size=3),
        "params": st.dictionaries(texts, plain, max_size=3),
        "device": st.lists(st.sampled_from(["mps", "cuda:1", "cuda", "cpu"]), max_size=3)
        | st.none(),
    },
)
documents = spec(
    {
        "format": st.just(1),
        "name": names,
        "nodes": st.dictionaries(names, node_specs, max_size=3),
        "outputs": st.dictionaries(
            names
            | st.builds("{}.{}".format, names, st.from_regex("[a-z0-9]{1,4}", fullmatch=True)),
            wires,
            max_size=3,
        ),
    },
    {
        "inputs": st.dictionaries(names, input_specs, max_size=3),
        "params": st.dictionaries(names, param_specs, max_size=3),
    },
)


@given(documents)
def test_what_is_read_and_written_is_the_same_document(document: dict[str, Any]) -> None:
    graph = rg.Graph.from_json(json.dumps(document))
    text = graph.to_json()
    assert json.loads(text) == document
    again = rg.Graph.from_json(text)
    assert again.document == graph.document
    assert again.to_json() == text


def test_a_saved_graph_loads_as_the_same(tmp_path: Path) -> None:
    graph = rg.stock("vocal-repair")
    path = graph.save(tmp_path / "copy.json")
    assert rg.load(path).document == graph.document


def test_order_and_every_character_survive_a_file(tmp_path: Path) -> None:
    description = 'größe 日本語 🎚 \u2028 \x7f \\ " \n'
    graph = rg.Graph("g", description=description)
    for name in ("z", "a", "m"):
        graph.input(name, rg.Audio)
    loaded = rg.load(graph.save(tmp_path / "g.json")).document
    assert loaded.description == description
    assert list(loaded.inputs) == ["z", "a", "m"]
