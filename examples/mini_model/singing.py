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

from functools import cache
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .phonemes import (
    CODAS,
    CONSONANTS,
    DIPHTHONGS,
    NOISES,
    ONSETS,
    SINGLE_VOWELS,
    noise_band,
    spell,
    vowel_table,
)

RATE_HZ = 44100
_HOP = 128
_FRAME_S = _HOP / RATE_HZ

Register = Literal["soprano", "mezzo", "alto", "tenor", "baritone", "bass"]
Split = Literal["train", "valid", "test"]
Note = tuple[float, float, float, float, "str | None"]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """A manner of singing; `draw_voice` varies every figure of it a little.

    `effort` (0 to 1) opens the source's spectrum, `open_quotient` is the open part of a period,
    `ring` gathers formants 3 to 5 to a singer's formant, `roughness` is the depth of subharmonics.
    """

    effort: float = 0.5
    open_quotient: float = 0.6
    breath_db: float = -36.0
    voicing: float = 1.0
    ring: float = 0.15
    vibrato_cents: float = 35.0
    vibrato_delay_s: float = 0.3
    vibrato_odds: float = 0.7
    roughness: float = 0.0
    jitter: float = 0.004
    glide_s: float = 0.06
    scoop_odds: float = 0.3
    consonants_db: float = 0.0
    spoken: float = 0.0


STYLES: dict[str, Style] = {
    "pop": Style(),
    "breathy": Style(0.25, 0.75, -24.0, vibrato_cents=22, vibrato_odds=0.4, jitter=0.006),
    "belting": Style(0.85, 0.45, -42.0, ring=0.35, vibrato_cents=45, vibrato_delay_s=0.5),
    "falsetto": Style(0.2, 0.85, -27.0, ring=0.0, vibrato_cents=35, vibrato_delay_s=0.25),
    "opera": Style(0.7, 0.6, -46.0, ring=0.85, vibrato_cents=75, vibrato_delay_s=0.1,
                   vibrato_odds=1.0, glide_s=0.09, scoop_odds=0.15, consonants_db=-5.0),
    "raspy": Style(0.75, 0.5, -28.0, roughness=0.45, jitter=0.012, vibrato_odds=0.4,
                   scoop_odds=0.5),
    "whisper": Style(0.1, 0.9, -14.0, voicing=0.06, vibrato_odds=0.0, glide_s=0.1, ring=0.0),
    "rap": Style(0.65, 0.55, -36.0, vibrato_odds=0.0, jitter=0.008, glide_s=0.03,
                 consonants_db=3.0, spoken=1.0),
}  # fmt: skip
_STYLE_ODDS = {"pop": 8, "breathy": 4, "belting": 4, "falsetto": 2, "opera": 2, "raspy": 3,
               "whisper": 1, "rap": 3}  # fmt: skip

# Formant table by sex and size of the vocal tract against that table's mean (higher: shorter).
_REGISTERS: dict[Register, tuple[str, float]] = {
    "soprano": ("women", 1.04), "mezzo": ("women", 1.0), "alto": ("women", 0.96),
    "tenor": ("men", 1.05), "baritone": ("men", 1.0), "bass": ("men", 0.95),
}  # fmt: skip


@dataclass(frozen=True)
class _Range:
    tables: tuple[str, ...]
    sizes: tuple[tuple[float, float], ...]
    vibrato_hz: tuple[tuple[float, float], ...]


# No table, size of tract or vibrato rate of one split is drawn in another.
_SPLITS: dict[Split, _Range] = {
    "train": _Range(("peterson_barney", "hillenbrand"),
                    ((0.9, 0.955), (0.985, 1.015), (1.045, 1.11)),
                    ((4.5, 5.1), (5.5, 6.0), (6.4, 7.0))),
    "valid": _Range(("singers",), ((0.96, 0.98),), ((5.15, 5.45),)),
    "test": _Range(("fant",), ((1.02, 1.04),), ((6.05, 6.35),)),
}  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """One singer, as `draw_voice` draws it; `size` scales formants, `vibrato_hz` is its rate."""

    register: Register
    style_name: str
    style: Style
    table: str
    size: float
    vibrato_hz: float
    drift_cents: float
    bandwidth: float

    @property
    def scale(self) -> float:
        """What the table's formants are multiplied by."""
        return self.size * _REGISTERS[self.register][1]


