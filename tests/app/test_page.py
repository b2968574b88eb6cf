"""What the page shows of each stock graph: its widgets are those of the document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import stock, stock_graphs
from tests.tools import needs

pytestmark = needs("streamlit")

PAGE = Path(__file__).parents[2] / "resonate_graph" / "_app" / "page.py"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page, in a process of tests: one session for all of them."""
    from streamlit.testing.v1 import AppTest

    from resonate_graph._app.desk import open_desk

    place = tmp_path_factory.mktemp("desk")
    root = place / "root"
    root.mkdir()
    (root / "faulty.json").write_text(
        '{"format": 1, "name": "faulty",\n "inputs": {"mix": {"type": "audio"}},\n'
        ' "nodes": {"level": {"type": "gian", "inputs": {"audio": "$mix"}}},\n'
        ' "outputs": {"out": "levle"}}\n'
    )
    (root / "using.json").write_text(
        '{"format": 1, "name": "using", "inputs": {"mix": {"type": "audio"}}, "nodes": {"end":'
        ' {"type": "graph", "graph": "deliver", "inputs": {"master": "$mix"}}},'
        ' "outputs": {"out": "end.delivered"}}'
    )
    (root / "bands.json").write_text(
        '{"format": 1, "name": "bands", "inputs": {"mix": {"type": "audio"}}, "nodes": {"tone":'
        ' {"type": "eq", "inputs": {"audio": "$mix"}, "params": {"bands": []}}},'
        ' "outputs": {"out": "tone"}}'
    )
    desk = open_desk(place / "work", root=root, store=place / "store")
    tested = AppTest.from_file(str(PAGE), default_timeout=60)
    tested.run()
    yield tested
    desk.close()


def _widgets(page: Any) -> dict[str, Any]:
    every = [*page.slider, *page.number_input, *page.text_input, *page.toggle, *page.selectbox]
    return {one.key: one for one in every if one.key}


@pytest.mark.parametrize("name", stock_graphs())
def test_the_widgets_of_a_graph_are_those_of_its_document(page: Any, name: str) -> None:
    page.selectbox(key="graph").select(name).run()
    assert not page.exception
    document = stock(name).document
    widgets = _widgets(page)
    shown = {one.removeprefix(f"param-{name}-") for one in widgets if one.startswith("param-")}
    assert shown == set(document.params)
    for param, spec in document.params.items():
        widget = widgets[f"param-{name}-{param}"]
        assert widget.value == spec.default or (widget.value == "" and spec.default is None)
        if hasattr(widget, "min"):
            assert (widget.min, widget.max) == (spec.minimum, spec.maximum)
        if spec.enum is not None:
            assert widget.options == [str(one) for one in spec.enum]
        if spec.description:
            said = widget.help.replace("\\", "")
            assert said.startswith(" ".join(spec.description.split()))
    for one in document.inputs:
        assert any(f"**{one}**" in text.value for text in page.markdown)


def test_a_graph_with_faults_is_shown_with_their_lines(page: Any) -> None:
    page.selectbox(key="graph").select("faulty.json").run()
    assert page.error[0].value == "This graph cannot run: 2 problems."
    faults = [one.value for one in page.markdown if one.value.startswith("**line")]
    assert [one.split(",")[0] for one in faults] == ["**line 3", "**line 4"]
    assert "did you mean 'gain'" in faults[0]
    assert not [one for one in page.button if one.key == "run"]


def test_nothing_runs_before_there_is_a_recording(page: Any) -> None:
    page.selectbox(key="graph").select("song-repair").run()
    assert page.button(key="run").disabled
    assert page.info[0].value == "Choose mix, and what would run is said here."


def test_what_is_bound_at_first_is_in_its_widgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamlit.testing.v1 import AppTest

    from resonate_graph._app import desk as desks

    before = desks.the_desk() if desks._opened else None
    graph = tmp_path / "bound.json"
    graph.write_text(
        '{"format": 1, "name": "bound", "nodes": {}, "outputs": {"same": "$mix"},'
        ' "inputs": {"mix": {"type": "audio"}, "level": {"type": "number"},'
        ' "count": {"type": "integer"}, "word": {"type": "string"}, "on": {"type": "boolean"}}}'
    )
    other = tmp_path / "root"  # with another graph of that name
    other.mkdir()
    (other / "bound.json").write_text(stock("deliver").to_json())
    monkeypatch.chdir(tmp_path)
    given = {"level": 3, "count": 2, "word": "so", "on": True}
    desk = desks.open_desk(
        tmp_path / "work",
        root=other,
        store=tmp_path / "store",
        graph=graph.name,
        inputs=given,
    )
    try:
        page = AppTest.from_file(str(PAGE), default_timeout=60)
        page.query_params["run"] = "0" * 16
        page.run()
        assert not page.exception
        widgets = _widgets(page)
        assert {name: widgets[f"value-{name}"].value for name in given} == given
        assert "no longer kept" in page.info[-1].value
    finally:
        desk.close()
        desks._opened[:] = [before] if before is not None else []


def test_what_a_step_is_set_to_stays_when_another_is_looked_at(page: Any) -> None:
    page.selectbox(key="graph").select("song-repair").run()
    page.selectbox(key="more-step").select("drums_gate").run()
    key = "node-song-repair-drums_gate-ratio"
    assert page.slider(key=key).value == 4
    page.slider(key=key).set_value(8.0).run()
    page.selectbox(key="more-step").select("dehum").run()
    assert page.session_state[f"kept-{key}"] == 8
    page.selectbox(key="more-step").select("drums_gate").run()
    assert page.slider(key=key).value == 8


def test_steps_of_used_graphs_have_their_settings_too(page: Any) -> None:
    page.selectbox(key="graph").select("using.json").run()
    page.selectbox(key="more-step").select("end/level").run()
    key = "node-using-end/level-release_ms"
    widget = page.number_input(key=key)
    assert (widget.value, widget.min, widget.max) == (50, 1, 5000)
    widget.set_value(75.0).run()
    assert not page.exception
    assert page.session_state[f"kept-{key}"] == 75
    # what params of the used graph set, and the use itself, is for the JSON
    assert "node-using-end/level-target_lufs" not in _widgets(page)
    assert "end" not in page.selectbox(key="more-step").options


def test_lists_are_for_the_json(page: Any) -> None:
    page.selectbox(key="graph").select("bands.json").run()
    page.selectbox(key="more-step").select("tone").run()
    said = [one.value.replace("\\", "") for one in page.caption]
    assert any(one.startswith("bands: ") and one.endswith("(only in the JSON)") for one in said)


def test_the_store_is_shown(page: Any) -> None:
    page.segmented_control(key="view").select("Store").run()
    assert not page.exception
    assert page.info[0].value == "Nothing is stored yet."
    page.segmented_control(key="view").select("Restore").run()
