from __future__ import annotations

import struct

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph._sound.wav import HEADER_BYTES, float_wav_header, read_float_wav_header

GIB = 2**30
shapes = st.tuples(st.integers(1, 1000), st.integers(1, 2**32 - 1), st.integers(0, 2**40))


class HollowFile:
    """A header, then as many zero bytes as somebody cares to read; takes no room on a disk."""

    def __init__(self, header: bytes, size: int) -> None:
        self._header = header
        self._size = size
        self._place = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, count: int) -> bytes:
        count = max(0, min(count, self._size - self._place))
        head = self._header[self._place : self._place + count]
        self._place += count
        return head + bytes(count - len(head))


def chunks(header: bytes) -> dict[bytes, bytes]:
    """The chunks of a RIFF header, by the rules of RIFF alone; the data chunk is empty here."""
    found, place = {}, 12
    while place < len(header):
        name, size = struct.unpack_from("<4sI", header, place)
        found[name] = header[place + 8 : place + 8 + size]
        place += 8 + (size if name != b"data" else 0)
    return found


@pytest.mark.parametrize(
    ("channels", "frames", "form"),
    [(2, 44100, b"RIFF"), (2, GIB // 2 - 14, b"RIFF"), (2, GIB // 2 - 13, b"RF64"),
     (2, GIB // 2, b"RF64"), (6, 3 * GIB, b"RF64")],
)  # fmt: skip
def test_rf64_is_used_exactly_where_32_bits_are_too_few(
    channels: int, frames: int, form: bytes
) -> None:
    header = float_wav_header(channels, 48000, frames)
    assert header[:4] == form
    found = chunks(header)
    data_bytes = channels * 4 * frames
    if form == b"RIFF":
        assert struct.unpack_from("<I", header, 4)[0] == HEADER_BYTES + data_bytes - 8
        assert struct.unpack_from("<I", header, HEADER_BYTES - 4)[0] == data_bytes
        assert b"JUNK" in found
    else:
        assert struct.unpack_from("<I", header, 4)[0] == 0xFFFFFFFF
        in_32_bits = struct.unpack_from("<I", header, HEADER_BYTES - 4)[0]
        assert in_32_bits == min(data_bytes, 0xFFFFFFFF)
        riff_size, data_size, sample_count = struct.unpack_from("<QQQ", found[b"ds64"])
        assert (riff_size, data_size) == (HEADER_BYTES + data_bytes - 8, data_bytes)
        assert sample_count == frames


@pytest.mark.parametrize("frames", [0, 1, GIB // 2 - 14, GIB // 2 - 13, 5 * GIB])
def test_libsndfile_agrees_with_the_header_of_files_of_any_size(frames: int) -> None:
    header = float_wav_header(2, 44100, frames)
    with soundfile.SoundFile(HollowFile(header, len(header) + 8 * frames)) as file:
        assert (file.channels, file.samplerate, file.frames) == (2, 44100, frames)
        assert file.subtype == "FLOAT"


@given(shapes)
def test_a_header_reads_back_as_what_it_was_made_of(shape: tuple[int, int, int]) -> None:
    header = float_wav_header(*shape)
    assert len(header) == HEADER_BYTES
    assert read_float_wav_header(header) == (*shape, None)


@given(shapes, st.integers(0, HEADER_BYTES - 1), st.integers(1, 255))
def test_no_changed_byte_reads_back_as_the_same_header(
    shape: tuple[int, int, int], place: int, change: int
) -> None:
    header = bytearray(float_wav_header(*shape))
    header[place] ^= change
    assert read_float_wav_header(bytes(header)) != (*shape, None)


@pytest.mark.parametrize("length", [0, 1, HEADER_BYTES - 1, HEADER_BYTES + 1])
def test_a_header_of_another_length_is_none(length: int) -> None:
    assert read_float_wav_header((float_wav_header(2, 44100, 10) + b"\0")[:length]) is None


def test_zeros_are_no_header() -> None:
    assert read_float_wav_header(bytes(HEADER_BYTES)) is None
