"""The pages of Ogg files (RFC 3533), found and checked, and the streams that they make."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, NamedTuple

from .parts import Part, Spliced, after_tags, count_frames, read_at

FIRST, LAST = 2, 4
#: The granule of a page on which no packet ends.
NO_GRANULE = 2**64 - 1
#: What a page begins with; there is one version, 0.
MARK = b"OggS\0"

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_HEAD_BYTES = 27
_LEAST_PAGE_BYTES = _HEAD_BYTES + 1
_BLOCK_BYTES = 1 << 16

#: Packets before the first of sound, where nothing else says it.
_HEADER_PACKETS = {"Vorbis": 3, "Opus": 2}
_OPUS_HEAD = b"OpusHead"
_OPUS_RATE = 48_000
#: Where the first packet of Opus says at which rate its encoder got the sound, which is not that of
#: what is coded (RFC 7845, 5.1). libsndfile decodes to it, or to one near it.
_ENCODED_RATE = slice(12, 16)
#: Where the first packet of FLAC in Ogg holds what a FLAC file begins with.
_FLAC_OFFSET = 9


class Page(NamedTuple):
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
class Stream:
    """One of the sounds of a file.

    Attributes:
        codec: what it is coded in.
        first: how its first packet begins.
        pages: its pages, as they stand in the file.
    """

    codec: str
    first: bytes
    pages: list[Page] = field(default_factory=list)

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

    @property
    def rate(self) -> int:
        """How many granules a second has, of Vorbis and Opus."""
        return int.from_bytes(self.first[12:16], "little") if self.codec == "Vorbis" else _OPUS_RATE

    @property
    def says_its_rate(self) -> bool:
        """Whether its first packet is right of the rate that it is decoded at."""
        return _at_48_khz(self.first) == self.first


def missing_behind_headers(stream: Stream) -> int:
    """Return how many pages of sound are missing before the first that is there."""
    count = stream.header_pages
    if not 0 < count < len(stream.pages):
        return 0
    return stream.pages[count].number - stream.pages[count - 1].number - 1


def first_page_lost(stream: Stream) -> bool:
    """Whether just the first page of sound is missing.

    Where more are, it was recorded from its middle on.
    """
    return missing_behind_headers(stream) == 1


class Walk:
    """A walk over the pages of a file.

    Attributes:
        faults: what is wrong, in words.
        torn: where something is that is no intact page, and no tag at the end.
    """

    def __init__(self, raw: IO[bytes], size: int) -> None:
        self._raw = raw
        self._size = size
        self._block, self._held = b"", 0
        self.faults: list[str] = []
        self.torn: list[int] = []

    def begins_within(self, length: int) -> bool:
        """Whether there is an intact page among the first bytes of the file."""
        return self._next(0, min(length, self._size)) is not None

    def pages(self) -> Iterator[Page]:
        """Yield the intact pages."""
        position, last = after_tags(self._raw, 0), False
        while position < self._size:
            page, fault = self._page(position)
            if page is not None:
                yield page
                position, last = page.stop, bool(page.flags & LAST)
                continue
            after = self._next(position + 1, self._size)
            if after is None and last and read_at(self._raw, position, 4) != b"OggS":
                return  # tags, as some programs put them behind everything
            self.faults.append(fault)
            self.torn.append(position)
            if after is None:
                return
            position = after

    def is_torn(self, before: Page, page: Page) -> bool:
        """Whether there is something between two pages that may have been those missing there."""
        missing = page.number - before.number - 1
        torn = any(before.stop <= position < page.start for position in self.torn)
        return torn and page.start - before.stop >= _LEAST_PAGE_BYTES * missing

    def _page(self, position: int) -> tuple[Page | None, str]:
        head = self._bytes(position, _HEAD_BYTES + 255)
        if head[:5] != MARK:
            return None, f"it is damaged: there is no page at byte {position:,}"
        table = head[_HEAD_BYTES : _HEAD_BYTES + head[26]] if len(head) >= _HEAD_BYTES else b""
        stop = position + _HEAD_BYTES + len(table) + sum(table)
        if len(head) < _HEAD_BYTES or len(table) < head[26] or stop > self._size:
            return None, f"it is cut off in the page at byte {position:,}"
        page = self._bytes(position, stop - position)
        if checksum(page) != int.from_bytes(page[22:26], "little"):
            return None, f"it is damaged: the page at byte {position:,} is not intact"
        return Page(
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

    def _bytes(self, position: int, length: int) -> bytes:
        """Return bytes of the file, which is read in blocks."""
        at = position - self._held
        if at < 0 or at + length > len(self._block):
            self._block = read_at(self._raw, position, max(length, _BLOCK_BYTES))
            self._held, at = position, 0
        return self._block[at : at + length]

    def _next(self, position: int, before: int) -> int | None:
        """Return where the next intact page begins; None where none does before a place."""
        while position < before:
            block = read_at(self._raw, position, _BLOCK_BYTES + len(MARK) - 1)
            found = block.find(MARK)
            while 0 <= found < before - position:
                if self._page(position + found)[0] is not None:
                    return position + found
                found = block.find(MARK, found + 1)
            position += _BLOCK_BYTES
        return None


def decodable(raw: IO[bytes], stream: Stream, pages: Sequence[Page]) -> tuple[Part, int]:
    """Return headers and pages in a row as what to decode, and at which frame it begins.

    Of Opus that does not begin at its beginning, libsndfile leaves out a piece of the end instead
    of the beginning: it is made to begin there.
    """
    granules = [page.granule for page in pages]
    if stream.codec == "Opus":
        granules = _in_step(raw, pages)
    spliced = _spliced(raw, pages, granules)
    frames = count_frames(spliced)
    last = next((page for page in reversed(pages) if page.granule != NO_GRANULE), None)
    if frames is None or last is None:
        return Part(spliced), 0
    start = last.granule - stream.skip - frames
    if stream.codec == "Opus" and start > 0:
        granules = [one if one in (0, NO_GRANULE) else max(0, one - start) for one in granules]
        spliced = _spliced(raw, pages, granules)
    return Part(spliced, frames=frames), start


def is_in_step(raw: IO[bytes], pages: Sequence[Page]) -> bool:
    """Whether no page of Opus tells of fewer samples than end on it, but for the last."""
    return _in_step(raw, pages) == [page.granule for page in pages]


def _in_step(raw: IO[bytes], pages: Sequence[Page]) -> list[int]:
    """Return what pages of Opus in a row tell; by count, if one tells of less than ends on it.

    Programs that go by the times of what they read write granules that waver with these, and
    libsndfile decodes no page of more samples than it tells.
    """
    granules = [page.granule for page in pages]
    ends = _frames_by_page(raw, pages)
    sounding = [i for i, one in enumerate(granules) if one not in (0, NO_GRANULE)]
    between = sounding[:-1]  # the last page may tell of less: where the sound ends
    if all(
        granules[now] - granules[one] >= ends[now] - ends[one] for one, now in pairwise(between)
    ):
        return granules
    counted = [*granules]
    for index in between:
        counted[index] = granules[between[0]] + ends[index] - ends[between[0]]
    is_begun = granules[between[0]] >= ends[between[0]]
    return counted if is_begun and counted[between[-1]] <= granules[sounding[-1]] else granules


def _frames_by_page(raw: IO[bytes], pages: Sequence[Page]) -> list[int]:
    """Return how many frames of Opus end on each page and on those before it."""
    found, total, open_frames = [], 0, 0
    for page in pages:
        for packet, is_whole in _packets(raw, page):
            open_frames = open_frames or _packet_frames(packet)
            if is_whole:
                total, open_frames = total + open_frames, 0
        # headers are no sound
        total = total if page.granule else 0
        found.append(total)
    return found


def _packets(raw: IO[bytes], page: Page) -> Iterator[tuple[bytes, bool]]:
    """Yield how the packets of a page begin, and whether they end on it."""
    content = read_at(raw, page.start, page.stop - page.start)
    table = content[_HEAD_BYTES : page.body - page.start]
    at = start = page.body - page.start
    for index, length in enumerate(table):
        at += length
        if length < 255 or index == len(table) - 1:
            yield content[start : min(at, start + 2)], length < 255
            start = at


def _packet_frames(packet: bytes) -> int:
    """Return how many frames of 48 kHz a packet of Opus holds, by how it begins (RFC 6716, 3.1)."""
    if not packet:
        return 0
    kind = packet[0] >> 3
    if kind < 12:
        length = (480, 960, 1920, 2880)[kind & 3]
    else:
        length = (480, 960)[kind & 1] if kind < 16 else (120, 240, 480, 960)[kind & 3]
    count = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[packet[0] & 3]
    return length * count


def _spliced(raw: IO[bytes], pages: Sequence[Page], granules: Sequence[int]) -> Spliced:
    """Return a file of some pages with other granules, the last of which is marked as such.

    Opus is decoded at 48 kHz, at which its granules count.
    """
    pieces: list[bytes | range] = []
    for page, granule in zip(pages, granules, strict=True):
        if page is pages[-1] or granule != page.granule or page.flags & FIRST:
            changed = bytearray(read_at(raw, page.start, page.stop - page.start))
            at = page.body - page.start
            changed[at:] = _at_48_khz(bytes(changed[at:]))
            changed[5] |= LAST if page is pages[-1] else 0
            changed[6:14] = granule.to_bytes(8, "little")
            changed[22:26] = checksum(bytes(changed)).to_bytes(4, "little")
            pieces.append(bytes(changed))
        else:
            pieces.append(range(page.start, page.stop))
    return Spliced(raw, pieces)


def _at_48_khz(packet: bytes) -> bytes:
    """Return the first packet of Opus as one that says 48 kHz, and any other as it is."""
    if not packet.startswith(_OPUS_HEAD):
        return packet
    rate = _OPUS_RATE.to_bytes(4, "little")
    return packet[: _ENCODED_RATE.start] + rate + packet[_ENCODED_RATE.stop :]


def flac_of(raw: IO[bytes], pages: Sequence[Page]) -> tuple[Spliced, int]:
    """Return FLAC without what Ogg puts around it, and its length: packets in a row are a file."""
    bodies = [range(page.body, page.stop) for page in pages]
    bodies[0] = bodies[0][_FLAC_OFFSET:]
    return Spliced(raw, bodies), sum(map(len, bodies))


def checksum(page: bytes) -> int:
    """Return the CRC of a page: zlib's polynomial, but with the bits in the other order."""
    mirrored = zlib.crc32(page[:22].translate(_REVERSED), 0xFFFFFFFF)
    mirrored = zlib.crc32(page[26:].translate(_REVERSED), zlib.crc32(bytes(4), mirrored))
    return int(f"{mirrored ^ 0xFFFFFFFF:032b}"[::-1], 2)
