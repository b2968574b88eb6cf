"""Late reverberation as what delayed linear prediction explains: WPE, kept from taking held notes.

T. Nakatani, T. Yoshioka, K. Kinoshita, M. Miyoshi, B.-H. Juang, *Speech dereverberation based on
variance-normalized delayed linear prediction*, IEEE Trans. Audio, Speech, and Language Processing
18 (2010). The prediction in each frequency bin is from the past of all channels, some frames back;
its error is weighed by the inverse of the dry sound's power, which is found in rounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Spectra = NDArray[np.complex64]
Single = NDArray[np.float32]

# The filters begin so many frames back: what comes sooner is the sound itself, and early
# reflections, which do no harm.
DELAY = 3
# So many complex taps at most, over all channels: more hear further back, and cost the square.
_MOST_TAPS = 48
_TAPS_OF_ONE_CHANNEL = 36
_FRAMES_PER_TAP = 8
_ROUNDS = 2
# Frames overlap by three quarters: of many, every second tells about as much as all do.
_MANY_FRAMES = 1000
_EVERY = 2
# The quietest moments of a bin are not to decide all: 30 dB under its mean they count alike.
_LOWEST = 1e-3
_RIDGE = 1e-3
# By how many dB prediction brings down a bin: less than the first two is dry sound, more than the
# other two no reverberation, but a held note; in between it counts in part.
_DRY_DB = (0.25, 0.5)
_HELD_DB = (2.0, 4.0)
_AROUND_BINS = 21


def least_frames(channels: int) -> int:
    """Return how many frames it takes to tell anything."""
    return _FRAMES_PER_TAP * channels + DELAY


def late(spectra: Spectra) -> Spectra:
    """Return the late reverberation in some spectra, of shape (channels, frames, bins)."""
    channels, frames, _ = spectra.shape
    taps = _TAPS_OF_ONE_CHANNEL if channels == 1 else max(1, _MOST_TAPS // channels)
    taps = min(taps, frames // (_FRAMES_PER_TAP * channels))
    by_bin = np.ascontiguousarray(spectra.transpose(2, 0, 1))
    predicted = np.empty_like(by_bin)
    every = _EVERY if frames >= _MANY_FRAMES else 1
    for heard, said in zip(by_bin, predicted, strict=True):
        said[:] = _predicted(heard, taps, every)
    before = _power(by_bin)
    left = by_bin - predicted
    predicted *= _share(before, _power(left))[:, None, None]
    # What is left is no louder than it was, at any moment.
    np.subtract(by_bin, predicted, out=left)
    after = _power(left)
    too_loud = after > before
    left[too_loud] *= np.sqrt(before[too_loud] / after[too_loud])
    predicted[too_loud] = by_bin[too_loud] - left[too_loud]
    return np.ascontiguousarray(predicted.transpose(1, 2, 0))


def _power(spectra: Spectra) -> Single:
    power: Single = spectra.real**2
    power += spectra.imag**2
    return power


def _predicted(heard: Spectra, taps: int, every: int) -> Spectra:
    """Return what the past says of one bin, of shape (channels, frames).

    Args:
        heard: the bin.
        taps: how many frames of each channel tell of the next.
        every: of so many frames one is used to find the filters.
    """
    channels, frames = heard.shape
    delayed = np.zeros((taps + 1, channels, frames), np.complex64)
    for tap in range(taps):
        back = DELAY + tap
        delayed[tap, :, back:] = heard[:, : frames - back]
    delayed[taps] = heard
    both = delayed.reshape(-1, frames)
    past, some = both[:-channels], np.ascontiguousarray(both[:, ::every])
    predicted = np.zeros_like(some[-channels:])
    for _ in range(_ROUNDS - 1):
        predicted = _filters(some, some[-channels:] - predicted).conj().T @ some[:-channels]
    filters = _filters(some, some[-channels:] - predicted)
    said: Spectra = filters.conj().T @ past
    return said


def _filters(both: Spectra, dry: Spectra) -> Spectra:
    """Return the filters that tell a bin from its past, of shape (taps and channels, channels).

    Args:
        both: the past, and below it the bin, shape (taps and channels, frames).
        dry: what the bin is without reverberation, as far as that is known.
    """
    from scipy.linalg.blas import cherk
    from scipy.linalg.lapack import cposv

    power = np.add.reduce(_power(dry))
    least = np.float32(_LOWEST * np.add.reduce(power) / len(power))
    weight = np.sqrt(np.float32(len(dry)) / np.maximum(power, least or np.float32(1)))
    weighted = both.view(np.float32) * np.repeat(weight, 2)
    # the transpose is what Fortran has in this memory, and its products are conjugate
    products = cherk(1, weighted.view(np.complex64).T, trans=2).conj()
    count = len(both) - len(dry)
    square = products[:count, :count]
    diagonal = np.einsum("ii->i", square)
    diagonal += max(_RIDGE * diagonal.real.mean(), _RIDGE)
    _, filters, _ = cposv(square, products[:count, count:])
    return filters  # type: ignore[no-any-return]


def _share(before: Single, after: Single) -> Single:
    """Return what of the prediction is taken for reverberation, by bin: from 0 to 1.

    Args:
        before: the power that was heard, of shape (bins, channels, frames).
        after: what is left without what was predicted.
    """
    from scipy.ndimage import median_filter

    before, after = before.mean(axis=(1, 2)), after.mean(axis=(1, 2))
    explained_db = np.zeros(len(before))
    heard_at_all = (before > 0) & (after > 0)
    explained_db[heard_at_all] = 10 * np.log10(before[heard_at_all] / after[heard_at_all])
    around_db = median_filter(explained_db, _AROUND_BINS, mode="nearest")
    (least, wet), (most, held) = _DRY_DB, _HELD_DB
    reverberant = np.clip((around_db - least) / (wet - least), 0, 1)
    no_note = np.clip((held - explained_db) / (held - most), 0, 1)
    share: Single = (reverberant * no_note).astype(np.float32)
    return share
