"""Points in time, a few periods apart, at which a hum is described, and what a sound has there.

A hum is its base frequency at each knot, and the amplitude and the phase of each harmonic. Between
the knots all of these change linearly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Each harmonic is brought down to 0 Hz and kept at knots: 0.4 of them per period of the base.
_KNOTS_PER_PERIOD = 0.4
_KNOTS_AT_ONCE = 256


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
        self._rows = frames // self.hop + 1

    def __len__(self) -> int:
        return self._rows + 1

    def waves(self, frequencies: Array) -> Iterator[tuple[int, int, Complex]]:
        """Yield (first, last, wave): exp(j phase) of the base, a row of samples from each knot."""
        steps = 2 * np.pi * frequencies / self.sample_rate
        starts = np.concatenate([[0.0], np.cumsum(self.hop * (steps[1:] + steps[:-1]) / 2)])
        frames = np.arange(self.hop)
        for first in range(0, self._rows, _KNOTS_AT_ONCE):
            last = min(first + _KNOTS_AT_ONCE, self._rows)
            bend = (steps[first + 1 : last + 1] - steps[first:last]) / (2 * self.hop)
            phase = starts[first:last, None] + steps[first:last, None] * frames
            yield first, last, np.exp(1j * (phase + bend[:, None] * frames**2))

    def rows(self, samples: Array, first: int, last: int) -> Array:
        """Return the samples from each knot to the next, zeros beyond the end."""
        inside = samples[..., first * self.hop : last * self.hop]
        missing = (last - first) * self.hop - inside.shape[-1]
        padded = np.pad(inside, [*[(0, 0)] * (inside.ndim - 1), (0, missing)])
        return padded.reshape(*inside.shape[:-1], last - first, self.hop)

    def amplitudes(
        self,
        samples: Array,
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
        ones = np.ones(samples.shape[1])
        for first, last, wave in self.waves(frequencies):
            progress(first / self._rows)
            place = slice(first + 2, last + 2)
            mass[place] = self.rows(ones, first, last) @ window
            heard = self.rows(samples, first, last).astype(np.complex128)
            for harmonic in range(harmonics):
                heard *= wave.conj()
                parts[:, harmonic, place] = heard @ window
        count = self._rows + 1
        total = sum(parts[:, :, part : part + count, part] for part in range(4))
        weight = sum(mass[part : part + count, part] for part in range(4))
        whole = np.flatnonzero(weight > (1 - 1e-9) * window.sum())
        nearest = np.clip(np.arange(count), whole[0], whole[-1])
        mean: Complex = (total / window.sum())[:, :, nearest]
        return mean

    def turned(self, amplitudes: Complex, frequency_hz: float) -> Complex:
        """Return amplitudes that were found at the base as they are at a frequency beside it."""
        times = np.arange(amplitudes.shape[2]) / self.per_second
        away = 2 * np.pi * (frequency_hz - self.base_hz) * times
        numbers = np.arange(1, amplitudes.shape[1] + 1)
        turned: Complex = amplitudes * np.exp(-1j * np.outer(numbers, away))
        return turned
