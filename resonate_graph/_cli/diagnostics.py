"""What is wrong with a graph, as people and as other programs read it.

A `Report` has the problems and warnings of one graph, each with the file it is in; `FORMATS` says
how they are spelled: with the line and a caret, a line each, as SARIF, or as commands of GitHub's
runner.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.cells import cell_len
from rich.text import Text

from .. import GraphError, Problem, __version__, stock_graphs
from .codes import explanations
from .text_tables import columns
from .words import spoken

#: Columns of a source line that are shown where nobody says how wide lines may be.
_WIDTH = 120

#: A JSON value or key, as far as it is underlined.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')

_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 127) if code != 9}


@dataclass(frozen=True)
class Found:
    """A problem or a warning, where a reader finds it.

    Attributes:
        problem: what it is.
        level: ``error`` or ``warning``.
        file: the file it is in; the graph's name, where that is in no file.
        text: the line of the file, if there is one.
        uses: the way there: the name of each use, with its file, line and column.
    """

    problem: Problem
    level: str
    file: str
    text: str | None = None
    uses: tuple[tuple[str, str], ...] = ()

    @property
    def where(self) -> str:
        """The place, as editors and terminals know it."""
        one = self.problem
        if one.argument:
            return spoken(f"{one.argument}: ").removesuffix(": ")
        return self.file if one.line is None else f"{self.file}:{one.line}:{one.column}"

    @property
    def message(self) -> str:
        """What is wrong, in the words of the command line."""
        return spoken(self.problem.message)

    @property
    def length(self) -> int:
        """How many characters it is about."""
        if self.text is None or self.problem.column is None:
            return 1
        token = _TOKEN.match(self.text, self.problem.column - 1)
        return len(token[0]) if token else 1


@dataclass(frozen=True)
class Report:
    """What was found in one graph.

    Attributes:
        graph: the graph, as it was named.
        found: problems and warnings.
        omitted: how many more problems there are.
    """

    graph: str
    found: Sequence[Found] = field(default_factory=list)
    omitted: int = 0


def failed(graph: str, error: GraphError) -> Report:
    """Return the report of a graph that is wrong."""
    return Report(graph, list(_found(graph, error.problems, "error")), error.omitted)


def passed(graph: str, warnings: Iterable[Problem]) -> Report:
    """Return the report of a graph that is right, or nearly."""
    return Report(graph, list(_found(graph, warnings, "warning")))


def _found(graph: str, problems: Iterable[Problem], level: str) -> Iterator[Found]:
    @cache
    def read(source: str) -> tuple[str, list[str]]:
        return _read(graph, source)

    for problem in problems:
        file, lines = read(problem.source)
        text = lines[problem.line - 1] if problem.line and problem.line <= len(lines) else None
        uses = [
            (use.name, f"{read(use.source)[0]}:{use.line}:{use.column}")
            for use in problem.uses
            if use.line is not None
        ]
        yield Found(problem, level, file, text, tuple(uses))


def _read(graph: str, source: str) -> tuple[str, list[str]]:
    """Return how a graph's file is called from here, and its lines."""
    path = Path(graph)
    if source and source != graph:
        beside = Path(os.path.normpath(path.parent / source))
        if not beside.is_file() and source in stock_graphs():
            return source, stock_graphs()[source].split("\n")
        path = beside
    try:
        return str(path), path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError):
        return source or graph, []


# -- for people ------------------------------------------------------------------------------------


def _full(report: Report) -> Iterator[Text]:
    for one in report.found:
        yield _headline(one)
        if one.text is not None and not one.problem.argument:
            yield from _excerpt(one)
        for name, where in one.uses:
            yield Text(f"      in {name}, used at {where}")
        if more := one.problem.within.partition(" and ")[2]:
            yield Text(f"      and in {more}")
        yield Text()
    yield from _total(report)
    codes = list(dict.fromkeys(one.problem.code for one in report.found))
    if known := [code for code in codes if code in explanations()]:
        yield Text(f"  more of each: resonate explain {' '.join(known)}")


def _concise(report: Report) -> Iterator[Text]:
    for one in report.found:
        within = f" (in {one.problem.within})" if one.problem.within else ""
        yield _headline(one).append(within)
    yield from _total(report)


def _headline(one: Found) -> Text:
    code = ("warning: ", "bold yellow") if one.level == "warning" else ""
    style = "bold yellow" if one.level == "warning" else "bold red"
    return Text.assemble(
        (one.where, "bold"), ": ", code, (one.problem.code, style), f": {one.message}"
    )


