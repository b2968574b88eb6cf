"""What steps say they did: in the record, the report, the events and the provenance."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import (
    Audio,
    Event,
    Graph,
    NodeFinished,
    RunContext,
    RunError,
    Store,
    did_in_words,
    node,
    read_provenance,
)
from resonate_graph._store.records import Key, unseal
from tests.engine.commands import OWN_NODES, Command
from tests.engine.runs import records, statuses
from tests.own_nodes import noted, noted_halves

DID: dict[str, Any] = {"zeros": 3, "gain_db": -6, "bands_hz": [50, 100.5], "quiet": False}


@pytest.fixture
def graph() -> Graph:
    graph = Graph("noting")
    graph.output("out", graph.add(noted)(graph.input("mix", Audio)))
    return graph


def did(result: Any) -> dict[str, Any]:
    return {one["id"]: one["did"] for one in result.report["nodes"]}


def finished(events: list[Event]) -> list[NodeFinished]:
    return [event for event in events if isinstance(event, NodeFinished)]


def test_a_step_tells_what_it_did_when_it_ran_and_when_it_was_stored(
    graph: Graph, store: Store, excerpt: Audio
) -> None:
    for status in ("ran", "cached"):
        events: list[Event] = []
        result = graph.run({"mix": excerpt}, store=Store(store.path), on_event=events.append)
        assert statuses(result) == {"noted": status}
        assert did(result) == {"noted": DID}
        assert list(did(result)["noted"]) == list(DID)
        (event,) = finished(events)
        assert (event.status, event.did) == (status, DID)
        assert json.loads(json.dumps(result.report)) == result.report


def test_without_a_store_too(graph: Graph, excerpt: Audio) -> None:
    assert did(graph.run({"mix": excerpt}, store=False)) == {"noted": DID}


def test_the_file_beside_the_output_says_it(
    graph: Graph, store: Store, excerpt: Audio, tmp_path: Path
) -> None:
    written = [
        graph.run({"mix": excerpt}, store=store).save(tmp_path / name)["out"].read_bytes()
        for name in ("ran", "cached")
    ]
    assert written[0] == written[1]
    assert read_provenance(tmp_path / "ran" / "out.wav").nodes["noted"]["did"] == DID


def test_a_record_of_before_tells_nothing(graph: Graph, store: Store, excerpt: Audio) -> None:
    fresh = graph.run({"mix": excerpt}, store=store)
    (path,) = [one for one in records(store) if b'"did"' in one.read_bytes()]
    record = unseal(path.read_bytes())
    assert record is not None
    path.unlink()
    store.put_record(Key.of(record.preimage), record.ports, seconds=record.seconds)
    assert b'"did"' not in path.read_bytes()
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert (statuses(again), did(again)) == ({"noted": "cached"}, {"noted": {}})
    assert again["out"] == fresh["out"]


def test_a_note_is_part_of_no_key(graph: Graph, store: Store, excerpt: Audio) -> None:
    graph.run({"mix": excerpt}, store=store)
    preimages = [json.loads(path.read_text())["preimage"] for path in records(store)]
    assert not any("zeros" in json.dumps(one) for one in preimages)


def test_what_is_noted_of_ports_that_come_later_is_added(store: Store, excerpt: Audio) -> None:
    graph = Graph("halves")
    both = graph.add(noted_halves)(graph.input("stereo", Audio))
    graph.output("left", both.left)
    graph.output("right", both.right)
    for outputs, expected in (
        (["left"], {"left_frames": excerpt.frames}),
        (["right"], {"right_frames": excerpt.frames}),
        (None, {"left_frames": excerpt.frames, "right_frames": excerpt.frames}),
    ):
        result = graph.run({"stereo": excerpt}, outputs=outputs, store=Store(store.path))
        assert did(result) == {"noted_halves": expected}


def test_a_note_that_cannot_be_kept_fails_the_node_that_made_it(excerpt: Audio) -> None:
    @node(version=1)
    def endless(ctx: RunContext, audio: Audio) -> Audio:
        ctx.note(level_db=float("-inf"))
        return audio

    graph = Graph("endless")
    graph.output("out", graph.add(endless)(graph.input("mix", Audio)))
    with pytest.raises(RunError, match=r"endless.*'level_db' is -inf, which JSON cannot hold"):
        graph.run({"mix": excerpt}, store=False)


def test_the_command_line_says_it_after_each_step(
    call: Command, graph: Graph, mix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = graph.save(tmp_path / "noting.json")
    words = did_in_words(DID)
    for status in (r"ran \d+\.\d s", "reused"):
        ended = call(
            "run", path, "-i", f"mix={mix}", "-o", tmp_path, "--nodes", OWN_NODES, "--verbose"
        )
        *_, head, below = ended.said  # beside each other they would be longer than 80 columns
        assert re.fullmatch(rf"  noted            {status}", head)
        assert below == f"      {words}"


def test_what_fits_stands_beside_the_step(
    call: Command, mix: Path, excerpt: Audio, tmp_path: Path
) -> None:
    graph = Graph("halves")
    graph.output("left", graph.add(noted_halves)(graph.input("stereo", Audio)).left)
    path = graph.save(tmp_path / "halves.json")
    ended = call("run", path, "-i", f"stereo={mix}", "-o", tmp_path, "--nodes", OWN_NODES)
    (line,) = ended.said
    said = rf"  noted_halves     ran \d+\.\d s  left {excerpt.frames:,} frames"
    assert re.fullmatch(said, line)
