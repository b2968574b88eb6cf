"""Songs in memory, and clips drawn from them: stems of one song, or of several, changed a bit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rich.progress
import soundfile
import soxr
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
        found = sorted(path.parent for path in folder.glob("[!.]*/song.json"))[:limit]
        if not found:
            raise SystemExit(f"no songs in {folder}; make them with examples.mini_model.make_data")
        stems = [
            np.stack([soundfile.read(song / f"{stem}.flac", dtype="int16")[0].T for stem in STEMS])
            for song in rich.progress.track(found, f"reading {folder}")
        ]
        return cls(tuple(song.name for song in found), tuple(stems))

    def require(self, frames: int) -> None:
        """Refuse songs that are shorter.

        Raises:
            SystemExit: one is; it is named.
        """
        for name, stems in zip(self.names, self.stems, strict=True):
            if stems.shape[-1] < frames:
                seconds, least = stems.shape[-1] / RATE, frames / RATE
                raise SystemExit(
                    f"song {name} has {seconds:.2f} s; clips need {least:.2f} s: make longer songs"
                )


@dataclass(frozen=True)
class Mixing:
    """How clips are drawn and changed.

    Drums and bass are changed most: of few kits and basses many are made, and the two meet in the
    same octaves, where a network that knows the sound of each by heart does badly with others.

    Attributes:
        frames: samples of a clip.
        same_song_share: how often the four stems of a clip are those of one song.
        silent_share: how often a stem is left out.
        gain_db: each stem is this much louder or softer, at most.
        speed_share: how often a stem, or all of a song, is played faster and higher or slower and
            lower.
        speed_octaves: by how much at most, for each stem; for all of a song the least of them.
        layer_share: how often the drums are one kit's below some frequency, another's above it.
        crossover_hz: from where to where that frequency is drawn.
        saturation_share: how often a stem is driven into a soft clipper.
        drive: from where to where, as a ratio (see `saturated`).
        shape_share: how often drums, and how often bass, decay faster or slower.
        shape_power: from where to where (see `shaped`).
    """

    frames: int = 3 * RATE
    same_song_share: float = 0.5
    silent_share: float = 0.1
    gain_db: float = 5.0
    speed_share: float = 0.6
    speed_octaves: tuple[float, ...] = (0.7, 0.6, 0.35, 0.35)
    layer_share: float = 0.35
    crossover_hz: tuple[float, float] = (150.0, 4800.0)
    saturation_share: float = 0.2
    drive: tuple[float, float] = (1.0, 5.0)
    shape_share: float = 0.4
    shape_power: tuple[float, float] = (-0.35, 0.9)

    @property
    def frames_needed(self) -> int:
        """How long a song has to be for the fastest clip."""
        return int(np.ceil(self.frames * 2.0 ** max(self.speed_octaves)))

    def clip(self, songs: Songs, rng: np.random.Generator) -> Tensor:
        """Draw the stems of one clip: float32 of shape (4, 2, frames)."""
        if rng.random() < self.same_song_share:
            stems = self._excerpt(_any_song(songs, rng), min(self.speed_octaves), rng)
        else:
            stems = torch.stack([self._stem(songs, stem, rng) for stem in range(len(STEMS))])
        if rng.random() < self.layer_share:
            crossover_hz = np.exp(rng.uniform(*np.log(self.crossover_hz)))
            second_kit = self._stem(songs, DRUMS, rng)
            stems[DRUMS] = layered(stems[DRUMS], second_kit, crossover_hz)
        for stem in (DRUMS, BASS):
            if rng.random() < self.shape_share:
                stems[stem] = shaped(stems[stem], rng.uniform(*self.shape_power))
        return torch.stack([self._changed(stem, rng) for stem in stems])

    def _stem(self, songs: Songs, stem: int, rng: np.random.Generator) -> Tensor:
        return self._excerpt(_any_song(songs, rng)[stem], self.speed_octaves[stem], rng)

    def _excerpt(
        self, sound: NDArray[np.int16], octaves: float, rng: np.random.Generator
    ) -> Tensor:
        """Some place of a sound, sometimes faster or slower: float32 of shape (..., frames)."""
        changed = rng.random() < self.speed_share
        speed = 2.0 ** (rng.uniform(-octaves, octaves) if changed else 0.0)
        frames = round(self.frames * speed)
        start = int(rng.integers(sound.shape[-1] - frames + 1))
        excerpt = sound[..., start : start + frames].astype(np.float32) / np.float32(32768)
        return torch.from_numpy(_resampled(excerpt, self.frames))

    def _changed(self, stem: Tensor, rng: np.random.Generator) -> Tensor:
        """Saturation, gain, polarity, channels swapped, width; or silence."""
        gain = 10 ** (rng.uniform(-self.gain_db, self.gain_db) / 20) * rng.choice([-1.0, 1.0])
        if rng.random() < self.silent_share:
            gain = 0.0
        if rng.random() < self.saturation_share:
            stem = saturated(stem, rng.uniform(*self.drive))
        if rng.random() < 0.5:
            stem = stem.flip(0)
        if rng.random() < 0.25:
            narrow = rng.uniform(0, 0.5)
            stem = (1 - narrow) * stem + narrow * stem.flip(0)
        return stem * float(gain)


DRUMS, BASS = STEMS.index("drums"), STEMS.index("bass")


def _any_song(songs: Songs, rng: np.random.Generator) -> NDArray[np.int16]:
    return songs.stems[rng.integers(len(songs.stems))]


def _resampled(sound: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """A sound of shape (..., samples) drawn out, or drawn together, to so many frames."""
    if sound.shape[-1] == frames:
        return sound
    rows = sound.reshape(-1, sound.shape[-1])
    found = soxr.resample(rows.T, rows.shape[1], frames, quality="MQ").T
    fitted = np.zeros((len(rows), frames), np.float32)
    fitted[:, : found.shape[1]] = found[:, :frames]
    return fitted.reshape(*sound.shape[:-1], frames)


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
    """A sound of shape (channels, frames) that stands out and dies away more, or less.

    Its level is multiplied by a power of what it is of the highest level within 0.25 s, before and
    after; where it is less than 1/20 of that, by 1/20 to that power.

    Args:
        sound: of at least 0.1 s.
        power: 0 changes nothing, 1 doubles each slope in dB, less than 0 makes it flatter.
    """
    hop, window = 256, 1024
    frames = sound.shape[-1]
    count = -(-frames // hop)  # windows stand in the middle of their hops
    before = (window - hop) // 2
    energy = sound.square().mean(0)[None, None]
    padded = torch.nn.functional.pad(energy, (before, count * hop - frames + before), "reflect")
    level = torch.nn.functional.avg_pool1d(padded, window, hop).sqrt()
    reach = round(0.25 * RATE / hop)
    highest = torch.nn.functional.max_pool1d(level, 2 * reach + 1, 1, reach)
    gain = (level / highest.clamp(min=1e-5)).clamp(0.05, 1.0) ** power
    drawn = torch.nn.functional.interpolate(gain, scale_factor=float(hop), mode="linear")
    return sound * drawn[0, :, :frames]


def equalized(
    spectra: Tensor, rng: np.random.Generator, range_db: float = 12.0, share: float = 0.65
) -> Tensor:
    """Give most stems of a clip a smooth random frequency response.

    Args:
        spectra: complex, of shape (stems, channels, frequencies, times).
        rng: what to draw from.
        range_db: the largest gain or cut.
        share: how many of the stems.
    """
    stems, _, frequencies, _ = spectra.shape
    points = rng.uniform(-range_db, range_db, (stems, 7))
    points[rng.random(stems) >= share] = 0.0
    octaves = np.log2(1 + np.arange(frequencies)) / np.log2(frequencies) * 6
    curves_db = np.stack([np.interp(octaves, np.arange(7), one) for one in points])
    gains = torch.from_numpy((10 ** (curves_db / 20)).astype(np.float32))
    return spectra * gains.to(spectra.device)[:, None, :, None]
