"""Synthesisers and drum machines of our own: what no soundfont or sample pack has enough of.

A patch is a wave through a low-pass filter whose cutoff an envelope moves; waves and filter live
in one table per note (cutoffs by phases), so that a note is a look-up. `draw_patch` and
`draw_machine` draw endless ones; no wave shape of one split sounds in another, and no kick either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .score import Note
from .tracks import RATE_HZ

_Floats = NDArray[np.float32]

WAVES: dict[str, tuple[str, ...]] = {
    "train": ("saw", "square", "triangle", "sine", "saw and octave"),
    "valid": ("pulse 30",),
    "test": ("pulse 18", "hollow", "organ"),
}

_HARMONICS = np.arange(1, 512)


def _pulse(width: float) -> NDArray[np.float64]:
    return np.asarray(2 * np.sin(np.pi * _HARMONICS * width) / (np.pi * _HARMONICS))


_SHAPES: dict[str, NDArray[np.float64]] = {
    "saw": 1 / _HARMONICS,
    "square": (_HARMONICS % 2) / _HARMONICS,
    "triangle": (_HARMONICS % 2) / _HARMONICS**2,
    "sine": (_HARMONICS == 1) * 1.0,
    "saw and octave": 1 / _HARMONICS + (_HARMONICS % 2 == 0) * 1.5 / _HARMONICS,
    "pulse 30": _pulse(0.3),
    "pulse 18": _pulse(0.18),
    "hollow": (_HARMONICS % 3 > 0) / _HARMONICS**1.3,
    "organ": np.isin(_HARMONICS, (1, 2, 3, 4, 6, 8)) / _HARMONICS**0.5,
}


@dataclass(frozen=True)
class Patch:
    """One synthesiser's settings; cutoffs in hertz, times in seconds."""

    wave: str
    voices: int
    detune_cents: float
    sub: float
    cutoff_hz: float
    peak_hz: float
    filter_decay_s: float
    resonance: float
    attack_s: float
    decay_s: float
    sustain: float
    release_s: float
    glide_s: float
    vibrato_cents: float
    drive: float
    tracking: float


# (lowest, highest) of what is drawn evenly, or evenly in the logarithm where both are above 1e-4.
_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "bass": {
        "cutoff_hz": (120, 900), "peak_hz": (200, 4000), "filter_decay_s": (0.05, 0.6),
        "attack_s": (0.002, 0.02), "decay_s": (0.1, 1.5), "sustain": (0.2, 1.0),
        "release_s": (0.02, 0.15), "sub": (0.0, 1.2), "detune_cents": (0.0, 12.0),
        "glide_s": (0.0, 0.08), "vibrato_cents": (0.0, 0.0), "drive": (0.0, 3.0),
    },
    "lead": {
        "cutoff_hz": (600, 6000), "peak_hz": (1500, 14000), "filter_decay_s": (0.05, 0.8),
        "attack_s": (0.002, 0.05), "decay_s": (0.1, 1.0), "sustain": (0.4, 1.0),
        "release_s": (0.03, 0.4), "sub": (0.0, 0.4), "detune_cents": (2.0, 25.0),
        "glide_s": (0.0, 0.1), "vibrato_cents": (0.0, 25.0), "drive": (0.0, 2.0),
    },
    "pad": {
        "cutoff_hz": (400, 3000), "peak_hz": (600, 7000), "filter_decay_s": (0.4, 3.0),
        "attack_s": (0.05, 0.6), "decay_s": (0.5, 3.0), "sustain": (0.6, 1.0),
        "release_s": (0.2, 1.0), "sub": (0.0, 0.3), "detune_cents": (4.0, 25.0),
        "glide_s": (0.0, 0.0), "vibrato_cents": (0.0, 8.0), "drive": (0.0, 0.5),
    },
    "pluck": {
        "cutoff_hz": (200, 900), "peak_hz": (2000, 12000), "filter_decay_s": (0.03, 0.3),
        "attack_s": (0.001, 0.005), "decay_s": (0.1, 0.6), "sustain": (0.0, 0.15),
        "release_s": (0.05, 0.3), "sub": (0.0, 0.3), "detune_cents": (0.0, 15.0),
        "glide_s": (0.0, 0.0), "vibrato_cents": (0.0, 0.0), "drive": (0.0, 1.0),
    },
}  # fmt: skip


def draw_patch(rng: np.random.Generator, kind: str, split: str) -> Patch:
    """A patch of a kind: bass, lead, pad or pluck."""

    def drawn(low: float, high: float) -> float:
        if low > 1e-4:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))
        return float(rng.uniform(low, high))

    figures = {name: drawn(*limits) for name, limits in _RANGES[kind].items()}
    return Patch(
        wave=str(rng.choice(WAVES[split])),
        voices=int(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15) if kind == "bass" else None)),
        resonance=float(rng.uniform(0, 2.5)),
        tracking=float(rng.choice((0.0, 0.5, 1.0))),
        **figures,
    )


