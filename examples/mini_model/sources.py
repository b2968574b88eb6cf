"""What the songs are played with: soundfonts, loops and speech, their packages and licences.

Splits share no instrument: a General MIDI program belongs to one split in every soundfont that
training uses, and some soundfonts, loops and speakers are the test's (or validation's) alone.
What enters training is free for it (MIT, CC0, CC BY); what is under the GPL or CC BY-SA is only
ever listened to by validation and test, so that nothing of it enters the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOUNDS = Path("/usr/share/sounds/sf2")
SAMPLES = Path("/usr/share/sonic-pi/samples")
SPEECH = Path("/usr/share/asterisk/sounds")


@dataclass(frozen=True)
class Source:
    """Files of one Debian package."""

    name: str
    path: Path
    package: str
    licence: str
    author: str
    splits: tuple[str, ...]


ALL = ("train", "valid", "test")

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("fluid", SOUNDS / "FluidR3_GM.sf2", "fluid-soundfont-gm", "MIT",
               "Frank Wen and others", ALL),
        Source("musescore", SOUNDS / "MuseScore_General_Full.sf2",
               "musescore-general-soundfont-lossless", "MIT, parts CC0 or public domain",
               "S. Christian Collins, Michael Cowgill, Frank Wen and others", ALL),
        Source("tim", SOUNDS / "TimGM6mb.sf2", "timgm6mb-soundfont", "GPL-2",
               "Tim Brechbill, David Bolton", ("test",)),
        Source("pearl", SOUNDS / "Black_Pearl_4_LV2.sf2", "avldrums.lv2-soundfont", "GPL-2+",
               "Glen MacArthur, Robin Gareus", ("test",)),
        Source("zeppelin", SOUNDS / "Red_Zeppelin_4_LV2.sf2", "avldrums.lv2-soundfont", "GPL-2+",
               "Glen MacArthur, Robin Gareus", ("valid",)),
        Source("samples", SAMPLES, "sonic-pi-samples", "CC0",
               "many, through freesound.org", ALL),
        Source("russian", SPEECH / "ru_RU_f_IvrvoiceRU", "asterisk-core-sounds-ru-g722",
               "CC BY 3.0", "Maxim Topal, ivrvoice.ru", ("train",)),
        Source("italian", SPEECH / "it_IT_m_Carlo", "asterisk-core-sounds-it-g722",
               "CC BY 3.0", "Carlo Flora", ("train",)),
        Source("french", SPEECH / "fr_CA_f_June", "asterisk-core-sounds-fr-g722",
               "CC BY-SA 3.0", "June Wallack", ("valid",)),
        Source("english", SPEECH / "en_US_f_Allison", "asterisk-core-sounds-en-g722",
               "CC BY-SA 3.0", "Allison Smith", ("test",)),
    )
}  # fmt: skip


# General MIDI programs by family, and who is kept for validation and test.
FAMILIES: dict[str, tuple[int, ...]] = {
    "piano": tuple(range(8)),
    "chromatic percussion": tuple(range(8, 16)),
    "organ": tuple(range(16, 24)),
    "guitar": (24, 25, 26, 27, 28),
    "driven guitar": (29, 30),
    "strings": (40, 41, 42, 44, 45, 46),
    "ensemble": (48, 49, 50, 51),
    "brass": (56, 57, 58, 59, 60, 61, 62, 63),
    "reed": tuple(range(64, 72)),
    "pipe": tuple(range(72, 80)),
    "synth lead": (80, 81, 82, 83, 84, 86, 87),
    "synth pad": (88, 89, 90, 92, 93, 94, 95, 96, 99),
    "ethnic": (104, 105, 106, 107, 108, 109, 110, 111),
}
FAMILY_WEIGHTS: dict[str, float] = {
    "piano": 4, "chromatic percussion": 1, "organ": 2, "guitar": 4.5, "driven guitar": 3,
    "strings": 1.5, "ensemble": 2.5, "brass": 1.5, "reed": 1, "pipe": 1, "synth lead": 2,
    "synth pad": 2.5, "ethnic": 0.8, "synthesiser": 3,
}  # fmt: skip
BASSES = tuple(range(32, 40))
VOICES = (52, 53, 54)

VALID_PROGRAMS = frozenset({2, 10, 20, 28, 36, 42, 53, 59, 68, 79, 87, 95, 108})
TEST_PROGRAMS = frozenset({5, 12, 17, 26, 35, 39, 41, 50, 54, 57, 66, 75, 83, 89, 105})

# Variations in other banks: (source, bank, program, family, split).
VARIATIONS: tuple[tuple[str, int, int, str, str], ...] = (
    ("fluid", 8, 4, "piano", "train"), ("fluid", 8, 6, "piano", "train"),
    ("musescore", 8, 0, "piano", "train"), ("musescore", 8, 4, "piano", "train"),
    ("fluid", 8, 5, "piano", "test"), ("musescore", 8, 5, "piano", "test"),
    ("fluid", 8, 16, "organ", "train"), ("musescore", 8, 16, "organ", "train"),
    ("fluid", 8, 19, "organ", "train"), ("fluid", 8, 21, "organ", "train"),
    ("fluid", 8, 17, "organ", "test"), ("fluid", 8, 24, "guitar", "valid"),
    ("fluid", 8, 25, "guitar", "train"), ("musescore", 8, 25, "guitar", "train"),
    ("fluid", 16, 25, "guitar", "train"), ("musescore", 16, 25, "guitar", "train"),
    ("fluid", 8, 26, "guitar", "test"), ("fluid", 8, 30, "driven guitar", "valid"),
    ("fluid", 8, 40, "strings", "train"), ("fluid", 8, 48, "ensemble", "valid"),
    ("fluid", 8, 61, "brass", "train"), ("musescore", 8, 61, "brass", "train"),
    ("fluid", 8, 62, "brass", "train"), ("fluid", 8, 63, "brass", "train"),
    ("fluid", 8, 80, "synth lead", "train"), ("fluid", 8, 107, "ethnic", "train"),
    ("fluid", 8, 38, "bass", "train"), ("musescore", 8, 38, "bass", "train"),
    ("fluid", 8, 39, "bass", "valid"), ("musescore", 8, 39, "bass", "valid"),
)  # fmt: skip

# Drum kits in bank 128.
KITS: dict[str, tuple[str, ...]] = {
    "train": (
        *(f"fluid:128:{kit}" for kit in (0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 24, 25, 40, 41)),
        *(f"musescore:128:{kit}" for kit in (0, 16, 24, 25, 40)),
    ),
    "valid": ("fluid:128:32", "fluid:128:34", "musescore:128:32", "zeppelin:0:0"),
    "test": (
        "fluid:128:8", "fluid:128:12", "musescore:128:8", "pearl:0:0",
        *(f"tim:128:{kit}" for kit in (0, 8, 16, 24, 25, 32, 40)),
    ),
}  # fmt: skip

# Kits of one-shots: General MIDI's percussion by the samples' names.
SHOTS: dict[str, dict[int, str]] = {
    "acoustic": {
        36: "drum_heavy_kick", 38: "drum_snare_hard", 37: "drum_snare_soft", 39: "perc_snap",
        42: "drum_cymbal_closed", 44: "drum_cymbal_pedal", 46: "drum_cymbal_open",
        51: "drum_cymbal_soft", 49: "drum_cymbal_hard", 55: "drum_splash_hard",
        41: "drum_tom_lo_hard", 43: "drum_tom_lo_soft", 47: "drum_tom_mid_hard",
        50: "drum_tom_hi_hard", 56: "drum_cowbell", 40: "drum_snare_soft",
    },
    "house": {
        36: "bd_haus", 38: "sn_dub", 39: "perc_snap2", 42: "drum_cymbal_closed", 37: "elec_tick",
        46: "drum_cymbal_open", 49: "drum_splash_soft", 51: "elec_cymbal", 40: "elec_hi_snare",
        47: "elec_fuzz_tom", 50: "elec_pop", 56: "elec_blip", 41: "elec_hollow_kick",
    },
    "electric": {
        36: "bd_tek", 38: "elec_hi_snare", 39: "elec_filt_snare", 42: "elec_tick",
        46: "elec_cymbal", 49: "drum_splash_hard", 51: "elec_triangle", 37: "elec_wood",
        40: "elec_mid_snare", 47: "elec_fuzz_tom", 41: "elec_soft_kick",
    },
    "eight": {
        36: "bd_808", 38: "sn_dolf", 39: "perc_snap", 42: "drum_cymbal_pedal",
        46: "drum_cymbal_open", 49: "drum_cymbal_soft", 37: "elec_wood", 40: "elec_lo_snare",
        51: "drum_cymbal_closed", 56: "drum_cowbell", 47: "drum_tom_mid_soft",
    },
    "zome": {
        36: "bd_zome", 38: "sn_zome", 39: "perc_snap2", 42: "drum_cymbal_closed",
        46: "drum_cymbal_open", 49: "drum_cymbal_hard", 37: "elec_flip", 40: "elec_lo_snare",
        47: "drum_tom_mid_soft", 50: "drum_tom_hi_soft", 41: "drum_tom_lo_soft",
    },
    "klub": {
        36: "bd_klub", 38: "elec_snare", 39: "elec_mid_snare", 42: "elec_plip",
        46: "elec_cymbal", 49: "drum_splash_soft", 37: "elec_ping", 51: "elec_triangle",
    },
    "fat": {
        36: "bd_fat", 38: "sn_generic", 42: "perc_swash", 46: "drum_splash_soft",
        49: "drum_cymbal_soft", 39: "perc_snap", 37: "elec_wood", 51: "elec_bell",
    },
}  # fmt: skip
SHOT_KITS: dict[str, tuple[str, ...]] = {
    "train": ("acoustic", "house", "electric", "eight"),
    "valid": ("klub",),
    "test": ("zome", "fat"),
}


@dataclass(frozen=True)
class Loop:
    """A recording of `samples` or of a folder of one's own.

    `beats` is its length in quarter notes for a rhythm, 0 for a tone; `pitch` its tone's class.
    """

    name: str
    stem: str
    split: str
    seconds: float
    beats: float = 0
    pitch: int = 0

    @property
    def tempo(self) -> float:
        """Quarter notes a minute."""
        return 60 * self.beats / self.seconds


LOOPS: tuple[Loop, ...] = (
    Loop("loop_amen", "drums", "train", 1.753, 4),
    Loop("loop_amen_full", "drums", "train", 6.857, 16),
    Loop("loop_industrial", "drums", "train", 0.884, 2),
    Loop("loop_mehackit1", "drums", "train", 2.474, 4),
    Loop("loop_mehackit2", "drums", "train", 2.474, 4),
    Loop("loop_perc1", "drums", "train", 2.474, 4),
    Loop("loop_compus", "drums", "train", 6.486, 16),
    Loop("loop_safari", "drums", "valid", 8.005, 16),
    Loop("loop_perc2", "drums", "valid", 2.474, 4),
    Loop("loop_breakbeat", "drums", "test", 1.905, 4),
    Loop("loop_tabla", "drums", "test", 10.674, 16),
    Loop("loop_electric", "drums", "test", 2.474, 4),
    Loop("bass_thick_c", "bass", "train", 3.968, pitch=0),
    Loop("bass_woodsy_c", "bass", "train", 3.252, pitch=0),
    Loop("bass_hard_c", "bass", "train", 1.5, pitch=0),
    Loop("bass_hit_c", "bass", "train", 0.609, pitch=0),
    Loop("bass_dnb_f", "bass", "valid", 0.871, pitch=5),
    Loop("bass_voxy_hit_c", "bass", "test", 0.457, pitch=0),
    Loop("bass_trance_c", "bass", "test", 3.611, pitch=0),
    Loop("guit_e_fifths", "other", "train", 5.972, pitch=4),
    Loop("guit_harmonics", "other", "train", 3.532, pitch=4),
    Loop("guit_e_slide", "other", "valid", 4.325, pitch=4),
    Loop("guit_em9", "other", "test", 9.972, pitch=4),
    Loop("ambi_piano", "other", "test", 2.812, pitch=10),
    Loop("ambi_glass_hum", "other", "train", 10.0, pitch=9),
    Loop("ambi_drone", "other", "train", 4.408, pitch=0),
    Loop("ambi_haunted_hum", "other", "test", 9.782, pitch=1),
    Loop("ambi_choir", "vocals", "train", 1.572, pitch=3),
)


# Each is another drum machine of `synthesis`.
MACHINES = ("machine:1", "machine:2", "machine:3")


@dataclass(frozen=True)
class Palette:
    """The instruments of a split, as names `SOURCE:BANK:PROGRAM` or names of samples."""

    kits: tuple[str, ...]
    basses: tuple[str, ...]
    others: dict[str, tuple[str, ...]]
    weights: tuple[float, ...]
    voices: tuple[str, ...]
    drum_loops: tuple[Loop, ...]
    bass_tones: tuple[Loop, ...]
    pitched_loops: tuple[Loop, ...]
    voice_loops: tuple[Loop, ...]
    speech: tuple[str, ...]


@cache
def palette(split: str, free: bool = False) -> Palette:
    """What songs of a split may be played with; `free`: so that one may give the songs away."""

    def fonts(family: str, programs: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(name for name in _fonts(split, family, programs) if _may(name, free))

    others = {family: fonts(family, programs) for family, programs in FAMILIES.items()}
    others = {family: names for family, names in others.items() if names}
    others["synthesiser"] = ("synthesiser",)
    weights = [FAMILY_WEIGHTS[family] for family in others]
    loops = {
        stem: tuple(loop for loop in LOOPS if loop.split == split and loop.stem == stem)
        for stem in ("drums", "bass", "other", "vocals")
    }
    return Palette(
        kits=(
            *(kit for kit in KITS[split] if _may(kit, free)),
            *(f"samples:{kit}" for kit in SHOT_KITS[split]),
            *MACHINES,
        ),
        basses=fonts("bass", BASSES),
        others=others,
        weights=tuple(weight / sum(weights) for weight in weights),
        voices=fonts("voice", VOICES),
        drum_loops=loops["drums"],
        bass_tones=loops["bass"],
        pitched_loops=loops["other"],
        voice_loops=loops["vocals"],
        speech=tuple(
            source.name
            for source in SOURCES.values()
            if split in source.splits and source.path.is_relative_to(SPEECH) and not free
        ),
    )


def _may(name: str, free: bool) -> bool:
    """Whether an instrument `SOURCE:...` may play."""
    return not free or SOURCES[name.partition(":")[0]].licence.startswith(("MIT", "CC0"))


def split_of(program: int) -> str:
    """The split a program of the shared soundfonts belongs to."""
    return "valid" if program in VALID_PROGRAMS else "test" if program in TEST_PROGRAMS else "train"


def _fonts(split: str, family: str, programs: tuple[int, ...]) -> tuple[str, ...]:
    shared = [
        f"{font}:0:{program}"
        for program in programs
        for font in ("fluid", "musescore")
        if split_of(program) == split
    ]
    alone = [f"tim:0:{program}" for program in programs if split == "test"]
    varied = [
        f"{font}:{bank}:{program}"
        for font, bank, program, group, whose in VARIATIONS
        if group == family and whose == split
    ]
    return (*shared, *alone, *varied)


def missing(split: str, free: bool = False) -> list[Source]:
    """The sources of a split that are not installed; `free` as in `palette`."""
    return [
        source
        for source in SOURCES.values()
        if split in source.splits and _may(source.name, free) and not source.path.exists()
    ]
