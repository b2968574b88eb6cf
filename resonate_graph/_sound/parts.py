"""What a file holds, as the parts that libsndfile decodes: the common tongue of the containers.

A container (`riff`, `ogg`, `mpeg`) looks at a file without decoding it and gives a `Reading`: one
part for an ordinary file, several for files that were joined, with silence between them for what
is known to be lost.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, NamedTuple

from .._base.errors import InputError

NOT_READ = "this is no WAV, FLAC, OGG or MP3 file"


_BUFFER_BYTES = 1 << 18
_MOST_POSITION = 1 << 42
#: What the refusal of a damaged file says can be done about it.
_REMEDY = "get it whole, or read what is left with `salvage=True`"


def damaged(path: Path, reason: str) -> InputError:
    """Return the refusal of a file of which something can be read on request."""
    return InputError(path, f"{reason}: {_REMEDY}")


def begins_late(seconds: float) -> tuple[str, str]:
    """Return the warning of a stream that was recorded from its middle on."""
    return (
        "begins-late",
        f"it begins {seconds:.2f} s into its stream, as a recording of a broadcast does; whether "
        "its beginning was lost, nothing tells",
    )


class CutOff(InputError):
    """The refusal of a file that is shorter than it should be; what is there can be read.

    Attributes:
        end: how long it should be, in bytes.
    """

    def __init__(self, path: Path, size: int, end: int) -> None:
        reason = f"it is cut off: {size:,} of the {end:,} bytes it should have"
        super().__init__(path, f"{reason}: {_REMEDY}")
        self.end = end


class Checksum(NamedTuple):
    """What a file says its samples add up to.

    Attributes:
        md5: the MD5 of the samples as FLAC defines it: interleaved little-endian integers.
        bits: how many bits a sample has.
        damage: says, where it is of others, what is damaged; None where nothing is known to be.
    """

    md5: bytes
    bits: int
    damage: Callable[[], str | None]


@dataclass(frozen=True)
class Part:
    """Bytes that libsndfile decodes in one go, and which of their frames are sound.

    Attributes:
        raw: the bytes, from their beginning: a file, or what only looks like one (`Prefixed`).
        skip: how many frames at the beginning are no sound (what an encoder put before it).
        frames: how many frames of sound follow; None for as many as there are.
        checksum: what all of its samples have to add up to, where something says so.
        left: how many of the frames are there, where its end is missing and a decoder would make
            sound of a piece of a block; None for as many as it gives.
    """

    raw: IO[bytes] | io.RawIOBase
    skip: int = 0
    frames: int | None = None
    checksum: Checksum | None = None
    left: int | None = None


class Silence(NamedTuple):
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
        lost: where the file is damaged and was salvaged, what is known to be lost beside the
            silences, in words; empty where nothing is, None for a file that is whole.
        told: how many frames a file should have whose end is missing; 0 where it does not say.
    """

    parts: Sequence[Part | Silence]
    layout: str | None = None
    warnings: Sequence[tuple[str, str]] = ()
    order: tuple[int, ...] | None = None
    lost: str | None = None
    told: int = 0


class Spliced(io.RawIOBase):
    """A file as if it consisted of some of its own stretches, and of other bytes, in a row."""

    def __init__(self, raw: IO[bytes] | io.RawIOBase, pieces: Sequence[bytes | range]) -> None:
        self._raw = raw
        self._pieces = [piece for piece in pieces if len(piece)]
        self._starts = [0, *accumulate(len(piece) for piece in self._pieces)]
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._starts[-1])[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: the file is another's, and may be read through again."""

    def readinto(self, buffer: Any) -> int:
        done = 0
        index = bisect_right(self._starts, self._position) - 1
        while done < len(buffer) and index < len(self._pieces):
            piece, offset = self._pieces[index], self._position - self._starts[index]
            length = min(len(buffer) - done, len(piece) - offset)
            target = memoryview(buffer)[done : done + length]
            if isinstance(piece, range):
                self._raw.seek(piece.start + offset)
                count = self._raw.readinto(target) or 0  # type: ignore[union-attr]
            else:
                target[:] = piece[offset : offset + length]
                count = length
            done += count
            self._position += count
            if count < length:  # the file ends before
                break
            index += 1
        return done


class Prefixed(Spliced):
    """A file as if some bytes stood before its part from `start` to `end`."""

    def __init__(self, prefix: bytes, raw: IO[bytes], start: int, end: int) -> None:
        super().__init__(raw, [prefix, range(start, end)])


def open_forward(raw: Any) -> Any:
    """Open what libsndfile decodes, to be read from its beginning to its end."""
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            # Otherwise soundfile seeks after each block to where it is already. An MP3 decoder
            # forgets then what it still needs of the frames before, and may leave a gap.
            return False

    name = getattr(raw, "name", None)
    if isinstance(name, str | os.PathLike):  # a file: libsndfile reads it without asking Python
        return Forward(_opened_again(raw, name))
    raw.seek(0)
    return Forward(io.BufferedReader(raw, _BUFFER_BYTES) if isinstance(raw, io.RawIOBase) else raw)


def _opened_again(raw: IO[bytes], path: str | os.PathLike[str]) -> int:
    """Return a descriptor of an open file with a position of its own.

    Raises:
        OSError: there is another file by now.
    """
    descriptor = os.open(path, os.O_RDONLY)
    if not os.path.samestat(os.fstat(descriptor), os.fstat(raw.fileno())):
        os.close(descriptor)
        raise OSError("it was replaced while it was read")
    return descriptor


def count_frames(raw: Any) -> int | None:
    """Return how many frames libsndfile says there are; None where it cannot open them."""
    import soundfile

    try:
        with open_forward(raw) as file:
            return int(file.frames)
    except soundfile.LibsndfileError:
        return None


def joined(pieces: Sequence[range]) -> Iterator[range]:
    """Yield stretches of a file, those that touch as one."""
    start = stop = 0
    for piece in pieces:
        if piece.start != stop:
            yield range(start, stop)
            start = piece.start
        stop = piece.stop
    yield range(start, stop)


def read_at(raw: IO[bytes] | io.RawIOBase, position: int, length: int) -> bytes:
    """Return bytes of a file; fewer where it ends before, none where the length is below 0."""
    if length < 0 or not 0 <= position < _MOST_POSITION:  # of a header that makes no sense
        return b""
    raw.seek(position)
    return raw.read(length) or b""


def after_tags(raw: IO[bytes] | io.RawIOBase, position: int) -> int:
    """Return where the ID3v2 tags that begin at a position end; the position, without any."""
    while (head := read_at(raw, position, 10))[:3] == b"ID3" and len(head) == 10:
        length = 0
        for byte in head[6:]:
            length = length << 7 | byte & 0x7F
        footer = 10 if head[3] == 4 and head[5] & 0x10 else 0
        position += 10 + length + footer
    return position


def before_tags(raw: IO[bytes] | io.RawIOBase, start: int, end: int) -> int:
    """Return where tags that end at a position begin: ID3v1, and APEv2 before it."""
    if end - start >= 128 and read_at(raw, end - 128, 3) == b"TAG":
        end -= 128
    footer = read_at(raw, end - 32, 32) if end - start >= 32 else b""
    if footer[:8] == b"APETAGEX":
        header = 32 if footer[23] & 0x80 else 0
        length = int.from_bytes(footer[12:16], "little") + header
        end = max(start, end - length) if length >= 32 else end
    return end


def require_end(path: Path, size: int, end: int | None) -> None:
    """Refuse a file that ends before its container says so.

    Raises:
        CutOff: it does.
    """
    if end is not None and end > size:
        raise CutOff(path, size, end)
