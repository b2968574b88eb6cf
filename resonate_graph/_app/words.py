"""What messages say, in the words of the page, and as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import unit_of

#: As errors of this library name what a caller would give, or gave: in the words of Python.
_GIVE = re.compile(r"`([a-z_]+)=[^`]*`")
_GIVEN = re.compile(r"\b(?:params|inputs)\['([^'\n]+)'\](?=: )")


def plainly(text: str, labels: Mapping[str, str], inputs: Mapping[str, Any]) -> str:
    """Return a message in the words of the page.

    Files are called as those who brought them call them. What only a caller could give is named
    as the command line does.

    Args:
        text: the message.
        labels: what people call the files, by input.
        inputs: where they lie, by input.
    """
    for name, label in labels.items():
        text = text.replace(str(inputs.get(name, label)), label)
    text = _GIVEN.sub(r"\1", text)
    return _GIVE.sub(lambda one: f"--{one[1].replace('_', '-')} on the command line", text)


def knob(name: str) -> str:
    """Return what a param is called on the page: ``target, LUFS`` for ``target_lufs``."""
    words, unit = unit_of(name)
    return f"{words}, {unit}" if unit else words


def literally(text: str) -> str:
    """Return text that Streamlit shows as it is: what it would take for markup is marked."""
    marked = set("\\`*_{}[]()#+-.!|~$:<>&")
    shown = "".join(f"\\{one}" if one in marked else one for one in text)
    return shown.replace("\n", "  \n")  # each of its lines stays one
