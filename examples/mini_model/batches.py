"""Songs in memory, and clips drawn from them: stems of one song, or of several, changed a bit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rich.progress
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from .score import STEMS
from .tracks import RATE_HZ as RATE

__all__ = ["RATE", "STEMS", "Mixing", "Songs", "equalized", "layered", "saturated", "shaped"]


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

    Drums and bass are changed most: of few kits and basses many are made, and the two meet in the
    same octaves, where a network that knows the sound of each by heart does badly with others.

    Attributes:
        frames: samples of a clip.
        same_song: how often the four stems of a clip play together, as they were made.
        silent: how often a stem is left out.
        gain_db: each stem is this much louder or softer, at most.
        respeeded: how often a stem, or all of a song, is played faster and higher or slower and
            lower.
        octaves: by how much at most, for each stem; for all of a song the least of them.
        layered: how often the drums below some frequency are one kit's, and above it another's.
        saturated: how often a stem is driven into a soft clipper.
        shaped: how often drums and bass decay faster or slower.
    """

    frames: int = 3 * RATE
    same_song: float = 0.5
    silent: float = 0.1
    gain_db: float = 5.0
    respeeded: float = 0.6
    octaves: tuple[float, ...] = (0.7, 0.6, 0.35, 0.35)
    layered: float = 0.35
    saturated: float = 0.2
    shaped: float = 0.4

    def clip(self, songs: Songs, rng: np.random.Generator) -> Tensor:
        """Draw the stems of one clip: float32 of shape (4, 2, frames)."""
        if rng.random() < self.same_song:
            parts = self._excerpt(_any(songs, rng), min(self.octaves), rng)
        else:
            parts = torch.stack(
                [
                    self._excerpt(_any(songs, rng)[stem], octaves, rng)
                    for stem, octaves in enumerate(self.octaves)
                ]
            )
        drums = STEMS.index("drums")
        if rng.random() < self.layered:
            other = self._excerpt(_any(songs, rng)[drums], self.octaves[drums], rng)
            parts[drums] = layered(parts[drums], other, 150 * 2 ** rng.uniform(0, 5))
        for stem in (drums, STEMS.index("bass")):
            if rng.random() < self.shaped:
                parts[stem] = shaped(parts[stem], rng.uniform(-0.35, 0.9))
        return torch.stack([self._changed(part, rng) for part in parts])

    def _excerpt(
        self, sound: NDArray[np.int16], octaves: float, rng: np.random.Generator
    ) -> Tensor:
        """Some place of a sound, sometimes faster or slower: float32 of shape (..., frames)."""
        played = rng.random() < self.respeeded
        speed = 2.0 ** (rng.uniform(-octaves, octaves) if played else 0.0)
        frames = round(self.frames * speed)
        start = int(rng.integers(sound.shape[-1] - frames))
        part = torch.from_numpy(sound[..., start : start + frames].astype(np.float32) / 32768)
        if frames == self.frames:
            return part
        rows = part.reshape(1, -1, frames)
        found = torch.nn.functional.interpolate(rows, self.frames, mode="linear")
        return found.reshape(*part.shape[:-1], self.frames)

    def _changed(self, part: Tensor, rng: np.random.Generator) -> Tensor:
        """Saturation, gain, polarity, channels swapped, width; or silence."""
        gain = 10 ** (rng.uniform(-self.gain_db, self.gain_db) / 20) * rng.choice([-1.0, 1.0])
        if rng.random() < self.silent:
            gain = 0.0
        if rng.random() < self.saturated:
            part = saturated(part, rng.uniform(1, 5))
        if rng.random() < 0.5:
            part = part.flip(0)
        if rng.random() < 0.25:
            narrow = rng.uniform(0, 0.5)
            part = (1 - narrow) * part + narrow * part.flip(0)
        return part * float(gain)


def _any(songs: Songs, rng: np.random.Generator) -> NDArray[np.int16]:
    return songs.stems[rng.integers(len(songs.stems))]


def layered(low: Tensor, high: Tensor, crossover_hz: float) -> Tensor:
    """What is low of one sound with what is high of another, of shape (..., frames)."""
    frames = low.shape[-1]
    octaves = torch.log2(torch.fft.rfftfreq(frames, 1 / RATE).clamp(min=1.0) / crossover_hz)
    share = torch.sigmoid(octaves * 6)
    mixed = torch.fft.rfft(low) * (1 - share) + torch.fft.rfft(high) * share
    found: Tensor = torch.fft.irfft(mixed, frames)
    return found


def saturated(sound: Tensor, drive: float) -> Tensor:
    """A sound through a soft clipper that leaves its peak where it is."""
    peak = sound.abs().max().clamp(min=1e-6)
    return torch.tanh(sound * (drive / peak)) * (peak / math.tanh(drive))


def shaped(sound: Tensor, power: float) -> Tensor:
    """A sound of shape (channels, frames) that decays faster, or with a negative power slower.

    Its level, as a share of the highest within 0.25 s, becomes that share times that to a power.
    """
    hop = 256
    energy = sound.square().mean(0)[None, None]
    level = torch.nn.functional.avg_pool1d(energy, 4 * hop, hop, ceil_mode=True).sqrt()
    reach = round(0.25 * RATE / hop)
    highest = torch.nn.functional.max_pool1d(level, 2 * reach + 1, 1, reach)
    gain = (level / highest.clamp(min=1e-5)).clamp(0.05, 1.0) ** power
    return sound * torch.nn.functional.interpolate(gain, sound.shape[-1], mode="linear")[0]


def equalized(spectra: Tensor, rng: np.random.Generator, range_db: float = 12.0) -> Tensor:
    """Give most stems of a clip a smooth random frequency response.

    Args:
        spectra: complex, of shape (stems, channels, frequencies, times).
        rng: what to draw from.
        range_db: the largest gain or cut.
    """
    stems, _, frequencies, _ = spectra.shape
    points = rng.uniform(-range_db, range_db, (stems, 7))
    points[rng.random(stems) < 0.35] = 0.0
    octaves = np.log2(1 + np.arange(frequencies)) / np.log2(frequencies) * 6
    curves_db = np.stack([np.interp(octaves, np.arange(7), one) for one in points])
    gains = torch.from_numpy((10 ** (curves_db / 20)).astype(np.float32))
    return spectra * gains.to(spectra.device)[:, None, :, None]
