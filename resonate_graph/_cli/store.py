"""``resonate store``: what is kept, and keeping it in order."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Annotated

import typer

from .. import OutputError, Record, Store, StoreError, default_store, inventory
from .._base.publish import publish
from .._experiment.inventory import HumanNames, listed, outlived
from .._store.folder import Quarantined
from .._store.retention import parse_bytes
from .call import require_folder
from .help import Command, Group
from .options import JsonOption
from .output import Printer
from .settings import StoreOption

KeysArgument = Annotated[
    list[str],
    typer.Argument(metavar="KEY...", help="Keys as `ls` prints them, or the start of one."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, cls=Group)
    group.callback()(kept)
    for name, command in (
        ("ls", ls),
        ("stats", stats),
        ("verify", verify),
        ("gc", gc),
        ("pin", pin),
        ("unpin", unpin),
        ("rm", rm),
        ("export", export),
    ):
        group.command(name, cls=Command)(command)
    app.add_typer(group, name="store")


def kept() -> None:
    """Look at what is stored, and keep it in order."""


def ls(
    show_all: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also what is gone, inputs whose digest is remembered, and figures of sweeps.",
        ),
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is stored: newest first, with where it came from and what reuse has saved.

    "saved" is the time it took to compute, for each use after the first.
    """
    printer = Printer(as_json=as_json)
    opened = _open(store)
    items = sorted(
        (item for item in inventory(opened) if show_all or (item.here and not item.own)),
        key=lambda item: -item.created,
    )
    printer.document({"items": [asdict(item) for item in items]})
    if not items:
        printer.line(f"nothing is stored in {opened.path}")
        return
    printer.table(
        ("key", "name", "size", "cost", "uses", "saved", "last use", "graph", "files", ""),
        [
            (
                item.key[:12],
                item.human_name,
                _size_text(item.bytes),
                f"{item.seconds:.1f} s",
                item.uses,
                f"{item.seconds_saved:.1f} s",
                _day(item.last_used),
                item.graph,
                ", ".join(item.files),
                item.state,
            )
            for item in items
        ],
        long=("name", "graph", "files"),
        spare=("graph", "cost", "saved", "last use"),
    )


