"""Sony Wave64: WAV with names of 16 bytes and sizes of 64 bits, which count their own 24."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .parts import Reading, read_at
from .pcm import extent, is_mark
from .riff import Fmt, read_samples

HEAD = bytes.fromhex("72696666 2e91 cf11 a5d628db04c10000")

_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_HEADER = 24
_MAX_CHUNKS = 10_000
_MAX_FMT_BYTES = 4096


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out what a Wave64 file holds, and whether it is all there.

    Raises:
        InputError: it is not, or it holds what is not read.
    """
    fmt: Fmt | None = None
    frames = None
    position = 40
    for _ in range(_MAX_CHUNKS):
        head = read_at(raw, position, _HEADER)
        if len(head) < _HEADER:
            break
        name, (length,) = head[:4], struct.unpack_from("<Q", head, 16)
        start = position + _HEADER
        if head[4:16] == _TAIL and name == b"data":
            if fmt is None:
                raise InputError(path, "it is damaged: no fmt chunk says what its samples are")
            (whole,) = struct.unpack("<Q", read_at(raw, 16, 8))
            said = 0 if is_mark(length) else length - _HEADER
            if said < 0:
                break
            # a size that is open is no size, wherever it would end
            found = extent(path, raw, size, start, said, 8 if is_mark(whole) else whole)
            return read_samples(path, raw, fmt, start, found, big=False, frames=frames)
        if not _HEADER <= length < 1 << 62:
            break
        if head[4:16] == _TAIL and name == b"fmt ":
            fmt = Fmt.of(read_at(raw, start, min(length - _HEADER, _MAX_FMT_BYTES)))
        elif head[4:16] == _TAIL and name == b"fact":
            frames = int.from_bytes(read_at(raw, start, 8), "little")
        position += -(-length // 8) * 8
    raise InputError(path, "it is cut off or damaged: it ends before its data chunk")
