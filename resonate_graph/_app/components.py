"""The player and the plots as Streamlit components: no frame, nothing from the network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from .. import pages
from .jobs import Job
from .loudness import loudest
from .routes import PREFIX, address
from .views import Facts

_DOCUMENT = re.compile(
    r'<div class="rg-player"[^>]*>.*?<script type="application/json">(.*?)</script>', re.DOTALL
)
_WAVE_HEIGHT, _LOUDNESS_HEIGHT, _SPECTRUM_HEIGHT, _AROUND_HEIGHT = 100, 110, 190, 60
#: How far below the loudest moment the axis of loudness goes, and above it.
_LU_BELOW, _LU_ABOVE = 36.0, 2.0
_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def players_of(job: Job, page: str) -> list[dict[str, Any]]:
    """Return what the players on the page of a run are told, with addresses of this server.

    What its steps found is marked on what went in, where the page itself marks nothing.
    """
    marks = ((job.end or {}).get("found") or {}).get("marks", [])
    text = (job.out / page).read_text(encoding="utf-8")
    found = [json.loads(one) for one in _DOCUMENT.findall(text)]
    for document in found:
        marked = any(track["marks"] for track in document["tracks"])
        for track in document["tracks"]:
            if not marked and track["name"].startswith("input "):
                track["marks"] = marks
            track["url"] = address(job, track["url"])
            picture = track["spectrum"]["src"]
            if not picture.startswith("data:"):
                track["spectrum"]["src"] = address(job, picture)
            file = PurePosixPath(track["file"])
            inside = track["file"] and ".." not in file.parts and not file.is_absolute()
            track["file"] = address(job, track["file"]) if inside else ""
    return found


def show_player(job: Job, page: str, index: int, labels: Mapping[str, str]) -> None:
    """Show a player of a run's page.

    Args:
        job: the run.
        page: its page.
        index: which of the players on it.
        labels: what the files that went in are called by whoever brought them, by input.
    """
    document = players_of(job, page)[index]
    for track in document["tracks"]:
        kind, _, name = track["name"].partition(" ")
        if kind == "input" and name in labels:
            track["note"] = labels[name]
    _player()(
        data={"id": f"{job.id}/{index}", "document": json.dumps(document)},
        key=f"player-{job.id}-{index}",
    )


def show_plots(
    job: Job,
    shown: Mapping[str, Facts],
    *,
    scale: str,
    range_db: tuple[int, int],
    spectra: bool,
    loudness: bool,
) -> None:
    """Show waveforms, loudness and spectrograms of some views, under one axis of time."""
    peaks = {name: loudest(job.views / name) if loudness else None for name in shown}
    highest = max((one for one in peaks.values() if one is not None), default=None)
    figure = skeleton(list(shown.values()), spectra=spectra, scale=scale, highest_lufs=highest)
    rows = [{"view": name, "label": one.label, "seconds": one.seconds, "rate": one.rate,
             "reach": one.reach} for name, one in shown.items()]  # fmt: skip
    told = {
        "base": f"{PREFIX}/runs/{job.id}",
        "figure": figure.to_json(),
        "rows": rows,
        "loudness": highest is not None,
        "spectra": spectra,
        "scale": scale,
        "low": range_db[0],
        "high": range_db[1],
        "plotly": f"{PREFIX}/plotly.min.js",
    }
    _plots()(data=told, key=f"plots-{job.id}")


def show_downloads(links: Mapping[str, str], names: Mapping[str, str], *, key: str) -> None:
    """Show links to files; those that have a name are downloaded under it, others are opened.

    Args:
        links: the address of each, by what the link says.
        names: what they are called, likewise.
        key: what tells these links from others.
    """
    told = [{"label": one, "href": href, "name": names.get(one)} for one, href in links.items()]
    _downloads()(data={"links": told}, key=key)


def skeleton(
    shown: Sequence[Facts], *, spectra: bool, scale: str, highest_lufs: float | None
) -> go.Figure:
    """Return the figure without what is in it: its axes, one of time for all.

    Its rows are a waveform of each, loudness, and a spectrogram of each; its curves are waveforms,
    then loudness of each, then one without points for each spectrogram.

    Args:
        shown: what there is to see.
        spectra: whether there are spectrograms.
        scale: their axis of frequency: ``log`` or ``linear``.
        highest_lufs: the loudest moment of all; None to leave loudness out.
    """
    waves = len(shown)
    above = waves + (highest_lufs is not None)  # how many rows stand above the spectrograms
    count = above + (waves if spectra else 0)
    heights = [_WAVE_HEIGHT] * waves + [_LOUDNESS_HEIGHT] * (above - waves)
    heights += [_SPECTRUM_HEIGHT] * (count - above)
    labels = [one.label for one in shown]
    titles = labels + ["loudness"] * (above - waves) + labels * spectra
    figure = make_subplots(
        rows=count, cols=1, shared_xaxes=True, row_heights=heights,
        vertical_spacing=min(0.04, 0.3 / max(count - 1, 1)), subplot_titles=titles,
    )  # fmt: skip
    seconds = max(one.seconds for one in shown)
    reach = max(0.001, *(one.reach for one in shown)) * 1.05
    for row, one in enumerate(shown, 1):
        figure.add_trace(_curve(one, width=1, fill="toself"), row=row, col=1)
        figure.update_yaxes(range=[-reach, reach], fixedrange=True, row=row, col=1, nticks=3)
    if highest_lufs is not None:
        for one in shown:
            figure.add_trace(_curve(one, width=1.5), row=above, col=1)
        limits = [highest_lufs - _LU_BELOW, highest_lufs + _LU_ABOVE]
        figure.update_yaxes(range=limits, fixedrange=True, row=above, col=1, nticks=4)
        figure.update_yaxes(title_text="LUFS", row=above, col=1)
    for row, one in enumerate(shown if spectra else (), above + 1):
        figure.add_trace(_curve(one, width=0), row=row, col=1)
        figure.update_yaxes(**_frequencies(one.rate, scale), row=row, col=1)
    figure.update_xaxes(range=[0, seconds], minallowed=0, maxallowed=seconds)
    figure.update_xaxes(title_text="s", title_standoff=4, row=count, col=1)
    figure.update_annotations(font_size=12, xanchor="left", x=0)
    figure.update_layout(
        height=sum(heights) + _AROUND_HEIGHT + 18 * count,
        margin={"l": 52, "r": 8, "t": 36, "b": 36},
        dragmode="zoom",
        hovermode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _curve(one: Facts, *, width: float, fill: str = "none") -> go.Scatter:
    """Return a curve without points yet; one without width is there for its axes."""
    return go.Scatter(
        x=[0, one.seconds], y=[None, None], mode="lines", line={"width": width}, fill=fill,
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _frequencies(rate: int, scale: str) -> dict[str, Any]:
    """Return the axis of frequency; a logarithmic one is linear in octaves, with labels in Hz."""
    top = rate / 2
    if scale == "linear":
        return {"range": [0, top], "title_text": "Hz", "minallowed": 0, "maxallowed": top}
    import math

    ticks = [one for one in _TICKS_HZ if one <= top]
    return {
        "range": [math.log10(20), math.log10(top)],
        "minallowed": math.log10(20),
        "maxallowed": math.log10(top),
        "tickvals": [math.log10(one) for one in ticks],
        "ticktext": [f"{one // 1000}k" if one >= 1000 else str(one) for one in ticks],
        "title_text": "Hz",
    }


def _player() -> Any:
    embedded = pages.embedded('<div class="rg-player"></div>')
    style = "\n".join(re.findall(r"<style>\n(.*?)</style>", embedded, re.DOTALL))
    script = "\n".join(re.findall(r"<script>\n(.*?)</script>", embedded, re.DOTALL))
    return st.components.v2.component(
        "resonate_player", css=style, js=script + _asset("player_in_page.js"), isolate_styles=False
    )


def _plots() -> Any:
    return st.components.v2.component(
        "resonate_plots", css=_asset("plots.css"), js=_asset("plots.js"), isolate_styles=False
    )


def _downloads() -> Any:
    return st.components.v2.component(
        "resonate_downloads", css=_asset("downloads.css"), js=_asset("downloads.js"),
        isolate_styles=False,
    )  # fmt: skip


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
