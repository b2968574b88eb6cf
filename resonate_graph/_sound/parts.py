"""What a file holds, as the parts that libsndfile decodes: the common tongue of the containers.

A container (`riff`, `ogg`, `mpeg`) looks at a file without decoding it and gives a `Reading`: one
part for an ordinary file, several for files that were joined, with silence between them for what
is known to be lost.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .._base.errors import InputError

NOT_READ = "this is no WAV, FLAC, OGG or MP3 file"


@dataclass(frozen=True)
class Part:
    """Bytes that libsndfile decodes in one go, and which of their frames are sound.

    Attributes:
        raw: the bytes, from their beginning: a file, or what only looks like one (`Prefixed`).
        skip: how many frames at the beginning are no sound (what an encoder put before it).
        frames: how many frames of sound follow; None for as many as there are.
    """

    raw: IO[bytes] | io.RawIOBase
    skip: int = 0
    frames: int | None = None


@dataclass(frozen=True)
class Silence:
    """A stretch of which nothing is left.

    Attributes:
        frames: how long it is.
    """

    frames: int


@dataclass(frozen=True)
class Reading:
    """What was found out about a file before decoding it.

    Attributes:
        parts: what to decode, in order; all have one rate and channel count.
        layout: what the channels are, such as ``5.1(side)``; None where the file does not say.
        warnings: (code, message) of what the listener should know.
        order: which channel of the file comes first, second and so on in the order of WAV; None
            for all as they stand.
    """

    parts: Sequence[Part | Silence]
    layout: str | None = None
    warnings: Sequence[tuple[str, str]] = ()
    order: tuple[int, ...] | None = None


class Prefixed(io.RawIOBase):
    """A file as if some bytes stood before its part from `start` to `end`."""

    def __init__(self, prefix: bytes, raw: IO[bytes], start: int, end: int) -> None:
        self._prefix = prefix
        self._raw = raw
        self._start = start
        self._size = len(prefix) + end - start
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        before = len(self._prefix)
        if self._position < before:
            part = self._prefix[self._position : self._position + len(buffer)]
        else:
            left = max(0, min(len(buffer), self._size - self._position))
            part = read_at(self._raw, self._start + self._position - before, left)
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)


def read_at(raw: IO[bytes], position: int, length: int) -> bytes:
    """Return bytes of a file; fewer where it ends before."""
    raw.seek(position)
    return raw.read(length)


def require_end(path: Path, size: int, end: int | None) -> None:
    """Refuse a file that ends before its container says so.

    Raises:
        InputError: it does.
    """
    if end is not None and end > size:
        raise InputError(path, f"it is cut off: {size:,} of the {end:,} bytes it should have")
