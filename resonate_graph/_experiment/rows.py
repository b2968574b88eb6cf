"""The page of a sweep: a table, and the results side by side to hear and see."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import page


@dataclass(frozen=True)
class Row:
    """One combination of a sweep.

    Attributes:
        name: the name of its folder, such as ``02``.
        params: the params that were set.
        status: ``done`` or ``failed``.
        error: why it failed, or why it could not be compared; empty where all went well.
        seconds: how long it took.
        ran: the nodes that were computed.
        files: the files written, by output.
        pictures: the picture of each output that can be heard.
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


def report_page(graph: str, sources: Sequence[Source], rows: Sequence[Row], folder: Path) -> str:
    """Return the page, with links relative to the folder it will lie in."""
    heard = [_source(one, folder) for one in sources]
    before = page.section("Inputs", heard) if heard else ""
    results = page.section("Results", [_result(row, folder) for row in rows])
    return page.document(
        f"{graph}: {len(rows)} combinations", f"{page.table(*table(rows))}\n{before}{results}"
    )


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of the table of a sweep."""
    params = list(dict.fromkeys(name for row in rows for name in row.params))
    measures = list(
        dict.fromkeys(
            (output, measure)
            for row in rows
            for output, found in row.figures.items()
            for measure in found
        )
    )
    several = len({output for output, _ in measures}) > 1
    headings = ["", *params, "seconds", "ran"]
    headings += [f"{output} {_HEADINGS[one]}" if several else _HEADINGS[one]
                 for output, one in measures]  # fmt: skip
    cells = [
        [
            row.name,
            *(str(row.params.get(name, "")) for name in params),
            f"{row.seconds:.1f}" if row.status == "done" else row.status,
            ", ".join(row.ran) if row.status == "done" else row.error,
            *(_number(row.figures.get(output, {}).get(one)) for output, one in measures),
        ]
        for row in rows
    ]
    return headings, cells


_HEADINGS = {
    "integrated_lufs": "LUFS",
    "true_peak_dbtp": "dBTP",
    "si_sdr_db": "SI-SDR dB",
}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _source(source: Source, folder: Path) -> str:
    path = Path(source.file)
    parts = [f"<h3>{html.escape(source.name)}</h3>"]
    parts.extend(page.player(path.name, source.name, path, source.picture, folder))
    return page.card(parts)


def _result(row: Row, folder: Path) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in row.params.items())
    parts = [f"<h3>{html.escape(row.name)}</h3>", f"<p>{html.escape(settings)}</p>"]
    if row.status != "done":
        parts.append(f'<p class="failed">{html.escape(row.error)}</p>')
    for name, path in row.files.items():
        what = f"{name} with {settings}" if settings else name
        parts.extend(page.player(name, what, Path(path), row.pictures.get(name, ""), folder))
    return page.card(parts)
