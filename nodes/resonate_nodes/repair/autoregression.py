"""Autoregressive models of sound, block by block, and what they say of missing samples.

Within some 40 ms a sound is close to an autoregressive process: each sample a weighted sum of the
`order` before it, plus a small excitation. What was lost is taken to be what makes the excitation
smallest: A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries, *Adaptive interpolation of
discrete-time signals that can be modeled as autoregressive processes*, IEEE Trans. ASSP 34 (1986);
S. J. Godsill, P. J. W. Rayner, *Digital Audio Restoration* (Springer 1998), chapters 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .._common.runs import mask_of, runs, touched
from .._common.silence import silence

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]
#: Some of the blocks, by number.
Chosen = range | NDArray[np.intp]

_BLOCK_SECONDS = 0.04
_BLOCKS_AT_ONCE = 512
_MODELLED_AT_ONCE = 256
_TRANSFORMED_AT_ONCE = 32
# Groups of up to so many missing samples are filled in at once, and so many samples.
_DENSE = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_PLACES_AT_ONCE = 4096
# Keeps the equations solvable where the spectrum has holes, as above 16 kHz after a lossy codec:
# a trace of white noise, 100 dB under the sound.
_WHITE = 1e-10


def hop_frames(sample_rate: int) -> int:
    """Return how many samples lie between the beginnings of blocks."""
    return int(2 ** max(6, round(np.log2(_BLOCK_SECONDS / 2 * sample_rate))))


class Blocks:
    """The blocks a sound of some length is cut into: each is modelled with its neighbourhood.

    Block b is `hop` samples from ``b * hop``; its model sees half a hop more on either side, or, at
    the ends of the sound, as much more on one side.

    Args:
        frames: length of the sound, in samples.
        sample_rate: in Hz.
    """

    def __init__(self, frames: int, sample_rate: int) -> None:
        self.frames = frames
        self.hop = hop_frames(sample_rate)
        self.count = -(-frames // self.hop)
        #: samples each model sees
        self.seen = 2 * self.hop

    def groups(self) -> Iterator[range]:
        """Yield the blocks in runs of as many as are worked on at once."""
        for first in range(0, self.count, _MODELLED_AT_ONCE):
            yield range(first, min(first + _MODELLED_AT_ONCE, self.count))

    def neighbourhoods(self, samples: Array, blocks: Chosen) -> Array:
        """Return what the models of some blocks see, one row each: never beyond the ends."""
        if self.seen > self.frames:
            samples = np.pad(samples, (0, self.seen - self.frames))
        starts = np.asarray(blocks) * self.hop - self.hop // 2
        starts = np.clip(starts, 0, len(samples) - self.seen)
        seen: Array = np.lib.stride_tricks.sliding_window_view(samples, self.seen)[starts]
        return seen

    def cut(self, samples: Array, blocks: Chosen, before: int, after: int) -> Array:
        """Return the blocks with samples around them, zeros beyond the ends: one row each."""
        start = blocks[0] * self.hop - before
        stop = (blocks[-1] + 1) * self.hop + after
        inside = samples[max(start, 0) : min(stop, self.frames)]
        padded = np.pad(inside, (max(-start, 0), max(stop - self.frames, 0)))
        width = before + self.hop + after
        windows = np.lib.stride_tricks.sliding_window_view(padded, width)[:: self.hop]
        return windows if isinstance(blocks, range) else windows[blocks - blocks[0]]


def models(
    samples: Array, blocks: Blocks, group: Chosen, order: int, white: float = _WHITE
) -> Array:
    """Return prediction-error filters ``[1, a1, ..., a_order]``, one row per block.

    By the autocorrelation method under a Hann window, solved by Levinson and Durbin's recursion,
    for all blocks at once. White noise of power ``white`` against the sound's is assumed in it.
    """
    seen = blocks.neighbourhoods(samples, group)
    return _filters(_power(seen, order), seen.shape[1], order, white)


def steady_models(
    samples: Array, blocks: Blocks, group: range, order: int, white: float = _WHITE
) -> Array:
    """Return prediction-error filters of what lasts: a click has no part in them, however loud.

    As `models`, but of the least power that each frequency has in a block and its two neighbours.
    What is over within one hop is in two of the three at most.
    """
    first, last = max(group.start - 1, 0), min(group.stop + 1, blocks.count)
    seen = blocks.neighbourhoods(samples, range(first, last))
    power = _power(seen, order)
    beside = ((int(first == group.start), int(last == group.stop)), (0, 0))
    power = np.pad(power, beside, mode="edge")
    power = np.minimum(np.minimum(power[:-2], power[2:]), power[1:-1])
    return _filters(power, seen.shape[1], order, white)


def pooled_models(stretches: Sequence[Sequence[Array]], order: int, white: float = _WHITE) -> Array:
    """Return prediction-error filters of several stretches each, as of one sound: one row each.

    As `models`; a stretch shorter than four times the order has no part in it.
    """
    correlation = np.zeros((len(stretches), order + 1))
    alike: dict[int, list[tuple[int, Array]]] = {}
    for row, those in enumerate(stretches):
        for one in those:
            alike.setdefault(len(one), []).append((row, one))
    for length, same in alike.items():
        if length >= 4 * order:
            rows, parts = zip(*same, strict=True)
            power = _power(np.stack(parts), order)
            np.add.at(correlation, np.array(rows), _correlation(power, length, order))
    correlation[:, 0] *= 1 + white
    return levinson(correlation)


def _power(seen: Array, order: int) -> Array:
    """Return power spectra under a Hann window, padded for autocorrelations up to the order."""
    from scipy.fft import next_fast_len, rfft

    rows, frames = seen.shape
    size = next_fast_len(frames + order, real=True)
    window = np.hanning(frames + 2)[1:-1]
    padded = np.zeros((min(rows, _TRANSFORMED_AT_ONCE), size))
    power = np.empty((rows, size // 2 + 1))
    for first in range(0, rows, _TRANSFORMED_AT_ONCE):
        part = seen[first : first + _TRANSFORMED_AT_ONCE]
        np.multiply(part, window, out=padded[: len(part), :frames])
        spectrum = rfft(padded[: len(part)], axis=1)
        there = power[first : first + len(part)]
        np.square(spectrum.real, out=there)
        there += np.square(spectrum.imag)
    return power


def _filters(power: Array, seen: int, order: int, white: float) -> Array:
    correlation = _correlation(power, seen, order)
    correlation[:, 0] *= 1 + white
    return levinson(correlation)


def _correlation(power: Array, seen: int, order: int) -> Array:
    """Return the autocorrelations up to the order, given power spectra of so many samples."""
    from scipy.fft import next_fast_len

    return power @ _cosines(next_fast_len(seen + order, real=True), order)


@lru_cache(maxsize=8)
def _cosines(size: int, order: int) -> Array:
    """Return what takes power spectra to autocorrelations: a few of many lags are wanted."""
    bins = np.arange(size // 2 + 1)
    twice = np.where((bins == 0) | (2 * bins == size), 1, 2) / size
    return twice[:, None] * np.cos(2 * np.pi * (np.outer(bins, np.arange(order + 1)) % size) / size)


def levinson(correlation: Array) -> Array:
    """Return the prediction-error filters of autocorrelations: one row each, lag 0 first.

    A row of zeros gives a filter that changes nothing.
    """
    rows, columns = correlation.shape
    filters = np.zeros((rows, columns))
    filters[:, 0] = 1.0
    error = correlation[:, 0].copy()
    for k in range(1, columns):
        reach = np.einsum("ij,ij->i", filters[:, :k], correlation[:, k:0:-1])
        reflection = np.zeros(rows)
        np.divide(-reach, error, out=reflection, where=error > 0)
        filters[:, 1 : k + 1] += reflection[:, None] * filters[:, k - 1 :: -1][:, :k]
        error *= 1 - reflection**2
    return filters


def order_for(sample_rate: int) -> int:
    """Return a model order: one pole per kHz and a few more, as for speech; 48 at 44.1 kHz."""
    return int(np.clip(sample_rate // 1000 + 4, 16, 64))


def one_sided(samples: Array, order: int) -> tuple[Mask, Mask]:
    """Return which samples can be predicted from those before them alone, and from those after.

    That is where a model of some order reaches over an end, or into digital silence, on the other
    side. Where it does so on both sides, silence is what is known.
    """
    frames = len(samples)
    starts, stops = runs(silence(samples, order))
    starts = np.concatenate([[-order], starts, [frames]])
    stops = np.concatenate([[0], stops, [frames + order]])
    not_before, not_after = (
        mask_of(np.clip(first, 0, frames), np.clip(last, 0, frames), frames)
        for first, last in ((starts + 1, stops + order), (starts - order, stops - 1))
    )
    return ~not_before & not_after, ~not_after & not_before


def interpolate(samples: Array, missing: Mask, blocks: Blocks, order: int) -> None:
    """Fill in missing samples, in place, block by block, with the model of what is there now.

    A run of them is filled in whole, with the block that its middle lies in; what is missing beside
    it and belongs to another block counts as known.
    """
    starts, stops = runs(missing)
    homes = (starts + stops - 1) // 2 // blocks.hop
    wanted, begins = np.unique(homes, return_index=True)
    begins = np.append(begins, len(starts))
    silent = silence(samples, order)
    for first in range(0, len(wanted), _BLOCKS_AT_ONCE):
        group = wanted[first : first + _BLOCKS_AT_ONCE]
        filters = models(samples, blocks, group, order)
        those = slice(begins[first], begins[first + len(group)])
        rows = np.searchsorted(group, homes[those])
        _fill(samples, starts[those], stops[those], rows, filters, silent)


def _fill(
    samples: Array, starts: Places, stops: Places, rows: Places, filters: Array, silent: Mask
) -> None:
    """Fill in runs, in place, each with the filter of its row: as `least_excitation` does.

    What lies further apart than the order has nothing to do with each other. So most of it is
    filled in at once, and the rest one after the other.
    """
    order = filters.shape[1] - 1
    # beside silence and the ends what is not known is sought along with it, all over the block
    edge = touched(np.maximum(starts - order, 0), stops + order, silent)
    edge |= (starts < order) | (stops + order > len(samples))
    by_edge = np.isin(rows, rows[edge])
    near = starts[1:] - stops[:-1] < order
    alike = rows[1:] == rows[:-1]
    together = np.append(False, alike & (near | by_edge[1:]))
    follows = np.append(False, near & ~alike)
    first = np.flatnonzero(~together)
    lengths = stops - starts
    begins = np.cumsum(lengths) - lengths
    places = np.repeat(starts - begins, lengths) + np.arange(lengths.sum())
    bounds = np.append(begins[first], len(places))
    sizes = np.diff(bounds)
    at_once = ~follows[first] & ~by_edge[first] & (sizes <= _DENSE[-1])
    lags = _lags(filters)
    taken = np.repeat(at_once, sizes)
    samples[places[taken]] = 0
    for fewest, most in pairwise((0, *_DENSE)):
        those = np.flatnonzero(at_once & (sizes > fewest) & (sizes <= most))
        for part in range(0, len(those), _PLACES_AT_ONCE // most):
            some = those[part : part + _PLACES_AT_ONCE // most]
            index = bounds[some][:, None] + np.minimum(np.arange(most), sizes[some][:, None] - 1)
            sought = np.arange(most) < sizes[some][:, None]
            found = _solved(samples, places[index], sought, lags[rows[first[some]]])
            samples[places[index[sought]]] = found[sought]
    for one in np.flatnonzero(~at_once):
        there = places[bounds[one] : bounds[one + 1]]
        samples[there] = least_excitation(samples, there, silent, filters[rows[first[one]]])


def _lags(filters: Array) -> Array:
    """Return the autocorrelations of filters, one row each, and a zero behind."""
    order = filters.shape[1] - 1
    shifted = np.lib.stride_tricks.sliding_window_view(
        np.pad(filters, ((0, 0), (0, order + 1))), order + 1, axis=1
    )
    lags: Array = (shifted @ filters[..., None])[..., 0]
    return lags


def _solved(samples: Array, places: Places, sought: Mask, lags: Array) -> Array:
    """Return the samples that make the excitation smallest, for some groups of places: in rows.

    Args:
        samples: the sound, with zeros at the places; no end of it is near.
        places: of each group.
        sought: which of them count.
        lags: autocorrelations of the filter of each group.
    """
    order = lags.shape[1] - 2
    around = np.lib.stride_tricks.sliding_window_view(samples, 2 * order + 1)[places - order]
    both = np.concatenate([lags[:, order:0:-1], lags[:, : order + 1]], axis=1)
    right = np.where(sought, -(around @ both[..., None])[..., 0], 0)
    apart = np.minimum(np.abs(places[:, :, None] - places[:, None]), order + 1)
    system = lags[np.arange(len(lags))[:, None, None], apart]
    system *= sought[:, :, None] & sought[:, None]
    diagonal = np.einsum("cii->ci", system)
    diagonal[:] = np.where(sought, lags[:, :1] * (1 + _WHITE), 1)
    found: Array = np.linalg.solve(system, right[..., None])[..., 0]
    return found


def least_excitation(samples: Array, places: NDArray[np.intp], silent: Mask, model: Array) -> Array:
    """Return the samples at some places (in rising order) that make the excitation smallest.

    With b the autocorrelation of the filter, the sum of b[k] x[t + k] is zero at each place t:
    a banded, symmetric, positive definite system. Beyond the ends of the sound, and in digital
    silence, nothing is known: what lies there within reach of the model is sought along with the
    rest, so that the sound is carried on from the one side that there is.

    Args:
        samples: the sound.
        places: where a sample is missing.
        silent: where there is digital silence.
        model: a prediction-error filter.
    """
    from scipy.linalg import solveh_banded

    order = len(model) - 1
    lags = np.correlate(model, model, "full")
    first = int(places[0]) - 2 * order
    length = int(places[-1]) + 2 * order + 1 - first
    low, high = max(first, 0), min(first + length, len(samples))
    known = np.zeros(length)
    known[low - first : high - first] = samples[low:high]
    sought = np.ones(length, bool)
    sought[low - first : high - first] = silent[low:high]
    sought[:order] = sought[-order:] = False  # too far to reach any of the places
    known[sought] = 0
    sought[places - first] = True
    known[places - first] = 0
    there = np.flatnonzero(sought)
    right = -np.convolve(known, lags, "valid")[there - order]
    width = min(order, len(there) - 1)
    half = np.append(lags[order:], 0.0)
    beyond = np.pad(there, (0, width), constant_values=len(samples) + 4 * order)
    apart = np.lib.stride_tricks.sliding_window_view(beyond, width + 1).T - there
    band = half[np.minimum(apart, order + 1)]
    band[0] *= 1 + _WHITE
    found: Array = solveh_banded(band, right, lower=True, check_finite=False)
    return found[np.searchsorted(there, places - first)]


def burg(samples: Array, order: int) -> Array:
    """Return the prediction-error filter of one stretch, by J. P. Burg's method (1975).

    It needs no window, resolves more in a short stretch than the autocorrelation method, and its
    model is stable: what it extrapolates dies away.
    """
    model = np.ones(1)
    forwards, backwards = samples[1:].copy(), samples[:-1].copy()
    for _ in range(order):
        energy = forwards @ forwards + backwards @ backwards
        if energy <= 0:
            break
        reflection = -2 * (forwards @ backwards) / energy * (1 - _WHITE)
        longer = np.append(model, 0.0)
        model = longer + reflection * longer[::-1]
        forwards, backwards = (
            (forwards + reflection * backwards)[1:],
            (backwards + reflection * forwards)[:-1],
        )
    return np.pad(model, (0, order + 1 - len(model)))
