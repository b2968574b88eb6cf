"""What the page costs, as far as that can be told without a clock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Graph, Store
from resonate_graph._sound import known_files
from resonate_nodes import gain
from tests.tools import needs

PAGE = Path(__file__).parents[2] / "resonate_graph" / "_app" / "page.py"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes were read for a digest."""
    found: list[Path] = []
    read = known_files.file_digest

    def noted(path: Path) -> str:
        found.append(path)
        return read(path)

    monkeypatch.setattr(known_files, "file_digest", noted)
    return found


def _quieter() -> Graph:
    graph = Graph("quieter")
    level = graph.param("level_db", float, default=-6.0, minimum=-24, maximum=0)
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=level))
    return graph


@needs("streamlit")
def test_a_knob_reads_no_sound(take: Path, tmp_path: Path, readings: list[Path]) -> None:
    from streamlit.testing.v1 import AppTest

    from resonate_graph._app import desk as desks

    before = desks.the_desk() if desks._opened else None
    graph = _quieter().save(tmp_path / "quieter.json")
    desk = desks.open_desk(
        tmp_path / "work", store=tmp_path / "store", graph=str(graph), inputs={"mix": str(take)}
    )
    try:
        page: Any = AppTest.from_file(str(PAGE), default_timeout=60).run()
        assert not page.exception
        assert "1 of 1 steps would run" in _said(page)
        assert len(readings) == 1
        key = "param-quieter-level_db"
        for level in (-5.0, -7.0):
            page.slider(key=key).set_value(level).run()
            assert "1 of 1 steps would run" in _said(page)
        assert len(readings) == 1
    finally:
        desk.close()
        desks._opened[:] = [before] if before is not None else []


def _said(page: Any) -> str:
    return " ".join(one.value.replace("\\", "") for one in page.markdown)


def test_a_plan_sees_that_a_file_was_changed_and_reads_it_once(
    take: Path, tmp_path: Path, readings: list[Path]
) -> None:
    graph, store = _quieter(), Store(tmp_path / "store")
    path = tmp_path / "take.wav"
    path.write_bytes(take.read_bytes())
    graph.run({"mix": path}, store=store)

    def statuses() -> list[str]:
        return [one.status for one in graph.plan({"mix": path}, store=store)]

    assert statuses() == statuses() == ["cached"]
    assert readings.count(path) == 1  # those of the run are not noted: they are its own
    known = path.stat()
    Audio(np.zeros((2, 44_100)), 44_100).save(path)
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))  # as if nothing had happened
    assert path.stat().st_size == known.st_size
    assert statuses() == statuses() == ["run"]
    assert graph.run({"mix": path}, store=store).report["nodes"][0]["status"] == "ran"
    assert statuses() == ["cached"]
