"""Small archives for tests: innocent recordings, and poison of eight kinds among them."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np

from resonate_graph import Audio, Graph, load
from tests.corpus.poison import FRAMES

NODES = str(Path(__file__).with_name("poison.py"))

DOCUMENT = {
    "format": 1,
    "name": "taken",
    "inputs": {"tape": {"type": "audio"}},
    "params": {"factor": {"type": "number", "default": 0.5}},
    "nodes": {
        "take": {
            "type": "take",
            "inputs": {"audio": "$tape"},
            "params": {"factor": {"$param": "factor"}},
        }
    },
    "outputs": {"taken": "take"},
}


def write_graph(folder: Path) -> Path:
    path = folder / "taken.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


def open_graph(path: Path) -> Graph:
    return load(path, nodes=[NODES])


def write_innocent(folder: Path, count: int, excerpt: Audio, step: int = 500) -> list[Path]:
    """Write recordings that differ: pieces of one, in WAV and FLAC, at several rates."""
    made = []
    for number in range(count):
        piece = excerpt.samples[:, step * number : step * number + 6000]
        rate = (44100, 48000, 32000)[number % 3]
        path = folder / f"side{number % 2}" / f"{number:03}.wav"
        made.append(Audio(np.ascontiguousarray(piece), rate).save(path))
    return made


def write_poison(
    folder: Path, excerpt: Audio, kinds: Collection[str], rounds: int = 1
) -> dict[str, Path]:
    """Write a file of each kind of poison, or several; return them by kind and number."""
    made = {}
    for number in range(rounds):
        for kind in kinds:
            path = folder / f"{kind}-{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "text":
                path.write_text("This is no sound.\n" * 100)
            else:
                piece = excerpt.samples[:, 300 * number : 300 * number + FRAMES.get(kind, 6000)]
                Audio(np.ascontiguousarray(piece), 44100).save(path)
            if kind == "truncated":
                path.write_bytes(path.read_bytes()[:3000])
            made[f"{kind}-{number}"] = path
    return made
