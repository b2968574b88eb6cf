"""What a sound file holds and whether it is all there, found out without decoding it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

from .._base.errors import InputError
from . import aiff, au, caf, flac, mpeg, ogg, riff, w64
from .flac_frames import MARK
from .flac_mask import flac_layout
from .foreign import foreign
from .mpeg_walk import first_frame
from .parts import NOT_READ, CutOff, Part, Reading, Spliced, after_tags, read_at

_Survey = Callable[[Path, IO[bytes], int], Reading]

#: Who looks at a file, by what stands at its beginning and, where that is shared, 8 bytes on.
_SURVEYS: tuple[tuple[bytes, bytes, _Survey], ...] = (
    *((head, b"WAVE", riff.survey) for head in riff.HEADS),
    (w64.HEAD, b"", w64.survey),
    (b"FORM", b"AIFF", aiff.survey),
    (b"FORM", b"AIFC", aiff.survey),
    (caf.HEAD, b"", caf.survey),
    *((head, b"", au.survey) for head in au.HEADS),
)


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
    if not size:
        raise InputError(path, "it is empty (0 bytes)")
    tags = after_tags(raw, 0)  # whatever they are for, some programs put them before it
    if tags and _has_mark(read_at(raw, tags, 16)):
        raw = cast("IO[bytes]", Spliced(raw, [range(tags, size)]))
        size -= tags
    for look in (_by_mark, _behind_tags, _by_frames, _without_head):
        reading = look(path, raw, size, salvage=salvage)
        if reading is not None:
            return reading
    return Reading([Part(raw)])


def _has_mark(head: bytes) -> bool:
    return any(head.startswith(mark) and head[8:].startswith(kind) for mark, kind, _ in _SURVEYS)


def _by_mark(path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading | None:
    head = read_at(raw, 0, 16)
    for mark, kind, look in _SURVEYS:
        if head.startswith(mark) and head[8:].startswith(kind):
            return _looked(look, path, raw, size, salvage=salvage)
    return None


def _behind_tags(path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading | None:
    start = after_tags(raw, 0)
    tagged = read_at(raw, start, 4)
    if tagged == b"OggS":
        return ogg.survey(path, raw, size, salvage=salvage)
    if tagged == MARK:
        reading = flac.survey(path, raw, size, salvage=salvage)
        return replace(reading, layout=flac_layout(raw, start))
    return None


def _by_frames(path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading | None:
    begins = first_frame(raw, size)
    if begins == 0 or read_at(raw, 0, 3) == b"ID3":
        return mpeg.survey(path, raw, size, salvage=salvage)
    reason = foreign(path, raw)
    if reason is not None:
        raise InputError(path, reason)
    return None if begins is None else mpeg.survey(path, raw, size, salvage=salvage)


def _without_head(path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading | None:
    """Look for what can be read of a file whose beginning is lost."""
    for look in (ogg.survey_headless, riff.survey_headless, flac.survey_headless):
        reading = look(path, raw, size, salvage=salvage)
        if reading is not None:
            return reading
    if read_at(raw, 0, 1) == b"\xff":
        raise InputError(path, NOT_READ)  # libsndfile would take it for MPEG audio
    return None


def _looked(look: _Survey, path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading:
    """Return what is found of a file, even if its end is missing and it is to be salvaged."""
    try:
        return look(path, raw, size)
    except CutOff as cut:
        if not salvage:
            raise
        reading = look(path, raw, cut.end)  # as if it was there
        parts = [part for part in reading.parts if isinstance(part, Part)]
        return replace(
            reading,
            parts=[replace(part, frames=part.left) for part in parts],  # as many as are there
            lost=f"its end is missing ({cut.end - size:,} bytes)",
            told=sum(part.frames or 0 for part in parts),
        )
