"""Reading sound files: WAV and its like, FLAC, OGG and MP3, in blocks, without trusting claims.

libsndfile decodes. What it does not tell, whether the file is all there and of what parts it was
made, `containers` finds out first. No buffer is ever sized from a header.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from .._base.errors import AudioError, InputError, ParamError, ResonateWarning
from .audio import Audio
from .containers import survey
from .foreign import converted_by
from .layouts import usual_layout
from .parts import NOT_READ, Checksum, Part, Reading, Silence, damaged, open_forward

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
#: How many gaps are told by their places in a warning; the report tells all.
_MOST_PLACES = 8


#: float32 samples of shape (frames, channels) as they are read, (channels, frames) when joined.
Block = NDArray[np.float32]


@dataclass(frozen=True)
class Limits:
    """What is read of an input: how long it may be, and whether damaged ones are salvaged.

    Attributes:
        warn_minutes: a longer one is warned about, since most steps hold it in memory.
        max_minutes: a longer one is refused.
        salvage: whether what is left of a damaged file is read, with a warning; it is refused
            otherwise.
    """

    warn_minutes: float = 10.0
    max_minutes: float = 30.0
    salvage: bool = False

    def __post_init__(self) -> None:
        for name in ("warn_minutes", "max_minutes"):
            if not getattr(self, name) > 0:  # which NaN is not, either
                raise ParamError(f"{name} is {getattr(self, name)}; give minutes above 0")


class Salvaged(NamedTuple):
    """What was read of a file that may be damaged.

    Attributes:
        audio: the sound.
        gaps_seconds: where silence stands for what was lost, as (start, end) in seconds.
    """

    audio: Audio
    gaps_seconds: list[tuple[float, float]]


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
    warnings.warn(f"{code}: {message}", ResonateWarning, stacklevel=5)


def _named(
    warn: Callable[[str, str], None], path: str | os.PathLike[str], code: str, message: str
) -> None:
    warn(code, f"{os.fspath(path)}: {message}")


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
        limits: how long it may be, and whether what is left of a damaged one is read.
        warn: told (code, message) of what is odd about the file; a `ResonateWarning` otherwise.

    Raises:
        InputError: it is no such file, is damaged or cut off, holds no samples or samples that
            are not finite, or is longer than the limit.
    """
    return read_with_gaps(path, limits, warn=partial(_named, warn, path))[0]


def read_with_gaps(
    path: str | os.PathLike[str], limits: Limits, *, warn: Callable[[str, str], None]
) -> Salvaged:
    """Return what `read_audio` does, and where there is silence for what was lost.

    Args:
        path: as for `read_audio`.
        limits: as for `read_audio`.
        warn: told (code, message) of what is odd about the file, without its name.

    Raises:
        InputError: as `read_audio`.
    """
    path = Path(path)
    with _open(path, salvage=limits.salvage) as sound:
        samples = _read_blocks(path, sound, limits)
        for code, message in sound.warnings:
            warn(code, message)
    try:
        return Salvaged(Audio(samples, sound.sample_rate, sound.layout), sound.gaps_seconds)
    except AudioError as error:
        raise InputError(path, str(error)) from error


def salvage(path: str | os.PathLike[str], limits: Limits = Limits()) -> Salvaged:
    """Return what is left of a damaged file, and the gaps in it.

    What can be decoded is bit by bit what the whole file would have given, at its place (after a
    gap, Opus settles to it within a few hundredths for about half a second). Where
    something in the middle is lost and the container tells how much (frame numbers of FLAC,
    granules of Ogg, frame counts of MP3), there is silence of that length; after a gap, MP3 and
    Opus go on only where they decode right again. A lost end is left off. A file that is whole is
    read as `read_audio` does. A warning (`salvaged`) says what was lost, and where.

    Args:
        path: the file.
        limits: how long it may be.

    Raises:
        InputError: nothing can be read of it, or it is longer than the limit.

    Example:
        ``audio, gaps = salvage("take.flac")``, then
        ``repair_dropouts(audio, regions_seconds=gaps)``.
    """
    limits = dataclasses.replace(limits, salvage=True)
    return read_with_gaps(path, limits, warn=partial(_named, _say, path))


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
            "`max_minutes=...`, or cut the recording",
        )


