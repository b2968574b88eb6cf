"""`overview`: what fits on a screen of a sound, column by column: extremes, levels, spectra.

A sound is read once, in blocks. Of a long one, each column stands for many windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._base.libraries import import_whole
from .audio import Audio

_BLOCK_FRAMES = 1 << 17
_SHORTEST_WINDOW = 32

#: How the bands lie: each as wide as the one below times a factor, in S. S. Stevens' mel as
#: D. O'Shaughnessy gives it (2595 log10(1 + f / 700 Hz)), or all alike.
Scale = Literal["log", "mel", "linear"]


@dataclass(frozen=True)
class Overview:
    """What can be shown of a sound, by channel and column.

    Attributes:
        sample_rate: in Hz.
        seconds: the edges of the columns, one more than there are columns.
        low: the lowest sample, of shape (channels, columns).
        high: the highest sample, likewise.
        mean_square: the mean of the squared samples, likewise.
        hertz: the edges of the bands, one more than there are bands; empty without spectra.
        power: the power of each band, of shape (channels, bands, columns): the mean over the
            windows of a column, of the highest bin in the band. A sine of full scale has 1
            (up to 2 dB less where it lies between two bins).
    """

    sample_rate: int
    seconds: NDArray[np.float64]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    mean_square: NDArray[np.float32]
    hertz: NDArray[np.float64]
    power: NDArray[np.float32]


def overview(
    sound: Audio | Path,
    *,
    columns: int = 1200,
    bands: int = 0,
    scale: Scale = "log",
    lowest_hz: float = 20.0,
    window_seconds: float = 0.093,
    progress: Callable[[float, float], object] = lambda done, total: None,
) -> Overview:
    """Return what can be shown of a sound in some columns.

    It needs no more memory for a long sound than for a short one, but for the samples of an
    `Audio` itself.

    Args:
        sound: the sound, or a sound file, which is read in blocks.
        columns: at most so many; a short sound may have fewer.
        bands: how many frequency bands, up to half the sample rate; 0 for no spectra.
        scale: how the bands lie: ``log``, ``mel`` or ``linear``.
        lowest_hz: where the lowest band begins on a log scale, if that is below an eighth of the
            sample rate; the other scales begin at 0.
        window_seconds: length of the Hann window of the spectra, to the nearest power of two in
            samples.
        progress: told how many frames were looked at, of how many; such as `RunContext.progress`.

    Raises:
        InputError: the file cannot be read.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio, overview
        >>> tone = np.sin(2 * np.pi * 1500 * np.arange(48000) / 48000)
        >>> seen = overview(Audio(tone, 48000), columns=100, bands=12, scale="linear")
        >>> np.round(seen.power[0, :2, 50], 3).tolist()
        [1.0, 0.0]
    """

    def summary(rate: int, frames: int, blocks: Iterator[NDArray[np.float32]]) -> Overview:
        edges = _edges(rate, bands, scale, lowest_hz) if bands else np.zeros(0)
        told = _telling(blocks, frames, progress)
        return _summary(rate, frames, told, columns, edges, window_seconds)

    if isinstance(sound, Path):
        from .decode import audio_blocks

        with audio_blocks(sound) as opened:
            return summary(*opened)
    starts = range(0, max(sound.frames, 1), _BLOCK_FRAMES)
    parts = (sound.samples[:, start : start + _BLOCK_FRAMES] for start in starts)
    return summary(sound.sample_rate, sound.frames, parts)


def _telling(
    blocks: Iterator[NDArray[np.float32]], frames: int, progress: Callable[[float, float], object]
) -> Iterator[NDArray[np.float32]]:
    """Yield blocks, and tell how far it is whenever one is asked for."""
    done = 0
    for block in blocks:
        progress(done, max(frames, 1))
        yield block
        done += block.shape[1]


def _edges(rate: int, bands: int, scale: Scale, lowest_hz: float) -> NDArray[np.float64]:
    if scale == "log":
        return np.geomspace(min(lowest_hz, rate / 8), rate / 2, bands + 1)
    if scale == "mel":
        mels = np.linspace(0, 2595 * math.log10(1 + rate / 2 / 700), bands + 1)
        return np.minimum(700 * (10 ** (mels / 2595) - 1), rate / 2)
    return np.linspace(0, rate / 2, bands + 1)


def _summary(
    rate: int,
    frames: int,
    blocks: Iterator[NDArray[np.float32]],
    columns: int,
    edges: NDArray[np.float64],
    window_seconds: float,
) -> Overview:
    bands = max(len(edges) - 1, 0)
    window, hop = _window(rate, frames, columns, window_seconds) if bands else (0, 1)
    windows_per_column = max(1, math.ceil(frames / hop / columns))
    column = windows_per_column * hop
    low, high, square, power = [], [], [], []
    channels = 0
    for part in _overlapping(blocks, window, column):
        channels = len(part)
        inside = part[:, window // 2 : part.shape[1] - window // 2]
        if not inside.shape[1]:
            continue
        starts = np.arange(0, inside.shape[1], column)
        low.append(np.minimum.reduceat(inside, starts, axis=1))
        high.append(np.maximum.reduceat(inside, starts, axis=1))
        lengths = np.diff(starts, append=inside.shape[1])
        squares = np.square(inside, dtype=np.float64)
        square.append(np.add.reduceat(squares, starts, axis=1) / lengths)
        if bands:
            power.append(
                np.stack([
                    _band_powers(one, rate, window, hop, windows_per_column, edges) for one in part
                ])
            )  # fmt: skip
    found = sum(one.shape[1] for one in low)
    return Overview(
        sample_rate=rate,
        seconds=np.minimum(np.arange(found + 1) * column, frames) / rate,
        low=_joined(low, (channels, 0)),
        high=_joined(high, (channels, 0)),
        mean_square=_joined(square, (channels, 0)),
        hertz=edges,
        power=_joined(power, (channels, bands, found)),
    )


def _window(rate: int, frames: int, columns: int, seconds: float) -> tuple[int, int]:
    """Return window and hop in samples: an eighth of the window, or what the columns ask for."""
    window = max(_SHORTEST_WINDOW, 1 << max(0, round(math.log2(rate * seconds))))
    hop = window // 8
    while hop < window // 2 and frames > hop * columns:
        hop *= 2
    while hop > max(1, window // 64) and frames < hop * columns:
        hop //= 2
    return window, hop


def _overlapping(
    blocks: Iterator[NDArray[np.float32]], window: int, column: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the sound in parts of whole columns, each with half a window more on either side.

    Beyond its ends the sound is silent. The last part has what is left, which may be nothing.
    """
    half = window // 2
    rest: NDArray[Any] | None = None
    for block in blocks:
        if rest is None:
            rest = np.zeros((block.shape[0], half), np.float32)
        rest = np.concatenate([rest, block], axis=1)
        whole = (rest.shape[1] - window) // column * column
        if whole > 0:
            yield rest[:, : whole + window]
            rest = rest[:, whole:]
    if rest is not None:
        yield np.pad(rest, ((0, 0), (0, half)))


