"""The page of a batch: what failed and why, what was found and done, and a table of all jobs."""

from __future__ import annotations

import html
import json
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from .. import pages, unit_of
from .._base.publish import publish
from .row import BatchRow, without_file
from .sums import Sums, duration

#: A page with more rows is slow to open; the tables beside it have all.
_MOST_ROWS = 20_000
#: So many files are named of failures with one cause.
_FILES_OF_A_CAUSE = 200
#: How many bars a distribution has, and how many values it is made of at least.
_BARS, _LEAST_VALUES = 24, 3
#: Beside the largest of a distribution what is smaller is nothing.
_NOTHING = 1e-4
#: No figure is larger, even by the minute: a journal may hold any number.
_LARGEST = 1e300
#: So many columns of figures the table has.
_FIGURES = 12


@dataclass
class Page:
    """The page of a batch, which is told row after row.

    Attributes:
        worded: puts messages, which speak as Python does, into other words.
        rows: what the table shows of each.
        causes: files by why they failed.
        warned: files by what was warned of.
        notes: the figures that steps noted, by step and name.
        rates: counts that steps noted, per minute of sound.
        omitted: how many rows the table does not show.
    """

    worded: Callable[[str], str] = str
    rows: list[dict[str, object]] = field(default_factory=list)
    causes: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    warned: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    notes: dict[str, array[float]] = field(default_factory=dict)
    rates: dict[str, array[float]] = field(default_factory=dict)
    omitted: int = 0

    def add(self, row: BatchRow) -> None:
        """Take a row into account."""
        figures = {}
        for step in row.steps:
            for name, note in (step.get("did") or {}).items():
                if isinstance(note, bool) or not isinstance(note, (int, float)):
                    continue
                if not abs(note) <= _LARGEST:
                    continue
                called = f"{step['id']}: {name}"
                figures[called] = note
                self.notes.setdefault(called, array("d")).append(note)
                is_count = isinstance(note, int) and not unit_of(name)[1]  # a level may be whole
                if is_count and row.sound_seconds > 0:
                    rate = note * 60 / row.sound_seconds
                    if rate <= _LARGEST:
                        self.rates.setdefault(called, array("d")).append(rate)
        if row.state == "failed":
            cause = (row.kind, row.place, self.worded(_plain(row.said, row)))
            self.causes.setdefault(cause, []).append(row.recording)
        for one in row.warnings:
            cause = (
                one.get("code") or "",
                one.get("node") or "",
                self.worded(_plain(one["message"], row)),
            )
            files = self.warned.setdefault(cause, [])
            files += [row.recording] * (row.recording not in files[-1:])
        if len(self.rows) >= _MOST_ROWS and row.state != "failed":
            self.omitted += 1
            return
        self.rows.append(
            {
                "recording": row.recording,
                "state": row.state,
                "why": f"{row.kind}: {self.worded(row.said)}" if row.kind else "",
                "seconds": round(row.seconds, 2),
                "sound": round(row.sound_seconds, 1),
                "reused": sum(step["status"] == "cached" for step in row.steps),
                "warnings": "; ".join(self.worded(one["message"]) for one in row.warnings),
                "files": [[name, _link(path)] for name, path in row.outputs.items()],
                "page": _link(row.page) if row.page else "",
                "figures": figures,
            }
        )

    def write(self, folder: Path, graph: str, sums: Sums) -> Path:
        """Write it, and return where it is.

        Raises:
            OutputError: it cannot be written.
        """
        text = _text(self, graph, sums).encode(errors="backslashreplace")
        return publish(folder / "report.html", lambda file: file.write(text))


def _plain(said: str, row: BatchRow) -> str:
    """Return what was said of a recording, without what is of this one only."""
    said = without_file(said, row.inputs.values())
    for value in row.inputs.values():
        said = said.replace(str(value), "the file")
    said = re.sub(r"(?<![A-Za-z])-?\d([\d,.]*\d)?", "…", said)
    return re.sub(r"(…[^,;]*)(?:, \1)+", r"\1", said)  # of a list one, however long it is


def _link(path: str) -> str:
    return path if "://" in path else quote(Path(path).as_posix())


# -- the page ---------------------------------------------------------------------------------


def _text(found: Page, graph: str, sums: Sums) -> str:
    lead = f"{sums.total} recordings · {datetime.now():%d %B %Y, %H:%M}".replace("· 0", "· ")
    body = (
        pages.figures(_figures(sums))
        + _causes("What failed, by cause", found.causes, "failed")
        + _causes("What was warned of", found.warned, "warning")
        + pages.section("What was found and done", _distributions(found))
        + pages.section("All recordings", _table(found))
    )
    return pages.document(f"{graph}: a batch", body, lead=lead, style=_asset("page.css"))


