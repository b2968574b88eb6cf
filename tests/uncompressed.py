"""Files of uncompressed samples, written byte by byte: one writer for each container."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

#: Kinds of samples: their bits, and the number of steps full scale has (None for floats).
KINDS: dict[str, int] = {"u8": 8, "s8": 8, "s16": 16, "s24": 24, "s32": 32, "f32": 32, "f64": 64}

SUBTYPE_TAIL = bytes.fromhex("0000 0000 1000 8000 00aa00389b71")


@dataclass(frozen=True)
class Sizes:
    """What a header claims instead of the truth; None for the truth.

    Attributes:
        data: bytes of samples.
        whole: of the file, as the container counts them.
        frames: frames, where the container says them besides.
    """

    data: int | None = None
    whole: int | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Written:
    """A sound to be written.

    Attributes:
        kind: one of `KINDS`.
        samples: integers, or floats for the kinds that begin with f, of shape (frames, channels).
        rate: in Hz.
        sizes: what the header claims.
        mask: of WAV, if the header is to be the extensible one.
    """

    kind: str
    samples: NDArray[np.generic]
    rate: int
    sizes: Sizes = Sizes()
    mask: int | None = None

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def bits(self) -> int:
        return KINDS[self.kind]

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8

    def data(self, *, big: bool) -> bytes:
        order = ">" if big else "<"
        if self.kind == "s24":
            wide = self.samples.astype(f"{order}i4").tobytes()
            four = np.frombuffer(wide, np.uint8).reshape(-1, 4)
            return four[:, 1:].tobytes() if big else four[:, :3].tobytes()
        return self.samples.astype(
            f"{order}{self.kind[0].replace('s', 'i')}{self.bits // 8}"
        ).tobytes()

    def expected(self) -> Samples:
        """Return what a reader has to make of it, in shape (channels, frames)."""
        values = self.samples.T.astype(np.float64)
        if self.kind == "u8":
            values = values - 128
        if not self.kind.startswith("f"):
            values = values / 2.0 ** (self.bits - 1)
        return values.astype(np.float32)

    def claiming(self, **sizes: int) -> Written:
        return replace(self, sizes=Sizes(**sizes))


def drawn(kind: str, frames: int, channels: int, rate: int = 44100, seed: int = 1) -> Written:
    """Return noise of some kind of samples, its extremes included."""
    draw = np.random.default_rng(seed)
    if kind.startswith("f"):
        samples: NDArray[np.generic] = draw.normal(0, 0.4, (frames, channels))
        samples = samples.astype(np.float32 if kind == "f32" else np.float64)
    else:
        bits, low = KINDS[kind], 0 if kind == "u8" else -(2 ** (KINDS[kind] - 1))
        samples = draw.integers(low, low + 2**bits, (frames, channels), dtype=np.int64)
        samples[:1] = low
        samples[1:2] = low + 2**bits - 1
    return Written(kind, samples, rate)


def _or(claimed: int | None, true: int) -> int:
    return true if claimed is None else claimed


def fmt_chunk(sound: Written, *, big: bool = False) -> bytes:
    """Return a fmt chunk without its name and length."""
    order = ">" if big else "<"
    tag = 3 if sound.kind.startswith("f") else 1
    frame = sound.frame_bytes
    plain = struct.pack(
        f"{order}HIIHH", sound.channels, sound.rate, sound.rate * frame, frame, sound.bits
    )
    if sound.mask is None:
        return struct.pack(f"{order}H", tag) + plain
    assert not big
    return (
        struct.pack("<H", 0xFFFE) + plain + struct.pack("<HHIH", 22, sound.bits, sound.mask, tag)
        + SUBTYPE_TAIL
    )  # fmt: skip


def wav(sound: Written, *, head: bytes = b"RIFF", after: bytes = b"") -> bytes:
    big = head == b"RIFX"
    order = ">" if big else "<"
    fmt, data = fmt_chunk(sound, big=big), sound.data(big=big)
    pad = bytes(len(data) % 2)
    body = struct.pack(f"{order}4sI", b"fmt ", len(fmt)) + fmt
    whole = 4 + len(body) + 8 + len(data) + len(pad) + len(after)
    sizes = sound.sizes
    if head in (b"RF64", b"BW64"):
        ds64 = struct.pack(
            "<4sIQQQI", b"ds64", 28, _or(sizes.whole, whole + 36), _or(sizes.data, len(data)),
            _or(sizes.frames, len(sound.samples)), 0,
        )  # fmt: skip
        said, body, whole = 0xFFFFFFFF, ds64 + body, 0xFFFFFFFF
    else:
        said, whole = _or(sizes.data, len(data)), _or(sizes.whole, whole)
    return (
        struct.pack(f"{order}4sI4s", head, whole, b"WAVE") + body
        + struct.pack(f"{order}4sI", b"data", said) + data + pad + after
    )  # fmt: skip


def rifx(sound: Written) -> bytes:
    return wav(sound, head=b"RIFX")


def rf64(sound: Written) -> bytes:
    return wav(sound, head=b"RF64")


def bw64(sound: Written) -> bytes:
    return wav(sound, head=b"BW64")


def w64(sound: Written) -> bytes:
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    fmt, data = fmt_chunk(sound), sound.data(big=False)
    body = b"wave" + tail + b"fmt " + tail + struct.pack("<Q", 24 + len(fmt)) + fmt
    body += bytes(-len(body) % 8)
    body += b"data" + tail + struct.pack("<Q", _or(sound.sizes.data, 24 + len(data))) + data
    body += bytes(-len(body) % 8)
    head = bytes.fromhex("72696666 2e91 cf11 a5d628db04c10000")
    return head + struct.pack("<Q", _or(sound.sizes.whole, 24 + len(body))) + body


def extended(rate: int) -> bytes:
    """Return a number as 80 bits (IEEE 754 extended)."""
    mantissa, exponent = math.frexp(rate)
    return struct.pack(">HQ", 16382 + exponent, int(mantissa * 2**64))


def aiff(sound: Written, *, packed: bytes | None = None, chan: bytes = b"") -> bytes:
    packed = packed or {"f32": b"fl32", "f64": b"fl64", "u8": b"raw "}.get(sound.kind)
    data = sound.data(big=packed != b"sowt")
    sizes = sound.sizes
    common = struct.pack(">HIH", sound.channels, _or(sizes.frames, len(sound.samples)), sound.bits)
    common += extended(sound.rate) + (packed + b"\0\0" if packed else b"")
    body = b"AIFC" if packed else b"AIFF"
    body += struct.pack(">4sI", b"COMM", len(common)) + common
    if chan:
        body += struct.pack(">4sI", b"CHAN", len(chan)) + chan
    body += struct.pack(">4sIII", b"SSND", _or(sizes.data, 8 + len(data)), 0, 0) + data
    body += bytes(len(data) % 2)
    return struct.pack(">4sI", b"FORM", _or(sizes.whole, len(body))) + body


def sowt(sound: Written) -> bytes:
    return aiff(sound, packed=b"sowt")


def caf(sound: Written, *, big: bool = False, chan: bytes = b"") -> bytes:
    data = sound.data(big=big)
    flags = sound.kind.startswith("f") | (0 if big else 2)
    description = struct.pack(
        ">d4sIIIII", sound.rate, b"lpcm", flags, sound.frame_bytes, 1, sound.channels, sound.bits
    )
    content = b"caff\0\1\0\0" + struct.pack(">4sq", b"desc", 32) + description
    if chan:
        content += struct.pack(">4sq", b"chan", len(chan)) + chan
    said = _or(sound.sizes.data, 4 + len(data))
    return content + struct.pack(">4sqI", b"data", said, 0) + data


def caf_big(sound: Written) -> bytes:
    return caf(sound, big=True)


def au(sound: Written, *, head: bytes = b".snd") -> bytes:
    big = head == b".snd"
    code = {"s8": 2, "s16": 3, "s24": 4, "s32": 5, "f32": 6, "f64": 7}[sound.kind]
    data = sound.data(big=big)
    said = _or(sound.sizes.data, len(data))
    words = struct.pack(
        ">6I" if big else "<6I", 28, said, code, sound.rate, sound.channels, 0
    )  # and 4 bytes of annotation
    return head + words + data


def au_little(sound: Written) -> bytes:
    return au(sound, head=b"dns.")


#: Each container with the kinds of samples it has.
CONTAINERS: dict[str, tuple[Callable[[Written], bytes], tuple[str, ...]]] = {
    "wav": (wav, ("u8", "s16", "s24", "s32", "f32", "f64")),
    "rifx": (rifx, ("u8", "s16", "s24", "s32", "f32", "f64")),
    "rf64": (rf64, ("u8", "s16", "s24", "s32", "f32", "f64")),
    "bw64": (bw64, ("u8", "s16", "s24", "s32", "f32", "f64")),
    "w64": (w64, ("u8", "s16", "s24", "s32", "f32", "f64")),
    "aiff": (aiff, ("u8", "s8", "s16", "s24", "s32", "f32", "f64")),
    "sowt": (sowt, ("s16", "s24", "s32")),
    "caf": (caf, ("s8", "s16", "s24", "s32", "f32", "f64")),
    "caf big": (caf_big, ("s8", "s16", "s24", "s32", "f32", "f64")),
    "au": (au, ("s8", "s16", "s24", "s32", "f32", "f64")),
    "au little": (au_little, ("s8", "s16", "s24", "s32", "f32", "f64")),
}
