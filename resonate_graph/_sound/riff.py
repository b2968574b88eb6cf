"""WAV files: RIFF and RF64, walked from chunk to chunk.

libsndfile stops quietly where such a file was cut off.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .parts import Part, Reading, read_at, require_end

_MAX_CHUNKS = 10_000


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out whether a WAV file is all there.

    Raises:
        InputError: it is not.
    """
    require_end(path, size, _wav_end(raw))
    return Reading([Part(raw)])


def wav_chunks(raw: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and length of each chunk of a WAV file, as the file says them."""
    size = raw.seek(0, io.SEEK_END)
    position, wide = 12, None
    for _ in range(_MAX_CHUNKS):
        head = read_at(raw, position, 24)
        if len(head) < 8 or position > size:
            break
        name, length = struct.unpack_from("<4sI", head)
        if name == b"ds64" and len(head) == 24:
            wide = struct.unpack_from("<Q", head, 16)[0]
        if name == b"data" and length == 0xFFFFFFFF:
            length = wide or 0
        yield name, position + 8, length
        if name == b"data" and not length:  # a streamed file says nothing of its end
            break
        position += 8 + length + length % 2


def _wav_end(raw: IO[bytes]) -> int | None:
    """Return where the data chunk says it ends; None where it says nothing (a streamed file)."""
    for name, position, length in wav_chunks(raw):
        if name == b"data":
            return position + length if length else None
    return None
