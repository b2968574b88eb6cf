"""Entry point of ``resonate``: the commands together, and how each ends.

Exit codes: 0 done, 1 a run failed, 2 the graph or the call is wrong, 130 interrupted.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import typer

from .. import ResonateError, __version__
from . import author, demo, listing, look, nodes, run, store, sweep
from .output import Printer, console_error, use_safe_output

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
)
run.register(app)
look.register(app)
author.register(app)
listing.register(app)
nodes.register(app)
sweep.register(app)
store.register(app)
demo.register(app)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and end."),
) -> None:
    if version:
        typer.echo(f"resonate {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code."""
    signal.signal(signal.SIGTERM, _end)
    use_safe_output()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(_run_command(arguments))
    except BrokenPipeError:  # whoever read what we print has stopped: head, less
        sys.stderr.close()
        sys.exit(1)


def _run_command(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    printer = Printer(as_json="--json" in arguments)
    try:
        result = command.main(arguments, prog_name="resonate", standalone_mode=False)
    except typer.Abort:  # older versions of typer; newer ones return 130
        result = 130
    except _UsageError as error:
        printer.failure("UsageError", error.format_message())
        error.show()
        return 2
    except ResonateError as error:
        printer.error(error)
        return error.exit_code
    if result == 130:
        message = "Interrupted. What was finished before is kept in the store."
        printer.failure("Interrupted", message)
        console_error(message)
    return result if isinstance(result, int) else 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End on SIGTERM the way Ctrl-C does: whatever is half-written is removed."""
    raise KeyboardInterrupt
