"""Turning: a widget for each param, made of what the graph's document says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import streamlit as st

from .. import Graph, GraphError, unit_of
from .call import Chosen
from .choosing import AT_FIRST
from .words import knob, literally

#: A range up to so wide is a slider; in a wider one people type.
_WIDEST_SLIDER = 200


def turn(chosen: Chosen) -> Chosen:
    """Show a widget for each param, and return what was chosen with what was set."""
    document = chosen.graph.document
    told: dict[str, Any] = {}
    at_first = st.session_state[AT_FIRST]
    given = at_first["params"] if at_first["graph"] == chosen.name else {}
    if document.params:
        st.subheader("Settings")
    for name, spec in document.params.items():
        value = widget(
            f"param-{document.name}-{name}", name, spec.type, spec.default,
            minimum=spec.minimum, maximum=spec.maximum, choices=spec.enum,
            description=spec.description, nullable=spec.default is None, first=given.get(name),
        )  # fmt: skip
        if value != spec.default and value is not None:
            told[name] = value
    with st.expander("More: the params of each step"):
        told |= _of_nodes(chosen, given)
    return replace(chosen, params=told)


def widget(
    key: str,
    name: str,
    kind: str,
    default: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: list[Any] | None = None,
    description: str | None = None,
    nullable: bool = False,
    first: Any = None,
) -> Any:
    """Show a widget for a param, and return its value.

    Args:
        key: what tells it from others.
        name: the param.
        kind: ``number``, ``integer``, ``string`` or ``boolean``.
        default: its value at first.
        minimum: the lowest it may have.
        maximum: the highest.
        choices: what it may be, where that is a list.
        description: what it is.
        nullable: whether it may be left open.
        first: its value at first, where that is not the default.
    """
    label = literally(knob(name))
    help_ = _help(description, default, minimum, maximum, unit_of(name)[1])
    default = default if first is None else first
    if choices is not None:
        index = choices.index(default) if default in choices else None
        return st.selectbox(label, choices, index=index, key=key, help=help_)
    if kind == "boolean":
        return st.toggle(label, value=bool(default), key=key, help=help_)
    if kind == "string":
        text = st.text_input(label, value=default or "", key=key, help=help_)
        return None if nullable and not text else text
    whole = kind == "integer"
    span = maximum - minimum if maximum is not None and minimum is not None else math.inf
    if 0 < span <= _WIDEST_SLIDER and default is not None and not nullable:
        assert minimum is not None
        assert maximum is not None
        return _slider(key, label, default, minimum, maximum, whole=whole, help_=help_)
    return _number(key, label, default, minimum, maximum, whole=whole, help_=help_)


def _slider(
    key: str, label: str, default: Any, minimum: float, maximum: float, *, whole: bool, help_: str
) -> Any:
    if whole:
        return st.slider(
            label, math.ceil(minimum), math.floor(maximum), int(default), 1, key=key, help=help_
        )
    step = _step(maximum - minimum)
    return _plain(
        st.slider(
            label, float(minimum), float(maximum), float(default), step,
            format=f"%.{_decimals(step)}f" if _on_step(default, step) else "%g",
            key=key, help=help_,
        ),
        default,
    )  # fmt: skip


def _number(
    key: str,
    label: str,
    default: Any,
    minimum: float | None,
    maximum: float | None,
    *,
    whole: bool,
    help_: str,
) -> Any:
    if whole:
        return st.number_input(
            label, None if minimum is None else math.ceil(minimum),
            None if maximum is None else math.floor(maximum),
            None if default is None else int(default), 1, key=key, help=help_,
        )  # fmt: skip
    reach = abs(default) if default else (maximum or 1) - (minimum or 0)
    return _plain(
        st.number_input(
            label, None if minimum is None else float(minimum),
            None if maximum is None else float(maximum),
            None if default is None else float(default), _step(reach), format="%g",
            key=key, help=help_,
        ),
        default,
    )  # fmt: skip


def _plain(value: float | None, default: Any) -> Any:
    """Return a number as the document spells it: 12, not 12.0."""
    if value is None or value == default:
        return default if value is not None else None
    return int(value) if value == int(value) else round(value, 9)


def _step(span: float) -> float:
    """Return a step of a hundredth or so of a span: 1, 2 or 5 times a power of ten."""
    exact = max(span / 100, 1e-6)
    power = 10 ** math.floor(math.log10(exact))
    return float(next(one * power for one in (1, 2, 5, 10) if one * power >= exact * 0.999))


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _on_step(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) < 1e-6


def _help(
    description: str | None,
    default: Any,
    minimum: float | None,
    maximum: float | None,
    unit: str,
) -> str:
    told = [literally(" ".join((description or "").split()))] if description else []
    facts = []
    if minimum is not None and maximum is not None:
        facts.append(f"from {minimum:g} to {maximum:g}")
    elif minimum is not None:
        facts.append(f"{minimum:g} at least")
    elif maximum is not None:
        facts.append(f"{maximum:g} at most")
    if default is not None:
        shown = f"{default:g}" if isinstance(default, (int, float)) else str(default)
        facts.append(f"{shown} if you leave it")
    if facts:
        told.append(literally(f"({'; '.join(facts)}{f', in {unit}' if unit else ''})"))
    return " ".join(told)


# -- the params of nodes -----------------------------------------------------------------------


def _of_nodes(chosen: Chosen, given: Mapping[str, Any]) -> dict[str, Any]:
    """Show the params of steps that nothing in the graph sets, those in used graphs too."""
    nodes = _params_of(chosen.graph)
    if not nodes:
        return {}
    told: dict[str, Any] = {}
    node = st.selectbox("Step", list(nodes), index=None, placeholder="a step", key="more-step")
    for name, params in nodes.items():
        for param, (about, as_it_is) in params.items():
            key = f"node-{chosen.graph.name}-{name}-{param}"
            value = given.get(f"{name}.{param}", as_it_is)
            if name == node:
                value = _of_node(key, param, about, value)
            else:  # widgets that are not shown forget theirs
                value = st.session_state.get(f"kept-{key}", value)
            st.session_state[f"kept-{key}"] = value
            if value != as_it_is:
                told[f"{name}.{param}"] = value
    return told


@lru_cache(maxsize=16)
def _params_of(graph: Graph) -> dict[str, dict[str, tuple[dict[str, Any], Any]]]:
    """Return the params of each step that nothing in the graph sets: what they are, and have."""
    try:
        steps = graph.check().steps
    except GraphError:
        return {}
    return {
        name: {
            param: (about, step.plain_params.get(param))
            for param, about in step.type.params.model_json_schema().get("properties", {}).items()
            if param not in step.references
        }
        for name, step in steps.items()
    }


def _of_node(key: str, name: str, about: Mapping[str, Any], value: Any) -> Any:
    """Show a widget for the param of a node, by its JSON schema; what has none is left as it is."""
    kinds = list(about.get("anyOf", [about]))
    plain = [one for one in kinds if one.get("type") != "null"]
    nullable = len(plain) < len(kinds)
    kind = plain[0].get("type") if len(plain) == 1 else None
    if kind not in ("number", "integer", "string", "boolean"):
        st.caption(literally(f"{name}: {value!r} (only in the JSON)"))
        return value
    one = plain[0]
    kept = st.session_state.get(f"kept-{key}", value)
    return widget(
        key, name, kind, kept, minimum=one.get("minimum"), maximum=one.get("maximum"),
        choices=one.get("enum"), description=about.get("description"), nullable=nullable,
    )  # fmt: skip
