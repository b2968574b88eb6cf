"""Entry point of ``resonate``: the commands together, and how each ends.

Exit codes: 0 done, 1 a run failed, 2 the graph or the call is wrong, 130 interrupted.
"""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Collection, Sequence
from functools import cache
from types import FrameType
from typing import Any, NoReturn

import typer

from .. import Cancelled, ResonateError, __version__
from .commands import AllCommands
from .help import TRACEBACK
from .loading import loading
from .output import (
    Printer,
    console_error,
    console_interrupted,
    is_unprinted,
    open_closed_streams,
    print_no_more,
    print_traceback,
    use_safe_output,
)

#: The first word of a call that completes another.
COMPLETE = "__complete"

#: Raised for a call that makes no sense. Newer versions of typer carry their own copy of click, so
#: the class is found through the one exception of it that typer names.
_UsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="resonate",
    help="Audio restoration graphs: separate, repair, remix and master, never computing twice.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    cls=AllCommands,
)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and end."),
) -> None:
    if version:
        typer.echo(f"resonate {__version__}")
        raise typer.Exit


def call_and_exit(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code."""
    signal.signal(signal.SIGTERM, _end)
    open_closed_streams()
    use_safe_output()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == [COMPLETE]:
            from .completion import print_completion

            print_completion(whole_command(), arguments[1:])
            code = 0
        else:
            code = _run_command(arguments)
        sys.stdout.flush()  # what cannot be printed is told here, not by Python on its way out
        # Run with ``-m``, Python ends itself by SIGINT once code in a string (a dataclass in the
        # making) was interrupted, though that was handled, until some other ends well.
        exec("")
        sys.exit(code)
    except BrokenPipeError:  # whoever read what we print has stopped: head, less
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if not is_unprinted(error):
            raise
        print_no_more()
        console_error(f"what was to be printed could not be written: {error.strerror}")
        sys.exit(1)


@cache
def whole_command() -> Any:
    """Return all commands as one; each is made when it is asked for."""
    with loading():
        return typer.main.get_group(app)


def _run_command(given: list[str]) -> int:
    traceback, _ = TRACEBACK
    arguments = [one for one in given if one != traceback]
    command = whole_command()
    printer = Printer(as_json=_wants_json(arguments))
    try:
        result = command.main(arguments, prog_name="resonate", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):  # older versions of typer; newer ones return 130
        result = 130
    except _UsageError as error:
        return _misused(printer, error)
    except ResonateError as error:
        if traceback in given:
            print_traceback(error)
        if error.exit_code == Cancelled.exit_code:
            return _interrupted(printer, f": {error}")
        printer.error(error)
        return error.exit_code
    if result == Cancelled.exit_code:
        return _interrupted(printer, _what_is_left(arguments))
    return result if isinstance(result, int) else 0


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether a document is asked for, also where the call itself is wrong."""
    pairs = itertools.pairwise(arguments)
    return not {"--json", "--format=json"}.isdisjoint(arguments) or ("--format", "json") in pairs


def _misused(printer: Printer, error: Any) -> int:
    """Say what is wrong with a call; of one without words, all that can be said instead."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return 2
    message = error.format_message().removeprefix("Invalid value: ")
    message = f"{message[:1].lower()}{message[1:]}" if message[1:2].islower() else message
    printer.failure("UsageError", message)
    where = error.ctx.command_path if error.ctx is not None else "resonate"
    console_error(f"{message}\n  how it is called: {where} --help")
    return 2


def _interrupted(printer: Printer, what_is_left: str) -> int:
    printer.failure("Interrupted", f"interrupted{what_is_left}")
    console_interrupted(what_is_left)
    return Cancelled.exit_code


def _what_is_left(arguments: Collection[str]) -> str:
    """Say what is left of a command that was stopped; nothing of one that computes nothing."""
    if not {"run", "sweep", "batch"} & set(arguments):
        return ""
    if "--no-store" in arguments:
        return ": nothing of it is kept (--no-store)"
    return ": what was finished is kept in the store, and the next run goes on from there"


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End on SIGTERM the way Ctrl-C does: whatever is half-written is removed."""
    raise KeyboardInterrupt
