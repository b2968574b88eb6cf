"""Noise reduction: a noise floor that is sought, or told by a profile, and gains in two steps.

- Without a profile the noise floor of each stretch of some 12 s is sought in its own frames
  (`noise_spectrum`), and in those where all of the sound pauses (`noise_in_pauses`): there it may
  move with the noise. Those that were muted do not count, and those that a gate turned down have a
  floor of their own (`noise_frames`).
- The gains are those of `noise_gains`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..stft import OVERLAP, Single, Stft, Synthesis, sine_window
from .noise_frames import above_rounding, beside_muted, closed_frames, power_of, powers
from .noise_gains import MOST_SNR, REACH, Gains, Latest
from .noise_in_pauses import Array, bands_of, in_bins, noise_in_pauses
from .noise_spectrum import LOWEST, floor_to_take, noise_floor

_FRAME_SECONDS = 0.046
_STRETCH_FRAMES = 1024
# What all this makes of steady noise, against its mean power.
_FLOOR_OF_NOISE = 0.68
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
    gains, behind = Gains(len(samples), len(stft.window) // 2 + 1), Latest(REACH)
    for first, last in stft.blocks():
        start = first + REACH if first else -REACH
        spectra = stft.spectra(start, last + REACH)
        snr = power_of(spectra)
        snr /= floors.between(start, last + REACH)
        np.minimum(snr, np.float32(MOST_SNR), out=snr)
        gain = gains.following(snr)
        gain -= 1
        gain *= np.float32(strength)
        gain += 1
        spectra = behind.with_those_before(spectra)[:, -gain.shape[1] - REACH : -REACH]
        start, finished = synthesis.add(spectra * gain)
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

    def between(self, first: int, last: int) -> Single:
        """Return the noise floors of some frames, of shape (channels, frames, bins)."""
        floor = _between(self.open, first, last)
        moving = _between(self.moving_part, first, last)
        inside = np.clip(np.arange(first, last), 0, self.is_closed.shape[1] - 1)
        for channel, frame in np.argwhere(moving.any(axis=2)):
            floor[channel, frame] = _between_levels(
                floor[channel, frame],
                self.moving_db[channel, inside[frame]],
                moving[channel, frame],
            )
        closed = self.is_closed[:, inside]
        if closed.any():
            floor[closed] = _between(self.closed, first, last)[closed]
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
    window_power = float(np.sum(stft.window.astype(np.float64) ** 2))
    for power, square in zip(powers(stft, first, last), sound, strict=True):
        heard = above_rounding(power, window_power, square)
        is_closed = np.zeros_like(heard)
        is_closed[heard] = closed_frames(_those(power, heard))
        beside = beside_muted(heard, OVERLAP)
        is_open, telling = heard & ~is_closed, is_closed & ~beside
        whole = is_open & ~beside
        is_open = whole if whole.any() else is_open
        telling = telling if telling.any() else is_closed
        yield _Telling(_those(power, is_open), power[telling], is_open, is_closed)


def _those(power: Single, chosen: NDArray[np.bool_]) -> Single:
    return power if chosen.all() else power[chosen]


def _mean_squares(samples: Single) -> NDArray[np.float64]:
    # einsum brings to float64 a buffer at a time
    sums = np.einsum("cf,cf->c", samples, samples, dtype=np.float64)
    squares: NDArray[np.float64] = sums / samples.shape[1]
    return squares


def _between(floors: Single, first: int, last: int) -> Single:
    """Return the noise floors of some frames: the middle of a stretch has its own."""
    place = np.clip(np.arange(first, last) / _STRETCH_FRAMES - 0.5, 0, len(floors) - 1)
    before = place.astype(int)
    part = (place - before).astype(np.float32)[:, None]
    mean = np.empty((floors.shape[1], last - first, floors.shape[2]), np.float32)
    for index in range(before[0], before[-1] + 1):
        inside = slice(*np.searchsorted(before, [index, index + 1]))
        later = floors[min(index + 1, len(floors) - 1)]
        np.multiply(floors[index][:, None], 1 - part[inside], out=mean[:, inside])
        mean[:, inside] += later[:, None] * part[inside]
    return mean
