"""What of a file is its sound: a digest that no tag changes, and every other sample does.

It is taken of the bytes as they are coded, so it costs no decoding, and it does not depend on
decoders, which differ in their last bits from machine to machine. FLAC is known by its own checksum
of the samples, so it may be packed anew.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

from blake3 import blake3

from .flac_frames import INFO_BYTES, INFO_HEADERS
from .mpeg_walk import first_frame
from .ogg_pages import FIRST, Walk
from .parts import after_tags, before_tags, read_at
from .riff import wav_chunks

_BLOCK_BYTES = 1 << 20
#: Where STREAMINFO has rate, channels, bits, length and MD5 of the samples.
_FLAC_SOUND = slice(10, INFO_BYTES)
#: Where the fmt chunk of WAV has channels and rate, and bits.
_WAV_SHAPE, _WAV_BITS = slice(2, 8), slice(14, 16)
#: A format tag that says that the real one comes later.
_WAVEX, _WAVEX_TAG = b"\xfe\xff", slice(24, 26)
_OGG_HEADERS = {b"\x01vorbis": 3, b"OpusHead": 2}
#: How the last header of Vorbis begins. The one before it has the tags.
_VORBIS_SETUP = b"\x05vorbis"


def coded_digest(raw: IO[bytes]) -> str | None:
    """Return the digest of the sound in a WAV, FLAC, Ogg or MP3 file; None of any other.

    Of damaged FLAC it is what it was: its frames are for the decoder to judge.
    """
    size = raw.seek(0, io.SEEK_END)
    start = after_tags(raw, 0)
    head = read_at(raw, start, 4)
    hasher = blake3(b"resonate_graph coded sound 1\0")
    pieces: Iterator[bytes]
    if head in (b"RIFF", b"RF64"):
        pieces = _wav(raw)
    elif head == b"fLaC":
        pieces = iter([read_at(raw, start + len(INFO_HEADERS[0]), INFO_BYTES)[_FLAC_SOUND]])
    elif head == b"OggS":
        pieces = _ogg(raw, size)
    elif (first := first_frame(raw, size)) is not None:
        pieces = _blocks(raw, first, before_tags(raw, first, size))
    else:
        return None
    for piece in pieces:
        hasher.update(piece)
    return hasher.hexdigest()


def _blocks(raw: IO[bytes], start: int, stop: int) -> Iterator[bytes]:
    while start < stop and (block := read_at(raw, start, min(_BLOCK_BYTES, stop - start))):
        yield block
        start += len(block)


def _wav(raw: IO[bytes]) -> Iterator[bytes]:
    for name, start, length in wav_chunks(raw):
        if name == b"fmt ":
            fmt = read_at(raw, start, min(length, 40))
            yield fmt[_WAVEX_TAG] if fmt[:2] == _WAVEX else fmt[:2]
            yield fmt[_WAV_SHAPE] + fmt[_WAV_BITS]
        elif name == b"data":
            yield from _blocks(raw, start, start + length)


def _ogg(raw: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the packets of sound, what decodes them, and at which granule each page ends."""
    headers: dict[int, int] = {}
    setup: dict[int, bytes] = {}
    for page in Walk(raw, size).pages():
        body = read_at(raw, page.body, page.stop - page.body)
        if page.flags & FIRST:
            known = (count for mark, count in _OGG_HEADERS.items() if body.startswith(mark))
            headers[page.serial] = next(known, 1) - page.packets
            yield body
        elif headers.get(page.serial, 0) > 0:
            headers[page.serial] -= page.packets
            setup[page.serial] = setup.get(page.serial, b"") + body
            if headers[page.serial] <= 0:
                whole = setup.pop(page.serial)
                yield whole[max(whole.rfind(_VORBIS_SETUP), 0) :] if _is_vorbis(whole) else b""
        else:
            yield page.granule.to_bytes(8, "little")
            yield body


def _is_vorbis(headers: bytes) -> bool:
    return headers.startswith(b"\x03vorbis")
