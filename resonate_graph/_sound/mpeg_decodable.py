"""Frames of MPEG audio in a row as what libsndfile decodes exactly, by what is put around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from .mpeg_frames import Frame, Header, header_of
from .parts import Part, Spliced, joined, read_at


def between_silence(
    raw: IO[bytes], frames: Sequence[Frame], skip: int = 0, kept: int | None = None
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


def decodable_pieces(raw: IO[bytes], frames: Sequence[Frame]) -> list[bytes | range]:
    """Return frames in a row as what to decode: silence where what they need is not among them.

    Their bytes stay, since later frames need them.
    """
    unsettled = unsettled_frames(raw, frames)
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


def unsettled_frames(raw: IO[bytes], frames: Sequence[Frame]) -> int:
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


def xing_frame(header: Header, count: int) -> bytes:
    """Return a silent frame that says how many frames follow it."""
    flags, rates = header.raw[1] | 1, header.raw[2] & 0x0C | 0xE0  # no CRC, highest bit rate
    frame = header_of(bytes((0xFF, flags, rates, header.raw[3])))
    assert frame is not None
    mark = b"Xing" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return (frame.raw + bytes(frame.side_info) + mark).ljust(frame.length, b"\0")
