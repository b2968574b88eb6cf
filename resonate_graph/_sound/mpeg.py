"""MPEG audio (ISO 11172-3, ISO 13818-3), walked from frame to frame.

Of a file without a Xing header libsndfile guesses the length from the size and the first frame, and
drops what is beyond the guess; of one whose header is wrong it believes the header; files that were
joined it decodes as one, the headers of the second and later ones as sound. So each stream is given
to it by itself, with a header that is right; in Layers I and II, which have none, between silent
frames by which it guesses too many.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from .._base.errors import InputError
from .parts import (
    NOT_READ,
    Part,
    Reading,
    Silence,
    Spliced,
    after_tags,
    before_tags,
    count_frames,
    damaged,
    joined,
    read_at,
)

_BLOCK_BYTES = 1 << 16
#: How far the first frame is looked for behind a tag; and where nothing else says MPEG audio: a
#: recording may begin within a frame.
_MOST_JUNK_BYTES, _MOST_TORN_BYTES = 1 << 20, 1 << 12
#: As much of a frame as tells what it is: a header, a checksum, side information, a mark.
_HEAD_BYTES = 4 + 2 + 32 + 4
#: How many frames in a row are evidence of frames.
_IN_A_ROW = 3
#: What libsndfile's decoder leaves out of every stream: its own delay.
_DECODER_DELAY = 529
#: How tags behind the sound begin, beside ID3v1.
_LAST_TAGS = (b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"TAG")
#: What stands in frames that hold no sound.
_MARK = re.compile(b"Xing|Info|VBRI")
#: What frames begin with.
_SYNCS = tuple(bytes((0xFF, byte)) for byte in range(0xE0, 0x100))

_MPEG_1, _MPEG_2 = 3, 2
_LAYER_1, _LAYER_2, _LAYER_3 = 3, 2, 1
_MPEG_RATES = {
    _MPEG_1: (44100, 48000, 32000),
    _MPEG_2: (22050, 24000, 16000),
    0: (11025, 12000, 8000),
}
_MPEG_KBPS = {
    (_MPEG_1, _LAYER_1): tuple(range(32, 480, 32)),
    (_MPEG_1, _LAYER_2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (_MPEG_1, _LAYER_3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (_MPEG_2, _LAYER_1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (_MPEG_2, _LAYER_2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (_MPEG_2, _LAYER_3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class _Header(NamedTuple):
    """What the four bytes of a frame's header say.

    Attributes:
        raw: the four bytes.
        kind: version, layer, sample rate, and whether it is mono: what stays the same.
        layer: as coded in the header.
        length: of the frame in bytes, header included.
        side_info: bytes of side information in Layer III.
        frames: how many frames of sound there are in it.
        protected: whether a checksum follows.
    """

    raw: bytes
    kind: int
    layer: int
    length: int
    side_info: int
    frames: int
    protected: bool


@lru_cache(maxsize=1024)
def _header(raw: bytes) -> _Header | None:
    """Read a frame's header; None where it is none."""
    bits = int.from_bytes(raw, "big")
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    bit_rate_index, rate_index = bits >> 12 & 15, bits >> 10 & 3
    if len(raw) < 4 or bits >> 21 != 0x7FF or version == 1 or layer == 0:
        return None
    if not 0 < bit_rate_index < 15 or rate_index == 3:
        return None
    first = version == _MPEG_1
    bit_rate = 1000 * _MPEG_KBPS[_MPEG_1 if first else _MPEG_2, layer][bit_rate_index - 1]
    slot, slots = {_LAYER_1: (4, 12), _LAYER_2: (1, 144), _LAYER_3: (1, 144 if first else 72)}[
        layer
    ]
    length = slot * (slots * bit_rate // _MPEG_RATES[version][rate_index] + (bits >> 9 & 1))
    stereo = bits >> 6 & 3 != 3
    return _Header(
        raw=raw,
        kind=(bits & 0xFFFE0C00) | stereo,
        layer=layer,
        length=length,
        side_info=(9, 17, 32)[first + stereo],
        frames=8 * slot * slots,
        protected=not bits >> 16 & 1,
    )


class _Frame(NamedTuple):
    """A frame: where it begins, and its header."""

    start: int
    header: _Header

    @property
    def stop(self) -> int:
        return self.start + self.header.length


@dataclass(frozen=True)
class _Info:
    """A frame that holds no sound but says what follows: of Xing, LAME or Fraunhofer.

    Attributes:
        frame: where it stands.
        content: its bytes.
        mark: where in these its mark stands.
        frames: how many frames follow; None where it does not say.
        stop: where in the file the last of them ends; None where it does not say.
        delay: frames of sound that the encoder put before the sound.
        padding: and behind it.
    """

    frame: _Frame
    content: bytes
    mark: int
    frames: int | None
    stop: int | None
    delay: int = 0
    padding: int = 0

    def saying(self, frames: int, size: int) -> bytes | None:
        """Return its bytes with other numbers of frames and bytes; None where it says none."""
        if self.content[self.mark : self.mark + 4] == b"VBRI" or not self.frames:
            return None
        numbers = struct.pack(">II", frames, size)[: 4 if self.stop is None else 8]
        at = self.mark + 8
        return self.content[:at] + numbers + self.content[at + len(numbers) :]

    def is_right(self, frames: int, stop: int) -> bool:
        """Whether it says what is so; the decoder complains of sizes that are far off."""
        near = self.stop is None or abs(self.stop - stop) * 200 <= stop - self.frame.start
        return self.frames == frames and near


@dataclass
class _Stream:
    """What was a file by itself.

    Attributes:
        info: the frame that says what follows.
        frames: its frames of sound.
        holes: before which of them there is something else, or something is missing.
        cut: whether its last frame is not all there.
        tail: bytes of something else at its end.
        heads: the beginnings of frames that have checksums, by their index.
    """

    info: _Info | None = None
    frames: list[_Frame] = field(default_factory=list)
    holes: list[int] = field(default_factory=list)
    cut: bool = False
    tail: int = 0
    heads: dict[int, bytes] = field(default_factory=dict)

    @property
    def told(self) -> int | None:
        """How many frames there should be; None where nothing says so."""
        return self.info.frames or None if self.info else None

    @property
    def start(self) -> int:
        return self.info.frame.start if self.info else self.frames[0].start

    @property
    def stop(self) -> int:
        return self.frames[-1].stop if self.frames else self.start

    @property
    def layer(self) -> int:
        return self.frames[0].header.layer if self.frames else _LAYER_3


def survey(path: Path, raw: IO[bytes], size: int, *, salvage: bool = False) -> Reading:
    """Find the streams of a file, check that all of their frames are there, and count them.

    Raises:
        InputError: they are not, or this is no MPEG audio.
    """
    start = first_frame(raw, size)
    if start is None:
        raise InputError(path, NOT_READ)
    end = before_tags(raw, start, size)
    streams = [part for stream in _walk(raw, start, end) for part in _split(stream)]
    faults = [fault for stream in streams for fault in _faults(stream, end)]
    if not streams:
        raise damaged(path, "it is cut off in its first frame")
    if faults and not salvage:
        raise damaged(path, faults[0])
    if faults:
        return _salvaged(path, raw, streams)
    parts = [_whole(raw, stream, size) for stream in streams]
    if len(parts) > 1:
        parts = [replace(part, frames=count_frames(part.raw)) for part in parts]
    return Reading(parts, warnings=[doubt for stream in streams for doubt in _doubts(stream)])


# -- walking ------------------------------------------------------------------------------------


def first_frame(raw: IO[bytes], size: int) -> int | None:
    """Return where the first frame of a file is, behind tags, zeros and scraps."""
    start = after_tags(raw, 0)
    most = _MOST_JUNK_BYTES if start or _header(read_at(raw, 0, 4)) else _MOST_TORN_BYTES
    while (block := read_at(raw, start, _BLOCK_BYTES))[:1] == b"\0":
        start += len(block) - len(block.lstrip(b"\0"))
    header = _header(block[:4])
    if header is not None and _in_a_row(raw, start, header, size, least=1):
        return start
    return _next_frame(raw, start, min(size, start + most), size)


def _walk(raw: IO[bytes], start: int, end: int) -> list[_Stream]:
    """Return the streams from the first frame to the end."""
    streams = [_Stream()]
    position, new, kind = start, True, 0
    block, held = b"", start
    while position < end:
        stream = streams[-1]
        at = position - held
        if not 0 <= at <= len(block) - _HEAD_BYTES:
            block, held, at = read_at(raw, position, _BLOCK_BYTES), position, 0
        head = block[at : at + _HEAD_BYTES]
        header = _header(head[:4])
        if header is not None and not new and header.kind != kind:
            new = _in_a_row(raw, position, header, end)  # or it only looks like a frame
            header = header if new else None
        if header is None:
            after = _after_inner_tags(raw, position, end)
            new = new or after > position
            position = after if after > position else _resumed(raw, stream, position, end, new=new)
            continue
        frame = _Frame(position, header)
        info = _info(raw, frame, head) if _MARK.search(head) else None
        if info or new:
            stream = _Stream(info)
            streams.append(stream)
            kind, new = header.kind, False
        if position + header.length > end:
            whole = [one for one in streams if one.frames]
            (whole[-1] if whole else stream).cut = True
            break
        if not info:
            if header.protected:
                stream.heads[len(stream.frames)] = head
            stream.frames.append(frame)
        position += header.length
    return [stream for stream in streams if stream.frames or stream.info]


def _resumed(raw: IO[bytes], stream: _Stream, position: int, end: int, *, new: bool) -> int:
    """Return where frames go on behind something else, and note in the stream what is missing."""
    if new or not stream.frames:
        found = _next_frame(raw, position, end, end)
        return end if found is None else found
    # the last frame may not be all there: then the next one begins within it
    found = _next_frame(raw, stream.frames[-1].start + 1, end, end)
    if found is None:
        head = read_at(raw, position, min(_HEAD_BYTES, end - position))
        stream.cut = len(head) < 4 and head[:2] in (b"\xff", *_SYNCS)
        stream.tail = 0 if head.startswith(_LAST_TAGS) else end - position
        return end
    if found < position:
        stream.frames.pop()
        stream.heads.pop(len(stream.frames), None)
    head = read_at(raw, found, _HEAD_BYTES)
    header = _header(head[:4])
    if header is not None and _info(raw, _Frame(found, header), head):
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
            header = _header(block[sync : sync + 4])
            if header is not None and _in_a_row(raw, position + sync, header, end):
                return position + sync
            sync = block.find(b"\xff", sync + 1)
        position += max(1, len(block) - 3)
    return None


def _in_a_row(raw: IO[bytes], position: int, header: _Header, end: int, least: int = 2) -> bool:
    """Whether frames of one kind follow one another: as many as the end allows, or a few."""
    for count in range(1, _IN_A_ROW):
        position += header.length
        found = read_at(raw, position, 4)
        if position >= end or len(found) < 4:
            return count >= least
        following = _header(found)
        if following is None or following.kind | 1 != header.kind | 1:
            return False
        header = following
    return True


def _info(raw: IO[bytes], frame: _Frame, head: bytes) -> _Info | None:
    """Return what a frame says of those that follow; None if it is one of sound."""
    header = frame.header
    if header.layer != _LAYER_3:
        return None
    places = (4 + header.side_info, 6 + header.side_info)[: 1 + header.protected]
    mark = next((at for at in places if head[at : at + 4] in (b"Xing", b"Info")), None)
    if mark is None and head[36:40] != b"VBRI":
        return None
    content = read_at(raw, frame.start, header.length)
    if mark is None:
        if len(content) < 54:
            return None
        told_bytes, told = struct.unpack_from(">II", content, 46)
        return _Info(frame, content, 36, told, frame.start + told_bytes)
    flags = int.from_bytes(content[mark + 4 : mark + 8], "big")
    at = list(accumulate((4 * (flags & 1), 2 * (flags & 2), 25 * (flags & 4), flags >> 1 & 4),
                         initial=mark + 8))  # fmt: skip
    lame = content[at[4] : at[4] + 24]
    delays = int.from_bytes(lame[21:24], "big") if lame[:4].strip(b"\0") else 0
    told_bytes = int.from_bytes(content[at[1] : at[2]], "big")
    return _Info(
        frame,
        content,
        mark,
        frames=int.from_bytes(content[at[0] : at[1]], "big") or None,
        stop=frame.start + told_bytes if told_bytes else None,
        delay=delays >> 12,
        padding=delays & 0xFFF,
    )


def _split(stream: _Stream) -> Iterator[_Stream]:
    """Yield a stream, and apart from it what was joined to it without a header of its own."""
    told = stream.told
    joint = told is not None and told < len(stream.frames) and not stream.holes
    if (
        told is None
        or not joint
        or not stream.info
        or stream.frames[told].start != stream.info.stop
    ):
        yield stream
        return
    heads = {index: head for index, head in stream.heads.items() if index < told}
    further = {index - told: head for index, head in stream.heads.items() if index >= told}
    yield _Stream(stream.info, stream.frames[:told], heads=heads)
    yield replace(stream, info=None, frames=stream.frames[told:], heads=further)


# -- whole streams ------------------------------------------------------------------------------


def _faults(stream: _Stream, end: int) -> Iterator[str]:
    """Say what is wrong with a stream."""
    if stream.cut:
        yield f"it is cut off in the MPEG frame at byte {stream.stop:,}"
    for index in stream.holes:
        place = stream.frames[index - 1].stop if index else stream.start
        yield f"it is damaged: at byte {place:,} there is no MPEG frame"
    bad = _bad(stream)
    if bad:
        yield f"it is damaged: the MPEG frame at byte {stream.frames[bad[0]].start:,} is not intact"
    count, told = len(stream.frames), stream.told
    if not count:
        yield "it is cut off: there is nothing behind its header"
    elif told is not None and told > count and not _counts_itself(stream):
        yield f"it is cut off: {count:,} of the {told:,} MPEG frames it should have"
    elif stream.info and told is None and stream.info.stop and stream.info.stop > end:
        yield f"it is cut off: {end:,} of the {stream.info.stop:,} bytes it should have"


def _counts_itself(stream: _Stream) -> bool:
    """Whether the frame that says how many there are says one more, and is not short of bytes."""
    info = stream.info
    if info is None or info.frames != len(stream.frames) + 1:
        return False
    return info.stop is None or info.stop <= stream.stop


def _doubts(stream: _Stream) -> Iterator[tuple[str, str]]:
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


def _whole(raw: IO[bytes], stream: _Stream, size: int) -> Part:
    """Return a stream, with a header that is right."""
    frames, count = stream.frames, len(stream.frames)
    if stream.layer != _LAYER_3:
        return _between_silence(raw, frames)
    right = stream.info is not None and stream.info.is_right(count, stream.stop)
    if right and not _unsettled(raw, frames):
        whole = (stream.start, stream.stop) == (0, size)
        return Part(raw if whole else Spliced(raw, [range(stream.start, stream.stop)]))
    head = stream.info.saying(count, stream.stop - stream.start) if stream.info else None
    return Part(Spliced(raw, [head or _xing_frame(frames[0].header, count), *_pieces(raw, frames)]))


def _between_silence(
    raw: IO[bytes], frames: Sequence[_Frame], skip: int = 0, kept: int | None = None
) -> Part:
    """Return frames of Layer I or II in a row as what to decode, or some of their sound.

    Those that are added are like the shortest: as short is the first then by which the number is
    guessed, and what padding of a slot (4 bytes at most) makes of the others, the last ones make
    up for. All zeros allocate no bits to any band (ISO 11172-3, 2.4.1.6).
    """
    header = min((frame.header for frame in frames), key=lambda one: one.length)
    silent = bytes((header.raw[0], header.raw[1] | 1, *header.raw[2:])).ljust(header.length, b"\0")
    behind = 2 + 4 * len(frames) // header.length
    between = joined([range(frame.start, frame.stop) for frame in frames])
    kept = len(frames) * header.frames - skip if kept is None else kept
    return Part(Spliced(raw, [silent, *between, silent * behind]), header.frames + skip, kept)


def _pieces(raw: IO[bytes], frames: Sequence[_Frame]) -> list[bytes | range]:
    """Return frames in a row as what to decode: silence where what they need is not among them.

    Their bytes stay, since later frames need them.
    """
    unsettled = _unsettled(raw, frames)
    pieces: list[bytes | range] = []
    reservoir = 0
    for frame in frames[:unsettled]:
        header = frame.header
        # no checksum, and side information of a frame that is silent, but hands on what it has
        pieces.append(bytes((header.raw[0], header.raw[1] | 1, *header.raw[2:])))
        bits = 9 if header.raw[1] & 8 else 8
        begin = min(reservoir, (1 << bits) - 1) << (8 * header.side_info - bits)
        pieces.append(begin.to_bytes(header.side_info, "big"))
        pieces.append(range(frame.start + 4 + header.side_info, frame.stop))
        reservoir += header.length - 4 - header.side_info
    rest = [range(frame.start, frame.stop) for frame in frames[unsettled:]]
    return [*pieces, *joined(rest)]


def _unsettled(raw: IO[bytes], frames: Sequence[_Frame]) -> int:
    """Return how many frames begin before the first: in Layer III by up to 511 bytes."""
    reservoir = 0
    for number, frame in enumerate(frames):
        header = frame.header
        before = 4 + 2 * header.protected
        bits = int.from_bytes(read_at(raw, frame.start + before, 2), "big")
        if bits >> (7 if header.raw[1] & 8 else 8) <= reservoir:
            return number
        reservoir += header.length - before - header.side_info
    return len(frames)


def _xing_frame(header: _Header, count: int) -> bytes:
    """Return a silent frame that says how many frames follow it."""
    flags, rates = header.raw[1] | 1, header.raw[2] & 0x0C | 0xE0  # no CRC, highest bit rate
    frame = _header(bytes((0xFF, flags, rates, header.raw[3])))
    assert frame is not None
    mark = b"Xing" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return (frame.raw + bytes(frame.side_info) + mark).ljust(frame.length, b"\0")


def _bad(stream: _Stream) -> list[int]:
    """Return the frames whose checksums are wrong; none where most are: that is the encoder."""
    indices = [index for index in stream.heads if stream.layer == _LAYER_3]
    wrong: list[int] = []
    if indices:
        width = stream.frames[0].header.side_info
        heads = np.array(
            [[*stream.heads[index][: 6 + width].ljust(6 + width, b"\0")] for index in indices]
        )
        remainders = np.full(len(indices), 0xFFFF)
        for column in (2, 3, *range(6, 6 + width)):
            remainders = (remainders << 8 & 0xFFFF) ^ _CRC[remainders >> 8 ^ heads[:, column]]
        told = heads[:, 4] << 8 | heads[:, 5]
        wrong = [indices[place] for place in np.flatnonzero(remainders != told)]
    return wrong if len(wrong) * 2 < len(indices) else []


def _crc_table() -> list[int]:
    table = list(range(0, 1 << 16, 1 << 8))
    for _ in range(8):
        table = [(value << 1 ^ (0x18005 if value >> 15 else 0)) & 0xFFFF for value in table]
    return table


_CRC = np.array(_crc_table())


# -- salvage ------------------------------------------------------------------------------------


def _salvaged(path: Path, raw: IO[bytes], streams: Sequence[_Stream]) -> Reading:
    """Return what can be decoded of each stream, with silence for the frames that are missing."""
    parts: list[Part | Silence] = []
    lost: list[str] = []
    for stream in streams:
        if stream.frames:
            parts += _salvaged_runs(raw, stream, lost)
    if not any(isinstance(part, Part) for part in parts):
        raise InputError(path, "it is damaged: nothing of its sound is left")
    return Reading(parts, lost=", ".join(lost))


def _salvaged_runs(raw: IO[bytes], stream: _Stream, lost: list[str]) -> Iterator[Part | Silence]:
    length = stream.frames[0].header.frames
    places, total = _places(stream)
    told = stream.told or 0
    if told > total:
        seconds = (told - total) * length / _rate(stream.frames[0].header)
        lost.append(f"{seconds:.2f} s at the end are missing")
    elif stream.cut:
        lost.append("its end is missing")
    delay, padding = (stream.info.delay, stream.info.padding) if stream.info else (0, 0)
    decoder_delay = _DECODER_DELAY if stream.layer == _LAYER_3 else 0
    at = delay + decoder_delay
    end = total * length - (max(0, padding - decoder_delay) if told and told <= total else 0)
    bad = {*_bad(stream), *_torn(stream)}
    for run in _runs(places, bad):
        first = places[run[0]] * length
        frames = [stream.frames[index] for index in run]
        # each frame is added to the second half of the one before; and where frames have
        # checksums, the decoder in libsndfile 1.2.2 was seen to need one more
        settled = length
        if stream.layer == _LAYER_3:
            settled += (_unsettled(raw, frames) + frames[0].header.protected) * length
        begin, stop = first + settled * bool(first), min(end, first + len(run) * length)
        if stop <= max(begin, at):
            continue
        if begin > at:
            yield Silence(begin - at)
            at = begin
        skip = max(0, at - first - decoder_delay)
        if stream.layer == _LAYER_3:
            pieces = [_xing_frame(frames[0].header, len(frames)), *_pieces(raw, frames)]
            yield Part(Spliced(raw, pieces), skip, stop - at)
        else:
            yield _between_silence(raw, frames, skip, stop - at)
        at = stop


def _torn(stream: _Stream) -> Iterator[int]:
    """Yield the frames behind which something else stands.

    It hardly ever begins just where a frame ends.
    """
    for index in stream.holes:
        if index and stream.frames[index - 1].stop < stream.frames[index].start:
            yield index - 1


def _places(stream: _Stream) -> tuple[list[int], int]:
    """Return at which place each frame stood, and how many there were up to the last one."""
    frames, count = stream.frames, len(stream.frames)
    mean = sum(frame.header.length for frame in frames) / count
    sizes = []
    for index in stream.holes:
        start = frames[index - 1].stop if index else stream.start
        sizes.append(max(0, frames[index].start - start))
    missing = [max(1, round(size / mean)) for size in sizes]
    if stream.told and stream.info and not stream.cut:
        known = stream.told - count
        cut_out = max(0, stream.info.stop - stream.stop) if stream.info.stop else 0
        if 0 <= known <= 2 * (sum(sizes) + cut_out) / mean + len(sizes):
            missing = _shared(known, missing)
    steps = [1] * count
    for index, number in zip(stream.holes, missing, strict=True):
        steps[index] += number
    places = [place - 1 for place in accumulate(steps)]
    return places, places[-1] + 1


def _shared(total: int, weights: Sequence[int]) -> list[int]:
    """Share out a number as some weights say."""
    ends = [round(total * part / sum(weights)) for part in accumulate(weights)]
    return [stop - start for start, stop in pairwise([0, *ends])]


def _runs(places: Sequence[int], bad: set[int]) -> Iterator[list[int]]:
    """Yield the indices of intact frames that follow one another."""
    run: list[int] = []
    for index, place in enumerate(places):
        if run and (index in bad or places[run[-1]] + 1 != place):
            yield run
            run = []
        if index not in bad:
            run.append(index)
    if run:
        yield run


def _rate(header: _Header) -> int:
    return _MPEG_RATES[header.raw[1] >> 3 & 3][header.raw[2] >> 2 & 3]
