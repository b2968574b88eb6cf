from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph._graph.positions import Position, Positions, join
from tests.marks import marked

texts = st.text(st.characters(codec="utf-8"), max_size=6)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=25,
)
spaces = st.lists(st.sampled_from(["", " ", "\n", "\r\n", "\t", "  "]), min_size=1, max_size=30)


class Writer:
    """Writes JSON with any white space, and notes where each value and key begins."""

    def __init__(self, spaces: list[str]) -> None:
        self.text = ""
        self.values: dict[str, Position] = {}
        self.keys: dict[str, Position] = {}
        self._spaces = spaces
        self._turn = 0

    def value(self, value: Any, pointer: str = "") -> Writer:
        self._space()
        self.values[pointer] = self._here()
        if isinstance(value, dict):
            self._items(
                "{}", [lambda k=k, v=v: self._pair(k, v, pointer) for k, v in value.items()]
            )
        elif isinstance(value, list):
            self._items("[]", [lambda i=i, v=v: self.value(v, f"{pointer}/{i}")
                               for i, v in enumerate(value)])  # fmt: skip
        else:
            self.text += json.dumps(value, ensure_ascii=self._turn % 2 == 0)
        self._space()
        return self

    def _pair(self, key: str, value: Any, parent: str) -> None:
        self._space()
        pointer = parent + "/" + key.replace("~", "~0").replace("/", "~1")
        self.keys[pointer] = self._here()
        self.text += json.dumps(key, ensure_ascii=self._turn % 2 == 0)
        self._space()
        self.text += ":"
        self.value(value, pointer)

    def _items(self, brackets: str, items: list[Any]) -> None:
        self.text += brackets[0]
        for index, item in enumerate(items):
            self.text += "," if index else ""
            item()
        self._space()
        self.text += brackets[1]

    def _space(self) -> None:
        self.text += self._spaces[self._turn % len(self._spaces)]
        self._turn += 1

    def _here(self) -> Position:
        lines = self.text.split("\n")
        return Position(len(lines), len(lines[-1]) + 1)


@given(values, spaces)
def test_every_value_and_key_is_found_where_it_was_written(value: Any, spaces: list[str]) -> None:
    writer = Writer(spaces).value(value)
    assert json.loads(writer.text) == value
    found = Positions(writer.text)
    assert {pointer: found.find(pointer) for pointer in writer.values} == writer.values
    assert {pointer: found.find_key(pointer) for pointer in writer.keys} == writer.keys
    assert (found.duplicates, found.constants) == ([], [])


@pytest.mark.parametrize("number", ["1e+22", "1E+3", "-0.0e-07", "1.5E5", "-12", "0"])
def test_places_after_any_form_of_number_are_right(number: str) -> None:
    assert Positions(f'{{"a": {number}, "b": 1}}').find("/b") == Position(1, len(number) + 14)


def test_columns_count_characters_not_bytes() -> None:
    text, [place] = marked('{"größe": "日本語 🎚", ‸"x": 1}')
    assert Positions(text).find_key("/x") == Position(*place)


def test_what_is_not_there_is_found_at_its_nearest_parent() -> None:
    found = Positions('{\n  "nodes": {"gain": {}}\n}')
    assert found.find("/nodes/gain/params/gain_db") == Position(2, 21)
    assert found.find_key("/nodes/gain/params") == Position(2, 21)
    assert found.find("/outputs") == Position(1, 1)


def test_every_repetition_of_a_key_is_found_however_it_is_written() -> None:
    found = Positions('{"a": 1,\n "b": {"a": 2},\n "\\u0061": {"b": 3},\n "a": 4}')
    assert found.duplicates == [("/a", Position(3, 2)), ("/a", Position(4, 2))]
    assert found.find_key("/a") == Position(1, 2)


def test_words_that_are_no_json_are_found_outside_of_texts_only() -> None:
    found = Positions('{"NaN": "Infinity, NaN",\n "a": [NaN, {"b": -Infinity}]}')
    assert found.constants == [("/a/0", Position(2, 8)), ("/a/1/b", Position(2, 19))]


def test_very_deep_texts_are_read_without_recursion() -> None:
    depth = 50_000
    text = '[{"a":' * depth + "1" + "}]" * depth
    found = Positions(text)
    assert found.find("/0/a/0/a") == Position(1, 13)
    assert found.duplicates == []


def test_one_long_line_is_read_in_one_pass() -> None:
    count = 200_000
    text = "[" + ",".join(["1"] * count) + "]"
    assert Positions(text).find(f"/{count - 1}") == Position(1, 2 * count)


def test_join_escapes_as_rfc_6901_says() -> None:
    assert join("/nodes", "a/b", 3, "m~n", "~1") == "/nodes/a~1b/3/m~0n/~01"
