"""``resonate models``: the models that nodes know, and which of them are on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .. import Catalog, KnownModel
from .._base.near_names import instead
from .help import Command, Group
from .options import JsonOption
from .output import Printer
from .settings import ModelsOption

#: What is said where nobody knows a licence: that is no permission.
_NO_LICENCE = "no licence known"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(rich_markup_mode=None, cls=Group)
    group.callback(invoke_without_command=True)(models)
    group.command(cls=Command)(show)
    app.add_typer(group, name="models")


def models(ctx: typer.Context, folder: ModelsOption = None, as_json: JsonOption = False) -> None:
    """List the models that are known and those that are here, or show one of them.

    Nothing is fetched: a model that is not here is fetched once a graph names it, if its source is
    known and what comes can be compared with a digest.
    """
    if ctx.invoked_subcommand is not None:
        return
    printer, found = Printer(as_json=as_json), list(_known(folder))
    printer.document({"models": [_document(node, one) for one, node in found]})
    printer.table(
        ("model", "here", "family", "stems", "licence"),
        [
            (one.name, "yes" if one.is_here else "no", one.family, ", ".join(one.stems),
             one.licence or _NO_LICENCE)
            for one, _ in found
        ],
        long=("stems", "licence"),
    )  # fmt: skip


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model.")],
    folder: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is known of a model: source, files and their digests, licence, published figures."""
    printer = Printer(as_json=as_json)
    found = {one.name: (one, node) for one, node in _known(folder)}
    if name not in found:
        raise typer.BadParameter(f"there is no model {name!r} known or here{instead(name, found)}")
    one, node = found[name]
    printer.document(_document(node, one))
    printer.line(one.name)
    for label, text in _told(node, one):
        if text.startswith("https://"):  # an address that is broken cannot be copied
            printer.line(f"  {label:<9} {text}")
        else:
            printer.paragraph(f"{label:<9} {text}", indent="  ", hang=" " * 10)


def _told(node: str, one: KnownModel) -> Iterator[tuple[str, str]]:
    yield "for", f"the node {node}"
    yield "family", one.family
    yield "stems", ", ".join(one.stems)
    yield "here", one.here or f"no{_how_it_comes(one)}"
    if one.source:
        yield "source", one.source
    yield "licence", one.licence or f"{_NO_LICENCE}: that is no permission to use it"
    for file in one.files:
        yield "file", file["name"]
        if file.get("url"):
            yield "from", file["url"]
        yield "SHA-256", file.get("sha256") or "not known"
    if one.sdr_db:
        figures = ", ".join(f"{stem} {value:g} dB" for stem, value in one.sdr_db.items())
        yield "SDR", f"{figures} ({one.sdr_from})"
    if one.speed:
        yield "speed", one.speed
    if one.note:
        yield "note", one.note


def _how_it_comes(one: KnownModel) -> str:
    """Say how a model whose files are known gets here."""
    if not one.files:
        return ""
    if all(file.get("sha256") for file in one.files):
        return ": it is fetched once a graph names it"
    return ": put its files into your folder of models; what has no digest is not fetched"


def _document(node: str, one: KnownModel) -> dict[str, object]:
    return {**asdict(one), "node": node, "here": one.here or None, "licence": one.licence or None}


def _known(folder: Path | None) -> Iterator[tuple[KnownModel, str]]:
    """Yield the models of all nodes, each with its node."""
    for node in Catalog.installed():
        if node.models is not None:
            for one in node.models(folder):
                yield one, node.id