def draw_voice(
    rng: np.random.Generator,
    register: Register = "tenor",
    split: Split = "train",
    style: str | None = None,
) -> Voice:
    """A singer of a register; those of two splits share no formants and no vibrato rate."""
    names = list(_STYLE_ODDS)
    odds = np.array(list(_STYLE_ODDS.values()), float)
    name = style or str(rng.choice(names, p=odds / odds.sum()))
    base, ranges = STYLES[name], _SPLITS[split]

    def near(value: float, spread: float, low: float, high: float) -> float:
        return float(np.clip(value + spread * rng.uniform(-1, 1), low, high))

    varied = Style(
        effort=near(base.effort, 0.12, 0.05, 0.95),
        open_quotient=near(base.open_quotient, 0.07, 0.35, 0.92),
        breath_db=near(base.breath_db, 4, -60, -8),
        voicing=base.voicing,
        ring=near(base.ring, 0.15, 0, 1),
        vibrato_cents=near(base.vibrato_cents, 15, 5, 110)
        if rng.random() < base.vibrato_odds
        else 0.0,
        vibrato_delay_s=near(base.vibrato_delay_s, 0.12, 0.02, 0.8),
        vibrato_odds=base.vibrato_odds,
        roughness=base.roughness * rng.uniform(0.5, 1.3),
        jitter=base.jitter * rng.uniform(0.6, 1.4),
        glide_s=near(base.glide_s, 0.03, 0.02, 0.2),
        scoop_odds=near(base.scoop_odds, 0.15, 0, 1),
        consonants_db=near(base.consonants_db, 3, -12, 8),
        spoken=base.spoken,
    )
    return Voice(
        register=register,
        style_name=name,
        style=varied,
        table=str(rng.choice(ranges.tables)),
        size=_within(rng, ranges.sizes),
        vibrato_hz=_within(rng, ranges.vibrato_hz),
        drift_cents=float(rng.uniform(2, 9)),
        bandwidth=float(rng.uniform(0.8, 1.3)),
    )


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
    count = samples // _HOP + 2
    kept = _in_order(notes, seconds)
    if not kept:
        return np.zeros(samples, np.float32)
    sounds = _sounds(kept, voice, rng)
    tracks = _tracks(sounds, voice, count)
    f0 = _pitch(kept, voice, rng, count)
    effort, level = _dynamics(kept, voice, rng, count)
    tracks.formants[:] = _tuned(tracks.formants, f0, voice)
    phase = 2 * np.pi * np.cumsum(_to_samples(f0)) / RATE_HZ
    voiced = _voiced(f0, phase, effort, tracks, voice, tracks.voicing * level)
    voiced *= _roughness(phase, voice, rng, count)
    noise = _noise(f0, phase, tracks, voice, rng, level)
    sung = (voiced + noise)[:samples]
    return np.asarray(sung * (0.5 / max(float(np.abs(sung).max()), 1e-9)), np.float32)


@dataclass(frozen=True)
class _Sound:
    """A stretch of time in which the mouth holds, or goes from one shape to another."""

    start_s: float
    end_s: float
    formants: _Floats
    to_formants: _Floats
    voiced: float
    breath: float
    noise: tuple[str, float] | None = None
    zero_hz: float | None = None


@dataclass
class _Tracks:
    """Frame by frame: (frames, 5) formants in hertz, levels (frames,), noises (frames, kinds)."""

    formants: _Floats
    voicing: _Floats
    breath: _Floats
    noises: _Floats
    zero_hz: _Floats
    nasal: _Floats


def _within(rng: np.random.Generator, ranges: tuple[tuple[float, float], ...]) -> float:
    return float(rng.uniform(*ranges[rng.integers(len(ranges))]))


