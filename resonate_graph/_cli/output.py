"""Printing: one JSON document on stdout, or text for people; the rest goes to stderr."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import stat
import sys
import traceback
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from .. import GraphError, Problem, ResonateError
from .lines import Part, to_stderr, to_stdout
from .text_tables import columns, laid_out, roomy, wrapped
from .words import spoken

#: What a disk says that takes no more.
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC))


class Printer:
    """Prints what a command has to say.

    Args:
        as_json: print one JSON document on stdout and nothing else there.
        quiet: print what went wrong, and what is warned of, and nothing else.
    """

    def __init__(self, *, as_json: bool, quiet: bool = False) -> None:
        self.as_json = as_json
        self.is_quiet = quiet
        self._is_silent = as_json or quiet

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

    def line(self, text: Part = "") -> None:
        """Print a line for people, as it is."""
        if not self._is_silent:
            to_stdout(text)

    def paragraph(self, text: str, *, indent: str = "", hang: str = "") -> None:
        """Print a text for people, in lines as wide as they are; one where nobody says how wide.

        Args:
            text: the text; lines of it that begin with a space stay as they are.
            indent: what stands before each line.
            hang: what stands before each line but the first, besides.
        """
        for line in wrapped(text, columns(), indent=indent, hang=hang):
            self.line(line)

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        long: Collection[str] | None = None,
        spare: Sequence[str] = (),
    ) -> None:
        """Print a table for people.

        On a terminal it is as wide as that at most, or as ``COLUMNS`` says; in a file or a pipe
        there is a line per row, however long.

        Args:
            headings: the headings of the columns.
            rows: the cells.
            long: the headings of the columns that may be folded; None for all.
            spare: the headings of columns that are left out where there is no room for them, the
                one that is missed least first.
        """
        if self._is_silent:
            return
        folding = [long is None or heading in long for heading in headings]
        lines = [list(headings), *([str(cell) for cell in row] for row in rows)]
        kept = roomy(lines, columns(), folding, [headings.index(one) for one in spare])
        lines = [[line[column] for column in kept] for line in lines]
        folds = [folding[column] for column in kept]
        for number, line in enumerate(laid_out(lines, columns(), folds)):
            to_stdout((line, "bold") if number == 0 else line)

    def list(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names, each with a text beside it, for people."""
        if not self._is_silent:
            for line in laid_out(list(rows), columns(), (False, True)):
                to_stdout(line)

    def remark(self, text: str) -> None:
        """Print a line for people to stderr."""
        to_stderr(text)

    def trouble(self, text: str) -> None:
        """Print to stderr what went wrong with a part of the work."""
        to_stderr(("failed: ", "bold red"), spoken(text))

    def warning(self, text: str) -> None:
        """Print a warning to stderr."""
        to_stderr(("warning: ", "bold yellow"), spoken(text))

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
                    "message": spoken(message),
                    "problems": [problem_document(problem) for problem in problems],
                    **({"omitted": omitted} if omitted else {}),
                },
            }
        )


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON values, in the words of the command line."""
    argument = spoken(f"{problem.argument}: ").removesuffix(": ") if problem.argument else ""
    return {**problem.to_json(), "message": spoken(problem.message), "argument": argument}


def open_closed_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr ones that lead nowhere.

    Else Python has none to print to, and the next file that is opened takes the number of one: what
    a library prints would be written into a result.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the one missing
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def use_safe_output() -> None:
    """Escape what stdout's encoding does not have, and file names that are no text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_unprinted(error: OSError) -> bool:
    """Whether an error is that of stdout, going into a file on a disk that is full."""
    if error.filename is not None or error.errno not in _FULL:
        return False
    try:
        kind = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):  # it is no file, or closed
        return False
    return stat.S_ISREG(kind) or (stat.S_ISCHR(kind) and not sys.stdout.isatty())


def print_no_more() -> None:
    """Let what is still to be printed lead nowhere, so that Python does not try it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def megabytes(size: int) -> str:
    """Return a size in bytes as people read it."""
    return f"{size / 1e6:.0f} MB"


def console_error(message: str) -> None:
    """Print to stderr what went wrong."""
    to_stderr(("error: ", "bold red"), spoken(message))


def console_interrupted(message: str) -> None:
    """Print to stderr that somebody stopped it, and what is left of it."""
    to_stderr(("interrupted", "bold"), message)


def print_traceback(error: BaseException) -> None:
    """Print to stderr where an error came from, through all that led to it."""
    to_stderr("".join(traceback.format_exception(error)).rstrip())
