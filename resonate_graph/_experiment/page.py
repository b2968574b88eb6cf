"""Pages to hear and see sounds on: HTML that loads nothing but the files it lies beside."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from .pictures import HEIGHT, WIDTH

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


def document(title: str, body: str) -> str:
    """Return a page.

    Args:
        title: its heading, as text.
        body: what follows, as HTML.
    """
    heading = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{heading}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n{body}</body>\n</html>\n"
    )


def table(headings: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return a table of texts."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in headings)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>"
        for line in cells
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def section(heading: str, cards: Iterable[str]) -> str:
    """Return cards beside one another under a heading."""
    joined = "\n".join(cards)
    return f'<h2>{html.escape(heading)}</h2>\n<div class="cards">\n{joined}\n</div>\n'


def card(parts: Iterable[str]) -> str:
    """Return a box around parts, such as players."""
    return '<div class="card">\n' + "\n".join(parts) + "\n</div>"


def player(label: str, what: str, path: Path, picture: str, folder: Path) -> Iterator[str]:
    """Yield the parts that show a file.

    Args:
        label: what its link is called.
        what: what is seen on its picture, for those who cannot see it.
        path: the file; it can be heard if it is one of `SOUNDS`.
        picture: its picture; empty for none.
        folder: where the page will lie.
    """
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


def link_to(path: Path, folder: Path) -> str:
    """Return the relative URL of a file, as seen from a page in a folder.

    Raises:
        ValueError: they lie on different drives.
    """
    return quote(os.fsencode(Path(os.path.relpath(path, folder)).as_posix()))
