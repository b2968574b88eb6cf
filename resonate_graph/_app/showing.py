"""Showing: what came of a run, to be heard, seen and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from .. import did_in_words, stock_graphs
from .call import graph_with
from .components import players_of, show_downloads, show_player, show_plots
from .jobs import Call, Job
from .places import RECORDED
from .routes import address, address_of_input
from .running import STOPPED, called, values_told
from .views import views_in
from .words import literally, plainly

_LEVELS = (-130, 0)
_FAILURES = {
    "failed": "This run failed.",
    "died": "The process of this run died; the page did not.",
}


def show_end(job: Job) -> None:
    """Show what came of a run that ended."""
    state, call = job.state, job.call
    st.divider()
    label = ", ".join(call.labels.values())
    st.subheader(literally(": ".join(filter(None, [called(call), label]))))
    if state.status == "cancelled":
        st.info(STOPPED)
        return
    if state.status in _FAILURES:
        text = plainly(state.message, call.labels, call.inputs)
        st.error(f"{_FAILURES[state.status]} {literally(text)}")
        return
    end = job.end or {}
    page = end.get("page", "report.html")
    for warning in end.get("report", {}).get("warnings", ()):
        where = f"{warning['node']}: " if warning["node"] else ""
        st.warning(literally(where + plainly(warning["message"], call.labels, call.inputs)))
    players = players_of(job, page)
    if not call.grid and players:
        _figures(players[0])
    for index in range(len(players)):
        show_player(job, page, index, call.labels)
    if call.grid:
        for row in job.events():
            if row["event"] == "RowDone" and row["error"]:
                told = ", ".join(
                    f"{name} = {values_told([one])}" for name, one in row["params"].items()
                )
                error = plainly(str(row["error"]), call.labels, call.inputs)
                st.warning(literally(f"{told}: {error}"))
        show_downloads({"The page of the sweep": address(job, page)}, {}, key=f"page-{job.id}")
        _same(call)
        return
    _pictures(job)
    _found(end.get("found") or {})
    left, right = st.columns(2, gap="large")
    with left:
        _steps(end["report"])
    with right:
        _keep(job, call, end, page)


def _figures(player: dict[str, Any]) -> None:
    """Show loudness and true peak, before and after."""
    tracks = player["tracks"]
    before = next((one for one in tracks if one["name"].startswith("input ")), None)
    after = next((one for one in tracks if one["name"].startswith("output ")), None)
    if before is None or after is None:
        return
    columns = st.columns(3)
    name = after["name"].removeprefix("output ")
    for column, key, what, unit in zip(
        columns, ("lufs", "true_peak_dbtp"), ("loudness", "true peak"), ("LUFS", "dBTP"),
        strict=False,
    ):  # fmt: skip
        was, now = before.get(key), after.get(key)
        if now is None:
            continue
        delta = (
            f"{now - was:+.1f} {unit.replace('LUFS', 'LU').replace('dBTP', 'dB')}"
            if was is not None
            else None
        )
        column.metric(literally(f"{what} of {name}"), f"{now:.1f} {unit}", delta, delta_color="off")
    columns[2].metric("length", f"{after['frames'] / after['rate']:.1f} s")


@st.fragment  # to turn one of these makes nothing else on the page anew
def _pictures(job: Job) -> None:
    views = views_in(job.views)
    if not views:
        return
    main = [name for name, one in views.items() if one.kind != "part"]
    usual = main[:3] if len(main) > 1 else list(views)[:2]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.pills(
            "Shown", list(views), selection_mode="multi", default=usual, key=f"views-{job.id}",
            format_func=lambda one: literally(views[one].label),
        )  # fmt: skip
        loudness = st.toggle("Loudness", value=True, key=f"loudness-{job.id}")
        spectra = st.toggle("Spectrograms", value=True, key=f"spectra-{job.id}")
        scale = st.segmented_control(
            "Frequencies", ["log", "linear"], default="log", required=True, key=f"scale-{job.id}"
        )
    levels = st.slider(
        "Levels shown, dBFS", *_LEVELS, (-110, -10), key=f"levels-{job.id}", width=360
    )
    if not chosen:
        return
    shown = {name: views[name] for name in views if name in chosen}
    show_plots(
        job, shown, scale=scale or "log", range_db=levels, spectra=spectra, loudness=loudness
    )
    st.caption("Drag over a part to zoom in, double-click for all of it; a click moves the player.")


def _found(found: dict[str, Any]) -> None:
    """Show what the reports of the run say, and what helps."""
    if not found.get("said"):
        return
    st.subheader("What was found")
    for step, text, do in found["said"]:
        helps = f"  \n:gray[{literally(do)}]" if do else ""
        st.markdown(f"**{literally(step)}** {literally(text)}{helps}")


def _steps(report: dict[str, Any]) -> None:
    st.subheader("What each step did")
    words = {"ran": "computed", "cached": "reused"}
    for one in report["nodes"]:
        if one["status"] == "skipped":
            continue
        did = did_in_words(one.get("did") or {}) or "done"
        st.markdown(
            f"**{literally(one['id'])}** :gray[{words.get(one['status'], one['status'])}]  \n"
            f"{literally(did)}"
        )


def _keep(job: Job, call: Call, end: dict[str, Any], page: str) -> None:
    st.subheader("To keep")
    stem = next((Path(one).stem for one in call.labels.values()), call.name)
    outputs = {name: Path(one["path"]) for name, one in end["report"]["outputs"].items()}
    links, names = {}, {}
    for name, path in outputs.items():
        links[name] = address(job, path.name)
        if path.suffix != ".html":  # which is opened
            names[name] = f"{stem}.{path.name}"
    links["all of it, as a zip"] = address(job, "all.zip")
    names["all of it, as a zip"] = f"{stem}.zip"
    links["the page of the run"] = address(job, page)
    for name in call.brought:
        if call.labels[name] == RECORDED:  # it lies nowhere else
            links["what was recorded"] = address_of_input(job, name)
            names["what was recorded"] = RECORDED
    show_downloads(links, names, key=f"downloads-{job.id}")
    changed = graph_with(call.graph, call.params, call.nodes)
    st.download_button(
        "The graph with these settings, as JSON", changed, f"{Path(call.name).stem}.json",
        "application/json", key=f"graph-{job.id}", on_click="ignore",
    )  # fmt: skip
    _same(call)


def _same(call: Call) -> None:
    """Show the command and the lines of Python that do the same."""
    with st.expander("The same as a command, and in Python"):
        st.code(call.command, language="shell", wrap_lines=True)
        st.code(call.python, language="python", wrap_lines=True)
        if said := files_to_name(call):
            st.caption(literally(said))


def files_to_name(call: Call) -> str:
    """Say which files these lines mean that they cannot name: those that were brought."""
    brought = [f"{call.labels[name]} (for {name})" for name in call.brought]
    if not call.file and call.name not in stock_graphs():
        brought.insert(0, f"{call.name} (the graph, as it can be downloaded here)")
    if not brought:
        return ""
    return (
        "Where a file that was brought lies on your disk is not known here. Call this in its "
        f"folder, or write the folder before its name: {', '.join(brought)}."
    )
