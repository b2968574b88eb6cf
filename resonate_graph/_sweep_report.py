"""The page of a sweep: a table, and the results side by side to hear and see."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ._pictures import HEIGHT, WIDTH

#: Files that can be heard.
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #8884; padding: .3rem .8rem; text-align: left }
.cards { display: grid; gap: 1rem; align-items: start;
         grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)) }
.card { border: 1px solid #8884; border-radius: .5rem; padding: .8rem }
.card h3, .card p { margin: 0 0 .4rem; overflow-wrap: anywhere }
.failed { color: #b00020 }
img, audio { display: block; width: 100%; height: auto; max-width: 100% }
img { border-radius: .3rem; margin-bottom: .4rem }
audio { height: 2.5rem; margin-bottom: .8rem }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #e8e8e8 }
  .failed { color: #ff8a80 }
}
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


def page(graph: str, sources: Sequence[Source], rows: Sequence[Row], folder: Path) -> str:
    """Return the page, with links relative to the folder it will lie in."""
    title = html.escape(f"{graph}: {len(rows)} combinations")
    heard = "\n".join(_source(one, folder) for one in sources)
    before = f'<h2>Inputs</h2>\n<div class="cards">\n{heard}\n</div>\n' if sources else ""
    results = "\n".join(_result(row, folder) for row in rows)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{_table(rows)}\n{before}"
        f'<h2>Results</h2>\n<div class="cards">\n{results}\n</div>\n</body>\n</html>\n'
    )


def link_to(path: Path, folder: Path) -> str:
    """Return the relative URL of a file, as seen from a page in a folder.

    Raises:
        ValueError: they lie on different drives.
    """
    return quote(os.fsencode(Path(os.path.relpath(path, folder)).as_posix()))


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


def _source(source: Source, folder: Path) -> str:
    path = Path(source.file)
    parts = [f"<h3>{html.escape(source.name)}</h3>"]
    parts.extend(_player(path.name, source.name, path, source.picture, folder))
    return _card(parts)


def _result(row: Row, folder: Path) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in row.params.items())
    parts = [f"<h3>{html.escape(row.name)}</h3>", f"<p>{html.escape(settings)}</p>"]
    if row.status != "done":
        parts.append(f'<p class="failed">{html.escape(row.error)}</p>')
    for name, path in row.files.items():
        what = f"{name} with {settings}" if settings else name
        parts.extend(_player(name, what, Path(path), row.pictures.get(name, ""), folder))
    return _card(parts)


def _card(parts: Sequence[str]) -> str:
    return '<div class="card">\n' + "\n".join(parts) + "\n</div>"


def _player(label: str, what: str, path: Path, picture: str, folder: Path) -> Iterator[str]:
    link = link_to(path, folder)
    yield f'<p><a href="{link}">{html.escape(label)}</a></p>'
    if picture:
        alt = html.escape(f"waveform and spectrogram of {what}", quote=True)
        yield (
            f'<img src="{link_to(Path(picture), folder)}" alt="{alt}" '
            f'width="{WIDTH}" height="{HEIGHT}" loading="lazy">'
        )
    if path.suffix.lower() in SOUNDS:
        yield f'<audio controls preload="none" src="{link}"></audio>'
