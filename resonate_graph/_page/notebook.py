"""How values show themselves in notebooks: in players, as tables, as pictures.

Importing this registers it (see `_base.display`); that is done when something is shown first.
"""

from __future__ import annotations

import base64
import contextlib
import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from .._base.display import Bundle, shows
from .._base.errors import ResonateError
from .._base.units import unit_of
from .._graph.document import GraphDocument
from .._node.notes import did_in_words
from .._node.values import File, Report, Value, brief
from .._run.forecast import Forecast, PlannedStep
from .._run.results import Result
from .._sound.audio import Audio
from .._sound.decode import read_audio
from .._sound.limits import Limits
from . import parts
from .drawing import Drawing
from .graph_view import STATUSES
from .player import SOUNDS, Track, player
from .terms import explained

#: A notebook holds all that it shows: beyond so many minutes together, sounds are not in it.
MOST_MINUTES = 10.0

_PICTURES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
    ".webp": "image/webp",
}  # fmt: skip
_TEXTS = (".txt", ".json", ".md", ".csv")
_LONGEST_TEXT = 20_000
_LISTED = 12
_LEVELS = ("dB", "dBFS", "dBTP", "LUFS", "LU")

#: Notebooks have their own ground, light or dark, whatever the system's is: so nothing here has a
#: colour of its own but players and pictures, which bring their own ground.
_STYLE = """
.rg-shown { max-width: 64rem; line-height: 1.45 }
.rg-shown .table { overflow-x: auto; margin: .4rem 0 }
.rg-shown table { border-collapse: collapse; margin: 0 }
.rg-shown th, .rg-shown td { border-bottom: 1px solid #8886; padding: .2rem .9rem .2rem 0;
  text-align: left; vertical-align: top; font-weight: normal }
.rg-shown thead th { font-weight: 600 }
.rg-shown .number { text-align: right; white-space: nowrap }
.rg-shown .notice { border-left: 3px solid #c60; padding-left: .7rem; margin: .4rem 0 }
.rg-shown .notice p { margin: 0 }
.rg-shown figure { margin: .4rem 0 } .rg-shown img { max-width: 100%; height: auto }
.rg-shown summary { cursor: pointer; padding: .2rem 0 }
.rg-shown dl.terms { font-size: .86em; opacity: .8; margin: .2rem 0 }
.rg-shown dl.terms dt, .rg-shown dl.terms dd { display: inline; margin: 0 }
.rg-shown iframe { width: 100%; height: 34rem; border: 1px solid #8886; background: #fff }
"""


def shown(*content: str) -> Bundle:
    """Return HTML as a notebook shows it."""
    body = "".join(content)
    return {"text/html": parts.embedded(f'<div class="rg-shown">\n{body}</div>\n', style=_STYLE)}


# -- values ---------------------------------------------------------------------------------------


@shows(Audio)
def _audio(audio: Audio) -> Bundle:
    if not audio.frames:
        return {}
    return shown(*_players([Track("sound", _about(audio), sound=audio)], "Sound"))


@shows(File)
def _file(file: File) -> Bundle:
    suffix = file.suffix.lower()
    if suffix in _PICTURES:
        return {_PICTURES[suffix]: base64.b64encode(file.content).decode()}
    if suffix == ".svg":
        return {"image/svg+xml": file.content.decode(errors="replace")}
    content = _inside(file, repr(file))
    return shown(content) if content else {}


@shows(Report)
def _report(report: Report) -> Bundle:
    return shown(explained(_fields(report)))


@shows(Result)
def _result(result: Result) -> Bundle:
    warnings = [parts.notice(one["message"], kind="warning") for one in result.report["warnings"]]
    others = {
        name: value for name, value in result.items() if not _sounds(value) and not _is_plain(value)
    }
    plain = {name: value for name, value in result.items() if _is_plain(value)}
    scalars = [[name, str(value)] for name, value in plain.items()]
    return shown(
        *warnings,
        *_players(list(_tracks(result)), f"Outputs of {result.report['graph']}"),
        parts.table([], scalars) if scalars else "",
        *(_other(name, value) for name, value in others.items()),
        parts.folded(_in_short(result), _steps(result)),
    )


