"""Clicks found and filled in, by their places: ``python -m tests.benchmarks.declick``.

Clicks with known places (`tests.degradations.with_groove_clicks`: 3 to 80 samples, bumps, rings
and double lobes, peaks 10 dB under to 20 dB over the sound, 5 a second) are added to each
recording, others to each, and removed by each repair in turn. A run of changed samples that comes
within half a millisecond of a click is right, and that click is found. Printed are, over all
recordings: the precision of what was changed, the recall of all clicks and of loud ones (10 dB or
more), F1; how much of found clicks was replaced; the mean gain in SI-SDR; then, of the clean
recordings, how many runs a minute are changed, how many recordings come out as they were, and the
worst change; and seconds of processor for a minute of sound, for commands with their start.

Without arguments the recording is the bundled one; ``--recordings DIR`` takes every second one
below a folder, with ``--held-out`` the others, with ``--all`` both. ``--only`` chooses rows by the
beginnings of their names. ``--command NAME="COMMAND {source} {target}"`` adds a row: a program that
reads a WAV file and writes one.

``--pops`` prints another table: pops that ring (`tests.degradations.with_pops`), of four kinds, in
the first channel of each recording: the mean SI-SDR with them, filled in, and without their tails,
and the least that tails gain over filling in.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import tempfile
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from resonate_graph import Audio, read_audio
from resonate_nodes import declick, decrackle
from tests import degradations
from tests.benchmarks import restoration
from tests.signals import si_sdr_db

Repair = Callable[[Audio], Audio]

TOLERANCE_SECONDS = 0.0005
LOUD_DB = 10.0

# Pops: the decay in ms, their frequencies in Hz, and how many a second.
POPS = (
    (0.5, (500, 3000), 5.0),
    (1.0, (300, 1500), 3.0),
    (2.5, (150, 800), 2.0),
    (5.0, (100, 500), 1.0),
)

REPAIRS: dict[str, Repair] = {
    "declick": declick,
    "declick, decrackle": lambda audio: decrackle(declick(audio)),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--recordings", type=Path, help="a folder of WAV, FLAC, OGG or MP3")
    parser.add_argument("--held-out", action="store_true", help="every second recording")
    parser.add_argument("--all", action="store_true", help="all recordings, not every second one")
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of names of rows")
    parser.add_argument("--command", action="append", default=[], help="a program, as a row")
    parser.add_argument("--by-recording", action="store_true", help="figures of each, too")
    parser.add_argument("--pops", action="store_true", help="pops that ring, in place of clicks")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    clean = restoration.recordings(asked.recordings, held_out=asked.held_out)
    if asked.all and asked.recordings is not None:
        clean |= restoration.recordings(asked.recordings, held_out=not asked.held_out)
    if asked.pops:
        print_pops(clean)
        return
    repairs = dict(REPAIRS)
    if shutil.which("ffmpeg"):
        repairs["ffmpeg adeclick"] = restoration.through_ffmpeg("adeclick")
    for text in asked.command:
        name, _, command = text.partition("=")
        repairs[name] = through(command)
    repairs = {name: one for name, one in repairs.items() if name.startswith(tuple(asked.only))}
    print(f"{len(clean)} recordings: {', '.join(clean)}")
    print(Tally.HEAD)
    for name, repair in repairs.items():
        whole = Tally()
        for recording, sound in clean.items():
            one = measured(repair, sound, zlib.crc32(recording.encode()))
            whole += one
            if asked.by_recording:
                print(one.row(f"  {recording}"), flush=True)
        print(whole.row(name), flush=True)


def print_pops(clean: dict[str, Audio]) -> None:
    """Print what becomes of pops."""
    print(f"{len(clean)} recordings: {', '.join(clean)}")
    print(f"{'decay':>6}{'with pops':>11}{'filled in':>11}{'no tails':>10}{'least gain':>12}")
    for decay_ms, frequency_hz, per_second in POPS:
        figures = []
        for recording, sound in clean.items():
            mono = sound.with_samples(sound.samples[:1])
            record = degradations.with_pops(
                mono,
                decay_ms=decay_ms,
                frequency_hz=frequency_hz,
                per_second=per_second,
                seed=zlib.crc32(recording.encode()),
            )
            if record == mono:
                continue
            each = record, declick(record, max_tail_ms=0), declick(record)
            figures.append([si_sdr_db(one, mono) for one in each])
        means = np.mean(figures, axis=0)
        least = min(tails - filled for _, filled, tails in figures)
        print(
            f"{decay_ms:>6}" + "".join(f"{mean:>10.1f}" for mean in means) + f"{least:>12.1f}",
            flush=True,
        )


class Tally:
    """What was counted, over recordings."""

    HEAD = (
        f"{'':<24}{'precision':>10}{'recall':>8}{'of loud':>8}{'F1':>7}{'covered':>9}{'gain':>9}"
        f"{'false/min':>11}{'untouched':>11}{'harm':>9}{'s/min':>7}"
    )

    def __init__(self) -> None:
        self.touched = self.right = self.clicks = self.found = self.loud = self.loud_found = 0
        self.hurt_samples = self.covered = self.false = self.recordings = self.untouched = 0
        self.gains_db: list[float] = []
        self.harm_db = -np.inf
        self.minutes = self.seconds = 0.0

    def __iadd__(self, other: Tally) -> Tally:
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if name == "harm_db" else mine + value)
        return self

    def row(self, name: str) -> str:
        """Return the figures as a line of the table."""
        precision = self.right / max(self.touched, 1)
        recall = self.found / max(self.clicks, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        harm = "none" if self.harm_db == -np.inf else f"{self.harm_db:.0f} dB"
        return (
            f"{name:<24}{precision:>10.3f}{recall:>8.3f}{self.loud_found / max(self.loud, 1):>8.3f}"
            f"{f1:>7.3f}{self.covered / max(self.hurt_samples, 1):>9.2f}"
            f"{np.mean(self.gains_db):>6.1f} dB{self.false / self.minutes:>11.1f}"
            f"{self.untouched:>5} of {self.recordings:<3}{harm:>8}"
            f"{self.seconds / self.minutes:>7.1f}"
        )


def measured(repair: Repair, sound: Audio, seed: int) -> Tally:
    """Return what one repair does to one recording, with clicks and without."""
    tally = Tally()
    damaged, clicks = degradations.with_groove_clicks(sound, seed=seed)
    start = restoration.processor_seconds()
    repaired = repair(damaged)
    tally.seconds = restoration.processor_seconds() - start
    tally.minutes = sound.duration_seconds / 60
    tolerance = round(TOLERANCE_SECONDS * sound.sample_rate)
    hurt = np.zeros(sound.frames + 1, int)
    for click in clicks:
        hurt[max(click.start - tolerance, 0)] += 1
        hurt[min(click.stop + tolerance, sound.frames)] -= 1
    near = np.cumsum(hurt)[:-1] > 0
    changed = (repaired.samples != damaged.samples).any(axis=0)
    touched = runs_of(changed, tolerance)
    tally.touched = len(touched)
    tally.right = sum(bool(near[first:last].any()) for first, last in touched)
    for click in clicks:
        around = changed[max(click.start - tolerance, 0) : click.stop + tolerance]
        found, loud = bool(around.any()), click.level_db >= LOUD_DB
        tally.clicks += 1
        tally.found += found
        tally.loud += loud
        tally.loud_found += loud and found
        if found:
            tally.hurt_samples += click.stop - click.start
            tally.covered += int(np.count_nonzero(changed[click.start : click.stop]))
    tally.gains_db = [si_sdr_db(repaired, sound) - si_sdr_db(damaged, sound)] if clicks else []
    untouched = repair(sound)
    tally.false = len(runs_of((untouched.samples != sound.samples).any(axis=0), tolerance))
    tally.recordings = 1
    tally.untouched = int(tally.false == 0)
    tally.harm_db = restoration.harm_db(untouched, sound)
    return tally


def runs_of(mask: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Return where runs start and stop, those less than a gap apart as one."""
    places = np.flatnonzero(mask)
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts = places[np.concatenate([[0], breaks + 1])]
    stops = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    return [(int(first), int(last)) for first, last in zip(starts, stops, strict=True)]


def through(command: str) -> Repair:
    """Return a repair by a command with ``{source}`` and ``{target}``, by way of WAV files."""

    def repair(audio: Audio) -> Audio:
        with tempfile.TemporaryDirectory() as name:
            source, target = Path(name) / "in.wav", Path(name) / "out.wav"
            audio.save(source)
            words = [word.format(source=source, target=target) for word in shlex.split(command)]
            subprocess.run(words, check=True, capture_output=True)
            return restoration.aligned(read_audio(target), audio)

    return repair


if __name__ == "__main__":
    main()
