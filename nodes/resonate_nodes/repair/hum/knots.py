"""Points in time, a few periods apart, at which a hum is described, and what a sound has there.

A hum is its base frequency at each knot, and the amplitude and the phase of each harmonic. Between
the knots all of these change linearly.

A base whose frequency is the same throughout, as that of the mains is for minutes, turns alike from
each knot to the next, but for the phase it begins with: what all these rows of samples have of each
harmonic is then one product of matrices, and so is their sum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Single = NDArray[np.float32]

# Each harmonic is brought down to 0 Hz and kept at knots: 0.4 of them per period of the base.
_KNOTS_PER_PERIOD = 0.4
_KNOTS_AT_ONCE = 32


class Knots:
    """Points in time, a few periods apart, at which the hum is described.

    Between them its frequency, and the amplitude of each harmonic, change linearly.
    """

    def __init__(self, frames: int, sample_rate: int, base_hz: float) -> None:
        self.base_hz = base_hz
        self.sample_rate = sample_rate
        #: frames from one to the next
        self.hop = max(1, round(sample_rate / (_KNOTS_PER_PERIOD * base_hz)))
        self.per_second = sample_rate / self.hop
        self._frames = frames
        self._rows = frames // self.hop + 1

    def __len__(self) -> int:
        return self._rows + 1

    def amplitudes(
        self,
        samples: Single,
        frequencies: Array,
        harmonics: int,
        progress: Callable[[float], None],
    ) -> Complex:
        """Return the complex amplitude of each harmonic at each knot, by channel.

        Each is a mean under a Hann window that reaches two knots to either side; at the ends, the
        nearest that does so within the sound.
        """
        window = np.hanning(4 * self.hop + 1)[:-1].reshape(4, self.hop).T
        parts = np.zeros((len(samples), harmonics, self._rows + 4, 4), np.complex128)
        mass = np.zeros((self._rows + 4, 4))
        waves = self._waves(frequencies, harmonics)
        for first, last in self._stretches():
            progress(first / self._rows)
            place = slice(first + 2, last + 2)
            mass[place] = self._inside(first, last) @ window
            heard = self._samples(samples, first, last)
            parts[:, :, place] = waves.heard_in(heard, first, window)
        count = self._rows + 1
        total = sum(parts[:, :, part : part + count, part] for part in range(4))
        weight = sum(mass[part : part + count, part] for part in range(4))
        whole = np.flatnonzero(weight > (1 - 1e-9) * window.sum())
        nearest = np.clip(np.arange(count), whole[0], whole[-1])
        mean: Complex = (total / window.sum())[:, :, nearest]
        return mean

    def sums(self, frequencies: Array, amplitudes: Complex) -> Iterator[tuple[int, Array]]:
        """Yield the sum of the harmonics in stretches of a sound: where each begins, its samples.

        Args:
            frequencies: of the base, at each knot.
            amplitudes: of each harmonic at each knot, by channel; half of what a sinusoid has.
        """
        waves = self._waves(frequencies, amplitudes.shape[1])
        for first, last in self._stretches():
            added = waves.sum_of(amplitudes[:, :, first : last + 1], first)
            yield first * self.hop, added.reshape(len(amplitudes), -1)[:, : self._left(first)]

    def turned(self, amplitudes: Complex, frequency_hz: float) -> Complex:
        """Return amplitudes that were found at the base as they are at a frequency beside it."""
        times = np.arange(amplitudes.shape[2]) / self.per_second
        away = 2 * np.pi * (frequency_hz - self.base_hz) * times
        numbers = np.arange(1, amplitudes.shape[1] + 1)
        turned: Complex = amplitudes * np.exp(-1j * np.outer(numbers, away))
        return turned

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Yield the rows from one knot to the next that are worked on at once: first, last."""
        for first in range(0, self._rows, _KNOTS_AT_ONCE):
            yield first, min(first + _KNOTS_AT_ONCE, self._rows)

    def _left(self, first: int) -> int:
        """Return how many frames there are from a row on."""
        return self._frames - first * self.hop

    def _samples(self, samples: Single, first: int, last: int) -> Array:
        """Return the samples of rows, zeros beyond the end: (channels, rows, hop)."""
        inside = samples[:, first * self.hop : last * self.hop]
        rows = np.zeros((len(samples), (last - first) * self.hop))
        rows[:, : inside.shape[1]] = inside
        return rows.reshape(len(samples), last - first, self.hop)

    def _inside(self, first: int, last: int) -> Array:
        """Return ones where rows are within the sound, zeros beyond the end."""
        frames = np.arange((last - first) * self.hop).reshape(-1, self.hop)
        return np.where(frames < self._left(first), 1.0, 0.0)

    def _waves(self, frequencies: Array, harmonics: int) -> _Waves:
        steps = 2 * np.pi * frequencies / self.sample_rate
        starts = np.concatenate([[0.0], np.cumsum(self.hop * (steps[1:] + steps[:-1]) / 2)])
        waves = _Steady if np.ptp(frequencies) == 0 else _Moving
        return waves(steps, starts, self.hop, harmonics)


