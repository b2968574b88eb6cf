"""Sounds that nodes are tried with, and what became of them, measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import Audio

_RATE = 44_100
_SQUARE: NDArray[np.float64] = np.tile(
    np.sign(np.sin(2 * np.pi * np.arange(4000) / 100 + 0.1)), (2, 1)
)


def _stereo(samples: NDArray[Any]) -> Callable[[], Audio]:
    return lambda: Audio(np.broadcast_to(samples, (2, samples.shape[-1])), _RATE)


def _noise(*, seconds: float = 0.1, rate: int = _RATE, channels: int = 2) -> Callable[[], Audio]:
    def make() -> Audio:
        random = np.random.default_rng(0)
        return Audio(0.1 * random.standard_normal((channels, round(seconds * rate))), rate)

    return make


#: Sounds that a node has to cope with, by what they are.
SOUNDS: Mapping[str, Callable[[], Audio]] = {
    "silence": _stereo(np.zeros(4000)),
    "0 samples": _stereo(np.zeros(0)),
    "1 sample": _stereo(np.full(1, 0.5)),
    "100 samples": _noise(seconds=100 / _RATE),
    "DC": _stereo(np.ones(4000)),
    "full-scale square": _stereo(_SQUARE),
    "far beyond full scale": _stereo(1e6 * _SQUARE),
    "denormal": _stereo(np.full(4000, 1e-42)),
    "one silent channel": _stereo(_SQUARE * np.array([[1.0], [0.0]])),
    **{f"{channels} channels": _noise(channels=channels) for channels in (1, 2, 6, 9)},
    **{f"{rate} Hz": _noise(rate=rate) for rate in (8000, 11_025, 48_000, 96_000, 192_000)},
    "an odd rate": _noise(rate=96_001),
}


def music(*, seconds: float = 2.0, sample_rate: int = _RATE) -> Audio:
    """Return clean music, made up: plucked strings, a bass and a hi-hat, in stereo, no hum or hiss.

    Args:
        seconds: its length.
        sample_rate: its rate, in Hz.

    Example:
        >>> music(seconds=0.5).samples.shape
        (2, 22050)
    """
    random = np.random.default_rng(1)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    left, right = np.zeros_like(time), np.zeros_like(time)
    for number, start in enumerate(np.arange(0, seconds, 0.25)):
        since = np.maximum(time - start, 0.0)
        began = time >= start
        pitch = (220.0, 277.2, 329.6, 415.3)[number % 4]
        string = sum(
            np.sin(2 * np.pi * pitch * part * since) * np.exp(-(3 + 2 * part) * since) / part
            for part in range(1, 9)
        )
        bass = np.sin(2 * np.pi * 55.0 * since) * np.exp(-6 * since)
        hat = random.standard_normal(len(time)) * np.exp(-60 * since)
        side = 0.3 + 0.4 * (number % 2)
        left += began * ((1 - side) * 0.2 * string + 0.2 * bass + 0.03 * hat)
        right += began * (side * 0.2 * string + 0.2 * bass + 0.03 * hat)
    return Audio(np.stack([left, right]), sample_rate)


# -- measuring -------------------------------------------------------------------------------------


def frame_by_frame(sound: Audio) -> Audio:
    """Return a sound as it lies in a store: the channels of one frame after those of another."""
    content = np.ascontiguousarray(sound.samples.T).tobytes()
    samples = np.frombuffer(content, np.float32).reshape(sound.samples.shape[::-1]).T
    return sound.with_samples(samples)


def change_db(changed: Audio, sound: Audio) -> float:
    """Return the energy of what was changed against that of the sound, in dB."""
    before = sound.samples.astype(np.float64)
    difference = np.sum((changed.samples - before) ** 2)
    return float(10 * np.log10(difference / np.sum(before**2))) if difference else -np.inf


def lag(heard: Audio, sound: Audio) -> int:
    """Return by how many frames a sound fits best to another one, up to 0.1 s either way.

    By the phases of all frequencies alike (the phase transform of Knapp and Carter, 1976): a filter
    shifts the phase around its corner, but only a delay does so throughout.
    """
    size = 2 * sound.frames
    cross = sum(
        np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
        for one, other in zip(heard.samples, sound.samples, strict=True)
    )
    fit = np.abs(np.fft.irfft(cross / np.maximum(np.abs(cross), 1e-9), size))
    furthest = sound.sample_rate // 10
    return int(np.roll(fit, furthest)[: 2 * furthest + 1].argmax()) - furthest
