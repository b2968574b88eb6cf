"""The player and the plots as Streamlit components: no frame, nothing from the network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from .. import pages
from .figure import skeleton
from .jobs import Job
from .loudness import loudest
from .routes import PREFIX, address
from .views import Facts

_DOCUMENT = re.compile(
    r'<div class="rg-player"[^>]*>.*?<script type="application/json">(.*?)</script>', re.DOTALL
)


def players_of(job: Job, page: str) -> list[dict[str, Any]]:
    """Return what the players on the page of a run are told, with addresses of this server.

    What its steps found is marked on what went in, where the page itself marks nothing.
    """
    return [json.loads(one) for one in _documents(job, page)]


@lru_cache(maxsize=8)  # a run that ended stays as it is
def _documents(job: Job, page: str) -> list[str]:
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
    return [json.dumps(one) for one in found]


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
        "figure": json.dumps(figure),
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


def _player() -> Any:
    style, script = _player_texts()
    return st.components.v2.component("resonate_player", css=style, js=script, isolate_styles=False)


@cache
def _player_texts() -> tuple[str, str]:
    embedded = pages.embedded('<div class="rg-player"></div>')
    style = "\n".join(re.findall(r"<style>\n(.*?)</style>", embedded, re.DOTALL))
    script = "\n".join(re.findall(r"<script>\n(.*?)</script>", embedded, re.DOTALL))
    return style, script + _asset("player_in_page.js")


def _plots() -> Any:
    return st.components.v2.component(
        "resonate_plots", css=_asset("plots.css"), js=_asset("plots.js"), isolate_styles=False
    )


def _downloads() -> Any:
    return st.components.v2.component(
        "resonate_downloads", css=_asset("downloads.css"), js=_asset("downloads.js"),
        isolate_styles=False,
    )  # fmt: skip


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
