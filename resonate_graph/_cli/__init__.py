"""The command line: ``resonate``."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code."""
    try:  # whoever presses Ctrl-C while this loads is told what all others are
        from .application import call_and_exit
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    call_and_exit(arguments)
