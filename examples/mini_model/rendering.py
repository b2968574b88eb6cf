"""Songs into sound: four stereo stems of equal length at 44.1 kHz.

`players` play the parts. Each part and each stem then gets its own `effects`, drawn from the song's
seed, and the stems are balanced like pop mixes are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .effects import mixed_down, placed
from .players import PLAYERS
from .score import STEMS, Song, generator
from .stereo import RATE, Stereo, silence

# Loudness of each stem in LUFS before the mix is brought below full scale; the spread is
# normal, 2 dB, at most 4.
LOUDNESS_LUFS = {"drums": -17.5, "bass": -20.0, "other": -19.5, "vocals": -17.0}


def render(song: Song, loops: Path | None = None) -> dict[str, Stereo]:
    """The song's stems, each (samples, 2); the mix is their sum and stays below full scale.

    Args:
        song: What to play.
        loops: A folder to look for samples in before the packages' own.
    """
    stems = {stem: silence(song.seconds) for stem in STEMS}
    for place, part in enumerate(song.parts):
        if part.notes:
            rng = generator(song.split, song.number, purpose=100 + place)
            played = _levelled(PLAYERS[part.player](song, part, rng, loops), -20.0)
            stems[part.stem] += placed(played, part, rng)
    for place, (stem, sound) in enumerate(stems.items()):
        if sound.any():
            rng = generator(song.split, song.number, purpose=10 + place)
            stems[stem] = _balanced(mixed_down(sound, stem, rng), stem, rng)
    rng = generator(song.split, song.number, purpose=1)
    mix = np.sum(list(stems.values()), axis=0)
    peak = max(float(np.abs(sound).max()) for sound in (*stems.values(), mix))
    scale = min(1.0, float(rng.uniform(0.7, 0.98)) / max(peak, 1e-6))
    return {stem: (sound * scale).astype(np.float32) for stem, sound in stems.items()}


def _balanced(sound: Stereo, stem: str, rng: np.random.Generator) -> Stereo:
    """At the stem's loudness (ITU-R BS.1770), more or less."""
    import pyloudnorm

    loudness = pyloudnorm.Meter(RATE).integrated_loudness(sound)
    spread = float(np.clip(rng.normal(0, 2), -4, 4))
    if not np.isfinite(loudness):
        return sound
    gain_db = min(LOUDNESS_LUFS[stem] + spread - loudness, 40.0)
    return np.asarray(sound * 10 ** (gain_db / 20), np.float32)


def _levelled(sound: Stereo, dbfs: float) -> Stereo:
    """At an effective level, silence between notes left out, that effects expect."""
    hop = RATE // 10
    power = (sound[: len(sound) // hop * hop].reshape(-1, hop * 2) ** 2).mean(axis=1)
    heard = power[power > power.max() / 1000]
    if not len(heard) or heard[0] == 0:
        return sound
    return np.asarray(sound * (10 ** (dbfs / 20) / np.sqrt(heard.mean())), np.float32)
