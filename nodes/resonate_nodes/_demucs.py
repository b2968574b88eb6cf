"""Applying Demucs' models: only those that are needed, reproducibly, on a given device."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import ModelError

from . import _weights

_CHANNELS = 2
_MAX_SHIFT_SECONDS = 0.5


class Separator:
    """A model, or a bag of models, that gives some of its stems.

    Args:
        files: the model on disk.
        stems: the stems to compute, of those the model has.
        overlap: how much neighbouring segments overlap, as a ratio.
        shifts: number of random shifts to average over; 0 for none.
        seed: of the shifts.
        device: where to compute.
    """

    def __init__(
        self,
        files: _weights.ModelFiles,
        stems: Sequence[str],
        *,
        overlap: float,
        shifts: int,
        seed: int,
        device: str,
    ) -> None:
        self.stems = tuple(stems)
        self._overlap = overlap
        self._shifts = shifts
        self._seed = seed
        self._device = device
        self._columns = [files.stems.index(name) for name in stems]
        matrix = files.weights or tuple((1.0,) * len(files.stems) for _ in files.files)
        self._totals = [sum(row[column] for row in matrix) for column in self._columns]
        with _own_random_numbers(seed):
            self._models = [
                (index, _load(path, files.segment_seconds), [row[one] for one in self._columns])
                for index, (path, row) in enumerate(zip(files.files, matrix, strict=True))
                if any(row[one] for one in self._columns)
            ]

    @property
    def sample_rate(self) -> int:
        """The rate the models work at, in Hz."""
        return int(self._models[0][1].samplerate) if self._models else 44100

    def steps(self, frames: int) -> int:
        """Return how many times `separate` will call `step` for so many frames."""
        return sum(
            sum(self._segments(model, length) for length in self._lengths(index, model, frames))
            for index, model, _ in self._models
        )

    def separate(
        self, samples: NDArray[np.float32], step: Callable[[], None]
    ) -> list[NDArray[np.float32]]:
        """Return the stems of a stereo mix at the models' rate, each of shape (2, frames).

        The whole mix is normalised by its mean and standard deviation, as Demucs does.

        Args:
            samples: float32, shape (2, frames), at least one frame.
            step: called after each segment; it may raise to stop.
        """
        import torch

        mix = torch.from_numpy(np.array(samples, np.float32))
        reference = mix.mean(0)
        mean = reference.mean()
        std = (reference.std() if mix.shape[1] > 1 else torch.zeros(())) + 1e-8
        normalised = ((mix - mean) / std)[None]
        stems: list[Any] = [0.0] * len(self.stems)
        for index, model, weights in self._models:
            with _own_random_numbers(self._seed, index):
                estimate = self._apply(index, model, normalised, step)[0]
            for slot, (column, weight) in enumerate(zip(self._columns, weights, strict=True)):
                if weight:
                    stems[slot] = stems[slot] + estimate[column] * weight
        return [
            ((stem / total) * std + mean).numpy()
            for stem, total in zip(stems, self._totals, strict=True)
        ]

    def _apply(self, index: int, model: Any, mix: Any, step: Callable[[], None]) -> Any:
        """Return one sub-model's estimate, averaged over its shifts."""
        from demucs import apply as demucs_apply

        chunk_of: Any = demucs_apply.TensorChunk

        def count(event: dict[str, Any]) -> None:
            if event["state"] == "end":
                step()

        def apply(chunk: Any) -> Any:
            return demucs_apply.apply_model(
                model,
                chunk,
                shifts=0,
                overlap=self._overlap,
                device=self._device,
                callback=count,
            )

        if not self._shifts:
            return apply(mix)
        # Demucs draws its shifts from Python's global random state, which nobody can seed
        # without disturbing others; drawn here, they depend on the seed alone.
        length, reach = mix.shape[-1], self._reach(model)
        padded = chunk_of(mix).padded(length + 2 * reach)
        total = 0.0
        for offset in self._offsets(index, model):
            shifted = chunk_of(padded, offset, length + reach - offset)
            total = total + apply(shifted)[..., reach - offset :]
        return total / self._shifts

    def _offsets(self, index: int, model: Any) -> list[int]:
        drawn = np.random.Generator(np.random.PCG64([self._seed, index]))
        return [int(drawn.integers(0, self._reach(model) + 1)) for _ in range(self._shifts)]

    def _lengths(self, index: int, model: Any, frames: int) -> Iterator[int]:
        """Yield how many frames each pass of a sub-model covers."""
        if not self._shifts:
            yield frames
        for offset in self._offsets(index, model):
            yield frames + self._reach(model) - offset

    def _segments(self, model: Any, frames: int) -> int:
        stride = int((1 - self._overlap) * int(model.samplerate * model.segment))
        return ceil(frames / max(1, stride))

    @staticmethod
    def _reach(model: Any) -> int:
        return int(_MAX_SHIFT_SECONDS * model.samplerate)


@contextmanager
def _own_random_numbers(*seed: int) -> Iterator[None]:
    """Seed the global random states for demucs, and give them back as they were.

    Making a model draws from torch's, and applying one from Python's, for the position its
    transformer starts at.
    """
    import torch

    before = random.getstate()
    with torch.random.fork_rng(devices=[]):
        random.seed(repr(seed))
        try:
            yield
        finally:
            random.setstate(before)


def _load(path: Any, segment_seconds: float | None) -> Any:
    from demucs.htdemucs import HTDemucs

    model = _weights.load(path)
    if model.audio_channels != _CHANNELS:
        raise ModelError(
            path.stem, f"{path}: the model takes {model.audio_channels} channels, not {_CHANNELS}"
        )
    too_long = isinstance(model, HTDemucs) and (segment_seconds or 0) > model.segment
    if segment_seconds is not None and not too_long:
        model.segment = segment_seconds
    return model
