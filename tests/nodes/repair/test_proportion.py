"""What stands out like damage and is none: it recurs with a pitch, or there is too much of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import declick, declip, decrackle, detect_clicks, repair_dropouts
from tests import degradations
from tests.counts import examples
from tests.depth import sampled, thorough
from tests.signals import Array, joined, relative_db, si_sdr_db

RATE = 44_100


def harmonics(
    frequency_hz: float, weights: Callable[[Array], Array], seconds: float, rate: int, top_hz: float
) -> Array:
    """Return cosines at multiples of a frequency, up to some other one."""
    numbers = np.arange(1.0, int(top_hz / frequency_hz) + 1)
    time = np.arange(round(seconds * rate)) / rate
    wave = np.zeros(len(time))
    for number, weight in zip(numbers, weights(numbers), strict=True):
        wave += weight * np.cos(2 * np.pi * number * frequency_hz * time)
    scaled: Array = 0.5 * wave / np.abs(wave).max()
    return scaled


def tune(weights: Callable[[Array], Array], notes_hz: tuple[float, ...], rate: int = RATE) -> Audio:
    """Return notes of 0.4 s, each of whose waves begins anew."""
    top_hz = min(18_000.0, 0.45 * rate)
    notes = [harmonics(note, weights, 0.4, rate, top_hz) for note in notes_hz]
    return Audio(np.concatenate(notes), rate)


def duty(share: float) -> Callable[[Array], Array]:
    """Return the harmonics of a wave that is up for a share of its period."""
    return lambda number: np.sin(np.pi * number * share) / number


def of_a_pulse(number: Array) -> Array:
    return np.ones(len(number))


def brass(frequency_hz: float, seconds: float = 1.6, rate: int = RATE) -> Audio:
    """Return a tone whose pulses pass a horn: bright where it is loud, with vibrato and breath."""
    random = np.random.default_rng(5)
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(frequency_hz * (1 + 0.004 * np.sin(2 * np.pi * 5 * time))) / rate
    loud = np.minimum(1, time / 0.08) * np.minimum(1, (seconds - time) / 0.1)
    wave = np.zeros(len(time))
    for number in range(1, int(16_000 / frequency_hz)):
        wave += loud ** (1 + number / 12) * np.cos(number * phase) / (1 + (number / 14) ** 2)
    return Audio(0.6 * wave / np.abs(wave).max() + 1e-4 * random.standard_normal(len(time)), rate)


def reed(frequency_hz: float, rate: int = RATE) -> Audio:
    """Return a tone rich in harmonics that wanders, in 8 bits: some of its pulses stand out."""
    time = np.arange(round(1.2 * rate)) / rate
    phase = 2 * np.pi * np.cumsum(frequency_hz * (1 + 0.004 * np.sin(10.4 * np.pi * time))) / rate
    wave = np.zeros(len(time))
    for number in range(1, int(8000 / frequency_hz)):
        wave += number**-0.3 * np.exp(-number / 30) * np.sin(number * (phase + 0.1))
    wave *= 1 + 0.02 * np.sin(2.6 * np.pi * time)
    return Audio(np.round(0.7 * 127 * wave / np.abs(wave).max()) / 128, rate)


def plucked(frequency_hz: float, seconds: float = 1.6, rate: int = RATE) -> Audio:
    """Return a string by K. Karplus and A. Strong (Computer Music Journal 7, 1983)."""
    from scipy.signal import lfilter

    period = round(rate / frequency_hz)
    excited = np.zeros(round(seconds * rate))
    excited[:period] = np.random.default_rng(3).uniform(-1, 1, period)
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period], feedback[period + 1] = 1, -0.498, -0.498
    sound: Array = lfilter([1.0], feedback, excited)
    return Audio(0.6 * sound / np.abs(sound).max(), rate)


CLEAN: dict[str, Callable[[], Audio]] = {
    "square wave": lambda: tune(duty(0.5), (262, 330, 392)),
    "low pulse wave": lambda: tune(duty(0.25), (65.4, 82.4, 98)),
    "pulse wave at 48 kHz": lambda: tune(duty(0.125), (110, 147, 196), 48_000),
    "pulses, 80 a second": lambda: tune(of_a_pulse, (80,)),
    "pulses at 22.05 kHz": lambda: tune(of_a_pulse, (131, 165), 22_050),
    "trombone": lambda: brass(116.5),
    "trumpet": lambda: brass(392.0),
    "reed": lambda: reed(116.5),
    "plucked string": lambda: plucked(147.0),
    "plucked bass": lambda: plucked(55.0),
}
NODES: dict[str, Callable[[Audio], Audio]] = {
    "declick": declick,
    "decrackle": decrackle,
    "declip": declip,
    "repair_dropouts": repair_dropouts,
}


@cache
def clean(name: str) -> Audio:
    """Return one of the clean sounds."""
    return CLEAN[name]()


@pytest.mark.parametrize("sound", CLEAN)
@pytest.mark.parametrize("name", NODES)
@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
def test_a_clean_tone_is_left_alone(name: str, sound: str) -> None:
    assert relative_db(NODES[name](clean(sound)), clean(sound)) < -60


@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
def test_pulses_are_no_clicks_at_high_rates() -> None:
    sound = reed(92.5, 96_000)
    assert relative_db(declick(sound), sound) < -60


@pytest.mark.parametrize("node", [declick, decrackle, detect_clicks])
def test_a_square_wave_is_told(node: Callable[[Audio], object]) -> None:
    with pytest.warns(ResonateWarning, match=r"not-plausible: .* 0.00 to 1.20 s \(mono\)"):
        node(clean("square wave"))


def test_a_warning_names_channels_as_the_sound_does() -> None:
    square = clean("square wave").samples
    sound = Audio(np.concatenate([0 * square, 0 * square, square]), RATE, "2.1")
    with pytest.warns(ResonateWarning, match=r"0.00 to 1.20 s \(LFE\)"):
        declick(sound)


def test_no_click_is_counted_in_a_square_wave() -> None:
    with pytest.warns(ResonateWarning, match="not-plausible"):
        assert detect_clicks(clean("square wave")).clicks == 0


@thorough
def test_a_stretch_that_is_left_joins_repaired_neighbours_bit_by_bit(groove: Audio) -> None:
    """A record, in the middle of which a synthesiser plays."""
    clean = groove.with_samples(groove.samples[:, : 7 * RATE])
    record = degradations.with_clicks(clean)
    tone = tune(duty(0.5), (262, 330, 392, 523, 392, 330, 262)).samples[:, : 3 * RATE]
    synthesiser = clean.with_samples(np.repeat(tone, 2, axis=0))
    halves = [record.with_samples(record.samples[:, half]) for half in
              (slice(0, 4 * RATE), slice(4 * RATE, None))]  # fmt: skip
    tape = joined(halves[0], synthesiser, halves[1])
    wanted = np.concatenate([clean.samples[:, : 4 * RATE], tone.repeat(2, 0),
                             clean.samples[:, 4 * RATE :]], axis=1)  # fmt: skip
    with pytest.warns(ResonateWarning, match="not-plausible"):
        repaired = declick(tape)
    middle = slice(4 * RATE, 4 * RATE + synthesiser.frames)
    np.testing.assert_array_equal(repaired.samples[:, middle], tape.samples[:, middle])
    for far in (slice(0, 3 * RATE), slice(middle.stop + RATE, None)):
        before, after, best = (
            clean.with_samples(one[:, far]) for one in (tape.samples, repaired.samples, wanted)
        )
        assert si_sdr_db(after, best) > si_sdr_db(before, best) + 12
    changed = repaired.samples != tape.samples
    damaged = tape.samples != wanted.astype(np.float32)
    near = np.array([np.convolve(one, np.ones(201), "same") > 0 for one in damaged])
    assert (changed & ~near).mean() < 2e-4


@pytest.mark.parametrize(
    ("node", "damage"),
    [
        (declick, lambda audio: degradations.with_clicks(audio, per_second=50)),
        (decrackle, degradations.with_crackle),
        (decrackle, lambda audio: degradations.with_crackle(audio, per_second=1000)),
        (repair_dropouts, lambda audio: degradations.with_dropouts(audio, longest_ms=20)),
    ],
)
@sampled(2)
def test_real_damage_is_in_proportion(
    node: Callable[[Audio], Audio], damage: Callable[[Audio], Audio], groove: Audio
) -> None:
    damaged = damage(groove.with_samples(groove.samples[:, : 4 * RATE]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResonateWarning)
        assert node(damaged) != damaged


def test_how_much_may_be_replaced_is_up_to_the_caller(excerpt: Audio) -> None:
    record = degradations.with_crackle(excerpt)
    with pytest.warns(ResonateWarning, match="not-plausible"):
        assert decrackle(record, max_replaced_percent=1.0) == record
    tape = degradations.with_dropouts(excerpt, per_second=10)
    with pytest.warns(ResonateWarning, match="not-plausible"):
        assert repair_dropouts(tape, max_replaced_percent=1.0) == tape


def test_what_comes_at_an_even_pace_stays_however_much_may_be_replaced(excerpt: Audio) -> None:
    """The buzz of a dimmer: a hundred short bursts a second, in a pause of the music too."""
    burst = 0.2 * np.exp(-np.arange(24) / 6) * np.cos(np.arange(24))
    buzz = np.tile(np.pad(burst, (0, RATE // 100 - len(burst))), excerpt.frames * 100 // RATE + 1)
    sound = excerpt.with_samples(0.1 * excerpt.samples + buzz[: excerpt.frames])
    with pytest.warns(ResonateWarning, match="not-plausible"):
        repaired = declick(sound, max_replaced_percent=100.0)
    assert relative_db(repaired, sound) < -60


def test_a_sound_gated_at_its_own_pace_is_no_row_of_dropouts(excerpt: Audio) -> None:
    """A tremolo of 30 Hz: gaps of 11 ms, a third of the time."""
    place = np.arange(excerpt.frames) * 30 / RATE % 1
    gated = excerpt.with_samples(excerpt.samples * (place < 2 / 3))
    with pytest.warns(ResonateWarning, match="not-plausible"):
        repaired = repair_dropouts(gated)
    assert relative_db(repaired, gated) < -60


@given(
    bits=st.sampled_from([8, 16]),
    steps=st.floats(1.5, 40),
    gain=st.sampled_from([1.0, 0.3, 20.0]),
    start=st.floats(0, 9),
)
@settings(max_examples=examples(6), derandomize=True)
@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
def test_rounding_is_no_click(
    groove: Audio, bits: int, steps: float, gain: float, start: float
) -> None:
    """Sound of a few steps of 8 or 16 bits, turned up or down since."""
    first = round(start * RATE)
    samples = groove.samples[:, first : first + RATE // 2]
    whole = np.round(samples / np.abs(samples).max() * steps)
    rounded = groove.with_samples(gain * whole / 2 ** (bits - 1) / (1 if bits == 16 else gain))
    assert declick(rounded) == rounded
    assert decrackle(rounded) == rounded


def test_a_sine_of_eight_bits_has_no_clicks() -> None:
    for frequency_hz in (100.0, 440.0, 997.0):
        wave = np.round(100 * np.sin(2 * np.pi * frequency_hz * np.arange(2 * RATE) / RATE)) / 128
        sine = Audio(wave, RATE)
        assert declick(sine) == sine
        assert decrackle(sine) == sine


def bursts(
    per_second: float,
    milliseconds: float,
    *,
    seed: int,
    spread_db: float = 0.0,
    sharp: bool = False,
) -> Audio:
    """Return bursts of noise at random times over a quiet noise, 40 dB under: as of a rattle."""
    random = np.random.default_rng(seed)
    length = round(milliseconds * RATE / 1000)
    decay = np.exp(-5 * np.arange(length) / length) if sharp else np.ones(length)
    sound = 0.002 * random.standard_normal(4 * RATE)
    for start in random.integers(0, 4 * RATE - length, round(4 * per_second)):
        level = 0.2 * 10 ** (spread_db * random.standard_normal() / 20)
        sound[start : start + length] += level * decay * random.standard_normal(length)
    return Audio(sound, RATE)


@pytest.mark.parametrize(
    ("per_second", "milliseconds", "spread_db", "sharp"),
    [
        (50, 1.0, 0, False),
        (50, 1.0, 3, True),
        (20, 1.0, 0, False),
        (12, 1.0, 0, True),
        (50, 0.5, 0, False),
        (25, 2.0, 0, True),
        (100, 0.5, 0, True),
    ],
)
@pytest.mark.parametrize("seed", [11, 12])
@sampled(3)
def test_bursts_that_are_alike_and_all_that_is_heard_stay(
    per_second: float, milliseconds: float, spread_db: float, sharp: bool, seed: int
) -> None:
    rattle = bursts(per_second, milliseconds, seed=seed, spread_db=spread_db, sharp=sharp)
    with pytest.warns(ResonateWarning, match="not-plausible"):
        assert declick(rattle) == rattle


@pytest.mark.parametrize("per_second", [12, 50])
def test_clicks_of_all_sizes_go_from_a_pause(per_second: float) -> None:
    """A worn record between two songs: the clicks are most of what is heard, and unlike."""
    noise = np.cumsum(0.0004 * np.random.default_rng(5).standard_normal(4 * RATE))
    noise -= np.convolve(noise, np.ones(201) / 201, "same")
    pause = Audio(noise, RATE)
    record, _ = degradations.with_groove_clicks(
        pause, per_second=per_second, lengths=(3, 50), levels_db=(15, 40)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResonateWarning)
        assert si_sdr_db(declick(record), pause) > si_sdr_db(record, pause) + 15
