"""What reading a file costs: ``python -m tests.benchmarks.reading``.

Three minutes of stereo in each format; beside the times, their ratio to libsndfile reading the same
file in one go, measured in turn in the same process, and the most memory held at a time over that
of the samples. FLAC is compared with its checksum while it is decoded.
"""

from __future__ import annotations

import statistics
import tempfile
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from resonate_graph import read_audio
from tests.benchmarks.timing import in_turn

SECONDS = 180
ROUNDS = 7
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = Path(folder) / f"a{suffix}"
            write(path)
            times = in_turn(
                {
                    "ours": partial(read_audio, path),
                    "bare": partial(soundfile.read, path, dtype="float32"),
                },
                ROUNDS,
            )
            ours, bare = (statistics.median(times[name]) for name in ("ours", "bare"))
            least = min(times["ours"]) / min(times["bare"])
            print(
                f"  {suffix:<6} {ours * 1e3:7.0f} ms   {ours / bare:5.2f}x of libsndfile "
                f"(of the fastest rounds {least:5.2f}x)   {held(path):4.2f}x the samples held"
            )


def write(path: Path) -> None:
    """Write the song in blocks: libsndfile 1.2.2 ends the process at long ones of Vorbis."""
    samples = song()
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        for start in range(0, len(samples), 1 << 16):
            file.write(samples[start : start + (1 << 16)])


def song() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return chords with some noise, which no format packs into nothing."""
    time = np.arange(SECONDS * 44100, dtype=np.float32) / 44100
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (110, 165, 220, 277))
    noise = np.random.default_rng(4).normal(0, 0.02, (2, len(time))).astype(np.float32)
    return np.asarray(0.1 * chord * (1 + np.sin(time)) + noise, np.float32).T


def held(path: Path) -> float:
    """Return the most memory held at a time, over that of the samples."""
    tracemalloc.start()
    audio = read_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / audio.samples.nbytes


if __name__ == "__main__":
    main()
