"""A singer made of a source and a filter: notes and syllables in, a voice out.

The voiced part is a sum of harmonics. Their levels are those of a glottal pulse (the causal and
anticausal filters that Doval, d'Alessandro & Henrich show the Liljencrants-Fant pulse to be, "The
spectrum of glottal flow models", Acta Acustica 2006) times a vocal tract of poles in cascade (Fant
1960, Klatt 1980), so nothing aliases and every formant lies where the tables of `phonemes` say.
Noise of breath and consonants is shaped frame by frame. What makes it singing follows Sundberg,
"The Science of the Singing Voice", 1987: the singer's formant, sopranos who tune their first
formant to the pitch, vibrato of 4.5 to 7 Hz that sets in late, scoops and glides.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .articulation import Note, joined, lay, pronounce
from .singers import Register, Split, Voice, draw_voice
from .tracks import FRAME_S, HOP, RATE_HZ, Floats, smooth, to_samples, wander
from .vocal_tract import air, harmonics

__all__ = ["RATE_HZ", "Note", "Register", "Split", "Voice", "draw_voice", "sing"]


def sing(
    notes: list[Note], voice: Voice, rng: np.random.Generator, seconds: float = 30.0
) -> NDArray[np.float32]:
    """The voice singing: mono float32 at 44.1 kHz, `seconds` long, its peak at 0.5.

    Args:
        notes: (start s, duration s, pitch as MIDI note number, velocity 0..1, syllable). A
            syllable is spelled as in `phonemes.spell` ("la", "shoo", "naits"); "-" goes on with
            the last vowel (a melisma); None draws one. Where two notes overlap the later one cuts
            the earlier one off.
        voice: who sings.
        rng: decides all that the score leaves open; the same state gives the same samples.
        seconds: length of the result.
    """
    samples = round(seconds * RATE_HZ)
    count = samples // HOP + 2
    kept = _in_order(notes, seconds)
    if not kept:
        return np.zeros(samples, np.float32)
    sounds = pronounce(kept, voice, rng)
    mouth = lay(sounds, count)
    f0 = _pitch(kept, voice, rng, count)
    effort, level = _dynamics(kept, voice, rng, count)
    mouth = replace(mouth, formants=_tuned(mouth.formants, f0, rng))
    phase = 2 * np.pi * np.cumsum(to_samples(f0)) / RATE_HZ
    voiced = harmonics(f0, phase, effort, mouth, voice, mouth.voicing * level)
    voiced *= _roughness(phase, voice, rng, count)
    noise = air(f0, phase, mouth, voice, rng, level)
    sung = (voiced + noise)[:samples]
    return np.asarray(sung * (0.5 / max(float(np.abs(sung).max()), 1e-9)), np.float32)


def _in_order(notes: list[Note], seconds: float) -> list[Note]:
    """Notes by start, each cut where the next begins, without those too short to sing."""
    ordered = sorted((n for n in notes if 0 <= n[0] < seconds - 0.05), key=lambda n: n[0])
    ends = [n[0] for n in ordered[1:]] + [seconds]
    cut = [(s, min(d, e - s), p, v, y) for (s, d, p, v, y), e in zip(ordered, ends, strict=False)]
    return [n for n in cut if n[1] >= 0.03]


def _pitch(notes: list[Note], voice: Voice, rng: np.random.Generator, count: int) -> Floats:
    """Fundamental frequency of every frame, in hertz."""
    style = voice.style
    time = np.arange(count) * FRAME_S
    starts = np.array([n[0] for n in notes])
    which = np.clip(np.searchsorted(starts, time + style.glide_s * 0.3, "right") - 1, 0, None)
    midi = np.array([n[2] for n in notes], float)
    if style.spoken:
        # Speech keeps near one pitch; accents rise above it and every syllable falls.
        midi = np.median(midi) + 0.35 * (midi - np.median(midi)) + rng.normal(0, 1.2, midi.size)
    track = smooth(midi[which], style.glide_s)
    vibrato = np.zeros(count)
    for i, (start, duration, *_) in enumerate(notes):
        since = time - start
        span = (since > -0.05) & (since < duration + 0.05)
        tied = i > 0 and joined(notes[i - 1], notes[i])
        if rng.random() < style.scoop_odds * (0.4 if tied else 1.0):
            depth, slow = rng.uniform(0.5, 2.5), rng.uniform(0.03, 0.09)
            track[span] -= depth * np.exp(-np.maximum(since[span], 0) / slow)
        if not tied and rng.random() < 0.3:
            fall = rng.uniform(0.3, 1.5)
            track[span] -= fall * np.clip((since[span] - duration + 0.1) / 0.1, 0, 1) ** 2
        if style.spoken:
            track[span] -= rng.uniform(0.5, 3.5) * np.clip(since[span] / duration, 0, 1) ** 1.5
        if duration > 0.3:
            delay = style.vibrato_delay_s * rng.uniform(0.6, 1.3)
            vibrato[span] = np.clip((since[span] - delay) / 0.3, 0, 1) * rng.uniform(0.7, 1.2)
    rate = voice.vibrato_hz * (1 + 0.03 * wander(rng, count, 0.8))
    wave = np.sin(2 * np.pi * np.cumsum(rate) * FRAME_S + rng.uniform(0, 2 * np.pi))
    cents = style.vibrato_cents * smooth(vibrato, 0.08) * wave
    cents += voice.drift_cents * wander(rng, count, 0.5)
    jitter = style.jitter * rng.standard_normal(count)
    track = smooth(track, 0.02)
    return np.asarray(440 * 2 ** ((track - 69 + cents / 100) / 12) * (1 + jitter))


def _dynamics(
    notes: list[Note], voice: Voice, rng: np.random.Generator, count: int
) -> tuple[Floats, Floats]:
    """Vocal effort (0 to 1) and level of every frame: velocity, swell of long notes, shimmer."""
    time = np.arange(count) * FRAME_S
    starts = np.array([n[0] for n in notes])
    which = np.clip(np.searchsorted(starts, time + 0.02, "right") - 1, 0, None)
    velocity = np.array([n[3] for n in notes], float)[which]
    lengths = np.array([n[1] for n in notes], float)[which]
    place = np.clip((time - starts[which]) / lengths, 0, 1)
    swell = np.where(lengths > 0.4, np.sin(np.pi * place) - 0.5, 0.0)
    push = smooth(velocity + 0.15 * swell, 0.08) + 0.05 * wander(rng, count, 0.4)
    effort = np.clip(voice.style.effort + 0.5 * (push - 0.7), 0.02, 1)
    shimmer = 1 + 4 * voice.style.jitter * wander(rng, count, 0.004)
    level = 10 ** (14 * (push - 1) / 20) * shimmer
    for i, (start, duration, *_) in enumerate(notes):
        attack, release = rng.uniform(0.02, 0.12), min(rng.uniform(0.06, 0.3), 0.4 * duration)
        if i == 0 or not joined(notes[i - 1], notes[i]):
            span = (time >= start) & (time < start + attack)
            level[span] *= 0.3 + 0.7 * np.sin(np.pi / 2 * (time[span] - start) / attack)
        if i + 1 == len(notes) or not joined(notes[i], notes[i + 1]):
            left = start + duration - time
            span = (left >= 0) & (left < release)
            level[span] *= 0.15 + 0.85 * np.sin(np.pi / 2 * left[span] / release)
    return effort, smooth(level, 0.01)


def _tuned(formants: Floats, f0: Floats, rng: np.random.Generator) -> Floats:
    """Formants that no mouth holds quite still, the first of them never below the pitch."""
    drift = np.stack([wander(rng, len(f0), 0.25) for _ in range(5)], axis=1)
    tuned = formants * (1 + 0.012 * drift)
    tuned[:, 0] = np.maximum(tuned[:, 0], 1.03 * f0)
    for k in range(1, 5):
        tuned[:, k] = np.maximum(tuned[:, k], tuned[:, k - 1] + 180)
    return tuned


def _roughness(phase: Floats, voice: Voice, rng: np.random.Generator, count: int) -> Floats:
    """Subharmonics: every second or third period weaker, coming and going."""
    depth = voice.style.roughness
    if not depth:
        return np.ones(1)
    gate = to_samples(np.clip(0.6 + 0.5 * wander(rng, count, 0.25), 0, 1.2))
    order = int(rng.integers(2, 4))
    return np.asarray(1 - depth * gate * (0.5 + 0.5 * np.cos(phase / order)))
