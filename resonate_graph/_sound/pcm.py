"""Uncompressed samples in a file: where they end, and how to read them, whatever is around them.

libsndfile reads the samples of every container right, but not what all writers put before them.
So the containers are read here, and libsndfile is shown the samples behind a header as plain as
can be: AU's, which has either byte order and every width, or WAV's where AU lacks a kind.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, NamedTuple

from .._base.errors import InputError
from .foreign import converted_by
from .parts import Part, Prefixed, read_at, require_end

#: Kinds of samples, and AU's numbers for them by bytes a sample.
_AU_CODES = {
    "signed": {1: 2, 2: 3, 3: 4, 4: 5},
    "float": {4: 6, 8: 7},
    "alaw": {1: 27},
    "ulaw": {1: 1},
}
_OPEN = 0xFFFFFFFF
#: What writers put for a size that they do not know yet: libsndfile, sox, arecord, ffmpeg, Windows
#: and others, all within a header's length of a power of two.
_MARKS = ((0x7F000000, 0x7F001000), (0x7FFF0000, 0x80001000), (0xFFFF0000, 0xFFFFFFFF))
_WIDE_MARK = 1 << 62


class Pcm(NamedTuple):
    """Uncompressed samples.

    Attributes:
        kind: ``signed``, ``unsigned``, ``float``, ``alaw`` or ``ulaw``.
        width: bytes a sample; fewer bits stand in the upper ones.
        channels: how many.
        sample_rate: in Hz.
        big: whether the highest byte of a sample comes first.
    """

    kind: str
    width: int
    channels: int
    sample_rate: int
    big: bool = False

    @property
    def frame_bytes(self) -> int:
        """Bytes a frame."""
        return self.width * self.channels

    def part(self, path: Path, raw: IO[bytes], start: int, end: int) -> Part:
        """Return samples that stand from one byte of a file to another.

        Raises:
            InputError: nobody reads such samples.
        """
        if not 1 <= self.channels <= 1024 or not 1 <= self.sample_rate < 1 << 31:
            raise InputError(
                path, f"its header says {self.channels} channels at {self.sample_rate} Hz"
            )
        code = _AU_CODES.get(self.kind, {}).get(self.width)
        if code is None and (self.kind, self.width) != ("unsigned", 1):
            what = f"{self.kind} samples of {8 * self.width} bit"
            raise InputError(path, f"its {what} are not read: {converted_by(path)}")
        end -= (end - start) % self.frame_bytes
        if code is None:
            header = wav_header(self.fmt_chunk(), end - start)
        else:
            words = struct.pack(
                ">5I" if self.big else "<5I", 24, _OPEN, code, self.sample_rate, self.channels
            )
            header = (b".snd" if self.big else b"dns.") + words
        return Part(Prefixed(header, raw, start, end), frames=(end - start) // self.frame_bytes)

    def fmt_chunk(self) -> bytes:
        """Return what a WAV file's fmt chunk says of them."""
        tag = {"float": 3, "alaw": 6, "ulaw": 7}.get(self.kind, 1)
        rate, frame = self.sample_rate, self.frame_bytes
        return struct.pack(
            "<HHIIHH", tag, self.channels, rate, min(rate * frame, _OPEN), frame, 8 * self.width
        )


def wav_header(fmt: bytes, data_bytes: int) -> bytes:
    """Return what stands before the samples of a WAV file: RF64 where 32 bits are too few."""
    before = struct.pack("<4sI", b"fmt ", len(fmt)) + fmt + bytes(len(fmt) % 2)
    size = 4 + len(before) + 8 + data_bytes
    if size < _OPEN:
        head = struct.pack("<4sI4s", b"RIFF", size, b"WAVE")
        return head + before + struct.pack("<4sI", b"data", data_bytes)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, size + 36, data_bytes, 0, 0)
    head = struct.pack("<4sI4s", b"RF64", _OPEN, b"WAVE") + ds64
    return head + before + struct.pack("<4sI", b"data", _OPEN)


class Extent(NamedTuple):
    """Where the samples end.

    Attributes:
        end: the byte after the last one.
        warnings: said where it is not known whether that was their end.
    """

    end: int
    warnings: tuple[tuple[str, str], ...] = ()


def extent(
    path: Path, raw: IO[bytes], size: int, start: int, said: int | None, whole: int | None = None
) -> Extent:
    """Find out where samples end that begin at a byte of a file.

    What was never told (the header of a pipe, or of a recorder that lost power) reaches to the
    end of the file. A length that is told and is not there has been cut off: the size of the
    whole, where there is one, has to agree.

    Args:
        path: the file's name, for messages.
        raw: the file.
        size: how long it is.
        start: where the samples begin.
        said: how many bytes they have by the header; None where it leaves that open.
        whole: where the whole ends by the header; None where it does not say.

    Raises:
        InputError: they were cut off.
    """
    if said and start + said <= size:
        return Extent(start + said)
    if said == 0 and (
        start >= size or (whole is not None and _only_chunks(raw, start, whole, size))
    ):
        return Extent(start)
    told = bool(said) and not is_mark(said)
    if told and (whole is None or (whole >= start + (said or 0) and not is_mark(whole - 8))):
        require_end(path, size, start + (said or 0))
    if read_at(raw, start, 8) == read_at(raw, 0, 8):
        raise InputError(path, "it is damaged: a second header stands where its sound should be")
    found = "a length that it does not have" if told else "no length"
    message = (
        f"its header gives {found}, as when it was written into a pipe or the recorder lost power; "
        "all that is there was read, but whether it was cut off cannot be told"
    )
    return Extent(max(start, size), (("unfinished-header", message),))


def _only_chunks(raw: IO[bytes], start: int, whole: int, size: int) -> bool:
    """Whether nothing but chunks with a name stands from a byte to the end of the whole."""
    if abs(whole - size) > 1:
        return False
    for order in ("<", ">"):
        position = start
        while len(head := read_at(raw, position, 8)) == 8 and head[:4].isascii():
            (length,) = struct.unpack(f"{order}I", head[4:])
            if not head[:4].decode("ascii").isprintable() or position + 8 + length > size:
                break
            position += 8 + length + length % 2
        if size - position <= 1:
            return True
    return False


def is_mark(said: int | None) -> bool:
    """Whether a size stands for one that is not known."""
    if said is None or said <= 0 or said >= _WIDE_MARK:
        return True
    return any(low <= said <= high for low, high in _MARKS)