def synthesise(notes: tuple[Note, ...], patch: Patch, seconds: float) -> _Floats:
    """The notes, (samples, 2)."""
    sound = np.zeros((round(seconds * RATE_HZ), 2), np.float32)
    before: float | None = None
    for note in notes:
        played = _tone(note, patch, before)
        first = round(note.start * RATE_HZ)
        last = min(len(sound), first + len(played))
        sound[first:last] += played[: last - first]
        before = note.pitch
    if patch.drive > 0.1:
        gain = np.float32((1 + patch.drive) / max(float(np.abs(sound).max()), 1e-6))
        sound = np.tanh(sound * gain)
    return sound


_PHASES = 1024
_CUTOFFS = 24


def _tone(note: Note, patch: Patch, before: float | None) -> _Floats:
    samples = round((note.duration + patch.release_s) * RATE_HZ)
    time = np.arange(samples, dtype=np.float32) / RATE_HZ
    f0 = 440 * 2 ** ((note.pitch - 69) / 12)
    semitones = np.zeros(samples, np.float32)
    if patch.glide_s > 0.01 and before is not None:
        semitones += (before - note.pitch) * np.exp(-time / (patch.glide_s / 3))
    if patch.vibrato_cents > 2:
        swell = np.clip(time / 0.4, 0, 1)
        semitones += patch.vibrato_cents / 100 * swell * np.sin(2 * np.pi * 5.4 * time)
    turns = np.cumsum(f0 / RATE_HZ * np.exp2(semitones / 12), dtype=np.float64)
    follow = (f0 / 130) ** patch.tracking
    low, high = patch.cutoff_hz * follow, max(patch.peak_hz, patch.cutoff_hz) * follow
    cutoffs = np.geomspace(low, high * 1.01, _CUTOFFS)
    opened = note.velocity * np.exp(-time / patch.filter_decay_s)
    layers = np.clip(opened * (_CUTOFFS - 1), 0, _CUTOFFS - 1.01).astype(np.float32)
    table = _table(patch, f0, cutoffs)
    sound = np.zeros((samples, 2), np.float32)
    for voice in range(patch.voices):
        place = (voice + 0.5) / patch.voices * 2 - 1
        cents = patch.detune_cents * place
        left, right = np.sqrt((1 - 0.8 * place) / 2), np.sqrt((1 + 0.8 * place) / 2)
        turned = turns * 2 ** (cents / 1200) + 0.37 * voice
        sound += _looked_up(table, turned, layers)[:, None] * np.array((left, right), np.float32)
    if patch.sub > 0.05:
        sound += (patch.sub * np.sin(np.pi * turns * (1 if f0 > 90 else 2)))[:, None]
    held = patch.sustain + (1 - patch.sustain) * np.exp(-time / patch.decay_s)
    envelope = held * np.clip(time / patch.attack_s, 0, 1) * note.velocity
    after = np.clip((time - note.duration) / patch.release_s, 0, 1)
    return np.asarray(sound * (envelope * (1 - after) ** 2)[:, None], np.float32)


