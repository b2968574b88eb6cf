"""The page of a sweep: a table, and the results side by side to hear and see. One HTML file."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ._decode import Limits, read_audio

#: Files that can be heard.
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")

_POINTS = 600
_HEIGHT = 60

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #8884; padding: .3rem .8rem; text-align: left }
td.number { font-variant-numeric: tabular-nums; text-align: right }
.results { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)) }
.result { border: 1px solid #8884; border-radius: .5rem; padding: .8rem }
.failed { color: #b00020 }
svg, audio { display: block; width: 100% }
svg { fill: #3b7dd8; background: #8881; margin: .4rem 0 }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e8e8e8 } }
"""


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
    figures: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)


def page(graph: str, rows: Sequence[Row], folder: Path) -> str:
    """Return the page, with links relative to the folder it will lie in."""
    title = html.escape(f"{graph}: {len(rows)} combinations")
    results = "\n".join(_result(row, folder) for row in rows)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{_table(rows)}\n"
        f'<div class="results">\n{results}\n</div>\n</body>\n</html>\n'
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


def _table(rows: Sequence[Row]) -> str:
    headings, cells = table(rows)
    head = "".join(f"<th>{html.escape(text)}</th>" for text in headings)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>"
        for line in cells
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _result(row: Row, folder: Path) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in row.params.items())
    parts = [f"<h2>{html.escape(row.name)}</h2>", f"<p>{html.escape(settings)}</p>"]
    if row.status != "done":
        parts.append(f'<p class="failed">{html.escape(row.error)}</p>')
    for name, path in row.files.items():
        parts.extend(_player(name, Path(path), folder))
    return '<div class="result">\n' + "\n".join(parts) + "\n</div>"


def _player(name: str, path: Path, folder: Path) -> Iterator[str]:
    link = html.escape(Path(os.path.relpath(path, folder)).as_posix(), quote=True)
    yield f'<p><a href="{link}">{html.escape(name)}</a></p>'
    if path.suffix in SOUNDS:
        yield _waveform(path)
        yield f'<audio controls preload="none" src="{link}"></audio>'


def _waveform(path: Path) -> str:
    """Return the envelope of a sound file as SVG: full height is full scale."""
    samples = read_audio(path, Limits(max_minutes=math.inf)).samples
    if not samples.shape[1]:
        return ""
    points = min(_POINTS, samples.shape[1])
    edges = np.linspace(0, samples.shape[1], points + 1).astype(int)[:-1]
    high = np.maximum.reduceat(samples.max(axis=0), edges).clip(-1, 1)
    low = np.minimum.reduceat(samples.min(axis=0), edges).clip(-1, 1)
    middle = _HEIGHT / 2
    upper = [f"{x},{middle * (1 - y):.1f}" for x, y in enumerate(high)]
    lower = [f"{x},{middle * (1 - y):.1f}" for x, y in enumerate(low)]
    outline = " ".join([*upper, *reversed(lower)])
    return (
        f'<svg viewBox="0 0 {points} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="waveform of {html.escape(path.name, quote=True)}">'
        f'<polygon points="{outline}"/></svg>'
    )
