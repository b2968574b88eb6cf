"""How badly each sample of a sound is predicted from what lies around it: there clicks are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import autoregression as ar

Array = NDArray[np.float64]

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


def prediction_errors(
    samples: Array,
    blocks: ar.Blocks,
    order: int,
    *,
    beneath: Array | None = None,
    steady: bool = False,
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
    """
    from scipy.fft import irfft, next_fast_len, rfft

    matched, error, ahead = np.empty((3, blocks.count * blocks.hop))
    models = ar.steady_models if steady else ar.models
    modelled = samples if beneath is None else beneath
    size = next_fast_len(blocks.hop + 2 * order, real=True)
    inside = slice(order, order + blocks.hop)
    only_before, only_after = ar.one_sided(samples, order)
    for group in blocks.groups():
        filters = models(modelled, blocks, group, order, white=WHITE)
        response = rfft(filters, size, axis=1)
        spectrum = rfft(blocks.cut(samples, group, order, order), size, axis=1)
        forwards = np.abs(irfft(spectrum * response, size, axis=1)[:, inside]).ravel()
        backwards = np.abs(irfft(spectrum * response.conj(), size, axis=1)[:, inside]).ravel()
        both = irfft(spectrum * (response * response.conj()), size, axis=1)[:, inside]
        both = (np.abs(both) / np.sqrt(np.sum(filters**2, axis=1))[:, None]).ravel()
        lesser = np.minimum(forwards, backwards)
        place = slice(group.start * blocks.hop, group.stop * blocks.hop)
        for known, from_there in ((only_before, forwards), (only_after, backwards)):
            there = np.flatnonzero(known[place])
            both[there] = lesser[there] = from_there[there]
        error[place] = lesser
        matched[place] = both
        ahead[place] = forwards
    return Errors(*(one[: len(samples)] for one in (matched, error, ahead)))


def level(magnitudes: Array, sample_rate: int) -> Array:
    """Return the level around each sample, as a standard deviation, deaf to what is short.

    It is the median of the 8 ms before or of the 8 ms after, whichever is louder: so the onset of
    a drum is measured by what it sets off.
    """
    return np.maximum(*level_before_and_after(magnitudes, sample_rate))


def cell_frames(sample_rate: int) -> int:
    """Return how many samples the stretches have whose levels are told."""
    return max(1, round(CELL_SECONDS * sample_rate))


def level_before_and_after(magnitudes: Array, sample_rate: int) -> tuple[Array, Array]:
    """Return the level of the 8 ms before each sample, and of the 8 ms after it."""
    cell = cell_frames(sample_rate)
    count = -(-len(magnitudes) // cell)
    whole = np.pad(magnitudes, (0, count * cell - len(magnitudes)), mode="edge")
    medians = np.median(whole.reshape(count, cell), axis=1)
    padded = np.pad(medians, CELLS, mode="reflect" if count > CELLS else "edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, CELLS), axis=1)
    cells = np.stack([around[:count], around[CELLS + 1 :][:count]])
    cells = np.maximum(cells / MEDIAN_OF_GAUSSIAN, FLOOR)
    before, after = np.repeat(cells, cell, axis=1)[:, : len(magnitudes)]
    return before, after
