"""What pages cost: ``python -m tests.benchmarks.pages``.

Three tables. Of ``resonate run`` in a process of its own, all of its steps stored: the processor's
seconds and the clock's without ``--report``, with it where the sounds were shown before (aimed at:
1.15 times as long at most), and where they are looked at for the first time. Runs alternate, so
that whatever else the machine does meets all alike, and the best of them is told: the processor's
time is to be believed on a machine that is busy.

Of a sweep, in this process: the processor's seconds of its runs, and what it takes beyond them.

Of a page with an hour of sound in Chromium: the clock's seconds until it can be played (aimed at: 2
at most).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from resonate_graph import Audio, Graph, Result, Store, read_audio, stock
from resonate_graph._page import parts
from resonate_graph._page.player import Track, player

ROUNDS = 7
MINUTES = 1
GRAPH = "vinyl"
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
    """Print what a sweep takes beyond its runs."""
    spent = 0.0
    run: Callable[..., Result] = Graph.run

    def counted(self: Graph, *given: Any, **named: Any) -> Result:
        nonlocal spent
        start = time.process_time()
        try:
            return run(self, *given, **named)
        finally:
            spent += time.process_time() - start

    print(f"a sweep of {len(TARGETS_LUFS)} settings of {GRAPH}, in seconds of the processor")
    print(ROW.format("", "its runs", "beyond", ""))
    graph, store = stock(GRAPH), Store(folder / "sweeps")
    grid: dict[str, list[Any]] = {"target_lufs": list(TARGETS_LUFS)}
    warm = {"target_lufs": [-30.0]}
    Graph.run = counted  # type: ignore[method-assign]
    try:
        graph.sweep({"recording": recording}, warm, folder / "warm", store=store)
        for what in ("what it shares is stored", "all of it is stored"):
            spent, start = 0.0, time.process_time()
            graph.sweep({"recording": recording}, grid, folder / what, store=store)
            beyond = time.process_time() - start - spent
            print(ROW.format(what, f"{spent:.2f}", f"{beyond:.2f}", ""))
    finally:
        Graph.run = run  # type: ignore[method-assign]


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
