"""What the frames of MPEG audio (ISO 11172-3, ISO 13818-3) say, without decoding them.

Several in a row are a stream: what was a file by itself, with the frame that says what follows (of
Xing, LAME or Fraunhofer), and with what is wrong between its frames.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import IO, NamedTuple, overload

import numpy as np

from .parts import read_at

#: As much of a frame as tells what it is: a header, a checksum, side information, a mark.
HEAD_BYTES = 4 + 2 + 32 + 4
#: What marks frames that hold no sound: behind their side information, or at one place in all.
INFO_MARKS, VBRI_MARK, VBRI_AT = (b"Xing", b"Info"), b"VBRI", 36

_MPEG_1, _MPEG_2 = 3, 2
LAYER_1, LAYER_2, LAYER_3 = 3, 2, 1
_MPEG_RATES = {
    _MPEG_1: (44100, 48000, 32000),
    _MPEG_2: (22050, 24000, 16000),
    0: (11025, 12000, 8000),
}
_MPEG_KBPS = {
    (_MPEG_1, LAYER_1): tuple(range(32, 480, 32)),
    (_MPEG_1, LAYER_2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (_MPEG_1, LAYER_3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (_MPEG_2, LAYER_1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (_MPEG_2, LAYER_2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (_MPEG_2, LAYER_3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class Header(NamedTuple):
    """What the four bytes of a frame's header say.

    Attributes:
        raw: the four bytes.
        kind: version, layer, sample rate, and whether it is mono: what stays the same.
        layer: as coded in the header.
        length: of the frame in bytes, header included.
        side_info: bytes of side information in Layer III.
        frames: how many frames of sound there are in it.
        protected: whether a checksum follows.
        sample_rate: in Hz.
    """

    raw: bytes
    kind: int
    layer: int
    length: int
    side_info: int
    frames: int
    protected: bool
    sample_rate: int


@lru_cache(maxsize=1024)
def header_of(raw: bytes) -> Header | None:
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
    slot, slots = {LAYER_1: (4, 12), LAYER_2: (1, 144), LAYER_3: (1, 144 if first else 72)}[layer]
    sample_rate = _MPEG_RATES[version][rate_index]
    length = slot * (slots * bit_rate // sample_rate + (bits >> 9 & 1))
    stereo = bits >> 6 & 3 != 3
    return Header(
        raw=raw,
        kind=(bits & 0xFFFE0C00) | stereo,
        layer=layer,
        length=length,
        side_info=(9, 17, 32)[first + stereo],
        frames=8 * slot * slots,
        protected=not bits >> 16 & 1,
        sample_rate=sample_rate,
    )


class Frame(NamedTuple):
    """A frame: where it begins, and its header."""

    start: int
    header: Header

    @property
    def stop(self) -> int:
        return self.start + self.header.length


class Frames(Sequence[Frame]):
    """Frames in the order of the file: where they begin, and the four bytes of their headers.

    An hour of sound has 138,000 of them.
    """

    def __init__(self, starts: Sequence[int] = (), headers: Sequence[bytes] = ()) -> None:
        self.starts = list(starts)
        self.headers = list(headers)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> Frame | Frames:
        if isinstance(index, slice):
            return Frames(self.starts[index], self.headers[index])
        header = header_of(self.headers[index])
        assert header is not None
        return Frame(self.starts[index], header)

    def append(self, start: int, header: Header) -> None:
        """Add a frame that begins at a byte of the file."""
        self.starts.append(start)
        self.headers.append(header.raw)

    def drop_last(self) -> None:
        """Leave out the last one."""
        del self.starts[-1], self.headers[-1]


@dataclass(frozen=True)
class Info:
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

    frame: Frame
    content: bytes
    mark: int
    frames: int | None
    stop: int | None
    delay: int = 0
    padding: int = 0

    def saying(self, frames: int, size: int) -> bytes | None:
        """Return its bytes with other numbers of frames and bytes; None where it says none."""
        if self.content[self.mark : self.mark + 4] == VBRI_MARK or not self.frames:
            return None
        numbers = struct.pack(">II", frames, size)[: 4 if self.stop is None else 8]
        at = self.mark + 8
        return self.content[:at] + numbers + self.content[at + len(numbers) :]

    def is_right(self, frames: int, stop: int) -> bool:
        """Whether it says what is so; the decoder complains of sizes that are far off."""
        near = self.stop is None or abs(self.stop - stop) * 200 <= stop - self.frame.start
        return self.frames == frames and near


@dataclass
class Stream:
    """What was a file by itself.

    Attributes:
        info: the frame that says what follows.
        frames: its frames of sound.
        holes: before which of them there is something else, or something is missing.
        cut: whether its last frame is not all there.
        tail: bytes of something else at its end.
        heads: the beginnings of frames that have checksums, by their index.
    """

    info: Info | None = None
    frames: Frames = field(default_factory=Frames)
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
        return self.frames[0].header.layer if self.frames else LAYER_3


def info_of(raw: IO[bytes], frame: Frame, head: bytes) -> Info | None:
    """Return what a frame says of those that follow; None if it is one of sound."""
    header = frame.header
    if header.layer != LAYER_3:
        return None
    places = (4 + header.side_info, 6 + header.side_info)[: 1 + header.protected]
    mark = next((at for at in places if head[at : at + 4] in INFO_MARKS), None)
    if mark is None and head[VBRI_AT : VBRI_AT + 4] != VBRI_MARK:
        return None
    content = read_at(raw, frame.start, header.length)
    if mark is None:
        if len(content) < 54:
            return None
        told_bytes, told = struct.unpack_from(">II", content, 46)
        return Info(frame, content, VBRI_AT, told, frame.start + told_bytes)
    flags = int.from_bytes(content[mark + 4 : mark + 8], "big")
    at = list(accumulate((4 * (flags & 1), 2 * (flags & 2), 25 * (flags & 4), flags >> 1 & 4),
                         initial=mark + 8))  # fmt: skip
    lame = content[at[4] : at[4] + 24]
    delays = int.from_bytes(lame[21:24], "big") if lame[:4].strip(b"\0") else 0
    told_bytes = int.from_bytes(content[at[1] : at[2]], "big")
    return Info(
        frame,
        content,
        mark,
        frames=int.from_bytes(content[at[0] : at[1]], "big") or None,
        stop=frame.start + told_bytes if told_bytes else None,
        delay=delays >> 12,
        padding=delays & 0xFFF,
    )


def broken_frames(stream: Stream) -> list[int]:
    """Return the frames whose checksums are wrong; none where most are: that is the encoder."""
    indices = [index for index in stream.heads if stream.layer == LAYER_3]
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
