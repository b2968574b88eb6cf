"""Sibilance: a compressor for the band of s-sounds alone."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.notes import note_reduction
from .._common.runs import runs
from .._common.silence import least_frames, silence
from ..tone.filters import fits_below_nyquist, require_below_nyquist

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# How steep the split is: the filter is this many periods of the split frequency long.
_PERIODS = 32
_DETECTOR_SECONDS = 0.004
_ATTACK_SECONDS = 0.002
_HOLD_SECONDS = 0.012
_LOUD_WINDOW_SECONDS = 0.05
_LOUD_QUANTILE = 0.9
# An s-sound lasts; what is over sooner than this is the stroke of a stick.
_SUSTAINED_SECONDS = 0.03
# From where an s-sound is harsh down to here it counts less and less.
_KNEE_DB = 3.0
_UNCHANGED = "no harsh s-sound found"


@node(
    version=3,
    uses=("scipy",),
    cost=Cost(bytes_per_input_byte=10),
    fits=fits_below_nyquist("split_hz"),
)
def deess(
    ctx: RunContext,
    audio: Audio,
    *,
    split_hz: Annotated[float, Field(ge=1000, le=20_000)] = 4500.0,
    threshold_db: Annotated[float, Field(ge=-60, le=24)] = -18.0,
    ratio: Annotated[float, Field(ge=1, le=100)] = 8.0,
    harsh_db: Annotated[float, Field(ge=0, le=60)] = 16.0,
) -> Audio:
    """Turn down s-sounds of a voice where they are harsh, and nothing else.

    The sound is split in two by a linear-phase filter; the upper band is turned down while it is
    loud, and added to the lower again. The two bands are complements, so that what is not turned
    down comes out as it went in, without delay. Beyond its ends, and in digital silence, a sound is
    taken to go on mirrored. All channels get the same gain. The gain looks
    ahead: it moves under a window of 2 ms either side and holds for 12 ms, so that it does not
    modulate the sound.

    An s-sound is taken as a whole, from where it passes the threshold until it falls below: only
    if it stays harsh for 30 ms or more is it turned down, and then all of what lies above the
    threshold. So s-sounds as they should be, and the strokes of cymbals and hi-hats, stay.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        split_hz: where the upper band begins.
        threshold_db: the level of the upper band that harsh s-sounds are brought down towards,
            relative to the loud passages of the sound itself: the level, in dB of RMS over 50 ms,
            that all channels together exceed a tenth of the time. So it does not depend on the
            gain of the recording.
        ratio: above the threshold the upper band grows by only 1/ratio dB per dB; 1 changes
            nothing.
        harsh_db: how far above the threshold an s-sound is harsh. Over the 3 dB below that it is
            turned down in part, and not at all below those. With 0 all of the upper band that
            passes the threshold is turned down, however short.

    Raises:
        NodeError: the split lies at or above half the sample rate.
    """
    require_below_nyquist(audio.sample_rate, split_hz)
    loud = _loud_level(audio.samples, audio.sample_rate)
    if ratio == 1 or loud == 0:
        ctx.note(summary=_UNCHANGED)
        return audio
    upper = _upper_band(audio.samples, audio.sample_rate, split_hz)
    gain = _gain(upper, audio.sample_rate, loud * 10 ** (threshold_db / 20), ratio, harsh_db)
    if gain.min() == 1:
        ctx.note(summary=_UNCHANGED)
        return audio
    ctx.note(s_sounds_turned_down=len(runs(gain < 1)[0]))
    note_reduction(ctx, float(gain.min()), 100 * float(np.mean(gain < 1)), _UNCHANGED)
    gain -= 1
    result = np.empty_like(audio.samples)
    for channel, samples, above in zip(result, audio.samples, upper, strict=True):
        channel[:] = samples + gain * above
    return audio.with_samples(result)


def _loud_level(samples: Single, sample_rate: int) -> float:
    """Return the RMS, over all channels, that is exceeded in a tenth of all windows of 50 ms."""
    if not samples.shape[1]:
        return 0.0
    window = min(samples.shape[1], max(1, round(_LOUD_WINDOW_SECONDS * sample_rate)))
    whole = samples[:, : samples.shape[1] // window * window]
    power = np.square(whole, dtype=np.float64).reshape(len(samples), -1, window).mean(axis=(0, 2))
    return float(np.sqrt(np.quantile(power, _LOUD_QUANTILE)))


def _upper_band(samples: Single, sample_rate: int, split_hz: float) -> Array:
    """Return what lies above the split: a Kaiser-windowed FIR filter, its delay taken out.

    At the ends and beside digital silence each stretch of sound is taken to go on mirrored: its
    beginning is not a step from silence.
    """
    from scipy.signal import firwin, oaconvolve

    half = max(8, round(_PERIODS / 2 * sample_rate / split_hz))
    taps = firwin(2 * half + 1, split_hz, fs=sample_rate, pass_zero=False, window=("kaiser", 8.0))
    upper = np.zeros(samples.shape)
    starts, stops = runs(~silence(samples, least_frames(sample_rate)))
    for start, stop in zip(starts, stops, strict=True):
        for band, channel in zip(upper, samples, strict=True):
            stretch = channel[start:stop].astype(np.float64)
            surrounded = np.pad(stretch, half, mode="symmetric")
            band[start:stop] = oaconvolve(surrounded, taps, mode="valid")
    return upper


def _gain(upper: Array, sample_rate: int, threshold: float, ratio: float, harsh_db: float) -> Array:
    """Return the gain of the upper band at each sample."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    def frames(seconds: float) -> int:
        return max(1, round(seconds * sample_rate))

    power = np.einsum("cf,cf->f", upper, upper) / len(upper)
    power = uniform_filter1d(power, frames(_DETECTOR_SECONDS), mode="constant")
    over_db = 10 * np.log10(np.maximum(power / threshold**2, 1.0))
    if harsh_db:
        over_db *= _harshness(over_db, frames(_SUSTAINED_SECONDS), harsh_db)
    gain = 10 ** ((1 / ratio - 1) / 20 * over_db)
    held = minimum_filter1d(gain, frames(_HOLD_SECONDS), mode="nearest")
    smooth: Array = uniform_filter1d(held, frames(2 * _ATTACK_SECONDS), mode="nearest")
    return np.where(smooth > 1 - 1e-12, 1.0, smooth)


def _harshness(over_db: Array, sustained: int, harsh_db: float) -> Array:
    """Return from 0 to 1 how harsh the s-sound is that each sample belongs to."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    held_db = maximum_filter1d(minimum_filter1d(over_db, sustained), sustained)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], over_db > 0, [False]])))
    harshness = np.zeros(len(over_db))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        highest_db = held_db[start:stop].max()
        harshness[start:stop] = np.clip(1 + (highest_db - harsh_db) / _KNEE_DB, 0, 1)
    return harshness
