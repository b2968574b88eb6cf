"""What a sound file holds and whether it is all there, found out without decoding it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from . import mpeg, ogg, riff
from .parts import Part, Reading, read_at


def survey(path: Path, raw: IO[bytes]) -> Reading:
    """Return what to decode of a file: the file, or something with its true length before it.

    Args:
        path: the file's name, for messages.
        raw: the file.

    Raises:
        InputError: it is empty, damaged, or ends before its container says it should.
    """
    size = raw.seek(0, io.SEEK_END)
    head = read_at(raw, 0, 12)
    if not head:
        raise InputError(path, "it is empty (0 bytes)")
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return riff.survey(path, raw, size)
    if head[:4] == b"OggS":
        return ogg.survey(path, raw, size)
    if head[:3] == b"ID3" or mpeg.is_frame(head):
        return mpeg.survey(path, raw, size)
    return Reading([Part(raw)])
