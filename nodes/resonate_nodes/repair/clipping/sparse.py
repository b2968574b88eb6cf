"""Peaks that were cut off, rebuilt: the simplest spectrum that agrees with all that is known.

What is known of a sample is an interval: its own value where it was not clipped, all beyond the
level where it was. Of the waveforms that lie within, the one is sought whose short-time spectrum
has the fewest and the most persistent components. Three results are joined; each lies within the
intervals, so their mean does.

1. Social sparsity: each coefficient is shrunk by what its neighbours in time and frequency say too.
   The shrinkage is the persistent empirical Wiener (PEW) of K. Siedenburg, M. Kowalski, M. Dörfler,
   *Audio declipping with social sparsity* (ICASSP 2014); the problem is solved in its analysis form
   by the alternating direction method of multipliers (ADMM), with momentum, while the threshold
   falls from far above the sound to far below it.
2. The same from there on with frames of half the length, for what is short.
3. Hard thresholding from there on, as A-SPADE does it: S. Kitić, N. Bertin, R. Gribonval, *Sparsity
   and cosparsity for audio declipping: a flexible non-convex approach* (LVA/ICA 2015).

Where much was clipped the errors to be told from the sound lie where it is strong itself, and faint
regions of the spectrum join in later: thresholds are weighted by the sound's own spectrum, as
P. Záviška, P. Rajmic, J. Schimmel weight them by hearing (*Psychoacoustically motivated audio
declipping based on weighted l1 minimization*, TSP 2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import Mask, Places, without_gaps
from ..._common.runs import runs as runs_of

Single = NDArray[np.float32]
Spectra = NDArray[np.complex64]

# Frames are as long as suits the sound: where the sum of its magnitudes is least. A longer one is
# taken where its sum is not larger than the least by so much. They overlap by half.
_FRAMES_SECONDS = (0.37, 0.186, 0.093, 0.046, 0.023)
_SLACK = 1.025
_OVERLAP = 2
# Longer stretches are worked on in pieces, which are faded into each other.
_PIECE_SECONDS = 6.0

# Thresholds are relative to the RMS of the sound. They fall in so many rounds; in more of them
# the more is clipped: where most is, peaks have to grow by several times.
_HIGHEST, _LOWEST = 20.0, 0.015
_CLIPPED_SHARE = (0.2, 0.5, 0.75)
_ROUNDS = (150, 225, 375)
_MOMENTUM = 0.8
# In half frames, and by hard thresholding.
_HIGHEST_REFINED, _ROUNDS_REFINED = 1.0, 40
_HIGHEST_HARD, _LOWEST_HARD, _ROUNDS_HARD = 3.0, 0.1, 30
# So much of the result comes from hard thresholding, where it is that far from the other, in dB
# against what was rebuilt; none where they agree.
_HARD_PART = 0.25
_AGREE_DB, _DIFFER_DB = -16.0, -12.0

# How much later faint regions join in: by this power of their level, told by the SDR of the clipped
# sound against the estimate; for the first rounds, by how much is clipped.
_WEIGHT_SDR_DB = (2.0, 6.0, 8.0, 13.0)
_WEIGHT = (0.25, 0.45, 0.45, 0.0)
_FIRST_ROUNDS, _FIRST_WEIGHT, _FIRST_WEIGHT_SHARE = 10, 0.22, 0.25
_ROUNDS_OF_A_WEIGHT = 5
_FAINTEST = 1e-6
# So many bins are worked on at once that they stay in the processor's own memory.
_BINS_AT_ONCE = 32_768
# Their transforms are taken four at a time: those that are left over take three times as long.
_FRAMES_AT_ONCE = 4
_TINY = 1e-20


class Rebuilt(NamedTuple):
    """A piece of a sound with its peaks back.

    Attributes:
        start: where it begins, in frames.
        samples: what is there now.
        part: how much of each sample comes from here. The rest is another piece's, or the sound's
            where nothing was clipped.
    """

    start: int
    samples: Single
    part: Single


def rebuilt(
    samples: Single, lowest: Single, highest: Single, sample_rate: int
) -> Iterator[Rebuilt]:
    """Yield the pieces of a sound in which something was clipped, rebuilt, in order of time.

    Args:
        samples: one channel as it was clipped, shape (frames,).
        lowest: the least that each sample can have been: itself where it was not clipped.
        highest: the most.
        sample_rate: in Hz.
    """
    cut_off = lowest < highest
    widest = _frame(_FRAMES_SECONDS[0], sample_rate)
    for piece in _pieces(cut_off, widest, round(_PIECE_SECONDS * sample_rate)):
        frame = _suited(_cut(samples, piece.start - widest, piece.stop + widest), sample_rate)
        part = piece.part()
        # what is far from all that was cut off is not worked on
        near = without_gaps(cut_off[piece.start : piece.stop], max(2 * frame, widest))
        for first, last in zip(*runs_of(near), strict=True):
            start, stop = piece.start + int(first), piece.start + int(last)
            known = _Known(
                *(_cut(one, start - frame, stop + frame) for one in (samples, lowest, highest))
            )
            yield Rebuilt(start, _joined(known, frame)[frame:-frame], part[first:last])


def _cut(samples: Single, start: int, stop: int) -> Single:
    """Return a stretch of a sound, with zeros beyond its ends."""
    beyond = (max(-start, 0), max(stop - len(samples), 0))
    return np.pad(samples[max(start, 0) : stop], beyond)


def _frame(seconds: float, sample_rate: int) -> int:
    return int(2 ** max(6, round(np.log2(seconds * sample_rate))))


def _suited(samples: Single, sample_rate: int) -> int:
    """Return the longest frame in which a sound is about as simple as in any other, in samples."""
    sizes = [_frame(seconds, sample_rate) for seconds in _FRAMES_SECONDS]
    sums = []
    for size in sizes:
        frames = _Frames(size, len(samples))
        sums.append(float(np.abs(frames.spectra(frames.padded(samples))).sum()))
    simple = (total <= _SLACK * min(sums) for total in sums)
    return next(size for size, fine in zip(sizes, simple, strict=True) if fine)


class _Piece(NamedTuple):
    """Where a piece lies, and how much of it is faded into those before and after."""

    start: int
    stop: int
    before: int
    after: int

    def part(self) -> Single:
        """Return how much of each sample comes from this piece."""
        part = np.ones(self.stop - self.start, np.float32)
        part[: self.before] = (np.arange(self.before) + 0.5) / max(self.before, 1)
        part[len(part) - self.after :] = 1 - (np.arange(self.after) + 0.5) / max(self.after, 1)
        return part


def _pieces(clipped: Mask, margin: int, longest: int) -> Iterator[_Piece]:
    """Yield pieces that hold all that is clipped; what lies far from it is in none."""
    for first, last in zip(*runs_of(without_gaps(clipped, 2 * margin)), strict=True):
        count = -(-int(last - first) // longest)
        edges: Places = np.linspace(first, last, count + 1).astype(int)
        shared = margin // 2 if count > 1 else 0
        for index, (start, stop) in enumerate(pairwise(edges.tolist())):
            before = shared if index else 0
            after = shared if index < count - 1 else 0
            yield _Piece(start - before // 2, stop + after - after // 2, before, after)


class _Known(NamedTuple):
    """What is known of a stretch: shape (frames,) each."""

    samples: Single
    lowest: Single
    highest: Single

    def clipped_share(self) -> float:
        """Return how much of it is clipped."""
        return float(np.mean(self.lowest < self.highest))

    def agreeing(self, wave: Single) -> Single:
        """Return the nearest waveform that agrees with what is known, in place."""
        np.maximum(wave, self.lowest, out=wave)
        return np.minimum(wave, self.highest, out=wave)


def _joined(known: _Known, frame: int) -> Single:
    """Return a stretch with its peaks rebuilt in three ways, joined.

    Args:
        known: the stretch, with a margin of a frame on both sides in which nothing need be right.
        frame: how long frames are, in samples.
    """
    level = np.sqrt(np.mean(np.square(known.samples, dtype=np.float64)))
    unit = _Known(*((one / level).astype(np.float32) for one in known))
    frames = _Frames(frame, len(unit.samples))
    rounds = round(float(np.interp(unit.clipped_share(), _CLIPPED_SHARE, _ROUNDS)))
    falling = np.geomspace(_HIGHEST, _LOWEST, rounds)
    social = _socially(frames, unit, unit.samples, falling, trusted_from=_FIRST_ROUNDS)
    halves = _Frames(frames.size // 2, frames.length)
    falling = np.geomspace(_HIGHEST_REFINED, _LOWEST, _ROUNDS_REFINED)
    refined = _socially(halves, unit, social, falling, trusted_from=0)
    hard = _hard(halves, unit, social)
    apart_db = _ratio_db(hard - social, social - unit.samples)
    part = _HARD_PART * np.interp(apart_db, (_AGREE_DB, _DIFFER_DB), (0.0, 1.0))
    both = (social + refined) / 2
    joined: Single = ((both + np.float32(part) * (hard - both)) * level).astype(np.float32)
    return joined


def _ratio_db(wave: Single, other: Single) -> float:
    """Return the energy of one against that of another."""
    above, below = (np.sum(np.square(one, dtype=np.float64)) for one in (wave, other))
    return float(10 * np.log10((above + _TINY) / (below + _TINY)))


def _up(count: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-count // step) * step


class _Frames:
    """A stretch as spectra of frames under a sine window, and back: a tight frame.

    But for the first and last half frame, which have no other over them. Frames are worked on in
    blocks, so few at a time that they stay near the processor, in memory that is taken once.
    """

    def __init__(self, size: int, length: int) -> None:
        self.size, self.length = size, length
        self.hop = size // _OVERLAP
        self.bins = size // 2 + 1
        self.count = _up(max(1, -(-(length - size) // self.hop) + 1), _FRAMES_AT_ONCE)
        #: how long a stretch is that whole frames cover
        self.whole = (self.count - 1) * self.hop + size
        step = min(self.count, _up(max(1, _BINS_AT_ONCE // self.bins), _FRAMES_AT_ONCE))
        self.blocks = [
            slice(first, min(first + step, self.count)) for first in range(0, self.count, step)
        ]
        self._window = np.sin(np.pi * (np.arange(size) + 0.5) / size).astype(np.float32)
        self._frames = np.empty((step, size), np.float32)
        self._spectra = np.empty((step, self.bins), np.complex64)
        self._power = np.empty((step, self.bins), np.float32)

    def padded(self, samples: Single) -> Single:
        """Return a stretch with zeros up to the end of its last frame."""
        return np.pad(samples, (0, self.whole - self.length))

    def spectra(self, wave: Single) -> Spectra:
        """Return the spectra of a padded stretch, shape (frames, bins)."""
        found = np.empty((self.count, self.bins), np.complex64)
        for block in self.blocks:
            found[block] = self.spectra_of(wave, block)
        return found

    def spectra_of(self, wave: Single, block: slice) -> Spectra:
        """Return the spectra of some frames of a padded stretch."""
        from scipy.fft import rfft

        hops = wave.reshape(-1, self.hop)
        frames = self._frames[: block.stop - block.start]
        for place in range(_OVERLAP):
            part = slice(place * self.hop, (place + 1) * self.hop)
            here = hops[block.start + place : block.stop + place]
            np.multiply(here, self._window[part], out=frames[:, part])
        spectra: Spectra = rfft(frames, axis=1, norm="ortho", overwrite_x=True)
        return spectra

    def add(self, spectra: Spectra, block: slice, wave: Single) -> None:
        """Add the sound of spectra, which are lost, to a padded stretch, from first to last."""
        from scipy.fft import irfft

        frames: Single = irfft(spectra, self.size, axis=1, norm="ortho", overwrite_x=True)
        frames *= self._window
        hops = wave.reshape(-1, self.hop)
        if not block.start:
            hops[0] = 0
        hops[block.start + 1 : block.stop + 1] = frames[:, self.hop :]
        hops[block] += frames[:, : self.hop]

    def powers_of(self, spectra: Spectra) -> Single:
        """Return the power of each bin of some frames, until the next call."""
        power = self._power[: len(spectra)]
        return np.square(np.abs(spectra, out=power), out=power)

    def without_twice(self, spectra: Spectra, part: Single) -> Spectra:
        """Leave a part of some spectra, and return the rest less that part, until the next call."""
        sign = self._power[: len(spectra)]
        np.multiply(part, np.float32(-2), out=sign)
        sign += np.float32(1)
        rest = np.multiply(spectra, sign, out=self._spectra[: len(spectra)])
        spectra *= part
        return rest


def _socially(
    frames: _Frames,
    known: _Known,
    start: Single,
    thresholds: NDArray[np.float64],
    *,
    trusted_from: int,
) -> Single:
    """Return a waveform that agrees with what is known and has few, persistent components.

    From the round `trusted_from` on the waveform so far tells how late faint regions join in.

    With A the frames' analysis, S the shrinkage, P the projection on what is known and u the dual,
    a round is: z = S(s), u = s - z, x = P(A* (z - u)), s = A x + u, and momentum on s.
    """
    wave = frames.padded(start)
    known = _Known(*(frames.padded(one) for one in known))
    envelope = _envelope(frames.spectra(known.samples))
    spectra = frames.spectra(wave)
    before = spectra.copy()
    weight = _FIRST_WEIGHT * min(1.0, known.clipped_share() / _FIRST_WEIGHT_SHARE)
    # the power of each bin with those beside it, between two frames without any
    powers = np.zeros((frames.count + 2, frames.bins), np.float32)
    for block in frames.blocks:
        _sum_of_three(frames.powers_of(spectra[block]), powers[1:-1][block])
    for index, threshold in enumerate(thresholds):
        if index >= trusted_from and index % _ROUNDS_OF_A_WEIGHT == 0:
            sdr_db = _ratio_db(wave, wave - known.samples)
            weight = float(np.interp(sdr_db, _WEIGHT_SDR_DB, _WEIGHT))
        later = envelope ** np.float32(-weight * (1 - index / len(thresholds)))
        least = np.float32(threshold**2) * later
        for block in frames.blocks:
            part = powers[:-2][block] + powers[1:-1][block]
            part += powers[2:][block]
            np.maximum(part, least, out=part)
            np.divide(least, part, out=part)
            frames.add(frames.without_twice(spectra[block], part), block, wave)
        known.agreeing(wave)
        for block in frames.blocks:
            dual, last = spectra[block].view(np.float32), before[block].view(np.float32)
            dual += frames.spectra_of(wave, block).view(np.float32)
            np.subtract(dual, last, out=last)
            last *= np.float32(_MOMENTUM)
            last += dual
            _sum_of_three(frames.powers_of(before[block]), powers[1:-1][block])
        spectra, before = before, spectra
    return wave[: frames.length]


def _sum_of_three(power: Single, sums: Single) -> None:
    """Sum the power of each bin and of the two beside it."""
    np.add(power[:, :-1], power[:, 1:], out=sums[:, :-1])
    sums[:, 1:-1] += power[:, :-2]
    np.add(power[:, -2], power[:, -1], out=sums[:, -1])


def _envelope(spectra: Spectra) -> Single:
    """Return the mean power of each bin and those around it against that of all, shape (bins,)."""
    from scipy.ndimage import uniform_filter1d

    power = np.mean(np.square(np.abs(spectra)), axis=0)
    width = max(3, (len(power) - 1) // 128) | 1
    for _ in range(2):
        power = uniform_filter1d(power, width, mode="nearest")
    envelope: Single = np.maximum(power / power.mean(), np.float32(_FAINTEST))
    return envelope


def _hard(frames: _Frames, known: _Known, start: Single) -> Single:
    """Return a waveform that agrees with what is known and has few components, whichever."""
    wave = frames.padded(start)
    known = _Known(*(frames.padded(one) for one in known))
    spectra = frames.spectra(wave)
    for threshold in np.geomspace(_HIGHEST_HARD, _LOWEST_HARD, _ROUNDS_HARD):
        for block in frames.blocks:
            weak = (frames.powers_of(spectra[block]) < threshold**2).astype(np.float32)
            frames.add(frames.without_twice(spectra[block], weak), block, wave)
        known.agreeing(wave)
        for block in frames.blocks:
            dual = spectra[block].view(np.float32)
            dual += frames.spectra_of(wave, block).view(np.float32)
    return wave[: frames.length]
