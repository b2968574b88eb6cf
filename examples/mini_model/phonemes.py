"""The speech sounds of the singing synthesiser: formants of vowels, parts of consonants, spelling.

Vowels, first three formants in hertz, adult men and women:
  `peterson_barney`  Peterson & Barney, "Control methods used in a study of the vowels", JASA 1952.
  `hillenbrand`      Hillenbrand et al., "Acoustic characteristics of American English vowels",
                     JASA 1995.
  `singers`          the singers' vowels of IRCAM's CHANT as printed in the Csound manual.
  `fant`             Fant, "Acoustic Theory of Speech Production", 1960 (Russian vowels; women are
                     his men times 1.17).
Consonants, rounded: durations, loci and levels after Klatt, "Software for a cascade/parallel
formant synthesizer", JASA 1980; noise bands after Jongman et al., "Acoustic characteristics of
English fricatives", JASA 2000; antiformants of nasals after Fujimura, JASA 1962.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Formants = tuple[float, float, float]

VOWELS: dict[str, dict[str, dict[str, Formants]]] = {
    "peterson_barney": {
        "men": {
            "ee": (270, 2290, 3010), "ih": (390, 1990, 2550), "eh": (530, 1840, 2480),
            "ae": (660, 1720, 2410), "ah": (730, 1090, 2440), "aw": (570, 840, 2410),
            "uu": (440, 1020, 2240), "oo": (300, 870, 2240), "uh": (640, 1190, 2390),
            "er": (490, 1350, 1690),
        },
        "women": {
            "ee": (310, 2790, 3310), "ih": (430, 2480, 3070), "eh": (610, 2330, 2990),
            "ae": (860, 2050, 2850), "ah": (850, 1220, 2810), "aw": (590, 920, 2710),
            "uu": (470, 1160, 2680), "oo": (370, 950, 2670), "uh": (760, 1400, 2780),
            "er": (500, 1640, 1960),
        },
    },
    "hillenbrand": {
        "men": {
            "ee": (342, 2322, 3000), "ih": (427, 2034, 2684), "ei": (476, 2089, 2691),
            "eh": (580, 1799, 2605), "ae": (588, 1952, 2601), "ah": (768, 1333, 2522),
            "aw": (652, 997, 2538), "o": (497, 910, 2459), "uu": (469, 1122, 2434),
            "oo": (378, 997, 2343), "uh": (623, 1200, 2550), "er": (474, 1379, 1710),
        },
        "women": {
            "ee": (437, 2761, 3372), "ih": (483, 2365, 3053), "ei": (536, 2530, 3047),
            "eh": (731, 2058, 2979), "ae": (669, 2349, 2972), "ah": (936, 1551, 2815),
            "aw": (781, 1136, 2824), "o": (555, 1035, 2828), "uu": (519, 1225, 2827),
            "oo": (459, 1105, 2735), "uh": (753, 1426, 2933), "er": (523, 1588, 1929),
        },
    },
    "singers": {
        "men": {
            "ee": (290, 1870, 2800), "ei": (400, 1700, 2600), "ah": (650, 1080, 2650),
            "o": (400, 800, 2600), "oo": (350, 600, 2700),
        },
        "women": {
            "ee": (270, 2140, 2950), "ei": (350, 2000, 2800), "ah": (800, 1150, 2900),
            "o": (450, 800, 2830), "oo": (325, 700, 2700),
        },
    },
    "fant": {
        "men": {
            "ee": (240, 2250, 3200), "ei": (440, 1800, 2550), "ah": (700, 1080, 2600),
            "o": (535, 780, 2500), "oo": (300, 625, 2500), "ih": (300, 1480, 2230),
        },
        "women": {
            "ee": (281, 2632, 3744), "ei": (515, 2106, 2983), "ah": (819, 1264, 3042),
            "o": (626, 913, 2925), "oo": (351, 731, 2925), "ih": (351, 1732, 2609),
        },
    },
}  # fmt: skip

# What a table lacks lies between two vowels that all tables have: (one, other, part of the other).
_BETWEEN: dict[str, tuple[str, str, float]] = {
    "ei": ("ee", "ah", 0.35), "o": ("oo", "ah", 0.4), "ih": ("ee", "ah", 0.25),
    "eh": ("ee", "ah", 0.55), "ae": ("ee", "ah", 0.75), "aw": ("oo", "ah", 0.65),
    "uu": ("oo", "ah", 0.3), "uh": ("oo", "ah", 0.85), "er": ("oo", "ah", 0.5),
}  # fmt: skip

# Front vowels with round lips: longer tube, lower F2 and F3 (German, French, Turkish).
_ROUNDED = {"ue": ("ee", (1.0, 0.78, 0.78)), "oe": ("ei", (1.0, 0.78, 0.88))}

DIPHTHONGS = {
    "ai": ("ah", "ih"), "ay": ("ei", "ih"), "au": ("ah", "uu"), "ow": ("ah", "uu"),
    "oy": ("aw", "ih"), "oh": ("o", "uu"), "eu": ("eh", "uu"), "ia": ("ee", "ah"),
    "ir": ("ih", "er"), "ar": ("ah", "er"),
}  # fmt: skip

_PLAIN = {"a": "ah", "e": "eh", "i": "ee", "u": "oo"}
_LETTERS = {"c": "k", "q": "k"}

SINGLE_VOWELS = (
    "ee", "ih", "ei", "eh", "ae", "ah", "aw", "o", "uu", "oo", "uh", "er", "ue", "oe",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One stretch of a consonant; levels in decibels below a sung vowel, None: off."""

    ms: float
    voiced_db: float | None = None
    breath_db: float | None = None
    noise_db: float | None = None


