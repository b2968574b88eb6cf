"""What a whole song takes: ``python -m tests.benchmarks.song [SONG] [--beside CHECKOUT ...]``.

The stock graph `song-repair` with the model `mini`, as a process that starts with an empty store,
and once more with all of it stored: processor time, and peak memory (what is resident, mapped files
among it). The song is a recording, or four minutes of the bundled one, damaged in every way that
the graph repairs. Other checkouts, such as one of an earlier commit, run in turn with this one;
what is told is the median of the rounds. What each step took is printed first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.nodes import damaged
from tests.benchmarks.table import Row, text

HERE = Path(__file__).parents[2]
MINUTES = 4
ROUNDS = 3
KINDS = ("first run", "all stored")


class Spent(NamedTuple):
    """What a process took."""

    processor_seconds: float
    peak_megabytes: float


FIGURES = {"processor_seconds": "s", "peak_megabytes": "MB"}


def main() -> None:
    """Print what each step took, and the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.song", description=__doc__)
    parser.add_argument("song", nargs="?", type=Path, help="a recording; a made one if none")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    print(text([*rows(given.song, given.beside, given.rounds)]))


def rows(song: Path | None, others: Sequence[Path], rounds: int) -> Iterator[Row]:
    """Yield what this checkout takes, beside what others do."""
    checkouts = [HERE, *others]
    spent: dict[tuple[Path, str], list[Spent]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = song or made(folder / "song.wav")
        for _ in range(rounds):
            for checkout in checkouts:
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    for kind in KINDS:
                        taken = run(checkout, song, Path(place), told=kind == KINDS[0])
                        spent.setdefault((checkout, kind), []).append(taken)
    for kind in KINDS:
        for field, unit in FIGURES.items():
            ours, *theirs = (
                statistics.median(getattr(one, field) for one in spent[checkout, kind])
                for checkout in checkouts
            )
            what = f"song-repair with mini, {kind}: {field.replace('_', ' ')}"
            if not others:
                yield Row(what, ours, unit)
            for other, its in zip(others, theirs, strict=True):
                yield Row(what, ours, unit, other.name, its)


def made(path: Path) -> Path:
    """Write the damaged song, and return where."""
    minute = damaged()
    minute.with_samples(np.tile(minute.samples, MINUTES)).save(path)
    return path


def run(checkout: Path, song: Path, folder: Path, *, told: bool) -> Spent:
    """Run the graph by the code of a checkout; if `told`, print what its steps took."""
    checkout = checkout.resolve()
    roots = (checkout, checkout / "nodes", checkout / "graphs")
    places = {"PYTHONPATH": os.pathsep.join(map(str, roots)), "RESONATE_STORE": f"{folder}/store"}
    arguments = ("-i", f"mix={song.resolve()}", "-p", "model=mini", "-o", f"{folder}/out", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "resonate_graph._cli", "run", "song-repair", *arguments],
        cwd=folder,
        env=os.environ | places,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    report = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{checkout}: the run ended with {process.returncode}")
    if told:
        steps = [f"{node['id']} {node['seconds']:.1f}" for node in json.loads(report)["nodes"]]
        print(f"{checkout.name}, seconds: {', '.join(steps)}", flush=True)
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6)


if __name__ == "__main__":
    main()
