"""Where a sound begins and ends in its middle, no repair node makes it louder.

A track of a gapless album, a loop, a slice of a sampler begin anywhere in a wave. Codecs and
resamplers ring there, and what a method would know from the other side is missing. Each repair node
is tried on such sounds, at its defaults, at the ends of the file and beside digital silence: no
edge may be louder afterwards by more than 0.5 dB than what stood there. `denoise` and `dereverb`
take a part of the sound away everywhere, and peaks rise where that part had another sign: there an
edge is held to what becomes of the middle. `remove_dc` has no edges: it moves all samples alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import resonate_nodes as rn
from resonate_graph import Audio
from tests.counts import examples
from tests.degradations import clipped, with_hum
from tests.depth import sampled, thorough
from tests.signals import decibels

#: How far from an edge samples belong to it, and below which peak nothing is heard.
EDGE = 60
INAUDIBLE = 1e-4

pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")

#: What is called repair: sounds go in and come out, with the damage gone.
REPAIRS: dict[str, Callable[[Audio], Audio]] = {
    "align_azimuth": rn.align_azimuth,
    "declick": rn.declick,
    "declip": rn.declip,
    "decrackle": rn.decrackle,
    "deess": rn.deess,
    "dehum": rn.dehum,
    "denoise": rn.denoise,
    "dereverb": rn.dereverb,
    "mouth_declick": rn.mouth_declick,
    "repair_dropouts": rn.repair_dropouts,
}


Treatment: TypeAlias = Callable[[Audio], Audio]

#: What takes a part of the sound away everywhere.
SUBTRACTS = {"denoise", "dereverb"}


def as_mp3(audio: Audio) -> Audio:
    return decoded(rn.encode_mp3(audio, bitrate_kbps=192).content, audio)


def as_ogg(audio: Audio) -> Audio:
    return decoded(rn.encode_ogg(audio).content, audio)


def decoded(data: bytes, audio: Audio) -> Audio:
    samples, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    assert rate == audio.sample_rate
    return audio.with_samples(samples.T[:, : audio.frames])


def resampled(audio: Audio) -> Audio:
    """Go to another rate and back."""
    other = 48_000 if audio.sample_rate != 48_000 else 44_100
    there = soxr.resample(audio.samples.T, audio.sample_rate, other, "VHQ")
    back = soxr.resample(there, other, audio.sample_rate, "VHQ").T
    return audio.with_samples(back[:, : audio.frames])


def sliced(audio: Audio) -> Audio:
    return audio


def faded(audio: Audio) -> Audio:
    """Fade in and out within two milliseconds, from and to an eighth."""
    frames = audio.sample_rate // 500
    gain = np.interp(np.arange(audio.frames), [0, frames], [0.125, 1])
    return audio.with_samples(audio.samples * gain * gain[::-1])


TREATMENTS = (as_mp3, as_ogg, resampled, sliced, faded)


def cut(audio: Audio, place: float, seconds: float = 0.8) -> Audio:
    """Return a piece of a sound from anywhere in it, 0 to 1."""
    frames = round(seconds * audio.sample_rate)
    start = round(place * (audio.frames - frames))
    return audio.with_samples(audio.samples[:, start : start + frames])


def between_zeros(audio: Audio) -> Audio:
    silence = audio.sample_rate // 5
    return audio.with_samples(np.pad(audio.samples, ((0, 0), (silence, silence))))


def raised_db(before: Audio, after: Audio, edges: tuple[int, ...]) -> float:
    """Return by how much the loudest sample around an edge has grown, where it has most."""
    worst = -np.inf
    for edge in edges:
        around = slice(max(edge - EDGE, 0), edge + EDGE)
        for one, other in zip(before.samples[:, around], after.samples[:, around], strict=True):
            was, became = np.abs(one).max(), np.abs(other).max()
            worst = max(worst, decibels(max(became, INAUDIBLE) / max(was, INAUDIBLE)))
    return worst


def check_edges(name: str, treated: Audio, length: int) -> None:
    """Repair, and compare the ends and the hard edges around the middle ``length``."""
    repaired = REPAIRS[name](treated)
    silence = (treated.frames - length) // 2
    edges = {0, treated.frames, silence, silence + length}
    inside = range(silence + EDGE, silence + length - EDGE, 2 * EDGE)
    bound = 0.5
    if name in SUBTRACTS:
        bound += max(raised_db(treated, repaired, (place,)) for place in inside)
    assert raised_db(treated, repaired, tuple(edges)) < bound


@pytest.fixture(scope="module")
def materials(groove: Audio, speech: Audio) -> list[Audio]:
    """Pieces that begin and end loud: drums and keys, a voice, at several rates."""
    voice = speech.with_samples(speech.samples[:, 16_000:])
    return [
        cut(groove, 0.31),
        cut(groove, 0.77),
        Audio(soxr.resample(cut(groove, 0.52).samples.T, 44_100, 48_000).T, 48_000),
        Audio(soxr.resample(cut(voice, 0.4).samples.T, 16_000, 32_000).T, 32_000),
    ]


@pytest.fixture(scope="module")
def treated(materials: list[Audio]) -> Callable[[Treatment, int, bool], Audio]:
    """Each of the pieces, by itself or between zeros, treated once for all nodes."""

    @cache
    def made(treat: Treatment, number: int, silent: bool) -> Audio:
        sound = materials[number]
        return treat(between_zeros(sound) if silent else sound)

    return made


# To dereverb a fade of 2 ms is a room that falls silent, and the middle has none to compare with.
@pytest.mark.parametrize(
    ("name", "treat"),
    [
        (name, treat)
        for name in REPAIRS
        for treat in TREATMENTS
        if not (name == "dereverb" and treat is faded)
    ],
)
@sampled(15)
def test_no_end_is_raised(
    name: str, treat: Treatment, treated: Callable[..., Audio], torture: bool
) -> None:
    """Two of the pieces for each way to treat them, all for each node; else all for both."""
    for number in range(4) if torture else range(TREATMENTS.index(treat) % 2, 4, 2):
        sound = treated(treat, number, False)
        check_edges(name, sound, sound.frames)


@pytest.mark.parametrize("treat", [as_mp3, as_ogg, resampled, sliced])
@pytest.mark.parametrize("name", REPAIRS)
@sampled(12)
def test_no_hard_start_or_stop_is_raised(
    name: str,
    treat: Treatment,
    materials: list[Audio],
    treated: Callable[..., Audio],
    torture: bool,
) -> None:
    """One piece for each way to treat them, three for each node; else three for both."""
    for number in range(1, 4) if torture else [1 + TREATMENTS.index(treat) % 3]:
        check_edges(name, treated(treat, number, True), materials[number].frames)


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("treat", [as_mp3, resampled])
@sampled(2)
def test_an_edge_is_no_click(treat: Treatment, silent: bool, groove: Audio) -> None:
    """Not raised, nor taken away either: a gapless album would get a hole at each join."""
    for place in np.linspace(0, 1, 13):
        piece = cut(groove, place, 0.2)
        treated = treat(between_zeros(piece) if silent else piece)
        assert rn.declick(treated) == treated


def test_a_hard_start_out_of_silence_is_no_click(groove: Audio) -> None:
    """The first sample stands out of the silence as a click would, and the last one."""
    for place in np.linspace(0, 1, 13):
        between = between_zeros(cut(groove, place, 0.2))
        assert rn.declick(between) == between


@given(
    place=st.floats(0, 1),
    seconds=st.floats(0.02, 0.6),
    name=st.sampled_from(["declick", "decrackle", "repair_dropouts", "declip"]),
    treat=st.sampled_from([as_mp3, as_ogg, resampled, sliced]),
    silent=st.booleans(),
)
@settings(max_examples=examples(12), derandomize=True)
def test_no_edge_of_any_piece_is_raised(
    groove: Audio,
    place: float,
    seconds: float,
    name: str,
    treat: Treatment,
    silent: bool,
) -> None:
    piece = cut(groove, place, seconds)
    treated = treat(between_zeros(piece) if silent else piece)
    check_edges(name, treated, piece.frames)


@pytest.mark.parametrize("name", sorted(REPAIRS.keys() - {"align_azimuth"}))
def test_digital_silence_stays(name: str, groove: Audio) -> None:
    """Also beside what a node works hard on: hum, and harsh sounds."""
    hard = {
        "deess": lambda audio: rn.deess(audio, threshold_db=-60.0, ratio=100.0, harsh_db=0.0),
        "denoise": lambda audio: rn.denoise(audio, strength=1.0),
    }
    sound = between_zeros(with_hum(cut(groove, 0.4, 3.0)))
    repaired = hard.get(name, REPAIRS[name])(sound)
    assert repaired != sound or name not in {"dehum", "deess", "denoise", "dereverb"}
    silent = ~sound.samples.any(axis=0)
    assert np.abs(repaired.samples[:, silent]).max() < 1e-6


@thorough
def test_a_clipped_peak_at_an_end_stays(groove: Audio) -> None:
    damaged, level = clipped(cut(groove, 0.31, 2.0), sdr_db=7)
    first = int(np.flatnonzero(np.abs(damaged.samples[0]) >= level)[3])
    damaged = damaged.with_samples(damaged.samples[:, first:])
    assert np.abs(damaged.samples[0, 0]) >= level
    repaired = rn.declip(damaged)
    assert np.abs(repaired.samples).max() > 1.1 * level
    assert repaired.samples[0, 0] == damaged.samples[0, 0]
    silent = between_zeros(damaged)
    padded = rn.declip(silent)
    start = (padded.frames - damaged.frames) // 2
    assert padded.samples[0, start] == damaged.samples[0, 0]


@pytest.mark.parametrize("where", ["beginning", "end", "after silence", "before silence"])
def test_a_loud_click_at_an_edge_still_goes(where: str, groove: Audio) -> None:
    """What is not left alone: it is louder than the sound, and what replaces it is not.

    What begins a sound out of silence may be the snap of a stick, unless it is far louder still.
    """
    times = 12.0 if where == "after silence" else 1.2
    clean = cut(groove, 0.3)
    silence = 0 if where in {"beginning", "end"} else clean.sample_rate // 5
    at = silence if where in {"beginning", "after silence"} else silence + clean.frames - 8
    clean = clean.with_samples(np.pad(clean.samples, ((0, 0), (silence, silence))))
    samples = clean.samples.copy()
    samples[:, at : at + 8] += times * np.abs(samples).max()
    repaired = rn.declick(clean.with_samples(samples))
    around = slice(max(at - 20, 0), at + 28)
    left = np.sum((repaired.samples - clean.samples)[:, around] ** 2)
    assert left < 0.2 * np.sum((samples - clean.samples)[:, around] ** 2)
