"""Running: what would run, the runs there are, and how far one is."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import streamlit as st

from .. import Forecast, ResonateError, Settings
from .call import Chosen, differing
from .desk import Desk
from .jobs import ENDED, Call, Job
from .words import literally, plainly

_RUN = "run"
#: Pictures of graphs are drawn for a page of their own.
_SMALLER = 0.75
_LISTED = 15
_SECONDS_BETWEEN = 0.5
_LOOKING = "Looking at what is stored …"
#: In the state of a session: whether it is known what would run, whether the button that runs it
#: is offered, which files were looked at for it, and how it is shown.
_FORESEEN, _OFFERED, _LOOKED_AT, _SHOWN_AS = "foreseen", "offered", "looked-at", "would-run-as"
#: What is said of a run that was stopped.
STOPPED = "It was stopped. What was finished is stored, and the next run goes on from there."
_WORDS = {"run": "would run", "cached": "stored", "skipped": "not needed", "open": "may run"}
_STATES = {"queued": "waits", "running": "runs", "done": "done", "failed": "failed",
           "cancelled": "stopped", "died": "its process died"}  # fmt: skip


def settings_of(desk: Desk) -> Settings:
    """Return how the graphs of a desk are run."""
    return {"store": desk.store, "models": desk.models}


def call_of(desk: Desk, chosen: Chosen, grid: Mapping[str, list[Any]] | None = None) -> Call:
    """Return what a run of what was chosen is to do."""
    grid = dict(grid or {})
    params = {name: value for name, value in chosen.params.items() if name not in grid}
    return Call(
        name=chosen.name,
        graph=chosen.graph.to_json(),
        inputs=dict(chosen.inputs),
        params=params,
        labels=dict(chosen.labels),
        brought=list(chosen.brought),
        grid=grid,
        store=str(desk.store.path.resolve()),
        models=None if desk.models is None else str(desk.models.resolve()),
        nodes=desk.nodes,
        file=chosen.file,
        command=chosen.command(grid),
        python=chosen.python(grid),
    )


def start(desk: Desk, call: Call) -> None:
    """Have a run done, and show it."""
    job = desk.jobs.start(call)
    st.query_params[_RUN] = job.id
    st.rerun()


def foresee(desk: Desk, chosen: Chosen, said: Any, shown: Any) -> None:
    """Show what would run.

    Args:
        desk: with the store.
        chosen: what was chosen.
        said: where it is said in words, an element that is replaced.
        shown: where it is shown step by step, likewise.
    """
    if chosen.missing:
        names = literally(" and ".join(chosen.missing))
        said.info(f"Choose {names}, and what would run is said here.")
        st.session_state[_FORESEEN] = False
        _steps(chosen, None, {}, shown)
        return
    looked_at = [chosen.name, dict(chosen.inputs)]
    anew = st.session_state.get(_LOOKED_AT) != looked_at  # then files have to be read
    try:
        with said, st.spinner(_LOOKING, show_time=False) if anew else contextlib.nullcontext():
            forecast = chosen.graph.plan(chosen.inputs, chosen.params, **settings_of(desk))
        said.markdown(literally(in_words(forecast)))
        st.session_state[_FORESEEN], st.session_state[_LOOKED_AT] = True, looked_at
        _steps(chosen, forecast, settings_of(desk), shown)
    except ResonateError as error:
        said.error(literally(plainly(str(error), chosen.labels, chosen.inputs)))
        shown.empty()
        st.session_state[_FORESEEN] = False
    if st.session_state.get(_OFFERED, st.session_state[_FORESEEN]) != st.session_state[_FORESEEN]:
        st.rerun()  # the button that runs it stands elsewhere


def begin_anew() -> None:
    """Note that all of the page is made anew, with the button that runs what was chosen."""
    st.session_state.pop(_OFFERED, None)


def offer_run(desk: Desk, chosen: Chosen) -> None:
    """Show the button that runs what was chosen, once what would run is known."""
    ready = st.session_state[_OFFERED] = st.session_state[_FORESEEN]
    if st.button("Run", type="primary", disabled=not ready, key="run") and ready:
        start(desk, call_of(desk, chosen))
    ways = ["Picture"] if chosen.missing else ["Table", "Picture"]
    st.segmented_control(
        "Shown as", ways, default=None, key=_SHOWN_AS, label_visibility="collapsed"
    )


def in_words(forecast: Forecast) -> str:
    """Say in a line what a run would do."""
    to_run = [one.id for one in forecast if one.status in ("run", "open")]
    needed = [one for one in forecast if one.status != "skipped"]
    if not to_run:
        all_ = f"All {len(needed)} steps are" if len(needed) > 1 else "The only step is"
        return f"{all_} stored: nothing is to be computed."
    names = f": {', '.join(to_run)}" if len(to_run) <= 6 else ""
    return (
        f"{len(to_run)} of {len(needed)} steps would run{names}; "
        f"about {_seconds(forecast.seconds)}, {_bytes(forecast.peak_bytes)} of memory."
    )


def _steps(
    chosen: Chosen, forecast: Forecast | None, settings: Settings | Mapping[str, Any], shown: Any
) -> None:
    """Show what would become of each step, as it was asked for."""
    way = st.session_state.get(_SHOWN_AS)
    if way == "Table" and forecast is not None:
        shown.dataframe(
            [
                {"step": one.id, "node": one.type, "state": _WORDS[one.status],
                 "seconds": one.seconds, "memory": _bytes(one.bytes) if one.bytes else None}
                for one in forecast
            ],
            hide_index=True,
        )  # fmt: skip
    elif way == "Picture":
        inputs = chosen.inputs if forecast is not None else None
        try:
            drawing = chosen.graph.draw(inputs, chosen.params, **settings)
        except ResonateError as error:
            shown.error(literally(plainly(str(error), {}, {})))
            return
        # as small as one can read it, and moved to the side where that is wider than the page
        shown.container(key="picture").image(drawing.svg, width=_width(drawing.svg))
    else:
        shown.empty()


def _width(svg: str) -> int:
    """Return how wide a picture is shown, in pixels."""
    drawn = re.search(r'width="(\d+)', svg)
    assert drawn is not None
    return int(_SMALLER * int(drawn[1]))


# -- the runs there are ------------------------------------------------------------------------


def list_runs(desk: Desk) -> None:
    """List the runs, the latest first, with what differs from the one before."""
    jobs = []
    for job in desk.jobs:
        with contextlib.suppress(OSError):  # it makes room for another
            jobs.append((job, job.call, job.state))
    if not jobs:
        return
    st.subheader("Runs")
    shown = st.query_params.get(_RUN)
    for (job, call, state), before in zip(jobs[:_LISTED], [*jobs[1:], None], strict=False):
        when = time.strftime("%H:%M", time.localtime(state.created))
        what = "sweep of " if call.grid else ""
        if st.button(
            literally(f"{when} {what}{called(call)} · {_STATES[state.status]}"),
            key=f"job-{job.id}", type="secondary" if job.id == shown else "tertiary",
            width="stretch",
        ):  # fmt: skip
            st.query_params[_RUN] = job.id
            st.rerun()
        told = ", ".join(call.labels.values())
        if call.grid:
            told = "; ".join(f"{name} {values_told(one)}" for name, one in call.grid.items())
        elif before is not None and before[1].name == call.name:
            told = differing(call.params, before[1].params) or told
        if told:
            st.caption(literally(told))


def called(call: Call) -> str:
    """Return what people call the graph of a run: a file without its folder."""
    return PurePath(call.name).name


def values_told(values: list[Any]) -> str:
    """Return values in a few words."""
    return ", ".join(one if isinstance(one, str) else json.dumps(one) for one in values)


def shown_job(desk: Desk) -> Job | None:
    """Return the run that the address names, if there is one."""
    name = st.query_params.get(_RUN)
    if not name:
        return None
    try:
        return desk.jobs[name]
    except KeyError:
        return None


def watch(desk: Desk) -> Job | None:
    """Show how far the run is that is looked at; return it once it ended."""
    job = shown_job(desk)
    if job is None:
        if st.query_params.get(_RUN):
            st.info("The run that this address names is no longer kept, or its server has ended.")
        _point_at(desk.jobs.going_on)
        return None
    if job.state.status in ENDED:
        return job
    _progress(desk, job.id)
    return None


def _point_at(job: Job | None) -> None:
    """Say that a run goes on, to somebody who comes back."""
    if job is None:
        return
    call = job.call
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        what = ", ".join([called(call), *call.labels.values()])
        st.markdown(f"A run goes on: {literally(what)}")
        if st.button("Show it", key="going-on"):
            st.query_params[_RUN] = job.id
            st.rerun()


@st.fragment(run_every=_SECONDS_BETWEEN)
def _progress(desk: Desk, name: str) -> None:
    try:
        job = desk.jobs[name]
    except KeyError:
        return
    state = job.state
    if state.status in ENDED:
        if state.status == "cancelled":  # said now: all of the page takes longer
            st.info(STOPPED)
        st.rerun()
    with st.container(border=True):
        if state.status == "queued":
            ahead = desk.jobs.ahead_of(job)
            runs = f"{ahead} run{'s' if ahead != 1 else ''}"
            st.markdown(f"**Waits**: {runs} before this one. One runs at a time.")
        else:
            events = job.events()
            seconds = time.time() - (state.started or time.time())
            st.markdown(f"**Runs**, for {_seconds(seconds)} so far")
            done, total, lines = how_far(events)
            st.progress(done / total if total else 0.0, literally("; ".join(lines) or "begins"))
        st.button("Cancel", key="cancel", on_click=desk.jobs.cancel, args=(job,))


def how_far(events: list[dict[str, Any]]) -> tuple[float, float, list[str]]:
    """Return how many steps are done, of how many, and what is being done, in words."""
    total, done = 0, 0.0
    parts: dict[str, float] = {}
    writing: list[str] = []
    rows = 0
    for one in events:
        kind = one["event"]
        if kind == "RunStarted":
            total, done, parts = len(one["nodes"]), 0.0, {}
        elif kind == "NodeStarted":
            parts[one["node"]] = 0.0
        elif kind == "NodeProgress" and one["total"]:
            parts[one["node"]] = one["done"] / one["total"]
        elif kind == "NodeWaiting":
            parts[one["node"]] = 0.0
        elif kind == "NodeFinished":
            done += 1
            parts.pop(one["node"], None)
        elif kind == "Writing":
            writing = [f"writes {one['what']}"]
        elif kind == "RowDone":
            rows += 1
    lines = [f"{name} {part:.0%}" if part else name for name, part in parts.items()]
    if rows:
        lines.insert(0, f"{rows} combination{'s' if rows > 1 else ''} done")
    return min(done + sum(parts.values()), total), total, writing or lines


def _seconds(seconds: float) -> str:
    if seconds >= 90:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
