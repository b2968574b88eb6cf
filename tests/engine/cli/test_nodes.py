"""``resonate nodes``: what it says of a node is so, and its example can be run as it stands."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from resonate_graph import Audio, Catalog, File, Graph, Report, node
from resonate_graph._base.docstrings import entries
from resonate_graph._cli import main
from resonate_graph._cli.example import example
from resonate_graph._graph.layout import layout

NODES = {node_type.id: node_type for node_type in Catalog.installed()}
Printed = Callable[..., str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Iterator[Printed]:
    """What ``resonate nodes`` prints, where it ends well."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["nodes", *arguments])
        assert ended.value.code == 0
        return capsys.readouterr().out

    yield call
    signal.signal(signal.SIGTERM, before)


def json_in(text: str) -> str:
    """Return the graph that stands in a page of text, indented by two."""
    (found,) = re.findall(r"^  \{\n(?:    .*\n)+  \}$", text, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("name", NODES)
def test_the_example_checks_and_ports_and_params_are_all_there_and_described(
    name: str, printed: Printed
) -> None:
    text = printed(name)
    graph = Graph.from_json(json_in(text))
    graph.check(list(graph.document.inputs))
    assert name in {spec.type for spec in graph.document.nodes.values()}
    command = re.search(r"^In a graph \((\S+)\.json; resonate run (.*)\):$", text, re.MULTILINE)
    assert command is not None
    assert command[1] == graph.name
    bound = re.findall(r"-i (\w+)=", command[2])
    assert bound == list(graph.document.inputs)

    node_type = NODES[name]
    said = entries(node_type.doc, "Args")
    for argument in [*(port.name for port in node_type.inputs), *node_type.params.model_fields]:
        description = said[argument].replace("``", "")
        assert description
        lines = re.findall(rf"^{argument} .*$", text, re.MULTILINE)
        assert any(line.rstrip().endswith(description) for line in lines)


def test_all_that_a_report_holds_is_described() -> None:
    ports = [port.type.python for node_type in NODES.values() for port in node_type.outputs]
    for report in {one for one in ports if issubclass(one, Report)}:
        schema = report.model_json_schema()
        for part in [schema, *schema.get("$defs", {}).values()]:
            for name, field in part["properties"].items():
                assert field["description"], (report, name)


def test_units_ranges_defaults_and_errors_are_printed(printed: Printed) -> None:
    lines = [re.sub(" {2,}", "  ", line).strip() for line in printed("highpass").splitlines()]
    assert "frequency_hz  number, > 0, ≤ 192000  Hz  required  the corner." in lines
    assert any(
        line.startswith("slope_db_per_octave  integer, 6 to 96, in steps of 6  dB/octave  12")
        for line in lines
    )
    assert any(line.startswith("NodeError  the corner") for line in lines)
    lines = [re.sub(" {2,}", "  ", line).strip() for line in printed("eq").splitlines()]
    assert "gain_db  number, -60 to 30  dB  0.0  boost or cut, in dB; a notch has none." in lines
    lines = [
        re.sub(" {2,}", "  ", line).strip() for line in printed("measure_loudness").splitlines()
    ]
    assert "range_lu  number or none  LU  loudness range (EBU Tech 3342), in LU." in lines


def test_the_list_is_by_subject(printed: Printed) -> None:
    lines = [line.rstrip() for line in printed().splitlines()]
    place = lines.index("Clicks and crackle")
    following = [line.split()[0] for line in lines[place + 1 : place + 4]]
    assert following == ["declick", "decrackle", "detect_clicks"]
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    assert listed == NODES.keys()


# -- nodes that make it hard ----------------------------------------------------------------------


class Point(BaseModel):
    """A point.

    Attributes:
        at_hz: where.
        kind: which.
    """

    model_config = ConfigDict(extra="forbid")
    at_hz: Annotated[float, Field(gt=0, lt=0.5)]
    kind: Literal["this", "that"]
    level_db: float = 0.0


class Two(NamedTuple):
    """Two halves.

    Attributes:
        first: the first half.
        second: the second half.
    """

    first: Audio
    second: Audio


@node()
def hard(
    sounds: list[Audio],
    report: Report,
    pictures: list[File],
    level: float,
    spare: Audio | None = None,
    *,
    points: Annotated[list[Point], Field(min_length=2)],
    word: Annotated[str, Field(min_length=3)],
    steps: Annotated[int, Field(gt=4, multiple_of=4)],
    share: Annotated[float, Field(gt=0, lt=1)],
    below: Annotated[float, Field(le=-3)],
    choice: int | Literal["auto"],
    free: bool,
) -> Two:
    """Do something that is hard to give an example of."""
    raise NotImplementedError


@node()
def bare(audio: Audio) -> Audio:
    return audio


@pytest.mark.parametrize("made", [hard, bare], ids=lambda one: one.__name__)
def test_an_example_is_made_for_whatever_a_node_takes(made: Any) -> None:
    catalog = Catalog.installed().with_nodes([made], "here")
    text = layout(example(made.type, catalog))
    assert max(map(len, text.splitlines())) <= 100
    graph = Graph.from_json(text, nodes=[__file__])
    graph.check(list(graph.document.inputs))
    assert json.loads(text) == example(made.type, catalog)


def test_nodes_of_ones_own_need_no_docstring(tmp_path: Path, printed: Printed) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from resonate_graph import Audio, node\n\n\n"
        "@node()\ndef mine(audio: Audio) -> Audio:\n    return audio\n"
    )
    text = printed("mine", "--nodes", str(path))
    assert text.startswith("mine  (mine; keyed by its source")
    assert "In Python (from mine import mine):" in text
    assert f"resonate run mine-example.json --nodes {path} -i audio=FILE" in text
    graph = Graph.from_json(json_in(text), nodes=[str(path)])
    result = graph.run({"audio": Audio(np.zeros(8), 8000)}, store=False)
    assert isinstance(result["result"], Audio)