@dataclass
class _Sound:
    """A file that was opened: what was found out about it, and its samples.

    Attributes:
        path: its name, for messages.
        reading: what its container says.
        first: its first part, opened.
        salvage: whether it is read in spite of damage.
        warnings: (code, message) of what the listener should know; complete once all was read.
        gaps: where frames are missing, as (start, stop); complete once all was read.
    """

    path: Path
    reading: Reading
    first: Any
    salvage: bool = False
    warnings: list[tuple[str, str]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return int(self.first.samplerate)

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
    def gaps_seconds(self) -> list[tuple[float, float]]:
        """Where frames are missing, in seconds."""
        return [(start / self.sample_rate, stop / self.sample_rate) for start, stop in self.gaps]

    @property
    def _first_part(self) -> Part:
        return next(part for part in self.reading.parts if isinstance(part, Part))

    def blocks(self, *, verify: bool = False) -> Iterator[Block]:
        """Yield the samples in blocks of shape (frames, channels), once.

        Args:
            verify: whether to compare them with the checksum that the file may hold.

        Raises:
            InputError: the file is damaged, and is not to be salvaged.
        """
        order = self.reading.order
        for block in self._blocks_in_order_of_the_file(verify=verify):
            yield block if order is None else block[:, order]

    def _blocks_in_order_of_the_file(self, *, verify: bool) -> Iterator[Block]:
        at = 0
        for part in self.reading.parts:
            missing = part.frames if isinstance(part, Silence) else 0
            if isinstance(part, Part):
                done = 0
                for block in self._part_blocks(part, verify=verify):
                    done += len(block)
                    yield block
                at += done
                missing = max(0, (part.frames or 0) - done)
            if missing:
                yield from _silence(missing, self.first.channels)
                self._add_gap(at, at + missing)
                at += missing
        self._finish(at)

    def _part_blocks(self, part: Part, *, verify: bool) -> Iterator[Block]:
        import soundfile

        left = part.frames
        try:
            with contextlib.ExitStack() as opened:
                file = self.first
                if part is not self._first_part:
                    file = opened.enter_context(open_forward(part.raw))
                    self._require_alike(file)
                blocks = _blocks(file)
                if verify and part.checksum:
                    blocks = opened.enter_context(_Verified(file, part.checksum, self.warnings))
                for block in _cropped(blocks, part):
                    if left is not None:
                        left -= len(block)
                    yield block
        except soundfile.LibsndfileError as error:
            if not self.salvage:
                raise damaged(self.path, _damage(error)) from error
        if left and not self.salvage:
            reason = f"it is cut off: {left:,} of the {part.frames:,} frames it should have"
            raise damaged(self.path, f"{reason} are missing")

    def _add_gap(self, start: int, stop: int) -> None:
        if self.gaps and self.gaps[-1][1] == start:
            start = self.gaps.pop()[0]
        self.gaps.append((start, stop))

    def _finish(self, frames: int) -> None:
        self.warnings += self.reading.warnings
        lost = self.reading.lost
        if self.reading.told > frames:
            lost = f"{(self.reading.told - frames) / self.sample_rate:.2f} s at the end are missing"
        if lost is not None or self.gaps:
            self.warnings.append(("salvaged", _losses(self.gaps_seconds, lost)))

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


class _Verified:
    """The samples of a FLAC file, compared with its checksum while they are decoded.

    Hashing takes a thread of its own: the decoder goes on meanwhile.
    """

    def __init__(self, file: Any, checksum: Checksum, warnings: list[tuple[str, str]]) -> None:
        self._file = file
        self._checksum = checksum
        self._warnings = warnings
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="checksum")

    def __enter__(self) -> Iterator[Block]:
        return self._watched()

    def __exit__(self, *exception: object) -> None:
        self._hasher.shutdown()

    def _watched(self) -> Iterator[Block]:
        # integers of full scale, which float32 holds exactly: those of FLAC have 24 bits at most
        kind, bits = ("int16", 16) if self._checksum.bits <= 16 else ("int32", 32)
        scale = np.float32(2.0 ** (1 - bits))
        pending: Future[None] | None = None
        while len(block := self._file.read(_BLOCK_FRAMES, dtype=kind, always_2d=True)):
            if pending is not None:
                pending.result()  # no more than one waits in memory
            pending = self._hasher.submit(self._update, block)
            yield np.multiply(block, scale, dtype=np.float32)
        if pending is not None:
            pending.result()
        if self._md5.digest() != self._checksum.md5:
            self._warnings.append(("checksum-mismatch", _MISMATCH))

    def _update(self, block: NDArray[Any]) -> None:
        """Add samples as FLAC's encoder saw them: whole bytes, the lowest first."""
        width = self._checksum.bits // 8
        if width != block.dtype.itemsize:
            bytes_ = block.astype(block.dtype.newbyteorder("<")).view(np.uint8)
            upper = bytes_.reshape(-1, block.dtype.itemsize)[:, -width:]
            block = np.ascontiguousarray(upper)
        self._md5.update(block.data)


