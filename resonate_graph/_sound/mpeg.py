"""MPEG audio (ISO 11172-3, ISO 13818-3), walked from frame to frame.

Of a file without a Xing header libsndfile guesses the length from the size and the first frame, and
drops what is beyond the guess; of one whose header is wrong it believes the header; files that were
joined it decodes as one, the headers of the second and later ones as sound. So each stream is given
to it by itself, with a header that is right; in Layers I and II, which have none, between silent
frames by which it guesses too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .mpeg_decodable import between_silence, decodable_pieces, unsettled_frames, xing_frame
from .mpeg_frames import LAYER_3, Stream, broken_frames
from .mpeg_salvage import salvaged
from .mpeg_walk import first_frame, walk
from .parts import NOT_READ, Part, Reading, Spliced, before_tags, count_frames, damaged


def survey(path: Path, raw: IO[bytes], size: int, *, salvage: bool = False) -> Reading:
    """Find the streams of a file, check that all of their frames are there, and count them.

    Raises:
        InputError: they are not, or this is no MPEG audio.
    """
    start = first_frame(raw, size)
    if start is None:
        raise InputError(path, NOT_READ)
    end = before_tags(raw, start, size)
    streams = [part for stream in walk(raw, start, end) for part in _split(raw, stream)]
    faults = [fault for stream in streams for fault in _faults(stream, end)]
    if not streams:
        raise damaged(path, "it is cut off in its first frame")
    if faults and not salvage:
        raise damaged(path, faults[0])
    if faults:
        return salvaged(path, raw, streams)
    parts = [_whole(raw, stream, size) for stream in streams]
    if len(parts) > 1:
        parts = [replace(part, frames=count_frames(part.raw)) for part in parts]
    return Reading(parts, warnings=[doubt for stream in streams for doubt in _doubts(stream)])


def _split(raw: IO[bytes], stream: Stream) -> Iterator[Stream]:
    """Yield a stream, and apart from it what was joined to it without a header of its own.

    What begins within the frames before it was never a file by itself: then the header tells too
    few.
    """
    told = stream.told
    joint = told is not None and told < len(stream.frames) and not stream.holes
    if (
        told is None
        or not joint
        or not stream.info
        or stream.frames[told].start != stream.info.stop
        or unsettled_frames(raw, stream.frames[told : told + 1])
    ):
        yield stream
        return
    heads = {index: head for index, head in stream.heads.items() if index < told}
    further = {index - told: head for index, head in stream.heads.items() if index >= told}
    yield Stream(stream.info, stream.frames[:told], heads=heads)
    yield replace(stream, info=None, frames=stream.frames[told:], heads=further)


# -- whole streams ------------------------------------------------------------------------------


def _faults(stream: Stream, end: int) -> Iterator[str]:
    """Say what is wrong with a stream."""
    if stream.cut:
        yield f"it is cut off in the MPEG frame at byte {stream.stop:,}"
    for index in stream.holes:
        place = stream.frames[index - 1].stop if index else stream.start
        yield f"it is damaged: at byte {place:,} there is no MPEG frame"
    broken = broken_frames(stream)
    if broken:
        place = stream.frames[broken[0]].start
        yield f"it is damaged: the MPEG frame at byte {place:,} is not intact"
    count, told = len(stream.frames), stream.told
    if not count:
        yield "it is cut off: there is nothing behind its header"
    elif told is not None and told > count and not _counts_itself(stream):
        yield f"it is cut off: {count:,} of the {told:,} MPEG frames it should have"
    elif stream.info and told is None and stream.info.stop and stream.info.stop > end:
        yield f"it is cut off: {end:,} of the {stream.info.stop:,} bytes it should have"


def _counts_itself(stream: Stream) -> bool:
    """Whether the frame that says how many there are says one more, and is not short of bytes."""
    info = stream.info
    if info is None or info.frames != len(stream.frames) + 1:
        return False
    return info.stop is None or info.stop <= stream.stop


def _doubts(stream: Stream) -> Iterator[tuple[str, str]]:
    info = stream.info
    if stream.tail and stream.told != len(stream.frames):
        yield (
            "unfinished",
            f"the last {stream.tail:,} bytes are no MPEG audio and are passed over; whether there "
            "was more sound, nothing tells",
        )
    if info is not None and info.stop is None and _counts_itself(stream):
        yield (
            "unfinished",
            "its header tells of one MPEG frame more than there is; some programs count the header "
            "itself, but the last frame may be missing",
        )


def _whole(raw: IO[bytes], stream: Stream, size: int) -> Part:
    """Return a stream, with a header that is right."""
    frames, count = stream.frames, len(stream.frames)
    if stream.layer != LAYER_3:
        return between_silence(raw, frames)
    right = stream.info is not None and stream.info.is_right(count, stream.stop)
    if right and not unsettled_frames(raw, frames):
        whole = (stream.start, stream.stop) == (0, size)
        return Part(raw if whole else Spliced(raw, [range(stream.start, stream.stop)]))
    head = stream.info.saying(count, stream.stop - stream.start) if stream.info else None
    return Part(
        Spliced(raw, [head or xing_frame(frames[0].header, count), *decodable_pieces(raw, frames)])
    )
