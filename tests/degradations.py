"""Damage by stated models, done to real recordings: what the repair nodes are measured on.

Each takes a sound and gives it back damaged; the same seed gives the same damage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from resonate_graph import Audio
from tests.signals import Array

SEED = 1926


class GrooveClick(NamedTuple):
    """A click that was added: from which frame to which, and how loud against the sound there."""

    start: int
    stop: int
    level_db: float


def rms(audio: Audio) -> float:
    """Return the level of a sound, over all channels."""
    return float(np.sqrt(np.mean(np.square(audio.samples, dtype=np.float64))))


def with_clicks(audio: Audio, *, per_second: float = 10.0, seed: int = SEED) -> Audio:
    """Add scratches as of a record, at random times (Poisson), to each channel.

    A click is a burst of 0.05 to 1 ms of white Gaussian noise under a decaying exponential. Its
    peak lies between 6 and 26 dB over the RMS of the recording, evenly in dB.
    """
    return audio.with_samples(
        audio.samples + _bursts(audio, per_second, (0.05, 1.0), (6, 26), seed)
    )


def with_groove_clicks(
    audio: Audio,
    *,
    per_second: float = 5.0,
    lengths: tuple[int, int] = (3, 80),
    levels_db: tuple[float, float] = (-10, 20),
    vertical: float = 0.3,
    seed: int = SEED,
) -> tuple[Audio, list[GrooveClick]]:
    """Add clicks as of a groove that was hurt, and say where; at random times (Poisson).

    A click is a bump (half a sine), a ring (a sine under a decaying exponential) or a double lobe
    (one sine under a Hann window), `lengths` samples long, evenly in their logarithm. Its peak lies
    `levels_db` over the RMS of the 20 ms around it. One part of all is vertical, with opposite
    signs in left and right, the others lateral: the same in all channels.
    """
    random = np.random.default_rng(seed)
    samples = audio.samples.astype(np.float64)
    clean = samples.copy()
    half = audio.sample_rate // 100
    clicks = []
    for start in _times(random, audio, per_second):
        length = round(float(np.exp(random.uniform(*np.log(lengths)))))
        shape = _CLICKS[random.integers(len(_CLICKS))](length, random)
        level_db = random.uniform(*levels_db)
        around = clean[:, max(start - half, 0) : start + half]
        peak = max(float(np.sqrt(np.mean(around**2))), 1e-4) * 10 ** (level_db / 20)
        signs = np.full((audio.channels, 1), random.choice([-1.0, 1.0]))
        if random.uniform() < vertical:
            signs[1::2] *= -1
        place = samples[:, start : start + length]
        place += signs * (peak * shape / np.abs(shape).max())[: place.shape[1]]
        clicks.append(GrooveClick(start, start + place.shape[1], level_db))
    return audio.with_samples(samples), clicks


def with_pops(
    audio: Audio,
    *,
    per_second: float = 2.0,
    decay_ms: float = 1.0,
    frequency_hz: tuple[float, float] = (300, 1500),
    level_db: tuple[float, float] = (6, 18),
    seed: int = SEED,
) -> Audio:
    """Add pops, in the first channel: a hard start and a sinusoid that dies away.

    Their peaks lie `level_db` over the RMS of the whole channel. They fall by 8.7 dB in `decay_ms`,
    and end where they are 96 dB down.
    """
    random = np.random.default_rng(seed)
    samples = audio.samples.astype(np.float64)
    rms = float(np.sqrt(np.mean(samples[0] ** 2)))
    time = np.arange(round(11 * decay_ms / 1000 * audio.sample_rate)) / audio.sample_rate
    for start in _times(random, audio, per_second):
        phase, level = random.uniform(-0.6, 0.6), random.uniform(*level_db)
        pop = np.exp(-1000 * time / decay_ms)
        pop *= np.cos(2 * np.pi * random.uniform(*frequency_hz) * time + phase)
        place = samples[0, start : start + len(pop)]
        place += random.choice([-1, 1]) * rms * 10 ** (level / 20) * pop[: len(place)]
    return audio.with_samples(samples)


def _bump(length: int, random: np.random.Generator) -> Array:
    bump: Array = np.sin(np.pi * np.arange(1, length + 1) / (length + 1))
    return bump


def _ring(length: int, random: np.random.Generator) -> Array:
    place = np.arange(1, length + 1) / length
    turns = min(random.uniform(1, 6), length / 3)
    ring: Array = np.exp(-4 * place) * np.sin(2 * np.pi * turns * place)
    return ring


def _double_lobe(length: int, random: np.random.Generator) -> Array:
    place = np.arange(1, length + 1) / (length + 1)
    lobes: Array = np.sin(2 * np.pi * place) * np.sin(np.pi * place) ** 2
    return lobes


_CLICKS = (_bump, _ring, _double_lobe)


def with_crackle(audio: Audio, *, per_second: float = 400.0, seed: int = SEED) -> Audio:
    """Add crackle: many bursts of 20 to 100 µs.

    Their peaks lie between 14 dB under and 6 dB over the RMS of the recording, evenly in dB.
    """
    added = _bursts(audio, per_second, (0.02, 0.1), (-14, 6), seed)
    return audio.with_samples(audio.samples + added)


def clipped(audio: Audio, *, sdr_db: float) -> tuple[Audio, float]:
    """Clip at the level that leaves a signal-to-distortion ratio; return that level too."""
    samples = audio.samples.astype(np.float64)
    low, high = 0.0, float(np.abs(samples).max())
    for _ in range(50):
        level = (low + high) / 2
        lost = np.sum((samples - np.clip(samples, -level, level)) ** 2)
        if lost and 10 * np.log10(np.sum(samples**2) / lost) > sdr_db:
            high = level
        else:
            low = level
    level = float(np.float32(high))
    return audio.with_samples(np.clip(audio.samples, -level, level)), level


def with_hum(
    audio: Audio,
    *,
    base_hz: float = 50.0,
    drift: float = 0.0,
    level_db: float = -12.0,
    harmonics: int = 8,
    seed: int = SEED,
) -> Audio:
    """Add mains hum, ``level_db`` against the RMS of the recording.

    Harmonic k has an amplitude of 1/k and a random phase. The base frequency wanders by up to
    ``drift`` (0.005 is half a per cent), as a sine of 20 s.
    """
    return audio.with_samples(
        audio.samples + hum_for(audio, base_hz, drift, level_db, harmonics, seed)
    )


def hum_for(
    audio: Audio, base_hz: float, drift: float, level_db: float, harmonics: int, seed: int = SEED
) -> Array:
    """Return the hum that `with_hum` adds: one channel."""
    random = np.random.default_rng(seed)
    seconds = np.arange(audio.frames) / audio.sample_rate
    frequency = base_hz * (1 + drift * np.sin(2 * np.pi * seconds / 20))
    phase = 2 * np.pi * np.cumsum(frequency) / audio.sample_rate
    hum = np.zeros(audio.frames)
    for k in range(1, harmonics + 1):
        hum += np.sin(k * phase + random.uniform(0, 2 * np.pi)) / k
    scaled: Array = hum * (rms(audio) * 10 ** (level_db / 20) / np.sqrt(np.mean(hum**2)))
    return scaled


def with_hiss(audio: Audio, *, snr_db: float, seed: int = SEED) -> Audio:
    """Add white Gaussian noise, independent in each channel."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(audio.samples.shape)
    return audio.with_samples(audio.samples + rms(audio) * 10 ** (-snr_db / 20) * noise)