def _table(patch: Patch, f0: float, cutoffs: NDArray[np.float64]) -> _Floats:
    """Periods of the wave through the filter: (cutoffs, phases)."""
    frequencies = f0 * _HARMONICS
    shape = np.where(frequencies < 18000, _SHAPES[patch.wave], 0.0)
    ratio = frequencies[None] / cutoffs[:, None]
    response = (1 + patch.resonance * np.exp(-(((ratio - 1) / 0.25) ** 2))) / np.sqrt(1 + ratio**4)
    spectrum = np.zeros((len(cutoffs), _PHASES // 2 + 1), complex)
    spectrum[:, 1:512] = -0.5j * shape * response
    return np.fft.irfft(spectrum * _PHASES, axis=1).astype(np.float32)


def _looked_up(table: _Floats, turns: NDArray[np.float64], layers: _Floats) -> _Floats:
    place = (turns % 1.0) * _PHASES
    phase = place.astype(np.int32)
    between = (place - phase).astype(np.float32)
    layer = layers.astype(np.int32)
    above = layers - layer
    flat = table.ravel()
    here, there = layer * _PHASES + phase % _PHASES, layer * _PHASES + (phase + 1) % _PHASES
    lower = flat[here] * (1 - between) + flat[there] * between
    upper = flat[here + _PHASES] * (1 - between) + flat[there + _PHASES] * between
    return np.asarray(lower * (1 - above) + upper * above, np.float32)


# Drum machines.

# Where the kick's pitch ends, in hertz.
_KICKS = {"train": ((38, 50), (56, 70)), "valid": ((51, 52),), "test": ((53, 55),)}


def draw_machine(rng: np.random.Generator, split: str) -> dict[int, _Floats]:
    """One-shots by General MIDI's percussion, mono."""
    ends = _KICKS[split]
    end_hz = float(rng.uniform(*ends[int(rng.integers(len(ends)))]))
    bright = float(rng.uniform(4500, 9000))
    metal = rng.uniform(2000, 9000, 6)
    snare_hz = float(rng.uniform(150, 260))
    tom_hz = float(rng.uniform(70, 110))
    snare = _snare(rng, snare_hz, rng.uniform(0.08, 0.25))
    kit = {
        36: _kick(rng, end_hz),
        38: snare,
        40: _snare(rng, snare_hz * 1.2, rng.uniform(0.05, 0.15)),
        37: _swept(rng.uniform(400, 1700), 1.0, 0.02),
        39: _clap(rng),
        42: _hat(rng, metal, bright, rng.uniform(0.015, 0.05)),
        44: _hat(rng, metal, bright, 0.03),
        46: _hat(rng, metal, bright, rng.uniform(0.12, 0.4)),
        49: _hat(rng, metal, bright * 0.6, rng.uniform(0.5, 1.2)),
        51: _hat(rng, metal, bright * 0.8, rng.uniform(0.2, 0.5)),
        56: _cowbell(rng),
        82: _hiss(rng, 6000, 0.04, 0.15),
        54: _hat(rng, metal * 1.3, 7000, 0.08),
        70: _hiss(rng, 7000, 0.02, 0.1),
    }
    for pitch, factor in ((41, 1.0), (43, 1.2), (47, 1.5), (50, 1.9)):
        kit[pitch] = _swept(tom_hz * factor, rng.uniform(1.3, 2), rng.uniform(0.1, 0.3))
    return {
        pitch: np.asarray(sound / max(float(np.abs(sound).max()), 1e-6) * LOUD.get(pitch, 0.6),
                          np.float32)
        for pitch, sound in kit.items()
    }  # fmt: skip


LOUD = {36: 1.0, 38: 0.8, 40: 0.7, 39: 0.7, 37: 0.5, 41: 0.8, 43: 0.8, 47: 0.75, 50: 0.7}


def _decay(decay_s: float, length_s: float | None = None) -> NDArray[np.float64]:
    return np.exp(-np.arange(round((length_s or decay_s * 6) * RATE_HZ)) / (decay_s * RATE_HZ))


def _swept(end_hz: float, sweep: float, decay_s: float) -> NDArray[np.float64]:
    fall = _decay(decay_s)
    time = np.arange(len(fall)) / RATE_HZ
    hz = end_hz * (1 + (sweep - 1) * np.exp(-time / 0.03))
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * fall


def _kick(rng: np.random.Generator, end_hz: float) -> NDArray[np.float64]:
    body = _swept(end_hz, rng.uniform(2, 8), np.exp(rng.uniform(np.log(0.05), np.log(0.3))))
    click = _hiss(rng, 1500, 0.003, 0.02) * rng.uniform(0, 0.6)
    body[: len(click)] += click[: len(body)]
    return np.tanh(body * rng.uniform(1, 4))


def _snare(rng: np.random.Generator, hz: float, decay_s: float) -> NDArray[np.float64]:
    noise = _hiss(rng, rng.uniform(600, 2500), decay_s, decay_s * 6)
    body = _swept(hz, 1.5, rng.uniform(0.04, 0.12))[: len(noise)]
    noise[: len(body)] += body * rng.uniform(0.3, 1.2)
    return noise


def _clap(rng: np.random.Generator) -> NDArray[np.float64]:
    sound = np.zeros(RATE_HZ // 3)
    for start in (0.0, 0.011, 0.023, 0.034):
        burst = _hiss(rng, 900, 0.006 if start < 0.03 else rng.uniform(0.05, 0.12), 0.25)
        first = round(start * RATE_HZ)
        end = min(len(sound), first + len(burst))
        sound[first:end] += burst[: end - first]
    return sound


def _hat(
    rng: np.random.Generator, metal: NDArray[np.float64], high_pass_hz: float, decay_s: float
) -> NDArray[np.float64]:
    fall = _decay(decay_s)
    time = np.arange(len(fall)) / RATE_HZ
    tones = np.sign(np.sin(2 * np.pi * np.outer(metal, time))).sum(axis=0) / 6
    mixture = rng.uniform(0.2, 0.8)
    sound = tones * mixture + rng.normal(0, 0.5, len(fall)) * (1 - mixture)
    return _high_passed(sound, high_pass_hz) * fall


def _cowbell(rng: np.random.Generator) -> NDArray[np.float64]:
    fall = _decay(0.06)
    time = np.arange(len(fall)) / RATE_HZ
    hz = rng.uniform(500, 620)
    return np.sign(np.sin(2 * np.pi * hz * time)) * fall + np.sign(
        np.sin(2 * np.pi * hz * 1.48 * time) * fall
    ) * fall  # fmt: skip


def _hiss(
    rng: np.random.Generator, high_pass_hz: float, decay_s: float, length_s: float
) -> NDArray[np.float64]:
    fall = _decay(decay_s, length_s)
    return _high_passed(rng.normal(0, 0.5, len(fall)), high_pass_hz) * fall


def _high_passed(sound: NDArray[np.float64], hz: float) -> NDArray[np.float64]:
    from scipy import signal

    return np.asarray(signal.sosfilt(signal.butter(2, hz, "high", fs=RATE_HZ, output="sos"), sound))
