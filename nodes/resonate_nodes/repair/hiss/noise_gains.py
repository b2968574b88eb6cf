"""The gains of noise reduction: in two steps, from the signal-to-noise ratios of all frames.

- The first gains are those of Y. Ephraim, D. Malah, *Speech enhancement using a minimum mean-square
  error log-spectral amplitude estimator* (IEEE Trans. ASSP 33, 1985), with the signal-to-noise
  ratio by the decision-directed rule of their paper of 1984.
- What they leave, smoothed over the neighbours in time and frequency, is a better estimate of the
  signal-to-noise ratio, without the delay of that rule; Wiener's gain of it is applied to the
  sound. After C. Plapous, C. Marro, P. Scalart, *Improved signal-to-noise ratio estimation for
  speech enhancement* (IEEE Trans. Audio, Speech, and Language Processing 14, 2006),
  and the neighbourhoods of G. Yu, S. Mallat, E. Bacry, *Audio denoising by time-frequency block
  thresholding* (IEEE Trans. Signal Processing 56, 2008).
- Where nothing stands out for half a second and 1.3 kHz around, there is noise alone, and it is
  brought down further, after I. Cohen, B. Berdugo, *Speech enhancement for non-stationary noise
  environments* (Signal Processing 81, 2001), who judge the presence of speech by the
  signal-to-noise ratio in narrow and wide neighbourhoods.

Frames come in blocks. What a step needs of those before a block is kept, so that each frame goes
through each step once. Ratios and gains are of power, and of shape (channels, frames, bins).
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import numpy as np

from ..stft import Single, Spectra

_Block = TypeVar("_Block", Single, Spectra)

#: Ratios are no larger than this.
MOST_SNR = 1e4

_MEMORY = 0.95
_LEAST_SNR = 10 ** (-25 / 10)
_LEAST_GAIN = 0.1
# The table of the first gains begins here, and has 512 places for each octave: so many bits less.
_LEAST_V, _FINENESS = 1e-8, 14
# The neighbourhood of the second step is so many frames, and one bin, either way.
_BESIDE = 2
# What the first gains took of the sound itself is made up for by this.
_TAKEN_TOO = np.float32(1.2)
# Where the SNR of a wide neighbourhood, in bands of 8 bins, is that low, there is noise alone.
_BAND_BINS = 8
_FRAMES_WIDE = np.hanning(43)[1:-1] / np.hanning(43).sum()
_BANDS_WIDE = np.hanning(9)[1:-1] / np.hanning(9).sum()
_ABSENT_DB, _PRESENT_DB = -18.0, -6.0
_LEAST_IN_ABSENCE = 0.03
_BESIDE_WIDE = len(_FRAMES_WIDE) // 2
#: How many frames on either side have a part in a frame's gains.
REACH = _BESIDE + _BESIDE_WIDE


class Gains:
    """Gives the gains of a sound block by block, `REACH` frames behind what it is given.

    Args:
        channels: how many the sound has.
        bins: of its spectra.
    """

    def __init__(self, channels: int, bins: int) -> None:
        self._first_step = _FirstStep(channels, bins)
        self._ratios = Latest(_BESIDE)
        self._signals = Latest(2 * _BESIDE)
        self._gains = Latest(_BESIDE_WIDE)
        self._bands = Latest(2 * _BESIDE_WIDE)

    def following(self, snr: Single) -> Single:
        """Return the gains of as many frames as are given; `2 * REACH` less the first time.

        Args:
            snr: power over that of the noise, up to `MOST_SNR`, of the next frames.
        """
        ratios = self._ratios.with_those_before(snr)
        signal = self._first_step.cleaned(snr)
        prior = _smoothed(self._signals.with_those_before(signal))
        prior *= _TAKEN_TOO
        gain = prior + np.float32(1)
        np.divide(prior, gain, out=gain)
        left = np.square(gain, out=prior)
        left *= ratios[:, -gain.shape[1] - _BESIDE : -_BESIDE]
        np.maximum(gain, np.float32(_LEAST_GAIN), out=gain)
        gains = self._gains.with_those_before(gain)
        in_absence = _in_absence(self._bands.with_those_before(_over_bands(left)), snr.shape[2])
        in_absence *= gains[:, -in_absence.shape[1] - _BESIDE_WIDE : -_BESIDE_WIDE]
        return in_absence


class Latest:
    """The last frames of what comes in blocks: they stand before the next ones.

    Args:
        frames: how many.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._kept: Single | Spectra | None = None

    def with_those_before(self, block: _Block) -> _Block:
        """Return a block with the last frames before it, if any."""
        if self._kept is not None:
            block = np.concatenate([self._kept, block], axis=1)
        self._kept = block[:, block.shape[1] - self._frames :].copy()
        return block


