"""Printing: one JSON document on stdout, or text for people; the rest goes to stderr."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import GraphError, Problem, ResonateError

#: Columns of a line that nobody reads on a terminal.
_UNBOUNDED = 1_000_000


class Printer:
    """Prints what a command has to say.

    Args:
        as_json: print one JSON document on stdout and nothing else there.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() else _UNBOUNDED
        self._console = Console(highlight=False, soft_wrap=True, width=width)

    def document(self, document: Any) -> None:
        """Print the JSON document, if that is what was asked for."""
        if self.as_json:
            plain = sys.stdout.encoding.lower() != "utf-8"
            json.dump(document, sys.stdout, indent=2, ensure_ascii=plain)
            sys.stdout.write("\n")

    def alone_on_stdout(self) -> contextlib.AbstractContextManager[object]:
        """Send what others print, such as nodes, to stderr, where a document is to be printed."""
        if self.as_json:
            return contextlib.redirect_stdout(sys.stderr)
        return contextlib.nullcontext()

    def line(self, text: str = "") -> None:
        """Print a line for people."""
        if not self.as_json:
            self._console.print(Text(text))

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        long: Collection[str] | None = None,
    ) -> None:
        """Print a table for people; a line per row where it goes into a file or a pipe.

        Args:
            headings: the headings of the columns.
            rows: the cells.
            long: the headings of the columns that may be folded on a terminal; None for all.
        """
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
        for heading in headings:
            whole = long is not None and heading not in long
            table.add_column(heading, overflow="fold", no_wrap=whole)
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        self._console.print(table)

    def remark(self, text: str) -> None:
        """Print a line for people to stderr."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text))

    def error(self, error: ResonateError) -> None:
        """Print what went wrong: to stderr for people, as the document with ``--json``."""
        if isinstance(error, GraphError):
            self.failure(type(error).__name__, str(error), error.problems, error.omitted)
        else:
            self.failure(type(error).__name__, str(error))
        console_error(str(error))

    def failure(
        self, kind: str, message: str, problems: Iterable[Problem] = (), omitted: int = 0
    ) -> None:
        """Print the document of a command that failed, if that is what was asked for."""
        self.document(
            {
                "status": "failed",
                "error": {
                    "type": kind,
                    "message": message,
                    "problems": [problem.to_json() for problem in problems],
                    **({"omitted": omitted} if omitted else {}),
                },
            }
        )


def use_safe_output() -> None:
    """Escape what stdout's encoding does not have, and file names that are no text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def megabytes(size: int) -> str:
    """Return a size in bytes as people read it."""
    return f"{size / 1e6:.0f} MB"


def console_error(message: str) -> None:
    """Print a message to stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), message))
