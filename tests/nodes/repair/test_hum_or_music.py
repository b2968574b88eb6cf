"""What `dehum` takes for music: clean sounds on the frequencies of the mains stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import dehum, detect_hum
from tests import degradations
from tests.depth import sampled
from tests.signals import relative_db, si_sdr_db, white_noise

RATE = 22_050
SECONDS = np.arange(7 * RATE) / RATE
pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")

Array = NDArray[np.float64]


def note(frequency_hz: float, *, harmonics: int = 8, sway: Array | float = 0.0) -> Array:
    """Return a note that is held: its harmonics fall as in a sawtooth."""
    phase = 2 * np.pi * np.cumsum(frequency_hz * (1 + sway * np.ones(len(SECONDS)))) / RATE
    numbers = np.arange(1, harmonics + 1)[:, None]
    wave: Array = 0.2 * np.sum(np.sin(numbers * phase) / numbers, axis=0)
    return wave


def tremolo(depth: float, pace_hz: float) -> Array:
    level: Array = 1 + depth * np.sin(2 * np.pi * pace_hz * SECONDS)
    return level


def hits(sound: Callable[[Array], Array], a_second: float) -> Array:
    """Return a sound that begins anew at even distances."""
    return sound(SECONDS % (1 / a_second))


def kick(frequency_hz: float) -> Callable[[Array], Array]:
    def sound(time: Array) -> Array:
        phase = 2 * np.pi * (frequency_hz * time + 3 * (1 - np.exp(-time / 0.02)))
        wave: Array = 0.7 * np.exp(-time / 0.25) * np.sin(phase) * np.minimum(time / 0.001, 1)
        return wave

    return sound


def stick(time: Array) -> Array:
    """Return what a stick on wood does: short, and the same each time."""
    wave: Array = 0.5 * np.exp(-time / 0.01) * np.sin(2 * np.pi * 1130 * time)
    return wave + 0.2 * np.exp(-time / 0.03) * np.sin(2 * np.pi * 410 * time)


def swaying(frequency_hz: float, harmonics: int, depth: float, pace_hz: float) -> Array:
    return note(frequency_hz, harmonics=harmonics) * tremolo(depth, pace_hz)


def switched(frequency_hz: float) -> Array:
    """Return a note whose tremolo goes on and off four times a second."""
    steps: Array = 1 + 0.9 * np.sign(np.sin(2 * np.pi * 4 * SECONDS))
    return note(frequency_hz, harmonics=1) * steps


def vibrato(frequency_hz: float) -> Array:
    return note(frequency_hz, sway=0.005 * np.sin(2 * np.pi * 5.5 * SECONDS))


CLEAN: dict[str, Callable[[], Array]] = {
    **{f"a note of {hz} Hz": partial(note, hz) for hz in (150, 180, 240, 300, 350, 420, 480)},
    **{
        f"a tremolo of {hz} Hz, {depth}, {pace} a second": partial(swaying, hz, 1, depth, pace)
        for hz in (50, 100, 300, 440, 480)
        for depth, pace in ((0.5, 5), (0.3, 4), (0.9, 6))
    },
    "a tremolo that switches a note of 440 Hz": partial(switched, 440),
    "a tremolo of a rich note of 100 Hz": partial(swaying, 100, 8, 0.5, 5.5),
    "a vibrato at 100 Hz": partial(vibrato, 100),
    **{
        f"kicks of {hz} Hz, {pace} a second": partial(hits, kick(hz), pace)
        for hz, pace in ((50, 2), (50, 2.5), (50, 1.5), (55, 2), (60, 2.5), (49, 1.9))
    },
    "sticks, four a second": partial(hits, stick, 4),
    "sticks, two and a half a second": partial(hits, stick, 2.5),
}


@sampled(12)
@pytest.mark.parametrize("hiss_db", [None, -50])
@pytest.mark.parametrize("name", CLEAN)
def test_music_at_the_frequencies_of_the_mains_stays(name: str, hiss_db: int | None) -> None:
    sound = Audio(CLEAN[name]()[None], RATE)
    if hiss_db is not None:
        hiss = white_noise(rms=10 ** (hiss_db / 20), seconds=7, rate=RATE, channels=1)
        sound = sound.with_samples(sound.samples + hiss.samples)
    assert relative_db(dehum(sound), sound) < -60


def tune(pace_hz: float, keys: int, decay_seconds: float) -> Array:
    """Return a tune of a sequencer, each note with a thump, and three echoes of it all."""
    random = np.random.default_rng(1)
    scale = random.choice([262, 311, 392, 523, 622, 784], keys)
    step, time = round(RATE / pace_hz), SECONDS[:RATE]
    wave = np.zeros(len(SECONDS) + RATE)
    for index, place in enumerate(range(0, len(SECONDS), step)):
        turn = 2 * np.pi * scale[index % keys] * time
        sound = np.exp(-time / decay_seconds) * (np.sin(turn) + 0.5 * np.sin(2 * turn))
        sound += 0.8 * np.exp(-time / 0.03) * np.sin(2 * np.pi * 70 * time + 1)
        wave[place : place + RATE] += sound[: len(wave) - place]
    dry = wave.copy()
    for echo in (1, 2, 3):
        wave[echo * step :] += 0.5**echo * dry[: -echo * step]
    samples: Array = 0.3 * wave[: len(SECONDS)] / np.abs(wave).max()
    return samples + 1e-4 * random.standard_normal(len(SECONDS))


@sampled(4)
@pytest.mark.parametrize("decay_seconds", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("keys", [3, 4, 5])
@pytest.mark.parametrize("pace_hz", [10.0, 12.5, 25.0])
def test_a_tune_whose_pace_divides_the_mains_stays(
    pace_hz: float, keys: int, decay_seconds: float
) -> None:
    """At 150 beats a minute ten notes a second are played: each fifth of its lines is at 50 Hz."""
    sound = Audio(tune(pace_hz, keys, decay_seconds)[None], RATE)
    assert dehum(sound) == sound
    assert not detect_hum(sound).found
    tape = degradations.with_hum(sound, level_db=0)
    assert detect_hum(tape).found  # what is louder than the lines beside it is hum all the same


@pytest.mark.parametrize("base_hz", [50.0, 60.0])
def test_what_is_louder_than_all_else_stays_unless_it_is_named(base_hz: float) -> None:
    held = Audio(note(base_hz)[None], RATE)
    with pytest.warns(ResonateWarning, match=r"loud-hum: .* stays: name base_hz if it is hum"):
        assert dehum(held) == held
    assert relative_db(dehum(held, base_hz=base_hz), held) > -0.1


@pytest.mark.parametrize("base_hz", [50.0, 60.02])
@pytest.mark.parametrize("level_db", [-20, -23])
def test_soft_hum_is_found_by_what_is_there_throughout(
    base_hz: float, level_db: int, groove: Audio
) -> None:
    """Under music that is louder than it at its own frequencies, most of the time."""
    tape = degradations.with_hum(groove, base_hz=base_hz, level_db=level_db)
    assert detect_hum(tape).base_hz == pytest.approx(base_hz, abs=0.02)
    assert si_sdr_db(dehum(tape), groove) > si_sdr_db(tape, groove) + 2


def test_hum_with_every_other_harmonic_is_hum(groove: Audio) -> None:
    """As behind a rectifier: 100 Hz, and its multiples, where 50 Hz is asked for."""
    seconds = np.arange(groove.frames) / groove.sample_rate
    numbers = np.arange(1, 5)[:, None]
    buzz = np.sum(np.sin(2 * np.pi * 100.04 * numbers * seconds + numbers) / numbers, axis=0)
    buzz *= 0.15 * degradations.rms(groove) / float(np.std(buzz))
    tape = groove.with_samples(groove.samples + buzz)
    assert si_sdr_db(dehum(tape), groove) > si_sdr_db(tape, groove) + 6


@pytest.mark.parametrize("a_second", [2.0, 2.5])
def test_hum_under_hits_at_even_distances_is_hum(a_second: float) -> None:
    mains = degradations.hum_for(Audio(np.full((1, 7 * RATE), 0.02), RATE), 50.0, 0.0, 0.0, 8)
    clean = Audio(hits(stick, a_second)[None], RATE)
    hummed = clean.with_samples(clean.samples + mains)
    assert si_sdr_db(dehum(hummed), clean) > si_sdr_db(hummed, clean) + 10
