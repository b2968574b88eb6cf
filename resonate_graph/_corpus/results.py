"""The rows of a batch as tables: CSV, JSON lines, and Parquet with pyarrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from .._base.publish import publish
from .jobs import Job
from .journal import Journal
from .row import COLUMNS, BatchRow
from .sums import Sums


def rows_of(journal: Journal, jobs: Mapping[str, Job]) -> Iterator[BatchRow]:
    """Yield the row of each job, in their order."""
    for job in jobs.values():
        last = journal.last_end(job.id)
        yield BatchRow.of(job, last[1] if last else None, kept=False)


def write_results(
    folder: Path, graph: str, journal: Journal, jobs: Mapping[str, Job], sums: Sums
) -> list[Path]:
    """Write the tables and the page of a batch; return them.

    Raises:
        OutputError: one cannot be written.
    """
    from .page import write_page

    columns: dict[str, None] = dict.fromkeys(COLUMNS)
    for row in rows_of(journal, jobs):
        columns.update(dict.fromkeys(row.cells()))
    names = list(columns)

    def lines(file: IO[bytes]) -> None:
        for row in rows_of(journal, jobs):
            file.write(json.dumps(row.document(), ensure_ascii=False).encode() + b"\n")

    def table(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.DictWriter(text, names, restval="")
        writer.writeheader()
        for row in rows_of(journal, jobs):
            writer.writerow(row.cells())
        text.detach()

    written = [publish(folder / "results.jsonl", lines), publish(folder / "results.csv", table)]
    if (made := _parquet(folder, names, journal, jobs)) is not None:
        written.append(made)
    return [*written, write_page(folder, rows_of(journal, jobs), graph, sums)]


def _parquet(
    folder: Path, names: list[str], journal: Journal, jobs: Mapping[str, Job]
) -> Path | None:
    """Write the table as Parquet, if that can be done here."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return None
    found: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows_of(journal, jobs):
        cells = row.cells()
        for name in names:
            found[name].append(cells.get(name))
    columns = {}
    for name, values in found.items():
        try:
            columns[name] = pyarrow.array(values)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):  # of several types: as text
            columns[name] = pyarrow.array([None if one is None else str(one) for one in values])
    made = pyarrow.table(columns)
    return publish(folder / "results.parquet", lambda file: pyarrow.parquet.write_table(made, file))
