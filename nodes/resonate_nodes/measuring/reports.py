"""Reports: what several nodes measured and drew, joined into one file to read or to keep."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

import resonate_graph as rg
from resonate_graph import (
    Audio,
    File,
    NodeError,
    ParamError,
    Preparation,
    Report,
    node,
    unit_of,
)

from .._common.channels import decibels
from ..loudness import bs1770

Names = list[Annotated[str, Field(min_length=1, max_length=200)]]

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

#: Two columns of figures beside one another.
_STYLE = """
.cards { grid-template-columns: repeat(auto-fit, minmax(min(100%, 29rem), 1fr)) }
.card p { font-size: .9rem; color: var(--soft) } .card p b { color: var(--text); font-weight: 600 }
.unit { font-size: .87rem; margin-left: .3em }
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


def prepare_page(question: Preparation) -> Mapping[str, Any]:
    """A page is made anew where its parts have changed."""
    return {"page": rg.pages.identity()}


@node(version=2, uses=("soundfile", "lameenc", "scipy", "pyloudnorm"), prepare=prepare_page)
def html_report(
    reports: list[Report],
    pictures: list[File] | None = None,
    sounds: list[Audio] | None = None,
    *,
    title: Annotated[str, Field(max_length=200)] = "Report",
    names: Names | None = None,
    captions: Names | None = None,
    labels: Names | None = None,
) -> File:
    """Join reports, sounds and pictures into one HTML page that needs nothing else.

    It begins with what was found, in sentences, where the reports have words for it. Sounds are
    heard in a player, switched between at the same place and equally loud; places that reports
    list are marked on the first of them. Each figure stands beside its unit and what it means, as
    the report's author describes it. All is inside the page; nothing is loaded from elsewhere.

    What is heard are copies: FLAC of 16 bits up to 2 minutes, MP3 beyond, in a page that grows by
    some 2 MB for each minute of stereo.

    Args:
        reports: what was measured.
        pictures: what was drawn, as PNG, JPEG or WebP files.
        sounds: what can be heard on the page.
        title: the heading of the page.
        names: what to call each report, in the same order; None for the kind of each.
        captions: what to say of each picture, to those who cannot see it, in the same order; None
            for a number.
        labels: what to call each sound, in the same order; None for a number.

    Returns:
        An HTML file.

    Raises:
        NodeError: a picture is no PNG, JPEG or WebP file.
        ParamError: there are not as many names as reports, captions as pictures, or labels as
            sounds, or two names are the same.

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
              "inputs": {
                "reports": ["loudness"],
                "pictures": ["spectrogram"],
                "sounds": ["$audio"]
              },
              "params": {"title": "Side A"}
            }
          },
          "outputs": {"report": "page"}
        }
    """
    heard, shown = sounds or [], pictures or []
    said = _as_many(captions, len(shown), "captions", "picture")
    called = _as_many(labels, len(heard), "labels", "sound")
    known = _named(reports, names)
    told: set[str] = set()
    figures = rg.pages.figures(filter(None, map(_tile, known, reports)))
    body = "".join((
        rg.pages.explained(_findings(reports), told),
        _player(heard, called, reports),
        rg.pages.explained(figures, told),
        "".join(map(_picture, shown, said)),
        rg.pages.explained(rg.pages.cards(map(_section, known, reports)), told) if reports else "",
    ))  # fmt: skip
    lead = " · ".join(dict.fromkeys(map(_shape, heard)))
    return File(
        rg.pages.document(title, body, lead=lead, style=_STYLE, alone=True).encode(), ".html"
    )


def _as_many(given: Sequence[str] | None, count: int, param: str, what: str) -> Sequence[str]:
    """Return what to call each of some things.

    Raises:
        ParamError: there are not as many names as things.
    """
    if given is not None and len(given) != count:
        raise ParamError(
            f"{count} {what}s need {count} {param}, {len(given)} were given", param=param
        )
    return given or [f"{what} {index + 1}" for index in range(count)]


