"""Reports: what several nodes measured and drew, joined into one file to read or to keep."""

from __future__ import annotations

import base64
import html
import json
import re
import struct
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from resonate_graph import File, NodeError, ParamError, Report, node, unit_of

Names = list[Annotated[str, Field(min_length=1, max_length=200)]]

_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_PNG = b"\x89PNG\r\n\x1a\n"

#: Decimals by unit; others have three digits that count.
_DECIMALS = {
    "BPM": 1,
    "LU": 1,
    "LUFS": 1,
    "dB": 1,
    "dBFS": 1,
    "dBTP": 1,
    "ms": 2,
    "per minute": 1,
    "s": 3,
}
#: Of so many parts of a report or more, each has a row; of fewer, each has a column.
_MANY_PARTS = 7
#: Lists that are longer are folded away.
_SHOWN_ROWS = 12

_STYLE = """
:root { color-scheme: light dark; --line: #8883; --soft: #666; --head: #1f5a94 }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; margin: 0 auto;
       max-width: 84rem; padding: 1.5rem 1.25rem 4rem; background: #fff; color: #1b1b1b }
h1 { font-size: 1.7rem; margin: 0 0 1rem; overflow-wrap: anywhere }
h2 { font-size: 1.1rem; margin: 0 0 .1rem; color: var(--head); overflow-wrap: anywhere }
h3 { font-size: .95rem; margin: 1rem 0 .2rem }
p { margin: 0 0 .5rem; color: var(--soft); font-size: .87rem }
.tiles { display: grid; gap: .6rem; margin-bottom: 1rem;
         grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)) }
.tiles a { border: 1px solid var(--line); border-radius: .6rem; padding: .5rem .8rem;
           color: var(--soft); font-size: .87rem; text-decoration: none }
.tiles a:hover { border-color: var(--head) }
.tiles b { font-size: 1.35rem; color: var(--head) }
.reports { display: grid; gap: 1rem; align-items: start; margin-top: 1.25rem;
           grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)) }
section { border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; min-width: 0 }
.table { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-top: 1px solid var(--line); padding: .28rem .5rem; text-align: right;
         vertical-align: top; font-variant-numeric: tabular-nums }
tr:first-child > * { border-top: 0 }
th { font-weight: 500 }
th:first-child, td.text { text-align: left }
thead th { font-weight: 600 }
td { white-space: nowrap }
td.note { white-space: normal; text-align: left; color: var(--soft); font-size: .87rem;
          width: 60% }
.unit { color: var(--soft); font-size: .87rem; margin-left: .3em }
.yes { font-weight: 700 }
summary { cursor: pointer; margin-top: .8rem; font-size: .95rem; font-weight: 600 }
figure { margin: 1rem 0; background: #fff; border-radius: .6rem; border: 1px solid var(--line);
         overflow: hidden }
img { display: block; width: 100%; height: auto }
@media (prefers-color-scheme: dark) {
  :root { --soft: #aaa; --head: #8fc1f0 }
  body { background: #161616; color: #e8e8e8 }
}
@media print { section, figure { break-inside: avoid } }
"""


