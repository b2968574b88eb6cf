"""A seeded composer: varied songs as notes per stem, in seconds.

`compose` draws key, mode, metre, tempo, chords, a groove and players, then writes sections of four
to eight bars in which players come and go. Nothing sounds here: a `Part` names what plays it, and
`rendering` plays it. Drums, bass and other players' notes are MIDI's; everything is in key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from . import sources
from .grooves import FILLS, GROOVES, KIT, Groove

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
MODE_WEIGHTS = (0.36, 0.3, 0.1, 0.1, 0.03, 0.04, 0.07)

# Common progressions as scale degrees (0 is the tonic), one chord a bar.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": (
        (0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 3, 0, 4), (1, 4, 0, 0),
        (0, 5, 1, 4), (0, 2, 3, 4), (3, 4, 2, 5), (0, 4, 5, 2, 3, 0, 3, 4), (0, 1, 2, 3),
        (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4), (3, 0, 4, 5), (0, 0, 3, 3), (5, 4, 3, 4),
    ),
    "minor": (
        (0, 5, 2, 6), (0, 6, 5, 6), (0, 3, 5, 4), (0, 5, 3, 4), (0, 2, 6, 3), (5, 6, 0, 0),
        (0, 6, 5, 4), (0, 3, 0, 4), (0, 0, 5, 6), (0, 3, 6, 2, 5, 1, 4, 0), (0, 4, 5, 3),
        (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 0), (2, 6, 0, 5), (0, 0, 0, 6),
    ),
    "dorian": ((0, 3), (0, 3, 0, 6), (0, 1, 2, 3), (0, 6, 3, 0), (0, 2, 3, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 6), (0, 3, 6, 3), (0, 4, 3, 0), (0, 6, 0, 3)),
    "phrygian": ((0, 1), (0, 1, 2, 1), (0, 6, 1, 0), (0, 5, 1, 0)),
    "lydian": ((0, 1), (0, 1, 4, 0), (0, 4, 1, 0), (0, 1, 5, 4)),
    "harmonic minor": ((0, 3, 4, 0), (0, 5, 4, 0), (0, 0, 4, 4), (0, 3, 0, 4), (0, 5, 3, 4)),
}  # fmt: skip

# How a chord is built: steps of the scale above its root.
CHORDS: dict[str, tuple[int, ...]] = {
    "triad": (0, 2, 4),
    "seventh": (0, 2, 4, 6),
    "ninth": (0, 2, 4, 6, 8),
    "sus2": (0, 1, 4),
    "sus4": (0, 3, 4),
    "power": (0, 4),
    "added sixth": (0, 2, 4, 5),
}
HARMONIES: dict[str, dict[str, float]] = {
    "plain": {"triad": 0.9, "sus4": 0.05, "sus2": 0.05},
    "jazzy": {"triad": 0.15, "seventh": 0.55, "ninth": 0.2, "added sixth": 0.1},
    "open": {"power": 0.3, "triad": 0.4, "sus2": 0.2, "sus4": 0.1},
    "heavy": {"power": 0.85, "triad": 0.15},
}

REGISTERS: dict[str, tuple[int, int]] = {
    "soprano": (60, 81), "mezzo": (57, 77), "alto": (54, 74),
    "tenor": (48, 69), "baritone": (44, 65), "bass": (40, 61),
}  # fmt: skip


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


def compose(split: str, number: int, seconds: float = 30.0) -> Song:
    """Write a song of a split; the same for the same arguments."""
    rng = generator(split, number)
    sheet = _draw_sheet(rng, seconds)
    bars = _draw_bars(sheet, rng)
    palette = sources.palette(split)
    writers: dict[str, Callable[[], list[Part]]] = {
        "drums": lambda: _drums(sheet, bars, palette, rng),
        "bass": lambda: _bass(sheet, bars, palette, rng),
        "other": lambda: _other(sheet, bars, palette, rng),
        "vocals": lambda: _vocals(sheet, bars, palette, rng),
    }
    parts: list[Part] = []
    for write in writers.values():
        silent = rng.random() < 0.05
        written = write()
        parts += [] if silent else written
    return Song(
        split, number, seconds, sheet.tempo, sheet.groove.meter, sheet.mode, sheet.tonic,
        sheet.groove.name, tuple(sorted((sheet.tonic + step) % 12 for step in sheet.scale)),
        tuple(parts),
    )  # fmt: skip


# What all players read.


@dataclass(frozen=True)
class _Sheet:
    seconds: float
    tempo: float
    groove: Groove
    swing: float
    mode: str
    tonic: int
    harmony: str

    @property
    def scale(self) -> tuple[int, ...]:
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
class _Chord:
    root: int
    steps: tuple[int, ...]

    @property
    def degrees(self) -> tuple[int, ...]:
        return tuple(self.root + step for step in self.steps)


@dataclass(frozen=True)
class _Bar:
    number: int
    section: int
    last_of_section: bool
    energy: float
    chord: _Chord
    # The second half's chord, mostly the same.
    turn: _Chord


def _draw_sheet(rng: np.random.Generator, seconds: float) -> _Sheet:
    groove = GROOVES[int(rng.integers(len(GROOVES)))]
    tempo = float(np.round(rng.uniform(*groove.tempi), 2))
    mode = str(rng.choice(list(MODES), p=MODE_WEIGHTS))
    harmony = str(rng.choice(list(HARMONIES), p=(0.5, 0.2, 0.2, 0.1)))
    swing = groove.swing if groove.swing != 0.5 or rng.random() < 0.8 else rng.uniform(0.5, 0.6)
    return _Sheet(seconds, tempo, groove, float(swing), mode, int(rng.integers(12)), harmony)


def _draw_bars(sheet: _Sheet, rng: np.random.Generator) -> list[_Bar]:
    tables = PROGRESSIONS[sheet.mode]
    progressions = [tables[int(rng.integers(len(tables)))] for _ in range(2)]
    kinds = HARMONIES[sheet.harmony]
    count = int(np.ceil(sheet.seconds * sheet.tempo / 60 / sheet.beats)) + 1
    bars: list[_Bar] = []
    section = 0
    while len(bars) < count:
        length = int(rng.choice((4, 4, 8, 6)))
        degrees = progressions[section % 2 if rng.random() < 0.7 else 0]
        energy = float(rng.uniform(0.25, 1.0))
        built = {
            degree: _Chord(degree, CHORDS[str(rng.choice(list(kinds), p=list(kinds.values())))])
            for degree in range(7)
        }
        for position in range(length):
            degree = degrees[position % len(degrees)]
            turns = rng.random() < 0.12
            chord = built[degree]
            turn = built[int(rng.choice((1, 3, 4, 5)))] if turns else chord
            last = position == length - 1
            bars.append(_Bar(len(bars), section, last, energy, chord, turn))
        section += 1
    return bars[:count]


def _active(bars: list[_Bar], chance: float, rng: np.random.Generator) -> list[bool]:
    """Whether a player plays in each bar: by section, and in at least one of the first two."""
    sections = bars[-1].section + 1
    plays = [bool(rng.random() < chance) for _ in range(sections)]
    if not any(plays[:2]):
        plays[int(rng.integers(min(2, sections)))] = True
    return [plays[bar.section] for bar in bars]


def _note(
    sheet: _Sheet,
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


def _in_song(notes: list[Note], sheet: _Sheet) -> tuple[Note, ...]:
    kept = [note for note in notes if note.start < sheet.seconds - 0.1]
    return tuple(sorted(kept, key=lambda note: (note.start, note.pitch)))


# Drums.

STRENGTH = {"X": 0.95, "x": 0.75, "o": 0.38}


def _drums(
    sheet: _Sheet, bars: list[_Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    active = _active(bars, 0.92, rng)
    kit = str(rng.choice(palette.kits))
    loops = [loop for loop in palette.drum_loops if _fits(loop, sheet.tempo)]
    if loops and rng.random() < 0.2:
        loop = loops[int(rng.integers(len(loops)))]
        parts = [Part("drums", "loop", loop.name, _loop_notes(sheet, bars, active, loop))]
        if rng.random() < 0.3:
            parts.append(Part("drums", "kit", kit, _beaten(sheet, bars, active, rng)))
        return parts
    parts = [Part("drums", "kit", kit, _beaten(sheet, bars, active, rng))]
    if rng.random() < 0.3:
        parts.append(Part("drums", "kit", kit, _hand_percussion(sheet, bars, rng)))
    return parts


def _beaten(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], rng: np.random.Generator
) -> tuple[Note, ...]:
    notes: list[Note] = []
    looseness = float(rng.choice((0.0, 0.003, 0.006, 0.01)))
    ride = rng.random() < 0.3
    ghosts = rng.random() < 0.5
    for bar in bars:
        if not active[bar.number]:
            continue
        if bar.number > 0 and bars[bar.number - 1].last_of_section and rng.random() < 0.7:
            crash = KIT["crash"] if rng.random() < 0.7 else KIT["splash"]
            notes.append(_note(sheet, bar.number, 0, 2, crash, 0.85, rng, looseness))
        fill = bar.last_of_section and rng.random() < 0.7 and sheet.groove.steps in FILLS
        filled = FILLS[sheet.groove.steps] if fill else ()
        pattern = filled[int(rng.integers(len(filled)))] if filled else None
        begins = pattern.begins if pattern else sheet.groove.steps
        lines = [(line, 0, begins) for line in sheet.groove.lines.items()]
        if pattern:
            lines += [(line, begins, sheet.groove.steps) for line in pattern.lines.items()]
        for (piece, strokes), first, end in lines:
            piece_played = "ride" if ride and bar.energy > 0.7 and piece == "closed" else piece
            for step in range(first, end):
                mark = strokes[step]
                if mark == ".":
                    if ghosts and piece == "snare" and step % 2 and rng.random() < 0.1:
                        mark = "o"
                    elif piece == "kick" and bar.energy > 0.6 and rng.random() < 0.04:
                        mark = "x"
                    else:
                        continue
                loud = STRENGTH[mark] * (0.75 + 0.25 * bar.energy)
                pitch = KIT[piece_played]
                notes.append(_note(sheet, bar.number, step / 4, 0.25, pitch, loud, rng, looseness))
    return _in_song(notes, sheet)


HAND_PERCUSSION = (
    (54, "tambourine"), (70, "maracas"), (69, "cabasa"), (62, "conga"), (63, "open conga"),
    (56, "cowbell"), (75, "claves"), (60, "bongo"), (76, "wood block"), (67, "agogo"),
    (39, "clap"), (82, "shaker"), (65, "timbale"),
)  # fmt: skip


def _hand_percussion(sheet: _Sheet, bars: list[_Bar], rng: np.random.Generator) -> tuple[Note, ...]:
    pitch, _ = HAND_PERCUSSION[int(rng.integers(len(HAND_PERCUSSION)))]
    strokes = rng.random(sheet.groove.steps) < rng.choice((0.25, 0.4, 0.9))
    loud = rng.uniform(0.3, 0.8, sheet.groove.steps)
    active = _active(bars, 0.6, rng)
    notes = [
        _note(sheet, bar.number, step / 4, 0.25, pitch, float(loud[step]), rng)
        for bar in bars
        if active[bar.number]
        for step in range(sheet.groove.steps)
        if strokes[step]
    ]
    return _in_song(notes, sheet)


def _fits(loop: sources.Loop, tempo: float) -> bool:
    return 0.75 < tempo / loop.tempo < 1.34


def _loop_notes(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], loop: sources.Loop
) -> tuple[Note, ...]:
    """One note a turn of the loop; its duration is what the loop is stretched to."""
    long = loop.beats * 60 / sheet.tempo
    turns = int(np.ceil(sheet.seconds / long))
    notes = []
    for turn in range(turns):
        bar = min(int(turn * loop.beats / sheet.beats + 1e-6), len(bars) - 1)
        if active[bar]:
            notes.append(Note(turn * long, long, 60, 0.8))
    return tuple(notes)


# Bass.

# Each style lists (beat, beats, step above the chord's root, octave) for a bar of four beats.
BASS_LINES: dict[str, tuple[tuple[float, float, int, int], ...]] = {
    "roots": ((0, 2, 0, 0), (2, 2, 0, 0)),
    "whole": ((0, 4, 0, 0),),
    "eighths": tuple((i / 2, 0.45, 0, 0) for i in range(8)),
    "octaves": tuple((i / 2, 0.4, 0, i % 2) for i in range(8)),
    "offbeat": tuple((i + 0.5, 0.4, 0, 0) for i in range(4)),
    "fifths": ((0, 1.4, 0, 0), (1.5, 0.5, 0, 0), (2, 1.4, 4, 0), (3.5, 0.5, 4, 0)),
    "syncopated": ((0, 0.7, 0, 0), (0.75, 0.7, 0, 0), (1.5, 0.9, 0, 1), (2.5, 0.4, 0, 0),
                   (3, 0.4, 4, 0), (3.5, 0.5, 6, 0)),
    "funk": ((0, 0.3, 0, 0), (0.75, 0.2, 0, 0), (1.25, 0.2, 0, 1), (1.5, 0.3, 6, 0),
             (2.25, 0.2, 4, 0), (2.5, 0.3, 6, 0), (3.25, 0.2, 0, 1), (3.5, 0.3, 0, 0)),
    "walking": ((0, 0.95, 0, 0), (1, 0.95, 2, 0), (2, 0.95, 4, 0), (3, 0.95, 5, 0)),
    "bossa": ((0, 1.4, 0, 0), (1.5, 0.5, 4, 0), (2, 1.4, 4, 0), (3.5, 0.5, 0, 0)),
    "arpeggio": ((0, 0.5, 0, 0), (0.5, 0.5, 2, 0), (1, 0.5, 4, 0), (1.5, 0.5, 2, 0),
                 (2, 0.5, 0, 1), (2.5, 0.5, 4, 0), (3, 0.5, 2, 0), (3.5, 0.5, 4, 0)),
    "sixteenths": tuple((i / 4, 0.2, 0, int(i % 8 == 6)) for i in range(16)),
    "dub": ((0, 0.9, 0, 0), (1.5, 0.4, 2, 0), (2, 0.9, 4, 0)),
    "long slide": ((0, 3, 0, 0), (3, 1, 4, -1)),
    "tresillo": ((0, 1.4, 0, 0), (1.5, 1.4, 0, 0), (3, 0.9, 4, 0)),
}  # fmt: skip


def _bass(
    sheet: _Sheet, bars: list[_Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    styles = [str(style) for style in rng.choice(list(BASS_LINES), 2, replace=False)]
    active = _active(bars, 0.92, rng)
    riff = _riff(sheet, rng) if rng.random() < 0.2 else None
    lowest = int(rng.integers(28, 34))
    dampened = float(rng.uniform(0.6, 1.0))
    notes: list[Note] = []
    for bar in bars:
        if not active[bar.number]:
            continue
        line = BASS_LINES[styles[bar.section % 2]]
        for beat, beats, step, octave in line if riff is None else riff:
            if beat >= sheet.beats:
                continue
            chord = bar.chord if beat < sheet.beats / 2 else bar.turn
            wanders = rng.random() < 0.06
            degree = chord.root + (int(rng.choice((1, 2, 4, 6))) if wanders else step)
            pitch = sheet.pitch(degree, -2)
            while pitch < lowest:
                pitch += 12
            while pitch >= lowest + 14:
                pitch -= 12
            pitch += 12 * max(octave, 0)
            loud = 0.72 + 0.15 * (beat == 0) + 0.1 * (bar.energy - 0.5)
            long = min(beats, sheet.beats - beat) * dampened
            notes.append(_note(sheet, bar.number, beat, long, pitch, loud, rng))
    details: dict[str, float | str] = {"slides": float(rng.random() < 0.25)}
    return [Part("bass", "font", str(rng.choice(palette.basses)), _in_song(notes, sheet), details)]


def _riff(sheet: _Sheet, rng: np.random.Generator) -> tuple[tuple[float, float, int, int], ...]:
    """A figure of eighths and sixteenths that comes back in every bar."""
    beats = [0.0]
    while (beat := beats[-1] + float(rng.choice((0.25, 0.5, 0.5, 0.75, 1.0)))) < sheet.beats:
        beats.append(beat)
    ends = [*beats[1:], sheet.beats]
    steps = [0, *(int(step) for step in rng.choice((0, 0, 2, 4, 4, 6, 7, 1), len(beats) - 1))]
    return tuple(
        (beat, (end - beat) * 0.9, step, 0)
        for beat, end, step in zip(beats, ends, steps, strict=True)
    )


# Other.

# Rhythms of a bar of four beats: (beat, beats) at which a chord sounds.
COMPING: dict[str, tuple[tuple[float, float], ...]] = {
    "pad": ((0, 4),),
    "halves": ((0, 2), (2, 2)),
    "quarters": ((0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)),
    "eighths": tuple((i / 2, 0.45) for i in range(8)),
    "offbeats": tuple((i + 0.5, 0.3) for i in range(4)),
    "charleston": ((0, 1.2), (1.5, 0.4)),
    "pushes": ((0, 1.4), (1.5, 1), (2.5, 1.4)),
    "tresillo": ((0, 1.4), (1.5, 1.4), (3, 0.9)),
    "strum": ((0, 0.9), (1, 0.45), (1.5, 0.4), (2.5, 0.45), (3, 0.45), (3.5, 0.4)),
    "funk": ((0, 0.2), (0.75, 0.15), (1.5, 0.2), (2.25, 0.15), (2.75, 0.15), (3.5, 0.2)),
    "stabs": ((0, 0.3), (2.5, 0.3)),
    "backbeat": ((1, 0.3), (3, 0.3)),
}
ARPEGGIOS: dict[str, tuple[int, ...]] = {
    "up": (0, 1, 2, 3), "down": (3, 2, 1, 0), "up and down": (0, 1, 2, 3, 2, 1),
    "alberti": (0, 2, 1, 2), "broken": (0, 2, 1, 3), "wide": (0, 3, 2, 3, 1, 3),
}  # fmt: skip

# What each family plays, and about where: (lowest, highest) pitch of its chords.
STYLES: dict[str, tuple[tuple[str, ...], tuple[int, int]]] = {
    "piano": (("comp", "arpeggio", "comp", "melody"), (50, 76)),
    "chromatic percussion": (("arpeggio", "melody", "ostinato"), (60, 88)),
    "organ": (("comp", "pad"), (50, 74)),
    "guitar": (("strum", "arpeggio", "strum", "ostinato"), (45, 70)),
    "driven guitar": (("power", "power", "melody", "ostinato"), (40, 64)),
    "strings": (("pad", "melody", "comp", "ostinato"), (50, 79)),
    "ensemble": (("pad", "pad", "comp"), (50, 77)),
    "brass": (("comp", "melody", "pad"), (50, 74)),
    "reed": (("melody", "melody", "pad"), (50, 76)),
    "pipe": (("melody", "ostinato"), (62, 86)),
    "synth lead": (("melody", "arpeggio", "ostinato"), (55, 84)),
    "synth pad": (("pad", "pad", "comp"), (48, 76)),
    "ethnic": (("arpeggio", "melody", "ostinato", "strum"), (50, 76)),
}


def _other(
    sheet: _Sheet, bars: list[_Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    parts = []
    for position in range(int(rng.choice((1, 2, 3, 4), p=(0.2, 0.35, 0.3, 0.15)))):
        family = str(rng.choice(list(palette.others), p=palette.weights))
        styles, reach = STYLES[family]
        style = str(rng.choice(styles))
        active = _active(bars, 0.9 if position == 0 else 0.6, rng)
        notes = WRITERS[style](sheet, bars, active, reach, rng)
        instrument = str(rng.choice(palette.others[family]))
        parts.append(Part("other", "font", instrument, _in_song(notes, sheet), {"family": family}))
    if palette.pitched_loops and rng.random() < 0.08:
        loop = palette.pitched_loops[int(rng.integers(len(palette.pitched_loops)))]
        parts.append(_pitched_loop(sheet, loop, rng))
    return parts


def _pitched_loop(sheet: _Sheet, loop: sources.Loop, rng: np.random.Generator) -> Part:
    """A loop or tone transposed to the tonic, once every two or four bars."""
    every = int(rng.choice((2, 4)))
    shift = (sheet.tonic - loop.pitch + 6) % 12 - 6
    starts = [sheet.time(bar, 0) for bar in range(0, 400, every)]
    long = sheet.time(every, 0)
    notes = [Note(start, long, 60 + shift, 0.7) for start in starts if start < sheet.seconds]
    return Part(loop.stem, "loop", loop.name, _in_song(notes, sheet), {"pitched": 1.0})


_Reach = tuple[int, int]


def _voiced(sheet: _Sheet, chord: _Chord, reach: _Reach, spread: int) -> list[int]:
    """The chord's notes within reach: an inversion chosen by `spread`, rising."""
    lowest, highest = reach
    centre = lowest + (highest - lowest) * (1 + spread % 3) // 6
    pitches = []
    for degree in chord.degrees:
        pitch = sheet.pitch(degree % 7, -2)
        while pitch < centre:
            pitch += 12
        pitches.append(pitch)
    return sorted(set(pitches))


