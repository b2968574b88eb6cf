"""What was measured on the way of a training run: ``log.jsonl``, and its picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .score import STEMS


def add_to_log(folder: Path, entry: Mapping[str, Any]) -> None:
    """Add an entry to ``log.jsonl``, which is there whole at any moment."""
    lines = [json.dumps(one) + "\n" for one in (*logged(folder), entry)]
    unfinished = folder / "log.part"
    unfinished.write_text("".join(lines), encoding="utf-8")
    unfinished.replace(folder / "log.jsonl")


def logged(folder: Path) -> list[dict[str, Any]]:
    """What ``log.jsonl`` says."""
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]


def draw_curve(folder: Path) -> None:
    """Draw what the log says to ``curve.png``."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    entries = logged(folder)
    steps = [entry["step"] for entry in entries]
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(8, 6), layout="constrained")
    for stem in STEMS:
        gains = [entry["improvement_db"].get(stem, np.nan) for entry in entries]
        above.plot(steps, gains, ".-", label=stem)
    above.set(ylabel="SI-SDR improvement\non validation songs, dB", ylim=(-6, None))
    above.legend()
    below.plot(steps, [entry["loss_db"] for entry in entries], ".-")
    below.set(ylabel="training error\nbelow the mix, dB", xlabel="steps")
    figure.savefig(folder / "curve.png", dpi=100)
    plt.close(figure)
