"""Damages sound files at random and reads them: ``python -m tests.torture.fuzz_files ...``.

A process of its own, since what it looks for may end it: each file is written before it is read,
so that the one it ended with lies there. Nothing of it is kept in the repository.
"""

from __future__ import annotations

import io
import random
import re
import resource
import signal
import sys
import time
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from resonate_graph import Audio, InputError, Limits
from resonate_graph._sound.containers import survey
from resonate_graph._sound.decode import read_audio
from tests.files import MARKED_OGG, fixed_pages, write_lame

#: Longer than any of these files may take, many times over.
_MOST_SECONDS = 20
#: What a survey may hold at a time: four times the file, and a constant.
_MOST_TIMES, _MOST_BYTES = 4, 16 << 20
#: What may be allocated beside what the process has when it begins.
_MOST_MEMORY = 2 << 30

_SOUND_FILES = (
    ("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("WAV", "GSM610"),
    ("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_24"),
    ("AIFF", "IMA_ADPCM"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("AU", "PCM_16"),
    ("AU", "G721_32"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
)  # fmt: skip
_OF_ONE_CHANNEL = ("GSM610", "G721_32")
#: What the parts of files that follow one another begin with.
_UNITS = re.compile(rb"OggS\0|\xff[\xf8\xfb]|fLaC|data|fmt ")


def seeds(folder: Path) -> list[bytes]:
    """Return whole files of every kind that is read, and some joined ones."""
    draw = np.random.default_rng(1)
    time_s = np.arange(12_000) / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s) + draw.normal(0, 0.02, (2, len(time_s)))
    contents = []
    for container, subtype in _SOUND_FILES:
        for channels in (1,) if subtype in _OF_ONE_CHANNEL else (1, 2):
            file = io.BytesIO()
            soundfile.write(file, tone[:channels].T, 48_000, subtype, format=container)
            contents.append(file.getvalue())
    for quality in (None, 5.0):
        path = write_lame(Audio(tone, 48_000), folder / "seed.mp3", quality=quality)
        contents.append(path.read_bytes())
    tag = b"ID3\x04\0\0\0\0\x01\0" + bytes(128)
    compressed = [one for one in contents if one.startswith((b"fLaC", b"OggS", b"\xff"))]
    joined = [one + two for one in compressed for two in compressed if one[:4] == two[:4]]
    tagged = [tag + one + b"TAG" + bytes(125) for one in compressed]
    return contents + joined + tagged


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Return a file with one to eight changes."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        kind = draw.choice(
            ("cut", "behead", "flip", "bytes", "zeros", "insert", "delete", "repeat", "number",
             "unit")
        )  # fmt: skip
        length = draw.choice((1, 2, 4, 64, 1024))
        head = draw.random() < 0.4
        place = draw.randrange(min(len(changed), 128 if head else len(changed)) or 1)
        if kind == "cut":
            del changed[place:]
        elif kind == "behead":
            del changed[:place]
        elif kind == "unit":
            changed = _without_or_with_another_unit(changed, draw)
        elif kind == "flip" and changed:
            changed[place] ^= 1 << draw.randrange(8)
        elif kind == "bytes":
            changed[place : place + length] = draw.randbytes(length)
        elif kind == "zeros":
            changed[place : place + length] = bytes(length)
        elif kind == "insert":
            changed[place:place] = draw.randbytes(length)
        elif kind == "delete":
            del changed[place : place + length]
        elif kind == "repeat":
            changed[place:place] = changed[place : place + length]
        elif kind == "number":
            value = draw.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000))
            changed[place : place + 4] = value.to_bytes(4, draw.choice(("big", "little")))
    result = bytes(changed)
    # otherwise checksums keep most of the changes from whatever lies behind them
    return fixed_pages(result) if MARKED_OGG in result and draw.random() < 0.5 else result


def _without_or_with_another_unit(content: bytearray, draw: random.Random) -> bytearray:
    """Return a file of which a page, frame or chunk is missing, there twice, or out of order."""
    starts = [0, *(found.start() for found in _UNITS.finditer(content)), len(content)]
    units = [content[start:stop] for start, stop in pairwise(starts)]
    place, other = draw.randrange(len(units)), draw.randrange(len(units))
    if draw.random() < 0.4:
        del units[place]
    elif draw.random() < 0.5:
        units.insert(place, units[place])
    else:
        units[place], units[other] = units[other], units[place]
    return bytearray(b"".join(units))


def cases(folder: Path, seed: int) -> Iterator[bytes]:
    """Yield damaged files without end."""
    draw = random.Random(seed)
    contents = seeds(folder)
    while True:
        yield damaged(draw.choice(contents), draw)


def read(path: Path) -> None:
    """Read a file in every way, and see that it is read or refused, within bounds.

    Raises:
        AssertionError: it is neither, or needs too much.
    """
    content = path.read_bytes()
    for salvage in (False, True):
        tracemalloc.start()
        try:
            with path.open("rb") as raw:
                survey(path, raw, salvage=salvage)
        except InputError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak <= _MOST_TIMES * len(content) + _MOST_BYTES, f"a survey held {peak:,} bytes"
        try:
            read_audio(path, Limits(max_minutes=5, salvage=salvage), warn=lambda code, text: None)
        except InputError as error:
            text = str(error)
            if not text.startswith(f"{path}: ") or "\n" in text:
                raise


def main() -> None:
    """Damage and read files for some seconds: FOLDER SEED SECONDS."""
    folder, seed, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    end = time.monotonic() + seconds
    path = folder / "case"
    count = 0
    for content in cases(folder, seed):
        path.write_bytes(content)
        signal.alarm(_MOST_SECONDS)
        read(path)
        signal.alarm(0)
        count += 1
        if time.monotonic() >= end:
            break
    path.unlink()
    print(count)


if __name__ == "__main__":
    main()