def _band_powers(
    samples: NDArray[np.float32],
    rate: int,
    window: int,
    hop: int,
    windows_per_column: int,
    edges: NDArray[np.float64],
) -> NDArray[Any]:
    """Return the powers of one channel's part, of shape (bands, columns)."""
    import_whole(["scipy"])
    from scipy.fft import rfft

    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    count = math.ceil((len(samples) - window) / hop)
    windows = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop][:count]
    spectra = rfft(windows * shape, axis=1)
    power = (spectra.real**2 + spectra.imag**2) * np.float32(4 / shape.sum() ** 2)
    power[:, [0, -1]] /= 2  # these two have no mirror image
    bands = _banded(power, edges * window / rate)
    first = np.arange(0, count, windows_per_column)
    lengths = np.diff(first, append=count)
    mean: NDArray[Any] = np.add.reduceat(bands, first, axis=0) / lengths[:, None]
    return mean.T


def _banded(power: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the power of each band, for edges in bins.

    A bin reaches half a bin to either side; a band takes the highest bin that it meets. A band
    narrower than that takes what lies between two bins, so that low notes are no staircases.
    """
    bins = np.floor(edges + 0.5).astype(int)
    bands = np.maximum.reduceat(power[:, : bins[-1] + 1], bins[:-1], axis=1)
    narrow = np.flatnonzero(np.diff(edges) < 1)
    places = np.sqrt(edges[narrow] * edges[narrow + 1])
    below = np.minimum(places.astype(int), power.shape[1] - 2)
    part = (places - below).astype(np.float32)
    bands[:, narrow] = power[:, below] * (1 - part) + power[:, below + 1] * part
    return bands


def _joined(parts: list[NDArray[Any]], empty: tuple[int, ...]) -> NDArray[np.float32]:
    whole = np.concatenate(parts, axis=-1) if parts else np.zeros(empty)
    return whole.astype(np.float32)