class _FirstStep:
    """The SNR that the first gains leave, by the decision-directed rule: frame after frame.

    With prior = a clean + (1 - a) max(snr - 1, 0), where `clean` is what was left of the frame
    before, and wiener = prior / (1 + prior), the gain is wiener exp(E1(wiener snr) / 2), with E1
    the exponential integral, and no more than 1. The exponential comes from a table, between whose
    places it is linear, to -126 dB. The first bits of a number say where it stands there, since the
    places are as close together as numbers are.

    Args:
        channels: how many there are.
        bins: of their spectra.
    """

    def __init__(self, channels: int, bins: int) -> None:
        self._clean = np.ones((channels, bins), np.float32)

    def cleaned(self, snr: Single) -> Single:
        """Return the SNR that is left of the next frames."""
        first, values, slopes = _table()
        one, least, lowest = np.float32(1), np.float32(_LEAST_SNR), np.float32(_LEAST_V)
        clean = self._clean
        # what is made of a frame lies in the same few places every time
        wiener, v, above = np.empty((3, *clean.shape), np.float32)
        place = np.empty(clean.shape, np.intp)
        result = snr - one
        np.maximum(result, 0, out=result)
        result *= np.float32(1 - _MEMORY)
        for index in range(snr.shape[1]):
            here, risen = snr[:, index], result[:, index]
            clean *= np.float32(_MEMORY)
            clean += risen
            np.maximum(clean, least, out=clean)
            np.add(clean, one, out=wiener)
            np.divide(clean, wiener, out=wiener)
            np.multiply(wiener, here, out=v)
            np.maximum(v, lowest, out=v)
            np.right_shift(v.view(np.int32), _FINENESS, out=place)
            place -= first
            slopes.take(place, out=above, mode="wrap")  # which is faster than to look for errors
            above *= v
            values.take(place, out=v, mode="wrap")
            above += v
            above *= wiener
            np.minimum(above, one, out=above)
            np.square(above, out=above)
            np.multiply(above, here, out=clean)
            risen[...] = clean
        return result


@cache
def _table() -> tuple[int, Single, Single]:
    """Return which first bits the table begins with, and in each place what a line is there."""
    from scipy.special import exp1

    first, last = np.array([_LEAST_V, MOST_SNR], np.float32).view(np.int32) >> _FINENESS
    places = (np.arange(first, last + 2, dtype=np.int32) << _FINENESS).view(np.float32)
    v = places.astype(np.float64)
    heights = np.exp(exp1(v) / 2)
    slopes = np.diff(heights) / np.diff(v)
    values = heights[:-1] - slopes * v[:-1]
    return int(first), values.astype(np.float32), slopes.astype(np.float32)


def _smoothed(snr: Single) -> Single:
    """Return the mean of the neighbourhood of each frame but the first and the last two.

    Over frames it has the weights 1, 3, 4, 3, 1, and over bins 1, 2, 1: Hann windows. The first is
    (1 + z)^2 (1 + z + z^2), and the second (1 + z)^2: sums of two or three. What lies beyond the
    last bin, and the first, is like these.
    """
    pairs = snr[:, :-1] + snr[:, 1:]
    fours = pairs[:, :-1] + pairs[:, 1:]
    sums = fours[:, :-2] + fours[:, 1:-1]
    sums += fours[:, 2:]
    sums *= np.float32(1 / 48)
    pairs = sums[:, :, :-1] + sums[:, :, 1:]
    mean: Single = np.empty_like(sums)
    np.add(pairs[:, :, :-1], pairs[:, :, 1:], out=mean[:, :, 1:-1])
    for edge in (0, -1):
        mean[:, :, edge] = 2 * sums[:, :, edge] + pairs[:, :, edge]
    return mean


def _over_bands(snr: Single) -> Single:
    """Return the means of bands; beyond the last bin all is like it."""
    bins = snr.shape[2]
    sums: Single = np.add.reduceat(snr, np.arange(0, bins, _BAND_BINS), axis=2)
    sums[:, :, -1] += (-bins % _BAND_BINS) * snr[:, :, -1]
    sums /= np.float32(_BAND_BINS)
    return sums


def _in_absence(bands: Single, bins: int) -> Single:
    """Return gains by the presence of anything but noise: 1 where there is something.

    Between the middles of the bands they are linear.

    Args:
        bands: ratios, with as many frames on either side as have a part in that.
        bins: how many there are.
    """
    from scipy.ndimage import convolve1d

    over_time = convolve1d(bands, _FRAMES_WIDE, axis=1)[:, _BESIDE_WIDE:-_BESIDE_WIDE]
    wide_db = convolve1d(over_time, _BANDS_WIDE, axis=2, mode="nearest")
    wide_db = 10 * np.log10(wide_db + np.float32(1e-10))
    absence = np.clip((_PRESENT_DB - wide_db) / (_PRESENT_DB - _ABSENT_DB), 0, 1)
    gains = np.float32(_LEAST_IN_ABSENCE) ** absence
    half = _BAND_BINS // 2
    parts = ((np.arange(_BAND_BINS) + 0.5) / _BAND_BINS).astype(np.float32)
    between = np.repeat(gains[:, :, [0, *range(gains.shape[2])]], _BAND_BINS, axis=2)
    rises = np.diff(gains, axis=2)[:, :, :, None] * parts
    between[:, :, _BAND_BINS:-_BAND_BINS] += rises.reshape(*rises.shape[:2], -1)
    return between[:, :, half : half + bins]
