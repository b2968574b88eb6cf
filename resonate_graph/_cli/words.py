"""What messages say as Python does, in the words of the command line.

An error of this library names what a caller would give as Python writes it, in backticks, or what
was given by its place in the call: ```max_minutes=...```, ``params['gate_db']: ...``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._base.keywords import Keyword

_GIVE = re.compile(r"`([a-z_]+)=([^`]*)`")
_NAMED = re.compile(r"`([a-z_]+)`")
_GIVEN = re.compile(r"\b(params|inputs)\['([^'\n]+)'\](?=: )")


def spoken(text: str) -> str:
    """Return a message in the words of the command line."""
    text = _NAMED.sub(_option_name, _GIVE.sub(_option, text))
    return _GIVEN.sub(lambda found: f"{_PAIRS[found[1]]} {found[2]}", text)


def _option(found: re.Match[str]) -> str:
    name, written = found.groups()
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return found[0]
    if name in _PAIRS and isinstance(value, Mapping):
        return " ".join(f"{_PAIRS[name]} {key}={_plain(one)}" for key, one in value.items())
    if name in _LISTS and isinstance(value, list):
        option, metavar = _LISTS[name]
        return " ".join(f"{option} {metavar if one is ... else one}" for one in value)
    return _setting(name, value) or found[0]


def _setting(name: str, value: Any) -> str:
    """Return the option that gives a setting a value; nothing where there is no such setting."""
    if (name, value) in _SPELLED:
        return _SPELLED[name, value]
    setting = _settings().get(name)
    if setting is None:
        return ""
    option = f"--{name.replace('_', '-')}"
    metavar = _METAVARS.get(name, name.rpartition("_")[2].upper())
    return option if setting.type is bool else f"{option} {metavar if value is ... else value}"


def _option_name(found: re.Match[str]) -> str:
    return f"--{found[1].replace('_', '-')}" if found[1] in _settings() else found[0]


def _settings() -> Mapping[str, Keyword]:
    from .. import Settings  # which brings all that runs need, and few messages name a setting
    from .._base.keywords import keywords

    return keywords(Settings)


def _plain(value: Any) -> str:
    return "..." if value is ... else str(value)


_PAIRS = {"inputs": "-i", "params": "-p"}
_LISTS = {"outputs": ("--only", "OUTPUT"), "nodes": ("--nodes", "MODULE")}
_METAVARS = {"device": "D", "models": "DIR", "store": "DIR", "threads": "N"}
_SPELLED: Mapping[tuple[str, Any], str] = {
    ("overwrite", True): "--overwrite",
    ("name", ...): "--name PATTERN",
    ("store", False): "--no-store",
    ("reuse", "exact"): "--reuse-exact",
}
