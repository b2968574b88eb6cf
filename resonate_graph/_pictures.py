"""Pictures of sounds, to be laid side by side: waveform above, spectrogram below, as PNG.

All have the same axes and the same colours for the same levels. A sound is read once, in blocks:
of a long one, each column of the picture shows the mean power, and the extremes of the waveform,
of many windows.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._audio import Audio
from ._decode import audio_blocks

#: The size it is meant to be seen at, in CSS pixels.
WIDTH, HEIGHT = 640, 400

_PIXELS_PER_CSS_PIXEL = 1.5
_DPI = 100
_LEVELS_DBFS = (-110, 0)
_LOWEST_HZ = 20.0
_BANDS = 320
_COLUMNS = 1200
_WINDOW_SECONDS = 0.093
_BLOCK_FRAMES = 1 << 17
_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def picture(sound: Audio | Path, title: str) -> bytes:
    """Return the picture of a sound, or of a sound file, as a PNG file.

    The waveform is the envelope over all channels. The spectrogram is the mean power of the
    channels in dBFS, where a sine of full scale is at 0.

    Raises:
        InputError: the file cannot be read.
    """
    return _draw(_overview(sound), title)


@dataclass(frozen=True)
class _Overview:
    """What a picture shows of a sound, column by column.

    Attributes:
        seconds: the edges of the columns.
        low: the lowest sample of each.
        high: the highest sample.
        hertz: the edges of the bands.
        power: the power of each band, of shape (bands, columns); a sine of full scale has 1.
    """

    seconds: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    hertz: NDArray[Any]
    power: NDArray[Any]


def _overview(sound: Audio | Path) -> _Overview:
    if isinstance(sound, Path):
        with audio_blocks(sound) as (rate, frames, blocks):
            return _summary(rate, frames, blocks)
    starts = range(0, sound.frames, _BLOCK_FRAMES)
    parts = (sound.samples[:, start : start + _BLOCK_FRAMES] for start in starts)
    return _summary(sound.sample_rate, sound.frames, parts)


def _summary(rate: int, frames: int, blocks: Iterator[NDArray[Any]]) -> _Overview:
    window = 1 << max(5, round(math.log2(rate * _WINDOW_SECONDS)))
    hop = window // 8
    while hop < window // 2 and frames > hop * _COLUMNS:
        hop *= 2
    windows_per_column = max(1, math.ceil(frames / hop / _COLUMNS))
    column = windows_per_column * hop
    edges_hz = np.geomspace(min(_LOWEST_HZ, rate / 8), rate / 2, _BANDS + 1)
    # A bin reaches half a bin to either side; a band takes the highest bin that it meets.
    bins = np.floor(edges_hz[:-1] * window / rate + 0.5).astype(int)
    lows, highs, powers = [], [], []
    for part in _windowed(blocks, window, hop, windows_per_column):
        inside = part[:, window // 2 : -(window // 2)]
        starts = np.arange(0, inside.shape[1], column)
        lows.append(np.minimum.reduceat(inside.min(axis=0), starts))
        highs.append(np.maximum.reduceat(inside.max(axis=0), starts))
        power = np.maximum.reduceat(_power(part, rate, window, hop), bins, axis=0)
        first = np.arange(0, power.shape[1], windows_per_column)
        count = np.diff(first, append=power.shape[1])
        powers.append(np.add.reduceat(power, first, axis=1) / count)
    columns = sum(map(len, lows))
    edges = np.minimum(np.arange(columns + 1) * column, frames) / rate
    if not columns:
        return _Overview(edges, np.zeros(0), np.zeros(0), edges_hz, np.zeros((_BANDS, 0)))
    return _Overview(
        edges, np.concatenate(lows), np.concatenate(highs), edges_hz, np.concatenate(powers, axis=1)
    )


def _windowed(
    blocks: Iterator[NDArray[Any]], window: int, hop: int, windows_per_column: int
) -> Iterator[NDArray[Any]]:
    """Yield the sound in parts of whole columns, each with half a window more on either side.

    Beyond its ends the sound is silent. The last part has what is left.
    """
    column = windows_per_column * hop
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
    if rest is not None and rest.shape[1] > half:
        yield np.pad(rest, ((0, 0), (0, half)))


def _power(part: NDArray[Any], rate: int, window: int, hop: int) -> NDArray[Any]:
    """Return the mean power of the channels, of shape (bins, windows)."""
    from scipy import signal

    windows = math.ceil((part.shape[1] - window) / hop)
    *_, power = signal.spectrogram(
        part[:, : (windows - 1) * hop + window],
        rate,
        "hann",
        window,
        window - hop,
        detrend=False,
        scaling="spectrum",
    )
    mean: NDArray[Any] = 2 * power.mean(axis=0)  # a sine of amplitude 1 has the power 1/2
    return mean


def _draw(seen: _Overview, title: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure = Figure((WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI * _PIXELS_PER_CSS_PIXEL)
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.11, y=0.975, ha="left", fontsize=11, parse_math=False)
    end = max(float(seen.seconds[-1]), 1e-3)

    wave = figure.add_axes((0.11, 0.69, 0.74, 0.22))
    wave.set_axisbelow(True)
    sides = np.repeat(seen.seconds, 2)[1:-1]
    wave.fill_between(sides, np.repeat(seen.low, 2), np.repeat(seen.high, 2), lw=0.5)
    peak = float(max(1.0, np.abs(seen.low).max(initial=0), np.abs(seen.high).max(initial=0)))
    wave.set(xlim=(0, end), ylim=(-peak, peak), ylabel="amplitude")
    wave.tick_params(labelbottom=False)
    wave.grid(alpha=0.3)

    spectrum = figure.add_axes((0.11, 0.12, 0.74, 0.54))
    with np.errstate(divide="ignore"):
        levels = np.maximum(10 * np.log10(seen.power), _LEVELS_DBFS[0])
    low, high = _LEVELS_DBFS
    mesh = spectrum.pcolormesh(
        seen.seconds, seen.hertz, levels, vmin=low, vmax=high, cmap="magma", rasterized=True
    )
    spectrum.set_yscale("log")
    spectrum.set(xlim=(0, end), ylim=(seen.hertz[0], seen.hertz[-1]))
    spectrum.set(xlabel="time (s)", ylabel="frequency (Hz)")
    spectrum.set_yticks([one for one in _TICKS_HZ if seen.hertz[0] <= one <= seen.hertz[-1]])
    spectrum.yaxis.set_major_formatter(FuncFormatter(lambda hertz, _: _hertz(hertz)))
    spectrum.yaxis.set_minor_locator(NullLocator())
    scale = figure.add_axes((0.865, 0.12, 0.02, 0.54))
    figure.colorbar(mesh, cax=scale, label="level (dBFS)")

    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _hertz(hertz: float) -> str:
    return f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}"
