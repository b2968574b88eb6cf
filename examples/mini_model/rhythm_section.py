"""Drummers and bass players: what they write on a song's sheet."""

from __future__ import annotations

import numpy as np

from . import sources
from .grooves import FILLS, KIT
from .score import Bar, Note, Part, Sheet, active_bars, in_song, note_at

# Drums.

STRENGTH = {"X": 0.95, "x": 0.75, "o": 0.38}


def drums(
    sheet: Sheet, bars: list[Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    active = active_bars(bars, 0.92, rng)
    kit = str(rng.choice(palette.kits))
    loops = [loop for loop in palette.drum_loops if _fits(loop, sheet.tempo)]
    if loops and rng.random() < 0.14:
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
    sheet: Sheet, bars: list[Bar], active: list[bool], rng: np.random.Generator
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
            notes.append(note_at(sheet, bar.number, 0, 2, crash, 0.85, rng, looseness))
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
                notes.append(
                    note_at(sheet, bar.number, step / 4, 0.25, pitch, loud, rng, looseness)
                )
    return in_song(notes, sheet)


HAND_PERCUSSION = (
    (54, "tambourine"), (70, "maracas"), (69, "cabasa"), (62, "conga"), (63, "open conga"),
    (56, "cowbell"), (75, "claves"), (60, "bongo"), (76, "wood block"), (67, "agogo"),
    (39, "clap"), (82, "shaker"), (65, "timbale"),
)  # fmt: skip


def _hand_percussion(sheet: Sheet, bars: list[Bar], rng: np.random.Generator) -> tuple[Note, ...]:
    pitch, _ = HAND_PERCUSSION[int(rng.integers(len(HAND_PERCUSSION)))]
    strokes = rng.random(sheet.groove.steps) < rng.choice((0.25, 0.4, 0.9))
    loud = rng.uniform(0.3, 0.8, sheet.groove.steps)
    active = active_bars(bars, 0.6, rng)
    notes = [
        note_at(sheet, bar.number, step / 4, 0.25, pitch, float(loud[step]), rng)
        for bar in bars
        if active[bar.number]
        for step in range(sheet.groove.steps)
        if strokes[step]
    ]
    return in_song(notes, sheet)


def _fits(loop: sources.Loop, tempo: float) -> bool:
    return 0.75 < tempo / loop.tempo < 1.34


def _loop_notes(
    sheet: Sheet, bars: list[Bar], active: list[bool], loop: sources.Loop
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


def bass(
    sheet: Sheet, bars: list[Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    styles = [str(style) for style in rng.choice(list(BASS_LINES), 2, replace=False)]
    active = active_bars(bars, 0.92, rng)
    riff = draw_riff(sheet, rng) if rng.random() < 0.2 else None
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
            notes.append(note_at(sheet, bar.number, beat, long, pitch, loud, rng))
    details: dict[str, float | str] = {"slides": float(rng.random() < 0.25)}
    player = str(rng.choice(("font", "synthesiser", "tone"), p=(0.62, 0.28, 0.1)))
    tone = palette.bass_tones[int(rng.integers(len(palette.bass_tones)))]
    instrument = {
        "font": str(rng.choice(palette.basses)),
        "synthesiser": "bass",
        "tone": tone.name,
    }[player]
    return [Part("bass", player, instrument, in_song(notes, sheet), details)]


def draw_riff(sheet: Sheet, rng: np.random.Generator) -> tuple[tuple[float, float, int, int], ...]:
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
