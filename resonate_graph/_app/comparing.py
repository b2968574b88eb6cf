"""Comparing: a sweep over one or two params."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from .. import GraphError
from .call import Chosen
from .desk import Desk
from .running import call_of, start
from .words import knob, literally

_MOST_PARAMS = 2
_MOST_RUNS = 16


def offer_sweep(desk: Desk, chosen: Chosen) -> None:
    """Show what a sweep takes, and the button that starts it."""
    params = chosen.graph.document.params
    if not params or chosen.missing:
        return
    with st.expander("Compare settings side by side"):
        names = st.multiselect(
            "Try several values of", list(params), format_func=knob,
            max_selections=_MOST_PARAMS, key="sweep-params",
        )  # fmt: skip
        grid: dict[str, list[Any]] = {}
        for name in names:
            spec = params[name]
            text = st.text_input(
                literally(f"{knob(name)}: values, with commas between"), key=f"sweep-{name}",
                placeholder=str(spec.default),
            )  # fmt: skip
            if values := values_in(text, spec.type):
                grid[name] = values
        count = 1
        for values in grid.values():
            count *= len(values)
        if len(grid) < len(names) or count < 2:
            st.caption("All else stays as it is set. What the runs share is computed once.")
            return
        if count > _MOST_RUNS:
            st.error(f"That would be {count} runs; the page does {_MOST_RUNS} at most. "
                     "`resonate sweep` does any number.")  # fmt: skip
            return
        if fault := _fault(chosen, grid):
            st.error(literally(fault))
            return
        if st.button(f"Compare {count} settings", key="sweep"):
            start(desk, call_of(desk, chosen, grid))


def _fault(chosen: Chosen, grid: dict[str, list[Any]]) -> str:
    """Say what the graph does not take; nothing where it takes all of it."""
    for name, value in ((name, one) for name, values in grid.items() for one in values):
        try:
            chosen.graph.check(list(chosen.inputs), {name: value})
        except GraphError as error:
            return f"{name}: {error.problems[0].message}"
    return ""


def values_in(text: str, kind: str) -> list[Any]:
    """Return the values in a text, as JSON has them where they are no text."""
    found: list[Any] = []
    for part in (one.strip() for one in text.split(",")):
        if not part:
            continue
        if kind == "string":
            found.append(part)
            continue
        try:
            found.append(json.loads(part))
        except ValueError:
            found.append(part)  # what is wrong with it is said by the graph
    return found
