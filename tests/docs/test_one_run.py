"""A run goes through what docs/architecture.md names under "One run"."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from resonate_graph import Audio
from tests.docs.test_names import PAGE, find
from tests.engine.commands import Command

#: What is named there and this run has no need of.
NOT_CALLED = {
    "_api.Graph.run_many": "there is one recording",
    "_cli.commands.AllCommands": "made once, perhaps for another test",
    "_graph.positions.Positions": "nothing is wrong with the graph",
    "_graph.scopes.Scopes": "the graph uses no other",
    "_graph.stock.stock_graphs": "kept once they were found, perhaps by another test",
    "_graph.wires.Wires": "the graph uses no other",
    "_node.decorator.node": "nodes were imported before",
    "_node.signature.read_signature": "nodes were imported before",
    "_run.plan.EveryStep": "there is a store",
    "_store.folder.Store.get": "what was computed just now is in memory",
    "_store.folder.Store.present": "nothing was stored before",
    "resonate_nodes.separation.weights.load": "what another test has read is resident",
}


def codes(named: Any) -> set[CodeType]:
    """Return the code of a function, or of the methods of a class."""
    members = vars(named).values() if isinstance(named, type) else [named]
    found = (getattr(one, "fget", one) for one in members)
    found = (getattr(one, "__func__", one) for one in found)
    found = (getattr(one, "__wrapped__", one) for one in found)
    return {one.__code__ for one in found if hasattr(one, "__code__")}


def test_a_run_goes_through_what_the_page_names(
    tmp_path: Path, excerpt: Audio, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = PAGE.read_text(encoding="utf-8").split("## One run")[1].split("What happens on")[0]
    named = sorted(set(re.findall(r"`((?:_\w+|resonate_nodes)\.[\w.]+)`", section)))
    (line,) = re.findall(r"`resonate (run [^`]+)`", section)
    monkeypatch.chdir(tmp_path)
    excerpt.save(tmp_path / "song.wav")
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        ended = call(*line.split(), "--store", tmp_path / "store")
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert ended.code == 0
    missing = {name for name in named if not codes(find(name)) & called}
    assert missing - NOT_CALLED.keys() == set()
