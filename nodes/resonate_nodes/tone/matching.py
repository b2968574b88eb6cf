"""Matching: one recording's tone brought to that of another."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, NodeError, RunContext, node

Array = NDArray[np.float64]

_SEGMENT_SECONDS = 0.25
_FILTER_SECONDS = 0.5
_LOWEST_HZ, _HIGHEST_HZ = 25.0, 20_000.0
_POINTS_PER_OCTAVE = 24
# A file can claim any rate.
_LEAST_FRAMES, _MOST_FRAMES = 16, 1 << 18
# What is softer than this against the strongest part of a spectrum, in dB, is taken for as loud.
_FLOOR_DB = -90.0
_LEAST_GAIN_DB = 1e-3
# What is left of nothing where sums of power are subtracted, against the whole.
_ROUNDING = 1e-15


@node(version=1, uses=("scipy",), cost=Cost(bytes_per_input_byte=6))
def match_eq(
    ctx: RunContext,
    audio: Audio,
    reference: Audio,
    *,
    amount: Annotated[float, Field(ge=0, le=1)] = 1.0,
    max_gain_db: Annotated[float, Field(ge=0, le=30)] = 12.0,
    smoothing_octaves: Annotated[float, Field(ge=0.1, le=3)] = 1 / 3,
) -> Audio:
    """Give a sound the tone of another: the long-term average spectrum of a reference.

    Both spectra are averaged over the whole sound (P. Welch, 1967), over all channels, and smoothed
    in fractions of an octave. What the reference has more or less of becomes the gain of one filter
    for all channels, less its mean over the octaves, so that the level stays about where it is. The
    filter is of linear phase, half a second long, with its delay taken out: nothing moves in time.
    Between 25 Hz and 20 kHz, or what both rates can hold; beyond, the gain stays what it is there.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        reference: a sound of the tone that is wanted, of any length, rate and channel count.
        amount: how much of the difference to even out; 0 changes nothing.
        max_gain_db: no frequency is turned up or down by more than this.
        smoothing_octaves: over which width the spectra are averaged.

    Raises:
        NodeError: the reference is silent, or has nothing but an offset.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> noise = Audio(np.random.default_rng(0).standard_normal(44100), 44100)
        >>> match_eq(noise, noise) == noise
        True
    """
    top_hz = min(_HIGHEST_HZ, 0.45 * audio.sample_rate, 0.45 * reference.sample_rate)
    hertz = _points(top_hz)
    wanted = _levels_db(reference, hertz, smoothing_octaves)
    if wanted is None:
        raise NodeError(
            f"the reference is silent between {hertz[0]:.0f} Hz and {hertz[-1]:.0f} Hz: it has no "
            "tone to match"
        )
    given = _levels_db(audio, hertz, smoothing_octaves)
    if given is None:
        ctx.note(summary="no tone to match")
        return audio
    gains_db = wanted - given
    gains_db = amount * np.clip(gains_db - gains_db.mean(), -max_gain_db, max_gain_db)
    if np.abs(gains_db).max() < _LEAST_GAIN_DB:
        ctx.note(summary="of this tone already")
        return audio
    ctx.note(most_up_db=max(0.0, gains_db.max()), most_down_db=max(0.0, -gains_db.min()))
    return _filtered(audio, hertz, gains_db)


def _points(top_hz: float) -> Array:
    """Return frequencies that are spaced evenly in octaves."""
    low_hz = min(_LOWEST_HZ, top_hz / 2)
    count = int(np.ceil(np.log2(top_hz / low_hz) * _POINTS_PER_OCTAVE)) + 1
    points: Array = np.geomspace(low_hz, top_hz, count)
    return points


def _levels_db(audio: Audio, hertz: Array, octaves: float) -> Array | None:
    """Return the smoothed long-term average spectrum at some frequencies, in dB.

    None where there is nothing but an offset, or silence.
    """
    if not audio.samples.any():
        return None
    size = _frames(audio, _SEGMENT_SECONDS)
    power = _power(audio, size)
    if not power.any():  # all there is stands at an end, where windows are zero
        power = _power(audio.with_samples(np.pad(audio.samples, ((0, 0), (size, size)))), size)
    frequencies = np.fft.rfftfreq(size, 1 / audio.sample_rate)
    # the mean over a band is the difference of the sum up to its ends
    up_to = np.concatenate([[0.0], np.cumsum(power)])
    edges = np.concatenate([frequencies - frequencies[1] / 2, [2 * frequencies[-1]]])
    half = 2 ** (octaves / 2)
    low, high = (np.interp(hertz * ratio, edges, up_to) for ratio in (1 / half, half))
    density = (high - low) / (hertz * half - hertz / half)
    if density.max() * frequencies[1] <= _ROUNDING * power.sum():
        return None
    levels: Array = 10 * np.log10(np.maximum(density, density.max() * 10 ** (_FLOOR_DB / 10)))
    return levels


def _power(audio: Audio, size: int) -> Array:
    """Return the average power of all channels at the frequencies of a transform."""
    from scipy.signal import welch

    power = np.zeros(size // 2 + 1)
    for channel in audio.samples:
        _, density = welch(
            channel.astype(np.float64), audio.sample_rate, nperseg=min(audio.frames, size),
            nfft=size, detrend=False,
        )  # fmt: skip
        power += density
    return power


def _filtered(audio: Audio, hertz: Array, gains_db: Array) -> Audio:
    """Filter all channels by gains at some frequencies, without delay."""
    from scipy.signal import oaconvolve

    half = _frames(audio, _FILTER_SECONDS / 2)
    bins = np.fft.rfftfreq(2 * half, 1 / audio.sample_rate)
    bins_db = np.interp(np.log2(np.maximum(bins, hertz[0])), np.log2(hertz), gains_db)
    response = np.fft.fftshift(np.fft.irfft(10 ** (bins_db / 20)))
    taps = np.append(response, response[0]) * np.hanning(2 * half + 1)
    samples = audio.samples.astype(np.float64)
    whole = oaconvolve(samples, taps[None], axes=1)
    return audio.with_samples(whole[:, half : half + audio.frames])


def _frames(audio: Audio, seconds: float) -> int:
    return min(_MOST_FRAMES, max(_LEAST_FRAMES, round(seconds * audio.sample_rate)))
