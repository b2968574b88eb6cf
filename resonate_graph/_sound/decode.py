"""Reading sound files: WAV and its like, FLAC, OGG and MP3, without trusting their claims.

libsndfile decodes. What it does not tell, whether the file is all there and of what parts it was
made, `containers` finds out first; `decoding` puts together what it gives.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .._base.errors import AudioError, InputError, ResonateWarning
from .audio import Audio
from .containers import survey
from .decoding import Samples, Sound, damage
from .foreign import converted_by, converted_by_sox
from .known_files import require_regular, system_reason
from .limits import Limits
from .parts import NOT_READ, Part, Silence, damaged, open_forward

#: What libsndfile may find in what `containers` gives it: the others are not tried.
_FORMATS = ("WAV", "WAVEX", "RF64", "AU", "AIFF", "CAF", "FLAC", "OGG", "MP3")
#: What else it may find, and ffmpeg does not read, or not all of it.
_FOR_SOX = ("HTK", "MAT4", "MAT5", "PAF")
_USUAL = Limits()


class Salvaged(NamedTuple):
    """What was read of a file that may be damaged.

    Attributes:
        audio: the sound.
        gaps_seconds: where silence stands for what was lost, as (start, end) in seconds.
    """

    audio: Audio
    gaps_seconds: list[tuple[float, float]]


def _say(code: str, message: str) -> None:
    warnings.warn(f"{code}: {message}", ResonateWarning, stacklevel=5)


def _named(
    warn: Callable[[str, str], None], path: str | os.PathLike[str], code: str, message: str
) -> None:
    warn(code, f"{os.fspath(path)}: {message}")


def read_audio(
    path: str | os.PathLike[str],
    limits: Limits = _USUAL,
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
        samples = _samples(path, sound, limits)
        for code, message in sound.warnings:
            warn(code, message)
    try:
        audio = Audio(samples, sound.sample_rate, sound.layout)
        if sound.digest is not None and sound.layout in (None, audio.layout):
            audio = Audio.trusted(audio.samples, audio.sample_rate, sound.digest, audio.layout)
        return Salvaged(audio, sound.gaps_seconds)
    except AudioError as error:
        raise InputError(path, str(error)) from error


def salvage(path: str | os.PathLike[str], limits: Limits = _USUAL) -> Salvaged:
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
def audio_blocks(path: Path) -> Iterator[tuple[int, int, Iterator[Samples]]]:
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
                frames = sum(block.shape[1] for block in counted.blocks())
        yield sound.sample_rate, frames, sound.blocks()


@contextlib.contextmanager
def _open(path: Path, *, salvage: bool = False) -> Iterator[Sound]:
    import soundfile

    try:
        require_regular(path)
        with path.open("rb") as raw:
            reading = survey(path, raw, salvage=salvage)
            if salvage:
                reading = dataclasses.replace(reading, parts=[*map(_opened, reading.parts)])
            first = next((part for part in reading.parts if isinstance(part, Part)), None)
            if first is None:
                raise InputError(path, "it is damaged: nothing of its sound is left")
            with open_forward(first.raw) as file:
                yield Sound(path, reading, file, salvage)
    except OSError as error:
        raise InputError(path, system_reason(error)) from error
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


def _samples(path: Path, sound: Sound, limits: Limits) -> Samples:
    if sound.first.format not in _FORMATS:
        kind = sound.first.format
        line = converted_by_sox(path, kind) if kind in _FOR_SOX else converted_by(path)
        raise InputError(path, f"{kind} is not read: {line}")
    size = path.stat().st_size
    most = limits.most_frames(sound.channels, sound.sample_rate, size)
    claimed = sound.claimed_frames or 0
    if claimed > most:
        simple = len(sound.reading.parts) == 1
        if not simple or _has_frame(path, sound.first, int(most)):
            limits.refuse(path, sound.channels, claimed, sound.sample_rate)
    samples = sound.samples(most, size)
    frames = samples.shape[1]
    if frames > most:
        limits.refuse(path, sound.channels, frames, sound.sample_rate)
    if not frames:
        claim = f", although it claims {claimed:,} frames" if claimed else ""
        raise InputError(path, f"it holds no samples{claim}")
    if frames < claimed and not sound.salvage:
        raise damaged(path, f"it is cut off: {frames:,} of the {claimed:,} frames it claims")
    samples.flags.writeable = False
    return samples


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
    return damaged(path, damage(error))
