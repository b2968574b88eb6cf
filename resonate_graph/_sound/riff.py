"""WAV files, walked from chunk to chunk: RIFF, RIFX (big-endian), RF64 and BW64 (64-bit sizes).

RF64 is EBU Tech 3306, BW64 ITU-R BS.2088. libsndfile stops quietly where such a file was cut off.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .foreign import converted_by
from .layouts import layout_of_mask
from .parts import Part, Prefixed, Reading, damaged, read_at
from .pcm import Extent, Pcm, extent, is_mark, wav_header

HEADS = (b"RIFF", b"RIFX", b"RF64", b"BW64")

_MAX_CHUNKS = 10_000
_MAX_FMT_BYTES = 4096
#: As far as the chunks of a file without its beginning are looked for.
_HEADLESS_BYTES = 1 << 16
_WIDE = (b"RF64", b"BW64")
_UNKNOWN = 0xFFFFFFFF

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
#: How the identifier of a sub-format ends that is a format's number: KSDATAFORMAT_SUBTYPE, and that
#: of Ambisonics B-format files.
_SUBTYPES = (
    bytes.fromhex("0000 0000 1000 8000 00aa00389b71"),
    bytes.fromhex("0000 2107 d311 8644 c8c1ca000000"),
)
#: Codecs that libsndfile decodes, by block.
_MS_ADPCM, _IMA_ADPCM, _GSM, _G721 = 2, 0x11, 0x31, 0x40
_DECODED = (_MS_ADPCM, _IMA_ADPCM, _GSM, 0x38, _G721)
_CODECS = {
    0x04: "VSELP", 0x05: "CVSD", 0x08: "DTS", 0x09: "DRM", 0x0A: "Windows Media Voice",
    0x10: "OKI ADPCM", 0x14: "G.723 ADPCM", 0x15: "DIGISTD", 0x16: "DIGIFIX",
    0x17: "Dialogic ADPCM", 0x20: "Yamaha ADPCM", 0x22: "TrueSpeech", 0x28: "LRC",
    0x30: "Dolby AC-2", 0x42: "G.723.1", 0x45: "G.726", 0x50: "MPEG audio (MP1 or MP2)",
    0x55: "MP3",
    0x59: "G.726", 0x61: "Duck DK4 ADPCM", 0x62: "Duck DK3 ADPCM", 0x64: "G.726",
    0x65: "G.722", 0x69: "IMA ADPCM by Xbox", 0x75: "Voxware", 0x83: "G.729",
    0x92: "AC-3 (S/PDIF)", 0xFF: "AAC", 0x111: "Vivo G.723", 0x112: "Vivo Siren",
    0x125: "Sanyo LD-ADPCM", 0x130: "ACELP.net", 0x135: "CELT", 0x160: "WMA 1", 0x161: "WMA 2",
    0x162: "WMA Pro", 0x163: "WMA Lossless", 0x164: "WMA (S/PDIF)", 0x200: "Creative ADPCM",
    0x270: "ATRAC3", 0x594A: "Xan ADPCM", 0x674F: "Vorbis", 0x6750: "Vorbis", 0x6751: "Vorbis",
    0x676F: "Vorbis", 0x6770: "Vorbis", 0x6771: "Vorbis", 0x706D: "AAC", 0x1610: "AAC (ADTS)",
    0x2000: "AC-3", 0x2001: "DTS", 0x2048: "Sonic", 0xA106: "AAC", 0xA109: "Speex",
    0xF1AC: "FLAC", 0x704F: "Opus", 0x028F: "G.722", 0x5756: "WavPack", 0x5346: "Flash ADPCM",
    0x566F: "Vorbis",
}  # fmt: skip


@dataclass(frozen=True)
class Fmt:
    """What a fmt chunk says.

    Attributes:
        codec: the number of the codec, that of the sub-format where it has one.
        channels: how many.
        sample_rate: in Hz.
        block_bytes: bytes of what cannot be divided: a frame, or a block of a codec.
        bits: per sample.
        mask: which loudspeakers the channels are for, a bit each; 0 where it does not say.
        chunk: its bytes, lowest byte of a number first.
    """

    codec: int
    channels: int
    sample_rate: int
    block_bytes: int
    bits: int
    mask: int
    chunk: bytes

    @classmethod
    def of(cls, chunk: bytes) -> Fmt | None:
        """Read a fmt chunk; None where it is too short to be one."""
        if len(chunk) < 14:
            return None
        codec, channels, rate, _, block = struct.unpack_from("<HHIIH", chunk)
        bits = struct.unpack_from("<H", chunk, 14)[0] if len(chunk) >= 16 else 0
        mask = 0
        if codec == _EXTENSIBLE and len(chunk) >= 40:
            mask, subtype = struct.unpack_from("<IH", chunk, 20)
            codec = subtype if chunk[26:40] in _SUBTYPES else _EXTENSIBLE
            if chunk[26:40] == _SUBTYPES[1]:  # Ambisonics are for no loudspeakers
                mask = 0
        return cls(codec, channels, rate, block, bits, mask, chunk)

    @property
    def layout(self) -> str | None:
        """What the channels are, as far as it says."""
        return layout_of_mask(self.mask, self.channels)

    @property
    def is_sensible(self) -> bool:
        """Whether it is one, and not what only looks like it."""
        width = -(-self.bits // 8)
        linear = self.codec in (_PCM, _FLOAT, _ALAW, _ULAW)
        return (linear or self.codec in _DECODED) and (
            not linear or 0 < self.block_bytes == width * self.channels
        )

    @property
    def block_frames(self) -> int:
        """How many frames a block of ADPCM or GSM has, as it says; 0 where it does not."""
        if self.codec not in (_MS_ADPCM, _IMA_ADPCM, _GSM) or len(self.chunk) < 20:
            return 0
        return int(struct.unpack_from("<H", self.chunk, 18)[0])

    def frames_in(self, length: int) -> int | None:
        """Return how many frames of a codec so many bytes hold; None where that is not known."""
        if self.codec == _G721:
            return length * 2 // max(1, self.channels)
        if not self.block_bytes or not self.block_frames:
            return None
        return length // self.block_bytes * self.block_frames

    def pcm(self, path: Path, *, big: bool = False) -> Pcm | None:
        """Return how the samples stand in the file; None where they are compressed.

        Raises:
            InputError: it contradicts itself.
        """
        if self.codec not in (_PCM, _FLOAT, _ALAW, _ULAW):
            return None
        width = -(-self.bits // 8)
        if not self.channels or not width or self.block_bytes != width * self.channels:
            raise InputError(
                path,
                f"its fmt chunk contradicts itself: {self.channels} channels of {self.bits} bits "
                f"do not make the {self.block_bytes} bytes a frame that it says",
            )
        kind = {_FLOAT: "float", _ALAW: "alaw", _ULAW: "ulaw"}.get(
            self.codec, "unsigned" if width == 1 else "signed"
        )
        return Pcm(kind, width, self.channels, self.sample_rate, big)


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out what a WAV file holds, and whether it is all there.

    Raises:
        InputError: it is not, or it holds what is not read.
    """
    big = read_at(raw, 0, 4) == b"RIFX"
    fmt: Fmt | None = None
    frames = None
    for name, position, length in wav_chunks(raw):
        if name == b"fmt ":
            chunk = read_at(raw, position, min(length, _MAX_FMT_BYTES))
            fmt = Fmt.of(_little(chunk) if big else chunk)
        elif name == b"fact":
            frames = int.from_bytes(read_at(raw, position, 4), "big" if big else "little")
        elif name == b"data":
            if fmt is None:
                raise InputError(path, "it is damaged: no fmt chunk says what its samples are")
            return _reading(path, raw, size, fmt, frames, position, big)
    raise InputError(path, "it is cut off or damaged: it ends before its data chunk")