def _comp(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    names = [str(name) for name in rng.choice(list(COMPING), 2, replace=False)]
    return _chords(sheet, bars, active, reach, names, 0.0, rng)


def _pad(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    return _chords(sheet, bars, active, reach, ["pad", "halves"], 0.0, rng)


def _strum(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    names = [str(name) for name in rng.choice(list(COMPING), 2, replace=False)]
    return _chords(sheet, bars, active, reach, names, float(rng.uniform(0.004, 0.02)), rng)


def _chords(
    sheet: _Sheet,
    bars: list[_Bar],
    active: list[bool],
    reach: _Reach,
    names: list[str],
    strum_s: float,
    rng: np.random.Generator,
) -> list[Note]:
    notes = []
    spread = int(rng.integers(3))
    doubles = rng.random() < 0.35
    for bar in bars:
        if not active[bar.number]:
            continue
        for beat, beats in COMPING[names[bar.section % len(names)]]:
            if beat >= sheet.beats:
                continue
            chord = bar.chord if beat < sheet.beats / 2 else bar.turn
            pitches = _voiced(sheet, chord, reach, spread)
            if doubles:
                pitches = [*pitches, pitches[0] + 12]
            loud = 0.55 + 0.2 * bar.energy + 0.08 * (beat % 1 == 0)
            long = min(beats, sheet.beats - beat)
            for place, pitch in enumerate(pitches):
                struck = _note(sheet, bar.number, beat, long, pitch, loud, rng)
                delay = strum_s * place
                notes.append(
                    Note(struck.start + delay, struck.duration, struck.pitch, struck.velocity)
                )
    return notes


def _power(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    """Roots and fifths, chugging or held."""
    names = [str(name) for name in rng.choice(("pad", "eighths", "pushes", "halves", "funk"), 2)]
    notes = []
    for bar in bars:
        if not active[bar.number]:
            continue
        for beat, beats in COMPING[names[bar.section % 2]]:
            if beat >= sheet.beats:
                continue
            chord = bar.chord if beat < sheet.beats / 2 else bar.turn
            root = sheet.pitch(chord.root % 7, -2)
            while root < reach[0]:
                root += 12
            fifth = sheet.pitch(chord.root % 7 + 4, -2)
            while fifth < root:
                fifth += 12
            for pitch in (root, fifth, root + 12):
                long = min(beats, sheet.beats - beat)
                notes.append(_note(sheet, bar.number, beat, long, pitch, 0.8, rng))
    return notes


def _arpeggio(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    order = ARPEGGIOS[str(rng.choice(list(ARPEGGIOS)))]
    step = float(rng.choice((0.25, 0.5, 0.5, 1.0)))
    rings = float(rng.choice((0.9, 1.5, 3.0)))
    spread = int(rng.integers(3))
    notes = []
    for bar in bars:
        if not active[bar.number]:
            continue
        for place in range(int(sheet.beats / step)):
            beat = place * step
            chord = bar.chord if beat < sheet.beats / 2 else bar.turn
            pitches = _voiced(sheet, chord, reach, spread)
            pitches = [*pitches, *(pitch + 12 for pitch in pitches)]
            pitch = pitches[order[place % len(order)] % len(pitches)]
            loud = 0.55 + 0.15 * (place == 0) + 0.15 * bar.energy
            notes.append(_note(sheet, bar.number, beat, step * rings, pitch, loud, rng))
    return notes


def _ostinato(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    """A figure on the chord that comes back in every bar."""
    figure = _riff(sheet, rng)
    notes = []
    for bar in bars:
        if not active[bar.number]:
            continue
        for beat, beats, step, _ in figure:
            pitch = _within(sheet.pitch(bar.chord.root % 7 + step), reach)
            notes.append(_note(sheet, bar.number, beat, beats, pitch, 0.7, rng))
    return notes


def _melody(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    return _sung(sheet, bars, active, reach, rng)


def _within(pitch: int, reach: _Reach) -> int:
    while pitch < reach[0]:
        pitch += 12
    while pitch > reach[1]:
        pitch -= 12
    return pitch


WRITERS: dict[
    str,
    Callable[[_Sheet, list[_Bar], list[bool], _Reach, np.random.Generator], list[Note]],
] = {
    "comp": _comp, "pad": _pad, "strum": _strum, "power": _power,
    "arpeggio": _arpeggio, "ostinato": _ostinato, "melody": _melody,
}  # fmt: skip


# Vocals, and melodies of others.

# Rhythms of a bar of four beats, as durations; negative ones are rests.
MOTIFS: tuple[tuple[float, ...], ...] = (
    (1, 1, 1, -1), (0.5, 0.5, 1, 1.5, -0.5), (-0.5, 0.5, 0.5, 0.5, 2), (2, 2), (1.5, 0.5, 2),
    (0.5, 0.5, 0.5, 0.5, 1, 1), (-1, 1, 1, 1), (0.75, 0.75, 0.5, 1, -1), (3, -1), (4,),
    (-0.5, 0.5, 1, 0.5, 0.5, 1), (0.5, 1, 0.5, 1, 1), (1, 0.5, 0.5, 1.5, -0.5),
    (0.25, 0.25, 0.5, 0.5, 0.5, 1, -1), (-2, 0.5, 0.5, 0.5, 0.5), (0.5,) * 8,
    (0.75, 0.25, 0.5, 0.5, 0.75, 0.25, 1), (0.25,) * 8 + (1, -1),
)  # fmt: skip


def _sung(
    sheet: _Sheet, bars: list[_Bar], active: list[bool], reach: _Reach, rng: np.random.Generator
) -> list[Note]:
    """Phrases of two bars built on a few motifs: mostly steps, some leaps, chord notes on one."""
    motifs = [MOTIFS[int(rng.integers(len(MOTIFS)))] for _ in range(3)]
    leapiness = float(rng.uniform(0.1, 0.3))
    low = next(degree for degree in range(-21, 28) if sheet.pitch(degree) >= reach[0])
    high = next(degree for degree in range(28, -22, -1) if sheet.pitch(degree) <= reach[1])
    degree = (low + high) // 2
    legato = float(rng.uniform(0.85, 1.0))
    notes = []
    for bar in bars:
        if not active[bar.number]:
            continue
        motif = motifs[int(rng.choice((0, 0, 1, 2)))]
        if bar.last_of_section or rng.random() < 0.1:
            motif = ((2, -2), (4,), (1, -3), (3, -1))[int(rng.integers(4))]
        beat = 0.0
        for beats in motif:
            long = min(abs(beats), sheet.beats - beat)
            if long <= 0.1:
                break
            if beats > 0:
                degree = _next_degree(degree, bar.chord, beat == 0, leapiness, rng)
                degree = low + abs(degree - low)
                degree = high - abs(high - degree)
                degree = min(max(degree, low), high)
                loud = 0.6 + 0.2 * bar.energy + 0.08 * (beat % 1 == 0)
                pitch = sheet.pitch(degree)
                notes.append(_note(sheet, bar.number, beat, long * legato, pitch, loud, rng, 0.01))
            beat += long
    return notes


def _next_degree(
    degree: int, chord: _Chord, strong: bool, leapiness: float, rng: np.random.Generator
) -> int:
    leaps = rng.random() < leapiness
    moved = degree + int(rng.choice((-5, -4, -3, 3, 4, 5) if leaps else (-2, -1, -1, 0, 1, 1, 2)))
    if not strong:
        return moved
    tones = {tone % 7 for tone in chord.degrees}
    return min(range(moved - 3, moved + 4), key=lambda d: (d % 7 not in tones, abs(d - moved)))


def _vocals(
    sheet: _Sheet, bars: list[_Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    active = _active(bars, 0.82, rng)
    register = str(rng.choice(list(REGISTERS), p=(0.17, 0.2, 0.2, 0.2, 0.15, 0.08)))
    lead = _one_at_a_time(_in_song(_sung(sheet, bars, active, REGISTERS[register], rng), sheet))
    player = str(rng.choice(("singer", "font", "speech", "spoken"), p=(0.68, 0.12, 0.14, 0.06)))
    if player in ("speech", "spoken") and not palette.speech:
        player = "singer"
    instrument = {
        "singer": "singer",
        "font": str(rng.choice(palette.voices)),
        "speech": str(rng.choice(palette.speech or ("",))),
        "spoken": str(rng.choice(palette.speech or ("",))),
    }[player]
    parts = [Part("vocals", player, instrument, lead, {"register": register})]
    if player == "singer" and rng.random() < 0.3:
        up = int(rng.choice((2, 2, -2, 5, 0)))
        choir = str(rng.choice(palette.voices))
        other = "font" if rng.random() < 0.25 else "singer"
        second = tuple(
            Note(note.start + float(rng.normal(0, 0.015)) if note.start > 0.1 else note.start,
                 note.duration, _third(sheet, int(note.pitch), up), note.velocity * 0.7)
            for note in lead
        )  # fmt: skip
        details: dict[str, float | str] = {"register": register, "behind": 1.0}
        played = _one_at_a_time(second)
        parts.append(Part("vocals", other, choir if other == "font" else "singer", played, details))
    loops = palette.voice_loops
    if loops and rng.random() < 0.06:
        parts.append(_pitched_loop(sheet, loops[int(rng.integers(len(loops)))], rng))
    return parts


def _one_at_a_time(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """A voice's notes end where the next begins."""
    ends = [*(note.start for note in notes[1:]), float("inf")]
    return tuple(
        Note(note.start, min(note.duration, end - note.start), note.pitch, note.velocity)
        for note, end in zip(notes, ends, strict=True)
        if end - note.start > 0.03
    )


def _third(sheet: _Sheet, pitch: int, steps: int) -> int:
    """The note so many steps of the scale above."""
    degree = next(d for d in range(-28, 36) if sheet.pitch(d) >= pitch)
    return sheet.pitch(degree + steps)
