"""Sheets of panels one above the other, over one axis of time, as PNG files.

The same picture has the same bytes each time: whatever a user has set for matplotlib is left out,
and so are dates and versions.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, File, NodeError, Overview

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CHANNELS = 16

DARK, LIGHT, RED, GREEN = "#1f5a94", "#9cc3e6", "#c62828", "#2e7d32"

_DPI = 130
_WIDTH = 10.0
# inches around the panels; on the right there is room for a colour bar
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 0.85, 1.0, 0.62, 0.55, 0.12

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120,
            300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)  # fmt: skip
_MOST_TIMES = 11
_SHORTEST_SECONDS = 1e-3
_REACHES = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_HERTZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
_LEAST_BETWEEN_HERTZ = 0.04

# Parts of matplotlib are shared by all figures, and steps of a graph run side by side.
_ONE_AT_A_TIME = Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in here: one at a time, with matplotlib's own settings."""
    import matplotlib.style

    with _ONE_AT_A_TIME, matplotlib.style.context("default"):
        yield


def sheet(title: str, remark: str, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a title, a remark beside it, and panels of some heights, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = _TOP + sum(heights) + _GAP * (len(heights) - 1) + _BOTTOM
    figure = Figure((_WIDTH, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    top = 1 - 0.32 / height
    figure.text(_LEFT / _WIDTH, top, _drawable(title), fontsize=14, weight="bold", parse_math=False)
    right = 1 - _RIGHT / _WIDTH
    figure.text(right, top, remark, fontsize=10, color="#555555", ha="right", parse_math=False)
    panels = []
    edge = height - _TOP
    for one in heights:
        place = (_LEFT / _WIDTH, (edge - one) / height, right - _LEFT / _WIDTH, one / height)
        panels.append(figure.add_axes(place))
        edge -= one + _GAP
    return figure, panels


def _drawable(text: str) -> str:
    """Return a text with a box for each character that the font does not have."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(weight="bold"))).get_charmap()
    return "".join(one if ord(one) in known else "□" for one in text)


def colour_bar(figure: Figure, panels: Sequence[Axes], shown: Any, label: str) -> None:
    """Draw what the colours mean, beside some panels."""
    first, last = panels[0].get_position(), panels[-1].get_position()
    place = (first.x1 + 0.012, last.y0, 0.016, first.y1 - last.y0)
    bar = figure.colorbar(shown, cax=figure.add_axes(place), label=label)
    bar.ax.tick_params(labelsize=9)


def png(figure: Figure) -> File:
    """Return the figure as a file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return File(content.getvalue(), ".png")


def panel_label(axes: Axes, text: str) -> None:
    """Say in its corner what a panel shows."""
    place = (4 / 72 / _size(axes)[0], 1 - 4 / 72 / _size(axes)[1])
    axes.text(
        *place, text, transform=axes.transAxes, va="top", fontsize=10, parse_math=False,
        bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.85},
    )  # fmt: skip


def _size(axes: Axes) -> tuple[float, float]:
    """Return the width and height of a panel in inches."""
    size = axes.get_window_extent()
    return size.width / _DPI, size.height / _DPI


def time_axis(panels: Sequence[Axes], seconds: float) -> None:
    """Give panels one axis of time, labelled below the last: in s, min:s or h:min:s."""
    end = max(seconds, _SHORTEST_SECONDS)
    step = next((one for one in _SECONDS if end / one <= _MOST_TIMES), _SECONDS[-1])
    times = np.arange(0, end + step * 1e-9, step)
    for axes in panels:
        axes.set_xlim(0, end)
        axes.set_xticks(times)
        axes.tick_params(labelbottom=axes is panels[-1])
    label, text = _clock(end)
    panels[-1].set_xticks(times, [text(float(time)) for time in times])
    panels[-1].set_xlabel(label)


def _clock(end: float) -> tuple[str, Any]:
    if end < 0.5:
        return "time (ms)", lambda time: f"{1000 * time:g}"
    if end < 60:
        return "time (s)", lambda time: f"{time:g}"
    if end < 3600:
        return "time (min:s)", clock
    return "time (h:min:s)", lambda time: clock(time, hours=True)


def clock(seconds: float, *, hours: bool = False) -> str:
    """Return a time as ``4:05``, or as ``1:04:05``."""
    minutes, rest = divmod(round(seconds), 60)
    if not hours:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def frequency_axis(axes: Axes, edges_hz: NDArray[np.float64]) -> None:
    """Label the rows of an image of frequency bands, whatever their scale."""
    bands = len(edges_hz) - 1
    places: list[float] = []
    labels: list[str] = []
    for hertz in (*_HERTZ, float(edges_hz[-1])):  # the last is half the sample rate
        if edges_hz[0] <= hertz <= edges_hz[-1]:
            place = float(np.interp(hertz, edges_hz, np.arange(bands + 1)))
            if not places or place - places[-1] > _LEAST_BETWEEN_HERTZ * bands:
                places.append(place)
                labels.append(f"{hertz / 1000:.3g}k" if hertz >= 1000 else f"{hertz:.3g}")
    axes.set_yticks(places, labels)
    axes.set_ylabel("frequency (Hz)")


def spectrogram(
    axes: Axes, seen: Overview, values: NDArray[Any], limits: tuple[float, float], colours: str
) -> Any:
    """Draw one value per band and column; return what a colour bar is made for."""
    bands = len(seen.hertz) - 1
    columns = values.shape[1]
    # the last column may be cut off by the end of the sound, all others are equally wide
    width = float(seen.seconds[1]) if columns > 1 else max(seen.seconds[-1], _SHORTEST_SECONDS)
    if not columns:
        values, columns = np.full((bands, 1), limits[0]), 1
    shown = axes.imshow(
        values, origin="lower", aspect="auto", extent=(0, columns * width, 0, bands),
        vmin=limits[0], vmax=limits[1], cmap=colours, interpolation="nearest",
    )  # fmt: skip
    axes.set_ylim(0, bands)
    frequency_axis(axes, seen.hertz)
    return shown


def waveform(
    axes: Axes, seen: Overview, channels: slice, reach: float, colours: tuple[str, str | None]
) -> None:
    """Draw the extremes of some channels, and inside them their RMS level."""
    peaks, level = colours
    # two points per column: a sound of one sample is a block, a long one an outline
    sides = np.repeat(seen.seconds, 2)[1:-1]
    low, high = seen.low[channels].min(axis=0), seen.high[channels].max(axis=0)
    axes.fill_between(sides, np.repeat(low, 2), np.repeat(high, 2), color=peaks, lw=0.6)
    if level is not None:
        rms = np.sqrt(seen.mean_square[channels].mean(axis=0))
        # never outside the extremes, as the RMS of an offset would be
        above = np.repeat(np.clip(rms, low, high), 2)
        below = np.repeat(np.clip(-rms, low, high), 2)
        axes.fill_between(sides, below, above, color=level, lw=0)
    axes.axhline(0, color="#00000055", lw=0.5)
    axes.set_ylim(-reach, reach)
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3)


def amplitude_axis(axes: Axes, reach: float) -> None:
    """Label amplitudes on the left, and on the right what they are in dBFS, in steps of 6 dB."""
    parts = (1, 0.5, 0, -0.5, -1)
    axes.set_yticks([part * reach for part in parts], [signed(part * reach) for part in parts])
    axes.set_ylabel("amplitude")
    side = axes.twinx()
    side.set_ylim(-reach, reach)
    highest = 6 * np.floor(20 * np.log10(reach * 1.001) / 6)
    levels = [highest - 6 * index for index in range(3)]
    amplitudes = [10 ** (level / 20) for level in levels]
    side.set_yticks(
        [*amplitudes, 0, *(-one for one in amplitudes)],
        [*map(signed, levels), "−∞", *map(signed, levels)],
        fontsize=9,
    )
    side.set_ylabel("level (dBFS)")
    for ticks in (axes.get_yticklabels(), side.get_yticklabels()):
        for label in ticks:  # at the edges they turn inwards, or two panels' labels meet
            part = label.get_position()[1] / reach
            label.set_verticalalignment(
                "top" if part > 0.95 else "bottom" if part < -0.95 else "center"
            )


def signed(number: float) -> str:
    """Return a number with a true minus sign."""
    return f"{number:g}".replace("-", "−")


def reach_of(seen: Overview) -> float:
    """Return how far the axis of amplitudes goes: 1, or more or less where that says little."""
    peak = float(max(-seen.low.min(initial=0.0), seen.high.max(initial=0.0)))
    if 0.1 <= peak <= 1 or peak == 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(peak))
    return float(next(one * power for one in _REACHES if one * power >= peak))


def remark_of(audio: Audio) -> str:
    """Return what a sheet says beside its title."""
    names = {1: "mono", 2: "stereo"}
    channels = names.get(audio.channels, f"{audio.channels} channels")
    seconds = audio.duration_seconds
    length = f"{seconds:.3g} s" if seconds < 60 else f"{clock(seconds, hours=seconds >= 3600)} min"
    if seconds >= 3600:
        length = length.replace(" min", " h")
    return f"{length} · {channels} · {audio.sample_rate / 1000:g} kHz"


def require_drawable(audio: Audio) -> None:
    """Refuse more channels than a sheet has room for.

    Raises:
        NodeError: there are.
    """
    if audio.channels > MOST_CHANNELS:
        raise NodeError(
            f"a picture has room for {MOST_CHANNELS} channels, this sound has {audio.channels}"
        )
