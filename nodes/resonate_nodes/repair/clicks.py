"""Clicks and crackle: found by what an autoregressive model cannot predict, and filled in by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, Report, node

from .._common.channels import Listed, channel_names, decibels, per_minute, runs
from . import autoregression as ar

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Threshold = Annotated[float, Field(ge=2, le=1000)]

# Where the model sees less of the sound than this, nothing can be told from it.
_LEAST_ORDERS = 4
_DECLICK_PASSES = 2
# For finding, a model must not dig below the noise of a codec: 70 dB under the sound.
_WHITE = 1e-7
# The level that a click stands out from is the median of the 8 ms before it or of the 8 ms after
# it, whichever is louder: so the onset of a drum is measured by what it sets off.
_CELL_SECONDS = 0.001
_CELLS = 8
_MEDIAN_OF_GAUSSIAN = 0.6745
_FLOOR = 1e-7
# A click reaches as far as it stands out by this much, and over gaps as short as this.
_EDGE_SIGMA = 4.0
_GAP_SECONDS = 0.00015
# Measured on 10 minutes of stereo.
_COST = Cost(seconds_per_second=0.05, bytes_per_input_byte=10)


class Click(Report):
    """One click.

    Attributes:
        time_seconds: where it begins.
        channel: in which channel.
        level_dbfs: the peak of what was added to the sound there; None for nothing.
        length_ms: how long it lasts.
    """

    time_seconds: float
    channel: str
    level_dbfs: float | None
    length_ms: float


class ChannelClicks(Report):
    """The clicks of one channel.

    Attributes:
        channel: which channel.
        clicks: how many.
        clicks_per_minute: how many in each minute of the sound; None without samples.
        loudest_dbfs: the peak of the loudest; None without one.
        median_dbfs: the peak that half of them exceed; None without one.
        damaged_percent: the part of all samples that lies in clicks.
    """

    channel: str
    clicks: int
    clicks_per_minute: float | None
    loudest_dbfs: float | None
    median_dbfs: float | None
    damaged_percent: float


class ClicksReport(Report):
    """Clicks and scratches. What lasts at once in several channels counts once.

    Attributes:
        clicks: how many there are.
        clicks_per_minute: how many in each minute of the sound; None without samples.
        channels: the same for each channel.
        loudest: the loudest, in order of time.
    """

    clicks: int
    clicks_per_minute: float | None
    channels: tuple[ChannelClicks, ...]
    loudest: tuple[Click, ...]


@node(version=1, uses=("scipy",), cost=_COST)
def detect_clicks(
    audio: Audio,
    *,
    threshold_sigma: Threshold = 12.0,
    max_click_ms: Annotated[float, Field(ge=0.02, le=10)] = 2.0,
    max_listed: Listed = 100,
) -> ClicksReport:
    """Count clicks and scratches, and say where the loudest are: those that `declick` removes.

    A click's level is that of what was added to the sound, as far as the sound beneath it can be
    told: the peak of what `declick` takes away.

    Args:
        audio: the sound.
        threshold_sigma: as for `declick`.
        max_click_ms: as for `declick`.
        max_listed: how many are listed with their place.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
        >>> tone[22050:22080] += 0.3
        >>> found = detect_clicks(Audio(tone, 44100))
        >>> found.clicks, round(found.loudest[0].time_seconds, 2)
        (1, 0.5)
    """
    anywhere = np.zeros(audio.frames, bool)
    channels: list[ChannelClicks] = []
    clicks: list[Click] = []
    for name, (clean, damaged), samples in zip(
        channel_names(audio.channels, audio.speakers),
        _channels_searched(audio, threshold_sigma, max_click_ms / 1000, passes=_DECLICK_PASSES),
        audio.samples,
        strict=True,
    ):
        anywhere |= damaged
        starts, stops = runs(damaged)
        added = np.abs(samples - clean)
        peaks = [float(added[start:stop].max()) for start, stop in zip(starts, stops, strict=True)]
        channels.append(
            ChannelClicks(
                channel=name,
                clicks=len(peaks),
                clicks_per_minute=per_minute(len(peaks), audio),
                loudest_dbfs=decibels(max(peaks, default=0.0)),
                median_dbfs=decibels(np.median(peaks)) if peaks else None,
                damaged_percent=100 * np.count_nonzero(damaged) / max(audio.frames, 1),
            )
        )
        clicks += [
            Click(
                time_seconds=float(start / audio.sample_rate),
                channel=name,
                level_dbfs=decibels(peak),
                length_ms=float(1000 * (stop - start) / audio.sample_rate),
            )
            for start, stop, peak in zip(starts, stops, peaks, strict=True)
        ]
    clicks.sort(key=lambda click: -np.inf if click.level_dbfs is None else click.level_dbfs)
    loudest = clicks[max(len(clicks) - max_listed, 0) :]
    count = len(runs(anywhere)[0])
    return ClicksReport(
        clicks=count,
        clicks_per_minute=per_minute(count, audio),
        channels=tuple(channels),
        loudest=tuple(sorted(loudest, key=lambda click: click.time_seconds)),
    )


@node(version=2, uses=("scipy",), cost=_COST)
def declick(
    audio: Audio,
    *,
    threshold_sigma: Threshold = 12.0,
    max_click_ms: Annotated[float, Field(ge=0.02, le=10)] = 2.0,
) -> Audio:
    """Remove clicks and scratches, as of a record, and leave all other samples as they are.

    Each channel is modelled as an autoregressive process in blocks of some 45 ms that overlap by
    half. A click is what the model predicts badly forwards and backwards in time, by a wide margin
    over the 8 ms on either side, and what is over soon: the onset of a drum seldom is. It is
    filled in with the samples that make the model's excitation smallest; all others stay, bit by
    bit.
    After S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (1998), chapter 5 (the
    matched filter), and A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries: *Adaptive
    interpolation of discrete-time signals that can be modeled as autoregressive processes* (1986).

    A sound shorter than four times the model order (4 ms at 44.1 kHz) comes back as it is.

    Args:
        audio: the sound.
        threshold_sigma: how far a click stands out from what lies around it, in standard
            deviations of the prediction error. Lower finds softer clicks, and takes the sharpest
            onsets and the pulses of a voice for clicks at times.
        max_click_ms: what lasts longer is not taken for a click.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
        >>> scratched = tone.copy()
        >>> scratched[20000:20030] += 0.3
        >>> repaired = declick(Audio(scratched, 44100))
        >>> bool(np.abs(repaired.samples - tone).max() < 1e-4)
        True
    """
    return _repaired(audio, threshold_sigma, max_click_ms / 1000, passes=_DECLICK_PASSES)


@node(version=2, uses=("scipy",), cost=_COST)
def decrackle(
    audio: Audio,
    *,
    threshold_sigma: Threshold = 9.5,
    max_click_ms: Annotated[float, Field(ge=0.02, le=2)] = 0.4,
) -> Audio:
    """Remove crackle: many small, short clicks. For large clicks use `declick`, and first.

    The method is that of `declick`, set for clicks that are softer, shorter and many: what was
    found is filled in and the search repeated, up to three times, because clicks hide one another.

    Args:
        audio: the sound.
        threshold_sigma: how far a click stands out from what lies around it, in standard
            deviations of the prediction error.
        max_click_ms: what lasts longer is not taken for crackle.
    """
    return _repaired(audio, threshold_sigma, max_click_ms / 1000, passes=4)


def _repaired(audio: Audio, threshold: float, longest_seconds: float, *, passes: int) -> Audio:
    result = np.empty_like(audio.samples)
    searched = _channels_searched(audio, threshold, longest_seconds, passes=passes)
    for channel, (clean, _) in zip(result, searched, strict=True):
        channel[:] = clean
    return audio.with_samples(result)


def _channels_searched(
    audio: Audio, threshold: float, longest_seconds: float, *, passes: int
) -> Iterator[tuple[Array, Mask]]:
    """Yield each channel without its clicks, and where they were."""
    blocks = ar.Blocks(audio.frames, audio.sample_rate)
    longest = max(1, round(longest_seconds * audio.sample_rate))
    for channel in audio.samples:
        samples = channel.astype(np.float64)
        if audio.frames < _LEAST_ORDERS * ar.order_for(audio.sample_rate):
            yield samples, np.zeros(audio.frames, bool)
        else:
            yield _searched(samples, audio.sample_rate, blocks, threshold, longest, passes)


def _searched(
    samples: Array, sample_rate: int, blocks: ar.Blocks, threshold: float, longest: int, passes: int
) -> tuple[Array, Mask]:
    """Return one channel without its clicks, and where they were."""
    order = ar.order_for(sample_rate)
    gap = max(2, round(_GAP_SECONDS * sample_rate))
    missing = np.zeros(len(samples), bool)
    repaired = samples
    for _ in range(passes):
        new = _clicks(repaired, sample_rate, blocks, threshold, longest)
        if not (new & ~missing).any():
            break
        missing = _without_gaps(missing | new, gap)
        repaired = samples.copy()
        # the second time without the clicks in the model
        for _ in range(2):
            ar.interpolate(repaired, missing, blocks, order)
    return repaired, missing


def _clicks(
    samples: Array, sample_rate: int, blocks: ar.Blocks, threshold: float, longest: int
) -> Mask:
    """Return where clicks are."""
    from scipy.ndimage import binary_dilation, label

    matched, error = _prediction_errors(samples, blocks, ar.order_for(sample_rate))
    found: Mask = matched > threshold * _level(matched, sample_rate)
    del matched
    level = _level(error, sample_rate)
    found &= error > threshold * level
    if not found.any():
        return found
    gap = max(2, round(_GAP_SECONDS * sample_rate))
    regions, count = label(_without_gaps(found | (error > _EDGE_SIGMA * level), gap))
    chosen = np.zeros(count + 1, bool)
    chosen[regions[found]] = True
    clicks: Mask = binary_dilation(chosen[regions])
    starts, stops = runs(clicks)
    for start, stop in zip(starts, stops, strict=True):
        if stop - start > longest + 2:
            clicks[start:stop] = False
    return clicks


def _prediction_errors(samples: Array, blocks: ar.Blocks, order: int) -> tuple[Array, Array]:
    """Return two measures of how badly each sample is predicted, both of them magnitudes.

    The first is the output of the matched filter: the prediction error once more through the
    prediction-error filter, backwards. It finds clicks best, but rings before and after them. The
    second is the smaller of the errors of prediction forwards and backwards: one of the two is
    small before a click, the other one after it, so this ends where the click does.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    matched, error = np.empty((2, blocks.count * blocks.hop))
    size = next_fast_len(blocks.hop + 2 * order, real=True)
    inside = slice(order, order + blocks.hop)
    for group in blocks.groups():
        filters = ar.models(samples, blocks, group, order, white=_WHITE)
        response = rfft(filters, size, axis=1)
        spectrum = rfft(blocks.cut(samples, group, order, order), size, axis=1)
        forwards = irfft(spectrum * response, size, axis=1)[:, inside]
        backwards = irfft(spectrum * response.conj(), size, axis=1)[:, inside]
        both = irfft(spectrum * (response * response.conj()), size, axis=1)[:, inside]
        place = slice(group.start * blocks.hop, group.stop * blocks.hop)
        error[place] = np.minimum(np.abs(forwards), np.abs(backwards)).ravel()
        matched[place] = (np.abs(both) / np.sqrt(np.sum(filters**2, axis=1))[:, None]).ravel()
    return matched[: len(samples)], error[: len(samples)]


def _level(magnitudes: Array, sample_rate: int) -> Array:
    """Return the level around each sample, as a standard deviation, deaf to what is short."""
    cell = max(1, round(_CELL_SECONDS * sample_rate))
    count = -(-len(magnitudes) // cell)
    whole = np.pad(magnitudes, (0, count * cell - len(magnitudes)), mode="edge")
    medians = np.median(whole.reshape(count, cell), axis=1)
    padded = np.pad(medians, _CELLS, mode="reflect" if count > _CELLS else "edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _CELLS), axis=1)
    before, after = around[:count], around[_CELLS + 1 :][:count]
    level = np.maximum(np.maximum(before, after) / _MEDIAN_OF_GAUSSIAN, _FLOOR)
    return np.repeat(level, cell)[: len(magnitudes)]


def _without_gaps(mask: Mask, gap: int) -> Mask:
    """Return a mask with the gaps up to some length filled in."""
    starts, stops = runs(mask)
    whole = mask.copy()
    for index in np.flatnonzero(starts[1:] - stops[:-1] <= gap):
        whole[stops[index] : starts[index + 1]] = True
    return whole