@shows(Forecast)
def _forecast(forecast: Forecast) -> Bundle:
    rows = [
        [step.id, step.type, STATUSES.get(step.status, step.status), step.lane or "",
         *_times(step)]
        for step in forecast
    ]  # fmt: skip
    lanes = ", ".join([f"{forecast.threads} threads", *forecast.accelerators])
    return shown(
        parts.table(
            ["step", "type", "status", "runs on", "from, s", "takes, s", "memory, MB"], rows
        ),
        parts.paragraph(
            f"about {forecast.seconds:.1f} s on {lanes}; "
            f"{forecast.peak_bytes / 1e6:.0f} of {forecast.memory_bytes / 1e6:.0f} MB at most"
        ),
    )


def graph(document: GraphDocument, drawing: Drawing | None, trouble: str = "") -> Bundle:
    """Return how a graph is shown.

    Args:
        document: the graph.
        drawing: its picture; None where it cannot be drawn as it stands.
        trouble: why it cannot.
    """
    said = parts.paragraph(document.description) if document.description else ""
    what = drawing.fragment if drawing is not None else ""
    params = [
        [name, one.type, "" if one.default is None else brief(one.default), one.description or ""]
        for name, one in document.params.items()
    ]
    table = parts.table(["param", "type", "default", "what it does"], params)
    return shown(
        f"<p><b>{html.escape(document.name)}</b></p>\n",
        said,
        what,
        f"<pre>{html.escape(trouble)}</pre>\n" if trouble else "",
        parts.folded(f"{len(params)} params", table) if params else "",
    )


# -- sounds ---------------------------------------------------------------------------------------


def _players(tracks: Sequence[Track], label: str) -> Iterator[str]:
    """Yield a player of the tracks that a notebook has room for, and a word on the others."""
    kept, left_out, minutes = [], [], 0.0
    for track in tracks:
        lasts = _minutes(track)
        if minutes + lasts <= MOST_MINUTES:
            kept.append(track)
            minutes += lasts
        else:
            left_out.append(track.label)
    if kept:
        yield player(kept, folder=None, label=label)
    if left_out:
        yield parts.notice(
            f"Too long for a notebook: {', '.join(left_out)}.",
            "Save it and open the file, or show a part, such as audio[60.0:90.0].",
        )


def _minutes(track: Track) -> float:
    if track.sound is not None:
        return track.sound.duration_seconds / 60
    return len(track.file) / 1e6 if isinstance(track.file, bytes) else math.inf


def _tracks(result: Result) -> Iterator[Track]:
    """Yield what went in, what came out, and what was taken out of it."""
    for name, given in result.inputs.items():
        with contextlib.suppress(ResonateError):  # it was there when the run began
            label = f"{name} (input)"
            if isinstance(given, Path) and _is_long(given):
                yield Track(f"input {name}", label, file=given)
            else:
                yield Track(f"input {name}", label, sound=_sound(given))
    for name, value in result.items():
        if isinstance(value, Audio):
            yield Track(f"output {name}", name, sound=value)
        elif _sounds(value) and isinstance(value, File):
            yield Track(f"output {name}", name, file=value.content)
    for name in result.removed:
        with contextlib.suppress(ResonateError):
            yield Track(f"removed {name}", f"{name}: what was taken out",
                        sound=result.removed[name], level_as=f"output {name}")  # fmt: skip


def _is_long(path: Path) -> bool:
    """Whether a notebook has no room for a file, as far as that is known without reading it."""
    import soundfile

    try:
        return bool(soundfile.info(path).duration > 60 * MOST_MINUTES)
    except (RuntimeError, TypeError):  # what libsndfile does not read, `read_audio` may
        return False


def _sound(given: Path | Audio) -> Audio:
    if isinstance(given, Audio):
        return given
    limits = Limits(warn_minutes=math.inf, max_minutes=math.inf, salvage=True)
    return read_audio(given, limits, warn=lambda code, message: None)


def _sounds(value: Value) -> bool:
    if isinstance(value, File):
        return value.suffix.lower() in SOUNDS
    return isinstance(value, Audio) and value.frames > 0


def _about(audio: Audio) -> str:
    channels = audio.layout or f"{audio.channels} channels"
    return f"{channels}, {audio.sample_rate:,} Hz, {audio.duration_seconds:.3f} s"


