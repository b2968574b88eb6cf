"""Percussion: what rings and what strikes, told apart by the shape of the spectrogram."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.notes import level_dbfs, note_known

Margin = Annotated[float, Field(ge=1, le=20)]

_WINDOW_SECONDS = 2048 / 44_100
_MEDIAN_FRAMES = 31
# A file can claim any rate.
_LEAST_FRAMES, _MOST_FRAMES = 16, 1 << 16
_HOPS_PER_WINDOW = 4
# Long sounds are taken in stretches; so many hops on either side decide what is in a stretch.
_STRETCH_HOPS = 2048
_AROUND_HOPS = _MEDIAN_FRAMES + 2 * _HOPS_PER_WINDOW


class HarmonicPercussive(NamedTuple):
    """What rings, what strikes, and what does neither; together they are the sound.

    Attributes:
        harmonic: tones: what stays in the same place of the spectrum.
        percussive: strikes: what is spread over the spectrum for a moment.
        residual: the rest, exactly; nearly nothing where both margins are 1.
    """

    harmonic: Audio
    percussive: Audio
    residual: Audio


@node(
    version=1,
    uses=("librosa",),
    cost=Cost(seconds_per_second=0.1, bytes_per_input_byte=8),
    besides="all",
)
def hpss(
    ctx: RunContext,
    audio: Audio,
    *,
    harmonic_margin: Margin = 1.0,
    percussive_margin: Margin = 1.0,
) -> HarmonicPercussive:
    """Tell tones and strikes apart: median filtering of the spectrogram, by librosa.

    Along time a median keeps tones, along frequency it keeps strikes (D. Fitzgerald,
    *Harmonic/percussive separation using median filtering*, DAFx 2010); margins above 1 leave what
    is clearly neither to the residual (J. Driedger, M. Müller, S. Disch, *Extending
    harmonic-percussive separation of audio signals*, ISMIR 2014). Windows of 46 ms, medians over 31
    frames, soft masks of power 2. All channels get the same masks, so that the image stays where it
    is. It needs no model, and tells no instruments apart: `separate` does.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        harmonic_margin: how many times stronger than the strikes a tone has to be.
        percussive_margin: how many times stronger than the tones a strike has to be.

    Returns:
        harmonic, percussive and residual, which add up to the sound.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> click = np.zeros(44100)
        >>> click[22050] = 1.0
        >>> tone = 0.1 * np.sin(np.arange(44100) / 10)
        >>> parts = hpss(Audio(tone + click, 44100))
        >>> bool(parts.percussive.samples[0, 22050] > 0.9)
        True
    """
    harmonic = np.zeros(audio.samples.shape, np.float32)
    percussive = np.zeros(audio.samples.shape, np.float32)
    rest = np.zeros(audio.samples.shape, np.float32)
    window = _window_frames(audio.sample_rate)
    for first, start, stop, last in _stretches(audio.frames, window // _HOPS_PER_WINDOW):
        ctx.progress(start, audio.frames)
        masked = _masked(audio.samples[:, first:last], window, (harmonic_margin, percussive_margin))
        for whole, part in zip((harmonic, percussive), masked, strict=True):
            whole[:, start:stop] = part[:, start - first : stop - first]
        kept = slice(start, stop)
        exact = audio.samples[:, kept].astype(np.float64)
        rest[:, kept] = exact - harmonic[:, kept] - percussive[:, kept]
    parts = HarmonicPercussive(
        audio.with_samples(harmonic), audio.with_samples(percussive), audio.with_samples(rest)
    )
    levels = {f"{name}_dbfs": level_dbfs(part) for name, part in parts._asdict().items()}
    note_known(ctx, **levels)
    return parts


def _window_frames(sample_rate: int) -> int:
    """Return the power of two that is nearest to 46 ms."""
    frames = 1 << round(float(np.log2(max(1.0, _WINDOW_SECONDS * sample_rate))))
    return min(_MOST_FRAMES, max(_LEAST_FRAMES, frames))


def _stretches(frames: int, hop: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield what is looked at and what is kept of it: first, start, stop and last frame."""
    for start in range(0, frames, _STRETCH_HOPS * hop):
        stop = min(frames, start + _STRETCH_HOPS * hop)
        yield max(0, start - _AROUND_HOPS * hop), start, stop, stop + _AROUND_HOPS * hop


def _masked(
    samples: NDArray[np.float32], window: int, margins: tuple[float, float]
) -> list[NDArray[np.float32]]:
    """Return the harmonic and the percussive part of some samples."""
    from librosa import istft, stft
    from librosa.decompose import hpss as masks_of

    frames = samples.shape[1]
    padded = np.pad(samples, ((0, 0), (0, max(0, window - frames))))  # librosa warns of short ones
    hop = window // _HOPS_PER_WINDOW
    spectra = stft(padded, n_fft=window, hop_length=hop)
    together = np.sqrt(np.square(np.abs(spectra)).sum(axis=0))
    masks = masks_of(together, kernel_size=_MEDIAN_FRAMES, margin=margins, mask=True)
    return [
        istft(spectra * mask, n_fft=window, hop_length=hop, length=padded.shape[1])[:, :frames]
        for mask in masks
    ]
