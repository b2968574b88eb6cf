"""Singers: registers, styles, and who may sing in which split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Register = Literal["soprano", "mezzo", "alto", "tenor", "baritone", "bass"]


Split = Literal["train", "valid", "test"]


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


# No table, size of tract or vibrato rate of one split is drawn in another; training then plays
# some clips faster or slower.
_SPLITS: dict[Split, _Range] = {
    "train": _Range(("peterson_barney", "hillenbrand"),
                    ((0.9, 0.955), (0.985, 1.015), (1.045, 1.11)),
                    ((4.5, 5.1), (5.5, 6.0), (6.4, 7.0))),
    "valid": _Range(("singers",), ((0.96, 0.98),), ((5.15, 5.45),)),
    "test": _Range(("fant",), ((1.02, 1.04),), ((6.05, 6.35),)),
}  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """One singer, as `draw_voice` draws it; `size` scales formants, `vibrato_hz` is its rate.

    `bend` is this singer's own factor for each of the first three formants, `bandwidth` that of all
    formants' widths.
    """

    register: Register
    style_name: str
    style: Style
    table: str
    size: float
    vibrato_hz: float
    drift_cents: float
    bandwidth: float
    bend: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def sex(self) -> str:
        """Which half of the tables: "men" or "women"."""
        return _REGISTERS[self.register][0]

    @property
    def male(self) -> bool:
        """Whether the tables' men are meant."""
        return self.sex == "men"

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
        bend=(near(1, 0.05, 0, 2), near(1, 0.05, 0, 2), near(1, 0.04, 0, 2)),
    )


def _within(rng: np.random.Generator, ranges: tuple[tuple[float, float], ...]) -> float:
    return float(rng.uniform(*ranges[rng.integers(len(ranges))]))