# -- what is no sound -----------------------------------------------------------------------------


def _is_plain(value: Value) -> bool:
    return isinstance(value, (str, int, float))


def _other(name: str, value: Value) -> str:
    if isinstance(value, Report):
        return parts.folded(name, explained(_fields(value)))
    if isinstance(value, File):
        return _inside(value, name) or parts.paragraph(f"{name}: {value!r}")
    return parts.paragraph(f"{name}: {value!r}")


def _inside(file: File, name: str) -> str:
    """Return what is in a file, where there is something to show."""
    suffix = file.suffix.lower()
    if suffix in _PICTURES and suffix != ".gif":
        return parts.image(file.content, name, suffix=suffix)
    if suffix in SOUNDS:
        return "".join(_players([Track("file", name, file=file.content)], name))
    text = file.content.decode(errors="replace")
    if suffix in (".html", ".htm"):
        source = html.escape(text, quote=True)
        return (
            f'<iframe title="{html.escape(name, quote=True)}" sandbox="allow-scripts" '
            f'srcdoc="{source}"></iframe>\n'
        )
    if suffix in _TEXTS:
        return parts.folded(name, f"<pre>{html.escape(text[:_LONGEST_TEXT])}</pre>\n")
    return ""


def _fields(report: BaseModel) -> str:
    """Return a report as a table: words, figures with their units, and what they mean."""
    rows, lists = [], []
    for name, declared in type(report).model_fields.items():
        words, unit = unit_of(name)
        value = getattr(report, name)
        if isinstance(value, BaseModel):
            lists.append(parts.folded(words, _fields(value)))
            continue
        if isinstance(value, (list, tuple)) and any(isinstance(one, BaseModel) for one in value):
            lists.append(parts.folded(f"{words}: {len(value)}", _listed(value)))
            continue
        rows.append([words, _figure(value, unit), declared.description or ""])
    return parts.table([], rows) + "".join(lists)


def _listed(models: Iterable[Any]) -> str:
    """Return several reports as one table, a row for each."""
    found = [one for one in models if isinstance(one, BaseModel)]
    names = list(dict.fromkeys(name for one in found for name in type(one).model_fields))
    headings = [f"{words}, {unit}" if unit else words for words, unit in map(unit_of, names)]
    rows = [[_figure(getattr(one, name, ""), "") for name in names] for one in found[:_LISTED]]
    more = len(found) - len(rows)
    return parts.table(headings, rows) + (parts.paragraph(f"and {more} more") if more else "")


def _figure(value: Any, unit: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        text = brief(value)
    elif unit in _LEVELS:
        text = f"{value:.1f}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


# -- steps ----------------------------------------------------------------------------------------


def _in_short(result: Result) -> str:
    counts: dict[str, int] = {}
    for node in result.report["nodes"]:
        counts[node["status"]] = counts.get(node["status"], 0) + 1
    words = [f"{counts[status]} {STATUSES[status]}" for status in STATUSES if status in counts]
    return f"{', '.join(words)}, in {result.report['seconds']:.1f} s"


def _steps(result: Result) -> str:
    rows = [
        [
            node["id"],
            node["type"],
            STATUSES.get(node["status"], node["status"]),
            f"{node['seconds']:.1f}" if node["status"] == "ran" else "",
            node["device"] or "",
            did_in_words(node.get("did") or {}),
        ]
        for node in result.report["nodes"]
    ]
    return parts.table(["step", "type", "status", "seconds", "device", "what it did"], rows)


def _times(step: PlannedStep) -> list[str]:
    def number(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    megabytes = None if step.bytes is None else step.bytes / 1e6
    return [number(step.starts_seconds, 1), number(step.seconds, 1), number(megabytes, 0)]


def table_and_players(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    players: Mapping[str, Sequence[Track]],
    *,
    alike: str,
    failures: Sequence[str],
) -> Bundle:
    """Return a table with players below it, such as the rows of a sweep with what came of each."""
    return shown(
        *(parts.notice(failure, kind="failed") for failure in failures),
        explained(parts.table(headings, rows)),
        parts.paragraph(f"The same in all: {alike}") if alike else "",
        *(part for label, tracks in players.items() for part in _players(tracks, label)),
    )