_MISMATCH = (
    "its samples are not those it was made of: the MD5 checksum it holds is of others, so that "
    "it was damaged or changed"
)


@contextlib.contextmanager
def _open(path: Path, *, salvage: bool = False) -> Iterator[_Sound]:
    import soundfile

    try:
        _require_regular(path)
        with path.open("rb") as raw:
            reading = survey(path, raw, salvage=salvage)
            if salvage:
                reading = dataclasses.replace(reading, parts=[*map(_opened, reading.parts)])
            first = next((part for part in reading.parts if isinstance(part, Part)), None)
            if first is None:
                raise InputError(path, "it is damaged: nothing of its sound is left")
            with open_forward(first.raw) as file:
                yield _Sound(path, reading, file, salvage)
    except OSError as error:
        raise InputError(path, _system_reason(error)) from error
    except soundfile.LibsndfileError as error:
        raise _refusal(path, error) from error


def _opened(part: Part | Silence) -> Part | Silence:
    """Return a part that can be opened, and silence for another where several are left."""
    import soundfile

    if isinstance(part, Silence) or part.frames is None:
        return part
    try:
        open_forward(part.raw).close()
    except soundfile.LibsndfileError:
        return Silence(part.frames)
    return part


def _read_blocks(path: Path, sound: _Sound, limits: Limits) -> Block:
    file, rate = sound.first, sound.sample_rate
    if file.format not in _FORMATS:
        raise InputError(path, f"{file.format} is not read: {converted_by(path)}")
    claimed = sound.claimed_frames or 0
    limit_frames = limits.max_minutes * 60 * rate
    if claimed > limit_frames:
        simple = len(sound.reading.parts) == 1
        if not simple or _has_frame(path, file, max(0, int(limit_frames))):
            refuse_length(path, claimed / rate, limits)
    blocks: list[Block] = []
    frames = 0
    for block in sound.blocks(verify=True):
        blocks.append(block.T)
        frames += len(block)
        if frames > limit_frames:
            refuse_length(path, frames / rate, limits)
    if not frames:
        claim = f", although it claims {claimed:,} frames" if claimed else ""
        raise InputError(path, f"it holds no samples{claim}")
    if frames < claimed and not sound.salvage:
        raise damaged(path, f"it is cut off: {frames:,} of the {claimed:,} frames it claims")
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


def _cropped(blocks: Iterator[Block], part: Part) -> Iterator[Block]:
    """Yield the frames of a part that are sound."""
    skip, left = part.skip, part.frames
    for block in blocks:
        kept = block[min(skip, len(block)) :][:left]
        skip -= min(skip, len(block))
        if left is not None:
            left -= len(kept)
        if len(kept):
            yield kept


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
        raise damaged(path, message) from None
    return found


def _refusal(path: Path, error: Exception) -> InputError:
    text = str(getattr(error, "error_string", error))
    if "recognised" in text or "Unspecified" in text:
        return InputError(path, NOT_READ)
    return damaged(path, _damage(error))


def _damage(error: Exception) -> str:
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return f"it is damaged or cut off ({text})" if text else "it is damaged or cut off"


def _losses(gaps: Sequence[tuple[float, float]], lost: str | None) -> str:
    """Say what was lost of a file, and where."""
    said = []
    if gaps:
        seconds = sum(stop - start for start, stop in gaps)
        places = [f"{start:.3f} to {stop:.3f} s" for start, stop in gaps[:_MOST_PLACES]]
        more = f" and {len(gaps) - len(places)} more" if len(gaps) > len(places) else ""
        kind = "1 gap is" if len(gaps) == 1 else f"{len(gaps)} gaps are"
        said.append(f"{kind} silence, {seconds:.3f} s ({', '.join(places)}{more})")
    if lost:
        said.append(lost)
    return f"it is damaged and was salvaged: {'; '.join(said) or 'nothing is known to be lost'}"


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