def _findings(reports: Sequence[Report]) -> str:
    """Return what was found: first what may want help, then what is as it should be."""
    found = [one for report in reports for one in report.findings()]
    found.sort(key=lambda one: not one.do)
    return "".join(
        rg.pages.notice(one.text, one.do, kind="warning" if one.do else "good") for one in found
    )


def _player(sounds: Sequence[Audio], labels: Sequence[str], reports: Sequence[Report]) -> str:
    if not sounds:
        return ""
    marks = [mark for report in reports for mark in rg.pages.marks_of(report)]
    tracks = [
        rg.pages.Track(
            str(index),
            label,
            sound=sound,
            marks=() if index else marks,
            lufs=_loudness(sound),
            true_peak_dbtp=decibels(bs1770.true_peak(sound)),
        )
        for index, (sound, label) in enumerate(zip(sounds, labels, strict=True))
    ]
    return rg.pages.player(tracks, folder=None)


def _loudness(sound: Audio) -> float | None:
    try:
        return bs1770.measure(sound).integrated_lufs
    except NodeError:  # channels of which nothing is known, or a rate that is too low
        return None


def _shape(audio: Audio) -> str:
    """Return how long a sound is, and what of."""
    minutes, seconds = divmod(audio.duration_seconds, 60)
    length = f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"
    names = {1: "mono", 2: "stereo"}
    channels = names.get(audio.channels, f"{audio.channels} channels")
    return f"{length}, {channels}, {audio.sample_rate / 1000:g} kHz"


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


def _picture(picture: File, caption: str) -> str:
    try:
        return rg.pages.image(picture.content, caption, suffix=picture.suffix, wide=True)
    except ValueError:
        raise NodeError(
            f"a {picture.suffix} file is no picture; PNG, JPEG and WebP files are"
        ) from None


def _tile(name: str, report: Report) -> rg.pages.Figure | None:
    """Show the first figure of a report, which says most."""
    key = next(iter(type(report).model_fields), None)
    if key is None or isinstance(getattr(report, key), (tuple, Report)):
        return None
    words, unit = unit_of(key)
    title = _titled(name)
    label = title if words == title.lower() else f"{title}: {words}"
    shown = _shown(getattr(report, key), unit)
    return rg.pages.Figure(shown, unit, label, link=f"#{_anchor(name)}")


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name)


def _titled(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}".replace("_", " ")


def _section(name: str, report: Report) -> str:
    about = (type(report).__doc__ or "").strip().split("\n\n", 1)[0].replace("\n", " ")
    heading = html.escape(_titled(name))
    anchor = html.escape(_anchor(name), quote=True)
    parts = [f'<section id="{anchor}">\n<h2>{heading}</h2>', f"<p>{_prose(about)}</p>"]
    parts += [f"<p><b>{html.escape(one.text)}</b></p>" for one in report.findings()]
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
        return ""
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
        heads = [
            f'<th class="{"text" if isinstance(getattr(values[0], one), str) else "number"}">'
            f"{html.escape(word)}</th>"
            for one, word, _ in fields
        ]
        rows = [[_cell(getattr(value, one), of) for one, _, of in fields] for value in values]
        table = _table(heads, rows)
    if len(values) > _SHOWN_ROWS:
        return rg.pages.folded(f"{words}: {len(values)} rows", f"<p>{said}</p>\n{table}\n")
    return f"<h3>{heading}</h3>\n<p>{said}</p>\n{table}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = f"<thead><tr>{''.join(headings)}</tr></thead>\n" if headings else ""
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="table" tabindex="0"><table>\n{head}<tbody>\n{body}\n</tbody>\n</table></div>'
    )


def _cell(value: Any, unit: str) -> str:
    kind = ' class="text"' if isinstance(value, str) else ' class="number"'
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
