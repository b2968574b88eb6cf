"""What all players read: a song's sheet, bars and chords, and the notes they write."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .grooves import Groove
from .sources import Loop

STEMS = ("drums", "bass", "other", "vocals")
SPLITS = ("train", "valid", "test")

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}


@dataclass(frozen=True)
class Note:
    """Start and duration in seconds, a MIDI pitch, a velocity from 0 to 1."""

    start: float
    duration: float
    pitch: float
    velocity: float


@dataclass(frozen=True)
class Part:
    """What one player plays: `player` is how, `instrument` a name of `sources`."""

    stem: str
    player: str
    instrument: str
    notes: tuple[Note, ...]
    # What only some players have: a singer's register, a loop's beats.
    details: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Song:
    """A song of one split; `scale` holds the pitch classes of its key."""

    split: str
    number: int
    seconds: float
    tempo: float
    meter: str
    mode: str
    tonic: int
    groove: str
    scale: tuple[int, ...]
    parts: tuple[Part, ...]


def generator(split: str, number: int, purpose: int = 0) -> np.random.Generator:
    """The random numbers of a song: of its split, number and purpose, and of nothing else."""
    return np.random.default_rng([6, SPLITS.index(split), number, purpose])


@dataclass(frozen=True)
class Sheet:
    """What the song is like; players ask it for pitches and times."""

    seconds: float
    tempo: float
    groove: Groove
    swing: float
    mode: str
    tonic: int
    harmony: str

    @property
    def scale(self) -> tuple[int, ...]:
        """Semitones of the seven degrees above the tonic."""
        return MODES[self.mode]

    @property
    def beats(self) -> float:
        """Quarter notes in a bar."""
        return self.groove.steps / 4

    def pitch(self, degree: int, octave: int = 0) -> int:
        """The MIDI pitch of a degree, octave 0 starting at the tonic below middle C."""
        return 48 + self.tonic + 12 * (octave + degree // 7) + self.scale[degree % 7]

    def time(self, bar: int, beat: float) -> float:
        """Seconds from the start; swing delays the second eighth of each beat."""
        whole, part = divmod(beat, 1.0)
        bent = part * self.swing / 0.5 if part < 0.5 else 1 - (1 - part) * (1 - self.swing) / 0.5
        return (bar * self.beats + whole + bent) * 60 / self.tempo


@dataclass(frozen=True)
class Chord:
    """A root, as a degree of the scale, and what stands on it, as steps of the scale."""

    root: int
    steps: tuple[int, ...]

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of the scale."""
        return tuple(self.root + step for step in self.steps)


@dataclass(frozen=True)
class Bar:
    """One bar: where it stands, how lively it is (0 to 1) and its chords."""

    number: int
    section: int
    last_of_section: bool
    energy: float
    chord: Chord
    # The second half's chord, mostly the same.
    turn: Chord


def active_bars(bars: list[Bar], chance: float, rng: np.random.Generator) -> list[bool]:
    """Whether a player plays in each bar: by section, and in at least one of the first two."""
    sections = bars[-1].section + 1
    plays = [bool(rng.random() < chance) for _ in range(sections)]
    if not any(plays[:2]):
        plays[int(rng.integers(min(2, sections)))] = True
    return [plays[bar.section] for bar in bars]


def note_at(
    sheet: Sheet,
    bar: int,
    beat: float,
    beats: float,
    pitch: float,
    velocity: float,
    rng: np.random.Generator,
    looseness: float = 0.006,
) -> Note:
    start = max(0.0, sheet.time(bar, beat) + float(rng.normal(0, looseness)))
    end = sheet.time(bar, beat + beats)
    loud = float(np.clip(velocity + rng.normal(0, 0.05), 0.08, 1.0))
    return Note(start, max(0.04, end - start), pitch, loud)


def in_song(notes: list[Note], sheet: Sheet) -> tuple[Note, ...]:
    kept = [note for note in notes if note.start < sheet.seconds - 0.1]
    return tuple(sorted(kept, key=lambda note: (note.start, note.pitch)))


def pitched_loop(sheet: Sheet, loop: Loop, rng: np.random.Generator) -> Part:
    """A loop or tone transposed to the tonic, once every two or four bars."""
    every = int(rng.choice((2, 4)))
    shift = (sheet.tonic - loop.pitch + 6) % 12 - 6
    starts = [sheet.time(bar, 0) for bar in range(0, 400, every)]
    long = sheet.time(every, 0)
    notes = [Note(start, long, 60 + shift, 0.7) for start in starts if start < sheet.seconds]
    return Part(loop.stem, "loop", loop.name, in_song(notes, sheet), {"pitched": 1.0})


def within(pitch: int, reach: Reach) -> int:
    """The pitch, by octaves, between the lowest and the highest."""
    while pitch < reach[0]:
        pitch += 12
    while pitch > reach[1]:
        pitch -= 12
    return pitch


Reach = tuple[int, int]
