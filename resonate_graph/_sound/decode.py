"""Reading sound files: WAV and its like, FLAC, OGG and MP3, in blocks, without trusting claims.

libsndfile decodes. What it does not tell, whether the file is all there and of what parts it was
made, `containers` finds out first. No buffer is ever sized from a header.
"""

from __future__ import annotations

import contextlib
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from .._base.errors import AudioError, InputError, ParamError, ResonateWarning
from .audio import Audio
from .containers import survey
from .layouts import usual_layout
from .parts import NOT_READ, Part, Reading, Silence

#: What libsndfile may find in what `containers` gives it: the others are not tried.
_FORMATS = ("WAV", "WAVEX", "RF64", "AU", "AIFF", "CAF", "FLAC", "OGG", "MP3")

#: Where the channels of a WAV file (L R C LFE Ls Rs ...) stand in Vorbis and Opus (Vorbis I,
#: section 4.3.9), in whose order libsndfile gives them.
_OGG_CHANNELS: dict[int, tuple[int, ...]] = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}
_OGG_CODECS = ("VORBIS", "OPUS")

#: Formats whose channels are what their number says.
_OF_FIXED_LAYOUT = ("FLAC", "OGG")

_BLOCK_FRAMES = 1 << 16
#: How many samples a block has at most: a header may claim a thousand channels.
_BLOCK_SAMPLES = 1 << 18
#: What libsndfile says of a FLAC file that was streamed and does not say how long it is.
_UNKNOWN_FRAMES = 2**63 - 1


#: float32 samples of shape (frames, channels) as they are read, (channels, frames) when joined.
Block = NDArray[np.float32]


@dataclass(frozen=True)
class Limits:
    """How long an input may be.

    Attributes:
        warn_minutes: a longer one is warned about, since most steps hold it in memory.
        max_minutes: a longer one is refused.
    """

    warn_minutes: float = 10.0
    max_minutes: float = 30.0

    def __post_init__(self) -> None:
        for name in ("warn_minutes", "max_minutes"):
            if not getattr(self, name) > 0:  # which NaN is not, either
                raise ParamError(f"{name} is {getattr(self, name)}; give minutes above 0")


def file_digest(path: Path) -> str:
    """Return the blake3 digest of a file's bytes.

    Raises:
        InputError: it cannot be read.
    """
    try:
        _require_regular(path)
        return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
    except OSError as error:
        raise InputError(path, _system_reason(error)) from error


def decoder_version() -> str:
    """Return what decodes, as it enters keys."""
    import soundfile

    libsndfile = soundfile.__libsndfile_version__
    return (
        f"soundfile {soundfile.__version__}, libsndfile {libsndfile}, channels as in WAV, layouts"
    )


def _say(code: str, message: str) -> None:
    warnings.warn(f"{code}: {message}", ResonateWarning, stacklevel=3)


def read_audio(
    path: str | os.PathLike[str],
    limits: Limits = Limits(),
    *,
    warn: Callable[[str, str], None] = _say,
) -> Audio:
    """Return the sound of a WAV, FLAC, OGG or MP3 file at its own rate, all its channels.

    Wave64, AIFF, CAF and AU are read as well, WAV as RIFF, RIFX, RF64 and BW64. A header that was
    never finished (a pipe, a recorder that lost power) is told by a warning, ``unfinished-header``.
    What the channels are is in `Audio.layout`, where the file or its format says it.

    Args:
        path: the file.
        limits: how long it may be.
        warn: told (code, message) of what is odd about the file; a `ResonateWarning` otherwise.

    Raises:
        InputError: it is no such file, is damaged or cut off, holds no samples or samples that
            are not finite, or is longer than the limit.
    """
    path = Path(path)
    with _open(path) as sound:
        samples = _read_blocks(path, sound, limits)
        for code, message in sound.reading.warnings:
            warn(code, f"{path}: {message}")
    try:
        return Audio(samples, sound.sample_rate, sound.layout)
    except AudioError as error:
        raise InputError(path, str(error)) from error


@contextlib.contextmanager
def audio_blocks(path: Path) -> Iterator[tuple[int, int, Iterator[Block]]]:
    """Read a file that `read_audio` accepts without holding all of it in memory.

    Gives the sample rate, the number of frames, and the samples in blocks of shape
    (channels, frames).

    Raises:
        InputError: it cannot be read, here or within the context.
    """
    with _open(path) as sound:
        frames = sound.claimed_frames
        if frames is None:
            with _open(path) as counted:
                frames = sum(len(block) for block in counted.blocks())
        yield sound.sample_rate, frames, (block.T for block in sound.blocks())


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


