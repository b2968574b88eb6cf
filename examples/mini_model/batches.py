"""Songs in memory, and clips drawn from them: stems of one song, or of several, changed a bit."""

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

from .score import STEMS
from .tracks import RATE_HZ as RATE

__all__ = ["RATE", "STEMS", "Mixing", "Songs", "equalized"]


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
    def read(cls, folder: Path, limit: int | None = None) -> Songs:
        """Read the complete songs of a split, at most so many: 21 MB for 30 s."""
        found = sorted(path.parent for path in folder.glob("*/song.json"))[:limit]
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
        frames: samples of a clip.
        same_song: how often the four stems of a clip play together, as they were made.
        silent: how often a stem is left out.
        gain_db: each stem is this much louder or softer, at most.
        faster: a stem of another song is played this much faster or slower, at most.
    """

    frames: int = 3 * RATE
    same_song: float = 0.4
    silent: float = 0.06
    gain_db: float = 5.0
    faster: float = 0.25

    def clip(self, songs: Songs, rng: np.random.Generator) -> Tensor:
        """Draw the stems of one clip: float32 of shape (4, 2, frames)."""
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


def equalized(spectra: Tensor, rng: np.random.Generator, range_db: float = 9.0) -> Tensor:
    """Give about half of the stems of a clip a smooth random frequency response.

    Args:
        spectra: complex, of shape (stems, channels, frequencies, times).
        rng: what to draw from.
        range_db: the largest gain or cut.
    """
    stems, _, frequencies, _ = spectra.shape
    points = rng.uniform(-range_db, range_db, (stems, 7))
    points[rng.random(stems) < 0.5] = 0.0
    octaves = np.log2(1 + np.arange(frequencies)) / np.log2(frequencies) * 6
    curves_db = np.stack([np.interp(octaves, np.arange(7), one) for one in points])
    gains = torch.from_numpy((10 ** (curves_db / 20)).astype(np.float32))
    return spectra * gains.to(spectra.device)[:, None, :, None]
