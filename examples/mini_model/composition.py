"""A seeded composer: varied songs as notes per stem, in seconds.

`compose` draws key, mode, metre, tempo, chords, a groove and players, then writes sections of four
to eight bars in which players come and go. Nothing sounds here: a `Part` names what plays it, and
`rendering` plays it. Drums, bass and other players' notes are MIDI's; everything is in key.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import sources
from .accompaniment import others
from .grooves import GROOVES
from .rhythm_section import bass, drums
from .score import MODES, Bar, Chord, Part, Sheet, Song, generator
from .voices import vocals

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


def compose(split: str, number: int, seconds: float = 30.0, free: bool = False) -> Song:
    """Write a song of a split, the same for the same arguments; `free` as in `sources.palette`."""
    rng = generator(split, number)
    sheet = _draw_sheet(rng, seconds)
    bars = _draw_bars(sheet, rng)
    palette = sources.palette(split, free)
    writers: dict[str, Callable[[], list[Part]]] = {
        "drums": lambda: drums(sheet, bars, palette, rng),
        "bass": lambda: bass(sheet, bars, palette, rng),
        "other": lambda: others(sheet, bars, palette, rng),
        "vocals": lambda: vocals(sheet, bars, palette, rng),
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


def _draw_sheet(rng: np.random.Generator, seconds: float) -> Sheet:
    groove = GROOVES[int(rng.integers(len(GROOVES)))]
    tempo = float(np.round(rng.uniform(*groove.tempi), 2))
    mode = str(rng.choice(list(MODES), p=MODE_WEIGHTS))
    harmony = str(rng.choice(list(HARMONIES), p=(0.5, 0.2, 0.2, 0.1)))
    swing = groove.swing if groove.swing != 0.5 or rng.random() < 0.8 else rng.uniform(0.5, 0.6)
    return Sheet(seconds, tempo, groove, float(swing), mode, int(rng.integers(12)), harmony)


def _draw_bars(sheet: Sheet, rng: np.random.Generator) -> list[Bar]:
    tables = PROGRESSIONS[sheet.mode]
    progressions = [tables[int(rng.integers(len(tables)))] for _ in range(2)]
    kinds = HARMONIES[sheet.harmony]
    count = int(np.ceil(sheet.seconds * sheet.tempo / 60 / sheet.beats)) + 1
    bars: list[Bar] = []
    section = 0
    while len(bars) < count:
        length = int(rng.choice((4, 4, 8, 6)))
        degrees = progressions[section % 2 if rng.random() < 0.7 else 0]
        energy = float(rng.uniform(0.25, 1.0))
        built = {
            degree: Chord(degree, CHORDS[str(rng.choice(list(kinds), p=list(kinds.values())))])
            for degree in range(7)
        }
        for position in range(length):
            degree = degrees[position % len(degrees)]
            turns = rng.random() < 0.12
            chord = built[degree]
            turn = built[int(rng.choice((1, 3, 4, 5)))] if turns else chord
            last = position == length - 1
            bars.append(Bar(len(bars), section, last, energy, chord, turn))
        section += 1
    return bars[:count]
