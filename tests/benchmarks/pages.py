"""What pages cost: ``python -m tests.benchmarks.pages``.

Three tables. Of ``resonate run`` in a process of its own, all of its steps stored: the processor's
seconds and the clock's without ``--report``, with it where the sounds were shown before (aimed at:
1.15 times as long at most), and where they are looked at for the first time. Runs alternate, so
that whatever else the machine does meets all alike, and the best of them is told: the processor's
time is to be believed on a machine that is busy.

Of sweeps, in this process: what they take, beside their runs alone, what these share being stored;
as the processor has it, and the clock, which sees less: two things are done at a time.

Of a page with an hour of sound in Chromium: the clock's seconds until it can be played (aimed at: 2
at most).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from resonate_graph import Audio, Store, read_audio, stock
from resonate_graph._page import parts
from resonate_graph._page.player import Track, player

ROUNDS = 7
MINUTES = 1
GRAPH = "vinyl"
SWEPT = ("deliver", "speech")
SWEEPS = 3
TARGETS_LUFS = (-20.0, -18.0, -16.0, -14.0)
ROW = "  {:<44}{:>12}{:>12}{:>8}"


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = prepared(folder / "side.wav")
        reports(folder, recording)
        sweeps(folder, recording)
        with suppress(ImportError):
            hour(folder)


def prepared(path: Path) -> Path:
    """Write the bundled recording, repeated."""
    with as_file(files("resonate_graph") / "recordings" / "groove.ogg") as source:
        music = read_audio(source)
    times = -(-MINUTES * 60 * music.sample_rate // music.frames)
    samples = np.tile(music.samples, times)[:, : MINUTES * 60 * music.sample_rate]
    return music.with_samples(samples).save(path)


def reports(folder: Path, recording: Path) -> None:
    """Print what ``--report`` adds to a run."""
    store = folder / "store"
    run = [sys.executable, "-m", "resonate_graph._cli", "run", GRAPH, str(recording)]
    run += ["--store", str(store)]
    subprocess.run([*run, "-o", str(folder / "first")], check=True, capture_output=True)
    found: dict[str, list[tuple[float, float]]] = {}
    for number in range(ROUNDS):
        # each into a folder of its own, where nothing lies yet
        for what, more in (
            ("without", []),
            ("with --report, the sounds seen before", ["--report"]),
        ):
            place = folder / f"{number}-{len(more)}"
            took = process_seconds([*run, "-o", str(place), *more])
            if number or not more:  # the first of them has to look at the sounds
                found.setdefault(what, []).append(took)
            else:
                found["with --report, the sounds seen first"] = [took]
    print(f"resonate run {GRAPH}, {MINUTES} minute of stereo, all of it stored; best of {ROUNDS}")
    print(ROW.format("", "processor s", "clock s", "ratio"))
    best = {what: tuple(map(min, zip(*took, strict=True))) for what, took in found.items()}
    for what, (processor, clock) in best.items():
        ratio = processor / best["without"][0]
        print(ROW.format(what, f"{processor:.2f}", f"{clock:.2f}", f"{ratio:.2f}"))


def process_seconds(command: list[str]) -> tuple[float, float]:
    """Return what a command takes: the processor's seconds, and the clock's."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def sweeps(folder: Path, recording: Path) -> None:
    """Print what sweeps take beside their runs alone: figures, files, pictures, copies, the page.

    They are made while the next one runs, so that the clock need not see much of them.
    """
    print(f"a sweep of {len(TARGETS_LUFS)} settings; best of {SWEEPS}")
    print(ROW.format("", "processor s", "clock s", ""))
    for name in SWEPT:
        sweep(name, folder, recording)


def sweep(name: str, folder: Path, recording: Path) -> None:
    """Print what a sweep takes, what its settings share being stored, and its runs alone."""
    graph = stock(name)
    given = {next(iter(graph.document.inputs)): recording}
    targets: list[Any] = list(TARGETS_LUFS)

    def alone(store: Store, place: Path) -> None:
        for target in targets:
            graph.run(given, params={"target_lufs": target}, store=store)

    def swept(store: Store, place: Path) -> None:
        graph.sweep(given, {"target_lufs": targets}, place, store=store)

    took: dict[str, list[tuple[float, float]]] = {"its runs alone": [], "the sweep": []}
    for number in range(SWEEPS):
        for what, do in zip(took, (alone, swept), strict=True):
            place = folder / f"{name}-{number}-{what}"
            store = Store(place / "store")
            graph.run(given, params={"target_lufs": -30.0}, store=store)
            start = time.process_time(), time.perf_counter()
            do(store, place / "out")
            took[what].append((time.process_time() - start[0], time.perf_counter() - start[1]))
    best = {what: (min(p for p, _ in one), min(c for _, c in one)) for what, one in took.items()}
    for what, (processor, clock) in best.items():
        print(ROW.format(f"{name}: {what}", f"{processor:.2f}", f"{clock:.2f}", ""))
    runs, whole = best.values()
    shares = [f"{1 - one / both:.0%}" for one, both in zip(runs, whole, strict=True)]
    print(ROW.format("    beyond the runs", *shares, ""), flush=True)


def hour(folder: Path) -> None:
    """Print how long a page with an hour of sound takes to open."""
    from tests.browser import Browser

    rate = 44_100
    random = np.random.default_rng(0)
    noise = (0.1 * random.standard_normal((2, 60 * rate))).astype(np.float32)
    sound = Audio(np.tile(noise, 60), rate)
    body = player([Track("hour", "An hour", sound=sound)], folder=folder)
    page = folder / "hour.html"
    page.write_text(parts.document("An hour", body), "utf-8")
    browser = Browser()
    took = []
    for _ in range(3):
        start = time.perf_counter()
        opened = browser.open(page)
        opened.until("document.querySelector('.rg-player')?.player")
        took.append(time.perf_counter() - start)
        opened.close()
    browser.close()
    print("a page with an hour of stereo, until it can be played")
    print(ROW.format("in Chromium, best of 3", "", f"{min(took):.2f}", ""))


if __name__ == "__main__":
    main()
