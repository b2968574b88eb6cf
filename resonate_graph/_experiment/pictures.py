"""Pictures of sounds, to be laid side by side: waveform above, spectrogram below, as PNG.

All have the same axes and the same colours for the same levels.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from .._sound.audio import Audio
from .._sound.overview import Overview, overview

#: The size it is meant to be seen at, in CSS pixels.
WIDTH, HEIGHT = 640, 400

_PIXELS_PER_CSS_PIXEL = 1.5
_DPI = 100
_LEVELS_DBFS = (-110, 0)
_LOWEST_HZ = 20.0
_BANDS = 320
_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def picture(sound: Audio | Path, title: str) -> bytes:
    """Return the picture of a sound, or of a sound file, as a PNG file.

    The waveform is the envelope over all channels. The spectrogram is the mean power of the
    channels in dBFS, where a sine of full scale is at 0.

    Raises:
        InputError: the file cannot be read.
    """
    return _draw(overview(sound, bands=_BANDS, lowest_hz=_LOWEST_HZ), title)


def _draw(seen: Overview, title: str) -> bytes:
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
    lowest, highest = seen.low.min(axis=0), seen.high.max(axis=0)
    wave.fill_between(sides, np.repeat(lowest, 2), np.repeat(highest, 2), lw=0.5)
    peak = float(max(1.0, np.abs(seen.low).max(initial=0), np.abs(seen.high).max(initial=0)))
    wave.set(xlim=(0, end), ylim=(-peak, peak), ylabel="amplitude")
    wave.tick_params(labelbottom=False)
    wave.grid(alpha=0.3)

    spectrum = figure.add_axes((0.11, 0.12, 0.74, 0.54))
    with np.errstate(divide="ignore"):
        levels = np.maximum(10 * np.log10(seen.power.mean(axis=0)), _LEVELS_DBFS[0])
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
