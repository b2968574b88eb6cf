"""Clipping taken back, as the literature measures it: ``python -m tests.benchmarks.declip FOLDER``.

Every recording in a folder (its first channel, or all with ``--channels``) is brought to a peak of
1, clipped hard at the level that leaves an SDR of 1, 3, 5, 7, 10, 15 and 20 dB, and given to
`declip` at its defaults. Printed are, for each recording and level, by how much the SDR has risen
and the processor seconds for each second of sound, and the means of all recordings. Both SDRs are
taken over the whole signal: the energy of the clean sound against that of the difference. So it is
in P. Záviška, P. Rajmic, A. Ozerov, L. Rencker, *A survey and an extensive evaluation of popular
audio declipping methods* (IEEE Journal of Selected Topics in Signal Processing 15, 2021), of whose
ten excerpts the last rows are the means.

``--write FILE`` keeps the figures, and ``--against FILE`` prints those of an earlier version beside
them: what was gained, and how much longer it took.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np

from resonate_graph import Audio, read_audio
from resonate_nodes import declip
from tests import degradations
from tests.signals import Array

INPUT_SDR_DB = (1, 3, 5, 7, 10, 15, 20)
#: Means of the survey's ten excerpts.
SURVEY = {
    "survey: A-SPADE": (11.9, 13.9, 15.1, 16.0, 17.3, 19.4, 20.3),
    "survey: social sparsity (PEW)": (12.2, 15.0, 16.6, 17.7, 19.0, 21.1, 22.0),
}
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}

#: By name of a recording: a gain and the processor seconds per second, for each level.
Figures = dict[str, list[tuple[float, float]]]


def sdr_db(estimate: Audio, clean: Audio) -> float:
    """Return the energy of a sound against that of what an estimate differs by."""
    wanted = clean.samples.astype(np.float64)
    return float(10 * np.log10(np.sum(wanted**2) / np.sum((estimate.samples - wanted) ** 2)))


def at_full_scale(audio: Audio) -> Audio:
    """Return a sound with a peak of 1."""
    return audio.with_samples(audio.samples / np.abs(audio.samples).max())


def measured(clean: Audio) -> list[tuple[float, float]]:
    """Return by how much the SDR rises, and the time taken, for each level."""
    found = []
    for level in INPUT_SDR_DB:
        cut, _ = degradations.clipped(clean, sdr_db=level)
        start = time.process_time()
        repaired = declip(cut)
        seconds = (time.process_time() - start) / (clean.duration_seconds * clean.channels)
        found.append((sdr_db(repaired, clean) - sdr_db(cut, clean), seconds))
    return found


def recordings(folder: Path, seconds: float | None, *, channels: bool) -> dict[str, Audio]:
    """Return the recordings of a folder by name, each as much as is asked for from its middle."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            audio = read_audio(path)
            frames = audio.frames if seconds is None else round(seconds * audio.sample_rate)
            start = max(0, (audio.frames - frames) // 2)
            few = slice(None if channels else 1)
            found[path.stem] = at_full_scale(
                Audio(audio.samples[few, start : start + frames], audio.sample_rate)
            )
    return found


def row(name: str, gains: Array, seconds: Array | None = None) -> str:
    """Return a line of the table."""
    cells = "".join(f"{gain:8.1f}" for gain in gains)
    times = "" if seconds is None else "".join(f"{one:6.2f}" for one in seconds)
    return f"{name:<32}{cells}  {times}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of WAV, FLAC, OGG or MP3, with those below it")
    parser.add_argument("--seconds", type=float, help="so much of each; default: all")
    parser.add_argument("--channels", action="store_true", help="all channels, not the first")
    parser.add_argument("--write", type=Path, help="keep the figures in this file")
    parser.add_argument("--against", type=Path, help="figures kept earlier")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    earlier: Figures = json.loads(asked.against.read_text()) if asked.against else {}
    sounds = recordings(asked.folder, asked.seconds, channels=asked.channels)
    if not sounds:
        parser.error(f"no recording in {asked.folder}")
    declip(next(iter(sounds.values())))  # imports
    print(row("input SDR, dB", np.array(INPUT_SDR_DB)) + "seconds per second of each")
    figures: Figures = {}
    for name, clean in sounds.items():
        figures[name] = measured(clean)
        now = np.array(figures[name])
        print(row(name, *now.T), flush=True)
        if name in earlier:
            before = np.array(earlier[name])
            print(row("  against before", now[:, 0] - before[:, 0], now[:, 1] / before[:, 1]))
    print(row("mean", *np.mean(np.array(list(figures.values())), axis=0).T))
    for name, gains in SURVEY.items():
        print(row(name, np.array(gains)))
    if asked.write:
        asked.write.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
