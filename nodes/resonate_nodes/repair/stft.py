"""Spectra of a sound frame by frame, and back, in float32 and block by block.

Frames overlap by three quarters. A sound is taken to go on mirrored beyond both ends, so that its
first and last moments are surrounded by something like themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]
Spectra = NDArray[np.complex64]

OVERLAP = 4
_FRAMES_AT_ONCE = 128


def sine_window(length: int) -> Single:
    """Return a window whose square adds up to a constant: for use before and after a change."""
    return np.sin(np.pi * (np.arange(length) + 0.5) / length).astype(np.float32)


class Stft:
    """The frames of a sound.

    Frame i begins at ``(i - 3) * hop``, so that each sample lies in four of them. There are frames
    beyond both ends: of what is mirrored there.

    Args:
        samples: the sound, shape (channels, frames).
        window: as long as a frame; a multiple of four.
    """

    def __init__(self, samples: Single, window: Single) -> None:
        self.samples = samples
        self.window = window
        self.hop = len(window) // OVERLAP
        #: how many frames it takes to cover the sound
        self.count = -(-samples.shape[1] // self.hop) + OVERLAP - 1

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield the first and the last frame (exclusive) of what is worked on at once."""
        for first in range(0, self.count, _FRAMES_AT_ONCE):
            yield first, min(first + _FRAMES_AT_ONCE, self.count)

    def spectra(self, first: int, last: int) -> Spectra:
        """Return the spectra of some frames, of shape (channels, frames, bins)."""
        from scipy.fft import rfft

        start = (first - OVERLAP + 1) * self.hop
        heard = self._stretch(start, start + (last - first + OVERLAP - 1) * self.hop)
        frames = np.lib.stride_tricks.sliding_window_view(heard, len(self.window), axis=1)
        found: Spectra = rfft(frames[:, :: self.hop] * self.window, axis=2)
        return found

    def _stretch(self, start: int, stop: int) -> Single:
        """Return the samples from start to stop, mirrored beyond the ends."""
        frames = self.samples.shape[1]
        if start >= 0 and stop <= frames:
            return self.samples[:, start:stop]
        places = np.arange(start, stop) % (2 * frames)
        return self.samples[:, np.minimum(places, 2 * frames - 1 - places)]


class Synthesis:
    """Puts a sound together from the spectra of its frames, in order.

    Args:
        stft: what the frames are of.
        window: the second window.
    """

    def __init__(self, stft: Stft, window: Single) -> None:
        self._hop = stft.hop
        self._frames = stft.samples.shape[1]
        self._length = len(window)
        squares = (stft.window * window).astype(np.float64).reshape(OVERLAP, stft.hop)
        self._window = (window.reshape(OVERLAP, -1) / squares.sum(axis=0)).astype(np.float32)
        channels = len(stft.samples)
        self._begun = np.zeros((channels, OVERLAP - 1, stft.hop), np.float32)
        self._next = -(OVERLAP - 1) * stft.hop

    def add(self, spectra: Spectra) -> tuple[int, Single]:
        """Take the next frames; return what is finished, and where it begins in the sound.

        The sums are made in the same order however many frames are given at once.
        """
        from scipy.fft import irfft

        channels, count, _ = spectra.shape
        waves = irfft(spectra, self._length, axis=2).reshape(channels, count, OVERLAP, self._hop)
        waves *= self._window
        total = np.zeros((channels, count + OVERLAP - 1, self._hop), np.float32)
        total[:, : OVERLAP - 1] = self._begun
        for part in reversed(range(OVERLAP)):
            total[:, part : part + count] += waves[:, :, part]
        self._begun = total[:, count:].copy()
        finished = total[:, :count].reshape(channels, -1)
        start, self._next = self._next, self._next + count * self._hop
        skipped = max(0, -start)
        return start + skipped, finished[:, skipped : self._frames - start]
