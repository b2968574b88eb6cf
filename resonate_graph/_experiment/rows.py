"""The rows of a sweep, and what its page shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._base.display import Shown

if TYPE_CHECKING:
    from .._page.player import Ready


@dataclass(frozen=True)
class Row(Shown):
    """One combination of a sweep.

    Attributes:
        name: the name of its folder, such as ``02``.
        params: the params that were set.
        status: ``done`` or ``failed``.
        error: why it failed, or why it could not be compared; empty where all went well.
        seconds: how long it took.
        ran: the nodes that were computed.
        files: the files written, by output.
        pictures: the spectrogram of each output that can be heard.
        figures: ``integrated_lufs``, ``true_peak_dbtp`` and, with a reference, ``si_sdr_db`` of
            each audio output.
    """

    name: str
    params: Mapping[str, Any]
    status: str
    error: str = ""
    seconds: float = 0.0
    ran: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)


class Rows(Shown, list[Row]):
    """The rows of a sweep: a list of them, in a notebook a table with players to compare by ear."""


@dataclass(frozen=True)
class Source:
    """What the results of a sweep are heard beside: an input, or the reference.

    Attributes:
        name: ``input NAME`` or ``reference``.
        file: the file.
        picture: its picture; empty where it could not be read any more.
    """

    name: str
    file: str
    picture: str = ""


@dataclass(frozen=True)
class Heard:
    """What players have of a sweep.

    Attributes:
        sources: the inputs and the reference.
        results: the outputs of each combination, by its name.
    """

    sources: list[Ready] = field(default_factory=list)
    results: dict[str, dict[str, Ready]] = field(default_factory=dict)