def _in_order(notes: list[Note], seconds: float) -> list[Note]:
    """Notes by start, each cut where the next begins, without those too short to sing."""
    ordered = sorted((n for n in notes if 0 <= n[0] < seconds - 0.05), key=lambda n: n[0])
    ends = [n[0] for n in ordered[1:]] + [seconds]
    cut = [(s, min(d, e - s), p, v, y) for (s, d, p, v, y), e in zip(ordered, ends, strict=True)]
    return [n for n in cut if n[1] >= 0.03]


def _joined(one: Note, two: Note) -> bool:
    return two[0] - one[0] - one[1] < 0.08


# Words -------------------------------------------------------------------------------------------


def _sounds(notes: list[Note], voice: Voice, rng: np.random.Generator) -> list[_Sound]:
    """Every sound of the song, in order; consonants stand before the beat, vowels on it."""
    table = {
        name: _five(row * voice.scale, voice)
        for name, row in vowel_table(voice.table, _REGISTERS[voice.register][0]).items()
    }
    sounds: list[_Sound] = []
    held: list[str] = ["ah"]
    free_s = 0.0
    for i, note in enumerate(notes):
        start, duration, _, _, syllable = note
        tied = i > 0 and _joined(notes[i - 1], note)
        onset, vowels, coda = _syllable(syllable, tied, held, rng)
        held = vowels[-1:]
        end = start + duration
        if i + 1 < len(notes) and _joined(note, notes[i + 1]):
            end = notes[i + 1][0]
        first, last = table[vowels[0]], table[vowels[-1]]
        if not tied:
            sounds += _inhaled(free_s, start, first, rng)
        # Consonants take of the vowel before at most two fifths, so that it stays one.
        onset_sounds = _consonants(onset, first, voice)
        room = start - (free_s if not tied else free_s - 0.4 * notes[i - 1][1])
        onset_sounds = _ending(onset_sounds, start, max(room, 0.0))
        if onset_sounds and sounds and sounds[-1].end_s > onset_sounds[0].start_s:
            cut_s = max(onset_sounds[0].start_s, sounds[-1].start_s)
            sounds[-1] = replace(sounds[-1], end_s=cut_s)
        sounds += onset_sounds
        coda_sounds = _consonants(coda, last, voice)
        coda_sounds = _ending(coda_sounds, end, 0.4 * duration)
        vowel_end = coda_sounds[0].start_s if coda_sounds else end
        turn = start + (vowel_end - start) * float(rng.uniform(0.45, 0.75))
        breath = 10 ** (voice.style.breath_db / 20)
        vowel = _Sound(start, turn, first, first, voice.style.voicing, breath)
        sounds += [vowel, replace(vowel, start_s=turn, end_s=vowel_end, to_formants=last)]
        sounds += coda_sounds
        free_s = end
    return sounds


def _syllable(
    syllable: str | None, tied: bool, held: list[str], rng: np.random.Generator
) -> tuple[list[str], list[str], list[str]]:
    if syllable == "-" or (syllable is None and tied and rng.random() < 0.2):
        return [], held, []
    if syllable is not None:
        return spell(syllable)
    onset, coda = (_drawn(rng, table) for table in (ONSETS, CODAS))
    if rng.random() < 0.2:
        vowels = list(DIPHTHONGS[str(rng.choice(list(DIPHTHONGS)))])
    else:
        vowels = [str(rng.choice(SINGLE_VOWELS))]
    return spell(onset)[0], vowels, spell("ah" + coda)[2]


def _drawn(rng: np.random.Generator, table: tuple[tuple[str, int], ...]) -> str:
    odds = np.array([weight for _, weight in table], float)
    return table[int(rng.choice(len(table), p=odds / odds.sum()))][0]


def _five(three_hz: _Floats, voice: Voice) -> _Floats:
    """The formants of a vowel with the fourth and fifth, gathered where the voice has a ring."""
    men = _REGISTERS[voice.register][0] == "men"
    upper = np.array([3500.0, 4500.0] if men else [4050.0, 5000.0]) * voice.scale
    five = np.concatenate([three_hz, upper])
    centre = 2800.0 if men else 3150.0
    cluster = np.array([centre * 0.92, centre * 1.04, centre * 1.22])
    five[2:] += voice.style.ring * 0.8 * (cluster - five[2:])
    return np.maximum.accumulate(np.concatenate([five[:1], np.maximum(five[1:], five[:-1] + 120)]))