def survey_headless(path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading | None:
    """Find the samples of a file whose beginning is lost, but not its fmt chunk; None elsewhere.

    Raises:
        InputError: it is not to be salvaged, or it holds what is not read.
    """
    found = _behind_head(read_at(raw, 0, _HEADLESS_BYTES))
    if found is None:
        return None
    fmt, frames, start, said = found
    if not salvage:
        raise damaged(path, "it is damaged: its beginning is missing")
    open_end = is_mark(said) or start + said > size
    lost = "its beginning is missing"
    if open_end and not is_mark(said):
        lost += f", and its end ({start + said - size:,} bytes)"
    where = Extent(size if open_end else start + said)
    reading = read_samples(path, raw, fmt, start, where, big=False, frames=frames)
    return replace(reading, lost=lost)


def _behind_head(head: bytes) -> tuple[Fmt, int | None, int, int] | None:
    """Return what a fmt and a fact chunk say, and where the samples begin and how long they are."""
    at = head.find(b"fmt ")
    while at >= 0:
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        fmt = Fmt.of(head[at + 8 : at + 8 + length]) if length <= _MAX_FMT_BYTES else None
        if fmt is not None and fmt.is_sensible:
            frames = None
            for name, start, length in _chunks_from(head, at):
                if name == b"fact":
                    frames = int.from_bytes(head[start : start + 4], "little")
                if name == b"data":
                    return fmt, frames, start, length
        at = head.find(b"fmt ", at + 1)
    return None


def _chunks_from(head: bytes, position: int) -> Iterator[tuple[bytes, int, int]]:
    while len(head) >= position + 8:
        name, length = struct.unpack_from("<4sI", head, position)
        yield name, position + 8, length
        position += 8 + length + length % 2


def read_samples(
    path: Path,
    raw: IO[bytes],
    fmt: Fmt,
    start: int,
    found: Extent,
    *,
    big: bool,
    frames: int | None,
) -> Reading:
    """Return what to decode of a file whose samples a fmt chunk describes.

    Args:
        path: the file's name, for messages.
        raw: the file.
        fmt: what its fmt chunk says.
        start: where the samples begin.
        found: where they end.
        big: whether the highest byte of a sample comes first.
        frames: what its fact chunk says, if it has one.

    Raises:
        InputError: nobody here reads them.
    """
    pcm = fmt.pcm(path, big=big)
    if pcm is not None:
        part = pcm.part(path, raw, start, found.end)
    elif fmt.codec in _DECODED and not big:
        _require_consistent(path, fmt)
        end = min(found.end, raw.seek(0, io.SEEK_END))
        left = None
        if end < found.end:  # to be salvaged: what is there of blocks
            end -= (end - start) % max(1, fmt.block_bytes)
            left = fmt.frames_in(end - start)
        header = wav_header(fmt.chunk, end - start)
        told = _fact(fmt, frames, start, found)
        part = Part(Prefixed(header, raw, start, end), frames=told, left=left)
    else:
        name = _CODECS.get(fmt.codec, f"a codec of number 0x{fmt.codec:04X}")
        raise InputError(path, f"it is a WAV file that holds {name}: {converted_by(path)}")
    return Reading([part], fmt.layout, found.warnings)


def _require_consistent(path: Path, fmt: Fmt) -> None:
    """Refuse what would be decoded to noise: blocks of another size than their frames take.

    Raises:
        InputError: its fmt chunk contradicts itself.
    """
    # a block of IMA ADPCM begins with 4 bytes a channel, which hold its first frame; one of MS
    # ADPCM with 7, which hold two; half a byte a sample follows
    head_bytes, head_frames = {_IMA_ADPCM: (4, 1), _MS_ADPCM: (7, 2)}.get(fmt.codec, (0, 0))
    if not head_bytes or not fmt.block_frames:
        return
    rest = (fmt.block_bytes - head_bytes * fmt.channels) * 2
    if fmt.bits != 4 or not fmt.channels or rest != (fmt.block_frames - head_frames) * fmt.channels:
        raise InputError(
            path,
            f"its fmt chunk contradicts itself: {fmt.block_frames} frames of {fmt.channels} "
            f"channels of {fmt.bits} bits do not make the {fmt.block_bytes} bytes a block that it "
            "says",
        )


def wav_chunks(raw: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and length of each chunk of a WAV file, as the file says them."""
    size = raw.seek(0, io.SEEK_END)
    words = ">4sI" if read_at(raw, 0, 4) == b"RIFX" else "<4sI"
    position, wide = 12, None
    for _ in range(_MAX_CHUNKS):
        head = read_at(raw, position, 24) if position < size else b""
        if len(head) < 8:
            break
        name, length = struct.unpack_from(words, head)
        if name == b"ds64" and len(head) == 24:
            wide = struct.unpack_from("<Q", head, 16)[0]
        if name == b"data" and length == _UNKNOWN:
            length = wide or 0
        yield name, position + 8, length
        if name == b"data" and not length:  # a streamed file says nothing of its end
            break
        position += 8 + length + length % 2


def _reading(
    path: Path, raw: IO[bytes], size: int, fmt: Fmt, frames: int | None, start: int, big: bool
) -> Reading:
    said, whole = _sizes(raw, start, big)
    if said and whole < size and (size - whole) % 2**32 == 0:  # both were counted in 32 bits
        said += (size - start - said) // 2**32 * 2**32
    found = extent(path, raw, size, start, said, whole)
    return read_samples(path, raw, fmt, start, found, big=big, frames=frames)


def _sizes(raw: IO[bytes], start: int, big: bool) -> tuple[int, int]:
    """Return how many bytes the samples have, and where the whole ends, as the file says them."""
    words = ">I" if big else "<I"
    (said,) = struct.unpack(words, read_at(raw, start - 4, 4))
    (whole,) = struct.unpack(words, read_at(raw, 4, 4))
    head = read_at(raw, 0, 36)
    if head[:4] in _WIDE and head[12:16] == b"ds64":
        wide_whole, wide_said = struct.unpack_from("<QQ", head, 20)
        said = wide_said if said == _UNKNOWN else said
        whole = wide_whole if whole == _UNKNOWN else whole
    return said, whole + 8


def _fact(fmt: Fmt, frames: int | None, start: int, found: Extent) -> int | None:
    """Return how many frames of the last block are sound, which only the fact chunk says."""
    per_block = fmt.block_frames
    if not fmt.block_bytes or not per_block:
        return None
    size = found.end - start
    if fmt.codec == _GSM:
        size -= size % fmt.block_bytes  # a byte that makes it even, of which libsndfile makes sound
    most = -(-size // fmt.block_bytes) * per_block
    return frames if frames and most - per_block < frames <= most else None


def _little(chunk: bytes) -> bytes:
    """Return a fmt chunk of a big-endian file as others have it.

    Of the identifier of a sub-format only its number is turned: so SoX writes it.
    """
    words = "HHIIHHHHIH" if len(chunk) >= 40 else "HHIIHH"
    size = struct.calcsize(f">{words}")
    chunk = chunk.ljust(size, b"\0")
    numbers = struct.unpack_from(f">{words}", chunk)
    return struct.pack(f"<{words}", *numbers) + (chunk[size:] if len(chunk) >= 40 else b"")
