"""The page of a run: what went in and came out in one player, and what each step did."""

from __future__ import annotations

import html
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from .._base.docstrings import summary
from .._base.errors import InputError, OverwriteError
from .._base.publish import publish
from .._base.units import unit_of
from .._graph.bound import BoundGraph
from .._graph.lineage import wholes
from .._node.notes import did_in_words
from .._node.values import File, Report, Value
from .._page import parts
from .._page.drawing import draw, report_standings
from .._page.marks import marks_of
from .._page.player import SOUNDS, Mark, Track, link, player
from .._page.terms import explained
from .._run.measure import measure
from .._run.results import Result
from .._sound.audio import Audio
from .._sound.decode import read_audio
from .._sound.limits import Limits
from .._store.folder import Store
from .advice import advice

NAME = "report.html"
#: What stands before the name of the page where an output of the run has that name.
OTHER = "run-"

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_STATUS = {"ran": "computed", "cached": "reused", "skipped": "not needed"}
#: Steps as a list: on a phone a table of them would have to be scrolled.
_STYLE = """
.steps { list-style: none; margin: 0; padding: 0; }
.steps li { padding: .7rem 0; border-bottom: 1px solid var(--line); }
.steps li:last-child { border-bottom: 0; }
.steps p { margin: .15rem 0; }
.steps span, .steps small { color: var(--soft); }
.steps span { margin-left: .5rem; font-size: .85em; }
"""
_FIGURES = {"integrated_lufs": "LUFS", "true_peak_dbtp": "dBTP"}


@dataclass
class _Heard:
    """A sound of a run.

    Attributes:
        name: what tells it from the others.
        label: what it is called.
        track: what the player has of it.
        sound: its samples.
        kind: ``input``, ``whole`` (an output that is the sound of an input), ``part`` or
            ``removed``.
    """

    name: str
    label: str
    track: Track
    sound: Audio
    kind: str
    figures: dict[str, float | None] = field(default_factory=dict)


def write_run_page(
    result: Result,
    graph: BoundGraph,
    folder: Path,
    *,
    description: str = "",
    command: str = "",
    name: str = NAME,
    overwrite: bool = True,
    store: Store | None = None,
    models: Path | None = None,
) -> Path:
    """Write the page of a run into a folder, with what its player loads beside it.

    Args:
        result: what the run gave; outputs that were saved are linked.
        graph: the checked graph.
        folder: where the page goes.
        description: what the graph is for.
        command: what the run was started with; empty where that is not known.
        name: what the page is called, if no output is called so.
        overwrite: False to write over nothing but a page of the same graph and files.
        store: where loudness, and what players have of sounds, are looked up and kept.
        models: the folder of model weights.

    Raises:
        OutputError: it cannot be written.
        OverwriteError: `overwrite` is False, and something else is there.
    """
    saved = [Path(str(one["path"])) for one in result.report["outputs"].values()]
    taken = any(one.name == name and one.parent.resolve() == folder.resolve() for one in saved)
    path = folder / (OTHER + name if taken else name)
    if not overwrite and is_of_another(path, graph.name, _sources(result)):
        raise OverwriteError.of([path])
    page = _Page(result, graph, folder, store, models)
    content = page.text(description, command).encode()
    return publish(path, lambda file: file.write(content))


def is_of_another(path: Path, graph: str, sources: Sequence[Path]) -> bool:
    """Whether something stands at a place that is no page of a run of a graph on some files."""
    try:
        page = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    title = f"<title>{html.escape(_title(graph, sources))}</title>"
    return not {title, parts.MARK} <= set(page.splitlines())


def _title(graph: str, sources: Sequence[Path]) -> str:
    names = ", ".join(one.name for one in sources)
    return f"{graph}: {names}" if names else graph


def _sources(result: Result) -> list[Path]:
    """Return the files that went into a run."""
    return [Path(one["path"]) for one in result.report["inputs"].values()]