@dataclass(frozen=True)
class _Sound:
    """A file that was opened: what was found out about it, and its samples.

    Attributes:
        path: its name, for messages.
        reading: what its container says.
        first: its first part, opened.
        sample_rate: in Hz.
    """

    path: Path
    reading: Reading
    first: Any
    sample_rate: int

    @property
    def claimed_frames(self) -> int | None:
        """How many frames there should be; None where nothing says so."""
        first = self._first_part
        said = None if self.first.frames == _UNKNOWN_FRAMES else self.first.frames - first.skip
        counts = [part.frames for part in self.reading.parts if part is not first]
        counts.append(said if first.frames is None else first.frames)
        return None if None in counts else sum(max(0, count) for count in counts if count)

    @property
    def layout(self) -> str | None:
        """What the channels are, as far as the file or its format says."""
        if self.reading.layout is None and self.first.format in _OF_FIXED_LAYOUT:
            return usual_layout(self.first.channels)
        return self.reading.layout

    @property
    def _first_part(self) -> Part:
        return next(part for part in self.reading.parts if isinstance(part, Part))

    def blocks(self) -> Iterator[Block]:
        """Yield the samples in blocks of shape (frames, channels), once."""
        order = self.reading.order
        for block in self._blocks_in_order_of_the_file():
            yield block if order is None else block[:, order]

    def _blocks_in_order_of_the_file(self) -> Iterator[Block]:
        for part in self.reading.parts:
            if isinstance(part, Silence):
                yield from _silence(part.frames, self.first.channels)
            elif part is self._first_part:
                yield from _part_blocks(self.path, self.first, part)
            else:
                with _open_forward(part.raw) as file:
                    self._require_alike(file)
                    yield from _part_blocks(self.path, file, part)

    def _require_alike(self, file: Any) -> None:
        for what, found, first in (
            ("Hz", file.samplerate, self.sample_rate),
            ("channels", file.channels, self.first.channels),
        ):
            if found != first:
                raise InputError(
                    self.path,
                    f"it holds several recordings one after another, of {first} and of {found} "
                    f"{what}: split it first",
                )


@contextlib.contextmanager
def _open(path: Path) -> Iterator[_Sound]:
    import soundfile

    try:
        _require_regular(path)
        with path.open("rb") as raw:
            reading = survey(path, raw)
            first = next(part for part in reading.parts if isinstance(part, Part))
            with _open_forward(first.raw) as file:
                yield _Sound(path, reading, file, file.samplerate)
    except OSError as error:
        raise InputError(path, _system_reason(error)) from error
    except soundfile.LibsndfileError as error:
        raise InputError(path, _libsndfile_reason(error)) from error


def _open_forward(raw: Any) -> Any:
    """Open a file to be read from its beginning to its end."""
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            # Otherwise soundfile seeks after each block to where it is already. An MP3 decoder
            # forgets then what it still needs of the frames before, and may leave a gap.
            return False

    raw.seek(0)
    return Forward(raw)


def _read_blocks(path: Path, sound: _Sound, limits: Limits) -> Block:
    file, rate = sound.first, sound.sample_rate
    if file.format not in _FORMATS:
        raise InputError(path, f"{file.format} is not read; convert it to WAV, FLAC, OGG or MP3")
    claimed = sound.claimed_frames or 0
    limit_frames = limits.max_minutes * 60 * rate
    if claimed > limit_frames:
        simple = len(sound.reading.parts) == 1
        if not simple or _has_frame(path, file, max(0, int(limit_frames))):
            refuse_length(path, claimed / rate, limits)
    blocks: list[Block] = []
    frames = 0
    for block in sound.blocks():
        blocks.append(block.T)
        frames += len(block)
        if frames > limit_frames:
            refuse_length(path, frames / rate, limits)
    if not frames:
        claim = f", although it claims {claimed:,} frames" if claimed else ""
        raise InputError(path, f"it holds no samples{claim}")
    if frames < claimed:
        raise InputError(path, f"it is cut off: {frames:,} of the {claimed:,} frames it claims")
    samples = _joined(blocks, frames)
    samples.flags.writeable = False
    return samples


def _joined(blocks: list[Block], frames: int) -> Block:
    """Put blocks together, and let go of each: a long sound is not held twice.

    From the last to the first, since allocators give back what is free at the end.
    """
    samples = np.empty((blocks[0].shape[0], frames), np.float32)
    stop = frames
    while blocks:
        block = blocks.pop()
        samples[:, stop - block.shape[1] : stop] = block
        stop -= block.shape[1]
    return samples


def _silence(frames: int, channels: int) -> Iterator[Block]:
    for start in range(0, frames, _BLOCK_FRAMES):
        yield np.zeros((min(_BLOCK_FRAMES, frames - start), channels), np.float32)


def _part_blocks(path: Path, file: Any, part: Part) -> Iterator[Block]:
    """Yield the frames of a part that are sound.

    Raises:
        InputError: it holds fewer than its container said.
    """
    skip, left = part.skip, part.frames
    for block in _blocks(file):
        kept = block[min(skip, len(block)) :][:left]
        skip -= min(skip, len(block))
        if left is not None:
            left -= len(kept)
        if len(kept):
            yield kept
        if left == 0:
            return
    if left:
        raise InputError(path, f"it is cut off: {left:,} of {part.frames:,} frames are missing")


def _blocks(file: Any) -> Iterator[Block]:
    order = _OGG_CHANNELS.get(file.channels) if file.subtype in _OGG_CODECS else None
    frames = max(1, min(_BLOCK_FRAMES, _BLOCK_SAMPLES // file.channels))
    while len(block := file.read(frames, dtype="float32", always_2d=True)):
        yield block if order is None else block[:, order]


def _has_frame(path: Path, file: Any, frame: int) -> bool:
    """Whether a frame can really be read, whatever the header says; rewinds."""
    import soundfile

    try:
        file.seek(frame)
        found = len(file.read(1, dtype="float32", always_2d=True)) == 1
        file.seek(0)
    except soundfile.LibsndfileError:
        message = f"it is damaged: it claims {file.frames:,} frames, but they cannot be read"
        raise InputError(path, message) from None
    return found


def _libsndfile_reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    if "recognised" in text or "Unspecified" in text:
        return NOT_READ
    return f"it is damaged or cut off ({text})"


def _require_regular(path: Path) -> None:
    """Refuse what is no file: reading a pipe or a device may never end."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(path, "this is a pipe or a device, not a file")


def _system_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a file"
    return f"cannot be read: {error.strerror or error}"
