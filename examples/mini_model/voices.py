"""Melodies, sung or played, and the singers' parts."""

from __future__ import annotations

import numpy as np

from . import sources
from .score import Bar, Chord, Note, Part, Reach, Sheet, active_bars, in_song, note_at, pitched_loop

REGISTERS: dict[str, tuple[int, int]] = {
    "soprano": (60, 81), "mezzo": (57, 77), "alto": (54, 74),
    "tenor": (48, 69), "baritone": (44, 65), "bass": (40, 61),
}  # fmt: skip


# Rhythms of a bar of four beats, as durations; negative ones are rests.
MOTIFS: tuple[tuple[float, ...], ...] = (
    (1, 1, 1, -1), (0.5, 0.5, 1, 1.5, -0.5), (-0.5, 0.5, 0.5, 0.5, 2), (2, 2), (1.5, 0.5, 2),
    (0.5, 0.5, 0.5, 0.5, 1, 1), (-1, 1, 1, 1), (0.75, 0.75, 0.5, 1, -1), (3, -1), (4,),
    (-0.5, 0.5, 1, 0.5, 0.5, 1), (0.5, 1, 0.5, 1, 1), (1, 0.5, 0.5, 1.5, -0.5),
    (0.25, 0.25, 0.5, 0.5, 0.5, 1, -1), (-2, 0.5, 0.5, 0.5, 0.5), (0.5,) * 8,
    (0.75, 0.25, 0.5, 0.5, 0.75, 0.25, 1), (0.25,) * 8 + (1, -1),
)  # fmt: skip


def sung(
    sheet: Sheet, bars: list[Bar], active: list[bool], reach: Reach, rng: np.random.Generator
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
                notes.append(
                    note_at(sheet, bar.number, beat, long * legato, pitch, loud, rng, 0.01)
                )
            beat += long
    return notes


def _next_degree(
    degree: int, chord: Chord, strong: bool, leapiness: float, rng: np.random.Generator
) -> int:
    leaps = rng.random() < leapiness
    moved = degree + int(rng.choice((-5, -4, -3, 3, 4, 5) if leaps else (-2, -1, -1, 0, 1, 1, 2)))
    if not strong:
        return moved
    tones = {tone % 7 for tone in chord.degrees}
    return min(range(moved - 3, moved + 4), key=lambda d: (d % 7 not in tones, abs(d - moved)))


def vocals(
    sheet: Sheet, bars: list[Bar], palette: sources.Palette, rng: np.random.Generator
) -> list[Part]:
    active = active_bars(bars, 0.82, rng)
    register = str(rng.choice(list(REGISTERS), p=(0.17, 0.2, 0.2, 0.2, 0.15, 0.08)))
    lead = _one_at_a_time(in_song(sung(sheet, bars, active, REGISTERS[register], rng), sheet))
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
        parts.append(pitched_loop(sheet, loops[int(rng.integers(len(loops)))], rng))
    return parts


def _one_at_a_time(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """A voice's notes end where the next begins."""
    ends = [*(note.start for note in notes), float("inf")][1:]
    return tuple(
        Note(note.start, min(note.duration, end - note.start), note.pitch, note.velocity)
        for note, end in zip(notes, ends, strict=True)
        if end - note.start > 0.03
    )


def _third(sheet: Sheet, pitch: int, steps: int) -> int:
    """The note so many steps of the scale above."""
    degree = next(d for d in range(-28, 36) if sheet.pitch(d) >= pitch)
    return sheet.pitch(degree + steps)