class _Page:
    def __init__(
        self,
        result: Result,
        graph: BoundGraph,
        folder: Path,
        store: Store | None,
        models: Path | None,
    ) -> None:
        self._result = result
        self._graph = graph
        self._folder = folder
        self._store = store
        self._told: set[str] = set()
        self._wholes = wholes(graph, models)
        self._trouble: list[str] = []
        reports = (value for value in result.values() if isinstance(value, Report))
        self._found = [mark for report in reports for mark in marks_of(report)]
        self._heard = list(self._sounds())
        for one in self._heard:
            if one.kind != "removed":
                one.figures = measure(one.sound, store)
                one.track = _levelled(one.track, one.sound, one.figures)

    def text(self, description: str, command: str) -> str:
        """Return the page."""
        report = self._result.report
        title = _title(str(report["graph"]), _sources(self._result))
        when = f"{datetime.now():%d %B %Y, %H:%M}".lstrip("0")
        body = (
            (parts.paragraph(description) if description else "")
            + self._changes()
            + self._player()
            + parts.section("What each step did", self._steps())
            + parts.section("Warnings", *map(self._warning, report["warnings"]))
            + parts.section("Loudness", self._loudness())
            + "".join(self._values())
            + parts.section("The graph", self._drawing())
            + parts.section("How it was made", self._provenance(command))
        )
        return parts.document(title, body, lead=f"{self._counts()} · {when}", style=_STYLE)

    # -- sounds --------------------------------------------------------------------------------

    def _sounds(self) -> Iterator[_Heard]:
        report = self._result.report
        several = len(self._result.inputs) > 1
        for name, bound in self._result.inputs.items():
            if isinstance(bound, Audio):
                label = f"{name}, as it was" if several else "As it was"
                yield self._sound(f"input {name}", label, None, bound, "input", marks=self._found)
        for name, one in report["inputs"].items():
            path = Path(one["path"])
            try:
                sound = read_audio(path, Limits(max_minutes=float("inf"), salvage=True))
            except InputError as error:  # it was moved since, or is no sound
                self._trouble.append(str(error))
                continue
            label = f"{name}, as it was" if several else "As it was"
            gaps = [Mark(start, end, "missing in the file") for start, end in one["gaps_seconds"]]
            marks = [*gaps, *self._found]
            yield self._sound(
                f"input {name}", label, path, sound, "input", note=path.name, marks=marks
            )
        parts_of_it = [
            name
            for name, value in self._result.items()
            if name not in self._wholes and self._is_sound(name, value)
        ]
        group = "stems" if len(parts_of_it) > 1 else None
        for name, value in self._result.items():
            if not self._is_sound(name, value):
                continue
            saved = self._saved(name)
            audio = value if isinstance(value, Audio) else self._decoded(name, value)
            if audio is None:
                continue
            part = name in parts_of_it
            yield self._sound(
                f"output {name}",
                name.partition(".")[0],
                saved,
                audio,
                "part" if part else "whole",
                group=group if part else None,
            )
            if name in self._result.removed:
                taken = self._result.removed[name]
                yield self._sound(
                    f"removed {name}",
                    f"taken out of {name}",
                    self._saved(name, removed=True),
                    taken,
                    "removed",
                    level_as=f"output {name}",
                )

    def _sound(
        self, name: str, label: str, path: Path | None, sound: Audio, kind: str, **more: Any
    ) -> _Heard:
        file = os.path.relpath(path, self._folder) if path is not None else ""
        track = Track(name, label, file=file, sound=sound, **more)
        return _Heard(name, label, track, sound, kind)

    @staticmethod
    def _is_sound(name: str, value: Value) -> bool:
        return isinstance(value, Audio) or (isinstance(value, File) and value.suffix in SOUNDS)

    def _decoded(self, name: str, value: Value) -> Audio | None:
        path = self._saved(name)
        if path is None or not isinstance(value, File):
            return None
        try:
            return read_audio(path, Limits(max_minutes=float("inf")))
        except InputError as error:
            self._trouble.append(str(error))
            return None

    def _saved(self, name: str, *, removed: bool = False) -> Path | None:
        output = self._result.report["outputs"][name]
        path = (output.get("removed") or {}).get("path") if removed else output["path"]
        return None if path is None else Path(path)

    # -- parts of the page ---------------------------------------------------------------------

    def _counts(self) -> str:
        nodes = self._result.report["nodes"]
        counts = {
            word: sum(one["status"] == status for one in nodes) for status, word in _STATUS.items()
        }
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        return f"{len(nodes)} steps: {told}" if nodes else "no steps"

    def _changes(self) -> str:
        """Return the figures that say most: what became of the sound as a whole."""
        before = {one.name: one for one in self._heard if one.kind == "input"}
        shown: list[parts.Figure] = []
        for one in self._heard:
            if one.kind != "whole":
                continue
            whole = self._wholes.get(one.name.removeprefix("output "))
            source = before.get(f"input {whole.input}") if whole else None
            for key, unit in _FIGURES.items():
                now = one.figures.get(key)
                was = source.figures.get(key) if source else None
                if now is not None:
                    change = f"was {_signed(was)}" if was is not None else ""
                    what = "loudness" if unit == "LUFS" else "true peak"
                    shown.append(parts.Figure(_signed(now), unit, f"{one.label}: {what}", change))
        return explained(parts.figures(shown), self._told) if shown else ""

    def _player(self) -> str:
        notices = "".join(parts.notice(one, kind="warning") for one in self._trouble)
        tracks = [one.track for one in self._heard]
        if not tracks:
            return notices
        is_changed = any(one.kind != "input" for one in self._heard)
        heading = "Before and after" if is_changed else "As it was"
        shown = player(tracks, folder=self._folder, label=heading, stems="Stems", store=self._store)
        return parts.section(heading, notices, shown)

    def _steps(self) -> str:
        """Return what each step did, in the order in which they ran."""
        lines = [
            f"<li><b>{html.escape(one['id'])}</b> <span>{_STATUS[one['status']]}</span>"
            f"<p>{html.escape(_with_minus(did_in_words(one.get('did') or {}) or 'done'))}</p>"
            f"<small>{html.escape(self._purpose(one['type']))}</small></li>"
            for one in self._result.report["nodes"]
            if one["status"] != "skipped"
        ]
        shown = "\n".join(lines)
        return explained(f'<ol class="steps">\n{shown}\n</ol>\n', self._told) if lines else ""

    def _purpose(self, type_id: str) -> str:
        """Return the first sentence of what is said of a node."""
        step = next((one for one in self._graph.steps.values() if one.type.id == type_id), None)
        said = summary(step.type.doc).replace("`", "") if step else ""
        return f"{type_id}: {said.partition('. ')[0].rstrip('.')}." if said else type_id

    @staticmethod
    def _warning(warning: Mapping[str, Any]) -> str:
        where = f"{warning['node']}: " if warning["node"] else ""
        return parts.notice(f"{where}{warning['message']}", advice(warning["code"]), kind="warning")

    def _loudness(self) -> str:
        headings = ["", "loudness, LUFS", "true peak, dBTP", "length", "rate", "channels"]
        rows = [
            [
                one.label,
                *(_signed(one.figures.get(key)) for key in _FIGURES),
                _time(one.sound.frames / one.sound.sample_rate),
                f"{one.sound.sample_rate:,} Hz",
                one.sound.layout or str(one.sound.channels),
            ]
            for one in self._heard
            if one.kind != "removed"
        ]
        return explained(parts.table(headings, rows), self._told) if rows else ""

    def _values(self) -> Iterator[str]:
        """Yield a section for each output that is seen, not heard."""
        for name, value in self._result.items():
            path = self._saved(name)
            if isinstance(value, Report):
                said = [
                    parts.notice(one.text, one.do, kind="warning" if one.do else "good")
                    for one in value.findings()
                ]
                yield parts.section(
                    name, *said, explained(parts.table([], _fields(value)), self._told)
                )
            elif isinstance(value, File) and value.suffix in _PICTURES:
                shown = parts.image(value.content, name, suffix=value.suffix, wide=True)
                yield parts.section(name, shown)
            elif isinstance(value, File) and not self._is_sound(name, value):
                if path is not None:
                    target = html.escape(link(path, self._folder), quote=True)
                    text = html.escape(path.name)
                    yield parts.section(name, f'<p><a href="{target}">{text}</a></p>\n')
            elif not isinstance(value, (Audio, File)):
                yield parts.section(name, parts.paragraph(str(value)))

    def _drawing(self) -> str:
        standings = report_standings(self._result.report["nodes"])
        return draw(self._graph, standings).fragment

    def _provenance(self, command: str) -> str:
        made = self._result.provenance
        facts = {f"made with {name}": version for name, version in made["made_with"].items()}
        for name, one in made["inputs"].items():
            if "file" in one:
                facts[f"input {name}"] = f"{one['file']} (blake3 {one['file_digest'][:16]})"
            else:
                facts[f"input {name}"] = str(one["value"])
        facts |= {f"param {name}": str(value) for name, value in made["params"].items()}
        for name in made["outputs"]:
            if (path := self._saved(name)) is not None:
                facts[f"output {name}"] = str(path)
        versions = [
            [id_, node["type"], str(node["version"] or "own"), node["device"] or "",
             ", ".join(f"{one} {version}" for one, version in node["libraries"].items())]
            for id_, node in made["nodes"].items()
        ]  # fmt: skip
        table = parts.table(["step", "node", "version", "device", "libraries"], versions)
        again = next((path for name in made["outputs"] if (path := self._saved(name))), None)
        commands = [command] if command else []
        if again is not None:
            commands.append(
                shlex.join(["resonate", "run", "--from-provenance", str(again), "-o", "again"])
            )
        told = parts.paragraph("To make it again:") if commands else ""
        return (
            told
            + "".join(map(parts.command, commands))
            + parts.facts(facts)
            + parts.folded("Versions of nodes and libraries", table)
        )


def _levelled(track: Track, sound: Audio, figures: Mapping[str, float | None]) -> Track:
    """Return a track with its loudness, where the player plays the sound as it is."""
    if sound.channels > 2:  # it is folded down to two
        return track
    loudness, peak = figures["integrated_lufs"], figures["true_peak_dbtp"]
    return replace(track, lufs=loudness, true_peak_dbtp=peak)


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def _with_minus(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f} min" if minutes else f"{rest:.1f} s"


def _fields(report: Report) -> Sequence[Sequence[str]]:
    """Return the plain fields of a report: what each is, its value with its unit."""
    rows = []
    for name in type(report).model_fields:
        value = getattr(report, name)
        words, unit = unit_of(name)
        if isinstance(value, float):
            value = f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}".rstrip("0").rstrip(".")
        if isinstance(value, (str, int, bool)):
            rows.append([words, f"{value} {unit}".strip()])
    return rows