def with_dropouts(
    audio: Audio, *, per_second: float = 2.0, longest_ms: float = 10.0, seed: int = SEED
) -> Audio:
    """Set stretches of 1 to ``longest_ms`` ms to zero, at random times, in all channels."""
    random = np.random.default_rng(seed)
    samples = audio.samples.copy()
    for start in _times(random, audio, per_second):
        length = round(random.uniform(1, longest_ms) / 1000 * audio.sample_rate)
        samples[:, start : start + length] = 0
    return audio.with_samples(samples)


def with_sibilance(audio: Audio, *, per_second: float = 1.5, seed: int = SEED) -> Audio:
    """Add harsh s-sounds: 120 ms of noise from 5 to 9 kHz, 3 dB over the RMS of the recording."""
    from scipy.signal import butter, sosfilt

    random = np.random.default_rng(seed)
    top = min(9000.0, 0.45 * audio.sample_rate)
    band = butter(4, [5000, top], "bandpass", fs=audio.sample_rate, output="sos")
    length = round(0.12 * audio.sample_rate)
    added = np.zeros(audio.samples.shape)
    for start in _times(random, audio, per_second):
        noise = sosfilt(band, random.standard_normal(length + 2000))[2000:] * np.hanning(length)
        noise *= rms(audio) * 10 ** (3 / 20) / np.sqrt(np.mean(noise**2))
        place = added[:, start : start + length]
        place += noise[: place.shape[1]]
    return audio.with_samples(audio.samples + added)


