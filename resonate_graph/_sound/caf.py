"""Core Audio Format (Apple): chunks with sizes of 64 bits, and what Core Audio says of channels."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from itertools import accumulate, takewhile
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .foreign import codec_name, converted_by
from .layouts import SPEAKERS, in_wav_order, layout_of_mask
from .parts import Part, Reading, Spliced, read_at, require_end
from .pcm import Pcm, extent

HEAD = b"caff"

_MAX_CHUNKS = 10_000
_FLOAT, _LITTLE = 1, 2
_LAWS = {b"alaw": "alaw", b"ulaw": "ulaw"}
#: How ALAC is flagged, by its bits a sample, for libsndfile to decode it: as Apple does.
_ALAC_FLAGS = {1: 16, 2: 20, 3: 24, 4: 32}
#: What stands in a pakt chunk before the sizes of the packets, and in a data chunk before these.
_PACKET_HEADER_BYTES, _EDITS_BYTES = 24, 4

_BY_DESCRIPTION, _BY_MASK = 0, 0x10000
#: The channels of layout tags (CoreAudioTypes.h), in the order of the file; the number of channels
#: is the lower half of a tag.
_TAGS = {
    100: "FC", 101: "FL FR", 102: "FL FR", 106: "FL FR",
    108: "FL FR BL BR", 109: "FL FR SL SR FC", 110: "FL FR BL BR FC BC",
    111: "FL FR BL BR FC BC SL SR",
    113: "FL FR FC", 114: "FC FL FR", 115: "FL FR FC BC", 116: "FC FL FR BC",
    117: "FL FR FC SL SR", 118: "FL FR SL SR FC", 119: "FL FC FR SL SR", 120: "FC FL FR SL SR",
    121: "FL FR FC LFE SL SR", 122: "FL FR SL SR FC LFE", 123: "FL FC FR SL SR LFE",
    124: "FC FL FR SL SR LFE", 125: "FL FR FC LFE SL SR BC",
    126: "FL FR FC LFE BL BR FLC FRC", 127: "FC FLC FRC FL FR BL BR LFE",
    128: "FL FR FC LFE SL SR BL BR",
    131: "FL FR BC", 132: "FL FR SL SR", 133: "FL FR LFE", 134: "FL FR LFE BC",
    135: "FL FR LFE SL SR", 136: "FL FR FC LFE", 137: "FL FR FC LFE BC", 138: "FL FR SL SR LFE",
    139: "FL FR SL SR FC BC", 140: "FL FR SL SR FC BL BR", 141: "FC FL FR SL SR BC",
    142: "FC FL FR SL SR BC LFE", 143: "FC FL FR SL SR BL BR", 144: "FC FL FR SL SR BL BR BC",
    148: "FL FR SL SR FC FLC FRC",
    149: "FC LFE", 150: "FL FC FR", 151: "FL FC FR BC", 152: "FL FC FR LFE",
    153: "FL FR BC LFE", 154: "FL FC FR BC LFE",
}  # fmt: skip
#: Labels of single channels beyond those whose number is their place in the mask.
_LABELS = {33: "BL", 34: "BR", 42: "FC"}


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out what a CAF file holds, and whether it is all there.

    Raises:
        InputError: it is not, or it holds what is not read.
    """
    chunks = {name: (start, length) for name, start, length in _chunks(raw, size)}
    description = read_at(raw, chunks[b"desc"][0], 32) if b"desc" in chunks else b""
    if len(description) < 32 or b"data" not in chunks:
        raise InputError(path, "it is cut off or damaged: it ends before its data chunk")
    rate, codec, flags, packet, per_packet, channels, bits = struct.unpack(">d4sIIIII", description)
    at, length = chunks[b"data"]
    layout = order = None
    if b"chan" in chunks and chunks[b"chan"][1] <= 12 + 20 * 1024:
        layout, order = channel_layout(read_at(raw, *chunks[b"chan"]), channels)
    if codec == b"alac" and flags in _ALAC_FLAGS:
        if _ALAC_FLAGS[flags] == 32:
            raise InputError(
                path,
                "it holds ALAC of 32 bits, whose loudest and noisiest packets libsndfile decodes "
                f"to other samples: {converted_by(path)}",
            )
        table = read_at(raw, *chunks[b"pakt"]) if b"pakt" in chunks else b""
        if at + length > size and len(table) < _PACKET_HEADER_BYTES:
            raise InputError(
                path,
                f"it is cut off: {size:,} of the {at + length:,} bytes it should have, and without "
                "the table of its packets, which is missing, nothing of its ALAC can be decoded",
            )
        require_end(path, size, at + length if length >= 0 else None)
        return Reading([_alac(raw, at, length, table, per_packet)], layout, order=order)
    if codec != b"lpcm" and codec not in _LAWS:
        name = codec_name(codec)
        raise InputError(path, f"it is a CAF file that holds {name}: {converted_by(path)}")
    if not channels or per_packet != 1 or packet % channels or bits > 8 * packet // channels:
        raise InputError(
            path,
            f"its desc chunk contradicts itself: {channels} channels of {bits} bits do not make "
            f"the {packet} bytes a frame that it says",
        )
    kind = _LAWS.get(codec, "float" if flags & _FLOAT else "signed")
    whole_rate = round(rate) if math.isfinite(rate) else 0
    pcm = Pcm(kind, packet // channels, channels, whole_rate, not flags & _LITTLE)
    said = max(0, length - 4) if length >= 0 else None
    found = extent(path, raw, size, at + 4, said)  # after the number of edits
    return Reading([pcm.part(path, raw, at + 4, found.end)], layout, found.warnings, order)


def _alac(raw: IO[bytes], at: int, length: int, table: bytes, per_packet: int) -> Part:
    """Return ALAC as it stands; of a file that is to be salvaged, the packets that are there.

    libsndfile opens no file whose data chunk is longer than it is, and makes sound of packets
    that are not there.
    """
    there = raw.seek(0, io.SEEK_END) - at
    if there >= length:
        return Part(raw)
    sizes = accumulate(_packet_sizes(table[_PACKET_HEADER_BYTES:]))
    packets = sum(1 for _ in takewhile(lambda stop: stop <= there - _EDITS_BYTES, sizes))
    whole = Spliced(raw, [range(at - 8), there.to_bytes(8, "big"), range(at, at + there)])
    frames = int.from_bytes(table[8:16], "big")
    return Part(whole, frames=frames, left=packets * per_packet)


def _packet_sizes(table: bytes) -> Iterator[int]:
    """Yield the sizes of packets: numbers of 7 bits a byte, each byte but the last marked."""
    size = 0
    for byte in table:
        size = size << 7 | byte & 0x7F
        if byte < 0x80:
            yield size
            size = 0


def channel_layout(chunk: bytes, channels: int) -> tuple[str | None, tuple[int, ...] | None]:
    """Return what a chan (CAF) or CHAN (AIFF) chunk says: the layout, and the order of WAV.

    None for both where it does not say it, or says it of another number of channels.
    """
    if len(chunk) < 12:
        return None, None
    tag, mask, count = struct.unpack_from(">III", chunk)
    if tag == _BY_MASK:
        return layout_of_mask(mask, channels), None
    if tag == _BY_DESCRIPTION:
        labels = [
            int.from_bytes(chunk[at : at + 4], "big")
            for at in range(12, 12 + 20 * min(count, channels), 20)
        ]
        speakers = [
            SPEAKERS[label - 1] if 1 <= label <= len(SPEAKERS) else _LABELS.get(label, "")
            for label in labels
        ]
    else:
        speakers = _TAGS.get(tag >> 16, "").split()
    found = in_wav_order(speakers) if len(speakers) == channels else None
    return found if found is not None else (None, None)


def _chunks(raw: IO[bytes], size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and length of each chunk; -1 for data that reach to the end."""
    position = 8
    for _ in range(_MAX_CHUNKS):
        head = read_at(raw, position, 12)
        if len(head) < 12:
            break
        name, length = struct.unpack(">4sq", head)
        yield name, position + 12, length
        position += 12 + length
        if length < 0 or position > size:
            break
