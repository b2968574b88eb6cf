"""Lines on stdout and stderr: in colours on a terminal, plain wherever else they go.

What draws on terminals takes longer to import than many a command takes to run.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: A part of a line: text, text with its style, or text that has styles of its own.
Part: TypeAlias = "str | tuple[str, str] | Text"

#: Where one of these is set, what draws is asked whether a stream is to be taken for a terminal.
_TAKEN_FOR_TERMINAL = ("FORCE_COLOR", "TTY_COMPATIBLE")

#: Characters that move the cursor of a terminal, or ring; no line has them.
_CONTROL = dict.fromkeys((7, 8, 11, 12, 13))


def to_stdout(*parts: Part) -> None:
    """Print a line to stdout."""
    _print(sys.stdout, parts)


def to_stderr(*parts: Part) -> None:
    """Print a line to stderr."""
    _print(sys.stderr, parts)


def may_draw_on(stream: TextIO) -> bool:
    """Whether a stream may be one that shows colours, and bars that move."""
    return stream.isatty() or any(map(os.environ.get, _TAKEN_FOR_TERMINAL))


def console_on(stream: TextIO) -> Console:
    """Return what draws on a stream."""
    from rich.console import Console

    return Console(file=stream, highlight=False, soft_wrap=True)


_console_on = lru_cache(maxsize=2)(console_on)


def _print(stream: TextIO, parts: tuple[Part, ...]) -> None:
    if may_draw_on(stream):
        from rich.text import Text

        _console_on(stream).print(Text.assemble(*parts))
        return
    text = "".join(part[0] if isinstance(part, tuple) else str(part) for part in parts)
    stream.write(f"{text.translate(_CONTROL).expandtabs()}\n")
    stream.flush()  # what goes to the other of both comes after it
