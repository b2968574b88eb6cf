"""Clean sounds that are all onsets, made: what stands out in them is the sound, and no damage.

Each is mono, peaks at 0.7, and is another one for another seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from resonate_graph import Audio
from tests.signals import Array

_SECONDS = 4.0


def rain(
    rate: int,
    seed: int,
    *,
    drops_per_second: float = 100.0,
    lasting_ms: tuple[float, float] = (0.3, 3),
) -> Audio:
    """Return drops at random times on all sides, each a short ring, over a soft hiss."""
    random = np.random.default_rng(seed)
    sound = 0.005 * random.standard_normal(round(_SECONDS * rate))
    for place in random.integers(0, len(sound), round(_SECONDS * drops_per_second)):
        decay = random.uniform(*lasting_ms) / 1000
        time = np.arange(round(8 * decay * rate)) / rate
        pitch_hz = random.uniform(800, min(9000, 0.45 * rate))
        phase = random.uniform(0, 2 * np.pi)
        drop = np.exp(-time / decay) * np.sin(2 * np.pi * pitch_hz * time + phase)
        _add(sound, place, 10 ** (random.uniform(-30, 0) / 20) * drop)
    return _scaled(sound, rate)


def applause(rate: int, seed: int, *, people: int = 12) -> Audio:
    """Return hands that clap some three times a second each, near and far."""
    random = np.random.default_rng(seed)
    sound = np.zeros(round(_SECONDS * rate))
    for _ in range(people):
        hands = _burst(random, rate, random.uniform(0.0015, 0.009), random.uniform(700, 2800))
        level = 10 ** (random.uniform(-20, 0) / 20)
        apart = random.uniform(0.25, 0.5)
        time = random.uniform(0, apart)
        while time < _SECONDS:
            _add(sound, round(time * rate), level * random.uniform(0.6, 1) * hands)
            time += apart * random.uniform(0.93, 1.07)
    return _scaled(sound, rate)


def harpsichord(rate: int, seed: int, *, plectrum: float = 1.0) -> Audio:
    """Return plucked strings, each begun by the snap of a hard plectrum."""
    random = np.random.default_rng(seed)
    sound = np.zeros(round(_SECONDS * rate))
    for time in _times(random, 0.1, 0.3):
        for _ in range(random.integers(1, 3)):
            string = _string(random, rate, 55 * 2 ** (random.integers(36) / 12))
            snap = _snap(random, rate)
            string[: len(snap)] += plectrum * np.abs(string).max() * snap
            _add(sound, round(time * rate), random.uniform(0.4, 1) * string)
    return _scaled(sound, rate)


def struck(
    rate: int,
    seed: int,
    *,
    partials: Sequence[float],
    pitches_hz: tuple[float, float],
    lasting_seconds: float,
    stroke: float,
    apart_seconds: tuple[float, float] = (0.08, 0.3),
) -> Audio:
    """Return what rings when it is struck: bars, shells; `stroke` is what is heard of that."""
    random = np.random.default_rng(seed)
    sound = np.zeros(round(_SECONDS * rate))
    for time in _times(random, *apart_seconds):
        pitch_hz = random.uniform(*pitches_hz)
        ticks = np.arange(round(min(8 * lasting_seconds, 2) * rate)) / rate
        ring = np.zeros(len(ticks))
        for number, partial in enumerate(partials):
            if pitch_hz * partial < 0.45 * rate:
                decay = lasting_seconds * random.uniform(0.7, 1.3) / (1 + number)
                wave = np.sin(2 * np.pi * pitch_hz * partial * ticks + random.uniform(0, 3))
                ring += random.uniform(0.3, 1) / (1 + 0.6 * number) * np.exp(-ticks / decay) * wave
        snap = _snap(random, rate)
        ring[: len(snap)] += stroke * snap
        _add(sound, round(time * rate), 10 ** (random.uniform(-14, 0) / 20) * ring)
    return _scaled(sound, rate)


def glockenspiel(rate: int, seed: int) -> Audio:
    """Return bars of metal under a hard mallet."""
    bars = (1, 2.76, 5.4, 8.93)
    return struck(
        rate, seed, partials=bars, pitches_hz=(800, 3500), lasting_seconds=0.4, stroke=0.8
    )


def castanets(rate: int, seed: int) -> Audio:
    """Return shells of wood that are over in a few milliseconds."""
    shells = (1, 1.47, 2.2, 3.3, 4.1)
    return struck(rate, seed, partials=shells, pitches_hz=(1100, 2400), lasting_seconds=0.005,
                  stroke=0.6, apart_seconds=(0.06, 0.25))  # fmt: skip


def rimshots(rate: int, seed: int) -> Audio:
    """Return sticks on the rim of a drum."""
    drum = (1, 1.6, 2.3, 3.7)
    return struck(
        rate, seed, partials=drum, pitches_hz=(350, 1700), lasting_seconds=0.016, stroke=1
    )


def chip_tune(rate: int, seed: int) -> Audio:
    """Return two voices of pulse waves with stepped envelopes, and bursts of one-bit noise."""
    from scipy.signal import resample_poly

    random, over = np.random.default_rng(seed), 8
    count = round(_SECONDS * rate) * over
    sound = np.zeros(count)
    for voice in range(3):
        place = 0
        while place < count:
            ticks = np.arange(
                min(round(random.choice([0.06, 0.12, 0.24]) * rate * over), count - place)
            )
            time = ticks / (rate * over)
            envelope = np.round(15 * np.exp(-time / random.uniform(0.05, 0.6))) / 15
            if voice < 2:
                turns = 110 * 2 ** (random.integers(36) / 12) * time % 1
                wave = np.where(turns < random.choice([0.125, 0.25, 0.5]), 0.3, -0.3)
            else:
                held = int(random.integers(40, 240))
                wave = np.repeat(random.choice([-0.25, 0.25], len(ticks) // held + 1), held)
                wave = wave[: len(ticks)] * np.exp(-time / 0.03)
            sound[place : place + len(ticks)] += wave * envelope
            place += len(ticks)
    return _scaled(resample_poly(sound, 1, over), rate)


def driven_guitar(rate: int, seed: int) -> Audio:
    """Return chords of plucked strings through an amplifier that clips softly, and its speaker."""
    from scipy.signal import butter, sosfilt

    random = np.random.default_rng(seed)
    sound = np.zeros(round(_SECONDS * rate))
    for time in _times(random, 0.12, 0.6):
        root_hz = 82.4 * 2 ** (random.integers(18) / 12)
        for interval in (1, 1.5, 2):
            _add(sound, round(time * rate), _string(random, rate, interval * root_hz))
    driven = np.tanh(20 * sound / np.abs(sound).max())
    speaker = butter(3, min(5500, 0.45 * rate), fs=rate, output="sos")
    return _scaled(sosfilt(speaker, driven), rate)


def syllables(rate: int, seed: int) -> Audio:
    """Return sung vowels, most of them begun by the burst of a plosive or by a fricative."""
    from scipy.signal import lfilter

    random = np.random.default_rng(seed)
    sound = 1e-4 * random.standard_normal(round(_SECONDS * rate))
    for time in _times(random, 0.2, 0.5):
        place = round(time * rate)
        kind = random.integers(3)
        if kind == 0:
            lasting = random.uniform(0.003, 0.012)
            plosive = random.standard_normal(round(lasting * rate))
            plosive *= np.exp(-3 * np.arange(len(plosive)) / len(plosive))
            _add(sound, place, random.uniform(0.2, 0.8) * plosive)
            place += round((lasting + 0.01) * rate)
        elif kind == 1:
            fricative = np.diff(random.standard_normal(round(random.uniform(0.05, 0.12) * rate)))
            _add(sound, place, 0.15 * np.hanning(len(fricative)) * fricative)
            place += len(fricative)
        ticks = np.arange(round(random.uniform(0.1, 0.3) * rate)) / rate
        turns = random.uniform(90, 330) * (ticks + 0.0003 * np.sin(10 * np.pi * ticks))
        vowel = np.diff(np.floor(turns), prepend=0)
        for pitch_hz, width_hz in ((random.uniform(300, 800), 80), (random.uniform(900, 2200), 100),
                                   (2600.0, 140)):  # fmt: skip
            radius = np.exp(-np.pi * width_hz / rate)
            poles = [1, -2 * radius * np.cos(2 * np.pi * pitch_hz / rate), radius**2]
            vowel = lfilter([1 - radius], poles, vowel)
        vowel *= np.minimum(1, ticks / 0.02) * np.minimum(1, (ticks[-1] - ticks) / 0.03)
        _add(sound, place, 0.8 * vowel / np.abs(vowel).max())
    return _scaled(sound, rate)


#: All of them, by name: given a rate and a seed.
SOUNDS: dict[str, Callable[[int, int], Audio]] = {
    "rain": rain,
    "soft rain": lambda rate, seed: rain(rate, seed, drops_per_second=20),
    "heavy rain": lambda rate, seed: rain(rate, seed, drops_per_second=600, lasting_ms=(0.1, 1.5)),
    "applause": applause,
    "a few hands": lambda rate, seed: applause(rate, seed, people=3),
    "a full hall": lambda rate, seed: applause(rate, seed, people=60),
    "harpsichord": harpsichord,
    "hard plectra": lambda rate, seed: harpsichord(rate, seed, plectrum=2),
    "glockenspiel": glockenspiel,
    "castanets": castanets,
    "rimshots": rimshots,
    "chip tune": chip_tune,
    "driven guitar": driven_guitar,
    "syllables": syllables,
}


def _times(random: np.random.Generator, least: float, most: float) -> list[float]:
    """Return times in seconds, from 0.05 on, so far apart."""
    times = [0.05]
    while times[-1] < _SECONDS - 0.1:
        times.append(times[-1] + random.uniform(least, most))
    return times


def _add(sound: Array, place: int, more: Array) -> None:
    part = sound[place : place + len(more)]
    part += more[: len(part)]


def _snap(random: np.random.Generator, rate: int) -> Array:
    """Return what is heard of something hard that hits or lets go: noise of 0.3 to 1.2 ms."""
    length = max(3, round(random.uniform(0.0003, 0.0012) * rate))
    snap: Array = random.standard_normal(length) * np.hanning(length + 2)[1:-1]
    return snap


def _burst(random: np.random.Generator, rate: int, decay: float, pitch_hz: float) -> Array:
    """Return noise around a pitch that dies away."""
    from scipy.signal import butter, sosfilt

    noise = random.standard_normal(round(8 * decay * rate))
    noise *= np.exp(-np.arange(len(noise)) / rate / decay)
    band = butter(1, [0.6 * pitch_hz, min(1.7 * pitch_hz, 0.45 * rate)], "bandpass", fs=rate,
                  output="sos")  # fmt: skip
    burst: Array = sosfilt(band, noise)
    return burst


def _string(random: np.random.Generator, rate: int, pitch_hz: float) -> Array:
    """Return a string by K. Karplus and A. Strong, plucked at an eighth of its length."""
    from scipy.signal import lfilter

    period = round(rate / pitch_hz)
    plucked = random.uniform(-1, 1, period)
    excited = np.zeros(round(1.5 * rate))
    excited[:period] = plucked - np.roll(plucked, max(1, period // 8))
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period], feedback[period + 1] = 1, -0.4985, -0.4985
    string: Array = lfilter([1.0], feedback, excited)
    return string


def _scaled(sound: Array, rate: int) -> Audio:
    return Audio(0.7 * sound / np.abs(sound).max(), rate)