def with_reverb(
    audio: Audio,
    *,
    rt60_seconds: float = 0.8,
    direct_to_reverb_db: float = 3.0,
    seed: int = SEED,
) -> Audio:
    """Put the recording in a room: the sound itself, and from 3 ms after it a diffuse tail.

    The impulse response of the tail is white Gaussian noise that falls by 60 dB in ``rt60_seconds``
    (J. D. Polack, *La transmission de l'énergie sonore dans les salles*, 1988), another one for
    each channel; its energy lies ``direct_to_reverb_db`` under that of the direct sound. What
    rings on beyond the end of the recording is cut off.
    """
    from scipy.signal import oaconvolve

    random = np.random.default_rng(seed)
    seconds = np.arange(round(1.2 * rt60_seconds * audio.sample_rate)) / audio.sample_rate
    tails = random.standard_normal((audio.channels, len(seconds))) * 10 ** (
        -3 * seconds / rt60_seconds
    )
    tails[:, seconds < 0.003] = 0
    tails *= 10 ** (-direct_to_reverb_db / 20) / np.sqrt(np.sum(tails**2, axis=1, keepdims=True))
    rung = oaconvolve(audio.samples.astype(np.float64), tails, axes=1)
    return audio.with_samples(audio.samples + rung[:, : audio.frames])


def with_rumble(audio: Audio, *, level_db: float = -6.0, seed: int = SEED) -> Audio:
    """Add rumble as of a turntable: noise from 4 to 20 Hz, ``level_db`` against the RMS."""
    from scipy.signal import butter, sosfilt

    random = np.random.default_rng(seed)
    band = butter(2, [4, 20], "bandpass", fs=audio.sample_rate, output="sos")
    ahead = audio.sample_rate
    white = random.standard_normal((audio.channels, ahead + audio.frames))
    noise = sosfilt(band, white, axis=1)[:, ahead:]
    noise *= rms(audio) * 10 ** (level_db / 20) / np.sqrt(np.mean(noise**2))
    return audio.with_samples(audio.samples + noise)


def _bursts(
    audio: Audio,
    per_second: float,
    lengths_ms: tuple[float, float],
    peaks_db: tuple[float, float],
    seed: int,
) -> Array:
    random = np.random.default_rng(seed)
    level = rms(audio)
    added = np.zeros(audio.samples.shape)
    for channel in added:
        for start in _times(random, audio, per_second):
            length = max(1, round(random.uniform(*lengths_ms) / 1000 * audio.sample_rate))
            burst = random.standard_normal(length) * np.exp(-3 * np.arange(length) / length)
            burst *= level * 10 ** (random.uniform(*peaks_db) / 20) / np.abs(burst).max()
            place = channel[start : start + length]
            place += burst[: len(place)]
    return added


def _times(random: np.random.Generator, audio: Audio, per_second: float) -> list[int]:
    """Return Poisson-distributed places, as frames."""
    count = random.poisson(per_second * audio.duration_seconds)
    return sorted(int(place) for place in random.uniform(0, audio.frames, count))
