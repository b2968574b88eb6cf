"""What a sound file holds and whether it is all there, found out without decoding it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from . import aiff, au, caf, mpeg, ogg, riff, w64
from .flac_mask import flac_layout
from .foreign import foreign
from .parts import Part, Reading, read_at

_Survey = Callable[[Path, IO[bytes], int], Reading]

#: Who looks at a file, by what stands at its beginning and, where that is shared, 8 bytes on.
_SURVEYS: tuple[tuple[bytes, bytes, _Survey], ...] = (
    *((head, b"WAVE", riff.survey) for head in riff.HEADS),
    (w64.HEAD, b"", w64.survey),
    (b"FORM", b"AIFF", aiff.survey),
    (b"FORM", b"AIFC", aiff.survey),
    (caf.HEAD, b"", caf.survey),
    *((head, b"", au.survey) for head in au.HEADS),
    (b"fLaC", b"", lambda path, raw, size: Reading([Part(raw)], flac_layout(raw))),
    (b"OggS", b"", ogg.survey),
    (b"ID3", b"", mpeg.survey),
)


def survey(path: Path, raw: IO[bytes]) -> Reading:
    """Return what to decode of a file: the file, or something with its true length before it.

    Args:
        path: the file's name, for messages.
        raw: the file.

    Raises:
        InputError: it is empty, damaged, or ends before its container says it should.
    """
    size = raw.seek(0, io.SEEK_END)
    head = read_at(raw, 0, 16)
    if not head:
        raise InputError(path, "it is empty (0 bytes)")
    for mark, kind, look in _SURVEYS:
        if head.startswith(mark) and head[8:].startswith(kind):
            return look(path, raw, size)
    if mpeg.is_frame(head):
        return mpeg.survey(path, raw, size)
    reason = foreign(path, raw)
    if reason is not None:
        raise InputError(path, reason)
    return Reading([Part(raw)])
