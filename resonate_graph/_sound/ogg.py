"""Ogg files (RFC 3533), walked from page to page: Vorbis, Opus and FLAC (RFC 7845, RFC 5334).

libsndfile decodes the first of several streams, stops quietly where a file was cut off, passes
over damaged pages, does not read FLAC in Ogg, and fails at the end of an Opus stream whose last
page is not marked as such.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

from .._base.errors import InputError
from . import flac
from .foreign import converted_by
from .parts import (
    Part,
    Reading,
    Silence,
    Spliced,
    after_tags,
    count_frames,
    damaged,
    read_at,
)

_CONTINUED, _FIRST, _LAST = 1, 2, 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
#: What a page begins with; there is one version, 0.
_MARK = b"OggS\0"
_HEAD_BYTES = 27
_LEAST_PAGE_BYTES = _HEAD_BYTES + 1
_MOST_MARK_BYTES = 64
_BLOCK_BYTES = 1 << 16
#: The granule of a page on which no packet ends.
_NO_GRANULE = 2**64 - 1

#: How the first packet of a stream begins, what is in it, and whether it is read.
_CODECS = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
    b"PCM     ": "PCM",
    b"CELT    ": "CELT",
}
_READ = ("Vorbis", "Opus", "FLAC")
#: Packets before the first of sound, where nothing else says it.
_HEADER_PACKETS = {"Vorbis": 3, "Opus": 2}
#: Opus decodes right only this long after it began in the middle of a stream (RFC 7845, 4.6), at
#: 48 kHz.
_PREROLL_FRAMES = 3840
#: Where the first packet of FLAC in Ogg holds what a FLAC file begins with.
_FLAC_OFFSET = 9


class _Page(NamedTuple):
    """A page: where it is, and what its header says."""

    start: int
    body: int
    stop: int
    flags: int
    granule: int
    serial: int
    number: int
    packets: int
    open_end: bool


@dataclass
class _Stream:
    """One of the sounds of a file.

    Attributes:
        codec: what it is coded in.
        first: how its first packet begins.
        pages: its pages, as they stand in the file.
    """

    codec: str
    first: bytes
    pages: list[_Page] = field(default_factory=list)

    @property
    def header_pages(self) -> int:
        """How many pages there are before the sound."""
        wanted = _HEADER_PACKETS.get(self.codec)
        if wanted is None:
            return sum(page.granule == 0 for page in self.pages)
        packets = 0
        for index, page in enumerate(self.pages):
            packets += page.packets
            if packets >= wanted:
                return index + 1
        return len(self.pages)

    @property
    def skip(self) -> int:
        """How far granules run ahead of the sound."""
        return int.from_bytes(self.first[10:12], "little") if self.codec == "Opus" else 0


def survey(path: Path, raw: IO[bytes], size: int, *, salvage: bool = False) -> Reading:
    """Find the streams of an Ogg file, and whether they are all there and intact.

    Raises:
        InputError: they are not, or it holds what cannot be read as one sound.
    """
    walk = _Walk(raw, size)
    streams = _streams(path, raw, walk)
    faults = [*walk.faults]
    for stream in streams:
        faults += _faults(stream, size)
    if faults and not salvage:
        raise damaged(path, faults[0])
    if faults:
        return _salvaged(path, raw, streams, walk)
    parts: list[Part | Silence] = []
    for stream in streams:
        if stream.codec == "FLAC":
            parts += _flac(path, raw, stream.pages, salvage=salvage).parts
        elif len(stream.pages) > stream.header_pages or len(streams) == 1:
            parts.append(_whole(raw, stream, size))
    marked = all(stream.pages[-1].flags & _LAST for stream in streams)
    return Reading(parts, warnings=[] if marked else [("unfinished", _UNFINISHED)])


_UNFINISHED = (
    "its last page is not marked as the last, as some recorders leave it; if it was cut off right "
    "there, nothing tells"
)


class _Walk:
    """A walk over the pages of a file.

    Attributes:
        faults: what is wrong, in words.
        torn: where something is that is no intact page, and no tag at the end.
    """

    def __init__(self, raw: IO[bytes], size: int) -> None:
        self._raw = raw
        self._size = size
        self.faults: list[str] = []
        self.torn: list[int] = []

    def pages(self) -> Iterator[_Page]:
        """Yield the intact pages."""
        position, last = after_tags(self._raw, 0), False
        while position < self._size:
            page, fault = self._page(position)
            if page is not None:
                yield page
                position, last = page.stop, bool(page.flags & _LAST)
                continue
            after = self._next(position + 1)
            if after is None and last and read_at(self._raw, position, 4) != b"OggS":
                return  # tags, as some programs put them behind everything
            self.faults.append(fault)
            self.torn.append(position)
            if after is None:
                return
            position = after

    def is_torn(self, before: _Page, page: _Page) -> bool:
        """Whether there is something between two pages that may have been those missing there."""
        missing = page.number - before.number - 1
        torn = any(before.stop <= position < page.start for position in self.torn)
        return torn and page.start - before.stop >= _LEAST_PAGE_BYTES * missing

    def _page(self, position: int) -> tuple[_Page | None, str]:
        head = read_at(self._raw, position, _HEAD_BYTES + 255)
        if head[:5] != _MARK:
            return None, f"it is damaged: there is no page at byte {position:,}"
        table = head[_HEAD_BYTES : _HEAD_BYTES + head[26]] if len(head) >= _HEAD_BYTES else b""
        stop = position + _HEAD_BYTES + len(table) + sum(table)
        if len(head) < _HEAD_BYTES or len(table) < head[26] or stop > self._size:
            return None, f"it is cut off in the page at byte {position:,}"
        page = read_at(self._raw, position, stop - position)
        if _checksum(page) != int.from_bytes(page[22:26], "little"):
            return None, f"it is damaged: the page at byte {position:,} is not intact"
        return _Page(
            start=position,
            body=position + _HEAD_BYTES + len(table),
            stop=stop,
            flags=head[5],
            granule=int.from_bytes(head[6:14], "little"),
            serial=int.from_bytes(head[14:18], "little"),
            number=int.from_bytes(head[18:22], "little"),
            packets=len(table) - table.count(255),
            open_end=bool(table) and table[-1] == 255,
        ), ""

    def _next(self, position: int) -> int | None:
        """Return where the next intact page begins."""
        while position < self._size:
            block = read_at(self._raw, position, _BLOCK_BYTES + len(_MARK) - 1)
            found = block.find(_MARK)
            while found >= 0:
                if self._page(position + found)[0] is not None:
                    return position + found
                found = block.find(_MARK, found + 1)
            position += _BLOCK_BYTES
        return None


def _streams(path: Path, raw: IO[bytes], walk: _Walk) -> list[_Stream]:
    """Return the sounds that follow one another, each with its pages.

    Raises:
        InputError: two of them are side by side, or none is of a kind that is read.
    """
    found: list[_Stream] = []
    open_streams: dict[int, _Stream] = {}
    other: list[str] = []
    beginning = False
    for page in walk.pages():
        if page.flags & _FIRST:
            if not beginning:
                open_streams = {}
            first = read_at(raw, page.body, min(page.stop - page.body, _MOST_MARK_BYTES))
            codec = next((name for mark, name in _CODECS.items() if first.startswith(mark)), None)
            if codec not in _READ:
                other.append(codec or "no sound")
            elif open_streams:
                raise InputError(path, "it holds several sounds side by side: split it first")
            else:
                open_streams[page.serial] = _Stream(codec, first)
                found.append(open_streams[page.serial])
        beginning = bool(page.flags & _FIRST)
        if page.serial in open_streams:
            open_streams[page.serial].pages.append(page)
    if other and not found:
        raise InputError(
            path, f"it holds {other[0]} in Ogg, which is not read: {converted_by(path)}"
        )
    if not found:
        fault = walk.faults[0] if walk.faults else "it is damaged: its first page is missing"
        raise InputError(path, fault)
    return found


def _faults(stream: _Stream, size: int) -> Iterator[str]:
    """Say what is wrong with the pages of a stream, each of which is intact."""
    headers = stream.header_pages
    for index, (before, page) in enumerate(pairwise(stream.pages), 1):
        where = f"the page at byte {page.start:,}"
        if page.number == before.number:
            yield f"it is damaged: {where} is there twice"
        elif page.number < before.number:
            yield f"it is damaged: {where} is out of order"
        elif page.number > before.number + 1 and index != headers:
            # behind its headers, a stream that was recorded from its middle goes on anywhere
            yield f"it is damaged: pages are missing before {where}"
    last = stream.pages[-1]
    if not last.flags & _LAST and (last.open_end or len(stream.pages) <= headers):
        yield f"it is cut off: it ends at byte {size:,}, before its last page"


def _whole(raw: IO[bytes], stream: _Stream, size: int) -> Part:
    """Return a stream as it stands; its last page marked as such."""
    pages = stream.pages
    together = all(before.stop == page.start for before, page in pairwise(pages))
    everything = (pages[0].start, pages[-1].stop) == (0, size)
    if everything and together and pages[-1].flags & _LAST and stream.codec != "Opus":
        return Part(raw)
    part, start = _decodable(raw, stream, pages)
    return Part(raw) if everything and together and pages[-1].flags & _LAST and not start else part


def _decodable(raw: IO[bytes], stream: _Stream, pages: Sequence[_Page]) -> tuple[Part, int]:
    """Return headers and pages in a row as what to decode, and at which frame it begins.

    Of Opus that does not begin at its beginning, libsndfile leaves out a piece of the end instead
    of the beginning: it is made to begin there.
    """
    spliced = _spliced(raw, pages)
    frames = count_frames(spliced)
    last = next((page for page in reversed(pages) if page.granule != _NO_GRANULE), None)
    if frames is None or last is None:
        return Part(spliced), 0
    start = last.granule - stream.skip - frames
    if stream.codec == "Opus" and start > 0:
        spliced = _spliced(raw, pages, earlier=start)
    return Part(spliced, frames=frames), start


def _spliced(raw: IO[bytes], pages: Sequence[_Page], earlier: int = 0) -> Spliced:
    """Return a file of some pages, the last of which is marked as such, told by earlier samples."""
    pieces: list[bytes | range] = []
    for page in pages:
        told = 0 if page.granule in (0, _NO_GRANULE) else earlier
        if page is pages[-1] or told:
            changed = bytearray(read_at(raw, page.start, page.stop - page.start))
            changed[5] |= _LAST if page is pages[-1] else 0
            changed[6:14] = (page.granule - told).to_bytes(8, "little")
            changed[22:26] = _checksum(bytes(changed)).to_bytes(4, "little")
            pieces.append(bytes(changed))
        else:
            pieces.append(range(page.start, page.stop))
    return Spliced(raw, pieces)


def _flac(path: Path, raw: IO[bytes], pages: Sequence[_Page], *, salvage: bool = False) -> Reading:
    """Return FLAC without what Ogg puts around it: its packets in a row are a FLAC file."""
    bodies = [range(page.body, page.stop) for page in pages]
    bodies[0] = bodies[0][_FLAC_OFFSET:]
    spliced = Spliced(raw, bodies)
    return flac.survey(path, spliced, sum(map(len, bodies)), salvage=salvage)


# -- salvage ------------------------------------------------------------------------------------


def _salvaged(path: Path, raw: IO[bytes], streams: Sequence[_Stream], walk: _Walk) -> Reading:
    """Return what can be decoded of each stream, with silence where pages are missing."""
    parts: list[Part | Silence] = []
    lost: list[str] = []
    for stream in streams:
        once = {page.number: page for page in reversed(stream.pages)}
        pages = [once[number] for number in sorted(once)]
        ends = [] if pages[-1].flags & _LAST else ["its end is missing"]
        if stream.codec == "FLAC":
            reading = _flac(path, raw, pages, salvage=True)
            lost += [reading.lost] if reading.lost else ends
            parts += reading.parts
        else:
            lost += ends
            parts += _salvaged_runs(raw, replace(stream, pages=pages), walk, lost)
    if not any(isinstance(part, Part) for part in parts):
        raise InputError(path, "it is damaged: nothing of its sound is left")
    return Reading(parts, lost=", ".join(dict.fromkeys(lost)))


def _salvaged_runs(
    raw: IO[bytes], stream: _Stream, walk: _Walk, lost: list[str]
) -> Iterator[Part | Silence]:
    count = stream.header_pages
    headers, sound = stream.pages[:count], stream.pages[count:]
    if len(list(_runs(headers))) > 1 or headers[0].number or not sound:
        lost.append("a stream without its beginning cannot be decoded")
        return
    at: int | None = None
    for run in _runs(sound):
        while run and run[-1].granule == _NO_GRANULE:  # a part of a packet
            run.pop()
        decoded = _run(raw, stream, headers, run) if run else None
        if decoded is None:
            continue
        part, start = decoded
        if at is None:
            at = 0 if walk.is_torn(headers[-1], run[0]) else start
        if start > at:
            yield Silence(start - at)
        at = start + (part.frames or 0)
        yield part
    told = [page.granule for page in sound if page.granule != _NO_GRANULE]
    if at is not None and told and told[-1] - stream.skip > at:  # too little to be decoded
        yield Silence(told[-1] - stream.skip - at)


def _run(
    raw: IO[bytes], stream: _Stream, headers: Sequence[_Page], run: Sequence[_Page]
) -> tuple[Part, int] | None:
    """Return pages in a row as a part, and with which frame it begins; None if it is too short."""
    resumed = run[0].number != headers[-1].number + 1
    if resumed and run[0].flags & _LAST:
        return None  # its granule says where it ends, but not how much of its end is left out
    part, start = _decodable(raw, stream, [*headers, *run])
    skip = max(0, _PREROLL_FRAMES - stream.skip) if resumed and stream.codec == "Opus" else 0
    if part.frames is None or part.frames <= skip:
        return None
    return replace(part, skip=skip, frames=part.frames - skip), start + skip


def _runs(pages: Sequence[_Page]) -> Iterator[list[_Page]]:
    """Yield pages that follow one another."""
    run: list[_Page] = []
    for page in pages:
        if run and page.number != run[-1].number + 1:
            yield run
            run = []
        run.append(page)
    if run:
        yield run


def _checksum(page: bytes) -> int:
    """Return the CRC of a page: zlib's polynomial, but with the bits in the other order."""
    body = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(body.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
