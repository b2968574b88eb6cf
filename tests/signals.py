"""Signals with known properties, and independent ways to measure what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from resonate_graph import Audio

Array = NDArray[np.float64]


def sine(
    frequency_hz: float,
    *,
    seconds: float = 1.0,
    rate: int = 48_000,
    amplitude: float = 1.0,
    phase_degrees: float = 0.0,
    channels: int = 1,
) -> Audio:
    """Return a sine, the same in each channel."""
    time = np.arange(round(seconds * rate)) / rate
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * time + np.radians(phase_degrees))
    return Audio(np.tile(wave, (channels, 1)), rate)


def white_noise(
    *, seconds: float = 1.0, rate: int = 48_000, rms: float = 0.1, channels: int = 1, seed: int = 0
) -> Audio:
    """Return Gaussian noise, independent in each channel."""
    random = np.random.default_rng(seed)
    return Audio(rms * random.standard_normal((channels, round(seconds * rate))), rate)


def impulse(*, frames: int, at: int = 0, rate: int = 48_000, channels: int = 1) -> Audio:
    """Return a single sample of 1 in silence."""
    samples = np.zeros((channels, frames))
    samples[:, at] = 1.0
    return Audio(samples, rate)


def joined(*parts: Audio) -> Audio:
    """Return sounds one after the other."""
    return parts[0].with_samples(np.concatenate([part.samples for part in parts], axis=1))


def place_in(sound: Audio, part: NDArray[np.float32]) -> tuple[int, float]:
    """Return where a part is in a sound, in frames, and how alike it is there, from 0 to 1.

    The first channel counts, whatever the level.
    """
    whole, wanted = sound.samples[0].astype(np.float64), part[0].astype(np.float64)
    found = fftconvolve(whole, wanted[::-1], "valid")
    power = np.maximum(fftconvolve(whole**2, np.ones(len(wanted)), "valid"), 1e-12)
    alike = found / np.sqrt(power * (wanted @ wanted))
    place = int(alike.argmax())
    return place, float(alike[place])


def followed(
    heard: NDArray[np.float32], sounds: Mapping[str, Audio], *, window: int = 1600
) -> list[tuple[str, slice]]:
    """Return which of some sounds are heard, one after the other, and where in what was heard.

    All have to follow one line of time, to the sample: the place of the first decides it. What is
    none of them, such as a fade from one to the other, may last two windows.
    """
    begins = {
        name: place_in(sound, heard[:, window : 2 * window]) for name, sound in sounds.items()
    }
    first = max(begins, key=lambda name: begins[name][1])
    offset = begins[first][0] - window
    found: list[tuple[str, slice]] = []
    unclear = 0
    for start in range(window, heard.shape[1] - 2 * window, window):
        part = heard[0, start : start + window].astype(np.float64)
        alike = {
            name: _likeness(sound.samples[0, start + offset :][:window], part)
            for name, sound in sounds.items()
        }
        name = max(alike, key=lambda one: alike[one])
        if alike[name] < 0.99:
            unclear += 1
            assert unclear <= 2, f"at frame {start} nothing is heard that is known: {alike}"
            continue
        unclear = 0
        if found and found[-1][0] == name:
            found[-1] = (name, slice(found[-1][1].start, start + window))
        else:
            found.append((name, slice(start, start + window)))
    return found


def _likeness(one: NDArray[np.float32], other: NDArray[np.float64]) -> float:
    return float(one @ other / np.sqrt(max(float(one @ one) * float(other @ other), 1e-20)))


def decibels(ratio: float) -> float:
    """Return an amplitude ratio in dB."""
    return float(20 * np.log10(ratio))


def peak(audio: Audio) -> float:
    """Return the highest sample."""
    return float(np.abs(audio.samples).max())


def difference_db(one: Audio, other: Audio) -> float:
    """Return the highest difference between two sounds, in dBFS."""
    assert one.sample_rate == other.sample_rate
    assert one.samples.shape == other.samples.shape
    highest = np.abs(one.samples.astype(np.float64) - other.samples).max()
    return decibels(highest) if highest else -np.inf


def response(impulse_response: Audio, frequencies_hz: NDArray[Any], *, at: int = 0) -> Array:
    """Return the magnitude response at some frequencies, in dB, by the definition of the DFT."""
    taps = impulse_response.samples[0, at:].astype(np.float64)
    radians = 2 * np.pi * np.asarray(frequencies_hz) / impulse_response.sample_rate
    spectrum = np.exp(-1j * np.outer(radians, np.arange(len(taps)))) @ taps
    magnitudes: Array = 20 * np.log10(np.abs(spectrum) + 1e-300)
    return magnitudes


def si_sdr_db(estimate: Audio, reference: Audio) -> float:
    """Return the scale-invariant signal-to-distortion ratio (Le Roux et al. 2019), in dB."""
    wanted = reference.samples.astype(np.float64).ravel()
    found = estimate.samples.astype(np.float64).ravel()
    target = (found @ wanted) / (wanted @ wanted) * wanted
    return float(10 * np.log10((target @ target) / np.sum((found - target) ** 2)))


def oversampled_peak_db(audio: Audio) -> float:
    """Return the true peak in dBTP by scipy's FFT resampler at 8 times, over the whole at once."""
    from scipy.fft import next_fast_len
    from scipy.signal import resample

    frames = next_fast_len(audio.frames + 4096)
    ahead = (frames - audio.frames) // 2
    behind = frames - audio.frames - ahead
    padded = np.pad(audio.samples.astype(np.float64), ((0, 0), (ahead, behind)))
    upsampled = resample(padded, 8 * frames, axis=1)
    return decibels(np.abs(upsampled[:, 8 * ahead : 8 * (ahead + audio.frames)]).max())


def relative_db(changed: Audio, audio: Audio) -> float:
    """Return the energy of what was changed against that of the sound, in dB."""
    difference = np.sum((changed.samples.astype(np.float64) - audio.samples) ** 2)
    whole = np.sum(audio.samples.astype(np.float64) ** 2)
    return float(10 * np.log10(difference / whole)) if difference else -np.inf
