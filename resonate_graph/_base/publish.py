"""Publishing a file: there whole, or not at all; whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from .errors import OutputError

_PREFIX = ".resonate-writing-"
_ABANDONED_SECONDS = 3600
#: A folder is swept so often at most, since a look through one with 100,000 files takes a while.
_SWEPT_SECONDS = 600
_MOST_SWEPT = 10_000
#: When this process swept a folder last.
_swept: dict[Path, float] = {}


def publish(
    path: Path,
    write: Callable[[IO[bytes]], object],
    *,
    temp_folder: Path | None = None,
    durable: bool = True,
) -> Path:
    """Write a file so that no reader ever sees a part of it.

    A temporary file on the same filesystem is written, synced to disk and renamed over `path`;
    then the folder is synced, so that the name survives a power cut as well.

    Args:
        path: the file.
        write: writes its content into an open file.
        temp_folder: where the temporary file lies; next to the file by default.
        durable: False to do without the syncs: then a power cut may leave it damaged.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
    """
    folder = temp_folder or path.parent
    with _told_of(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    if temp_folder is None:
        _remove_abandoned(folder)  # a folder for temporary files is swept by whoever owns it
    with _told_of(path), _temporary(folder) as file:
        write(file)
        _put_in_place(file, path, durable=durable)
    return path


def publish_as(
    place: Callable[[], Path | None],
    write: Callable[[IO[bytes]], object],
    *,
    temp_folder: Path,
    what: Path,
) -> Path | None:
    """Write a file whose place is known once it was written: it is named by what it holds.

    Args:
        place: says where it belongs, when it is written; None if it is not wanted after all.
        write: writes its content into an open file.
        temp_folder: where the temporary file lies.
        what: what messages call it.

    Returns:
        Its place.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
    """
    with _told_of(what):
        temp_folder.mkdir(parents=True, exist_ok=True)
        with _temporary(temp_folder) as file:
            write(file)
            path = place()
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                _put_in_place(file, path, durable=True)
            return path


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Within it, what fails is told as an error of this library's."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}") from error


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[IO[bytes]]:
    """Give a new file, open, which is gone afterwards unless it was put in its place."""
    temporary = folder / f"{_PREFIX}{secrets.token_hex(8)}"
    try:
        with temporary.open("x+b") as file:
            yield file
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _put_in_place(file: IO[bytes], path: Path, *, durable: bool) -> None:
    """Rename a temporary file to its place; `durable` is as for `publish`."""
    file.flush()
    if durable:
        os.fsync(file.fileno())
    file.close()  # Windows renames no file that is open
    Path(file.name).replace(path)
    if durable:
        sync_folder(path.parent)


def adopt(source: Path, path: Path) -> bool:
    """Rename a file that is whole to its place, after it was synced to disk; False if it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with source.open("r+b") as file:
            os.fsync(file.fileno())
        source.replace(path)
    except OSError:
        return False
    sync_folder(path.parent)
    return True


def require_writable(folder: Path) -> None:
    """Find out before the work is done that its results cannot be written into a folder.

    Raises:
        OutputError: the folder, or where it would have to be made, is no folder to write into.
    """
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"{folder}: cannot be written: {place} is not a folder")
    if not os.access(place, os.W_OK):
        raise OutputError(f"{folder}: cannot be written: no right to write into {place}")


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk, on systems where a folder can be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed here were writing."""
    now = time.monotonic()
    if now - _swept.get(folder, -_SWEPT_SECONDS) < _SWEPT_SECONDS:
        return
    if len(_swept) > _MOST_SWEPT:
        _swept.clear()
    _swept[folder] = now
    horizon = time.time() - _ABANDONED_SECONDS
    with contextlib.suppress(OSError):  # another process may remove them, or the folder
        for path in folder.glob(f"{_PREFIX}*"):
            if path.stat().st_mtime < horizon:
                path.unlink()


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
