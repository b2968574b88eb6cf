"""The command that does the same again: what was given, without how much was to be said of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import typer

#: What changes nothing of what is made.
_ASIDE = ("as_json", "quiet", "verbose")


def command_again(context: typer.Context, binding: tuple[str, str] | None = None) -> str:
    """Return a command that does what a call did.

    Args:
        context: the call.
        binding: of a call with several recordings the one that is meant: the name of the input
            and what is bound to it.
    """
    words = [*context.command_path.split(), *_words(context, binding)]
    if binding is not None:
        words += ["-i", "=".join(binding)]
    return shlex.join(words)


def _words(context: typer.Context, binding: tuple[str, str] | None) -> Iterator[str]:
    """Yield what was given, as it was written, in the order of the command's help."""
    for param in context.command.params:
        source = context.get_parameter_source(str(param.name))
        if param.name in _ASIDE or source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[str(param.name)]
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        if binding is not None and param.name == "files":
            values = []
        if binding is not None and param.name == "inputs":
            values = [one for one in values if not one.startswith(f"{binding[0]}=")]
        for one in values:
            yield from _written(param, one)


def _written(param: Any, value: Any) -> Iterator[str]:
    if param.param_type_name == "argument":
        yield str(value)
    elif param.is_flag:
        yield (param.opts if value else param.secondary_opts)[0]
    else:
        yield min(param.opts, key=len)
        yield str(getattr(value, "value", value))