def stats(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Say how much is stored, what it cost to compute, and what reuse has saved."""
    printer = Printer(as_json=as_json)
    opened = _open(store)
    objects = opened.retention.objects()
    figures = {
        "path": str(opened.path),
        "objects": len(objects),
        "records": sum(1 for _ in opened.records()),
        "bytes": sum(item.bytes for item in objects),
        "limit_bytes": opened.retention.limit_bytes,
        "pinned": sum(item.pinned for item in objects),
        "quarantined": len(opened.quarantined()),
        "seconds_kept": round(sum(item.seconds for item in objects), 3),
        "seconds_saved": round(sum(item.seconds * max(0, item.uses - 1) for item in objects), 3),
    }
    printer.document(figures)
    printer.line(f"{figures['path']}")
    printer.line(
        f"  {figures['objects']} objects of {figures['records']} records, "
        f"{_size_text(sum(item.bytes for item in objects))} of at most "
        f"{_size_text(opened.retention.limit_bytes)}"
    )
    printer.line(f"  {figures['pinned']} pinned, {figures['quarantined']} in quarantine")
    printer.line(
        f"  they took {figures['seconds_kept']} s to compute; "
        f"reuse has saved about {figures['seconds_saved']} s"
    )


def verify(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Compare everything with its digest; what does not match goes into quarantine."""
    printer = Printer(as_json=as_json)
    checked = list(_open(store).verify())
    damaged = [str(path) for path, sound in checked if not sound]
    printer.document({"checked": len(checked), "damaged": damaged})
    printer.line(f"{len(checked)} files checked, {len(damaged)} damaged")
    for path in damaged:
        printer.line(f"  {path}")
    if damaged:
        raise typer.Exit(1)


def gc(
    store: StoreOption = None,
    limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Shrink to this, such as 5GB.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Remove leftovers, and drop what is cheapest to compute again until the limit holds.

    Also removes the records of which nothing has been there for 90 days; until then they tell
    `resonate why` when it went.
    """
    printer = Printer(as_json=as_json)
    opened = _open(store)
    try:
        size = parse_bytes(limit) if limit else None
    except StoreError as error:
        raise typer.BadParameter(f"--limit: {error}") from None
    swept = opened.sweep_up()
    forgotten = []
    for record in outlived(opened):
        with contextlib.suppress(StoreError):  # a run is making its content again
            opened.forget(record)
            forgotten.append(record.key)
    dropped = opened.retention.make_room(size)
    freed = sum(item.bytes for item in dropped)
    printer.document(
        {
            "leftovers": [str(path) for path in swept],
            "forgotten": forgotten,
            "dropped": [item.digest for item in dropped],
            "bytes_freed": freed,
        }
    )
    printer.line(
        f"{len(swept)} leftovers and {len(forgotten)} old records removed, "
        f"{len(dropped)} objects dropped ({_size_text(freed)})"
    )


def pin(keys: KeysArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Keep results whatever happens."""
    opened = _open(store)
    for record in _chosen(opened, keys):
        if not opened.present(record):
            raise StoreError(f"{record.key[:12]} is gone from the store: run its graph again first")
    _report_each(Printer(as_json=as_json), "pinned", _chosen(opened, keys), opened.retention.pin)


def unpin(keys: KeysArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Let results be dropped again."""
    opened = _open(store)
    chosen = _chosen(opened, keys)
    _report_each(Printer(as_json=as_json), "unpinned", chosen, opened.retention.unpin)


def rm(keys: KeysArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Remove results; what other results share stays.

    What is pinned, or in use by a run, is not removed.
    """
    printer = Printer(as_json=as_json)
    opened = _open(store)
    records = _chosen(opened, keys)
    for record in records:
        opened.require_unused(record)
    removed = [item for record in records for item in opened.forget(record)]
    freed = sum(item.bytes for item in removed)
    printer.document({"removed": [record.key for record in records], "bytes_freed": freed})
    printer.line(f"{len(records)} results removed ({_size_text(freed)})")


def export(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY...]", help="All, where none is given.")
    ] = None,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the files go.")
    ] = Path("out/export"),
    link: Annotated[
        bool, typer.Option("--link", help="Link to the stored files instead of copying them.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write results under names for people, such as song/split.vocals.wav.

    A linked file is the stored one: do not edit it, and expect it to go when the store drops it.
    """
    printer = Printer(as_json=as_json)
    require_folder(folder)
    opened = _open(store)
    wanted = {record.key for record in _chosen(opened, keys)} if keys else None
    written: list[str] = []
    damaged: list[str] = []
    gone = 0
    latest_first = sorted(listed(opened), key=lambda one: -one[0].created)
    names = HumanNames(folder)
    for item, entry in latest_first:
        if item.own or (wanted is not None and item.key not in wanted):
            continue
        target = names.take(item, entry.suffix)
        try:
            source = opened.verified_path(entry)
        except Quarantined:
            damaged.append(str(target))
            continue
        if source is None:
            gone += 1
            continue
        _export(source, target, link)
        written.append(str(target))
    printer.document({"files": written, "damaged": damaged, "gone": gone})
    if damaged:
        printer.line(f"{len(damaged)} results were damaged and moved away: run their graph again")
    if gone:
        printer.line(f"{gone} results are gone from the store: run their graph again")
    if not written and not gone:
        printer.line("there is nothing to export; of inputs only the digest is kept")
    for name in written:
        printer.line(name)
    if damaged:
        raise typer.Exit(1)


def _open(path: Path | None) -> Store:
    store = Store(path) if path is not None else default_store()
    if store.path.exists() and not store.path.is_dir():
        raise StoreError(f"{store.path} is not a folder")
    return store


def _chosen(store: Store, keys: Sequence[str]) -> list[Record]:
    """Return the records that keys, or the start of keys, name.

    Raises:
        BadParameter: one names none, or several.
    """
    records = list(store.records())
    chosen = []
    for key in keys:
        found = [record for record in records if record.key.startswith(key)]
        if len(found) != 1:
            many = "no result has" if not found else f"{len(found)} results have"
            raise typer.BadParameter(
                f"{many} a key that starts with {key!r}; `resonate store ls` lists them"
            )
        chosen.extend(found)
    return chosen


def _report_each(
    printer: Printer, done: str, records: list[Record], act: Callable[[str], None]
) -> None:
    digests = [entry.digest for record in records for entry in record.ports.values()]
    for digest in digests:
        act(digest)
    printer.document({done: digests})
    printer.line(f"{len(digests)} objects {done}")


def _export(source: Path, target: Path, link: bool) -> None:
    if not link:
        publish(target, lambda file: _copy(source, file))
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source.resolve())
    except OSError as error:
        raise OutputError(f"{target}: cannot be linked: {error.strerror}") from error


def _copy(source: Path, file: IO[bytes]) -> None:
    with source.open("rb") as content:
        shutil.copyfileobj(content, file)


def _day(when: float | None) -> str:
    return "" if when is None else time.strftime("%Y-%m-%d", time.localtime(when))


def _size_text(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
