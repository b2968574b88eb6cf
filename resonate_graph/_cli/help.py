"""What ``--help`` says: texts whole, options in groups, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from .loading import loading
from .text_tables import columns, laid_out, wrapped

#: The widest that is still easily read.
_WIDEST = 100
_NARROW = 80

#: From so many options on they stand in groups.
_MANY = 8

#: The groups of options, by the names of their params.
_GROUPS: dict[str, tuple[str, ...]] = {
    "What goes in": (
        "inputs", "bound", "params", "only", "nodes", "modules", "graphs", "reference",
        "from_provenance", "salvage",
        "warn_minutes", "max_minutes",
    ),
    "What comes out": (
        "folder", "out", "journal", "name", "overwrite", "no_provenance", "no_tags", "pages",
        "pictures", "fix",
    ),
    "When it ends, and what is done again": ("max_failures", "retry_failed", "verify"),
    "How it computes": (
        "device", "threads", "jobs", "scheduler", "max_seconds", "max_memory", "models",
    ),
    "What is kept": ("store", "no_store", "shared_store", "exact"),
    "What is said": ("form", "as_json", "quiet", "verbose", "traceback", "help"),
}  # fmt: skip
_REST = "What comes out"

#: An option of every command, which `main` takes from the call before anything else.
TRACEBACK = ("--traceback", "Where it fails, show the way there through the code.")


class Command(TyperCommand):
    """A command whose help is whole."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the call; what does that, imports and builds for each type of an option."""
        with loading():
            return super().make_context(*args, **kwargs)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        arguments = [one for one in _shown(self, ctx) if one.param_type_name == "argument"]
        usage = " ".join([ctx.command_path, "[OPTIONS]", *(str(one.metavar) for one in arguments)])
        formatter.write("\n".join(_page(usage, self.help or "", self._sections(ctx))) + "\n")

    def _sections(self, ctx: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        params = _shown(self, ctx)
        arguments = [(str(one.metavar), one.help or "")
                     for one in params if one.param_type_name == "argument"]  # fmt: skip
        options = [(one.name, _option(one)) for one in params if one.param_type_name == "option"]
        options.insert(-1, ("traceback", TRACEBACK))
        yield "", arguments
        if len(options) < _MANY:
            yield "Options", [row for _, row in options]
            return
        for heading, names in _GROUPS.items():
            found = [(names.index(name), row) for name, row in options if name in names]
            if heading == _REST:
                known = {name for one in _GROUPS.values() for name in one}
                found += [(len(names), row) for name, row in options if name not in known]
            yield heading, [row for _, row in sorted(found, key=lambda one: one[0])]


class Group(TyperGroup):
    """A group of commands whose help is whole."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read what stands before the command; the first to do so imports pydantic."""
        with loading():
            return super().make_context(*args, **kwargs)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        usage = f"{ctx.command_path} [OPTIONS] COMMAND [ARGS]..."
        options = [_option(one) for one in _shown(self, ctx)]
        sections = [("Commands", list(self.summaries().items())), ("Options", options)]
        formatter.write("\n".join(_page(usage, self.help or "", sections)) + "\n")

    def summaries(self) -> dict[str, str]:
        """Return what each of its commands does, in a line."""
        return {name: first_paragraph(one.help or "") for name, one in self.commands.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of its commands, in the order in which they were added."""
        return list(self.commands)


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a help text, in one line."""
    return text.partition("\n\n")[0].replace("\n", " ")


def _shown(command: Any, ctx: Any) -> list[Any]:
    return [one for one in command.get_params(ctx) if not one.hidden]


def _page(usage: str, about: str, sections: Any) -> Iterator[str]:
    width = min(columns() or _NARROW, _WIDEST)
    yield from wrapped(f"Usage: {usage}", width, hang="    ")
    yield ""
    yield from wrapped(about.replace("\b", "").strip(), width, indent="  ")
    for heading, rows in sections:
        if rows:
            yield ""
            if heading:
                yield f"{heading}:"
            yield from _list(rows, width)


def _list(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    names = [f"  {name}" for name, _ in rows]
    cells = [(name, text) for name, (_, text) in zip(names, rows, strict=True)]
    yield from laid_out(cells, width, (False, True))


def _option(param: Any) -> tuple[str, str]:
    metavar = "" if param.is_flag or param.count else f" {param.metavar or 'VALUE'}"
    default = param.default
    shown = isinstance(default, (str, int, float, Path)) and not isinstance(default, bool)
    shown = shown and default != ""
    said = f" [{default:g}]" if isinstance(default, float) else f" [{default}]"
    return (
        f"{', '.join(sorted(param.opts, key=len))}{metavar}",
        f"{param.help or ''}{said if shown else ''}",
    )
