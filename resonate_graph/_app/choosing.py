"""Choosing: the graph, and what goes into it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from .. import Graph, GraphError, InputError, ResonateError
from .call import Chosen
from .desk import Desk, descriptions, graph_in_file, stock_graph
from .places import MOST_GRAPH_BYTES, MOST_MINUTES, MOST_UPLOAD_MEGABYTES, RECORDED
from .words import literally, plainly

#: What sound files are called. What is in them is looked at when they are read.
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64", ".rf64", ".caf", ".au")
_USUAL = "song-repair"
#: What was chosen when the tab was opened, in the state of its session.
AT_FIRST = "at-first"
_UPLOAD = "A JSON file of yours …"
_FROM_ROOT = "in the folder: "
_UP = "‹ back"
_NOTHING = "nothing yet"


def choose(desk: Desk) -> Chosen | None:
    """Show what can be chosen, and return what is; None where there is no graph yet."""
    at_first = _at_first(desk)
    opened = _graph(desk, at_first["graph"])
    if opened is None:
        return None
    graph, name, file = opened
    given = at_first["inputs"] if at_first["graph"] == name else {}
    inputs, labels = {}, {}
    if graph.document.inputs:
        st.subheader("Recording" if len(graph.document.inputs) == 1 else "Recordings")
    for one, spec in graph.document.inputs.items():
        found = (
            _recording(desk, one, spec.description)
            if spec.type == "audio"
            else _value(one, spec.type, spec.description, given.get(one))
        )
        if found is not None:
            inputs[one], label = found
            if label:
                labels[one] = label
    brought = [one for one in labels if desk.uploads.has(inputs[one])]
    return Chosen(
        graph, name, name in descriptions(), inputs, labels, brought, file=file,
        store=desk.named_store, models=None if desk.models is None else str(desk.models.resolve()),
        nodes=desk.nodes,
    )  # fmt: skip


# -- the graph ---------------------------------------------------------------------------------


def _at_first(desk: Desk) -> dict[str, Any]:
    """Return what is chosen at first: that of the run in the address, else of the command."""
    if (found := st.session_state.get(AT_FIRST)) is not None:
        return dict(found)
    found = {"graph": desk.graph or _USUAL, "inputs": desk.inputs, "params": desk.params}
    labels: Mapping[str, str] = {}
    with contextlib.suppress(KeyError):
        call = desk.jobs[st.query_params.get("run", "")].call
        found = {"graph": call.name, "inputs": call.inputs, "params": call.params}
        labels = call.labels
    for name, value in found["inputs"].items():
        path = Path(str(value)).resolve()
        if path.is_file():
            st.session_state[f"file-{name}"] = (str(path), labels.get(name, path.name))
    st.session_state[AT_FIRST] = found
    return found


def _graph(desk: Desk, first: str) -> tuple[Graph, str, str] | None:
    """Let a graph be chosen; return it, what it is called here, and where its file is."""
    known = descriptions()
    in_root = _graphs_in_root(desk)
    options = [*known, *in_root, _UPLOAD]
    if desk.graph is not None and desk.graph not in options:
        options.insert(0, desk.graph)
    first = first if first in options else _USUAL
    st.subheader("Graph")
    name = st.selectbox(
        "Graph", options, index=options.index(first), key="graph", label_visibility="collapsed",
        format_func=lambda one: _FROM_ROOT + one if one in in_root else Path(one).name,
    )  # fmt: skip
    try:
        file = ""
        if name in known:
            graph = stock_graph(name, desk.nodes)
        elif name == _UPLOAD:
            brought = _uploaded_graph(desk)
            if brought is None:
                return None
            graph, name = brought, f"{brought.name}.json"
        else:
            path = desk.root.path(name) if name in in_root and desk.root else Path(name)
            graph, file = graph_in_file(path, desk.nodes), str(path)
            graph.check(outputs=None)
    except GraphError as error:
        _faults(error)
        return None
    except ResonateError as error:
        st.error(literally(plainly(str(error), {}, {})))
        return None
    if graph.document.description:
        st.caption(literally(graph.document.description))
    return graph, name, file


def _graphs_in_root(desk: Desk) -> list[str]:
    if desk.root is None:
        return []
    with contextlib.suppress(InputError):  # the folder is gone: told where recordings are chosen
        return list(desk.root.list("", [".json"]).files)
    return []


def _uploaded_graph(desk: Desk) -> Graph | None:
    given = st.file_uploader(
        "A graph", type=["json"], key="graph-file", label_visibility="collapsed"
    )
    if given is None:
        st.caption("It is checked, and what is wrong with it is shown with its lines.")
        return None
    if given.size > MOST_GRAPH_BYTES:
        st.error(f"A graph has at most {MOST_GRAPH_BYTES >> 20} MB.")
        return None
    try:
        text = given.getvalue().decode()
    except UnicodeDecodeError:
        st.error("This is no JSON: it is not text in UTF-8.")
        return None
    graph = Graph.from_json(text, source="graph", nodes=desk.nodes)
    graph.check()
    return graph


def _faults(error: GraphError) -> None:
    count = len(error.problems) + error.omitted
    st.error(f"This graph cannot run: {count} problem{'s' if count > 1 else ''}.")
    for one in error.problems:  # as text, which is wrapped: a table would cut it off here
        place = "" if one.line is None else f"**line {one.line}, column {one.column}** "
        where = literally(one.pointer or one.argument or "/")
        st.markdown(f"{place}:gray[{where}]  \n{literally(one.message)}")
    if error.omitted:
        st.caption(f"and {error.omitted} more")


# -- what goes in ------------------------------------------------------------------------------


def _recording(desk: Desk, name: str, description: str | None) -> tuple[str, str] | None:
    """Let a recording be chosen; return its file and what it is called."""
    kept = f"file-{name}"
    st.markdown(f"**{name}**")
    if description:
        st.caption(literally(description))
    found: tuple[str, str] | None = st.session_state.get(kept)
    if found is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(found[1])
            st.button("Change", key=f"change-{name}", on_click=_let_go, args=(kept,))
        return found
    ways = ["Drop a file", "Record"] + (["From the folder"] if desk.root is not None else [])
    way = st.segmented_control(
        "From where", ways, default=ways[0], required=True, key=f"way-{name}",
        label_visibility="collapsed",
    )  # fmt: skip
    if way == ways[0]:
        _dropped(desk, name, kept)
    elif way == ways[1]:
        _recorded(desk, name, kept)
    else:
        _from_root(desk, name, kept)
    return None


def _dropped(desk: Desk, name: str, kept: str) -> None:
    given = st.file_uploader(
        name, key=f"upload-{name}-{_turn(kept)}", label_visibility="collapsed",
        max_upload_size=MOST_UPLOAD_MEGABYTES,
        help=f"WAV, FLAC, Ogg, MP3 and what else is read; up to {MOST_MINUTES:g} minutes.",
    )  # fmt: skip
    if given is not None:
        _take(desk, given.name, given, kept)


def _recorded(desk: Desk, name: str, kept: str) -> None:
    given = st.audio_input(name, key=f"record-{name}-{_turn(kept)}", label_visibility="collapsed")
    if given is not None:
        _take(desk, RECORDED, given, kept)


def _from_root(desk: Desk, name: str, kept: str) -> None:
    assert desk.root is not None
    here_key = f"folder-{name}"
    here: str = st.session_state.get(here_key, "")
    try:
        listing = desk.root.list(here, SOUNDS)
    except InputError as error:
        st.error(literally(plainly(str(error), {}, {})))
        st.session_state[here_key] = ""
        return
    st.caption(literally(f"{desk.root.folder.name}/{here}"))
    ups = [_UP] if here else []
    options = [*ups, *(f"{one}/" for one in listing.folders), *listing.files]
    picked = st.selectbox(
        name, options, index=None, placeholder="a recording, or a folder",
        key=f"pick-{name}-{here}-{_turn(kept)}", label_visibility="collapsed",
    )  # fmt: skip
    if listing.omitted:
        st.caption(f"{listing.omitted} more are not listed")
    if picked is None:
        return
    st.session_state[_turn_key(kept)] = _turn(kept) + 1
    if picked == _UP:
        st.session_state[here_key] = "/".join(here.split("/")[:-1])
    elif picked.endswith("/"):
        st.session_state[here_key] = f"{here}/{picked[:-1]}".lstrip("/")
    else:
        path = desk.root.path(f"{here}/{picked}" if here else picked)
        st.session_state[kept] = (str(path), picked)
    st.rerun()


def _take(desk: Desk, name: str, given: Any, kept: str) -> None:
    """Keep what was brought as a file; then the widget is made anew, and forgets it."""
    try:
        path = desk.uploads.take(name, given)
    except InputError as error:
        st.error(literally(plainly(str(error), {"": name}, {"": error.path})))
        return
    st.session_state[kept] = (str(path), name)
    st.session_state[_turn_key(kept)] = _turn(kept) + 1
    st.rerun()


def _turn_key(kept: str) -> str:
    return f"{kept}-turn"


def _turn(kept: str) -> int:
    found: int = st.session_state.get(_turn_key(kept), 0)
    return found


def _let_go(kept: str) -> None:
    st.session_state.pop(kept, None)


def _value(name: str, type_: str, description: str | None, first: Any) -> tuple[Any, str] | None:
    key = f"value-{name}"
    if type_ == "boolean":
        return st.toggle(name, value=bool(first), key=key, help=description), ""
    if type_ == "string":
        text = st.text_input(
            name, value=first or "", key=key, help=description, placeholder=_NOTHING
        )
        return (text, "") if text else None
    number = (
        st.number_input(name, value=first, step=1, key=key, help=description)
        if type_ == "integer"
        else st.number_input(
            name, value=None if first is None else float(first), key=key, help=description,
            format="%g",
        )
    )  # fmt: skip
    return None if number is None else (number, "")
