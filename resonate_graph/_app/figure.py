"""The figure of plotly without what is in it: its axes, one of time for all, and empty curves.

It is written as the plain JSON that plotly takes in the browser: to build it with plotly's classes
took longer than all else on the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .views import Facts

_WAVE_HEIGHT, _LOUDNESS_HEIGHT, _SPECTRUM_HEIGHT, _AROUND_HEIGHT = 100, 110, 190, 60
#: How far below the loudest moment the axis of loudness goes, and above it.
_LU_BELOW, _LU_ABOVE = 36.0, 2.0
_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def skeleton(
    shown: Sequence[Facts], *, spectra: bool, scale: str, highest_lufs: float | None
) -> dict[str, Any]:
    """Return the figure's ``data`` and ``layout``.

    Its rows are a waveform of each, loudness, and a spectrogram of each; its curves are waveforms,
    then loudness of each, then one without points for each spectrogram.

    Args:
        shown: what there is to see.
        spectra: whether there are spectrograms.
        scale: their axis of frequency: ``log`` or ``linear``.
        highest_lufs: the loudest moment of all; None to leave loudness out.
    """
    reach = max(0.001, *(one.reach for one in shown)) * 1.05
    swing = {"range": [-reach, reach], "fixedrange": True, "nticks": 3}
    data = [_curve(one, row, width=1, fill="toself") for row, one in enumerate(shown, 1)]
    rows = [(_WAVE_HEIGHT, one.label, swing) for one in shown]
    if highest_lufs is not None:
        limits = [highest_lufs - _LU_BELOW, highest_lufs + _LU_ABOVE]
        course = {"range": limits, "fixedrange": True, "nticks": 4, "title": {"text": "LUFS"}}
        rows.append((_LOUDNESS_HEIGHT, "loudness", course))
        data += [_curve(one, len(rows), width=1.5) for one in shown]
    for one in shown if spectra else ():
        rows.append((_SPECTRUM_HEIGHT, one.label, _frequencies(one.rate, scale)))
        data.append(_curve(one, len(rows), width=0))
    return {"data": data, "layout": _layout(rows, max(one.seconds for one in shown))}


def _layout(rows: Sequence[tuple[int, str, dict[str, Any]]], seconds: float) -> dict[str, Any]:
    """Return the layout of rows: the height of each, its title, its axis of values."""
    count = len(rows)
    space = min(0.04, 0.3 / max(count - 1, 1))
    whole = sum(height for height, _, _ in rows)
    layout: dict[str, Any] = {
        "height": whole + _AROUND_HEIGHT + 18 * count,
        "margin": {"l": 52, "r": 8, "t": 36, "b": 36},
        "dragmode": "zoom",
        "hovermode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "annotations": [],
    }
    top = 1.0
    for number, (height, title, values) in enumerate(rows, 1):
        axis = _number(number)
        bottom = max(0.0, top - height / whole * (1 - space * (count - 1)))
        time = {"anchor": f"y{axis}", "range": [0, seconds], "minallowed": 0, "maxallowed": seconds}
        time |= (
            {"title": {"text": "s", "standoff": 4}}
            if number == count
            else {"matches": f"x{_number(count)}", "showticklabels": False}
        )
        layout[f"xaxis{axis}"] = time
        layout[f"yaxis{axis}"] = {"anchor": f"x{axis}", "domain": [bottom, top], **values}
        layout["annotations"].append({
            "text": title, "x": 0, "xanchor": "left", "xref": "paper", "y": top, "yref": "paper",
            "yanchor": "bottom", "showarrow": False, "font": {"size": 12},
        })  # fmt: skip
        top = bottom - space
    return layout


def _curve(one: Facts, row: int, *, width: float, fill: str = "none") -> dict[str, Any]:
    """Return a curve without points yet; one without width is there for its axes."""
    return {
        "type": "scatter", "mode": "lines", "line": {"width": width}, "fill": fill,
        "x": [0, one.seconds], "y": [None, None], "xaxis": f"x{_number(row)}",
        "yaxis": f"y{_number(row)}", "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _frequencies(rate: int, scale: str) -> dict[str, Any]:
    """Return the axis of frequency; a logarithmic one is linear in octaves, with labels in Hz."""
    top, title = rate / 2, {"text": "Hz"}
    if scale == "linear":
        return {"range": [0, top], "title": title, "minallowed": 0, "maxallowed": top}
    ticks = [one for one in _TICKS_HZ if one <= top]
    return {
        "range": [math.log10(20), math.log10(top)],
        "minallowed": math.log10(20),
        "maxallowed": math.log10(top),
        "tickvals": [math.log10(one) for one in ticks],
        "ticktext": [f"{one // 1000}k" if one >= 1000 else str(one) for one in ticks],
        "title": title,
    }


def _number(row: int) -> str:
    """Return what plotly calls an axis: the first has no number."""
    return "" if row == 1 else str(row)
