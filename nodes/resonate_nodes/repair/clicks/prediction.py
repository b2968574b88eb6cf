"""How badly each sample of a sound is predicted from what lies around it: there clicks are."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import autoregression as ar

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Mask = NDArray[np.bool_]

#: The level that a click stands out from is that of so many stretches, each of this length.
CELL_SECONDS = 0.001
CELLS = 8
#: A median of Gaussian magnitudes, in standard deviations; and what a level is at least.
MEDIAN_OF_GAUSSIAN = 0.6745
FLOOR = 1e-7
#: For finding, a model must not dig below the noise of a codec: 70 dB under the sound.
WHITE = 1e-7


class Errors(NamedTuple):
    """How badly each sample is predicted: three measures, all of them magnitudes.

    Attributes:
        matched: the output of the matched filter: the prediction error once more through the
            prediction-error filter, backwards. It finds clicks best, but rings before and after.
        lesser: the smaller of the errors of prediction forwards and backwards: one of the two is
            small before a click, the other one after it, so this ends where the click does.
        forwards: the error of prediction from before: it stands out where something starts hard,
            also where that rings on so smoothly that from after it is as it should be.
    """

    matched: Array
    lesser: Array
    forwards: Array


class Shapes(Protocol):
    """What hears of the blocks while they are predicted."""

    @property
    def reach(self) -> int:
        """How many samples on either side of a block it needs to hear."""

    def hear(self, group: range, spectrum: Complex, response: Complex, size: int) -> None:
        """Hear of some blocks: their spectra, and those of the filters that whiten them."""


def prediction_errors(
    samples: Array,
    blocks: ar.Blocks,
    order: int,
    *,
    beneath: Array | None = None,
    steady: bool = False,
    shapes: Shapes | None = None,
) -> Errors:
    """Return three measures of how badly each sample is predicted.

    Where there is nothing to predict from on one side, at the ends of the sound and beside digital
    silence, the first two are the error of prediction from the other.

    Args:
        samples: the sound.
        blocks: the blocks it is cut into.
        order: of the models.
        beneath: a sound of the same length that the models are made of: with them, what was
            added to it is predicted badly. Without one they are made of the samples themselves.
        steady: whether the models are those of what lasts (`autoregression.steady_models`).
        shapes: what is to hear of the blocks, too.
    """
    matched, error, ahead = np.empty((3, blocks.count, blocks.hop))
    models = ar.steady_models if steady else ar.models
    modelled = samples if beneath is None else beneath
    sides = _one_sided(samples, blocks, order)
    reach = order if shapes is None else max(order, shapes.reach)
    for group in blocks.groups():
        filters = models(modelled, blocks, group, order, white=WHITE)
        filtered = _Filtered(blocks.cut(samples, group, reach, reach), filters, reach)
        if shapes is not None:
            shapes.hear(group, filtered.spectrum, filtered.response, filtered.size)
        there = slice(group.start, group.stop)
        ahead[there], backwards = filtered.forwards(), filtered.backwards()
        matched[there] = filtered.both()
        error[there] = np.minimum(ahead[there], backwards)
        for known, from_there in zip(sides, (ahead[there], backwards), strict=True):
            place = known[there]
            if place.any():
                matched[there][place] = error[there][place] = from_there[place]
    return Errors(*(one.ravel()[: len(samples)] for one in (matched, error, ahead)))


class _Filtered:
    """Blocks through their prediction-error filters, as magnitudes.

    Args:
        cut: the blocks, with so many samples on either side, at least the order, one row each.
        filters: one row each.
        beside: how many these are.

    Attributes:
        size: how many samples are transformed at once.
        spectrum: of the blocks.
        response: of the filters.
    """

    def __init__(self, cut: Array, filters: Array, beside: int) -> None:
        from scipy.fft import next_fast_len, rfft

        self.size = next_fast_len(cut.shape[1], real=True)
        self._inside = slice(beside, cut.shape[1] - beside)
        self._norms = np.sqrt(np.einsum("bk,bk->b", filters, filters))
        self.spectrum: Complex = rfft(cut, self.size, axis=1)
        self.response: Complex = (filters @ _waves(filters.shape[1], self.size)).view(np.complex128)
        self._ahead = self.spectrum * self.response

    def forwards(self) -> Array:
        """Return how badly each sample is predicted from those before it."""
        return self._back(self._ahead)

    def backwards(self) -> Array:
        """Return how badly it is predicted from those after it."""
        return self._back(self.spectrum * self.response.conj())

    def both(self) -> Array:
        """Return the one after the other, per unit of a click."""
        both: Array = self._back(self._ahead * self.response.conj()) / self._norms[:, None]
        return both

    def _back(self, spectrum: Complex) -> Array:
        from scipy.fft import irfft

        filtered: Array = irfft(spectrum, self.size, axis=1)
        magnitudes: Array = np.abs(filtered[:, self._inside])
        return magnitudes


@lru_cache(maxsize=4)
def _waves(count: int, size: int) -> Array:
    """Return what takes so many samples to their spectrum, its real and imaginary parts by turns.

    For a few samples, that takes less time than a transform.
    """
    phases = np.outer(np.arange(count), np.arange(size // 2 + 1)) % size
    waves: Complex = np.exp(-2j * np.pi * phases / size)
    return waves.view(np.float64)


def _one_sided(samples: Array, blocks: ar.Blocks, order: int) -> tuple[Mask, Mask]:
    """Return which samples can be predicted from before alone, and from after: by blocks."""
    behind = blocks.count * blocks.hop - len(samples)
    before, after = (
        np.pad(one, (0, behind)).reshape(blocks.count, blocks.hop)
        for one in ar.one_sided(samples, order)
    )
    return before, after


def level(magnitudes: Array, sample_rate: int) -> Array:
    """Return the level around each sample, as a standard deviation, deaf to what is short.

    It is the median of the 8 ms before or of the 8 ms after, whichever is louder: so the onset of
    a drum is measured by what it sets off.
    """
    louder = _levels_of_cells(magnitudes, sample_rate).max(axis=0)
    return np.repeat(louder, cell_frames(sample_rate))[: len(magnitudes)]


def cell_frames(sample_rate: int) -> int:
    """Return how many samples the stretches have whose levels are told."""
    return max(1, round(CELL_SECONDS * sample_rate))


def level_before_and_after(magnitudes: Array, sample_rate: int) -> tuple[Array, Array]:
    """Return the level of the 8 ms before each sample, and of the 8 ms after it."""
    cells = _levels_of_cells(magnitudes, sample_rate)
    before, after = np.repeat(cells, cell_frames(sample_rate), axis=1)[:, : len(magnitudes)]
    return before, after


def _levels_of_cells(magnitudes: Array, sample_rate: int) -> Array:
    """Return the level before each stretch whose level is told, and after it."""
    cell = cell_frames(sample_rate)
    count = -(-len(magnitudes) // cell)
    whole = np.pad(magnitudes, (0, count * cell - len(magnitudes)), mode="edge")
    medians = _medians(whole.reshape(count, cell))
    padded = np.pad(medians, CELLS, mode="reflect" if count > CELLS else "edge")
    around = _medians(np.lib.stride_tricks.sliding_window_view(padded, CELLS))
    cells = np.stack([around[:count], around[CELLS + 1 :][:count]])
    return np.maximum(cells / MEDIAN_OF_GAUSSIAN, FLOOR)


def _medians(rows: Array) -> Array:
    """Return the median of each row: sorting short rows takes a fifth of what `np.median` does."""
    ordered = np.sort(rows, axis=1)
    middle = ordered.shape[1] // 2
    if ordered.shape[1] % 2:
        return ordered[:, middle]
    medians: Array = (ordered[:, middle - 1] + ordered[:, middle]) / 2
    return medians
