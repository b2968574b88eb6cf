"""What broadcast WAV files say of a recording's time: bext (EBU Tech 3285), iXML and cue chunks.

By the time reference of these, in samples since midnight, recordings are lined up. So they are
carried to another file only as far as they stay true there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, NamedTuple

from .._base.errors import InputError
from .audio import Audio
from .riff import HEADS, Fmt, wav_chunks

_MAX_CHUNK_BYTES = 1 << 24
_REFERENCE_AT, _VERSION_AT, _LOUDNESS_AT = 338, 346, 412
_LEAST_BEXT_BYTES = 348
_NO_LOUDNESS = struct.pack("<5h", *[0x7FFF] * 5)  # what is not known (Tech 3285, version 2)
_CUE_BYTES = 24
_HALVES = (
    ("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO"),
    ("BWF_TIME_REFERENCE_HIGH", "BWF_TIME_REFERENCE_LOW"),
)
_RATES = ("TIMESTAMP_SAMPLE_RATE", "FILE_SAMPLE_RATE", "DIGITIZER_SAMPLE_RATE")


class Span(NamedTuple):
    """How long a piece of sound is, and of how many channels.

    Attributes:
        frames: samples per channel.
        sample_rate: in Hz.
        channels: how many.
    """

    frames: int
    sample_rate: int
    channels: int

    @classmethod
    def of(cls, audio: Audio) -> Span:
        """Return the span of a sound."""
        channels, frames = audio.samples.shape
        return cls(frames, audio.sample_rate, channels)


@dataclass(frozen=True)
class Broadcast:
    """What a WAV file says of a recording's time, as its chunks.

    Attributes:
        chunks: name and content of each, in the order of the file.
        span: of the recording.
    """

    chunks: tuple[tuple[bytes, bytes], ...]
    span: Span

    @property
    def names(self) -> str:
        """What there is, in words."""
        names = [name.decode("latin-1").strip() for name, _ in self.chunks if name != b"LIST"]
        return " and ".join(names)

    def moved(self, start_seconds: Fraction, to: Span) -> tuple[Broadcast, list[str]]:
        """Return what is true of a part of the recording, and what cannot be said of it.

        Args:
            start_seconds: where in the recording it begins; before it where that is negative.
            to: what the part is now, at a rate of its own.
        """
        move = _Move(self.span, start_seconds, to)
        chunks, lost = [], []
        for name, content in self.chunks:
            try:
                changed = _MOVES[name](move, content)
            except _Untrue as error:
                lost.append(str(error))
            else:
                chunks += [(name, changed)] if changed is not None else []
        dropped = move.dropped_cues
        if dropped:
            lost.append(f"{dropped} of its cues {'lies' if dropped == 1 else 'lie'} outside")
        return Broadcast(tuple(chunks), to), lost


class _Untrue(Exception):
    """Raised where a chunk would not be true any more."""


def read_broadcast(path: Path, span: Span | None) -> Broadcast | None:
    """Return what a WAV file says of its recording's time; None where it says nothing.

    Args:
        path: the file.
        span: what its sound is, as it was decoded; None where nobody asks what is true of it.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as raw:
            if raw.read(4) not in HEADS or raw.seek(0) or raw.read(4) == b"RIFX":
                return None
            chunks = tuple(_chunks(raw))
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from error
    telling = any(name != b"LIST" for name, _ in chunks)
    return Broadcast(chunks, span or Span(0, 1, 1)) if telling else None


def write_broadcast(file: IO[bytes], broadcast: Broadcast) -> bool:
    """Put chunks behind all others of an open file.

    Returns:
        False, and the file as it is, where that is no RIFF file of this rate and channels.
    """
    file.seek(0)
    fmt = _fmt(file) if file.read(4) == b"RIFF" else None
    rate_and_channels = (broadcast.span.sample_rate, broadcast.span.channels)
    if fmt is None or (fmt.sample_rate, fmt.channels) != rate_and_channels:
        return False
    end = file.seek(0, 2)
    file.write(bytes(end % 2))
    for name, told in broadcast.chunks:
        content = _of_bits(told, fmt.bits) if name == b"iXML" else told
        file.write(struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2))
    size = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", size))
    file.seek(0, 2)
    return True


def _fmt(file: IO[bytes]) -> Fmt | None:
    for name, position, length in wav_chunks(file):
        if name == b"fmt ":
            file.seek(position)
            return Fmt.of(file.read(min(length, 40)))
    return None


