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
_BINS_AT_ONCE = 64
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
    channels, frames, bins = spectra.shape
    taps = _TAPS_OF_ONE_CHANNEL if channels == 1 else max(1, _MOST_TAPS // channels)
    taps = min(taps, frames // (_FRAMES_PER_TAP * channels))
    by_bin = np.ascontiguousarray(spectra.transpose(2, 0, 1))
    predicted = np.empty_like(by_bin)
    for first in range(0, bins, _BINS_AT_ONCE):
        some = slice(first, first + _BINS_AT_ONCE)
        predicted[some] = _predicted(by_bin[some], taps)
    predicted *= _share(by_bin, by_bin - predicted)[:, None, None]
    # What is left is no louder than it was, at any moment.
    left = np.abs(by_bin - predicted)
    too_loud = left > np.abs(by_bin)
    scale = np.abs(by_bin[too_loud]) / left[too_loud]
    predicted[too_loud] = by_bin[too_loud] - (by_bin - predicted)[too_loud] * scale
    return np.ascontiguousarray(predicted.transpose(1, 2, 0))


def _predicted(heard: Spectra, taps: int) -> Spectra:
    """Return what the past says of some bins, each of shape (channels, frames)."""
    bins, channels, frames = heard.shape
    past = np.zeros((bins, taps * channels, frames), np.complex64)
    for tap in range(taps):
        back = DELAY + tap
        past[:, tap * channels : (tap + 1) * channels, back:] = heard[:, :, : frames - back]
    predicted = np.zeros_like(heard)
    for _ in range(_ROUNDS):
        dry = heard - predicted
        power = np.mean(dry.real**2 + dry.imag**2, axis=1)
        mean = power.mean(axis=1, keepdims=True)
        weighted = past / np.maximum(power, np.where(mean > 0, _LOWEST * mean, 1))[:, None]
        turned = past.conj().transpose(0, 2, 1)
        square = (weighted @ turned).astype(np.complex128)
        mixed = (weighted @ heard.conj().transpose(0, 2, 1)).astype(np.complex128)
        trace = np.einsum("fii->f", square).real / square.shape[1]
        square += np.maximum(_RIDGE * trace, _RIDGE)[:, None, None] * np.eye(square.shape[1])
        filters = np.linalg.solve(square, mixed).astype(np.complex64)
        predicted = filters.conj().transpose(0, 2, 1) @ past
    return predicted


def _share(heard: Spectra, left: Spectra) -> Single:
    """Return what of the prediction is taken for reverberation, by bin: from 0 to 1."""
    from scipy.ndimage import median_filter

    before, after = (np.mean(np.abs(one) ** 2, axis=(1, 2)) for one in (heard, left))
    explained_db = np.zeros(len(heard))
    heard_at_all = (before > 0) & (after > 0)
    explained_db[heard_at_all] = 10 * np.log10(before[heard_at_all] / after[heard_at_all])
    around_db = median_filter(explained_db, _AROUND_BINS, mode="nearest")
    (least, wet), (most, held) = _DRY_DB, _HELD_DB
    reverberant = np.clip((around_db - least) / (wet - least), 0, 1)
    no_note = np.clip((held - explained_db) / (held - most), 0, 1)
    share: Single = (reverberant * no_note).astype(np.float32)
    return share
