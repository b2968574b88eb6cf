"""FLAC (RFC 9639), native or as Ogg holds it: where its streams are, and which frames are intact.

libsndfile decodes one stream and no tags behind it, fails where a frame is damaged, and compares
no checksum over the whole. Frames do not say how long they are: they are found by their sync
codes and the checksums of their headers.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from .._base.errors import InputError
from .parts import (
    Checksum,
    Part,
    Reading,
    Silence,
    Spliced,
    after_tags,
    before_tags,
    damaged,
    read_at,
)

MARK = b"fLaC"
_INFO_HEADERS = (MARK + b"\0\0\0\x22", MARK + b"\x80\0\0\x22")
_INFO_BYTES = 34
#: What libsndfile decodes.
_READ_BITS = (8, 16, 24)

#: What frames begin with; the last bit of the second says whether their sizes vary.
_SYNC_BYTES = (0xFF, 0xF8)
_LEAST_HEADER_BYTES, _MOST_HEADER_BYTES = 6, 16
#: Blocks in which a file is searched.
_BLOCK_BYTES = 1 << 20
_SEARCH_BYTES = 1 << 17
#: As far back as the last frame of a stream is looked for: one of 24 bits, 8 channels and 65,535
#: samples is no longer.
_MOST_FRAME_BYTES = 1 << 21
#: What a frame has beside its samples, at most: its header, those of 8 subframes, its checksum.
_MOST_FRAME_OVERHEAD = 64
#: As far back as an ID3v2 tag before a second stream is looked for.
_MOST_TAG_BYTES = 1 << 20

#: What the codes in a header of a frame mean; what is not here is reserved, or said elsewhere.
_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, *(256 << n for n in range(8)))
_RATES = dict(
    enumerate((88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000), 1)
)
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
#: Those above 7 are two channels, one or both as differences.
_CHANNELS = {code: code + 1 if code < 8 else 2 for code in range(11)}
#: Bytes of a block size, and of a sample rate, that stand behind the number of the frame.
_SIZE_BYTES = {6: 1, 7: 2}
_RATE_BYTES = {12: 1, 13: 2, 14: 2}


@dataclass(frozen=True)
class _Stream:
    """A stream of a file: what its STREAMINFO says, and where its bytes are.

    Attributes:
        start: where it begins in the file.
        end: where it ends.
        info: the STREAMINFO block.
    """

    start: int
    end: int
    info: bytes

    @property
    def _numbers(self) -> int:
        return int.from_bytes(self.info[10:18], "big")

    @property
    def rate(self) -> int:
        return self._numbers >> 44

    @property
    def channels(self) -> int:
        return (self._numbers >> 41 & 7) + 1

    @property
    def bits(self) -> int:
        return (self._numbers >> 36 & 31) + 1

    @property
    def frames(self) -> int:
        """How many frames it claims; nothing where it was written into a pipe."""
        return self._numbers & (1 << 36) - 1

    @property
    def block_frames(self) -> int:
        """The size of the blocks, where all have the same."""
        return int.from_bytes(self.info[2:4], "big")

    @property
    def checksum(self) -> Checksum | None:
        """The MD5 of the samples; None where none was written."""
        return Checksum(self.info[18:], self.bits, lambda: None) if any(self.info[18:]) else None

    @property
    def body(self) -> int:
        """Where the frames begin, at the earliest."""
        return self.start + len(MARK) + 4 + _INFO_BYTES

    def head(self, frames: int) -> bytes:
        """Return the beginning of a file that holds some of its frames."""
        numbers = self._numbers >> 36 << 36 | frames
        info = self.info[:10] + numbers.to_bytes(8, "big") + bytes(16)
        return _INFO_HEADERS[1] + info


@dataclass(frozen=True)
class _Frame:
    """A frame of a stream.

    Attributes:
        start: where its bytes begin.
        stop: where they end.
        first: its first frame of sound.
        frames: how many it holds.
    """

    start: int
    stop: int
    first: int
    frames: int


def survey(
    path: Path, raw: IO[bytes] | io.RawIOBase, size: int, *, salvage: bool = False
) -> Reading:
    """Find the streams of a file and how long they are.

    Whether their frames are intact the decoder finds out, and only for a salvage is it looked at
    here.

    Raises:
        InputError: it is damaged, or cannot be decoded exactly.
    """
    streams = list(_streams(raw, size))
    if not streams:
        raise InputError(
            path, "it is damaged: it begins as a FLAC file, but says not what it holds"
        )
    _require_alike(path, streams)
    parts: list[Part | Silence] = []
    lost: list[str] = []
    for stream in streams:
        parts += _salvaged(raw, stream, lost) if salvage else [_whole(path, raw, size, stream)]
    if not any(isinstance(part, Part) for part in parts):
        raise InputError(path, "it is damaged: none of its frames is intact")
    if salvage and (lost or any(isinstance(part, Silence) for part in parts)):
        return Reading(parts, lost=", ".join(lost))
    return Reading(parts)


def _streams(raw: IO[bytes] | io.RawIOBase, size: int) -> Iterator[_Stream]:
    """Yield the streams of a file; files that were joined hold several."""
    starts = list(_stream_starts(raw, size))
    for index, start in enumerate(starts):
        end = before_tags(raw, start, size)
        if index + 1 < len(starts):
            end = before_tags(raw, start, _before_id3(raw, start, starts[index + 1]))
        info = read_at(raw, start + len(MARK) + 4, _INFO_BYTES)
        if len(info) == _INFO_BYTES:
            yield _Stream(start, end, info)


def _stream_starts(raw: IO[bytes] | io.RawIOBase, size: int) -> Iterator[int]:
    """Yield where streams begin: what else is no stream may hold the mark only by chance."""
    position = after_tags(raw, 0)
    overlap = len(_INFO_HEADERS[0]) - 1
    while position < size:
        block = read_at(raw, position, _SEARCH_BYTES + overlap)
        # twice as fast as a search for the four bytes in a text of no order
        array = np.frombuffer(block, np.uint8)
        for place in np.flatnonzero((array[:-1] == MARK[0]) & (array[1:] == MARK[1])):
            if block[place : place + overlap + 1] in _INFO_HEADERS:
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


def _require_alike(path: Path, streams: Sequence[_Stream]) -> None:
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


def _whole(path: Path, raw: IO[bytes] | io.RawIOBase, size: int, stream: _Stream) -> Part:
    """Return a stream as it stands; one that does not say its length is told it."""
    checksum = stream.checksum
    if stream.frames and (stream.start, stream.end) == (0, size):
        return Part(raw, checksum=checksum)
    if stream.frames:
        whole = Spliced(raw, [range(stream.start, stream.end)])
        return Part(whole, frames=stream.frames, checksum=checksum)
    frames = _last_frame_end(raw, stream)
    if not frames:
        raise damaged(path, "it is damaged or cut off: its last frame is not intact")
    kept = read_at(raw, stream.start, len(_INFO_HEADERS[0]))  # says whether more metadata follow
    head = kept + stream.head(frames)[len(kept) :]
    whole = Spliced(raw, [head, range(stream.body, stream.end)])
    return Part(whole, frames=frames, checksum=checksum)


def _last_frame_end(raw: IO[bytes] | io.RawIOBase, stream: _Stream) -> int | None:
    """Return how many frames of sound there are by the last frame; None if it is not whole."""
    first = max(stream.body, stream.end - _MOST_FRAME_BYTES)
    block = read_at(raw, first, stream.end - first)
    for position in reversed(list(_sync_places(block))):
        header = _header(block[position : position + _MOST_HEADER_BYTES], stream)
        if (
            header is not None
            and _possible(position, len(block), header[1], stream)
            and not _crc16s(block, [(position, len(block))])[0]
        ):
            return sum(header)
    return None


def _possible(start: int, stop: int, frames: int, stream: _Stream) -> bool:
    """Whether a frame can be so long: samples as they are take the most."""
    most = frames * stream.channels * (stream.bits + 1) // 8 + _MOST_FRAME_OVERHEAD
    return stop - start <= most


# -- salvage ------------------------------------------------------------------------------------


def _salvaged(
    raw: IO[bytes] | io.RawIOBase, stream: _Stream, lost: list[str]
) -> Iterator[Part | Silence]:
    """Yield the runs of intact frames of a stream, and how much is missing between them."""
    frames = _intact_frames(raw, stream)
    at = 0
    end = max((frame.stop for frame in frames), default=stream.end)
    for run in _runs(frames):
        if run[0].first > at:
            yield Silence(run[0].first - at)
        at = run[-1].first + run[-1].frames
        yield _run_part(raw, stream, run, at - run[0].first)
    if stream.frames > at:
        missing = (stream.frames - at) / stream.rate
        lost.append(f"{missing:.2f} s at the end are missing")
    elif not stream.frames and end < stream.end:  # it does not say how long it is
        lost.append(f"its end is missing (the last {stream.end - end:,} bytes are no whole frame)")


def _run_part(
    raw: IO[bytes] | io.RawIOBase, stream: _Stream, run: Sequence[_Frame], frames: int
) -> Part:
    pieces: list[bytes | range] = [stream.head(frames)]
    pieces += [range(frame.start, frame.stop) for frame in run]
    checksum = stream.checksum if frames == stream.frames else None
    return Part(Spliced(raw, pieces), frames=frames, checksum=checksum)


def _runs(frames: Sequence[_Frame]) -> Iterator[list[_Frame]]:
    """Yield frames that follow one another in the sound."""
    run: list[_Frame] = []
    for frame in frames:
        if run and run[-1].first + run[-1].frames != frame.first:
            yield run
            run = []
        run.append(frame)
    if run:
        yield run


def _intact_frames(raw: IO[bytes] | io.RawIOBase, stream: _Stream) -> list[_Frame]:
    """Return the frames whose checksums are right, in the order of the sound, each once."""
    content = read_at(raw, stream.body, stream.end - stream.body)
    found = [
        (position, header)
        for position in _sync_places(content)
        if (header := _header(content[position : position + _MOST_HEADER_BYTES], stream))
    ]
    places = [position for position, _ in found] + [len(content)]
    intact = {}
    # A sync code that only looks like one may stand in a frame: that one ends a place later.
    for step in (1, 2):
        spans = {
            index: (places[index], places[index + step])
            for index in range(len(found) + 1 - step)
            if index not in intact
            and (step == 1 or index + 1 not in intact)
            and _possible(places[index], places[index + step], found[index][1][1], stream)
        }
        wrong = _crc16s(content, list(spans.values()))
        intact.update(
            {
                index: span
                for (index, span), bad in zip(spans.items(), wrong, strict=True)
                if not bad
            }
        )
    frames = [
        _Frame(stream.body + start, stream.body + stop, *found[index][1])
        for index, (start, stop) in intact.items()
    ]
    frames.sort(key=lambda frame: frame.first)
    kept = [
        frame
        for before, frame in pairwise([_Frame(0, 0, 0, 0), *frames])
        if frame.first >= before.first + before.frames
    ]
    claimed = stream.frames or None
    return [frame for frame in kept if claimed is None or frame.first + frame.frames <= claimed]


def _sync_places(content: bytes) -> Iterator[int]:
    """Yield where sync codes stand."""
    array = np.frombuffer(content, np.uint8)
    for start in range(0, len(array), _BLOCK_BYTES):
        block = array[start : start + _BLOCK_BYTES + 1]
        found = (block[:-1] == _SYNC_BYTES[0]) & (block[1:] & 0xFE == _SYNC_BYTES[1])
        yield from (start + int(place) for place in np.flatnonzero(found))


def _header(head: bytes, stream: _Stream) -> tuple[int, int] | None:
    """Return which frame of sound a frame begins with and how many it has; None if it is none."""
    if len(head) < _LEAST_HEADER_BYTES:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    assignment, bits_code = head[3] >> 4, head[3] >> 1
    number, length = _coded_number(head[4:])
    size_at = 4 + length
    rate_at = size_at + _SIZE_BYTES.get(size_code, 0)
    end = rate_at + _RATE_BYTES.get(rate_code, 0)
    if (
        number is None
        or _CHANNELS.get(assignment) != stream.channels
        or _BITS.get(bits_code & 7, stream.bits) != stream.bits
        or _RATES.get(rate_code, stream.rate) != stream.rate
        or len(head) <= end
        or _crc8(head[:end]) != head[end]
    ):
        return None
    coded = int.from_bytes(head[size_at:rate_at], "big") + 1
    frames = coded if size_code in _SIZE_BYTES else _SIZES[size_code]
    return number if head[1] & 1 else number * stream.block_frames, frames


def _coded_number(data: bytes) -> tuple[int | None, int]:
    """Return a number coded as UTF-8 codes characters, and how many bytes it has."""
    first = data[0]
    if first < 0x80:
        return first, 1
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(data) < length:
        return None, 0
    number = first & (0x7F >> length)
    for byte in data[1:length]:
        if byte >> 6 != 2:
            return None, 0
        number = number << 6 | byte & 0x3F
    return number, length


def _crc_table(polynomial: int, bits: int) -> list[int]:
    table = []
    for value in range(256):
        remainder = value << (bits - 8)
        for _ in range(8):
            remainder = remainder << 1 ^ (polynomial if remainder >> (bits - 1) else 0)
        table.append(remainder & (1 << bits) - 1)
    return table


_CRC8 = _crc_table(0x107, 8)
_CRC16: NDArray[np.uint16] = np.array(_crc_table(0x18005, 16), np.uint16)


def _crc8(data: bytes) -> int:
    remainder = 0
    for byte in data:
        remainder = _CRC8[remainder ^ byte]
    return remainder


def _shifted(remainders: NDArray[np.uint16], count: int) -> NDArray[np.uint16]:
    """Return remainders after so many further bytes of zeros."""
    for _ in range(count):
        remainders = remainders << 8 ^ _CRC16[remainders >> 8]
    return remainders


#: What the upper and the lower byte of a remainder become after a row.
_ROW_BYTES = 256
_BYTES: NDArray[np.uint16] = np.arange(256, dtype=np.uint16)
_UPPER = _shifted(np.left_shift(_BYTES, 8, dtype=np.uint16), _ROW_BYTES)
_LOWER = _shifted(_BYTES, _ROW_BYTES)


def _crc16s(content: bytes, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether each span, with the checksum at its end, is wrong."""
    wrong: list[bool] = []
    batch: list[tuple[int, int]] = []
    for index, (start, stop) in enumerate(spans, 1):
        batch.append((start, stop))
        if index == len(spans) or sum(stop - start for start, stop in batch) > _BLOCK_BYTES:
            wrong += [bool(one) for one in _remainders(content, batch)]
            batch = []
    return wrong


def _remainders(content: bytes, spans: Sequence[tuple[int, int]]) -> NDArray[np.uint16]:
    """Return the CRC of each span: of all its rows at a time, and then of the rows in turn.

    Zeros before the first byte, which fill its row, change nothing.
    """
    counts = np.array([-((start - stop) // _ROW_BYTES) for start, stop in spans])
    stops = np.cumsum(counts)
    rows = np.zeros((int(stops[-1]), _ROW_BYTES), np.uint8)
    filled = rows.reshape(-1)
    for (start, stop), end in zip(spans, stops * _ROW_BYTES, strict=True):
        filled[end - (stop - start) : end] = np.frombuffer(content, np.uint8, stop - start, start)
    of_rows = np.zeros(len(rows), np.uint16)
    for column in np.ascontiguousarray(rows.T):
        of_rows = of_rows << 8 ^ _CRC16[of_rows >> 8 ^ column]
    whole = np.zeros(len(spans), np.uint16)
    for row in range(int(counts.max())):
        at = np.flatnonzero(counts > row)
        before = whole[at]
        following = of_rows[(stops - counts)[at] + row]
        whole[at] = _UPPER[before >> 8] ^ _LOWER[before & 0xFF] ^ following
    return whole
