"""The command line: ``resonate``."""

from __future__ import annotations

import sys
from typing import NoReturn

from .loading import loading

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code."""
    if sys.flags.optimize > 1:  # commands and their options are made of docstrings
        print(
            "error: Python runs with -OO (PYTHONOPTIMIZE=2), which takes away the texts that "
            "commands are made of; run it without, or with -O",
            file=sys.stderr,
        )
        sys.exit(2)
    try:  # whoever presses Ctrl-C while this loads is told what all others are
        with loading():
            from .application import call_and_exit
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    call_and_exit(arguments)
