"""Places that reports list, as marks on a track."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .._node.values import Report
from .tracks import Mark

#: What begins this close together is one thing, in several channels.
_TOGETHER_SECONDS = 0.002


def marks_of(report: Report) -> list[Mark]:
    """Return the places in a sound that a report lists, in order of time.

    They are its parts that have ``time_seconds``; ``length_ms`` says how long each is. What begins
    in several channels at once is one mark.
    """
    found: list[_Place] = []
    for place in sorted(_places(report)):
        last = found[-1] if found else None
        if last and last.what == place.what and place.start - last.start < _TOGETHER_SECONDS:
            channels = tuple(dict.fromkeys(last.channels + place.channels))
            end = max(last.end, place.end)
            found[-1] = last._replace(end=end, channels=channels)
        else:
            found.append(place)
    return [Mark(one.start, one.end, one.text) for one in found]


class _Place(NamedTuple):
    start: float
    end: float
    what: str
    channels: tuple[str, ...]

    @property
    def text(self) -> str:
        length_ms = 1000 * (self.end - self.start)
        length = f", {length_ms:.2g} ms" if 0 < length_ms < 100 else ""
        return f"{self.what}{length}{', ' * bool(self.channels)}{' and '.join(self.channels)}"


def _places(report: Report) -> Iterator[_Place]:
    for _, value in report:
        for part in value if isinstance(value, tuple) else (value,):
            if not isinstance(part, Report):
                continue
            start = getattr(part, "time_seconds", None)
            if isinstance(start, (int, float)):
                length_ms = getattr(part, "length_ms", None) or 0.0
                channel = getattr(part, "channel", None)
                channels = (str(channel),) if channel else ()
                yield _Place(start, start + length_ms / 1000, _words(part), channels)
            yield from _places(part)


def _words(part: Report) -> str:
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", type(part).__name__)
    return " ".join(words).lower()