@dataclass(frozen=True)
class Consonant:
    """What the mouth does in a consonant.

    Attributes:
        parts: what sounds, in order of time.
        locus_hz: where the formants of a man point to.
        noise: name of the noise's band in `NOISES`.
        pull: how far the formants go to the locus, away from the vowel beside it (0 to 1).
        antiformant_hz: the zero of a nasal or lateral; None where there is none.
    """

    parts: tuple[Part, ...]
    locus_hz: Formants
    noise: str = "f"
    pull: float = 0.7
    antiformant_hz: float | None = None


# Band of each noise: low edge, high edge (Hz), slope of each edge (power), peak (Hz), peak height.
NOISES: dict[str, tuple[float, float, float, float, float, float]] = {
    "s": (4300, 13500, 4, 2.0, 7000, 1.5),
    "sh": (2100, 8500, 4, 1.6, 3300, 2.0),
    "f": (1100, 13000, 1.0, 1.5, 8500, 0.4),
    "x": (900, 5500, 2, 1.2, 1700, 2.0),
    "p": (250, 3000, 1, 0.8, 900, 0.8),
    "t": (2600, 11000, 2, 1.5, 4300, 1.2),
    "k": (1100, 6000, 2.5, 1.2, 2100, 2.5),
}

_LIPS, _TEETH, _PALATE = (250.0, 900.0, 2200.0), (280.0, 1750.0, 2650.0), (260.0, 2050.0, 2600.0)

CONSONANTS: dict[str, Consonant] = {
    "s": Consonant((Part(110, noise_db=-13),), _TEETH, "s"),
    "sh": Consonant((Part(110, noise_db=-12),), _PALATE, "sh"),
    "f": Consonant((Part(95, noise_db=-25),), _LIPS, "f"),
    "th": Consonant((Part(85, noise_db=-27),), _TEETH, "f"),
    "x": Consonant((Part(90, noise_db=-20),), _PALATE, "x"),
    "h": Consonant((Part(70, breath_db=-18),), (500, 1500, 2500), pull=0.0),
    "z": Consonant((Part(85, voiced_db=-12, noise_db=-19),), _TEETH, "s"),
    "zh": Consonant((Part(85, voiced_db=-12, noise_db=-18),), _PALATE, "sh"),
    "v": Consonant((Part(65, voiced_db=-9, noise_db=-30),), _LIPS, "f"),
    "dh": Consonant((Part(50, voiced_db=-9, noise_db=-32),), _TEETH, "f"),
    "p": Consonant((Part(65), Part(9, noise_db=-14), Part(38, breath_db=-22)), _LIPS, "p"),
    "t": Consonant((Part(60), Part(14, noise_db=-13), Part(40, breath_db=-23)), _TEETH, "t"),
    "k": Consonant((Part(60), Part(18, noise_db=-14), Part(45, breath_db=-22)), _PALATE, "k"),
    "b": Consonant((Part(55, voiced_db=-22), Part(7, -12, noise_db=-19)), _LIPS, "p"),
    "d": Consonant((Part(48, voiced_db=-22), Part(9, -12, noise_db=-18)), _TEETH, "t"),
    "g": Consonant((Part(50, voiced_db=-22), Part(13, -12, noise_db=-18)), _PALATE, "k"),
    "ch": Consonant((Part(45), Part(75, noise_db=-12)), _PALATE, "sh"),
    "j": Consonant((Part(40, voiced_db=-22), Part(55, -14, noise_db=-16)), _PALATE, "sh"),
    "ts": Consonant((Part(45), Part(75, noise_db=-13)), _TEETH, "s"),
    "m": Consonant((Part(75, voiced_db=-8),), (260, 1050, 2200), pull=0.85, antiformant_hz=1000),
    "n": Consonant((Part(65, voiced_db=-8),), (260, 1450, 2550), pull=0.8, antiformant_hz=1700),
    "ng": Consonant((Part(80, voiced_db=-9),), (270, 2000, 2600), pull=0.8, antiformant_hz=3000),
    "l": Consonant((Part(60, voiced_db=-5),), (350, 1150, 2750), pull=0.85, antiformant_hz=2100),
    "r": Consonant((Part(65, voiced_db=-4),), (350, 1150, 1500), pull=0.9),
    "rr": Consonant(
        (Part(25, -16), Part(22, -3), Part(20, -16), Part(22, -3)), (400, 1400, 2200), pull=0.6
    ),
    "w": Consonant((Part(60, voiced_db=-5),), (290, 650, 2150), pull=0.95),
    "y": Consonant((Part(55, voiced_db=-5),), (280, 2200, 2950), pull=0.95),
}

