"""noisereduce's gate from block to block: the frames it sees, the rules by which it lets them pass.

noisereduce computes a sound as a whole, or in chunks that do not fit together. Here each block is
computed with what it needs of the others: the loudest moment at each frequency, the state of the
running mean on both sides, the neighbouring frames of the mask. Thresholds, smoothing kernel and
sigmoid are noisereduce's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]
Array = NDArray[np.float64]
Spectra = NDArray[np.complex128]

#: The silence that noisereduce puts before and after a sound.
_PADDING = 30_000
_FRAMES_AT_ONCE = 512
_RANGE_DB = 80.0


class Frames:
    """The frames of a sound as scipy's ``stft`` makes them, with noisereduce's silence around it.

    Args:
        samples: of shape (channels, frames).
        n_fft: length of the spectra.
        window: length of the window, a Hann window.
        hop: from one window to the next.
    """

    def __init__(self, samples: Single, n_fft: int, window: int, hop: int) -> None:
        self.samples = samples
        self.hop = hop
        self._n_fft = n_fft
        self._window: Array = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        padded = samples.shape[1] + 2 * _PADDING
        self.count = (padded + 2 * (window // 2) - window) // hop + 1

    def blocks(self) -> list[tuple[int, int]]:
        """Return the first and the last frame (exclusive) of what is computed at once."""
        starts = range(0, self.count, _FRAMES_AT_ONCE)
        return [(start, min(start + _FRAMES_AT_ONCE, self.count)) for start in starts]

    def spectra(self, channel: int, first: int, last: int) -> Spectra:
        """Return the spectra of some frames, of shape (bins, frames)."""
        from scipy.fft import rfft

        window = len(self._window)
        start = first * self.hop - window // 2 - _PADDING
        heard = self._stretch(channel, start, start + (last - first - 1) * self.hop + window)
        views = np.lib.stride_tricks.sliding_window_view(heard, window)[:: self.hop]
        found: Spectra = rfft(views * self._window, self._n_fft, axis=1).T / self._window.sum()
        return found

    def synthesis(self, channel: int, gains: Iterator[Array]) -> Iterator[Array]:
        """Yield the sound of one channel again, block by block, each frame times its gain.

        Args:
            channel: which.
            gains: of shape (bins, frames), a block after the other.
        """
        from scipy.fft import irfft

        window, hop = len(self._window), self.hop
        weights = np.array([np.sum(self._window[phase::hop] ** 2) for phase in range(hop)])
        frames = self.samples.shape[1]
        begun = np.zeros(window - hop)
        position = -(window // 2) - _PADDING  # of what is finished next, in the sound
        for (first, last), gain in zip(self.blocks(), gains, strict=True):
            gated = self.spectra(channel, first, last) * gain
            waves = irfft(gated.T, self._n_fft, axis=1)[:, :window]
            waves *= self._window * self._window.sum()
            total = np.zeros((last - first) * hop + window - hop)
            total[: len(begun)] = begun
            for index, wave in enumerate(waves):
                total[index * hop : index * hop + window] += wave
            finished, begun = total[: (last - first) * hop], total[(last - first) * hop :].copy()
            finished /= np.tile(weights, last - first)
            inside = slice(max(0, -position), max(0, min(len(finished), frames - position)))
            position += len(finished)
            yield finished[inside]

    def _stretch(self, channel: int, start: int, stop: int) -> Array:
        heard = np.zeros(stop - start)
        inside = self.samples[channel, max(0, start) : max(0, stop)]
        heard[max(0, -start) :][: len(inside)] = inside
        return heard


class Rule(Protocol):
    """What decides how much of each frame and frequency passes."""

    def gains(self, channel: int) -> Iterator[Array]:
        """Yield the gains of a channel, of shape (bins, frames), for each block of its frames."""


class Threshold:
    """What lies above a threshold passes (``stationary=True``)."""

    def __init__(
        self, frames: Frames, profile: Single, *, prop_decrease: float, **settings: Any
    ) -> None:
        from noisereduce.spectralgate.stationary import SpectralGateStationary

        gate = SpectralGateStationary(
            **_noisereduce(settings), prop_decrease=prop_decrease, y_noise=profile,
            clip_noise_stationary=False, time_constant_s=None,
        )  # fmt: skip
        self._frames = frames
        self._threshold_db: Array = gate.noise_thresh[:, None]
        self._prop_decrease = prop_decrease
        self._kernel = gate._smoothing_filter if gate.smooth_mask else None

    def gains(self, channel: int) -> Iterator[Array]:
        """Yield the gains of a channel, of shape (bins, frames), for each block of its frames."""
        return _smoothed(self._masks(channel), self._kernel)

    def _masks(self, channel: int) -> Iterator[Array]:
        blocks = self._frames.blocks()
        loudest = np.max([self._levels(channel, *block).max(axis=1) for block in blocks], axis=0)
        floor = loudest[:, None] - _RANGE_DB
        for block in blocks:
            above = np.maximum(self._levels(channel, *block), floor) > self._threshold_db
            yield above * self._prop_decrease + (1.0 - self._prop_decrease)

    def _levels(self, channel: int, first: int, last: int) -> Array:
        spectra = self._frames.spectra(channel, first, last)
        found: Array = 20 * np.log10(np.abs(spectra) + np.finfo(np.float64).eps)
        return found


class RunningMean:
    """What lies above the running mean of its frequency passes (``stationary=False``).

    The mean runs forwards and then backwards. A first pass over the sound remembers the state of
    the forward filter where each block begins, a second, from the end, that of the backward one.
    """

    def __init__(
        self,
        frames: Frames,
        *,
        prop_decrease: float,
        time_constant_s: float,
        thresh_n_mult_nonstationary: float,
        sigmoid_slope_nonstationary: float,
        **settings: Any,
    ) -> None:
        from noisereduce.spectralgate.nonstationary import SpectralGateNonStationary

        gate = SpectralGateNonStationary(
            **_noisereduce(settings), prop_decrease=prop_decrease,
            time_constant_s=time_constant_s,
            thresh_n_mult_nonstationary=thresh_n_mult_nonstationary,
            sigmoid_slope_nonstationary=sigmoid_slope_nonstationary,
        )  # fmt: skip
        self._frames = frames
        self._prop_decrease = prop_decrease
        self._kernel = gate._smoothing_filter if gate.smooth_mask else None
        self._multiple, self._slope = thresh_n_mult_nonstationary, sigmoid_slope_nonstationary
        constant = time_constant_s * settings["sr"] / frames.hop
        share = (np.sqrt(1 + 4 * constant**2) - 1) / (2 * constant**2)
        self._filter = [share], [1, share - 1]

    def gains(self, channel: int) -> Iterator[Array]:
        """Yield the gains of a channel, of shape (bins, frames), for each block of its frames."""
        for mask in _smoothed(self._masks(channel), self._kernel):
            yield mask * self._prop_decrease + (1.0 - self._prop_decrease)

    def _masks(self, channel: int) -> Iterator[Array]:
        from noisereduce.spectralgate.utils import sigmoid

        blocks = self._frames.blocks()
        forward = self._forward_states(channel, blocks)
        backward = self._backward_states(channel, blocks, forward)
        for block, state, state_after in zip(blocks, forward, backward, strict=True):
            heard = np.abs(self._frames.spectra(channel, *block))
            mean, _ = self._run(heard, state)
            mean = self._run(mean[:, ::-1], state_after)[0][:, ::-1]
            # Of silence the mean is 0 too, and what noisereduce makes of it no number.
            ratio = np.divide(heard - mean, mean, out=np.zeros_like(mean), where=mean > 0)
            yield sigmoid(ratio, -self._multiple, self._slope)

    def _forward_states(self, channel: int, blocks: list[tuple[int, int]]) -> list[Array]:
        states: list[Array] = []
        state: Array | None = None
        for block in blocks:
            heard = np.abs(self._frames.spectra(channel, *block))
            state = self._settled(heard[:, :1]) if state is None else state
            states.append(state)
            state = self._run(heard, state)[1]
        return states

    def _backward_states(
        self, channel: int, blocks: list[tuple[int, int]], forward: list[Array]
    ) -> list[Array]:
        states: list[Array] = []
        state: Array | None = None
        for block, begun in zip(reversed(blocks), reversed(forward), strict=True):
            mean = self._run(np.abs(self._frames.spectra(channel, *block)), begun)[0][:, ::-1]
            state = self._settled(mean[:, :1]) if state is None else state
            states.append(state)
            state = self._run(mean, state)[1]
        return states[::-1]

    def _settled(self, level: Array) -> Array:
        """Return the state of a filter that has heard a level for ever."""
        from scipy.signal import lfilter_zi

        found: Array = lfilter_zi(*self._filter) * level
        return found

    def _run(self, heard: Array, state: Array) -> tuple[Array, Array]:
        from scipy.signal import lfilter

        mean, after = lfilter(*self._filter, heard, axis=1, zi=state)
        return mean, after


def _noisereduce(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of noisereduce's gates: they are given no sound, only asked."""
    return {
        **settings,
        "y": np.zeros((1, 1)),
        "chunk_size": None,
        "padding": _PADDING,
        "tmp_folder": None,
        "use_tqdm": False,
        "n_jobs": 1,
    }


def _smoothed(masks: Iterator[Array], kernel: Array | None) -> Iterator[Array]:
    """Yield masks convolved with a kernel as if they were one, which is 0 beyond its ends."""
    from scipy.signal import fftconvolve

    if kernel is None:
        yield from masks
        return
    reach = kernel.shape[1] // 2
    held = np.zeros((0, reach))
    waiting: list[int] = []

    def convolved(width: int) -> Array:
        found: Array = fftconvolve(held[:, : width + 2 * reach], kernel, mode="same")
        return found[:, reach : reach + width]

    for mask in masks:
        held = np.hstack([held if len(held) else np.zeros((len(mask), reach)), mask])
        waiting.append(mask.shape[1])
        while waiting and held.shape[1] >= waiting[0] + 2 * reach:
            yield convolved(waiting[0])
            held = held[:, waiting.pop(0) :]
    held = np.pad(held, ((0, 0), (0, reach)))
    for width in waiting:
        yield convolved(width)
        held = held[:, width:]
