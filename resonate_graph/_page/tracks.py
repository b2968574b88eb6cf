"""What a player plays: tracks, marks on them, and what a pair of loudspeakers has of a sound."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._sound.audio import Audio
from .._sound.decode import audio_blocks, read_audio
from .._sound.limits import Limits
from .._sound.workspace import AudioWriter

_LONG_MINUTES = 10

_SIDES = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (0.707, 0.707), "LFE": (0.0, 0.0),
    "BL": (0.707, 0.0), "BR": (0.0, 0.707), "SL": (0.707, 0.0), "SR": (0.0, 0.707),
    "FLC": (1.0, 0.0), "FRC": (0.0, 1.0), "BC": (0.5, 0.5), "TC": (0.5, 0.5),
    "TFL": (0.707, 0.0), "TFR": (0.0, 0.707), "TFC": (0.5, 0.5),
    "TBL": (0.5, 0.0), "TBR": (0.0, 0.5), "TBC": (0.35, 0.35),
}  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A place on a track where something was found.

    Attributes:
        start_s: where it begins, in seconds.
        end_s: where it ends; the same for a moment.
        text: what it is, in a few words.
    """

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Track:
    """A sound in a player.

    Attributes:
        name: what tells it from the others of its player.
        label: what it is called.
        file: where it lies, relative to the page's folder, for those who want the file itself; or
            the content of a sound file; empty for neither.
        sound: its samples; None to read them from `file`.
        group: tracks of one group sound together, each to be muted or heard alone; None for a
            track by itself.
        marks: what was found in it.
        note: a line under its label, such as the settings it was made with.
        lufs: its loudness in LUFS, where that is known; it is measured otherwise.
        true_peak_dbtp: its true peak in dBTP, likewise.
        level_as: the name of the track whose gain it is played with, where its own loudness says
            nothing, as that of what a step took out; None to match it like the others.
    """

    name: str
    label: str
    file: str | Path | bytes = ""
    sound: Audio | None = None
    group: str | None = None
    marks: Sequence[Mark] = ()
    note: str = ""
    lufs: float | None = None
    true_peak_dbtp: float | None = None
    level_as: str | None = None

    @property
    def place(self) -> str:
        """Where its file lies, relative to the page's folder; empty if it has none."""
        return "" if isinstance(self.file, bytes) else Path(self.file).as_posix() * bool(self.file)


def lying(file: str | Path, folder: Path | None) -> Path:
    """Return where a file is that is named as seen from a folder, which need not exist yet."""
    return Path(os.path.normpath((folder or Path()) / file))


@contextmanager
def opened(track: Track, folder: Path | None) -> Iterator[Audio]:
    """Give what two loudspeakers play of a track. A long file is not held in memory.

    Raises:
        InputError: its file cannot be read.
    """
    if track.sound is not None:
        yield folded(track.sound)
        return
    with tempfile.TemporaryDirectory(
        prefix="resonate-page-", ignore_cleanup_errors=True
    ) as scratch:
        if isinstance(track.file, bytes):
            path = Path(scratch) / "file"
            path.write_bytes(track.file)
        else:
            path = lying(track.file, folder)
        writer = _long_sound(path, Path(scratch) / "sound.wav")
        if writer is None:
            yield folded(read_audio(path, Limits(warn_minutes=np.inf, max_minutes=np.inf)))
            return
        try:
            yield writer.finish()
        finally:
            writer.close()


def _long_sound(path: Path, scratch: Path) -> AudioWriter | None:
    """Return a long sound of one or two channels, written into a file; None for others."""
    with audio_blocks(path) as (rate, frames, blocks):
        writer: AudioWriter | None = None
        if frames <= 60 * _LONG_MINUTES * rate:
            return None
        for block in blocks:
            if len(block) > 2:
                return None
            writer = writer or AudioWriter(scratch, len(block), rate, frames)
            writer.write(block)
        return writer


def folded(audio: Audio) -> Audio:
    """Return what two loudspeakers play of a sound: mono and stereo as they are.

    More channels are folded down as ITU-R BS.775 has it, without their LFE; channels of which
    nothing is known go to both sides alike.
    """
    if audio.channels <= 2:
        return audio
    speakers = audio.speakers
    matrix: NDArray[np.float64]
    if speakers is None:
        matrix = np.full((2, audio.channels), 1 / audio.channels)
    else:
        matrix = np.array([_SIDES.get(one, (0.5, 0.5)) for one in speakers]).T
    samples = np.empty((2, audio.frames), np.float32)
    step = 1 << 20
    for start in range(0, audio.frames, step):
        part = slice(start, start + step)
        samples[:, part] = matrix @ audio.samples[:, part]
    samples.flags.writeable = False
    return Audio(samples, audio.sample_rate)
