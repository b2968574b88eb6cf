"""Players: each makes a part into sound, (samples, 2), from its notes and its instrument."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np

from . import singing, soundfonts, sources, synthesis
from .recordings import recordings, sample, syllables
from .score import Part, Song, generator
from .stereo import RATE, Stereo, add, fitted, panned, silence


def _font(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    return soundfonts.play(song, part, rng)


def _kit(song: Song, part: Part, rng: np.random.Generator, loops: Path | None) -> Stereo:
    kind, _, name = part.instrument.partition(":")
    if kind == "samples":
        shots = {pitch: sample(shot, loops) for pitch, shot in sources.SHOTS[name].items()}
    elif kind == "machine":
        # All parts of a song that name one machine play the same one.
        drawn = generator(song.split, song.number, purpose=1000 + int(name))
        machine = synthesis.draw_machine(drawn, song.split)
        shots = {pitch: panned(shot, PANNED.get(pitch, 0.0)) for pitch, shot in machine.items()}
    else:
        return soundfonts.play(song, part, rng)
    sound = silence(song.seconds)
    for note in part.notes:
        pitch = int(note.pitch)
        played = pitch if pitch in shots else KINDRED.get(pitch, 42)
        if played in shots:
            add(sound, shots[played] * note.velocity**1.5, note.start)
    return sound


# Where a drum machine's pieces stand, -1 left to 1 right.
PANNED = {42: 0.3, 44: 0.3, 46: 0.3, 51: -0.4, 49: -0.3, 41: 0.5, 43: 0.3, 47: -0.1, 50: -0.4,
          82: -0.5, 54: 0.5, 70: -0.6}  # fmt: skip

# What a kit plays instead of what it has not.
KINDRED = {
    37: 38, 39: 38, 40: 38, 41: 43, 43: 41, 44: 42, 46: 42, 47: 41, 50: 47, 51: 42, 52: 49,
    53: 51, 55: 49, 49: 46,
}  # fmt: skip


def _loop(song: Song, part: Part, _rng: np.random.Generator, loops: Path | None) -> Stereo:
    """Loops of a rhythm fill their notes' time; tones are transposed."""
    import soxr

    sound = silence(song.seconds)
    heard: dict[tuple[float, float], Stereo] = {}
    for note in part.notes:
        key = (round(note.duration, 4), note.pitch)
        if key not in heard:
            original = sample(part.instrument, loops)
            if part.details.get("pitched"):
                factor = 2 ** (-(note.pitch - 60) / 12)
            else:
                factor = note.duration * RATE / len(original)
            turned = soxr.resample(original, RATE, RATE * factor, quality="MQ")
            kept = turned[: round(note.duration * RATE)]
            fade = np.minimum(1, np.arange(len(kept), 0, -1) / 400)[:, None]
            heard[key] = (kept * fade).astype(np.float32)
        add(sound, heard[key] * note.velocity, note.start)
    return sound


def _tone(song: Song, part: Part, _rng: np.random.Generator, loops: Path | None) -> Stereo:
    """A bass tone transposed onto each note."""
    import soxr

    own = next(loop.pitch for loop in sources.LOOPS if loop.name == part.instrument) + 36
    tone = sample(part.instrument, loops)
    turned: dict[float, Stereo] = {}
    sound = silence(song.seconds)
    for note in part.notes:
        if note.pitch not in turned:
            factor = 2 ** (-(note.pitch - own) / 12)
            turned[note.pitch] = soxr.resample(tone, RATE, RATE * factor, quality="MQ")
        kept = turned[note.pitch][: round((note.duration + 0.03) * RATE)]
        fade = np.minimum(1, np.arange(len(kept), 0, -1) / 1300)[:, None]
        add(sound, kept * fade * note.velocity, note.start)
    return sound


def _synthesiser(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    patch = synthesis.draw_patch(rng, part.instrument, song.split)
    return synthesis.synthesise(part.notes, patch, song.seconds)


def _singer(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    voice = singing.draw_voice(
        rng,
        cast("singing.Register", part.details["register"]),
        cast("singing.Split", song.split),
    )
    notes: list[singing.Note] = [
        (note.start, note.duration, note.pitch, note.velocity, None) for note in part.notes
    ]
    sound = singing.sing(notes, voice, rng, song.seconds)
    return fitted(np.repeat(sound[:, None], 2, axis=1), song.seconds)


def _speech(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    """Syllables of recordings, each stretched and pitched onto a note."""
    import pedalboard

    spoken = syllables(part.instrument, rng)
    register = float(np.median([note.pitch for note in part.notes]))
    own = float(np.median([pitch for _, pitch in spoken]))
    # Whole octaves bring the melody to where the speaker speaks, so that the voice stays a voice.
    octaves = 12 * round((own + 3 - register) / 12)
    sound = silence(song.seconds)
    for place, note in enumerate(part.notes):
        syllable, pitch = spoken[place % len(spoken)]
        shift = float(np.clip(note.pitch + octaves - pitch, -12, 14))
        factor = float(np.clip(len(syllable) / RATE / note.duration, 0.25, 2.5))
        sung = pedalboard.time_stretch(
            syllable[None], RATE, stretch_factor=factor, pitch_shift_in_semitones=shift
        )[0]
        sung = sung[: round(note.duration * 1.1 * RATE)]
        fade = np.minimum(1, np.arange(len(sung), 0, -1) / 1500)
        add(sound, np.repeat((sung * fade * note.velocity)[:, None], 2, axis=1), note.start)
    return sound


def _spoken(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    """Recordings one after the other from where the part begins, with pauses."""
    sound = silence(song.seconds)
    now = part.notes[0].start
    for voice in recordings(part.instrument, 14, rng):
        add(sound, np.repeat(voice[:, None], 2, axis=1), now)
        now += len(voice) / RATE + float(rng.choice((0.1, 0.4, 1.5)))
        if now > song.seconds:
            break
    return sound


Player = Callable[[Song, Part, np.random.Generator, Path | None], Stereo]
PLAYERS: dict[str, Player] = {
    "font": _font, "kit": _kit, "loop": _loop, "tone": _tone, "synthesiser": _synthesiser,
    "singer": _singer, "speech": _speech, "spoken": _spoken,
}  # fmt: skip
