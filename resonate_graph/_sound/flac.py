"""FLAC (RFC 9639), native or as Ogg holds it: where its streams are, and whether they are whole.

libsndfile decodes one stream and no tags behind it, fails where a frame is damaged, puts silence
where one is missing, and compares no checksum over the whole.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from .._base.errors import InputError
from .flac_crc import wrong_crc16s
from .flac_frames import INFO_BYTES, INFO_HEADERS, MARK, Stream, headers, possible
from .flac_salvage import Order, faults, headless, intact_frames, order_of, salvaged
from .parts import (
    Checksum,
    Part,
    Reading,
    Silence,
    Spliced,
    after_tags,
    before_tags,
    begins_late,
    damaged,
    read_at,
)
from .vorbis_comments import is_intact, metadata_blocks

#: What libsndfile decodes.
_READ_BITS = (8, 16, 24)
#: Blocks in which streams are searched for.
_SEARCH_BYTES = 1 << 17
#: As far back as the last frame of a stream is looked for: one of 24 bits, 8 channels and 65,535
#: samples is no longer.
_MOST_FRAME_BYTES = 1 << 21
#: As far back as an ID3v2 tag before a second stream is looked for.
_MOST_TAG_BYTES = 1 << 20


def survey(
    path: Path, raw: IO[bytes] | io.RawIOBase, size: int, *, salvage: bool = False
) -> Reading:
    """Find the streams of a file and how long they are.

    Whether their frames are intact the decoder finds out, and whether they are all there the
    checksum of the samples; only where there is none, and for a salvage, it is looked at here.

    Raises:
        InputError: it is damaged, or cannot be decoded exactly.
    """
    streams = list(_streams(raw, size))
    if not streams:
        reason = "it is damaged: it begins as a FLAC file, but says not what it holds"
        reading = survey_headless(path, raw, size, salvage=salvage, reason=reason)
        if reading is None:
            raise InputError(path, reason)
        return reading
    _require_readable(path, streams)
    doubts: list[tuple[str, str]] = []
    if not salvage:
        whole = [_whole(path, raw, size, stream, doubts) for stream in streams]
        return Reading(whole, warnings=doubts)
    parts: list[Part | Silence] = []
    lost: list[str] = []
    harmed = False
    for stream in streams:
        frames = intact_frames(raw, stream)
        parts += salvaged(raw, stream, frames, lost)
        harmed = harmed or any(True for _ in faults(frames, stream))
        if frames and frames[0].first and not stream.frames:
            doubts.append(begins_late(frames[0].first / stream.rate))
    _require_sound(path, parts)
    harmed = harmed or bool(lost) or any(isinstance(part, Silence) for part in parts)
    return Reading(parts, warnings=doubts, lost=", ".join(lost) if harmed else None)


def survey_headless(
    path: Path,
    raw: IO[bytes] | io.RawIOBase,
    size: int,
    *,
    salvage: bool,
    reason: str = "it is damaged: it holds frames of FLAC, but its beginning is missing",
) -> Reading | None:
    """Find the frames of a file whose beginning is lost; None where there are none.

    Raises:
        InputError: it is not to be salvaged, or nothing is left of it.
    """
    stream = headless(raw, size)
    if stream is None:
        return None
    if not salvage:
        raise damaged(path, reason)
    _require_readable(path, [stream])
    lost = ["its beginning is missing, which says how long it is"]
    parts = list(salvaged(raw, stream, intact_frames(raw, stream), lost))
    _require_sound(path, parts)
    return Reading(parts, lost=", ".join(lost))


def _require_sound(path: Path, parts: Sequence[Part | Silence]) -> None:
    if not any(isinstance(part, Part) for part in parts):
        raise InputError(path, "it is damaged: none of its frames is intact")


def _streams(raw: IO[bytes] | io.RawIOBase, size: int) -> Iterator[Stream]:
    """Yield the streams of a file; files that were joined hold several."""
    starts = list(_stream_starts(raw, size))
    for index, start in enumerate(starts):
        end = before_tags(raw, start, size)
        if index + 1 < len(starts):
            end = before_tags(raw, start, _before_id3(raw, start, starts[index + 1]))
        info = read_at(raw, start + len(MARK) + 4, INFO_BYTES)
        if len(info) == INFO_BYTES:
            yield Stream(start, end, info)


def _stream_starts(raw: IO[bytes] | io.RawIOBase, size: int) -> Iterator[int]:
    """Yield where streams begin: what else is no stream may hold the mark only by chance."""
    position = after_tags(raw, 0)
    overlap = len(INFO_HEADERS[0]) - 1
    while position < size:
        block = read_at(raw, position, _SEARCH_BYTES + overlap)
        # twice as fast as a search for the four bytes in a text of no order
        array = np.frombuffer(block, np.uint8)
        for place in np.flatnonzero((array[:-1] == MARK[0]) & (array[1:] == MARK[1])):
            if block[place : place + overlap + 1] in INFO_HEADERS:
                yield position + int(place)
        position += _SEARCH_BYTES


def _before_id3(raw: IO[bytes] | io.RawIOBase, start: int, end: int) -> int:
    """Return where the ID3v2 tag begins that ends where a stream begins."""
    first = max(start, end - _MOST_TAG_BYTES)
    block = read_at(raw, first, end - first)
    found = block.rfind(b"ID3")
    while found >= 0:
        if after_tags(raw, first + found) == end:
            return first + found
        found = block.rfind(b"ID3", 0, found)
    return end


def _require_readable(path: Path, streams: Sequence[Stream]) -> None:
    for stream in streams:
        if not stream.rate:
            raise InputError(path, "it is damaged: it says that it has 0 samples a second")
        if stream.bits not in _READ_BITS:
            raise InputError(
                path,
                f"its samples are integers of {stream.bits} bits, which the FLAC decoder here does "
                f"not read; convert it: flac -d {shlex.quote(path.name)} (flac 1.4 or later)",
            )
    rates = list(dict.fromkeys((stream.rate, stream.channels) for stream in streams))
    if len(rates) > 1:
        kinds = " and ".join(f"{rate} Hz in {channels} channels" for rate, channels in rates)
        raise InputError(
            path, f"it holds several recordings one after another, of {kinds}: split it first"
        )


def _whole(
    path: Path,
    raw: IO[bytes] | io.RawIOBase,
    size: int,
    stream: Stream,
    doubts: list[tuple[str, str]],
) -> Part:
    """Return a stream as it stands; one that does not say its length is told it.

    Raises:
        InputError: its frames are not all there, in order, and no checksum will find out.
    """
    frames_at, harmed = _after_metadata(raw, stream)
    if harmed:
        doubts.append(("damaged-tags", "its tags are damaged; its sound is read without them"))
    checksum = None
    if stream.md5 is not None:
        checksum = Checksum(stream.md5, stream.bits, partial(_damage, raw, stream))
    if stream.frames:
        if checksum is None and order_of(raw, stream) != Order(0, stream.frames, broken=False):
            _require_intact(path, raw, stream)
        if harmed:
            bare = Spliced(raw, [stream.head(stream.frames), range(frames_at, stream.end)])
            return Part(bare, frames=stream.frames, checksum=checksum)
        if (stream.start, stream.end) == (0, size):
            return Part(raw, checksum=checksum)
        whole = Spliced(raw, [range(stream.start, stream.end)])
        return Part(whole, frames=stream.frames, checksum=checksum)
    end = _last_frame_end(raw, stream)
    if not end:
        raise damaged(path, "it is damaged or cut off: its last frame is not intact")
    order = order_of(raw, stream)
    if order.broken or order.end != end:
        _require_intact(path, raw, stream)
    if order.first:
        doubts.append(begins_late(order.first / stream.rate))
    whole = Spliced(raw, [stream.head(end - order.first), range(frames_at, stream.end)])
    return Part(whole, frames=end - order.first, checksum=checksum)


def _after_metadata(raw: IO[bytes] | io.RawIOBase, stream: Stream) -> tuple[int, bool]:
    """Return where the metadata of a stream end, and whether tags among them are damaged.

    libFLAC reads nothing of a stream whose tags are, though their length is known.
    """
    blocks = metadata_blocks(raw, stream.start)
    harmed = not all(is_intact(raw, block) for block in blocks)
    return (blocks[-1].stop if blocks else stream.body), harmed


def _require_intact(path: Path, raw: IO[bytes] | io.RawIOBase, stream: Stream) -> None:
    reason = _damage(raw, stream)
    if reason is not None:
        raise damaged(path, reason)


def _damage(raw: IO[bytes] | io.RawIOBase, stream: Stream) -> str | None:
    """Say what is wrong with the frames of a stream; None where nothing is."""
    return next(faults(intact_frames(raw, stream), stream), None)


def _last_frame_end(raw: IO[bytes] | io.RawIOBase, stream: Stream) -> int | None:
    """Return how many frames of sound there are by the last frame; None if it is not whole."""
    first = max(stream.body, stream.end - _MOST_FRAME_BYTES)
    block = read_at(raw, first, stream.end - first)
    for place, header in reversed(list(headers(block, stream))):
        if (
            possible(place, len(block), header.frames, stream)
            and not wrong_crc16s(block, [(place, len(block))])[0]
        ):
            return header.first(stream) + header.frames
    return None
