"""A walk over a file of MPEG audio, from frame to frame, past what is none."""

from __future__ import annotations

from typing import IO

from .mpeg_frames import (
    HEAD_BYTES,
    INFO_MARKS,
    VBRI_AT,
    VBRI_MARK,
    Frame,
    Frames,
    Header,
    Stream,
    header_of,
    info_of,
)
from .parts import after_tags, read_at

_BLOCK_BYTES = 1 << 16
#: How far the first frame is looked for behind a tag; and where nothing else says MPEG audio: a
#: recording may begin within a frame.
_MOST_JUNK_BYTES, _MOST_TORN_BYTES = 1 << 20, 1 << 12
#: How many frames in a row are evidence of frames.
_IN_A_ROW = 3
#: How tags behind the sound begin, beside ID3v1.
_LAST_TAGS = (b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"TAG")
#: What frames begin with.
_SYNCS = tuple(bytes((0xFF, byte)) for byte in range(0xE0, 0x100))


def first_frame(raw: IO[bytes], size: int) -> int | None:
    """Return where the first frame of a file is, behind tags, zeros and scraps."""
    start = after_tags(raw, 0)
    most = _MOST_JUNK_BYTES if start or header_of(read_at(raw, 0, 4)) else _MOST_TORN_BYTES
    while (block := read_at(raw, start, _BLOCK_BYTES))[:1] == b"\0":
        start += len(block) - len(block.lstrip(b"\0"))
    header = header_of(block[:4])
    if header is not None and _in_a_row(raw, start, header, size, least=1):
        return start
    return _next_frame(raw, start, min(size, start + most), size)


def walk(raw: IO[bytes], start: int, end: int) -> list[Stream]:
    """Return the streams from the first frame to the end."""
    streams = [Stream()]
    position, new, kind = start, True, 0
    block, held = b"", start
    while position < end:
        stream = streams[-1]
        at = position - held
        if not 0 <= at <= len(block) - HEAD_BYTES:
            block, held, at = read_at(raw, position, _BLOCK_BYTES), position, 0
        if not new:
            position = _take(block, held, position, end, kind, stream.frames)
            at = position - held
        head = block[at : at + HEAD_BYTES]
        if len(head) < HEAD_BYTES and held + len(block) < end:
            continue  # in the next block
        header = header_of(head[:4])
        if header is not None and not new and header.kind != kind:
            new = _in_a_row(raw, position, header, end)  # or it only looks like a frame
            header = header if new else None
        if header is None:
            after = _after_inner_tags(raw, position, end)
            new = new or after > position
            position = after if after > position else _resumed(raw, stream, position, end, new=new)
            continue
        frame = Frame(position, header)
        info = info_of(raw, frame, head)
        if info or new:
            stream = Stream(info)
            streams.append(stream)
            kind, new = header.kind, False
        if position + header.length > end:
            whole = [one for one in streams if one.frames]
            (whole[-1] if whole else stream).cut = True
            break
        if not info:
            if header.protected:
                stream.heads[len(stream.frames)] = head
            stream.frames.append(position, header)
        position += header.length
    for stream in streams:  # what was found behind a hole may turn out to be no whole frame
        stream.holes = sorted({index for index in stream.holes if index < len(stream.frames)})
    return [stream for stream in streams if stream.frames or stream.info]


def _take(block: bytes, held: int, position: int, end: int, kind: int, frames: Frames) -> int:
    """Take the frames in a row of a block that hold sound and nothing else; return where they end.

    What is odd is left to be looked at: this is where the time goes.
    """
    at, last = position - held, min(len(block) - HEAD_BYTES, end - held)
    lengths: dict[bytes, int] = {}
    marks = {*INFO_MARKS, VBRI_MARK}
    mark_at = VBRI_AT
    take_start, take_header = frames.starts.append, frames.headers.append
    while at <= last:
        raw = block[at : at + 4]
        if raw not in lengths:
            header = header_of(raw)
            if header is None or header.kind != kind or header.protected:
                break
            lengths[raw] = header.length
            mark_at = 4 + header.side_info  # which is the same for all of a kind
        if (
            at + lengths[raw] > end - held
            or block[at + mark_at : at + mark_at + 4] in marks
            or (mark_at != VBRI_AT and block[at + VBRI_AT : at + VBRI_AT + 4] == VBRI_MARK)
        ):
            break
        take_start(held + at)
        take_header(raw)
        at += lengths[raw]
    return held + at


def _resumed(raw: IO[bytes], stream: Stream, position: int, end: int, *, new: bool) -> int:
    """Return where frames go on behind something else, and note in the stream what is missing."""
    if new or not stream.frames:
        found = _next_frame(raw, position, end, end)
        return end if found is None else found
    # the last frame may not be all there: then the next one begins within it
    found = _next_frame(raw, stream.frames[-1].start + 1, end, end)
    if found is None:
        head = read_at(raw, position, min(HEAD_BYTES, end - position))
        stream.cut = len(head) < 4 and head[:2] in (b"\xff", *_SYNCS)
        stream.tail = 0 if head.startswith(_LAST_TAGS) else end - position
        return end
    if found < position:
        stream.frames.drop_last()
        stream.heads.pop(len(stream.frames), None)
    head = read_at(raw, found, HEAD_BYTES)
    header = header_of(head[:4])
    if header is not None and info_of(raw, Frame(found, header), head):
        stream.cut = found < position
        stream.tail = max(0, found - position)
    else:
        stream.holes.append(len(stream.frames))
    return found


def _after_inner_tags(raw: IO[bytes], position: int, end: int) -> int:
    """Return where tags between two files end; the position, where there are none."""
    head = read_at(raw, position, 32)
    if head[:3] == b"TAG" and position + 128 <= end:
        return position + 128
    if head[:8] == b"APETAGEX" and len(head) == 32:
        length = int.from_bytes(head[12:16], "little") + (32 if head[23] & 0x20 else 0)
        return position + length if position + length <= end else position
    return min(end, after_tags(raw, position))


def _next_frame(raw: IO[bytes], position: int, before: int, end: int) -> int | None:
    """Return where the next frames in a row begin; None where none do before a place."""
    while position < before:
        block = read_at(raw, position, _BLOCK_BYTES)
        sync = block.find(b"\xff")
        while 0 <= sync < before - position:
            header = header_of(block[sync : sync + 4])
            if header is not None and _in_a_row(raw, position + sync, header, end):
                return position + sync
            sync = block.find(b"\xff", sync + 1)
        position += max(1, len(block) - 3)
    return None


def _in_a_row(raw: IO[bytes], position: int, header: Header, end: int, least: int = 2) -> bool:
    """Whether frames of one kind follow one another: as many as the end allows, or a few."""
    for count in range(1, _IN_A_ROW):
        position += header.length
        found = read_at(raw, position, 4)
        if position >= end or len(found) < 4:
            return count >= least
        following = header_of(found)
        if following is None or following.kind | 1 != header.kind | 1:
            return False
        header = following
    return True
