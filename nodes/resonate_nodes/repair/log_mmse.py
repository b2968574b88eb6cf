"""Noise reduction: a noise floor that is sought, or told by a profile, and gains in two steps.

- Without a profile the noise floor of each stretch of some 12 s is sought in its own frames
  (`noise_spectrum`), and in those where all of the sound pauses (`noise_in_pauses`): there it may
  move with the noise. Those that were muted do not count, and those that a gate turned down have a
  floor of their own (`noise_frames`).
- The first gains are those of Y. Ephraim, D. Malah, *Speech enhancement using a minimum mean-square
  error log-spectral amplitude estimator* (IEEE Trans. ASSP 33, 1985), with the signal-to-noise
  ratio by the decision-directed rule of their paper of 1984.
- What they leave, smoothed over the neighbours in time and frequency, is a better estimate of the
  signal-to-noise ratio, without the delay of that rule; Wiener's gain of it is applied to the
  sound. After C. Plapous, C. Marro, P. Scalart, *Improved signal-to-noise ratio
  estimation for speech enhancement* (IEEE Trans. Audio, Speech, and Language Processing 14, 2006),
  and the neighbourhoods of G. Yu, S. Mallat, E. Bacry, *Audio denoising by time-frequency block
  thresholding* (IEEE Trans. Signal Processing 56, 2008).
- Where nothing stands out for half a second and 1.3 kHz around, there is noise alone, and it is
  brought down further, after I. Cohen, B. Berdugo, *Speech enhancement for non-stationary noise
  environments* (Signal Processing 81, 2001), who judge the presence of speech by the
  signal-to-noise ratio in narrow and wide neighbourhoods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .noise_frames import above_rounding, beside_muted, closed_frames
from .noise_in_pauses import Array, bands_of, in_bins, noise_in_pauses
from .noise_spectrum import LOWEST, floor_to_take, noise_floor
from .stft import OVERLAP, Single, Spectra, Stft, Synthesis, sine_window

_FRAME_SECONDS = 0.046
_STRETCH_FRAMES = 1024
# What all this makes of steady noise, against its mean power.
_FLOOR_OF_NOISE = 0.68
_MEMORY = 0.95
_LEAST_SNR = 10 ** (-25 / 10)
_MOST_SNR = 1e4
_LEAST_GAIN = 0.1
# The table of the first gains begins here, and has 512 places for each octave: so many bits less.
_LEAST_V, _FINENESS = 1e-8, 14
# The neighbourhood: two frames and one bin either way.
_FRAMES_AROUND = np.hanning(7)[1:-1] / np.hanning(7).sum()
_BINS_AROUND = np.hanning(5)[1:-1] / np.hanning(5).sum()
# What the first gains took of the sound itself is made up for by this.
_TAKEN_TOO = np.float32(1.2)
# Where the SNR of a wide neighbourhood, in bands of 8 bins, is that low, there is noise alone.
_BAND_BINS = 8
_FRAMES_WIDE = np.hanning(43)[1:-1] / np.hanning(43).sum()
_BANDS_WIDE = np.hanning(9)[1:-1] / np.hanning(9).sum()
_ABSENT_DB, _PRESENT_DB = -18.0, -6.0
_LEAST_IN_ABSENCE = 0.03
_REACH = len(_FRAMES_AROUND) // 2 + len(_FRAMES_WIDE) // 2
# What finding the noise floors takes, against all that follows: for progress only.
_FLOORS_SHARE = 0.25


def denoised(
    samples: Single,
    sample_rate: int,
    *,
    stationary: bool,
    strength: float,
    profile: Single | None = None,
    progress: Callable[[float, float], object] = lambda done, total: None,
) -> Single:
    """Return samples of shape (channels, frames), at least one of them, with the noise reduced.

    Args:
        samples: the sound.
        sample_rate: in Hz.
        stationary: one noise floor for the whole sound, the lowest of all stretches; otherwise
            one per stretch, and in between a mean of both. Stretches of digital silence do
            not count, nor do those that were muted.
        strength: what is taken of what was found to be noise: 1 for all.
        profile: mean power of the noise in the spectra of `analysis_window`, of shape (channels,
            bins); with it no noise floor is sought.
        progress: told (done, total) now and then.
    """
    stft = _stft(samples, sample_rate)
    synthesis = Synthesis(stft, stft.window)
    total = stft.count * (1 + _FLOORS_SHARE)
    if profile is not None:
        floors = _Floors.of(profile)
    else:
        floors = _floors(
            stft, stationary=stationary, progress=lambda done: progress(done * _FLOORS_SHARE, total)
        )
    result = np.empty_like(samples)
    for spectra, snr, first_estimate in _first_step(stft, floors):
        prior = _TAKEN_TOO * _smoothed(first_estimate)
        gain = prior / (1 + prior)
        absence = _in_absence(gain**2 * snr)
        gain = np.maximum(gain, np.float32(_LEAST_GAIN)) * absence
        gain = 1 - np.float32(strength) * (1 - gain)
        start, finished = synthesis.add((spectra * gain)[:, _REACH:-_REACH])
        result[:, start : start + finished.shape[1]] = finished
        progress(stft.count * _FLOORS_SHARE + start / stft.hop, total)
    return result


def noise_powers(samples: Single, sample_rate: int) -> NDArray[np.float64]:
    """Return the noise in each frequency bin, from 0 Hz to half the sample rate, as mean squares.

    Of the lowest floor of all stretches, and without the caution that `denoised` needs: so that
    steady noise alone is measured as what it is. All zeros where the sound is digital silence.

    Args:
        samples: the sound, of shape (channels, frames), at least one of them.
        sample_rate: in Hz.
    """
    stft = _stft(samples, sample_rate)
    stretches = [
        (first, min(first + _STRETCH_FRAMES, stft.count))
        for first in range(0, stft.count, _STRETCH_FRAMES)
    ]
    sound = _mean_squares(samples)
    bins = len(stft.window) // 2 + 1
    floors = np.stack([
        [
            noise_floor(told.open) if len(told.open) else np.full(bins, np.inf, np.float32)
            for told in _telling(stft, first, last, sound)
        ]
        for first, last in stretches
        if not first or last - first >= _STRETCH_FRAMES // 4
    ]).min(axis=0).astype(np.float64)  # fmt: skip
    powers = np.where(np.isinf(floors) | (floors <= LOWEST), 0.0, floors / _FLOOR_OF_NOISE)
    powers *= 2 / (len(stft.window) * np.sum(stft.window.astype(np.float64) ** 2))
    powers[:, [0, -1]] /= 2  # these two have no mirror image
    return powers


def analysis_window(sample_rate: int) -> Single:
    """Return the window of all spectra, of some 46 ms."""
    return sine_window(int(2 ** max(6, round(np.log2(_FRAME_SECONDS * sample_rate)))))


def _stft(samples: Single, sample_rate: int) -> Stft:
    return Stft(samples, analysis_window(sample_rate))


def _first_step(stft: Stft, floors: _Floors) -> Iterator[tuple[Spectra, Single, Single]]:
    """Yield spectra, their SNR, and the SNR that the first gains leave, in blocks of frames.

    Each block has `_REACH` frames more on both sides than `Stft.blocks` says.
    """
    clean = np.ones_like(floors.open[0])
    kept: tuple[Spectra, Single, Single] | None = None
    for first, last in stft.blocks():
        start = first + _REACH if kept else first - _REACH
        spectra = stft.spectra(start, last + _REACH)
        snr = spectra.real**2 + spectra.imag**2
        signal = np.empty_like(snr)
        for index in range(snr.shape[1]):
            here = snr[:, index]
            here /= floors.at(start + index)
            np.minimum(here, np.float32(_MOST_SNR), out=here)
            clean = _gain(here, clean) ** 2 * here
            signal[:, index] = clean
        block = (spectra, snr, signal)
        if kept:
            block = (
                np.concatenate([kept[0], spectra], axis=1),
                np.concatenate([kept[1], snr], axis=1),
                np.concatenate([kept[2], signal], axis=1),
            )
        yield block
        kept = (block[0][:, -2 * _REACH :], block[1][:, -2 * _REACH :], block[2][:, -2 * _REACH :])


@dataclass(frozen=True)
class _Floors:
    """Noise floors, as power, of shape (stretches, channels, bins), or of one stretch.

    Attributes:
        open: those of the noise as it was recorded; infinite where nothing tells of it.
        closed: those of the frames that a gate turned down; infinite where there are none.
        is_closed: which frames those are, of shape (channels, frames).
        moving_db: what the open ones are at each frame where they move with the noise, in dB, of
            shape (channels, frames, bands).
        moving_part: how far they do, from 0 to 1, of shape (stretches, channels, bands).
    """

    open: Single
    closed: Single
    is_closed: NDArray[np.bool_]
    moving_db: Single
    moving_part: Single

    @classmethod
    def of(cls, powers: Single) -> _Floors:
        """Return the floors of noise that is the same throughout, of shape (channels, bins)."""
        floors = np.maximum(powers, np.float32(LOWEST))[None]
        still = np.zeros((1, len(powers), 1), np.float32)
        return cls(floors, floors, np.zeros((len(powers), 1), np.bool_), still[0, :, None], still)

    def at(self, frame: int) -> Single:
        """Return the noise floor at one frame, of shape (channels, bins)."""
        floor = _between(self.open, frame)
        moving = _between(self.moving_part, frame)
        inside = np.clip(frame, 0, self.is_closed.shape[1] - 1)
        for channel in np.flatnonzero(moving.any(axis=1)):
            floor[channel] = _between_levels(
                floor[channel], self.moving_db[channel, inside], moving[channel]
            )
        closed = self.is_closed[:, inside]
        if closed.any():
            floor = np.where(closed[:, None], _between(self.closed, frame), floor)
        return floor


def _floors(stft: Stft, *, stationary: bool, progress: Callable[[float], object]) -> _Floors:
    """Return the noise floors of all stretches; those that tell of no noise have the lowest."""
    sound = _mean_squares(stft.samples)
    found: list[_Floors] = []
    for first in range(0, stft.count, _STRETCH_FRAMES):
        last = min(first + _STRETCH_FRAMES, stft.count)
        progress(first)
        whole = _stretch(stft, max(0, last - _STRETCH_FRAMES), last, sound)
        inside = slice(first - last, None)
        found.append(replace(whole, is_closed=whole.is_closed[:, inside],
                             moving_db=whole.moving_db[:, inside]))  # fmt: skip
    moving = np.stack([one.moving_part for one in found])
    return _Floors(
        _filled(np.stack([one.open for one in found]), stationary=stationary),
        _filled(np.stack([one.closed for one in found]), stationary=stationary),
        np.concatenate([one.is_closed for one in found], axis=1),
        np.concatenate([one.moving_db for one in found], axis=1),
        np.zeros_like(moving) if stationary else moving,
    )


def _filled(floors: Single, *, stationary: bool) -> Single:
    lowest = floors.min(axis=0)
    floors = np.where(np.isinf(floors) | stationary, lowest, floors)
    floors[np.isinf(floors)] = LOWEST
    return floors


class _Telling(NamedTuple):
    """What the frames of a stretch tell of the noise of one channel.

    Attributes:
        open: spectra of those that hold it as it was recorded, as power.
        closed: spectra of those that a gate turned down.
        is_open: which frames the first are.
        is_closed: which frames a gate turned down.
    """

    open: Single
    closed: Single
    is_open: NDArray[np.bool_]
    is_closed: NDArray[np.bool_]


def _stretch(stft: Stft, first: int, last: int, sound: NDArray[np.float64]) -> _Floors:
    """Return the noise floors of some frames; `sound` is the mean square of each channel."""
    channels, bins = len(sound), len(stft.window) // 2 + 1
    bands = bands_of(bins)
    floors = _Floors(
        np.full((channels, bins), np.inf, np.float32),
        np.full((channels, bins), np.inf, np.float32),
        np.zeros((channels, last - first), np.bool_),
        np.zeros((channels, last - first, bands), np.float32),
        np.zeros((channels, bands), np.float32),
    )
    for channel, told in enumerate(_telling(stft, first, last, sound)):
        floors.is_closed[channel] = told.is_closed
        if len(told.closed):
            floors.closed[channel] = floor_to_take(told.closed)
        if not len(told.open):
            continue
        floors.open[channel] = floor_to_take(told.open)
        pauses = noise_in_pauses(told.open)
        if pauses:
            floors.open[channel] = _between_levels(
                floors.open[channel], pauses.level_db, pauses.part
            )
            # frames that do not tell of it are as noisy as the last one that did
            known = np.maximum(np.cumsum(told.is_open) - 1, 0)
            floors.moving_db[channel] = pauses.moving_db[known]
            floors.moving_part[channel] = pauses.moving_part
    return floors


def _between_levels(floor: Single, level_db: Array | Single, part: Array | Single) -> Single:
    """Return a floor, and as far as it is to be believed that of the pauses, given by bands."""
    bins = len(floor)
    level = (np.log(10) / 10 * in_bins(level_db, bins)).astype(np.float32)
    believed = in_bins(part, bins).astype(np.float32)
    own = np.log(floor)
    between: Single = np.exp(own + believed * (level - own))
    return between


def _telling(stft: Stft, first: int, last: int, sound: NDArray[np.float64]) -> Iterator[_Telling]:
    """Yield what each channel of a stretch tells of its noise."""
    spectra = stft.spectra(first, last)
    window_power = float(np.sum(stft.window.astype(np.float64) ** 2))
    for spectrum, square in zip(spectra, sound, strict=True):
        power = spectrum.real**2 + spectrum.imag**2
        heard = above_rounding(power, window_power, square)
        is_closed = np.zeros_like(heard)
        is_closed[heard] = closed_frames(power[heard])
        beside = beside_muted(heard, OVERLAP)
        is_open, telling = heard & ~is_closed, is_closed & ~beside
        whole = is_open & ~beside
        is_open = whole if whole.any() else is_open
        telling = telling if telling.any() else is_closed
        yield _Telling(power[is_open], power[telling], is_open, is_closed)


def _mean_squares(samples: Single) -> NDArray[np.float64]:
    # einsum brings to float64 a buffer at a time
    sums = np.einsum("cf,cf->c", samples, samples, dtype=np.float64)
    squares: NDArray[np.float64] = sums / samples.shape[1]
    return squares


def _between(floors: Single, frame: int) -> Single:
    """Return the noise floor at one frame: the middle of a stretch has its own."""
    place = np.clip(frame / _STRETCH_FRAMES - 0.5, 0, len(floors) - 1)
    before = int(place)
    after = min(before + 1, len(floors) - 1)
    part = np.float32(place - before)
    mean: Single = (1 - part) * floors[before] + part * floors[after]
    return mean


def _gain(snr: Single, clean: Single) -> Single:
    """Return the log-MMSE gain: by the SNR of this frame and the cleaned one of the last."""
    one = np.float32(1)
    prior = np.float32(_MEMORY) * clean + np.float32(1 - _MEMORY) * np.maximum(snr - one, 0)
    wiener = one - one / (one + np.maximum(prior, np.float32(_LEAST_SNR)))
    gain: Single = wiener * _above_wiener(wiener * snr)
    return np.minimum(gain, one)


def _above_wiener(v: Single) -> Single:
    """Return exp(E1(v) / 2), with E1 the exponential integral, for v up to `_MOST_SNR`.

    From a table, between whose places it is linear, to -126 dB. The first bits of a number say
    where it stands there, since the places are as close together as numbers are.
    """
    first, values, slopes = _table()
    v = np.maximum(v, np.float32(_LEAST_V))
    index = (v.view(np.int32) >> _FINENESS) - first
    found: Single = values[index] + slopes[index] * v
    return found


@cache
def _table() -> tuple[int, Single, Single]:
    """Return which first bits the table begins with, and in each place what a line is there."""
    from scipy.special import exp1

    first, last = np.array([_LEAST_V, _MOST_SNR], np.float32).view(np.int32) >> _FINENESS
    places = (np.arange(first, last + 2, dtype=np.int32) << _FINENESS).view(np.float32)
    v = places.astype(np.float64)
    heights = np.exp(exp1(v) / 2)
    slopes = np.diff(heights) / np.diff(v)
    values = heights[:-1] - slopes * v[:-1]
    return int(first), values.astype(np.float32), slopes.astype(np.float32)


def _smoothed(snr: Single) -> Single:
    """Return the weighted mean of the neighbourhood in time and frequency."""
    return _mean_around(snr, _FRAMES_AROUND, _BINS_AROUND)


def _in_absence(snr: Single) -> Single:
    """Return the gains by the presence of anything but noise: 1 where there is something."""
    bins = snr.shape[2]
    padded = np.pad(snr, ((0, 0), (0, 0), (0, -bins % _BAND_BINS)), mode="edge")
    bands = padded.reshape(*snr.shape[:2], -1, _BAND_BINS).mean(axis=3)
    wide_db = 10 * np.log10(_mean_around(bands, _FRAMES_WIDE, _BANDS_WIDE) + np.float32(1e-10))
    absence = np.clip((_PRESENT_DB - wide_db) / (_PRESENT_DB - _ABSENT_DB), 0, 1)
    gains = np.float32(_LEAST_IN_ABSENCE) ** absence
    place = np.clip((np.arange(bins) - (_BAND_BINS - 1) / 2) / _BAND_BINS, 0, gains.shape[2] - 1)
    before = place.astype(int)
    after = np.minimum(before + 1, gains.shape[2] - 1)
    between: Single = gains[:, :, before]
    between += (gains[:, :, after] - between) * (place - before).astype(np.float32)
    return between


def _mean_around(snr: Single, frames: NDArray[np.float64], bins: NDArray[np.float64]) -> Single:
    """Return weighted means over neighbouring frames and bins, or bands of them."""
    from scipy.ndimage import convolve1d

    over_time = convolve1d(snr, frames, axis=1, mode="nearest")
    mean: Single = convolve1d(over_time, bins, axis=2, mode="nearest")
    return mean
