"""torchaudio's windowed sinc on a device: sample rates converted block by block, without seams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import torchaudio

from .._common.exactness import exact_convolutions

Single = NDArray[np.float32]

#: A sinc under a Kaiser window: zero crossings on each side, the middle of its slope as a ratio of
#: half the lower rate, and the window's shape.
_ZEROS, _ROLLOFF, _BETA = 96, 0.95, 13.0
#: As large as its table may be: two rates with few factors in common need one value per pair.
_MOST_VALUES = 20_000_000
#: How many groups of samples are converted at once; an accelerator of Apple's takes no more.
_GROUPS_AT_ONCE = 50_000


def fits(rate: int, new_rate: int) -> bool:
    """Whether two rates have enough in common for a table of the sinc to be of use."""
    group, new_group = _groups(rate, new_rate)
    return new_group * (2 * _reach(group, new_group) + group) <= _MOST_VALUES


class Sinc:
    """Conversion from one rate to another: linear phase, no delay.

    Flat within 0.01 dB up to 0.90 of half the lower rate; what it adds lies below -120 dB. The
    samples do not depend on the device but for rounding: where it fails, the CPU goes on.

    Args:
        rate: the rate of what comes in, in Hz.
        new_rate: the rate of what comes out, in Hz; the two have to pass `fits`.
        device: where to compute: ``cpu``, ``mps`` or ``cuda:N``.
        fell: told what was done when the device failed.

    Attributes:
        device: where it computes now.
    """

    def __init__(
        self,
        rate: int,
        new_rate: int,
        device: str,
        *,
        fell: Callable[[str], None] = lambda message: None,
    ) -> None:
        import torch

        self.device = device
        self._fell = fell
        self._group, self._new_group = _groups(rate, new_rate)
        self._around = -(-_reach(self._group, self._new_group) // self._group) + 1
        # In 64-bit floats: the phases of a 32-bit table leave noise at -105 dB.
        self._resample: Any = torchaudio().transforms.Resample(
            rate, new_rate, "sinc_interp_kaiser", _ZEROS, _ROLLOFF, _BETA, dtype=torch.float64
        )
        self._resample.kernel = self._resample.kernel.float()

    def converted(self, blocks: Iterable[Single], channels: int, frames: int) -> Iterator[Single]:
        """Yield at the new rate what comes in blocks, whatever those are.

        What is held at a time is a block and as much around it as the sinc is long.

        Args:
            blocks: of shape (channels, frames), from beginning to end.
            channels: how many channels they have.
            frames: how many frames there will be: fewer than it gives, or silence at the end.
        """
        left = frames
        for part in self._stretches(blocks, channels):
            kept = part[:, :left]
            left -= kept.shape[1]
            yield kept
        yield np.zeros((channels, left), np.float32)

    def _stretches(self, blocks: Iterable[Single], channels: int) -> Iterator[Single]:
        """Yield stretches that begin and end where samples of both rates coincide.

        Each is computed with what stands around it.
        """
        heard = np.zeros((channels, 0), np.float32)
        before = 0  # groups of what was heard that are done already
        for block in blocks:
            heard = np.concatenate([heard, block], axis=1)
            while (ready := heard.shape[1] // self._group - before - self._around) > 0:
                step = min(ready, _GROUPS_AT_ONCE)
                known = heard[:, : (before + step + self._around) * self._group]
                yield self._stretch(known, before, step)
                forgotten = max(0, before + step - self._around)
                heard = heard[:, forgotten * self._group :]
                before += step - forgotten
        while (ready := -(-heard.shape[1] // self._group) - before) > 0:
            step = min(ready, _GROUPS_AT_ONCE)
            yield self._stretch(heard, before, step)
            before += step

    def _stretch(self, heard: Single, before: int, step: int) -> Single:
        """Return so many groups at the new rate, after those before."""
        found = self._computed(np.ascontiguousarray(heard))
        return found[:, before * self._new_group : (before + step) * self._new_group]

    def _computed(self, heard: Single) -> Single:
        import torch

        try:
            with torch.no_grad(), exact_convolutions(self.device):
                given = torch.from_numpy(heard).to(self.device)
                found: Single = self._resample.to(self.device)(given).cpu().numpy()
        except (RuntimeError, AssertionError) as error:  # so torch says what it lacks
            if self.device == "cpu":
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            self._fell(f"{self.device} cannot convert sample rates ({reason}); the CPU does")
        else:
            return found
        self.device = "cpu"
        return self._computed(heard)


def _groups(rate: int, new_rate: int) -> tuple[int, int]:
    """Return how many samples of each rate last equally long."""
    shared = gcd(rate, new_rate)
    return rate // shared, new_rate // shared


def _reach(group: int, new_group: int) -> int:
    """Return how many samples the sinc reaches to either side."""
    return int(np.ceil(_ZEROS * group / (min(group, new_group) * _ROLLOFF)))
