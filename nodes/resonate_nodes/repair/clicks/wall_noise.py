"""Whether what two channels differ in is the noise of the two walls of a groove, or music.

The noise of a wall does not follow the music. What is left of stereo, when one channel is taken
from the other, is loud where the music is. What a steady filter makes of the music does not count:
walls may be played with unlike treble.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The spectra are of so long a time each, and fewer of them tell nothing.
_SPECTRUM_SECONDS = 0.023
_FEWEST_SPECTRA = 40
# It is told by so many octaves from here on: below them is rumble.
_LOWEST_HZ, _OCTAVES = 300.0, 6
# What is mostly 40 dB under the music does little harm, and a gain that drifts leaves as much.
# Where the music is as far under its mean, there is none to follow.
_LEAST_PART = 1e-4
_PAUSE = 1e-4
# The rank correlation of music and difference, in the middle one of the octaves: with noise and
# clicks in the walls it came to 0.15 at most; of narrow stereo, drums and a band, to 0.42 to 0.86.
_FOLLOWS = 0.55
_TINY = 1e-30


def follows_the_music(wall: Array, other: Array, sample_rate: int) -> bool:
    """Return whether what one channel has beside the other is louder where the music is.

    Args:
        wall: one channel.
        other: the other, as loud and as early.
        sample_rate: in Hz.
    """
    from scipy.signal import stft
    from scipy.stats import spearmanr

    size = 2 * max(1, round(_SPECTRUM_SECONDS * sample_rate / 2))
    if len(wall) < _FEWEST_SPECTRA * size:
        return False
    frequencies, _, music = stft((wall + other) / 2, sample_rate, nperseg=size)
    apart = stft(wall - other, sample_rate, nperseg=size)[2]
    heard = np.abs(music) ** 2
    steady = np.sum(apart * music.conj(), axis=1) / (heard.sum(axis=1) + _TINY)
    differs = np.abs(apart - steady[:, None] * music) ** 2
    apart_mostly, heard_mostly = (np.median(one.sum(axis=0)) for one in (differs, heard))
    if apart_mostly <= _LEAST_PART * heard_mostly:
        return False
    likenesses = []
    for lowest in _LOWEST_HZ * 2.0 ** np.arange(_OCTAVES):
        octave = (frequencies >= lowest) & (frequencies < 2 * lowest)
        loud, rest = heard[octave].sum(axis=0), differs[octave].sum(axis=0)
        told = loud > _PAUSE * loud.mean()
        if np.count_nonzero(told) >= _FEWEST_SPECTRA:
            likenesses.append(spearmanr(loud[told], rest[told])[0])
    return bool(likenesses) and float(np.median(likenesses)) > _FOLLOWS
