"""Logs: files of lines to which several processes append. A line that is lost costs no result."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .._base.publish import publish

#: A log that is kept open is none of a child's business.
_NOT_INHERITED = getattr(os, "O_CLOEXEC", 0)


def append(path: Path, lines: str) -> None:
    """Append lines in one write, which processes can do at the same time."""
    descriptor = open_to_append(path)
    try:
        os.write(descriptor, lines.encode())
    finally:
        os.close(descriptor)


def open_to_append(path: Path) -> int:
    """Return the descriptor of a log, made if it is not there, whose writes go to its end."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NOT_INHERITED, 0o666)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a log; none where it cannot be read."""
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def rewrite(path: Path, lines: Iterable[str], *, temp_folder: Path | None = None) -> None:
    """Write a log anew; a line that another process appends meanwhile may be lost.

    Raises:
        OutputError: it cannot be written.
    """
    text = "".join(lines)
    publish(path, lambda file: file.write(text.encode()), temp_folder=temp_folder, durable=False)
