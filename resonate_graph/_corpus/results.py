"""The rows of a batch as tables: CSV, JSON lines, and Parquet with pyarrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

from .._base.publish import publish
from .jobs import Job
from .journal import Journal
from .row import COLUMNS, BatchRow, called
from .sums import Sums

#: The columns that hold text, whatever they look like.
_TEXTS = ("job", "recording", "error", "place", "message", "worker", "warnings")
#: What becomes of half of a character, as messages quote it of names that are no text: its escape.
_UNWRITABLE = "backslashreplace"
#: So much of a table is looked at at once, and at least a row.
_BLOCK_BYTES = 2**25


def rows_of(journal: Journal, jobs: Mapping[str, Job]) -> Iterator[BatchRow]:
    """Yield the row of each job, in their order."""
    for job in jobs.values():
        last = journal.last_end(job.id)
        yield BatchRow.of(job, last[1] if last else None, kept=False)


def write_results(
    folder: Path,
    graph: str,
    journal: Journal,
    jobs: Mapping[str, Job],
    sums: Sums,
    worded: Callable[[str], str] = str,
) -> list[Path]:
    """Write the tables and the page of a batch; return them.

    Args:
        folder: where they go.
        graph: the name of the graph.
        journal: what became of jobs.
        jobs: the jobs.
        sums: what they come to.
        worded: puts what the page says, as Python does, into other words.

    Raises:
        OutputError: one cannot be written.
    """
    from .page import Page

    columns: dict[str, None] = dict.fromkeys(COLUMNS)
    page = Page(worded)

    def lines(file: IO[bytes]) -> None:
        for row in rows_of(journal, jobs):
            line = json.dumps(row.document(), ensure_ascii=False)
            file.write(line.encode(errors=_UNWRITABLE) + b"\n")
            columns.update(dict.fromkeys(row.cells()))
            page.add(row)

    def table(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(
            file, encoding="utf-8", errors=_UNWRITABLE, newline="", write_through=True
        )
        writer = csv.DictWriter(text, list(columns), restval="")
        writer.writeheader()
        for row in rows_of(journal, jobs):
            writer.writerow(row.cells())
        text.detach()

    written = [publish(folder / "results.jsonl", lines), publish(folder / "results.csv", table)]
    texts = {called(name) for job in jobs.values() for name in job.carried}
    if (made := _parquet(written[-1], [*texts, *_TEXTS])) is not None:
        written.append(made)
    return [*written, page.write(folder, graph, sums)]


def _parquet(table: Path, texts: Collection[str]) -> Path | None:
    """Write a table as Parquet beside it, if that can be done here."""
    try:
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        return None
    converted = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(texts, pyarrow.string()), strings_can_be_null=True
    )
    parsed = pyarrow.csv.ParseOptions(newlines_in_values=True)
    made = pyarrow.csv.read_csv(
        table,
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=parsed,
        convert_options=converted,
    )
    return publish(
        table.with_suffix(".parquet"), lambda file: pyarrow.parquet.write_table(made, file)
    )
