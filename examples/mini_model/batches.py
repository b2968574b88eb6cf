"""Songs in memory, and batches drawn from them: stems of one song, or of several, changed a bit.

A batch depends on the seed and its number only, so training that was interrupted goes on as it
would have.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rich.progress
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

STEMS = ("drums", "bass", "other", "vocals")
RATE = 44_100


@dataclass(frozen=True)
class Songs:
    """Songs of four stems.

    Attributes:
        names: what each is called.
        stems: each song as 16-bit integers of shape (4, 2, samples).
    """

    names: tuple[str, ...]
    stems: tuple[NDArray[np.int16], ...]

    @classmethod
    def read(cls, folder: Path) -> Songs:
        """Read all complete songs of a split."""
        found = sorted(path.parent for path in folder.glob("*/song.json"))
        if not found:
            raise SystemExit(f"no songs in {folder}; make them with examples.mini_model.make_data")
        stems = [
            np.stack([soundfile.read(song / f"{stem}.flac", dtype="int16")[0].T for stem in STEMS])
            for song in rich.progress.track(found, f"reading {folder}")
        ]
        return cls(tuple(song.name for song in found), tuple(stems))


@dataclass(frozen=True)
class Mixing:
    """How clips are drawn and changed.

    Attributes:
        clips: clips in a batch.
        frames: samples of a clip.
        same_song: how often the four stems of a clip play together, as they were made.
        silent: how often a stem is left out.
        gain_db: each stem is this much louder or softer, at most.
        faster: a stem of another song is played this much faster or slower, at most.
    """

    clips: int = 4
    frames: int = 3 * RATE
    same_song: float = 0.4
    silent: float = 0.06
    gain_db: float = 5.0
    faster: float = 0.12

    def batch(self, songs: Songs, rng: np.random.Generator) -> Tensor:
        """Draw clips: float32 of shape (clips, 4, 2, frames)."""
        return torch.stack([self._clip(songs, rng) for _ in range(self.clips)])

    def _clip(self, songs: Songs, rng: np.random.Generator) -> Tensor:
        if rng.random() < self.same_song:
            song = songs.stems[rng.integers(len(songs.stems))]
            start = int(rng.integers(song.shape[-1] - self.frames))
            parts = [_floats(part) for part in song[:, :, start : start + self.frames]]
        else:
            parts = [self._part(songs, stem, rng) for stem in range(len(STEMS))]
        return torch.stack([self._changed(part, rng) for part in parts])

    def _part(self, songs: Songs, stem: int, rng: np.random.Generator) -> Tensor:
        """A stem of any song, sometimes faster and higher or slower and lower."""
        song = songs.stems[rng.integers(len(songs.stems))]
        speed = 1.0 + (self.faster * rng.uniform(-1, 1) if rng.random() < 0.5 else 0.0)
        frames = round(self.frames * speed)
        start = int(rng.integers(song.shape[-1] - frames))
        part = _floats(song[stem, :, start : start + frames])
        if frames == self.frames:
            return part
        return torch.nn.functional.interpolate(part[None], self.frames, mode="linear")[0]

    def _changed(self, part: Tensor, rng: np.random.Generator) -> Tensor:
        """Gain, polarity, channels swapped, width; or silence."""
        gain = 10 ** (rng.uniform(-self.gain_db, self.gain_db) / 20) * rng.choice([-1.0, 1.0])
        if rng.random() < self.silent:
            gain = 0.0
        if rng.random() < 0.5:
            part = part.flip(0)
        if rng.random() < 0.25:
            narrow = rng.uniform(0, 0.5)
            part = (1 - narrow) * part + narrow * part.flip(0)
        return part * float(gain)


def _floats(samples: NDArray[Any]) -> Tensor:
    return torch.from_numpy(samples.astype(np.float32) / 32768)


def equalized(spectra: Tensor, rng: np.random.Generator, range_db: float = 6.0) -> Tensor:
    """Give each stem of each clip a smooth random frequency response.

    Args:
        spectra: complex, of shape (clips, stems, channels, frequencies, times).
        rng: what to draw from.
        range_db: the largest gain or cut.
    """
    clips, stems, _, frequencies, _ = spectra.shape
    points = rng.uniform(-range_db, range_db, (clips * stems, 1, 7)).astype(np.float32)
    points[rng.random(clips * stems) < 0.5] = 0.0
    octaves = np.log2(1 + np.arange(frequencies)) / np.log2(frequencies) * 6
    curves = torch.from_numpy(
        np.stack([np.interp(octaves, np.arange(7), one) for one in points[:, 0]])
    )
    gains = (10 ** (curves / 20)).to(spectra.device, torch.float32)
    return spectra * gains.reshape(clips, stems, 1, frequencies, 1)