def _consonants(names: list[str], vowel: _Floats, voice: Voice) -> list[_Sound]:
    """Consonants one after another from time 0; their formants lean on the vowel beside them."""
    sounds: list[_Sound] = []
    now = 0.0
    men = _REGISTERS[voice.register][0] == "men"
    for name in names:
        kind = CONSONANTS[name]
        locus = np.array(kind.locus_hz) * voice.scale * (1.0 if men else 1.15)
        shape = vowel.copy()
        shape[:3] += kind.pull * (locus - vowel[:3])
        zero = None if kind.antiformant_hz is None else kind.antiformant_hz * voice.scale
        for part in kind.parts:
            levels = [
                0.0 if db is None else 10 ** ((db + extra) / 20)
                for db, extra in (
                    (part.voiced_db, 0.0),
                    (part.breath_db, voice.style.consonants_db),
                    (part.noise_db, voice.style.consonants_db),
                )
            ]
            noise = (kind.noise, levels[2]) if levels[2] else None
            end = now + part.ms / 1000
            voiced = levels[0] * voice.style.voicing
            sounds.append(_Sound(now, end, shape, shape, voiced, levels[1], noise, zero))
            now = end
    return sounds


def _ending(sounds: list[_Sound], end_s: float, room_s: float) -> list[_Sound]:
    """The sounds up to `end_s`, pressed together where they are longer than `room_s`."""
    if not sounds:
        return []
    total = sounds[-1].end_s
    ratio = min(1.0, room_s / total)
    if ratio < 0.3:
        return []
    origin = end_s - total * ratio
    return [
        replace(s, start_s=origin + s.start_s * ratio, end_s=origin + s.end_s * ratio)
        for s in sounds
    ]


def _inhaled(
    free_s: float, start_s: float, vowel: _Floats, rng: np.random.Generator
) -> list[_Sound]:
    """A breath before a phrase, where there is time for one and the singer lets it be heard."""
    gap = start_s - free_s
    if gap < 0.4 or rng.random() < 0.3:
        return []
    length = float(min(rng.uniform(0.2, 0.5), gap - 0.2))
    end = start_s - float(rng.uniform(0.12, 0.18))
    level = 10 ** (float(rng.uniform(-38, -26)) / 20)
    neutral = 0.5 * vowel + 0.5 * np.array([700, 1500, 2500, 3600, 4600])
    return [_Sound(end - length, end, neutral, neutral, 0.0, level)]


# Tracks ------------------------------------------------------------------------------------------


def _tracks(sounds: list[_Sound], voice: Voice, count: int) -> _Tracks:
    """Sounds laid on frames; the mouth is slower (50 ms) than the voice (20 ms) and noise (6 ms)."""
    kinds = list(NOISES)
    formants = np.full((count, 5), np.nan)
    voicing, breath, nasal = np.zeros(count), np.zeros(count), np.zeros(count)
    noises = np.zeros((count, len(kinds)))
    zero = np.full(count, np.nan)
    for sound in sounds:
        first, last = round(sound.start_s / _FRAME_S), round(sound.end_s / _FRAME_S)
        span = slice(max(first, 0), max(last, first + 1, 0))
        here = voicing[span].size
        ramp = np.linspace(0, 1, here)[:, None]
        formants[span] = sound.formants + ramp * (sound.to_formants - sound.formants)
        voicing[span], breath[span], noises[span] = sound.voiced, sound.breath, 0.0
        nasal[span] = 0.0 if sound.zero_hz is None else 1.0
        if sound.zero_hz is not None:
            zero[span] = sound.zero_hz
        if sound.noise is not None:
            noises[span, kinds.index(sound.noise[0])] = sound.noise[1]
    return _Tracks(
        _smooth(_held(formants), 0.055),
        _smooth(voicing, 0.03),
        _smooth(breath, 0.03),
        _smooth(noises, 0.008),
        _held(zero[:, None], 1500.0)[:, 0],
        _smooth(nasal, 0.025),
    )


