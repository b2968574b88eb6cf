"""What the page shows of runs: waiting, stopped, died, found again, compared; and of the store."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import inventory
from resonate_graph._app.desk import Desk
from resonate_graph._app.jobs import Call
from tests.app.deadly import DEADLY
from tests.depth import thorough
from tests.engine.commands import OWN_NODES
from tests.processes import PATIENCE_SECONDS, Signals
from tests.tools import needs

pytestmark = needs("streamlit")

Open = Callable[..., Any]


@pytest.fixture
def signals(tmp_path: Path) -> Signals:
    """Lets a test wait for the node of ``waiting.json``."""
    return Signals(tmp_path / "signals")


@pytest.fixture
def desk(tmp_path: Path, take: Path, signals: Signals) -> Iterator[Desk]:
    """The desk of a server, with graphs and a recording in its folder."""
    from resonate_graph._app import desk as desks

    root, before = tmp_path / "root", desks._opened[:]
    (root / "b side").mkdir(parents=True)
    (root / "b side" / "take.wav").write_bytes(take.read_bytes())
    (tmp_path / "deadly_nodes.py").write_text(DEADLY)
    level = {"type": "number", "default": -6, "minimum": -60, "maximum": 0}
    for name, node, params in (
        ("waiting", "slow", {"folder": str(signals.folder)}), ("deadly", "deadly", {}),
        ("quieter", "gain", {"gain_db": {"$param": "level_db"}}),
    ):  # fmt: skip
        graph = {
            "format": 1, "name": name, "inputs": {"mix": {"type": "audio"}},
            "params": {"level_db": level} if name == "quieter" else {},
            "nodes": {"only": {"type": node, "inputs": {"audio": "$mix"}, "params": params}},
            "outputs": {"out": "only"},
        }  # fmt: skip
        (root / f"{name}.json").write_text(json.dumps(graph))
    opened = desks.open_desk(
        tmp_path / "work", root=root, store=tmp_path / "store",
        nodes=(str(OWN_NODES), str(tmp_path / "deadly_nodes.py")),
    )  # fmt: skip
    yield opened
    opened.close()
    desks._opened[:] = before


@pytest.fixture
def tab(desk: Desk) -> Open:
    """Opens the page, where an address says so with a run."""
    from streamlit.testing.v1 import AppTest

    from tests.app.test_page import PAGE

    def opened(run: str = "") -> Any:
        page = AppTest.from_file(str(PAGE), default_timeout=PATIENCE_SECONDS)
        if run:
            page.query_params["run"] = run
        return page.run()

    return opened


def _call(desk: Desk, name: str, take: Path, **more: Any) -> Call:
    assert desk.root is not None
    text = desk.root.path(f"{name}.json").read_text()
    return Call(
        f"{name}.json", text, {"mix": str(take)}, labels={"mix": "my take.wav"},
        store=str(desk.store.path), nodes=desk.nodes, **more,
    )  # fmt: skip


def _said(page: Any) -> str:
    assert not page.exception
    return "\n".join(one.value for one in [*page.markdown, *page.info, *page.error, *page.caption])


def _plain(page: Any) -> str:
    return _said(page).replace("\\", "")


@thorough
def test_one_runs_one_waits_and_both_are_found_again_and_stopped(
    desk: Desk, tab: Open, take: Path, signals: Signals
) -> None:
    first, second, third = (desk.jobs.start(_call(desk, "waiting", take)) for _ in range(3))
    signals.wait_until_started()
    states = [one.state.status for one in (first, second, third)]
    assert states == ["running", "queued", "queued"]
    assert [one.id for one in desk.jobs] == [third.id, second.id, first.id]
    assert desk.jobs.ahead_of(third) == 2
    desk.jobs.cancel(third)
    assert third.state.status == "cancelled"
    back = tab()  # by somebody who comes back without the address
    assert "A run goes on: waiting\\.json, my take\\.wav" in _said(back)
    back.button(key="going-on").click().run()
    assert "**Runs**, for" in _said(back)
    assert back.query_params["run"] == first.id
    other = tab(second.id)
    assert "**Waits**: 1 run before this one. One runs at a time." in _said(other)
    back.button(key="cancel").click().run()  # said by the very answer to the click
    assert "It was stopped." in _said(back)
    assert back.button(key=f"job-{first.id}").label.endswith("stopped")
    signals.wait_until_started()
    assert "**Runs**, for" in _said(other.run())
    other.button(key="cancel").click().run()
    assert "It was stopped." in _said(other)
    assert second.state.status == "cancelled"


def test_a_node_that_kills_its_process_is_told_and_the_page_stays(
    desk: Desk, tab: Open, take: Path
) -> None:
    died = desk.jobs.start(_call(desk, "deadly", take))
    state = desk.jobs.wait(died, PATIENCE_SECONDS)
    assert (state.status, state.exit_code) == ("died", -signal.SIGKILL)
    page = tab(died.id)
    assert "The process of this run died; the page did not." in _said(page)
    assert "SIGKILL, as systems do when memory runs out (while only ran)" in _plain(page)


@thorough
def test_a_folder_is_walked_through_and_settings_are_compared_side_by_side(
    desk: Desk, tab: Open
) -> None:
    page = tab()
    page.selectbox(key="graph").select("quieter.json").run()
    page.segmented_control(key="way-mix").select("From the folder").run()
    page.selectbox(key="pick-mix--0").select("b side/").run()
    page.selectbox(key="pick-mix-b side-1").select("‹ back").run()
    page.selectbox(key="pick-mix--2").select("b side/").run()
    page.selectbox(key="pick-mix-b side-3").select("take.wav").run()
    assert "1 of 1 steps would run: only;" in _plain(page)

    page.multiselect(key="sweep-params").select("level_db").run()
    page.text_input(key="sweep-level_db").set_value("-3, -70").run()
    said = page.error[0].value.replace("\\", "")
    assert said == "level_db: -70 is below the minimum -60"
    page.text_input(key="sweep-level_db").set_value("-3, -9").run()
    page.button(key="sweep").click().run()
    (job,) = desk.jobs
    assert job.call.grid == {"level_db": [-3, -9]}
    assert desk.jobs.wait(job, PATIENCE_SECONDS).status == "done"
    page.run()
    assert "level_db -3, -9" in _plain(page)  # in the list of runs
    assert job.call.command in [one.value for one in page.code]
    from resonate_graph._app.components import players_of

    (player,) = players_of(job, "report.html")
    labels = [one["label"] for one in player["tracks"]]
    assert labels == ["input mix", "01: level_db = -3", "02: level_db = -9"]


@thorough
def test_of_a_graph_that_was_brought_the_run_is_found_again_and_not_the_graph(
    desk: Desk, tab: Open, take: Path
) -> None:
    job = desk.jobs.start(replace(_call(desk, "quieter", take), name="brought.json"))
    assert desk.jobs.wait(job, PATIENCE_SECONDS).status == "done"
    page = tab(job.id)
    assert "brought.json" in _plain(page)
    assert page.selectbox(key="graph").value != "brought.json"
    assert "brought.json" not in page.selectbox(key="graph").options


def test_what_a_run_made_is_shown_and_what_is_stored_is_pinned_and_removed(
    desk: Desk, tab: Open, take: Path
) -> None:
    job = desk.jobs.start(_call(desk, "quieter", take, params={"level_db": -12}, brought=["mix"]))
    assert desk.jobs.wait(job, PATIENCE_SECONDS).status == "done"
    other = desk.jobs.start(_call(desk, "quieter", take))
    desk.jobs.cancel(other)
    page = tab(job.id)
    assert "level_db = as the graph has it" in _plain(page)  # what differs from the run before
    assert "my take.wav (for mix)" in _plain(page)
    (graph,) = page.get("download_button")
    assert graph.label == "The graph with these settings, as JSON"

    page.segmented_control(key="view").select("Store").run()
    (table,) = [one.value for one in page.dataframe]
    assert all(name.startswith("my take/") for name in table["name"])  # as it was brought
    assert table["pinned"].tolist() == [""] * len(table)
    assert page.button(key="pin").disabled
    kept = len(_stored(desk))

    def press(button: str) -> int:
        page.session_state["stored"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
        page.run().button(key=button).click().run()
        return [one.pinned for one in _stored(desk)].count(True)

    assert press("pin") == 1
    assert press("remove") == 1
    assert "pinned" in _said(page)  # and so it stays
    assert press("unpin") == 0
    press("remove")
    assert not page.exception
    assert len(_stored(desk)) == kept - 1


def _stored(desk: Desk) -> list[Any]:
    return [one for one in inventory(desk.store) if one.here and not one.own]
