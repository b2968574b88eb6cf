"""Pictures: waveform, spectrogram and loudness as PNG files, a panel for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, File, NodeError, Overview, RunContext, node, overview

from .._common.channels import channel_names
from ..loudness import bs1770
from . import drawing

Title = Annotated[str, Field(max_length=200)]
Scale = Literal["log", "mel", "linear"]
Floor = Annotated[float, Field(ge=-180, le=-20)]

_COLUMNS = 1200
_BANDS = 360
_MOST_CHANGE_DB = 24.0
_SHOWN_LU = 45.0
_LEAST_SHOWN_LU = 20.0


@node(version=1, uses=("matplotlib",))
def plot_waveform(ctx: RunContext, audio: Audio, *, title: Title = "Waveform") -> File:
    """Draw the waveform of each channel: its peaks, and inside them its RMS level.

    The axis goes to full scale, or farther where the sound does; for a sound below -20 dBFS, not
    as far. Where a sound goes beyond full scale, that is marked in red.

    Args:
        ctx: filled in by the engine.
        audio: the sound, of up to 16 channels.
        title: what stands above it.

    Returns:
        A PNG file, 1300 pixels wide.

    Raises:
        NodeError: more than 16 channels.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> plot_waveform(Audio(np.zeros((2, 44100)), 44100)).suffix
        '.png'
    """
    drawing.require_drawable(audio)
    seen = overview(audio, columns=_COLUMNS, progress=ctx.progress)
    reach = drawing.reach_of(seen)
    height = 2.2 if audio.channels == 1 else 1.7 if audio.channels == 2 else 1.2
    with drawing.drawing():
        figure, panels = drawing.sheet(title, drawing.remark_of(audio), [height] * audio.channels)
        for index, (axes, name) in enumerate(
            zip(panels, channel_names(audio.channels, audio.speakers), strict=True)
        ):
            colours = (drawing.LIGHT, drawing.DARK)
            drawing.waveform(axes, seen, slice(index, index + 1), reach, colours)
            if reach > 1:
                _mark_overs(axes, seen, index)
            drawing.amplitude_axis(axes, reach)
            drawing.panel_label(axes, f"{name}: peaks (light), RMS (dark)" if not index else name)
        drawing.time_axis(panels, audio.duration_seconds)
        return drawing.png(figure)


@node(version=1, uses=("matplotlib", "scipy"))
def plot_spectrogram(
    ctx: RunContext,
    audio: Audio,
    *,
    title: Title = "Spectrogram",
    scale: Scale = "log",
    lowest_dbfs: Floor = -110.0,
    window_ms: Annotated[float, Field(ge=1, le=1000)] = 93.0,
) -> File:
    """Draw the spectrogram of each channel: levels in dBFS, where a sine of full scale has 0.

    The same colour is the same level in every picture with the same ``lowest_dbfs``. In a long
    sound each column is the mean power over many windows.

    Args:
        ctx: filled in by the engine.
        audio: the sound, of up to 16 channels.
        title: what stands above it.
        scale: of the frequencies: ``log`` from 20 Hz, ``mel``, or ``linear``.
        lowest_dbfs: what is at or below this level is black.
        window_ms: length of the Hann window: longer tells frequencies apart, shorter moments.

    Returns:
        A PNG file, 1300 pixels wide.

    Raises:
        NodeError: more than 16 channels.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> plot_spectrogram(Audio(np.zeros((2, 44100)), 44100), scale="mel").suffix
        '.png'
    """
    drawing.require_drawable(audio)
    seen = overview(
        audio,
        columns=_COLUMNS,
        bands=_BANDS,
        scale=scale,
        window_seconds=window_ms / 1000,
        progress=ctx.progress,
    )
    height = 4.2 if audio.channels == 1 else 2.9 if audio.channels == 2 else 1.9
    with drawing.drawing():
        figure, panels = drawing.sheet(title, drawing.remark_of(audio), [height] * audio.channels)
        limits = (lowest_dbfs, 0.0)
        for axes, power, name in zip(
            panels, seen.power, channel_names(audio.channels, audio.speakers), strict=True
        ):
            shown = drawing.spectrogram(axes, seen, _levels(power, lowest_dbfs), limits, "magma")
            drawing.panel_label(axes, name)
        drawing.colour_bar(figure, panels, shown, "level (dBFS)")
        drawing.time_axis(panels, audio.duration_seconds)
        return drawing.png(figure)


@node(version=1, uses=("matplotlib", "scipy", "pyloudnorm"))
def plot_loudness(
    ctx: RunContext,
    audio: Audio,
    *,
    title: Title = "Loudness",
    target_lufs: Annotated[float, Field(ge=-70, le=0)] | None = None,
) -> File:
    """Draw momentary and short-term loudness over time, and the integrated loudness.

    After ITU-R BS.1770 and EBU Tech 3341, over all channels, in the order L R C LFE Ls Rs. Each
    value stands at the middle of its window of 0.4 s or 3 s. What lies more than 45 LU below the
    loudest moment is left out.

    Args:
        ctx: filled in by the engine.
        audio: the sound, 1 to 6 channels, 8 kHz or more.
        title: what stands above it.
        target_lufs: a loudness to draw a line at.

    Returns:
        A PNG file, 1300 pixels wide.

    Raises:
        NodeError: more than six channels, or a rate below 8 kHz.
    """
    whole, course = bs1770.measure_over_time(audio, ctx.progress)
    loudest = whole.max_momentary_lufs
    bottom, top = _shown_lufs(course.momentary, (whole.integrated_lufs, target_lufs))
    with drawing.drawing():
        figure, (axes,) = drawing.sheet(title, drawing.remark_of(audio), [3.4])
        if loudest is None or loudest <= bs1770.ABSOLUTE_GATE_LUFS:
            axes.text(0.5, 0.5, "−70 LUFS or less throughout", transform=axes.transAxes,
                      ha="center", color="#555555")  # fmt: skip
        _draw_course(axes, course.momentary, 0.2, bottom, "momentary (0.4 s)", drawing.LIGHT, 0.9)
        _draw_course(axes, course.short_term, 1.5, bottom, "short-term (3 s)", drawing.DARK, 2.0)
        if whole.integrated_lufs is not None:
            text = f"integrated: {drawing.signed(round(whole.integrated_lufs, 1))} LUFS"
            axes.axhline(whole.integrated_lufs, color=drawing.RED, ls="--", lw=1.3, label=text)
        if target_lufs is not None:
            text = f"target: {drawing.signed(target_lufs)} LUFS"
            axes.axhline(target_lufs, color=drawing.GREEN, ls=":", lw=1.6, label=text)
        axes.set_ylim(bottom, top)
        axes.set_yticks(np.arange(bottom, top + 1, 5))
        axes.set_ylabel("loudness (LUFS)")
        axes.set_axisbelow(True)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right", fontsize=9, ncols=4, framealpha=0.9)
        drawing.time_axis([axes], audio.duration_seconds)
        return drawing.png(figure)


@node(version=1, uses=("matplotlib", "scipy"))
def plot_compare(
    ctx: RunContext,
    before: Audio,
    after: Audio,
    *,
    title: Title = "Before and after",
    scale: Scale = "log",
    lowest_dbfs: Floor = -110.0,
) -> File:
    """Draw a sound before and after: both waveforms, both spectrograms, and what changed.

    All channels together: the extremes of their waveforms, the mean of their powers. The last
    panel shows by how many dB the level changed, where there was or is any.

    Args:
        ctx: filled in by the engine.
        before: the sound before.
        after: the sound after, of the same rate and length.
        title: what stands above it.
        scale: of the frequencies, as for `plot_spectrogram`.
        lowest_dbfs: what is at or below this level is black.

    Returns:
        A PNG file, 1300 pixels wide.

    Raises:
        NodeError: the two differ in rate or length.
    """
    if (before.sample_rate, before.frames) != (after.sample_rate, after.frames):
        raise NodeError(f"before is {before}, after is {after}: rate and length have to match")
    seen = [
        overview(
            one,
            columns=_COLUMNS,
            bands=_BANDS,
            scale=scale,
            progress=partial(_of_two, ctx, number),
        )
        for number, one in enumerate((before, after))
    ]
    levels = [_levels(one.power.mean(axis=0), lowest_dbfs) for one in seen]
    with drawing.drawing():
        figure, panels = drawing.sheet(title, drawing.remark_of(before), [1.3, 1.9, 1.9, 1.9])
        wave, *spectra, change = panels
        reach = max(map(drawing.reach_of, seen))
        drawing.waveform(wave, seen[0], slice(None), reach, (drawing.LIGHT, None))
        drawing.waveform(wave, seen[1], slice(None), reach, (drawing.DARK, None))
        drawing.amplitude_axis(wave, reach)
        drawing.panel_label(wave, "before (light) and after (dark)")
        for axes, one, shown, name in zip(spectra, seen, levels, ("before", "after"), strict=True):
            limits = (lowest_dbfs, 0.0)
            image = drawing.spectrogram(axes, one, shown, limits, "magma")
            drawing.panel_label(axes, name)
        drawing.colour_bar(figure, spectra, image, "level (dBFS)")
        limits = (-_MOST_CHANGE_DB, _MOST_CHANGE_DB)
        image = drawing.spectrogram(change, seen[0], levels[1] - levels[0], limits, "RdBu_r")
        drawing.panel_label(change, "change: red is louder after, blue is softer")
        drawing.colour_bar(figure, [change], image, "change (dB)")
        drawing.time_axis(panels, before.duration_seconds)
        return drawing.png(figure)


def _of_two(ctx: RunContext, number: int, done: float, total: float) -> None:
    """Report progress of the first or the second of two sounds of one length."""
    ctx.progress(number * total + done, 2 * total)


def _levels(power: NDArray[Any], lowest_dbfs: float) -> NDArray[Any]:
    with np.errstate(divide="ignore"):
        levels: NDArray[Any] = np.maximum(10 * np.log10(power), lowest_dbfs)
    return levels


def _shown_lufs(momentary: NDArray[Any], lines: Sequence[float | None]) -> tuple[float, float]:
    """Return the lowest and highest loudness of the axis, whole tens and fives of LUFS."""
    named = [one for one in lines if one is not None]
    highest = max([momentary.max(initial=bs1770.ABSOLUTE_GATE_LUFS), *named])
    heard = momentary[momentary > highest - _SHOWN_LU]
    lowest = min([heard.min(initial=highest), *named])
    top = 5 * np.ceil((highest + 1) / 5)
    # room for the legend below
    return min(5 * np.floor((lowest - 4) / 5), top - _LEAST_SHOWN_LU), top


def _mark_overs(axes: Any, seen: Overview, channel: int) -> None:
    """Mark full scale, and where a channel goes beyond it."""
    middles = (seen.seconds[1:] + seen.seconds[:-1]) / 2
    for extreme, sign in ((seen.high[channel], 1.0), (-seen.low[channel], -1.0)):
        axes.axhline(sign, color=drawing.RED, lw=0.8, alpha=0.6)
        over = extreme > 1
        axes.vlines(middles[over], sign, sign * extreme[over], color=drawing.RED, lw=1.2)


def _draw_course(
    axes: Any, loudness: NDArray[Any], start: float, bottom: float, label: str, colour: str,
    width: float,
) -> None:  # fmt: skip
    """Draw loudness over time: of several values for one column, the highest."""
    if loudness.max(initial=-np.inf) <= bs1770.ABSOLUTE_GATE_LUFS:
        return
    per_column = max(1, -(-loudness.size // _COLUMNS))
    highest = np.maximum.reduceat(loudness, np.arange(0, loudness.size, per_column))
    times = start + 0.01 * (np.arange(highest.size) + 0.5) * per_column
    axes.plot(times, np.maximum(highest, bottom - 5), color=colour, lw=width, label=label)
