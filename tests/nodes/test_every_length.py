"""Every node at every length that could matter to it: around each size of what it works in.

`SIZES` says what those are, in frames, at a rate: windows, hops, blocks and their strides, what a
measurement needs at least. A node that is not named there works sample by sample. Beside the length
go the rate, the channels, the level and the kind of sound: each of them comes up with several of
the others, and with ``--torture`` each pair of two of these five.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import Audio, ResonateError
from resonate_graph.testing import require_valid
from tests.depth import sampled
from tests.nodes.catalog import (
    DRAWING,
    NODES,
    RESHAPES,
    TAKES_SEVERAL,
    WITH_OPTIONAL_INPUTS,
    called,
    given,
)

Array = NDArray[np.float64]
Sizes = Callable[[int], tuple[float, ...]]

pytestmark = [
    pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning"),
    pytest.mark.filterwarnings("error::RuntimeWarning"),  # what numpy says of its own sums
]


def window(seconds: float, rate: int) -> int:
    """Return the power of two that is nearest to a time: what windows of a transform are."""
    return int(2 ** max(6, round(np.log2(seconds * rate))))


def hum(rate: int) -> tuple[float, ...]:
    return 0.06 * rate, 0.72 * rate


def clicks(rate: int) -> tuple[float, ...]:
    return window(0.02, rate), 0.001 * rate


def loudness(rate: int) -> tuple[float, ...]:
    return 0.4 * rate, 16_384 - 2048


def anywhere(rate: int) -> tuple[float, ...]:
    return (64,)


#: The sizes nodes work in, in frames at a rate.
SIZES: dict[str, Sizes] = {
    "align_azimuth": lambda rate: (0.025 * rate, 0.1 * rate, rate),
    "check_mono": lambda rate: (16, 0.2 * rate),
    "compare": lambda rate: (512, window(0.046, rate), 0.4 * rate),
    "crossfade": lambda rate: (0.01 * rate,),
    "declick": clicks,
    "declip": lambda rate: (window(0.37, rate), window(0.023, rate), 0.093 * rate, rate),
    "decrackle": clicks,
    "deess": lambda rate: (0.004 * rate, 0.012 * rate, 0.05 * rate),
    "dehum": hum,
    "denoise": lambda rate: (window(0.0232, rate), window(0.046, rate), 0.25 * rate),
    "dereverb": lambda rate: (window(0.04, rate), 48 * window(0.04, rate) / 4),
    "describe": lambda rate: (window(0.046, rate), 0.25 * rate, 0.4 * rate, 2 * rate),
    "detect_clicks": clicks,
    "detect_hum": hum,
    "encode_flac": lambda rate: (4096,),
    "encode_mp3": lambda rate: (576, 1152),
    "encode_ogg": lambda rate: (64, 2048),
    "hpss": lambda rate: (window(2048 / 44_100, rate), 31 * window(2048 / 44_100, rate) / 4),
    "html_report": lambda rate: (1000, 0.4 * rate),
    "limit": lambda rate: (0.005 * rate, 0.025 * rate, 0.1 * rate, 16_384 - 2048),
    "loudness_over_time": lambda rate: (0.1 * rate, 0.4 * rate, 3 * rate),
    "match_eq": lambda rate: (16, 0.25 * rate, 0.5 * rate),
    "measure_loudness": loudness,
    "mouth_declick": lambda rate: (0.06 * rate, 0.033 * rate),
    "noise_floor": lambda rate: (window(0.0232, rate), 0.25 * rate),
    "normalize_loudness": loudness,
    "normalize_peak": lambda rate: (16_384 - 2048,),
    "pitch_shift": lambda rate: (window(0.046, rate), window(0.046, rate) / 8),
    "plot_compare": lambda rate: (1000,),
    "plot_loudness": lambda rate: (0.1 * rate, 0.4 * rate),
    "plot_spectrogram": lambda rate: (2048, window(0.046, rate)),
    "plot_waveform": lambda rate: (1000,),
    "repair_dropouts": lambda rate: (4, 0.005 * rate, 0.08 * rate),
    "resample": lambda rate: (rate // math.gcd(rate, 32_000), 1024),
    "saturate": lambda rate: (16_384 - 4096,),
    # segments of a quarter of a second, and their stride, of a model that works at 44.1 kHz
    "separate": lambda rate: (rate / 4, 3 * rate / 16),
    "spectral_gate": lambda rate: (1024, 2048),
    "time_stretch": lambda rate: (window(0.046, rate), window(0.046, rate) / 8),
    "trim_silence": lambda rate: (0.01 * rate,),
}

#: Blocks of so many frames that few sounds of these tests have two: tried at 8 kHz only, in mono.
BLOCKS: dict[str, tuple[int, ...]] = {
    "align_azimuth": (24_000,),
    "compare": (1 << 17,),
    "dehum": (19_200,),
    "denoise": (1024 * window(0.046, 8000) // 4,),
    "dereverb": (1024 * window(0.04, 8000) // 4, 768 * window(0.04, 8000) // 4),
    "detect_hum": (19_200,),
    "encode_flac": (1 << 16,),
    "encode_mp3": (1 << 16,),
    "encode_ogg": (1 << 16,),
    "encode_wav": (1 << 16,),
    "hpss": (2048 * window(2048 / 44_100, 8000) // 4,),
    "limit": (80_000,),
    "measure_loudness": (24_000,),
}

RATES = (8000, 192_000, 22_050, 48_000, 11_025, 96_000, 44_100)
CHANNELS = (2, 1, 6, 3)
LEVELS_DB = (-20.0, 20.0, -120.0, 0.0, -60.0)

#: A sound of a length from random numbers, at full scale, of shape (channels, frames).
KINDS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "noise": lambda random, channels, frames: random.standard_normal((channels, frames)) / 4,
    "DC": lambda random, channels, frames: np.ones((channels, frames)),
    "first sample": lambda random, channels, frames: np.eye(1, frames).repeat(channels, 0),
    "last sample": lambda random, channels, frames: np.eye(1, frames)[:, ::-1].repeat(channels, 0),
    "sine": lambda random, channels, frames: np.sin(np.arange(frames) / 9) * np.ones((channels, 1)),
    "square": lambda random, channels, frames: np.sign(
        np.sin(np.arange(frames) / 9 + 0.1) * np.ones((channels, 1))
    ),
    "gap": lambda random, channels, frames: (
        random.standard_normal((channels, frames))
        / 4
        * ((np.arange(frames) < frames // 3) | (np.arange(frames) > frames // 2))
    ),
    "opposite sides": lambda random, channels, frames: (
        random.standard_normal(frames) / 4 * (-1.0) ** np.arange(channels)[:, None]
    ),
    "one channel": lambda random, channels, frames: (
        random.standard_normal(frames) / 4 * np.eye(1, channels).T
    ),
}

#: How a length lies to a size.
AROUND: tuple[Callable[[int], int], ...] = (
    lambda size: size,
    lambda size: 0,
    lambda size: size + 1,
    lambda size: 1,
    lambda size: size - 1,
    lambda size: 2,
    lambda size: size // 4,
    lambda size: 3,
    lambda size: size // 4 + 1,
    lambda size: 2 * size + 1,
    lambda size: size // 2 - 1,
)

#: As many calls as it takes until every two of the 7 rates, 4 channel counts, 5 levels, 9 kinds
#: and 11 lengths came up together: these numbers share no factor.
CALLS = 9 * 11

#: Without ``--torture`` each length comes three times.
FEW = 3 * len(AROUND)

#: Nodes whose calls take longer: each length once, or the first three where they draw.
FEWER = {
    **dict.fromkeys(
        (
            "align_azimuth",
            "check_mono",
            "compare",
            "decrackle",
            "dehum",
            "denoise",
            "dereverb",
            "describe",
            "detect_clicks",
            "detect_hum",
            "extend_bandwidth",
            "hpss",
            "match_eq",
            "normalize_loudness",
            "saturate",
            "separate",
            "spectral_gate",
        ),
        len(AROUND),
    ),
    **dict.fromkeys(DRAWING, 3),
}


@dataclass(frozen=True)
class Case:
    """One sound."""

    frames: int
    rate: int
    channels: int
    level_db: float
    kind: str

    def sound(self) -> Audio:
        random = np.random.default_rng([self.frames, self.rate])
        samples = KINDS[self.kind](random, self.channels, self.frames)
        return Audio(samples * 10 ** (self.level_db / 20), self.rate)


def cases(name: str, *, torture: bool) -> Iterator[Case]:
    """Yield the sounds that a node is tried with."""
    sizes, kinds = SIZES.get(name, anywhere), list(KINDS)
    for number in range(CALLS if torture else FEWER.get(name, FEW)):
        rate = RATES[number % len(RATES)]
        here = sizes(rate)
        size = round(here[number // len(AROUND) % len(here)])
        yield Case(
            frames=max(0, AROUND[number % len(AROUND)](size)),
            rate=rate,
            channels=CHANNELS[number % len(CHANNELS)],
            level_db=LEVELS_DB[number % len(LEVELS_DB)],
            kind=kinds[number % len(kinds)],
        )
    for size in BLOCKS.get(name, ()):
        for frames in (size, size + 1):
            yield Case(frames, 8000, 1, -20.0, "noise")


@pytest.fixture(autouse=True)
def _models(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(tiny_models))


def trouble(
    name: str, case: Case, other: Case | None = None, *, optional: bool = False
) -> str | None:
    """Return what is wrong with what a node makes of a sound, or of one and another."""
    audio = given(name, case.sound())
    beside = given(name, other.sound()) if other else None
    try:
        outcome = called(name, audio, other=beside, optional=optional)
        require_valid(outcome)
        keeps_shape = name not in RESHAPES and other is None
        if keeps_shape and not isinstance(outcome, ResonateError):
            for value in outcome.values():
                if isinstance(value, Audio):
                    assert value.sample_rate == audio.sample_rate
                    assert value.samples.shape == audio.samples.shape
    except Exception as error:
        return f"{case}, {other}: {type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("name", NODES)
@sampled(12)
def test_lengths_around_what_a_node_works_in(name: str, torture: bool) -> None:
    found = [trouble(name, case) for case in cases(name, torture=torture)]
    assert [one for one in found if one] == []


@pytest.mark.parametrize("name", TAKES_SEVERAL)
@sampled(5)
def test_sounds_that_differ_go_together_or_say_that_they_do_not(name: str, torture: bool) -> None:
    """In length, kind and level; then in channels as well; then in rate as well."""
    found = []
    for one, two in pairwise([*cases(name, torture=torture)][: 23 if torture else 12]):
        like = replace(two, rate=one.rate, channels=one.channels)
        for other in (like, replace(like, frames=one.frames), replace(two, rate=one.rate), two):
            found.append(trouble(name, one, other, optional=True))
    assert [one for one in found if one] == []


@pytest.mark.parametrize("name", WITH_OPTIONAL_INPUTS)
def test_lengths_with_its_optional_inputs_connected(name: str, torture: bool) -> None:
    tried = [*cases(name, torture=torture)][: FEW if torture else len(AROUND)]
    found = [trouble(name, case, optional=True) for case in tried]
    assert [one for one in found if one] == []


def test_the_tables_name_nodes_that_exist() -> None:
    assert {*SIZES, *BLOCKS, *FEWER} <= NODES.keys()


def test_every_two_of_the_five_come_up_together() -> None:
    sizes = [len(RATES), len(CHANNELS), len(LEVELS_DB), len(KINDS), len(AROUND)]
    for index, one in enumerate(sizes):
        for other in sizes[:index]:
            pairs = {(number % one, number % other) for number in range(CALLS)}
            assert len(pairs) == one * other
