"""Songs to time a training on: ``python -m tests.benchmarks.plain_songs DATA [SECONDS]``.

They are laid out as `examples.mini_model.make_data` lays out its own, which need soundfonts and
programs that a machine with a card may not have: noises, sawtooths, chords and a wavering tone, of
which a network learns little that is worth having.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 44_100
SONGS: Mapping[str, int] = {"train": 12, "valid": 2}


def main(arguments: Sequence[str]) -> None:
    """Write songs of some seconds: 30, if nothing else is said."""
    folder, seconds = Path(arguments[0]), float(arguments[1]) if len(arguments) > 1 else 30.0
    for split, count in SONGS.items():
        for number in range(count):
            place = folder / split / f"{number:04}"
            place.mkdir(parents=True)
            draw = np.random.default_rng([number, len(split)])
            for stem, sound in song(draw, int(seconds * RATE)).items():
                both = sound[:, None] * draw.uniform(0.15, 0.3, 2)
                soundfile.write(place / f"{stem}.flac", both, RATE, "PCM_16")
            (place / "song.json").write_text(json.dumps({"plays": "plain songs"}))


def song(draw: np.random.Generator, frames: int) -> dict[str, NDArray[np.float64]]:
    """Return the four stems of a song, each of shape (frames,)."""
    times = np.arange(frames) / RATE
    beat_seconds = 60 / draw.uniform(80, 140)
    since_beat = times % beat_seconds
    keys = draw.integers(0, 12, 1 + int(times[-1] / beat_seconds))
    root_hz = 55 * 2 ** (keys[(times / beat_seconds).astype(int)] / 12)
    phases = np.cumsum(root_hz) / RATE
    chord = np.sin(8 * np.pi * phases[:, None] * np.array([1, 1.25, 1.5])).mean(1)
    waver = np.sin(2 * np.pi * 5 * times)
    return {
        "drums": draw.uniform(-1, 1, frames) * np.exp(-30 * since_beat),
        "bass": (2 * (phases % 1) - 1) * np.exp(-3 * since_beat),
        "other": chord,
        "vocals": np.sin(2 * np.pi * (8 * phases + 0.5 * waver)) * (0.6 + 0.4 * waver),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