def _chunks(raw: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for name, position, length in wav_chunks(raw):
        if name in _MOVES and 0 < length <= _MAX_CHUNK_BYTES:
            raw.seek(position)
            content = raw.read(length)
            if len(content) == length and (name != b"LIST" or content[:4] == b"adtl"):
                yield name, content


class _Move:
    """From the times of one file to those of another."""

    def __init__(self, origin: Span, start_seconds: Fraction, to: Span) -> None:
        self.to = to
        self._origin = origin
        self._start = start_seconds
        self.dropped_cues = 0
        self.kept_cues: set[int] | None = None

    @property
    def keeps_time(self) -> bool:
        return self._start == 0 and self.to.sample_rate == self._origin.sample_rate

    @property
    def keeps_channels(self) -> bool:
        return self.to.channels == self._origin.channels

    def reference(self, samples: int) -> int:
        """Return a time since midnight, given that of the origin's first sample."""
        moved = Fraction(samples, self._origin.sample_rate) + self._start
        if moved < 0 or moved * self.to.sample_rate >= 1 << 64:
            raise _Untrue("its time reference would lie before midnight")
        return round(moved * self.to.sample_rate)

    def place(self, frame: int) -> int | None:
        """Return where a frame of the origin is; None where it is not there any more."""
        moved = (Fraction(frame, self._origin.sample_rate) - self._start) * self.to.sample_rate
        return round(moved) if 0 <= moved <= self.to.frames else None

    def length(self, frames: int) -> int:
        return round(Fraction(frames * self.to.sample_rate, self._origin.sample_rate))


def _bext(move: _Move, content: bytes) -> bytes:
    if len(content) < _LEAST_BEXT_BYTES:
        raise _Untrue("its bext chunk is not whole")
    (samples,) = struct.unpack_from("<Q", content, _REFERENCE_AT)
    made = bytearray(content)
    # a file without one has 0 there, and cannot be told from one that begins at midnight
    struct.pack_into("<Q", made, _REFERENCE_AT, move.reference(samples))
    (version,) = struct.unpack_from("<H", content, _VERSION_AT)
    if version >= 2 and len(content) >= _LOUDNESS_AT + len(_NO_LOUDNESS):
        made[_LOUDNESS_AT : _LOUDNESS_AT + len(_NO_LOUDNESS)] = _NO_LOUDNESS
    return bytes(made)


def _ixml(move: _Move, content: bytes) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    if not move.keeps_channels and "<TRACK_LIST" in text:
        raise _Untrue("its iXML tells of other channels")
    if move.keeps_time:
        return content
    if "<SYNC_POINT" in text:
        raise _Untrue("its iXML has sync points, which are not moved")
    for high, low in _HALVES:
        found = [_number(text, name) for name in (high, low)]
        if found[0] is not None and found[1] is not None:
            samples = move.reference(found[0] << 32 | found[1])
            text = _with_number(text, high, samples >> 32)
            text = _with_number(text, low, samples & 0xFFFFFFFF)
        elif found != [None, None]:
            raise _Untrue("its iXML has half a time stamp")
    for name in _RATES:
        text = _with_number(text, name, move.to.sample_rate)
    return text.encode("utf-8", "surrogateescape")


def _of_bits(content: bytes, bits: int) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    return _with_number(text, "AUDIO_BIT_DEPTH", bits).encode("utf-8", "surrogateescape")


def _number(text: str, name: str) -> int | None:
    found = re.search(rf"<{name}>\s*(\d{{1,10}})\s*</{name}>", text)
    return int(found[1]) if found and int(found[1]) < 1 << 32 else None


def _with_number(text: str, name: str, number: int) -> str:
    return re.sub(rf"(<{name}>)\s*\d+\s*(</{name}>)", rf"\g<1>{number}\g<2>", text)


def _cue(move: _Move, content: bytes) -> bytes | None:
    count = int.from_bytes(content[:4], "little")
    kept = []
    for at in range(4, 4 + _CUE_BYTES * min(count, (len(content) - 4) // _CUE_BYTES), _CUE_BYTES):
        name, position, chunk, chunk_start, block, offset = struct.unpack_from(
            "<II4sIII", content, at
        )
        place = move.place(offset)
        if chunk == b"data" and place is not None and place <= 0xFFFFFFFF:
            # the position is that in a playlist, the same where there is none
            order = place if position == offset else position
            kept.append(
                (name, struct.pack("<II4sIII", name, order, chunk, chunk_start, block, place))
            )
        else:
            move.dropped_cues += 1
    move.kept_cues = {name for name, _ in kept}
    if not kept:
        return None
    return struct.pack("<I", len(kept)) + b"".join(cue for _, cue in kept)


def _adtl(move: _Move, content: bytes) -> bytes | None:
    """Return the labels of the cues that were kept; a region's length is at its place, too."""
    made, position = b"", 4
    while position + 12 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        item = content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
        if len(item) < 4 or int.from_bytes(item[:4], "little") not in (move.kept_cues or ()):
            continue
        if name == b"ltxt" and len(item) >= 8:
            frames = move.length(int.from_bytes(item[4:8], "little"))
            item = item[:4] + struct.pack("<I", min(frames, 0xFFFFFFFF)) + item[8:]
        made += struct.pack("<4sI", name, len(item)) + item + bytes(len(item) % 2)
    return b"adtl" + made if made else None


#: What becomes of each chunk that is carried. Labels follow their cues.
_MOVES = {b"bext": _bext, b"iXML": _ixml, b"cue ": _cue, b"LIST": _adtl}