def _excerpt(one: Found) -> Iterator[Text]:
    """Yield a line, as much of it as there is room for, and carets below what is meant."""
    assert one.text is not None
    assert one.problem.column is not None
    margin = f"{one.problem.line:>4} | "
    room = max((columns() or _WIDTH) - len(margin), 40) - 8  # dots may stand on both sides
    start, line = one.problem.column - 1, one.text.rstrip()
    left = min(len(line) - len(line.lstrip()), start)
    if len(line) - left > room:
        left = max(min(start - room // 3, len(line) - room), left)
    end = min(start + one.length, left + room)
    before = ("... " if line[:left].strip() else "") + _plain(line[left:start])
    marked = _plain(line[start:end])
    after = _plain(line[end : left + room]) + (" ..." if line[left + room :] else "")
    yield Text(f"{margin}{before}{marked}{after}")
    caret = "^" * max(cell_len(marked), 1)
    yield Text.assemble(f"     | {' ' * cell_len(before)}", (caret, "bold red"))


def _plain(text: str) -> str:
    """Return a part of a line as a terminal shows it, whatever is in it."""
    return text.translate(_CONTROLS).replace("\t", "    ")


def _total(report: Report) -> Iterator[Text]:
    errors = sum(one.level == "error" for one in report.found) + report.omitted
    if not errors:
        return
    shown = f", {report.omitted} of them not shown" if report.omitted else ""
    yield Text(f"{report.graph}: {'1 problem' if errors == 1 else f'{errors} problems'}{shown}")


# -- for programs ----------------------------------------------------------------------------------


def _github(report: Report) -> Iterator[Text]:
    """Yield workflow commands: annotations of files in a pull request."""
    for one in report.found:
        properties: dict[str, Any] = {"file": Path(one.file).as_posix()}
        if one.problem.line is not None and one.problem.column is not None:
            properties |= {
                "line": one.problem.line,
                "endLine": one.problem.line,
                "col": one.problem.column,
                "endColumn": one.problem.column + one.length,
            }
        properties["title"] = one.problem.code
        within = f" (in {one.problem.within})" if one.problem.within else ""
        argument = f"{one.where}: " if one.problem.argument else ""
        spelled = ",".join(
            f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items()
        )
        yield Text(f"::{one.level} {spelled}::{_escaped(f'{argument}{one.message}{within}')}")


def _escaped(text: str, besides: str = "") -> str:
    """Return a text as GitHub's runner takes it: of properties, colons and commas are escaped."""
    for character in f"%\r\n{besides}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _sarif(report: Report) -> Iterator[Text]:
    codes = list(dict.fromkeys(one.problem.code for one in report.found))
    run = {
        "tool": {
            "driver": {
                "name": "resonate",
                "semanticVersion": __version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes) for one in report.found],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    yield Text(json.dumps(document, indent=2))


def _rule(code: str) -> dict[str, Any]:
    known = explanations().get(code)
    if known is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": known.summary},
        "help": {"text": known.plain, "markdown": known.markdown},
    }


def _result(one: Found, codes: Sequence[str]) -> dict[str, Any]:
    argument = f"{one.where}: " if one.problem.argument else ""
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.file)}}
    if one.problem.line is not None and one.problem.column is not None:
        place["region"] = {
            "startLine": one.problem.line,
            "startColumn": one.problem.column,
            "endColumn": one.problem.column + one.length,
        }
    location: dict[str, Any] = {"physicalLocation": place}
    if one.problem.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": one.problem.pointer}]
    result: dict[str, Any] = {
        "ruleId": one.problem.code,
        "ruleIndex": codes.index(one.problem.code),
        "level": one.level,
        "message": {"text": f"{argument}{one.message}"},
        "locations": [location],
    }
    if one.uses:
        result["relatedLocations"] = [_related(name, where) for name, where in one.uses]
    return result


def _related(name: str, where: str) -> dict[str, Any]:
    file, line, column = where.rsplit(":", 2)
    return {
        "message": {"text": f"used as {name}"},
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(file)},
            "region": {"startLine": int(line), "startColumn": int(column)},
        },
    }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


#: The ways in which a report is printed, by the name that ``--format`` gives them.
FORMATS: Mapping[str, Callable[[Report], Iterator[Text]]] = {
    "full": _full,
    "concise": _concise,
    "sarif": _sarif,
    "github": _github,
}
