"""What was written, measured: the true peak of an encoded file as it is decoded again."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, File, RunContext

from .._common.channels import decibels
from ..loudness import bs1770

#: A file is beyond full scale from here: by less, nobody hears it, and rounding may say so.
_OVER_DBTP = 0.05


def note_written(ctx: RunContext, file: File, *, told: bool) -> File:
    """Note the true peak of a file, and warn where it is beyond full scale.

    Args:
        ctx: the encoder's.
        file: what it wrote; it comes back.
        told: whether it was said already that samples are beyond full scale.
    """
    import soundfile

    with soundfile.SoundFile(io.BytesIO(file.content)) as sound:
        peak = decibels(bs1770.true_peak_of(_Forwards(sound).read, sound.frames))
    note_peak(ctx, peak)
    if peak is not None and peak > _OVER_DBTP and not told:
        ctx.warn(
            "true-peak-over",
            f"the true peak of the file is {peak:+.1f} dBTP: players and converters may clip what "
            "is beyond 0; lower the level before encoding",
        )
    return file


def note_peak(ctx: RunContext, peak_dbtp: float | None) -> None:
    """Note the true peak of what was written."""
    if peak_dbtp is None:
        ctx.note(summary="silent")
    else:
        ctx.note(peak_dbtp=peak_dbtp)


def true_peak_dbtp(audio: Audio) -> float | None:
    """Return the true peak of a sound; None for silence."""
    return decibels(bs1770.true_peak(audio))


class _Forwards:
    """Reads a file from its beginning to its end, in stretches that overlap."""

    def __init__(self, sound: Any) -> None:
        self._sound = sound
        self._first = 0
        self._held = np.zeros((sound.channels, 0), np.float32)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of some frames, fewer at the end; none begins before the last."""
        held = self._held[:, start - self._first :]
        missing = stop - start - held.shape[1]
        more = self._sound.read(max(missing, 0), dtype="float32", always_2d=True).T
        self._first, self._held = start, np.concatenate([held, more], axis=1)
        return self._held[:, : stop - start]
