"""From notes and syllables to what the mouth does, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .phonemes import (
    CODAS,
    CONSONANTS,
    DIPHTHONGS,
    NOISES,
    ONSETS,
    SINGLE_VOWELS,
    spell,
    vowel_table,
)
from .singers import Voice
from .tracks import FRAME_S, Floats, held, smooth

Note = tuple[float, float, float, float, "str | None"]


@dataclass(frozen=True)
class Sound:
    """A stretch of time in which the mouth holds, or goes from one shape to another."""

    start_s: float
    end_s: float
    formants: Floats
    to_formants: Floats
    voiced: float
    breath: float
    noise: tuple[str, float] | None = None
    zero_hz: float | None = None


@dataclass(frozen=True)
class Mouth:
    """Frame by frame: (frames, 5) formants in hertz, levels (frames,), noises (frames, kinds)."""

    formants: Floats
    voicing: Floats
    breath: Floats
    noises: Floats
    zero_hz: Floats
    nasal: Floats


def pronounce(notes: list[Note], voice: Voice, rng: np.random.Generator) -> list[Sound]:
    """Every sound of the song, in order; consonants stand before the beat, vowels on it."""
    table = {
        name: _five(row * voice.scale * np.array(voice.bend), voice)
        for name, row in vowel_table(voice.table, voice.sex).items()
    }
    sounds: list[Sound] = []
    held: list[str] = ["ah"]
    free_s = 0.0
    for i, note in enumerate(notes):
        start, duration, _, _, syllable = note
        tied = i > 0 and joined(notes[i - 1], note)
        onset, vowels, coda = _syllable(syllable, tied, held, rng)
        held = vowels[-1:]
        end = start + duration
        if i + 1 < len(notes) and joined(note, notes[i + 1]):
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
        vowel = Sound(start, turn, first, first, voice.style.voicing, breath)
        sounds += [vowel, replace(vowel, start_s=turn, end_s=vowel_end, to_formants=last)]
        sounds += coda_sounds
        free_s = end
    return sounds


def lay(sounds: list[Sound], count: int) -> Mouth:
    """Sounds on frames; the mouth is slower (75 ms) than the voice (30 ms) and noise (8 ms)."""
    kinds = list(NOISES)
    formants = np.full((count, 5), np.nan)
    voicing, breath, nasal = np.zeros(count), np.zeros(count), np.zeros(count)
    noises = np.zeros((count, len(kinds)))
    zero = np.full(count, np.nan)
    for sound in sounds:
        first, last = round(sound.start_s / FRAME_S), round(sound.end_s / FRAME_S)
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
    return Mouth(
        smooth(held(formants), 0.075),
        smooth(voicing, 0.03),
        smooth(breath, 0.03),
        smooth(noises, 0.008),
        held(zero[:, None], 1500.0)[:, 0],
        smooth(nasal, 0.025),
    )


def joined(one: Note, two: Note) -> bool:
    """Whether a singer goes from one note to the other without a rest."""
    return two[0] - one[0] - one[1] < 0.08


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


def _five(three_hz: Floats, voice: Voice) -> Floats:
    """The formants of a vowel with the fourth and fifth, gathered where the voice has a ring."""
    upper = np.array([3500.0, 4500.0] if voice.male else [4050.0, 5000.0]) * voice.scale
    five = np.concatenate([three_hz, upper])
    centre = 2800.0 if voice.male else 3150.0
    cluster = np.array([centre * 0.92, centre * 1.04, centre * 1.22])
    five[2:] += voice.style.ring * 0.8 * (cluster - five[2:])
    return np.maximum.accumulate(np.concatenate([five[:1], np.maximum(five[1:], five[:-1] + 120)]))


def _consonants(names: list[str], vowel: Floats, voice: Voice) -> list[Sound]:
    """Consonants one after another from time 0; their formants lean on the vowel beside them."""
    sounds: list[Sound] = []
    now = 0.0
    for name in names:
        kind = CONSONANTS[name]
        locus = np.array(kind.locus_hz) * voice.scale * (1.0 if voice.male else 1.15)
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
            sounds.append(Sound(now, end, shape, shape, voiced, levels[1], noise, zero))
            now = end
    return sounds


def _ending(sounds: list[Sound], end_s: float, room_s: float) -> list[Sound]:
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


def _inhaled(free_s: float, start_s: float, vowel: Floats, rng: np.random.Generator) -> list[Sound]:
    """A breath before a phrase, where there is time for one and the singer lets it be heard."""
    gap = start_s - free_s
    if gap < 0.4 or rng.random() < 0.3:
        return []
    length = float(min(rng.uniform(0.2, 0.5), gap - 0.2))
    end = start_s - float(rng.uniform(0.12, 0.18))
    level = 10 ** (float(rng.uniform(-38, -26)) / 20)
    neutral = 0.5 * vowel + 0.5 * np.array([700, 1500, 2500, 3600, 4600])
    return [Sound(end - length, end, neutral, neutral, 0.0, level)]
