"""Measure `mini` on songs and recordings it never saw: ``python -m examples.mini_model.evaluate``.

Each song of the test split is separated by the public node `separate`; what counts is the SI-SDR of
a stem above that of the mix, the stem's own (mean over the songs where it sounds). Beside it, what
costs next to nothing: `hpss` (percussive for drums, harmonic for the rest), and the best fixed
equaliser for each stem, a Wiener gain per third of an octave learned from the training songs.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rich
import rich.progress
import rich.table
import soundfile
from numpy.typing import NDArray
from scipy.signal import istft, stft

from resonate_graph import Audio
from resonate_nodes import hpss, separate

from .batches import RATE, STEMS, Songs
from .ratio import si_sdr_db

Samples = NDArray[np.float32]
Separator = Callable[[Samples], Mapping[str, Samples]]
FFT = 8192


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure a separation model.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="folder that make_data wrote")
    parser.add_argument("--model", default="mini", help="its name")
    parser.add_argument("--models", type=Path, help="folder of models, if not the one that ships")
    parser.add_argument("--real", type=Path, help="folder with loops/ and music/ (see README)")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    if given.models:
        os.environ["RESONATE_MODELS"] = str(given.models)

    separators: dict[str, Separator] = {
        "hpss": by_hpss,
        "band split": BandSplit.learn(Songs.read(given.data / "train", limit=60)),
        given.model: lambda mix: by_model(mix, given.model),
    }
    songs = Songs.read(given.data / "test")
    mixes = {
        name: dict(zip(STEMS, stems.astype(np.float32) / 32768, strict=True))
        for name, stems in zip(songs.names, songs.stems, strict=True)
    }
    figures = {"test songs": measure(mixes, separators)}
    if given.real:
        figures["real recordings"] = measure(real_mixes(given.real), separators)
    for title, rows in figures.items():
        show(title, rows)
    seconds = seconds_on_one_core(given.model)
    rich.print(f"one minute of stereo on one core: {seconds:.1f} s")
    if given.json:
        kept = {**figures, "seconds per minute on one core": seconds}
        given.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def measure(
    mixes: Mapping[str, Mapping[str, Samples]], separators: Mapping[str, Separator]
) -> dict[str, dict[str, float]]:
    """Mean SI-SDR of each stem in the mix, and how much each separator adds to it, in dB."""
    before: dict[str, list[float]] = {stem: [] for stem in STEMS}
    gained: dict[str, dict[str, list[float]]] = {
        name: {stem: [] for stem in STEMS} for name in separators
    }
    for stems in rich.progress.track(mixes.values(), "separating"):
        mix = np.stack(list(stems.values())).sum(0)
        present = [stem for stem, samples in stems.items() if np.abs(samples).max() > 1e-3]
        for stem in present:
            before[stem].append(si_sdr_db(mix, stems[stem]))
        for name, separator in separators.items():
            found = separator(mix)
            for stem in present:
                after = si_sdr_db(found[stem], stems[stem])
                gained[name][stem].append(after - before[stem][-1])
    return {
        stem: {"songs": len(before[stem]), "mix": float(np.mean(before[stem]))}
        | {name: float(np.mean(gained[name][stem])) for name in separators}
        for stem in STEMS
        if before[stem]
    }


def by_model(mix: Samples, model: str) -> dict[str, Samples]:
    """Separate with a model, as anyone would."""
    stems = separate(Audio(mix, RATE), model=model)
    return {stem: getattr(stems, stem).samples for stem in STEMS}


def by_hpss(mix: Samples) -> dict[str, Samples]:
    """Strikes for drums, tones for all else."""
    parts = hpss(Audio(mix, RATE))
    tones = parts.harmonic.samples
    return {"drums": parts.percussive.samples} | dict.fromkeys(STEMS[1:], tones)


@dataclass(frozen=True)
class BandSplit:
    """A fixed equaliser per stem: the gains that lose least, per third of an octave.

    Attributes:
        gains: for each stem, a gain for each frequency.
    """

    gains: Mapping[str, NDArray[np.float64]]

    @classmethod
    def learn(cls, songs: Songs) -> BandSplit:
        """Take the gains from songs: how much of the mix's energy in a band is the stem's."""
        frequencies = np.fft.rfftfreq(FFT, 1 / RATE)
        bands = np.round(3 * np.log2(np.maximum(frequencies, 20) / 20)).astype(int)
        shared = np.zeros((len(STEMS), bands.max() + 1))
        whole = np.zeros(bands.max() + 1)
        for song in songs.stems:
            spectra = stft(song.astype(np.float32) / 32768, nperseg=FFT)[2]
            mix = spectra.sum(0)
            np.add.at(whole, bands, (np.abs(mix) ** 2).sum((0, 2)))
            for row, stem in zip(shared, spectra, strict=True):
                np.add.at(row, bands, (stem * mix.conj()).real.sum((0, 2)))
        gains = np.clip(shared / whole, 0, 1)[:, bands]
        return cls(dict(zip(STEMS, gains, strict=True)))

    def __call__(self, mix: Samples) -> dict[str, Samples]:
        """Filter the mix for each stem."""
        spectrum = stft(mix, nperseg=FFT)[2]
        return {
            stem: istft(spectrum * gains[:, None], nperseg=FFT)[1][:, : mix.shape[1]]
            for stem, gains in self.gains.items()
        }


def real_mixes(folder: Path) -> dict[str, dict[str, Samples]]:
    """Recordings that training never heard, equally loud: drum loops over guitar and piano."""
    mixes = {}
    for drums_name in REAL_DRUMS:
        for other_name, start_s in REAL_OTHERS.items():
            other, _ = soundfile.read(folder / other_name, dtype="float32", always_2d=True)
            other = other.T[:, round(start_s * RATE) :][:, : 30 * RATE]
            loop, _ = soundfile.read(folder / drums_name, dtype="float32", always_2d=True)
            times = -(-other.shape[1] // len(loop))
            drums = np.tile(loop.T, times)[:, : other.shape[1]]
            silent = np.zeros_like(other)
            mixes[f"{drums_name} over {other_name}"] = {
                "drums": drums * np.float32(0.07 / drums.std()),
                "bass": silent,
                "other": other * np.float32(0.07 / other.std()),
                "vocals": silent,
            }
    return mixes


REAL_DRUMS = ("loops/loop_tabla.flac", "loops/loop_breakbeat.flac")
#: What plays, and where in it to begin, in seconds.
REAL_OTHERS = {
    "loops/guit_em9.flac": 0.0,
    "loops/ambi_piano.flac": 0.0,
    "music/feelings-guitar.ogg": 60.0,
}


def seconds_on_one_core(model: str) -> float:
    """How long one minute of stereo takes on one core, the model loaded."""
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 60 * RATE)).astype(np.float32)
    separate(Audio(noise[:, :RATE], RATE), model=model)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    started = time.perf_counter()
    separate(Audio(noise, RATE), model=model)
    return time.perf_counter() - started


def show(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table of decibels."""
    names = list(next(iter(rows.values())))
    table = rich.table.Table("stem", *names, title=f"{title}: SI-SDR of the mix, and dB above it")
    for stem, row in rows.items():
        table.add_row(stem, *(f"{row[name]:.{0 if name == 'songs' else 1}f}" for name in names))
    rich.print(table)


if __name__ == "__main__":
    main()