def _held(track: _Floats, otherwise: float = 1000.0) -> _Floats:
    """The track with every gap filled from its nearest frame."""
    known = np.flatnonzero(~np.isnan(track[:, 0]))
    if not known.size:
        return np.full_like(track, otherwise)
    middles = (known[1:] + known[:-1]) / 2
    return np.asarray(track[known[np.searchsorted(middles, np.arange(len(track)))]])


def _smooth(track: _Floats, width_s: float) -> _Floats:
    """The track through a Hann window of that length, its ends held."""
    half = max(1, round(width_s / _FRAME_S / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    window /= window.sum()
    columns = track.reshape(len(track), -1)
    padded = np.pad(columns, ((half, half), (0, 0)), mode="edge")
    done = np.stack([np.convolve(c, window, mode="valid") for c in padded.T], axis=1)
    return np.asarray(done.reshape(track.shape))


def _wander(rng: np.random.Generator, count: int, width_s: float) -> _Floats:
    """Slow noise of unit deviation."""
    noise = _smooth(rng.standard_normal(count), width_s)
    return np.asarray(noise / (noise.std() + 1e-12))


def _pitch(notes: list[Note], voice: Voice, rng: np.random.Generator, count: int) -> _Floats:
    """Fundamental frequency of every frame, in hertz."""
    style = voice.style
    time = np.arange(count) * _FRAME_S
    starts = np.array([n[0] for n in notes])
    which = np.clip(np.searchsorted(starts, time + style.glide_s * 0.3, "right") - 1, 0, None)
    midi = np.array([n[2] for n in notes], float)
    if style.spoken:
        # Speech keeps near one pitch; accents rise above it and every syllable falls.
        midi = np.median(midi) + 0.35 * (midi - np.median(midi)) + rng.normal(0, 1.2, midi.size)
    track = _smooth(midi[which], style.glide_s)
    vibrato = np.zeros(count)
    for i, (start, duration, *_) in enumerate(notes):
        since = time - start
        span = (since > -0.05) & (since < duration + 0.05)
        tied = i > 0 and _joined(notes[i - 1], notes[i])
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
    rate = voice.vibrato_hz * (1 + 0.03 * _wander(rng, count, 0.8))
    wave = np.sin(2 * np.pi * np.cumsum(rate) * _FRAME_S + rng.uniform(0, 2 * np.pi))
    cents = style.vibrato_cents * _smooth(vibrato, 0.08) * wave
    cents += voice.drift_cents * _wander(rng, count, 0.5)
    jitter = style.jitter * rng.standard_normal(count)
    track = _smooth(track, 0.02)
    return np.asarray(440 * 2 ** ((track - 69 + cents / 100) / 12) * (1 + jitter))


def _dynamics(
    notes: list[Note], voice: Voice, rng: np.random.Generator, count: int
) -> tuple[_Floats, _Floats]:
    """Vocal effort (0 to 1) and level of every frame: velocity, swell of long notes, shimmer."""
    time = np.arange(count) * _FRAME_S
    starts = np.array([n[0] for n in notes])
    which = np.clip(np.searchsorted(starts, time + 0.02, "right") - 1, 0, None)
    velocity = np.array([n[3] for n in notes], float)[which]
    lengths = np.array([n[1] for n in notes], float)[which]
    place = np.clip((time - starts[which]) / lengths, 0, 1)
    swell = np.where(lengths > 0.4, np.sin(np.pi * place) - 0.5, 0.0)
    push = _smooth(velocity + 0.15 * swell, 0.08) + 0.05 * _wander(rng, count, 0.4)
    effort = np.clip(voice.style.effort + 0.5 * (push - 0.7), 0.02, 1)
    shimmer = 1 + 4 * voice.style.jitter * _wander(rng, count, 0.004)
    level = 10 ** (14 * (push - 1) / 20) * shimmer
    for i, (start, duration, *_) in enumerate(notes):
        attack, release = rng.uniform(0.02, 0.12), min(rng.uniform(0.06, 0.3), 0.4 * duration)
        if i == 0 or not _joined(notes[i - 1], notes[i]):
            span = (time >= start) & (time < start + attack)
            level[span] *= 0.3 + 0.7 * np.sin(np.pi / 2 * (time[span] - start) / attack)
        if i + 1 == len(notes) or not _joined(notes[i], notes[i + 1]):
            left = start + duration - time
            span = (left >= 0) & (left < release)
            level[span] *= 0.15 + 0.85 * np.sin(np.pi / 2 * left[span] / release)
    return effort, _smooth(level, 0.01)


def _tuned(formants: _Floats, f0: _Floats, voice: Voice) -> _Floats:
    """A singer opens the mouth where the pitch would pass the first formant."""
    tuned = formants.copy()
    tuned[:, 0] = np.maximum(tuned[:, 0], 1.03 * f0)
    for k in range(1, 5):
        tuned[:, k] = np.maximum(tuned[:, k], tuned[:, k - 1] + 180)
    return tuned


# Sound -------------------------------------------------------------------------------------------


def _tract(
    frequency_hz: _Floats, tracks: _Tracks, rows: slice, voice: Voice
) -> NDArray[np.complex128]:
    """The vocal tract at (frames, frequencies): five poles that move, fixed ones above them."""
    s = 1j * np.atleast_2d(frequency_hz)
    men = _REGISTERS[voice.register][0] == "men"
    formants = tracks.formants[rows]
    widths = voice.bandwidth * (45 + 0.03 * formants + 0.004 * np.maximum(formants - 1500, 0))
    widths[:, 0] += 12 + 30 * tracks.nasal[rows]
    gain = np.ones(np.broadcast_shapes(s.shape, (len(formants), 1)), complex)
    for k in range(5):
        pole = (-widths[:, k] / 2 + 1j * formants[:, k])[:, None]
        gain *= np.abs(pole) ** 2 / ((s - pole) * (s - pole.conj()))
    gain *= np.interp(np.abs(s), *_upper_poles(voice.scale * (1.0 if men else 1.13)))
    nasal = tracks.nasal[rows][:, None]
    zero = tracks.zero_hz[rows][:, None]
    notch = (s**2 + 90 * s + zero**2) / (s**2 + 700 * s + zero**2)
    return np.asarray(gain * (1 + nasal * (notch - 1)))


@cache
def _upper_poles(scale: float) -> tuple[_Floats, _Floats]:
    """All that lies above the fifth formant: a grid in hertz, and the gain of a tube's poles.

    Poles 6 to 60 are those of a tube open at the lips, 1 kHz apart; those above, of which every
    one lifts the spectrum a little, are their product's first term.
    """
    grid = np.arange(0, RATE_HZ / 2 + 100, 50.0)
    spacing, poles = 1000.0 * scale, 60
    gain = np.exp((grid / spacing) ** 2 / poles)
    for k in range(6, poles + 1):
        pole_hz = (k - 0.5) * spacing
        wide = 150.0 + 0.06 * pole_hz
        gain *= pole_hz**2 / np.sqrt((pole_hz**2 - grid**2) ** 2 + (wide * grid) ** 2)
    return grid, gain


def _source(
    frequency_hz: _Floats, f0: _Floats, effort: _Floats, voice: Voice
) -> NDArray[np.complex128]:
    """Spectrum of the glottal pulse's derivative: a maximum near f0, then a tilt by effort."""
    s = 1j * frequency_hz
    open_quotient = np.clip(voice.style.open_quotient + 0.15 * (0.5 - effort), 0.3, 0.95)[:, None]
    asymmetry = (0.6 + 0.22 * effort)[:, None]
    glottal = f0[:, None] / (2 * open_quotient)
    width = f0[:, None] / (open_quotient * np.tan(np.pi * (1 - asymmetry))) * -1
    anticausal = s * glottal / (s**2 - np.abs(width) * s + glottal**2)
    tilt = (350 * 2 ** (4.2 * effort))[:, None]
    return np.asarray(anticausal / (1 + s / tilt))


def _voiced(
    f0: _Floats,
    phase: _Floats,
    effort: _Floats,
    tracks: _Tracks,
    voice: Voice,
    level: _Floats,
) -> _Floats:
    """The sum of all harmonics below 19 kHz, by Horner's rule on the fundamental's phase."""
    out = np.zeros(len(phase))
    block = 128
    for first in range(0, len(f0) - 1, block):
        rows = slice(first, min(first + block + 1, len(f0)))
        if not np.any(level[rows] > 1e-5):
            continue
        count = int(19000 / f0[rows].min())
        frequency = f0[rows][:, None] * np.arange(1, count + 1)
        gain = _tract(frequency, tracks, rows, voice)
        gain *= _source(frequency, f0[rows], effort[rows], voice)
        gain *= np.clip((19000 - frequency) / 3000, 0, 1)
        # Singers even vowels out; in part, so that vibrato still moves the level.
        power = np.sqrt(0.5 * np.sum(np.abs(gain) ** 2, axis=1)) + 1e-9
        gain *= (level[rows] / power**0.75)[:, None]
        span = slice(first * _HOP, (rows.stop - 1) * _HOP)
        turn = np.exp(1j * phase[span]).astype(np.complex64).reshape(-1, _HOP)
        start, end = (np.zeros(turn.shape, np.complex64) for _ in range(2))
        terms = gain.astype(np.complex64)
        for k in range(count - 1, -1, -1):
            start += terms[:-1, k : k + 1]
            start *= turn
            end += terms[1:, k : k + 1]
            end *= turn
        ramp = np.arange(_HOP, dtype=np.float32) / _HOP
        out[span] = (start.real * (1 - ramp) + end.real * ramp).ravel()
    return out


def _roughness(phase: _Floats, voice: Voice, rng: np.random.Generator, count: int) -> _Floats:
    """Subharmonics: every second or third period weaker, coming and going."""
    depth = voice.style.roughness
    if not depth:
        return np.ones(1)
    gate = _to_samples(np.clip(0.6 + 0.5 * _wander(rng, count, 0.25), 0, 1.2))
    order = int(rng.integers(2, 4))
    return np.asarray(1 - depth * gate * (0.5 + 0.5 * np.cos(phase / order)))


def _noise(
    f0: _Floats,
    phase: _Floats,
    tracks: _Tracks,
    voice: Voice,
    rng: np.random.Generator,
    level: _Floats,
) -> _Floats:
    """Breath through the tract and noise of consonants, in frames of 256 samples."""
    size = 2 * _HOP
    count = len(f0)
    # The glottis lets air through once a period: breath of a voiced sound pulses with it.
    depth = _to_samples(np.minimum(tracks.voicing, 1.0)) * 0.7
    white = rng.standard_normal((count + 1) * _HOP)
    white[: len(phase)] *= (1 + depth * np.cos(phase)) / np.sqrt(1 + depth**2 / 2)
    window = np.sqrt(np.hanning(size + 1)[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(white, size)[::_HOP] * window
    frequency = np.fft.rfftfreq(size, 1 / RATE_HZ)
    shape = np.zeros((count, frequency.size))
    airy = np.flatnonzero(tracks.breath > 1e-5)
    if airy.size:
        rows = slice(int(airy[0]), int(airy[-1]) + 1)
        tract = np.abs(_tract(frequency, tracks, rows, voice))
        tract /= np.sqrt(np.mean(tract**2, axis=1, keepdims=True))
        shape[rows] += (tracks.breath[rows, None] * tract) ** 2
    sex_scale = voice.scale * (1.0 if _REGISTERS[voice.register][0] == "men" else 1.12)
    bands = np.stack([noise_band(name, sex_scale, frequency) for name in NOISES])
    shape += tracks.noises**2 @ bands**2
    shape = np.sqrt(shape) * level[:, None]
    done = np.fft.irfft(np.fft.rfft(frames[:count], axis=1) * shape, size, axis=1) * window
    out = np.zeros((count + 1) * _HOP)
    out[:-_HOP] += done[:, :_HOP].ravel()
    out[_HOP:] += done[:, _HOP:].ravel()
    return out[: len(phase)]


def _to_samples(track: _Floats) -> _Floats:
    """A track of frames drawn out to samples, up to the last frame."""
    at = np.arange((len(track) - 1) * _HOP) / _HOP
    return np.interp(at, np.arange(len(track)), track)
