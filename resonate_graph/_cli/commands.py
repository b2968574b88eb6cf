"""The commands of ``resonate``: where each is made. One is imported when it is called.

Whoever asks what there is waits for none of them: the line that says what a command does is read
from its compiled docstring.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Iterator, Mapping
from importlib.abc import InspectLoader
from types import CodeType
from typing import Any

import typer

from .help import Command, Group, first_paragraph
from .loading import loading

#: Each command, in the order in which help lists them: the module here, and the function.
_WHERE: Mapping[str, tuple[str, str]] = {
    "run": ("run", "run"),
    "report": ("report", "report"),
    "verify": ("verify", "verify_files"),
    "check": ("check", "check"),
    "explain": ("check", "explain"),
    "plan": ("look", "plan"),
    "why": ("look", "why"),
    "draw": ("look", "draw"),
    "sweep": ("sweep", "sweep"),
    "batch": ("batch", "batch"),
    "worker": ("worker", "worker"),
    "app": ("app", "page"),
    "schema": ("author", "write_schema"),
    "fmt": ("author", "fmt"),
    "diff": ("author", "diff"),
    "new": ("author", "new"),
    "migrate": ("author", "migrate"),
    "devices": ("devices", "devices"),
    "nodes": ("nodes", "nodes"),
    "demo": ("demo", "demo"),
    "completion": ("completion", "completion"),
    "graphs": ("graphs", "graphs"),
    "models": ("models", "models"),
    "store": ("store", "kept"),
}


class AllCommands(Group):
    """The command ``resonate``, with all others under it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = _Commands()

    def summaries(self) -> dict[str, str]:
        """Return what each command does, in a line; none of them is imported."""
        return {name: first_paragraph(_docstring(*where)) for name, where in _WHERE.items()}


class _Commands(Mapping[str, Any]):
    """The commands by name; each is made when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            module, _ = _WHERE[name]
            self._made.update(_commands(module))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_WHERE)

    def __len__(self) -> int:
        return len(_WHERE)


def _commands(module: str) -> Mapping[str, Any]:
    """Return the commands that a module registers, by name."""
    app = typer.Typer(rich_markup_mode=None)
    with loading():
        importlib.import_module(f".{module}", __package__).register(app)
        for command in app.registered_commands:
            command.cls = Command
        found: Mapping[str, Any] = typer.main.get_group(app).commands
    return found


def _docstring(module: str, function: str) -> str:
    """Return the docstring of a function of a module that need not be imported."""
    spec = importlib.util.find_spec(f".{module}", __package__)
    assert spec is not None
    assert isinstance(spec.loader, InspectLoader)
    code = spec.loader.get_code(spec.name)
    assert code is not None
    for one in code.co_consts:
        if isinstance(one, CodeType) and one.co_name == function:
            return inspect.cleandoc(str(one.co_consts[0]))  # where Python keeps the docstring
    raise LookupError(f"{spec.name} has no function {function!r}")
