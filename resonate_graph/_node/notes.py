"""Notes: what a step says it did, in figures, and the words for them.

A node says it by `RunContext.note`. A note's name is in snake_case and ends in its unit, where it
has one (`unit_of`); its value is a number, a text, a truth, or a list of these. Values are kept as
canonical JSON spells them, 2.0 as 2, so that a step that ran and one that was stored tell the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeGuard

import numpy as np

from .._base.errors import NodeError
from .._base.units import unit_of
from .values import canonical

Figure: TypeAlias = int | float | bool | str
Note: TypeAlias = Figure | list[Figure]

#: The note that is a whole sentence: where a node gives it, it is what people read.
SUMMARY = "summary"

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LEVELS = ("dB", "dBFS", "dBTP", "LUFS", "LU")
_LISTED = 4


def checked_note(name: str, value: object) -> Note:
    """Return a note as it is kept.

    Raises:
        NodeError: the name is not in snake_case, or JSON cannot hold the value.
    """
    if not _NAME.fullmatch(name):
        raise NodeError(
            f"a note is called {name!r}: names are in snake_case and end in their unit, such as "
            "gain_db"
        )
    listed = isinstance(value, (list, tuple))
    items = [_plain(one) for one in value] if isinstance(value, (list, tuple)) else [_plain(value)]
    if None in items:
        raise NodeError(
            f"the note {name!r} is {value!r}: a note is a number, a text, a truth, or a list of "
            "these"
        )
    try:
        kept: list[Figure] = canonical(items)
    except ValueError:
        raise NodeError(f"the note {name!r} is {value!r}, which JSON cannot hold") from None
    return kept if listed else kept[0]


def did_in_words(did: Mapping[str, Note]) -> str:
    """Say in words what a step did; nothing where it noted nothing.

    A note called ``summary`` is a sentence of the node's own, and stands for all of them. Else
    names and units make the words: figures are rounded for people, counts stand before what they
    count, a count of 0 is "no", and what was ``before`` and ``after`` stands together.

    Args:
        did: the notes of a step, as in ``result.report["nodes"][0]["did"]``.

    Example:
        >>> did_in_words({"clicks_removed": 84, "samples_replaced_percent": 0.0213})
        '84 clicks removed, 0.021 % of samples replaced'
        >>> did_in_words({"loudness_before_lufs": -20.04, "loudness_after_lufs": -14})
        'loudness -20.0 to -14.0 LUFS'
        >>> did_in_words({"frequencies_hz": [50, 100, 150]})
        'frequencies 50, 100 and 150 Hz'
        >>> did_in_words({"hums_found": 0, "summary": "no hum found"})
        'no hum found'
    """
    if SUMMARY in did:
        return str(did[SUMMARY])
    return ", ".join(_phrases(did))


def _plain(value: object) -> Figure | None:
    """Return a figure without numpy's types; None if it is none."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, (int, float, str)) else None


# -- words ----------------------------------------------------------------------------------------


def _phrases(did: Mapping[str, Note]) -> Iterator[str]:
    together: set[str] = set()
    for name, value in did.items():
        if name in together:
            continue
        later = re.sub(r"_before(?=_|$)", "_after", name)
        after = did.get(later) if later != name else None
        if _is_number(value) and _is_number(after):
            together.add(later)
            words, unit = unit_of(re.sub(r"_before(?=_|$)", "", name))
            yield f"{words} {_bare(value, unit)} to {_rounded(after, unit)}"
        else:
            yield _in_words(name, value)


def _is_number(value: Note | None) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _in_words(name: str, value: Note) -> str:
    words, unit = unit_of(name)
    if isinstance(value, list):
        return _list_in_words(words, unit, value)
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if isinstance(value, str):
        return f"{words} {value}"
    if unit == "%":
        return f"{_rounded(value, unit)} of {words}"
    if not unit and value == int(value) and (plural := _plural(words)):
        return _counted(words, plural, int(value))
    return f"{words} {_rounded(value, unit)}"


def _list_in_words(words: str, unit: str, values: Sequence[Figure]) -> str:
    if not values:
        return f"no {words}"
    shown = [_bare(one, unit) for one in values[:_LISTED]]
    more = len(values) - len(shown)
    if more:
        return f"{words} {', '.join(shown)}{_spaced(unit)} and {more} more"
    joined = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"{words} {joined}{_spaced(unit)}"


def _counted(words: str, plural: str, count: int) -> str:
    if count == 1:
        words = words.replace(plural, _singular(plural), 1)
    return f"{count:,} {words}" if count else f"no {words}"


def _plural(words: str) -> str | None:
    """Return the first word that looks like one of several things."""
    plurals = (one for one in words.split() if one.endswith("s") and one[-2:] not in ("ss", "us"))
    return next(plurals, None)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word[:-1]


def _rounded(value: float, unit: str) -> str:
    """Return a number as people read it, with its unit."""
    return f"{_bare(value, unit)}{_spaced(unit)}"


def _spaced(unit: str) -> str:
    return unit if unit == "°" else f" {unit}" if unit else ""


def _bare(value: Figure, unit: str) -> str:
    if isinstance(value, (str, bool)):
        return str(value)
    if unit in _LEVELS:
        text = f"{value:.2f}" if 0 < abs(value) < 0.1 else f"{value:.1f}"
        return text.replace("-0.00", "0.00") if text == "-0.00" else text
    digits = 2 if unit == "%" else 3
    if value == int(value) or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}".rstrip("0").rstrip(".")
