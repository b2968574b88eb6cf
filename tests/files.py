"""Sound files for tests: whole ones in every format, and the ways they break."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import lameenc
import numpy as np
import soundfile

from resonate_graph import Audio


def write_sound(audio: Audio, path: Path, subtype: str | None = None) -> Path:
    """Write a file by libsndfile; its suffix says which format."""
    soundfile.write(path, audio.samples.T, audio.sample_rate, subtype)
    return path


def write_lame(audio: Audio, path: Path, *, quality: float | None = None) -> Path:
    """Write an MP3 file as LAME streams it: no header says how long it is."""
    encoder = lameenc.Encoder()
    encoder.set_channels(audio.channels)
    encoder.set_in_sample_rate(audio.sample_rate)
    encoder.set_out_sample_rate(audio.sample_rate)
    encoder.set_bit_rate(64)
    if quality is not None:
        encoder.set_vbr(4)
        encoder.set_vbr_quality(quality)
    encoder.silence()
    samples = (np.clip(audio.samples.T, -1, 1) * 32767).astype("<i2")
    path.write_bytes(bytes(encoder.encode(samples.tobytes())) + bytes(encoder.flush()))
    return path


def claim_flac_frames(content: bytes, frames: int) -> bytes:
    """Change how many frames a FLAC file's STREAMINFO claims; 0 claims nothing."""
    claim = int.from_bytes(content[18:26], "big") & ~((1 << 36) - 1) | frames
    return content[:18] + claim.to_bytes(8, "big") + content[26:]


def flac_frames(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return what stands before the frames of a FLAC file, and the frames: fewer than 128.

    They are found by their sync codes and their numbers, which are a byte then.
    """
    starts: list[int] = []
    for number in range(128):
        pattern = re.compile(b"\xff\xf8.." + re.escape(bytes([number])), re.DOTALL)
        found = pattern.search(content, starts[-1] if starts else 0)
        if not found:
            break
        starts.append(found.start())
    stops = [*starts[1:], len(content)]
    return content[: starts[0]], [content[a:b] for a, b in zip(starts, stops, strict=True)]


def flac_of_claims(frames: int, size: int = 100) -> bytes:
    """Return a FLAC file of some bytes that has a STREAMINFO and nothing else."""
    rate_channels_bits = 44100 << 44 | (2 - 1) << 41 | (16 - 1) << 36 | frames
    stream_info = struct.pack(">HH6x", 4096, 4096) + rate_channels_bits.to_bytes(8, "big")
    head = b"fLaC" + bytes([0x80, 0, 0, 34]) + stream_info + bytes(16)
    return head.ljust(size, b"\0")


def with_bad_sample(audio: Audio, path: Path, value: float) -> Path:
    """Write a float WAV file with one sample that is no number: frame 1000, channel 2."""
    samples = audio.samples.T.copy()
    samples[1000, 1] = value
    soundfile.write(path, samples, audio.sample_rate, "FLOAT")
    return path


def _text(excerpt: Audio, path: Path) -> None:
    path.write_text("This is a text, whatever its name says.\n" * 100)


def _cut(suffix: str, fraction: float) -> Callable[[Audio, Path], None]:
    def make(excerpt: Audio, path: Path) -> None:
        content = write_sound(excerpt, path.with_suffix(suffix)).read_bytes()
        path.with_suffix(suffix).unlink()
        path.write_bytes(content[: round(len(content) * fraction)])

    return make


#: Files that are refused: how to make one, and what is said of it.
REFUSED: dict[str, tuple[Callable[[Audio, Path], object], str]] = {
    "missing.wav": (lambda excerpt, path: None, "there is no such file"),
    "folder.wav": (lambda excerpt, path: path.mkdir(), "this is a folder, not a file"),
    "empty.wav": (lambda excerpt, path: path.touch(), "it is empty (0 bytes)"),
    "text.wav": (_text, "this is no WAV, FLAC, OGG or MP3 file"),
    "cut.wav": (_cut(".wav", 0.5), "it is cut off: 264,622 of the 529,244 bytes it should have"),
    "cut.flac": (_cut(".flac", 0.5), "it is damaged or cut off"),
    "cut.ogg": (_cut(".ogg", 0.5), "it is cut off in the page at byte"),
    "cut.mp3": (_cut(".mp3", 0.5), "it is cut off"),
    "claims.flac": (
        lambda excerpt, path: path.write_bytes(flac_of_claims(68_000_000_000)),
        "it is damaged: it claims 68,000,000,000 frames, but they cannot be read",
    ),
    "silence.wav": (
        lambda excerpt, path: soundfile.write(path, np.zeros((0, 2)), 44100),
        "it holds no samples",
    ),
    "nan.wav": (
        lambda excerpt, path: with_bad_sample(excerpt, path, np.nan),
        "1 samples are not finite; the first is nan at 0.022676 s (frame 1000, channel 2)",
    ),
    "infinite.wav": (
        lambda excerpt, path: with_bad_sample(excerpt, path, -np.inf),
        "1 samples are not finite; the first is -inf at 0.022676 s (frame 1000, channel 2)",
    ),
}


MARKED_OGG = b"OggS"


def ogg_pages(content: bytes) -> list[bytes]:
    """Return the pages of an Ogg file."""
    pages = []
    while content[:4] == MARKED_OGG and len(content) >= 27:
        table = content[27 : 27 + content[26]]
        length = 27 + len(table) + sum(table)
        pages.append(content[:length])
        content = content[length:]
    return pages


def _page_remainders() -> list[int]:
    table = []
    for byte in range(256):
        remainder = byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x104C11DB7 if remainder >> 31 else 0)) & 0xFFFFFFFF
        table.append(remainder)
    return table


_PAGE_REMAINDERS = _page_remainders()


def fixed_page(page: bytes) -> bytes:
    """Return a page with the checksum it should have (RFC 3533, section 6)."""
    remainder = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        remainder = (remainder << 8 & 0xFFFFFFFF) ^ _PAGE_REMAINDERS[remainder >> 24 ^ byte]
    return page[:22] + remainder.to_bytes(4, "little") + page[26:]


def fixed_pages(content: bytes) -> bytes:
    """Return an Ogg file whose pages have the checksums they should have, as far as it is one."""
    pages = ogg_pages(content)
    rest = content[sum(map(len, pages)) :]
    return b"".join(map(fixed_page, pages)) + rest


def mpeg_frames(content: bytes) -> list[int]:
    """Return where the frames of an MP3 file of MPEG-1 begin, from its first byte on."""
    kbps = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    places, position = [], 0
    while content[position : position + 1] == b"\xff" and position + 4 <= len(content):
        places.append(position)
        rate = (44100, 48000, 32000)[content[position + 2] >> 2 & 3]
        padding = content[position + 2] >> 1 & 1
        position += 144_000 * kbps[content[position + 2] >> 4] // rate + padding
    return places


def with_mpeg_counts(content: bytes, frames: int, size: int | None) -> bytes:
    """Return an MP3 file whose header tells of more frames and bytes; without bytes where None."""
    mark = max(content.find(b"Xing", 0, 64), content.find(b"Info", 0, 64))
    flags, count, told = struct.unpack_from(">3I", content, mark + 4)
    assert flags & 3 == 3
    if size is not None:
        changed = struct.pack(">3I", flags, count + frames, told + size)
        return content[: mark + 4] + changed + content[mark + 16 :]
    # what stands behind moves up, and the frame is as long as before
    end = mpeg_frames(content)[1]
    changed = struct.pack(">2I", flags & ~2, count + frames) + content[mark + 16 : end]
    return content[: mark + 4] + changed + bytes(4) + content[end:]
