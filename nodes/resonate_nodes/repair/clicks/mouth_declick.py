"""Mouth clicks: the short, soft noises of lips and tongue that are heard in the pauses of a voice.

In a pause a click is whatever is over at once: a few milliseconds, with the silence of the room
before and after. What a voice makes of that kind is seldom alone. The burst of a plosive is
followed by breath or by the vowel at once; at the end of a word it follows the vowel after a short
closure; and the pulses of a creaky voice come in rows.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from ..._common.runs import Mask, Places, mask_of, runs, without_gaps
from .. import autoregression as ar
from ..plausibility import too_much, warn_of_what_is_left

Array = NDArray[np.float64]

# Clicks are heard above this; rumble and the hum of a room are not.
_LOWEST_HZ = 500.0
# How loud it is, is told over so long. A click lasts as long as it exceeds this part of its peak,
# and reaches as far as it exceeds the noise beside it by so much; over gaps as short as this.
_LEVEL_SECONDS = 0.0005
_LASTS = 0.05
_EDGE = 2.0
_GAP_SECONDS = 0.001
# The noise beside it is the median of so long a time before, or after, whichever is louder; what is
# nearer than the next is left out.
_BESIDE_SECONDS = 0.03
_NEAR_SECONDS = 0.003
_CELL_SECONDS = 0.001
# Frames of this length are quiet below so many times the floor, which is this quantile of them
# within so long; or below -48 dB against the voice; but never above -14 dB.
_FRAME_SECONDS = 0.005
_FLOOR_OF_SECONDS = 3.0
_FLOOR_QUANTILE = 0.1
_ABOVE_FLOOR = 3.0
_LEAST_QUIET, _MOST_QUIET = 0.004, 0.2
# The level of a voice is that of the frames that are within 30 dB of the loudest.
_VOICED = 10 ** (-30 / 20)
# A mouth click is no louder than this, against the voice: what is, is a metronome, or no voice.
_LOUDEST = 2.0
# So long before and after a click it is quiet.
_QUIET_BEFORE_SECONDS, _QUIET_AFTER_SECONDS = 0.09, 0.05
# More than so many within that time are pulses of a voice, or rain.
_WITHIN_SECONDS, _MOST_WITHIN = 0.1, 3
# In a second no more than this part is mouth clicks.
_MOST_PERCENT = 5.0
_TINY = 1e-6


class _Events(NamedTuple):
    """What stands out of the noise beside it: where it reaches, its peak, how long it lasts."""

    starts: Places
    stops: Places
    peaks: Array
    lengths: Array


@node(version=3, uses=("scipy",), cost=Cost(seconds_per_second=0.02))
def mouth_declick(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_db: Annotated[float, Field(ge=6, le=60)] = 15.0,
    max_click_ms: Annotated[float, Field(ge=0.2, le=10)] = 5.0,
) -> Audio:
    """Remove mouth clicks from the pauses of a voice, and leave all other samples as they are.

    A mouth click is over within ``max_click_ms``, stands out of the noise before and after it, and
    is alone: nothing else is heard for 90 ms before it and for 50 ms after it. So the plosives of
    a word that begins or ends there stay, and breaths, and the pulses of a creaky voice, more than
    three of which lie within a tenth of a second. Clicks within words, and close to them, are not
    sought: take `declick` for those that are sharp. Nor is anything where no voice stands 14 dB
    out of the noise, nor what is louder than the voice by more than 6 dB, as a metronome.

    What is removed is filled in as by `declick`: with the samples that make the excitation of an
    autoregressive model smallest. Each channel is treated by itself. It is made for voices: in
    music, castanets and sticks in a rest are clicks to it.

    Args:
        ctx: filled in by the engine.
        audio: the sound, one or more voices.
        threshold_db: how far a click stands out of the noise within 30 ms before and after it,
            above 500 Hz, in dB.
        max_click_ms: what stays within 26 dB of its peak for longer is no click.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> voice = 1e-4 * np.random.default_rng(0).standard_normal(44100)
        >>> voice[:11025] += 0.1 * np.sin(0.1 * np.arange(11025))
        >>> smacked = voice.copy()
        >>> smacked[33000:33070] += 0.02 * np.hanning(70) * np.sin(0.3 * np.arange(70))
        >>> repaired = mouth_declick(Audio(smacked, 44100))
        >>> bool(np.abs(repaired.samples - voice).max() < 1e-3)
        True
    """
    rate = audio.sample_rate
    blocks, order = ar.Blocks(audio.frames, rate), ar.order_for(rate)
    result = audio.samples.astype(np.float64)
    removed, left = np.zeros((2, *audio.samples.shape), bool)
    for index, channel in enumerate(result):
        clicks = _clicks(channel, rate, 10 ** (threshold_db / 20), max_click_ms / 1000)
        left[index] = too_much(clicks, rate, _MOST_PERCENT)
        clicks &= ~left[index]
        filled = channel.copy()
        for _ in range(2):  # the second time without the clicks in the model
            ar.interpolate(filled, clicks, blocks, order)
        for start, stop in zip(*runs(clicks), strict=True):
            if np.abs(filled[start:stop]).max() <= np.abs(channel[start:stop]).max():
                channel[start:stop] = filled[start:stop]
                removed[index, start:stop] = True
    count = len(runs(removed.any(axis=0))[0])
    ctx.note(mouth_clicks_removed=count)
    if not count:
        ctx.note(summary=f"no mouth clicks {'removed' if left.any() else 'found'}")
    places = [runs(one) for one in left]
    warn_of_what_is_left(ctx, audio, places, "there is too much that is like mouth clicks")
    return audio.with_samples(result)


def _clicks(samples: Array, rate: int, threshold: float, longest_seconds: float) -> Mask:
    """Return where mouth clicks are in one channel."""
    nothing = np.zeros(len(samples), bool)
    frame = max(1, round(_FRAME_SECONDS * rate))
    if len(samples) < 2 * round(_BESIDE_SECONDS * rate) or rate < 4 * _LOWEST_HZ:
        return nothing
    heard = _highpassed(samples, rate)
    events = _standing_out(heard, rate, threshold)
    if not len(events.starts):
        return nothing
    short = events.lengths <= longest_seconds * rate
    begins, ends = events.starts[short], events.stops[short]
    apart = np.where(mask_of(begins, ends, len(samples)), 0.0, heard)
    level, quiet = _frames(apart, frame, rate)
    loud = np.repeat(level > quiet, frame)
    loud = np.append(loud, np.repeat(loud[-1:], max(len(samples) - len(loud), 0)))[: len(samples)]
    before, after = (round(one * rate) for one in (_QUIET_BEFORE_SECONDS, _QUIET_AFTER_SECONDS))
    counts = np.concatenate([[0], np.cumsum(loud)])
    first, last = np.maximum(begins - before, 0), np.minimum(ends + after, len(samples))
    alone = counts[last] == counts[first]
    within = round(_WITHIN_SECONDS * rate)
    near = np.searchsorted(begins, ends + within) - np.searchsorted(ends, begins - within)
    audible = (
        events.peaks[short] > np.repeat(quiet, frame)[np.minimum(begins, frame * len(quiet) - 1)]
    )
    few = near <= _MOST_WITHIN
    rest = np.where(mask_of(begins[few], ends[few], len(samples)), 0.0, heard)
    soft = events.peaks[short] <= _LOUDEST * _voice_level(_levels(rest, frame))
    chosen = alone & audible & soft & few
    return mask_of(begins[chosen], ends[chosen], len(samples))


def _highpassed(samples: Array, rate: int) -> Array:
    """Return what is above 500 Hz, in phase."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, _LOWEST_HZ, "highpass", fs=rate, output="sos")
    heard: Array = sosfiltfilt(sections, samples)
    return heard


