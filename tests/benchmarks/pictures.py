"""Time and memory of pictures of long recordings: ``python -m tests.benchmarks.pictures``.

Each picture is drawn of half an hour of stereo at 44.1 kHz in a process of its own, by the node
alone on samples that are mapped from a store, as they are in a run, and by ``resonate run`` with
decoding of a FLAC file, an empty store and start-up. Printed are seconds and the peak of the
process' resident memory; pages of mapped files that it has read count in it.

Aimed at for the spectrogram: 20 s and 1 GB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import soundfile

from resonate_graph import Audio, Graph, read_audio
from resonate_nodes import plot_loudness, plot_spectrogram, plot_waveform

MINUTES = 30
SELF = (sys.executable, "-m", "tests.benchmarks.pictures")
PLOTS = (plot_waveform, plot_spectrogram, plot_loudness)
ROW = "  {:<20}{:<40}{:>8}{:>12}"


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording, samples = folder / "long.flac", folder / "samples.npy"
        # in a process of its own: a child's peak counts what its parent held when it began
        subprocess.run([*SELF, "prepare", str(recording), str(samples)], check=True)
        print(f"{MINUTES} minutes of stereo at 44.1 kHz")
        print(ROW.format("", "", "seconds", "peak memory"))
        for plot in PLOTS:
            line(plot.type.id, "the node alone", [*SELF, plot.type.id, str(samples)])
            graph = graph_of(plot.type.id).save(folder / "graph.json")
            run = [sys.executable, "-m", "resonate_graph._cli", "run", str(graph)]
            run += ["-i", f"audio={recording}", "-o", str(folder / plot.type.id / "out")]
            for store in ("an empty store", "all of it stored"):
                where = ["--store", str(folder / plot.type.id / "store")]
                line(plot.type.id, f"resonate run, {store}", [*run, *where])


def prepare(path: str, samples: str) -> None:
    """Write the bundled recording, repeated, with a little noise; and its samples alone."""
    with as_file(files("resonate_graph") / "recordings" / "groove.ogg") as source:
        music = read_audio(source)
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", music.sample_rate, 2, "PCM_16") as file:
        left = MINUTES * 60 * music.sample_rate
        while left > 0:
            part = music.samples[:, :left].T
            file.write(part + 0.001 * random.standard_normal(part.shape))
            left -= len(part)
    np.save(samples, read_audio(path).samples)


def graph_of(name: str) -> Graph:
    """Return a graph of one picture."""
    plot = next(one for one in PLOTS if one.type.id == name)
    graph = Graph("picture")
    graph.output("picture", graph.add(plot)(graph.input("audio", Audio)))
    return graph


def line(name: str, what: str, command: list[str]) -> None:
    """Run a command to its end and print its time and peak memory."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        print(ROW.format(name, what, "failed", ""))
        return
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(ROW.format(name, what, f"{seconds:.1f}", f"{peak / 1e6:.0f} MB"), flush=True)


def draw(name: str, samples: str) -> None:
    """Draw one picture of mapped samples: what each process of its own does."""
    mapped = np.load(samples, mmap_mode="r")
    plot = next(one for one in PLOTS if one.type.id == name)
    plot(Audio.trusted(mapped, 44_100, "0" * 64))


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        prepare(*sys.argv[2:])
    elif sys.argv[1:]:
        draw(*sys.argv[1:])
    else:
        main()
