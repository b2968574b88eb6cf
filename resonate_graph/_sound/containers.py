"""What a sound file holds and whether it is all there, found out without decoding it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from . import flac, mpeg, ogg, riff
from .parts import Part, Reading, after_tags, read_at


def survey(path: Path, raw: IO[bytes], *, salvage: bool = False) -> Reading:
    """Return what to decode of a file: the file, or something with its true length before it.

    Args:
        path: the file's name, for messages.
        raw: the file.
        salvage: whether to say what is left of a damaged file rather than to refuse it.

    Raises:
        InputError: it is empty, damaged, or ends before its container says it should.
    """
    size = raw.seek(0, io.SEEK_END)
    head = read_at(raw, 0, 12)
    if not head:
        raise InputError(path, "it is empty (0 bytes)")
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return riff.survey(path, raw, size)
    tagged = read_at(raw, after_tags(raw, 0), 4)  # whatever they are for, tags are put before it
    if tagged == b"OggS":
        return ogg.survey(path, raw, size, salvage=salvage)
    if tagged == flac.MARK:
        return flac.survey(path, raw, size, salvage=salvage)
    if head.startswith((b"ID3", b"\xff")) or mpeg.first_frame(raw, size) is not None:
        return mpeg.survey(path, raw, size, salvage=salvage)
    return Reading([Part(raw)])