def _standing_out(heard: Array, rate: int, threshold: float) -> _Events:
    """Return what stands out of the noise on both sides of it."""
    from scipy.ndimage import uniform_filter1d

    level = np.sqrt(np.maximum(uniform_filter1d(heard**2, max(1, round(_LEVEL_SECONDS * rate))), 0))
    noise = _beside(level, rate)
    reaches = without_gaps(level > _EDGE * noise, round(_GAP_SECONDS * rate))
    starts, stops = runs(reaches)
    if not len(starts):
        return _Events(starts, stops, np.zeros(0), np.zeros(0))
    tops = np.array(
        [start + level[start:stop].argmax() for start, stop in zip(starts, stops, strict=True)]
    )
    found = level[tops] > threshold * noise[tops]
    starts, stops, tops = starts[found], stops[found], tops[found]
    peaks = level[tops]
    lengths = np.array([
        np.ptp(np.flatnonzero(level[start:stop] > _LASTS * peak)) + 1
        for start, stop, peak in zip(starts, stops, peaks, strict=True)
    ])  # fmt: skip
    return _Events(starts, stops, peaks, lengths)


def _beside(level: Array, rate: int) -> Array:
    """Return the level of the noise before or after each sample, whichever is louder."""
    cell = max(1, round(_CELL_SECONDS * rate))
    count = -(-len(level) // cell)
    whole = np.pad(level, (0, count * cell - len(level)), mode="edge")
    cells = np.median(whole.reshape(count, cell), axis=1)
    near, many = (round(one / _CELL_SECONDS) for one in (_NEAR_SECONDS, _BESIDE_SECONDS))
    padded = np.pad(cells, near + many, mode="reflect" if count > near + many else "edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, many), axis=1)
    before, after = around[:count], around[many + 2 * near + 1 :][:count]
    noise: Array = np.repeat(np.maximum(np.maximum(before, after), _TINY), cell)[: len(level)]
    return noise


def _frames(heard: Array, frame: int, rate: int) -> tuple[Array, Array]:
    """Return the level of each frame, and below which level it is quiet."""
    from scipy.ndimage import percentile_filter

    level = _levels(heard, frame)
    voice_level = _voice_level(level)
    width = min(len(level), round(_FLOOR_OF_SECONDS * rate / frame))
    floor = percentile_filter(level, 100 * _FLOOR_QUANTILE, width, mode="nearest")
    quiet = np.clip(_ABOVE_FLOOR * floor, _LEAST_QUIET * voice_level, _MOST_QUIET * voice_level)
    return level, np.maximum(quiet, _TINY)


def _levels(heard: Array, frame: int) -> Array:
    """Return the level of each frame."""
    count = max(len(heard) // frame, 1)
    levels: Array = np.sqrt(np.mean(heard[: count * frame].reshape(count, -1) ** 2, axis=1))
    return levels


def _voice_level(levels: Array) -> float:
    """Return the level of the voice: of the frames that are loud."""
    voice = levels[levels >= _VOICED * levels.max()]
    return float(np.sqrt(np.mean(voice**2)))