@node(version=1)
def json_report(reports: list[Report], *, names: Names | None = None) -> File:
    """Join reports into one JSON file: an object with the figures of each under its name.

    Args:
        reports: what was measured.
        names: what to call each report, in the same order; None for the kind of each, such as
            ``loudness``, with a number where there are several.

    Returns:
        A JSON file.

    Raises:
        ParamError: there are not as many names as reports, or two are the same.

    Graph:
        {
          "format": 1,
          "name": "figures",
          "inputs": {"audio": {"type": "audio"}},
          "nodes": {
            "loudness": {"type": "measure_loudness", "inputs": {"audio": "$audio"}},
            "clicks": {"type": "detect_clicks", "inputs": {"audio": "$audio"}},
            "all": {"type": "json_report", "inputs": {"reports": ["loudness", "clicks"]}}
          },
          "outputs": {"figures": "all"}
        }
    """
    named = dict(zip(_named(reports, names), reports, strict=True))
    plain = {name: report.model_dump(mode="json") for name, report in named.items()}
    return File((json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode(), ".json")


@node(version=1)
def html_report(
    reports: list[Report],
    pictures: list[File] | None = None,
    *,
    title: Annotated[str, Field(max_length=200)] = "Report",
    names: Names | None = None,
    captions: Names | None = None,
) -> File:
    """Join reports and pictures into one HTML page that needs nothing else: to read, send, print.

    Each figure stands beside its unit and what it means, as the report's author describes it. The
    pictures are inside the page; nothing in it is loaded from elsewhere, or runs.

    Args:
        reports: what was measured.
        pictures: what was drawn, as PNG, JPEG or WebP files.
        title: the heading of the page.
        names: what to call each report, in the same order; None for the kind of each.
        captions: what to say of each picture, to those who cannot see it, in the same order; None
            for a number.

    Returns:
        An HTML file.

    Raises:
        NodeError: a picture is no PNG, JPEG or WebP file.
        ParamError: there are not as many names as reports, or captions as pictures, or two names
            are the same.

    Graph:
        {
          "format": 1,
          "name": "page",
          "inputs": {"audio": {"type": "audio"}},
          "nodes": {
            "loudness": {"type": "measure_loudness", "inputs": {"audio": "$audio"}},
            "spectrogram": {"type": "plot_spectrogram", "inputs": {"audio": "$audio"}},
            "page": {
              "type": "html_report",
              "inputs": {"reports": ["loudness"], "pictures": ["spectrogram"]},
              "params": {"title": "Side A"}
            }
          },
          "outputs": {"report": "page"}
        }
    """
    shown = pictures or []
    if captions is not None and len(captions) != len(shown):
        raise ParamError(
            f"{len(shown)} pictures need {len(shown)} captions, {len(captions)} were given",
            param="captions",
        )
    said = captions or [f"picture {index + 1}" for index in range(len(shown))]
    figures = "\n".join(map(_figure, shown, said))
    sections = "\n".join(map(_section, _named(reports, names), reports))
    heading = html.escape(title)
    tiles = "\n".join(map(_tile, _named(reports, names), reports))
    return File(
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{heading}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{heading}</h1>\n<div class="tiles">\n{tiles}\n</div>\n'
        f'{figures}\n<div class="reports">\n{sections}\n</div>\n'
        f"</body>\n</html>\n".encode(),
        ".html",
    )


def _named(reports: Sequence[Report], names: Sequence[str] | None) -> list[str]:
    """Return a name for each report, all of them different."""
    if names is None:
        kinds = [_kind(report) for report in reports]
        several = {kind for kind in kinds if kinds.count(kind) > 1}
        return [
            f"{kind}_{kinds[: index + 1].count(kind)}" if kind in several else kind
            for index, kind in enumerate(kinds)
        ]
    if len(names) != len(reports):
        raise ParamError(
            f"{len(reports)} reports need {len(reports)} names, {len(names)} were given",
            param="names",
        )
    if len(set(names)) != len(names):
        raise ParamError("two reports have the same name", param="names")
    return list(names)


def _kind(report: Report) -> str:
    """Return what kind of report it is: ``true_peak`` for a ``TruePeakReport``."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", type(report).__name__)
    return "_".join(words[:-1] if words[-1:] == ["Report"] and words[1:] else words).lower()


def _figure(picture: File, caption: str) -> str:
    kind = _KINDS.get(picture.suffix.lower())
    if kind is None:
        raise NodeError(f"a {picture.suffix} file is no picture; PNG, JPEG and WebP files are")
    size = ""
    if picture.content.startswith(_PNG):
        width, height = struct.unpack(">II", picture.content[16:24])
        size = f' width="{width}" height="{height}"'
    data = base64.b64encode(picture.content).decode()
    alt = html.escape(caption, quote=True)
    return f'<figure><img src="data:{kind};base64,{data}" alt="{alt}"{size}></figure>'


def _tile(name: str, report: Report) -> str:
    """Show the first figure of a report, which says most."""
    key = next(iter(type(report).model_fields), None)
    if key is None or isinstance(getattr(report, key), (tuple, Report)):
        return ""
    words, unit = unit_of(key)
    shown = html.escape(_shown(getattr(report, key), unit))
    title = _titled(name)
    label = title if words == title.lower() else f"{title}: {words}"
    return (
        f'<a href="#{html.escape(_anchor(name), quote=True)}"><b>{shown}</b>'
        f'<span class="unit">{html.escape(unit)}</span><br>{html.escape(label)}</a>'
    )


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name)


def _titled(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}".replace("_", " ")


def _section(name: str, report: Report) -> str:
    about = (type(report).__doc__ or "").strip().split("\n\n", 1)[0].replace("\n", " ")
    heading = html.escape(_titled(name))
    anchor = html.escape(_anchor(name), quote=True)
    parts = [f'<section id="{anchor}">\n<h2>{heading}</h2>', f"<p>{_prose(about)}</p>"]
    plain = {key: value for key, value in report if not isinstance(value, (tuple, Report))}
    if plain:
        parts.append(_table([], [_row(report, key, value) for key, value in plain.items()]))
    for key, value in report:
        if isinstance(value, Report):
            parts.append(_parts(report, key, [value]))
        elif isinstance(value, tuple):
            parts.append(_parts(report, key, value))
    return "\n".join([*parts, "</section>"])


def _row(report: Report, key: str, value: Any) -> list[str]:
    words, unit = unit_of(key)
    return [
        f"<th>{html.escape(words)}</th>",
        _cell(value, unit),
        f'<td class="note">{_prose(_described(report, key))}</td>',
    ]


def _parts(report: Report, key: str, values: Sequence[Any]) -> str:
    """Show a list: of few reports each has a column, of many each has a row."""
    words, unit = unit_of(key)
    heading = html.escape(words)
    said = _prose(_described(report, key))
    if not values:
        return f"<h3>{heading}: none</h3>\n<p>{said}</p>"
    if not isinstance(values[0], Report):
        table = _table([], [[_cell(value, unit)] for value in values])
    elif len(values) < _MANY_PARTS:
        first, *others = type(values[0]).model_fields
        names = [f"<th>{_text(getattr(one, first), first)}</th>" for one in values]
        rows = [
            [f"<th>{html.escape(unit_of(one)[0])}</th>",
             *(_cell(getattr(value, one), unit_of(one)[1]) for value in values),
             f'<td class="note">{_prose(_described(values[0], one))}</td>']
            for one in others
        ]  # fmt: skip
        table = _table([f"<th>{html.escape(unit_of(first)[0])}</th>", *names, "<th></th>"], rows)
    else:
        fields = [(one, *unit_of(one)) for one in type(values[0]).model_fields]
        heads = [f"<th>{html.escape(word)}</th>" for _, word, _ in fields]
        rows = [[_cell(getattr(value, one), of) for one, _, of in fields] for value in values]
        table = _table(heads, rows)
    if len(values) > _SHOWN_ROWS:
        return (f"<details>\n<summary>{heading} ({len(values)})</summary>\n<p>{said}</p>\n"
                f"{table}\n</details>")  # fmt: skip
    return f"<h3>{heading}</h3>\n<p>{said}</p>\n{table}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = f"<thead><tr>{''.join(headings)}</tr></thead>\n" if headings else ""
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="table"><table>\n{head}<tbody>\n{body}\n</tbody>\n</table></div>'


def _cell(value: Any, unit: str) -> str:
    kind = ' class="text"' if isinstance(value, str) else ' class="yes"' if value is True else ""
    shown = f'<span class="unit">{html.escape(unit)}</span>' if unit and value is not None else ""
    return f"<td{kind}>{html.escape(_shown(value, unit))}{shown}</td>"


def _text(value: Any, field: str) -> str:
    unit = unit_of(field)[1]
    return html.escape(f"{_shown(value, unit)} {unit}".strip())


def _shown(value: Any, unit: str) -> str:
    """Return a figure as people write it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float):
        decimals = _DECIMALS.get(unit)
        text = f"{value:,.{decimals}f}" if decimals is not None else _significant(value)
        return (text.lstrip("-") if not text.strip("-0.,") else text).replace("-", "−")
    return str(value)


def _significant(value: float) -> str:
    """Return a number in three digits that count, but never fewer than its whole part has."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _described(report: Report, key: str) -> str:
    return type(report).model_fields[key].description or ""


def _prose(text: str) -> str:
    """Return what a docstring says as HTML, for a page on which None is a dash."""
    plain = re.sub(r"`+([^`]+)`+", r"\1", text)
    plain = re.sub(r"(^|\. )None\b", r"\1A dash", plain)
    return html.escape(re.sub(r"\bNone\b", "a dash", plain))