def _figures(sums: Sums) -> list[pages.Figure]:
    found = [pages.Figure(f"{sums.done + sums.kept}", "", f"done, of {sums.total}")]
    if sums.failed:
        found.append(pages.Figure(f"{sums.failed}", "", "failed"))
    if sums.left:
        found.append(pages.Figure(f"{sums.left}", "", "left to do"))
    if sums.sound_seconds:
        found.append(pages.Figure(duration(sums.sound_seconds), "", "of sound, this time"))
    if sums.per_second:
        found.append(pages.Figure(f"{sums.per_second * 60:.3g}", "a minute", "recordings"))
    if sums.hit_rate is not None:
        found.append(pages.Figure(f"{100 * sums.hit_rate:.0f}", "%", "of steps reused"))
    return found


def _causes(
    title: str, causes: Mapping[tuple[str, str, str], Sequence[str]], kind_of_notice: str
) -> str:
    shown = []
    for (kind, place, said), files in sorted(causes.items(), key=lambda one: -len(one[1])):
        where = f" in {place}" if place else ""
        count = "1 recording" if len(files) == 1 else f"{len(files)} recordings"
        names = "".join(f"<li>{html.escape(one)}</li>\n" for one in files[:_FILES_OF_A_CAUSE])
        more = len(files) - _FILES_OF_A_CAUSE
        names += f"<li>and {more} more: filter the table below</li>\n" if more > 0 else ""
        shown.append(
            pages.notice(f"{count}: {kind}{where}: {said}", kind=kind_of_notice)
            + pages.folded("which", f"<ul>\n{names}</ul>\n")
        )
    return pages.section(title, *shown)


def _distributions(found: Page) -> str:
    cards = []
    for name, values in found.notes.items():
        step, _, noted = name.rpartition(": ")
        words, unit = unit_of(noted)
        rates = found.rates.get(name)
        if rates is not None and len(rates) >= _LEAST_VALUES:
            cards.append(_distribution(f"{step}: {words}", rates, "a minute of sound"))
        elif len(values) >= _LEAST_VALUES:
            cards.append(_distribution(f"{step}: {words}", values, unit))
    return pages.explained(pages.cards(cards)) if cards else ""


def _distribution(name: str, values: Sequence[float], unit: str) -> str:
    """Return a histogram with least, median and largest value below it."""
    ordered = sorted(values)
    low, high, middle = ordered[0], ordered[-1], ordered[len(ordered) // 2]
    if f"{low:.4g}" == f"{high:.4g}":
        same = f"{low:.4g} {unit}".strip().replace("-", "−")
        return (
            f'<p class="of">{html.escape(name)}</p>\n'
            f'<p class="soft">{html.escape(same)} in all of {len(values)} recordings</p>\n'
        )
    counts = [0] * _BARS
    for value in ordered:
        share = (value - low) / (high - low) if high > low else 0.5
        counts[min(_BARS - 1, int(share * _BARS))] += 1
    top = max(counts)
    bars = "".join(
        f'<rect x="{10 * n}" y="{60 - 58 * count / top:.1f}" width="9" '
        f'height="{58 * count / top:.1f}"><title>{count}</title></rect>'
        for n, count in enumerate(counts)
        if count
    )
    least = _NOTHING * max(abs(low), abs(high))
    near = [one if abs(one) >= least else 0 for one in (low, middle, high)]
    shown = [f"{one:.4g}".replace("-", "−") for one in near]
    said = f"{shown[0]} to {shown[2]}, half of them at most {shown[1]} {unit}".strip()
    return (
        f'<p class="of">{html.escape(name)}</p>\n'
        f'<svg class="bars" viewBox="0 0 {10 * _BARS} 60" role="img" '
        f'aria-label="{html.escape(said)}">{bars}</svg>\n'
        f'<p class="soft">{html.escape(said)}, {len(values)} recordings</p>\n'
    )


def _table(found: Page) -> str:
    named = {
        name: " ".join(filter(None, [f"{step}: {words},", unit])).rstrip(",")
        for name in list(found.notes)[:_FIGURES]
        for step, _, noted in [name.rpartition(": ")]
        for words, unit in [unit_of(noted)]
    }
    data = {"rows": found.rows, "figures": list(named.items())}
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    left = (
        pages.paragraph(
            f"{found.omitted} more rows stand in results.csv and results.jsonl beside this page."
        )
        if found.omitted
        else ""
    )
    return (
        '<p class="tools"><label>filter <input type="search" id="filter" '
        'placeholder="words, failed, a folder …"></label> <span id="count"></span></p>\n'
        '<div class="table" tabindex="0" role="region" aria-label="All recordings">'
        '<table id="all"><thead></thead><tbody></tbody></table></div>\n'
        '<p><button type="button" id="more" hidden>more rows</button></p>\n'
        f'{left}<script type="application/json" id="data">{text}</script>\n'
        f'<script>\n(() => {{\n"use strict";\n{_asset("table.js")}}})();\n</script>\n'
    )


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
