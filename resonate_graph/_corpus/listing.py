"""What is to be done: a folder, a glob or a manifest becomes jobs, or all that is wrong with it.

A manifest is a table with a row per job: CSV, JSON lines, or Parquet where pyarrow is installed.
Columns with the names of the graph's inputs and params are these; the rest is carried along, and
can stand in the names of outputs.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import itertools
import json
import os
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import CatalogError, Graph, GraphError, ManifestError, ResonateError
from .._base.near_names import instead
from .._base.paths import expanded
from .._run.targets import FIELDS, expected_suffix, file_name
from .jobs import Job

#: Files of a folder that are recordings; what else lies there is left alone.
SOUNDS = frozenset(
    {
        *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
        *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd"),
    }
)
_AMONG = "outputs would lie among the recordings; take another folder for them"
MANIFESTS = (".csv", ".jsonl", ".ndjson", ".parquet")


@dataclass
class Wanted:
    """What a caller wants done with each row.

    Attributes:
        graph: the graph.
        inputs: what is bound in every job.
        params: params that are the same in every job; a row's own come first.
        outputs: the outputs that are wanted; None for all.
        name: the pattern of outputs' names; empty for the usual one.
        models: the folder of model weights.
        skip: a folder whose files are no inputs: where outputs go.
        remote: the URL outputs go to instead, whose files are no inputs either; empty for none.
    """

    graph: Graph
    inputs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] | None = None
    name: str = ""
    models: Path | None = None
    skip: Path | None = None
    remote: str = ""


@dataclass
class _Row:
    """A row as it was read: where it stands, its cells, and what it may be called by."""

    where: str
    cells: Mapping[str, Any]
    path: str = ""
    label: str = ""


def jobs_of(given: Any, wanted: Wanted) -> list[Job]:
    """Return the jobs of a folder, a glob, a manifest, or rows.

    Args:
        given: the path of a folder or a manifest, a glob pattern, or rows as mappings.
        wanted: what is to be done with each.

    Raises:
        ManifestError: rows are broken, columns or files are missing, inputs are folders, or
            outputs would share a file; with everything that is wrong.
        GraphError: the graph or its params are wrong.
    """
    problems: list[str] = []
    rows, source, named = _rows(given, wanted, problems)
    default = "{path}.{output}" if not named else "{input}.{output}"
    pattern = wanted.name or default
    jobs = list(_jobs(rows, wanted, pattern, named, source, problems))
    _require_apart(jobs, wanted, problems)
    if problems:
        raise ManifestError(source, problems)
    if not jobs:
        raise ManifestError(source, ["there is nothing to do: no recording was found"])
    return [job for job, _ in jobs]


# -- reading --------------------------------------------------------------------------------------


def _rows(given: Any, wanted: Wanted, problems: list[str]) -> tuple[list[_Row], str, bool]:
    """Return the rows, what they came from, and whether their cells have names."""
    if not isinstance(given, (str, os.PathLike)):
        return _given_rows(given, problems), "rows", True
    text = str(given)
    if "://" in text:
        from .remote import listed

        outputs = f"{wanted.remote.rstrip('/')}/"
        if wanted.remote and f"{text.rstrip('/')}/" == outputs:
            raise ManifestError(text, [_AMONG])
        found = [
            one for one in listed(text, SOUNDS)
            if not (wanted.remote and one[0].startswith(outputs))
        ]  # fmt: skip
        return [_Row(one, {"": one}, path, one) for one, path in found], text, False
    path = expanded(text)
    if path.is_dir():
        _require_elsewhere(path, wanted)
        return list(_folder(path, wanted.skip)), text, False
    if path.suffix.lower() in MANIFESTS and not glob.has_magic(text):
        return list(_manifest(path, problems)), text, True
    if path.exists():
        return [_Row(text, {"": str(path.absolute())}, path.stem, path.name)], text, False
    if glob.has_magic(text):
        return list(_glob(path, wanted, problems)), text, False
    raise ManifestError(text, ["there is no such folder, file or manifest"])


def _given_rows(given: Any, problems: list[str]) -> list[_Row]:
    """Return rows that are given as mappings; tell of what is none."""
    if not isinstance(given, Iterable):
        raise ManifestError("rows", [f"{given!r} is no folder, pattern, manifest or list of rows"])
    rows = []
    for number, row in enumerate(given, 1):
        if isinstance(row, Mapping):
            rows.append(_Row(f"row {number}", dict(row)))
        else:
            problems.append(
                f"row {number}: {row!r} is no mapping of the graph's inputs to files, such as "
                "{'recording': 'one.wav'}"
            )
    return rows


def _folder(folder: Path, skip: Path | None) -> Iterator[_Row]:
    skipped = _below(skip, folder)
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            one for one in folders if not one.startswith(".") and here / one != skipped
        )
        for name in sorted(files):
            path = here / name
            if path.suffix.lower() in SOUNDS and not name.startswith("."):
                below = path.relative_to(folder)
                cells = {"": str(path.absolute())}
                yield _Row(str(path), cells, str(below.with_suffix("")), str(below))


def _below(path: Path | None, root: Path) -> Path | None:
    """Return a path by way of a folder, however either is written; None where it is not below."""
    if path is None:
        return None
    with contextlib.suppress(ValueError):
        return root / Path(os.path.realpath(path)).relative_to(os.path.realpath(root))
    return None


def _require_elsewhere(root: Path, wanted: Wanted) -> None:
    """Refuse outputs among recordings: another start would take them for recordings."""
    if _below(wanted.skip, root) == root:
        raise ManifestError(str(root), [_AMONG])


def _glob(path: Path, wanted: Wanted, problems: list[str]) -> Iterator[_Row]:
    fixed = list(itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))
    root = Path(*fixed) if fixed else Path()
    _require_elsewhere(root, wanted)
    skip = _below(wanted.skip, root)
    for name in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - ** and hidden files
        found = Path(name)
        if skip and found.is_relative_to(skip):
            continue
        if found.is_dir():
            if path.parts[-1] != "**":
                problems.append(f"{name}: this is a folder, not a file")
            continue
        below = found.relative_to(root)
        cells = {"": str(found.absolute())}
        yield _Row(name, cells, str(below.with_suffix("")), str(below))


def _manifest(path: Path, problems: list[str]) -> Iterator[_Row]:
    readers = {".csv": _csv, ".parquet": _parquet}
    try:
        yield from readers.get(path.suffix.lower(), _json_lines)(path, problems)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ManifestError(str(path), [f"cannot be read: {reason}"]) from error


def _csv(path: Path, problems: list[str]) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            heading = next(reader, [])
            for name in sorted({one for one in heading if heading.count(one) > 1}):
                problems.append(f"line 1: the column {name!r} is there twice")
            for cells in reader:
                where = f"line {reader.line_num}"
                if not cells:
                    continue
                if len(cells) != len(heading):
                    problems.append(f"{where}: {len(cells)} cells, and {len(heading)} columns")
                    continue
                given = zip(heading, cells, strict=True)
                yield _Row(where, {name: cell for name, cell in given if cell != ""})
        except csv.Error as error:
            problems.append(f"line {reader.line_num}: this is no CSV: {error}")


def _json_lines(path: Path, problems: list[str]) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                problems.append(f"line {number}: this is no JSON: {error}")
                continue
            if not isinstance(row, dict):
                problems.append(f"line {number}: a row is an object in braces")
                continue
            yield _Row(
                f"line {number}", {name: cell for name, cell in row.items() if cell is not None}
            )


def _parquet(path: Path, problems: list[str]) -> Iterator[_Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CatalogError(
            f"{path}: reading Parquet needs pyarrow, which is not installed: pip install pyarrow"
        ) from None
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        problems.append(f"this is no Parquet file: {error}")
        return
    for number, row in enumerate(table.to_pylist(), 1):
        yield _Row(f"row {number}", {name: cell for name, cell in row.items() if cell is not None})


# -- rows become jobs -----------------------------------------------------------------------------


def _jobs(
    rows: Sequence[_Row],
    wanted: Wanted,
    pattern: str,
    named: bool,
    source: str,
    problems: list[str],
) -> Iterator[tuple[Job, str]]:
    """Yield each job with where it stands."""
    specs = wanted.graph.document.inputs
    needed = wanted.graph.check(
        params=wanted.params, outputs=wanted.outputs, models=wanted.models
    ).needed_inputs
    beside = expanded(source).absolute().parent if named and source != "rows" else None
    if named:
        columns = {name for row in rows for name in row.cells}
        lacking = [one for one in needed if one not in columns and one not in wanted.inputs]
        for name in lacking if rows else ():
            problems.append(f"there is no column {name!r}{instead(name, columns)}")
        if lacking:
            return
    else:
        left = [one for one in needed if specs[one].type == "audio" and one not in wanted.inputs]
        if len(left) != 1:
            what = f"several: {', '.join(left)}" if left else "none that is not bound"
            problems.append(
                "files go to the graph's one input of sound that is left, and it has "
                f"{what}; bind the others, or write a manifest with a column for each"
            )
            return
    for row in rows:
        if trouble := _unwritable(row):
            problems.append(f"{row.where}: {trouble}")
            continue
        cells = row.cells if named else {left[0]: row.cells[""]}
        found = _split(cells, wanted)
        inputs = {**wanted.inputs, **found.inputs}
        absent = [name for name in needed if name not in inputs]
        for name in absent:
            problems.append(f"{row.where}: there is nothing under {name!r}")
        sounds = [name for name in needed if name in inputs and specs[name].type == "audio"]
        for name in sounds:
            inputs[name], trouble = _file(inputs[name], beside)
            problems += [f"{row.where}: {trouble}"] if trouble else []
        first = str(inputs[sounds[0]]) if sounds else row.where
        fields = {name: str(value) for name, value in {**found.carried, **found.params}.items()}
        fields["path"] = row.path or Path(first).stem
        fields["suffix"] = Path(first).suffix[1:]
        try:
            name = _filled(pattern, fields)
        except (ValueError, KeyError) as error:
            problems.append(f"{row.where}: name is {pattern!r}: {error}")
            continue
        if not absent:
            label = row.label or (first if sounds else row.where)
            params = {**wanted.params, **found.params}
            yield Job.of(label, inputs, params, name, found.carried), row.where


@dataclass
class _Cells:
    """The cells of a row by what they are."""

    inputs: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    carried: dict[str, Any] = field(default_factory=dict)


def _split(cells: Mapping[str, Any], wanted: Wanted) -> _Cells:
    document = wanted.graph.document
    found = _Cells()
    for name, value in cells.items():
        node = name.partition(".")[0]
        if name in document.inputs:
            found.inputs[name] = _typed(value, document.inputs[name].type)
        elif name in document.params:
            found.params[name] = _typed(value, document.params[name].type)
        elif "." in name and node in document.nodes:
            found.params[name] = _typed(value, "")
        else:
            found.carried[name] = value
    return found


def _typed(value: Any, kind: str) -> Any:
    """Return what a cell of text stands for, where it is no text."""
    if not isinstance(value, str) or kind in ("audio", "string"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _file(value: Any, beside: Path | None) -> tuple[Any, str]:
    """Return the file of a cell, as an absolute path, and what is wrong with it."""
    if not isinstance(value, (str, os.PathLike)):
        return value, f"{value!r} is no file"
    if "://" in str(value):
        return str(value), ""
    try:
        path = expanded(value)
        path = path if path.is_absolute() or beside is None else beside / path
        path = path.absolute()
        if path.is_dir():
            return str(path), f"{path}: this is a folder, not a file"
        if not path.exists():
            return str(path), f"{path}: there is no such file"
    except OSError as error:
        return value, f"{value}: this is no file: {error.strerror}"
    return str(path), ""


def _unwritable(row: _Row) -> str:
    """Say what of a row no text can hold: tables, pages and the journal are UTF-8."""
    for name, cell in row.cells.items():
        what = f"what stands under {name!r}" if name else "its name"
        try:
            json.dumps([name, cell], ensure_ascii=False, default=str).encode()
        except RecursionError:
            return f"{what} is nested too deep"
        except UnicodeEncodeError:
            return f"{what} is no UTF-8 text"
    return ""


def _filled(pattern: str, fields: Mapping[str, str]) -> str:
    """Return a pattern in which the fields of the row are filled in, and those of runs are left.

    Raises:
        ValueError: it is no pattern, or a field that is none of either.
    """
    parts = []
    for text, name, form, conversion in string.Formatter().parse(pattern):
        parts.append(text.replace("{", "{{").replace("}", "}}"))
        if name is None:
            continue
        if form or conversion:
            raise ValueError(f"{{{name}}} takes no format")
        if name in FIELDS:
            parts.append(f"{{{name}}}")
        elif name in fields:
            parts.append(fields[name].replace("{", "{{").replace("}", "}}"))
        else:
            known = [*FIELDS, *fields]
            raise ValueError(f"there is no {name!r}{instead(name, known)}")
    return "".join(parts)


# -- what can be known of all of them before any runs ---------------------------------------------


def _require_apart(jobs: Sequence[tuple[Job, str]], wanted: Wanted, problems: list[str]) -> None:
    """Find out that params are wrong, or that two jobs would write one file."""
    suffixes: dict[str, Mapping[str, str | None]] = {}
    sounds: dict[str, Sequence[str]] = {}
    taken: dict[str, str] = {}
    recordings = _Recordings(wanted)
    for job, _ in jobs:
        recordings.add(job)
    specs = wanted.graph.document.inputs
    for job, where in jobs:
        key = json.dumps([sorted(job.inputs), job.params], sort_keys=True, default=str)
        if key not in suffixes:
            try:
                bound = wanted.graph.check(
                    list(job.inputs), job.params, outputs=wanted.outputs, models=wanted.models
                )
            except GraphError as error:
                if not job.params.keys() - wanted.params.keys():
                    raise
                problems += [f"{where}: {one}" for one in error.problems]
                suffixes[key] = {}
                continue
            suffixes[key] = {one: expected_suffix(bound, one) for one in bound.outputs}
            sounds[key] = [one for one in bound.needed_inputs if specs[one].type == "audio"]
        sources = {name: Path(str(job.inputs[name])) for name in sounds.get(key, ())}
        for output, suffix in suffixes[key].items():
            try:
                path = file_name(
                    job.name,
                    output=output,
                    suffix=suffix or "",
                    graph=wanted.graph.name,
                    sources=sources,
                )
            except ResonateError as error:
                problems.append(f"{where}: {error}")
                break
            if (recording := recordings.at(path)) is not None:
                problems.append(
                    f"{where}: {output} would be written over the recording {recording}; take "
                    "another folder for outputs, or another --name"
                )
                break
            place = os.path.normpath(path).casefold()
            other = taken.setdefault(place, f"{where} ({output})")
            if other != f"{where} ({output})":
                problems.append(
                    f"{where}: {path} is written by {other}, too; take another name, such as "
                    "--name '{path}.{suffix}.{output}' or one with a column of the manifest"
                )
                break


class _Recordings:
    """Where the inputs of all jobs lie, so that no output is written over one."""

    def __init__(self, wanted: Wanted) -> None:
        specs = wanted.graph.document.inputs
        self._sounds = [name for name, spec in specs.items() if spec.type == "audio"]
        self._target = wanted.remote or (str(wanted.skip) if wanted.skip else "")
        self._known: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, job: Job) -> None:
        """Take the inputs of a job into account."""
        for name in self._sounds:
            if name in job.inputs:
                given = str(job.inputs[name])
                self._known[self._place(given)] = given

    def at(self, output: str | os.PathLike[str]) -> str | None:
        """Return the recording that an output would be written over, if there is one."""
        if not self._target:
            return None
        return self._known.get(self._place(f"{self._target.rstrip('/')}/{os.fspath(output)}"))

    def _place(self, path: str) -> str:
        """Return the one name of a file: some filesystems do not tell upper case from lower."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = folder
            if "://" not in folder and "\0" not in folder:
                self._folders[folder] = os.path.realpath(folder or "/")
        return f"{self._folders[folder]}/{name}".casefold()
