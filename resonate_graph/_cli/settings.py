"""The settings of runs as options, made of what `Settings` says of each."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from .. import Settings
from .._base.keywords import Keyword, keywords


def option(name: str, **more: Any) -> Any:
    """Return the option of a setting, such as ``--max-minutes MINUTES``.

    Its help is what `Settings` says up to a semicolon; what follows one is for Python.

    Args:
        name: the setting.
        more: what typer is to know besides, or instead.
    """
    keyword = keywords(Settings)[name]
    text = keyword.doc.partition(";")[0].rstrip(".").replace("``", "")
    about = {"help": f"{text[:1].upper()}{text[1:]}."}
    if keyword.type is not bool:
        about["metavar"] = name.rpartition("_")[2].upper()
    return typer.Option(f"--{name.replace('_', '-')}", **{**about, **more})


DeviceOption = Annotated[str, option("device", metavar="D")]
ModelsOption = Annotated[Path | None, option("models", metavar="DIR")]
MaxMinutesOption = Annotated[float, option("max_minutes")]
SalvageOption = Annotated[bool, option("salvage")]
StoreOption = Annotated[Path | None, option("store", metavar="DIR")]
NoStoreOption = Annotated[bool, typer.Option("--no-store", help="Keep nothing and reuse nothing.")]
ThreadsOption = Annotated[int | None, option("threads", metavar="N", min=1)]
ExactOption = Annotated[
    bool, typer.Option("--reuse-exact", help="Reuse only results of the same device.")
]

#: The options that are not made here of the setting's name and type alone.
_OPTIONS: dict[str, Any] = {
    "device": DeviceOption,
    "models": ModelsOption,
    "threads": ThreadsOption,
}
#: The settings that are not spelled as in Python: their options, each with its default.
_SPELLED: dict[str, dict[str, tuple[Any, Any]]] = {
    "reuse": {"exact": (ExactOption, False)},
    "store": {"store": (StoreOption, None), "no_store": (NoStoreOption, False)},
}


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all settings; they stand before its last own one.

    It takes ``**settings: Unpack[Settings]``, as `Graph.run` does.
    """
    *own, last, rest = inspect.signature(command, eval_str=True).parameters.values()
    assert rest.kind is inspect.Parameter.VAR_KEYWORD
    options = [one for keyword in keywords(Settings).values() for one in _options(keyword)]
    parameters = [*own, *options, last.replace(kind=inspect.Parameter.KEYWORD_ONLY)]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        settings = _meant({one.name: given.pop(one.name) for one in options})
        command(**given, **settings)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _options(keyword: Keyword) -> Iterator[inspect.Parameter]:
    made = _OPTIONS.get(keyword.name) or Annotated[keyword.type, option(keyword.name)]
    plain = {keyword.name: (made, keyword.default)}
    for name, (annotation, default) in _SPELLED.get(keyword.name, plain).items():
        kind = inspect.Parameter.KEYWORD_ONLY
        yield inspect.Parameter(name, kind, default=default, annotation=annotation)


def _meant(given: dict[str, Any]) -> Settings:
    """Return what options say, as `Graph.run` takes it."""
    if given.pop("no_store"):
        if given["store"] is not None:
            raise typer.BadParameter("--store and --no-store exclude each other")
        given["store"] = False
    given["reuse"] = "exact" if given.pop("exact") else "content"
    return cast(Settings, given)