# How often a drawn syllable opens and closes with what: singing has open syllables mostly.
ONSETS = (
    ("", 10), ("l", 7), ("n", 6), ("m", 7), ("d", 6), ("t", 6), ("s", 6), ("w", 5), ("y", 5),
    ("b", 5), ("k", 5), ("h", 5), ("r", 4), ("sh", 3), ("f", 3), ("v", 3), ("g", 3), ("p", 4),
    ("z", 2), ("dh", 4), ("th", 1), ("j", 2), ("ch", 2), ("rr", 1), ("x", 1), ("ts", 1),
    ("zh", 1), ("st", 2), ("tr", 2), ("bl", 1), ("kr", 1), ("fl", 1), ("gr", 1), ("sl", 1),
    ("pl", 1), ("sw", 1),
)  # fmt: skip
CODAS = (
    ("", 34), ("n", 6), ("m", 3), ("ng", 3), ("t", 4), ("s", 4), ("z", 2), ("r", 3), ("l", 4),
    ("d", 3), ("k", 2), ("v", 2), ("sh", 1), ("f", 1), ("p", 1), ("st", 1), ("nd", 1), ("th", 1),
)  # fmt: skip


def vowel_table(table: str, sex: str) -> dict[str, NDArray[np.float64]]:
    """All vowels of `SINGLE_VOWELS`, in hertz, as one published table has or implies them."""
    known = {name: np.array(row, float) for name, row in VOWELS[table][sex].items()}
    for name, (one, other, part) in _BETWEEN.items():
        if name not in known:
            known[name] = known[one] ** (1 - part) * known[other] ** part
    for name, (spread, factors) in _ROUNDED.items():
        known[name] = known[spread] * np.array(factors)
    return known


def noise_band(name: str, scale: float, frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitude of a consonant's noise, of unit power over `frequency_hz`; `scale`: head size."""
    low, high, rise, fall, peak, height = NOISES[name]
    f = np.maximum(frequency_hz, 1.0) / scale
    band = 1 / (1 + (low / f) ** (2 * rise)) / (1 + (f / high) ** (2 * fall))
    band *= 1 + height / (1 + (4 * np.log2(f / peak)) ** 2)
    return np.asarray(band / np.sqrt(np.mean(band**2)))


def spell(syllable: str) -> tuple[list[str], list[str], list[str]]:
    """Onset consonants, vowels (two of a diphthong) and coda of a written syllable.

    Letters that stand for no sound are passed over; without a vowel it is a closed "uh".
    """
    text, onset, vowels, coda = syllable.lower(), list[str](), list[str](), list[str]()
    while text:
        for size in (2, 1):
            sound, rest = text[:size], text[size:]
            if sound in DIPHTHONGS and not vowels:
                vowels += DIPHTHONGS[sound]
            elif sound in SINGLE_VOWELS or sound in _PLAIN:
                vowels += [_PLAIN.get(sound, sound)] if len(vowels) < 2 else []
            elif _LETTERS.get(sound, sound) in CONSONANTS:
                (coda if vowels else onset).append(_LETTERS.get(sound, sound))
            else:
                continue
            text = rest
            break
        else:
            text = text[1:]
    return onset, vowels or ["uh"], coda
