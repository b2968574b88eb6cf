"""Which files may be named: those in one folder, and those that were brought."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .. import InputError, Limits

#: A browser may send so much: half an hour of stereo at 96 kHz in 24 bits, and a little.
MOST_UPLOAD_MEGABYTES = 1100
MOST_GRAPH_BYTES = 8 << 20
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_MOST_LISTED = 1000
_BLOCK = 1 << 20

#: What a recording is called that was made on the page.
RECORDED = "recorded.wav"
#: How long a recording may be, as everywhere.
MOST_MINUTES = Limits().max_minutes


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, by name.

    Attributes:
        folders: the folders in it.
        files: the files in it.
        omitted: how many more there are.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    omitted: int = 0


class Root:
    """A folder whose files may be chosen, and nothing above it or beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def path(self, name: str) -> Path:
        """Return where a file or a folder in it is.

        Raises:
            InputError: it is not in the folder, or a link leads out of it.
        """
        try:
            place = (self.folder / name).resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, a name with a zero in it
            raise InputError(Path("?"), "there is no such file in the folder") from None
        if not place.is_relative_to(self.folder):
            raise InputError(Path(name), "it is not in the folder that may be read")
        if not place.exists():
            raise InputError(Path(name), "there is no such file any more")
        return place

    def list(self, name: str = "", suffixes: Iterable[str] = ()) -> Listing:
        """Return what lies in a folder: no hidden files, no links that lead out, no odd names.

        Args:
            name: the folder, relative to this one.
            suffixes: the suffixes of the files that count; none for all.

        Raises:
            InputError: it is not in the folder.
        """
        wanted = set(suffixes)
        place = self.path(name)
        folders, files, omitted = [], [], 0
        try:
            found = sorted(place.iterdir(), key=lambda one: one.name.casefold())
        except OSError as error:
            raise InputError(Path(name), f"it cannot be listed: {error.strerror}") from error
        for one in found:
            if one.name.startswith(".") or not self._inside(one):
                continue
            if not _is_text(one.name):
                omitted += 1
            elif one.is_dir():
                folders.append(one.name)
            elif one.is_file() and (not wanted or one.suffix.lower() in wanted):
                files.append(one.name)
        omitted += max(0, len(folders) - _MOST_LISTED) + max(0, len(files) - _MOST_LISTED)
        return Listing(tuple(folders[:_MOST_LISTED]), tuple(files[:_MOST_LISTED]), omitted)

    def _inside(self, place: Path) -> bool:
        try:
            return place.resolve().is_relative_to(self.folder)
        except (OSError, RuntimeError):  # a loop of links
            return False


def _is_text(name: str) -> bool:
    """Say whether a name can be shown: those of old disks may be no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class Uploads:
    """Files that were brought: each in a folder of its own, under a name of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, path: str) -> bool:
        """Say whether a file was brought."""
        return Path(path).resolve().is_relative_to(self.folder.resolve())

    def take(self, name: str, content: IO[bytes]) -> Path:
        """Keep a file that was brought; of its name only the suffix counts, if it is a plain one.

        Raises:
            InputError: it is larger than what may be brought.
        """
        suffix = Path(name).suffix.lower()
        place = self.folder / secrets.token_hex(8)
        place.mkdir()
        path = place / f"recording{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        size = 0
        try:
            with path.open("xb") as file:
                while block := content.read(_BLOCK):
                    size += len(block)
                    if size > MOST_UPLOAD_MEGABYTES << 20:
                        raise InputError(
                            path, f"it is larger than {MOST_UPLOAD_MEGABYTES} MB: cut the recording"
                        )
                    file.write(block)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return path
