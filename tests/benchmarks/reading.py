"""What reading a file costs: ``python -m tests.benchmarks.reading [--against CHECKOUT]``.

Three minutes of stereo in each format; beside the times, their ratio to libsndfile reading the same
file in one go, measured in turn, and the most memory held at a time over that of the samples. FLAC
is compared with its checksum while it is decoded, Ogg and MP3 page by page and frame by frame.

With another checkout (``git worktree add ../before COMMIT``) the two read in turn, each in a
process of its own, and the ratio is that of ours to theirs. Each ratio is the median of those of
neighbours: of the time on the clock, where other programs count as well, and of the processor's,
where threads count one by one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from resonate_graph import read_audio
from tests.docs.pages import ROOT

SECONDS = 180
ROUNDS = 15
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

_READER = """
import json, sys, time
import soundfile
from resonate_graph import read_audio

bare = lambda path: soundfile.read(path, dtype="float32")
for line in sys.stdin:
    how, path = json.loads(line)
    clock, processor = time.perf_counter(), time.process_time()
    (bare if how == "bare" else read_audio)(path)
    took = time.perf_counter() - clock, time.process_time() - processor
    print(json.dumps(took), flush=True)
"""


class Reader:
    """A process that reads files by the code of a checkout."""

    def __init__(self, checkout: Path) -> None:
        paths = [str(checkout), str(checkout / "nodes"), str(checkout / "graphs")]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _READER],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            cwd=checkout,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, how: str, path: Path) -> tuple[float, float]:
        """Return what reading took, on the clock and of the processor."""
        pipes: Any = self._process
        print(json.dumps([how, str(path)]), file=pipes.stdin, flush=True)
        clock, processor = json.loads(pipes.stdout.readline())
        return clock, processor

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="compared with this one")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    readers = {"ours": Reader(ROOT)}
    if given.against:
        readers["theirs"] = Reader(given.against.resolve())
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = Path(folder) / f"a{suffix}"
            write(path)
            compare(path, readers, given.rounds)
    for reader in readers.values():
        reader.close()


def compare(path: Path, readers: dict[str, Reader], rounds: int) -> None:
    """Read a file in turn, and print what it took."""
    ways = {"bare": (readers["ours"], "bare")}
    ways |= {name: (reader, "whole") for name, reader in readers.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        # forwards and backwards, so that none always follows the same one
        for name in list(ways)[:: 1 if number % 2 else -1]:
            reader, how = ways[name]
            took = reader.seconds(how, path)
            if number:  # the first time, everything is imported
                times[name].append(took)
    clock, processor = (
        1e3 * statistics.median(column) for column in zip(*times["ours"], strict=True)
    )
    said = [f"{path.suffix:<6} {clock:5.0f} ms, of the processor {processor:5.0f} ms"]
    for other, word in (("bare", "libsndfile alone"), ("theirs", "theirs")):
        if other in times:
            ratios = [
                statistics.median(ours[which] / their[which] for ours, their in pairs)
                for pairs in [list(zip(times["ours"], times[other], strict=True))]
                for which in (0, 1)
            ]
            said.append(f"{ratios[0]:.3f} and {ratios[1]:.3f} of {word}")
    print("   ".join([*said, f"{held(path):.2f} of the samples held"]), flush=True)


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
