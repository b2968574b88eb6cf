"""Accompanists: pads, comping, strums, arpeggios, power chords, figures and melodies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import sources
from .rhythm_section import draw_riff
from .score import (
    Bar,
    Chord,
    Note,
    Part,
    Reach,
    Sheet,
    active_bars,
    in_song,
    note_at,
    pitched_loop,
    within,
)
from .voices import sung

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
    "synthesiser": (("pad", "comp", "arpeggio", "ostinato", "melody"), (50, 79)),
}
# Which kind of synthesiser plays a style.
SYNTHESISERS = {
    "pad": "pad",
    "comp": "pluck",
    "arpeggio": "pluck",
    "ostinato": "pluck",
    "melody": "lead",
}


def others(
    sheet: Sheet, bars: list[Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    parts = []
    for position in range(int(rng.choice((1, 2, 3, 4), p=(0.2, 0.35, 0.3, 0.15)))):
        family = str(rng.choice(list(palette.others), p=palette.weights))
        player = "synthesiser" if family == "synthesiser" else "font"
        styles, reach = STYLES[family]
        style = str(rng.choice(styles))
        active = active_bars(bars, 0.9 if position == 0 else 0.6, rng)
        notes = WRITERS[style](sheet, bars, active, reach, rng)
        instrument = str(rng.choice(palette.others[family]))
        if family == "synthesiser":
            instrument = SYNTHESISERS[style]
        parts.append(Part("other", player, instrument, in_song(notes, sheet), {"family": family}))
    if palette.pitched_loops and rng.random() < 0.08:
        loop = palette.pitched_loops[int(rng.integers(len(palette.pitched_loops)))]
        parts.append(pitched_loop(sheet, loop, rng))
    return parts


def _voiced(sheet: Sheet, chord: Chord, reach: Reach, spread: int) -> list[int]:
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
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
) -> list[Note]:
    names = [str(name) for name in rng.choice(list(COMPING), 2, replace=False)]
    return _chords(sheet, bars, active, reach, names, 0.0, rng)


def _pad(
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
) -> list[Note]:
    return _chords(sheet, bars, active, reach, ["pad", "halves"], 0.0, rng)


def _strum(
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
) -> list[Note]:
    names = [str(name) for name in rng.choice(list(COMPING), 2, replace=False)]
    return _chords(sheet, bars, active, reach, names, float(rng.uniform(0.004, 0.02)), rng)


def _chords(
    sheet: Sheet,
    bars: list[Bar],
    active: list[bool],
    reach: Reach,
    names: list[str],
    strum_s: float,
    rng: np.random.Generator,
) -> list[Note]:
    notes = []
    spread = int(rng.integers(3))
    doubles = rng.random() < 0.35
    # A left hand: other players reach into the bass player's octaves, too.
    deep = rng.random() < 0.2
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
            if deep:
                pitches = [within(sheet.pitch(chord.root % 7), (36, 47)), *pitches]
            loud = 0.55 + 0.2 * bar.energy + 0.08 * (beat % 1 == 0)
            long = min(beats, sheet.beats - beat)
            for place, pitch in enumerate(pitches):
                struck = note_at(sheet, bar.number, beat, long, pitch, loud, rng)
                delay = strum_s * place
                notes.append(
                    Note(struck.start + delay, struck.duration, struck.pitch, struck.velocity)
                )
    return notes


def _power(
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
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
                notes.append(note_at(sheet, bar.number, beat, long, pitch, 0.8, rng))
    return notes


def _arpeggio(
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
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
            notes.append(note_at(sheet, bar.number, beat, step * rings, pitch, loud, rng))
    return notes


def _ostinato(
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
) -> list[Note]:
    """A figure on the chord that comes back in every bar."""
    figure = draw_riff(sheet, rng)
    notes = []
    for bar in bars:
        if not active[bar.number]:
            continue
        for beat, beats, step, _ in figure:
            pitch = within(sheet.pitch(bar.chord.root % 7 + step), reach)
            notes.append(note_at(sheet, bar.number, beat, beats, pitch, 0.7, rng))
    return notes


WRITERS: dict[
    str,
    Callable[[Sheet, list[Bar], list[bool], Reach, np.random.Generator], list[Note]],
] = {
    "comp": _comp, "pad": _pad, "strum": _strum, "power": _power,
    "arpeggio": _arpeggio, "ostinato": _ostinato, "melody": sung,
}  # fmt: skip
