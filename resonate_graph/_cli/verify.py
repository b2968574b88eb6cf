"""``resonate verify``: are files what their provenance says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import InputError, verify
from .options import JsonOption, QuietOption
from .output import Printer
from .words import spoken

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Files that runs wrote, or their provenance."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify_files)


def verify_files(files: Files, quiet: QuietOption = False, as_json: JsonOption = False) -> None:
    """Find out whether files still hold what was written to them, as their provenance says.

    Nothing is computed again. Tags may be edited, and FLAC packed anew; no sample may be another.
    Exit code 1 if one is not what it was, or does not say.
    """
    printer = Printer(as_json=as_json, quiet=quiet)
    found: list[tuple[str, str | None, bool | None, str]] = []
    for file in files:
        try:
            one = verify(file)
            found.append((str(one.path), one.output, one.is_same, one.message))
        except InputError as error:
            found.append((str(file), None, None, str(error).removeprefix(f"{file}: ")))
    good = all(is_same for _, _, is_same, _ in found)
    names = ("path", "output", "is_same", "message")
    printer.document(
        {
            "status": "same" if good else "differs",
            "files": [dict(zip(names, one, strict=True)) for one in found],
        }
    )
    for path, _, is_same, message in found:
        if is_same:
            printer.line(f"{path}: {message}")
        else:
            printer.trouble(f"{path}: {spoken(message)}")
    raise typer.Exit(0 if good else 1)
