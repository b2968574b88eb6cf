"""Loudness over time of what a run had and made, to be looked at beside its waveform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import Graph, Limits, ResonateError, Settings, read_audio
from .._store.records import APP
from .views import views_in

_MEASURED = {
    "format": 1,
    "name": APP,
    "inputs": {"audio": {"type": "audio"}},
    "nodes": {"measured": {"type": "loudness_over_time", "inputs": {"audio": "$audio"}}},
    "outputs": {"over_time": "measured"},
}
_FILE = "loudness.npz"
#: Parts longer than this are shown as the loudness of 3 s, shorter ones as that of 0.4 s.
_SHORT_TERM_FROM_SECONDS = 30.0
_WORDS = {"momentary": "momentary (0.4 s)", "short_term": "short-term (3 s)"}


def add_loudness(views: Path, settings: Settings) -> None:
    """Measure what can be looked at, but its parts; nothing is, where no pack has the node.

    Args:
        views: the folder of the views, which gets a file for each.
        settings: with the store in which figures are looked up and kept.
    """
    graph = Graph.from_json(json.dumps(_MEASURED))
    for name, facts in views_in(views).items():
        if facts.kind == "part":
            continue
        try:
            sound = read_audio(facts.file, Limits(max_minutes=float("inf")))
            report: Any = graph.run({"audio": sound}, **settings)["over_time"]
        except ResonateError:  # no such node, or more channels than have a loudness
            continue
        known: dict[str, Any] = {"step": np.float64(report.step_seconds)}
        for kind in _WORDS:
            known[kind] = np.array(getattr(report, f"{kind}_lufs"), dtype=np.float32)
            known[f"{kind}_from"] = np.float64(getattr(report, f"{kind}_start_seconds"))
        np.savez(views / name / _FILE, allow_pickle=False, **known)


def loudest(place: Path) -> float | None:
    """Return the highest momentary loudness of a view, in LUFS; None where none is known."""
    try:
        with np.load(place / _FILE) as stored:
            known = stored["momentary"][np.isfinite(stored["momentary"])]
    except OSError:
        return None
    return float(known.max()) if known.size else None


def loudness(place: Path, start: float, stop: float, columns: int) -> Mapping[str, Any]:
    """Return a part of the course of loudness: times in seconds, and LUFS, or None for silence.

    Args:
        place: the folder of the view.
        start: where the part begins, in seconds.
        stop: where it ends.
        columns: how many values there are at most; of those between, the loudest counts.
    """
    try:
        with np.load(place / _FILE) as stored:
            kind = "short_term" if stop - start > _SHORT_TERM_FROM_SECONDS else "momentary"
            if not stored[kind].size:
                kind = "momentary"
            values, first, step = stored[kind], float(stored[f"{kind}_from"]), float(stored["step"])
    except OSError:
        return {"what": "", "seconds": [], "lufs": []}
    from_ = max(0, int((start - first) / step) - 1)
    to = max(from_, min(len(values), int((stop - first) / step) + 2))
    part = values[from_:to]
    group = max(1, -(-len(part) // max(columns, 1)))
    at = np.arange(0, len(part), group)
    heard = np.fmax.reduceat(part, at) if len(part) else part
    seconds = first + (from_ + at + (group - 1) / 2) * step
    return {
        "what": _WORDS[kind],
        "seconds": np.round(seconds, 3).tolist(),
        "lufs": [round(float(one), 2) if np.isfinite(one) else None for one in heard],
    }
