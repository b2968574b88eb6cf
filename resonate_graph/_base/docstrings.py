"""Docstrings in Google's style: what they say of each argument or attribute."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^([A-Z][A-Za-z ]*):$")
_ENTRY = re.compile(r"^(\w+)(?: \([^)]*\))?: ?(.*)$")


def sections(doc: str) -> dict[str, str]:
    r"""Return a docstring's sections by heading; what stands before the first is under ``""``.

    Example:
        >>> sections("Do it.\n\nArgs:\n    audio: the sound.\n")
        {'': 'Do it.', 'Args': 'audio: the sound.'}
    """
    return {name: _text(lines) for name, lines in _split(doc).items()}


def entries(doc: str, heading: str) -> dict[str, str]:
    r"""Return what a section such as ``Args`` says of each name, as one line of text.

    Example:
        >>> entries("Do it.\n\nArgs:\n    audio: the sound,\n        all of it.\n", "Args")
        {'audio': 'the sound, all of it.'}
    """
    found: dict[str, str] = {}
    name = ""
    for line in _text(_split(doc).get(heading, [])).splitlines():
        match = _ENTRY.match(line)
        if match and not line.startswith(" "):
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _split(doc: str) -> dict[str, list[str]]:
    """Return the lines of a docstring's sections by heading."""
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for line in inspect.cleandoc(doc).splitlines():
        if match := _SECTION.match(line):
            heading = match[1]
            found[heading] = []
        else:
            found[heading].append(line)
    return found


def _text(lines: list[str]) -> str:
    return inspect.cleandoc("\n" + "\n".join(lines))


def summary(doc: str) -> str:
    """Return the first paragraph as one line."""
    return inspect.cleandoc(doc).split("\n\n", 1)[0].replace("\n", " ")