class _Waves(ABC):
    """The harmonics of a base: exp(j phase), in rows of samples from one knot to the next."""

    def __init__(self, steps: Array, starts: Array, hop: int, harmonics: int) -> None:
        self.steps, self.starts = steps, starts
        self.frames = np.arange(hop)
        self.harmonics = harmonics

    @abstractmethod
    def heard_in(self, heard: Array, first: int, window: Array) -> Complex:
        """Return what rows from some knot on have of each harmonic, under windows.

        Args:
            heard: the rows, shape (channels, rows, hop).
            first: the knot at which they begin.
            window: parts of a window, shape (hop, parts).

        Returns:
            Of shape (channels, harmonics, rows, parts).
        """

    @abstractmethod
    def sum_of(self, levels: Complex, first: int) -> Array:
        """Return the sum of the harmonics in rows from some knot on: (channels, rows, hop).

        Args:
            levels: of each at each knot, the last one's end too: (channels, harmonics, rows + 1).
            first: the knot at which the rows begin.
        """


class _Steady(_Waves):
    """Those of a frequency that is the same throughout: every row the same, turned."""

    def __init__(self, steps: Array, starts: Array, hop: int, harmonics: int) -> None:
        super().__init__(steps, starts, hop, harmonics)
        self._numbers = np.arange(1, harmonics + 1)
        self._row = np.exp(1j * np.multiply.outer(steps[0] * self._numbers, self.frames))

    def heard_in(self, heard: Array, first: int, window: Array) -> Complex:
        """See `_Waves`."""
        waves = (self._row.conj()[:, None] * window.T).reshape(-1, len(self.frames))
        product = heard @ np.concatenate([waves.real, waves.imag]).T
        real, imag = np.moveaxis(product.reshape(*heard.shape[:2], 2, -1, window.shape[1]), 2, 0)
        turns = self._turns(first, heard.shape[1])[..., None]
        found: Complex = np.moveaxis(real + 1j * imag, 1, 2) * turns.conj()
        return found

    def sum_of(self, levels: Complex, first: int) -> Array:
        """See `_Waves`."""
        rows = levels.shape[2] - 1
        turns = 2 * self._turns(first, rows)
        begin, rise = levels[:, :, :-1] * turns, np.diff(levels, axis=2) * turns
        ramp = self.frames / len(self.frames)
        waves = np.concatenate([self._row, self._row * ramp])
        factors = np.concatenate([begin, rise], axis=1)
        both = np.concatenate([factors.real, -factors.imag], axis=1)
        added: Array = np.swapaxes(both, 1, 2) @ np.concatenate([waves.real, waves.imag])
        return added

    def _turns(self, first: int, rows: int) -> Complex:
        """Return by what each harmonic is turned in each row: (harmonics, rows)."""
        starts = self.starts[first : first + rows]
        turns: Complex = np.exp(1j * np.multiply.outer(self._numbers, starts))
        return turns


class _Moving(_Waves):
    """Those of a frequency that changes linearly from one knot to the next."""

    def heard_in(self, heard: Array, first: int, window: Array) -> Complex:
        """See `_Waves`."""
        base = self._base(first, heard.shape[1]).conj()
        turned = heard.astype(np.complex128)
        found = []
        for _ in range(self.harmonics):
            turned *= base
            found.append(turned @ window)
        return np.stack(found, axis=1)

    def sum_of(self, levels: Complex, first: int) -> Array:
        """See `_Waves`."""
        base = self._base(first, levels.shape[2] - 1)
        ramp = self.frames / len(self.frames)
        wave = np.ones_like(base)
        added = np.zeros((len(levels), *base.shape))
        for level in np.moveaxis(levels, 1, 0)[..., None]:
            wave *= base
            added += 2 * ((level[:, :-1] + np.diff(level, axis=1) * ramp) * wave).real
        return added

    def _base(self, first: int, rows: int) -> Complex:
        """Return exp(j phase) of the base, a row of samples from each knot."""
        steps = self.steps[first : first + rows + 1, None]
        bend = np.diff(steps, axis=0) / (2 * len(self.frames))
        phase = self.starts[first : first + rows, None] + steps[:-1] * self.frames
        base: Complex = np.exp(1j * (phase + bend * self.frames**2))
        return base
