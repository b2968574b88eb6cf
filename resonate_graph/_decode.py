"""Reading sound files: WAV, FLAC, OGG and MP3, in blocks, without trusting what they claim.

libsndfile decodes. What it does not tell is added here: whether a file ends before its container
says it should. No buffer is ever sized from a header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from blake3 import blake3

from ._audio import Audio
from ._errors import AudioError, InputError

FORMATS = {"WAV": "WAV", "WAVEX": "WAV", "RF64": "WAV", "FLAC": "FLAC", "OGG": "OGG", "MP3": "MP3"}

_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class Limits:
    """How long an input may be.

    Attributes:
        warn_minutes: a longer one is warned about, since most steps hold it in memory.
        max_minutes: a longer one is refused.
    """

    warn_minutes: float = 10.0
    max_minutes: float = 30.0


def file_digest(path: Path) -> str:
    """Return the blake3 digest of a file's bytes.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
    except OSError as error:
        raise InputError(path, _system_reason(error)) from error


def decoder_version() -> str:
    """Return what decodes, as it enters keys."""
    import soundfile

    return f"libsndfile {soundfile.__libsndfile_version__}"


def read_audio(path: Path, limits: Limits = Limits()) -> Audio:
    """Return the sound of a WAV, FLAC, OGG or MP3 file at its own rate, all its channels.

    Args:
        path: the file.
        limits: how long it may be.

    Raises:
        InputError: it is no such file, is damaged or cut off, holds no samples or samples that
            are not finite, or is longer than the limit.
    """
    import soundfile

    try:
        with path.open("rb") as raw:
            _require_whole(path, raw)
            raw.seek(0)
            with soundfile.SoundFile(raw) as file:
                samples = _read_blocks(path, file, limits)
                rate = file.samplerate
    except OSError as error:
        raise InputError(path, _system_reason(error)) from error
    except soundfile.LibsndfileError as error:
        raise InputError(path, _libsndfile_reason(path, error)) from error
    try:
        return Audio(samples, rate)
    except AudioError as error:
        raise InputError(path, str(error)) from error


def refuse_length(path: Path, seconds: float, limits: Limits) -> None:
    """Refuse a file that is longer than the limit.

    Raises:
        InputError: it is.
    """
    if seconds > limits.max_minutes * 60:
        raise InputError(
            path,
            f"it is longer than {limits.max_minutes:g} minutes; raise the limit with "
            "--max-minutes (max_minutes in Python), or cut the recording",
        )


def _read_blocks(path: Path, file: Any, limits: Limits) -> np.ndarray[Any, Any]:
    if file.format not in FORMATS:
        raise InputError(path, f"{file.format} is not read; convert it to {_format_list()}")
    claimed = file.frames
    limit_frames = int(limits.max_minutes * 60 * file.samplerate)
    if claimed > limit_frames and _has_frame(file, limit_frames):
        refuse_length(path, claimed / file.samplerate, limits)
    blocks: list[np.ndarray[Any, Any]] = []
    frames = 0
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        blocks.append(block.T)
        frames += len(block)
        if frames > limit_frames:
            refuse_length(path, frames / file.samplerate, limits)
    if not frames:
        claim = f", although it claims {claimed:,} frames" if claimed else ""
        raise InputError(path, f"it holds no samples{claim}")
    if frames < claimed:
        raise InputError(path, f"it is cut off: {frames:,} of the {claimed:,} frames it claims")
    samples = np.concatenate(blocks, axis=1)
    samples.flags.writeable = False
    return samples


def _has_frame(file: Any, frame: int) -> bool:
    """Whether a frame can really be read, whatever the header says; rewinds."""
    import soundfile

    try:
        file.seek(frame)
        found = len(file.read(1, dtype="float32", always_2d=True)) == 1
        file.seek(0)
    except soundfile.LibsndfileError:
        raise InputError(
            Path(file.name if isinstance(file.name, str) else getattr(file.name, "name", "?")),
            f"it is damaged: it claims {file.frames:,} frames, but they cannot be read",
        ) from None
    return found


def _require_whole(path: Path, raw: IO[bytes]) -> None:
    """Refuse a file that is empty or ends before its container says it should."""
    size = raw.seek(0, 2)
    raw.seek(0)
    head = raw.read(12)
    if not head:
        raise InputError(path, "it is empty (0 bytes)")
    promised = None
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        promised = _wav_end(raw, size)
    elif head[:4] == b"OggS":
        promised = _ogg_end(raw, size)
    elif head[:3] == b"ID3" or (head[0] == 0xFF and len(head) > 1 and head[1] >= 0xE0):
        promised = _mp3_end(raw)
    if promised is not None and promised > size:
        raise InputError(path, f"it is cut off: {size:,} of the {promised:,} bytes it should have")


def _wav_end(raw: IO[bytes], size: int) -> int | None:
    """Return where the data chunk says it ends; None where it says nothing (a streamed file)."""
    position, wide = 12, None
    while position + 8 <= size:
        raw.seek(position)
        name, length = struct.unpack("<4sI", raw.read(8))
        if name == b"ds64":
            wide = struct.unpack("<QQ", raw.read(16))[1] if length >= 16 else None
        if name == b"data":
            if length == 0xFFFFFFFF:
                length = wide
            return position + 8 + length if length else None
        position += 8 + length + length % 2
    return None


def _ogg_end(raw: IO[bytes], size: int) -> int | None:
    """Return more than the size where the last page is incomplete or is not marked as the last."""
    raw.seek(max(0, size - (1 << 17)))
    tail = raw.read()
    page = tail.rfind(b"OggS")
    if page < 0 or page + 27 > len(tail):
        return size + 1
    segments = tail[page + 26]
    table = tail[page + 27 : page + 27 + segments]
    end = page + 27 + segments + sum(table)
    last_page = tail[page + 5] & 4
    if len(table) < segments or end > len(tail):
        return size + max(1, end - len(tail))
    return size if last_page else size + 1


def _mp3_end(raw: IO[bytes]) -> int | None:
    """Return where the Xing or Info header says the stream ends; None where there is none."""
    raw.seek(0)
    head = raw.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0),
                                                                     strict=True))  # fmt: skip
    raw.seek(start)
    frame = raw.read(256)
    mark = max(frame.find(b"Xing"), frame.find(b"Info"))
    if mark < 0 or mark + 16 > len(frame):
        return None
    flags = int.from_bytes(frame[mark + 4 : mark + 8], "big")
    if not flags & 2:
        return None
    offset = mark + 8 + (4 if flags & 1 else 0)
    return start + int.from_bytes(frame[offset : offset + 4], "big")


def _libsndfile_reason(path: Path, error: Exception) -> str:
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    if "recognised" in text or "Unspecified" in text:
        return f"this is no {_format_list()} file"
    return f"it is damaged or cut off ({text})"


def _system_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a file"
    return f"cannot be read: {error.strerror or error}"


def _format_list() -> str:
    return "WAV, FLAC, OGG or MP3"
