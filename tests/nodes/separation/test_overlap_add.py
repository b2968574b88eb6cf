"""Segments are put together as demucs puts them together: to the last bit."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonate_nodes.separation.overlap_add import (
    OverlapAdd,
    Pass,
    Surround,
    cut,
    jobs,
    reading,
    triangle,
)
from tests.counts import examples

RATE = 1000
SEGMENT = 100


def model_of(gains: list[float], padded: bool) -> Any:
    """Return a model of demucs' kind whose stems are the mix times a gain, and a bit of its past.

    What it makes of a sample depends on what stands before it, so that a segment that was cut or
    padded in another way gives something else.
    """
    import torch
    from torch import nn

    class Echo(nn.Module):
        samplerate, audio_channels, segment = RATE, 2, SEGMENT / RATE

        def __init__(self) -> None:
            super().__init__()
            self.sources = [str(number) for number in range(len(gains))]
            self.unused = nn.Parameter(torch.zeros(1))
            if padded:
                self.valid_length = lambda length: SEGMENT

        def forward(self, mix: Any) -> Any:
            echo = mix + 0.5 * torch.roll(mix, 7, dims=-1)
            return torch.stack([echo * gain for gain in gains], dim=1)

    return Echo()


def put_together(
    models: list[Any], passes: list[Pass], mix: NDArray[np.float32], group: int = 1
) -> NDArray[np.float32]:
    """Return what the passes make of a mix, with the state saved and restored at every row."""
    import torch

    frames = mix.shape[1]
    stems = 1 + max(stem for one in passes for stem in one.weights)
    adder = OverlapAdd(passes, frames, stems, 2)
    parts = []
    for job in jobs(passes, frames, group):
        given = np.zeros((2, job.last - job.first), np.float32)
        part, place = cut(reading(mix), mix.shape[1], job)
        given[:, place] = part
        with torch.no_grad():
            estimate = models[job.model](torch.from_numpy(given)[None])[0].numpy()
        parts.append(adder.add(job, estimate[list(passes[job.number].weights)]))
        if job.row:
            state = {name: array.copy() for name, array in adder.state().items()}
            adder = OverlapAdd(passes, frames, stems, 2)
            adder.restore(job.row, state)
    return np.concatenate(parts, axis=-1)


def by_demucs(model: Any, mix: NDArray[np.float32], **settings: Any) -> NDArray[np.float32]:
    import torch
    from demucs.apply import apply_model

    found: NDArray[np.float32] = apply_model(model, torch.from_numpy(mix)[None], **settings)[
        0
    ].numpy()
    return found


def noise(frames: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (2, frames)).astype(np.float32)


def around(model: Any) -> Surround:
    """Return how Demucs puts a segment into the middle of what a model wants."""
    valid = getattr(model, "valid_length", int)
    return lambda position, frames: ((valid(frames) - frames) // 2, valid(frames))


@settings(max_examples=examples(30))
@given(
    frames=st.integers(1, 450),
    overlap=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9]),
    padded=st.booleans(),
    group=st.integers(1, 5),
)
def test_one_model_is_put_together_as_demucs_does(
    frames: int, overlap: float, padded: bool, group: int
) -> None:
    model, mix = model_of([1.0, -0.3], padded), noise(frames)
    stride = int((1 - overlap) * SEGMENT)
    one = Pass(0, {0: 1.0, 1: 1.0}, 0, SEGMENT, stride, around(model), triangle)
    expected = by_demucs(model, mix, shifts=0, overlap=overlap)
    np.testing.assert_array_equal(put_together([model], [one], mix, group), expected)


@settings(max_examples=examples(15))
@given(frames=st.integers(1, 450), seed=st.integers(0, 9))
def test_a_bag_is_averaged_as_demucs_does(frames: int, seed: int) -> None:
    from demucs.apply import BagOfModels

    models = [model_of([gain, 1.0], padded=True) for gain in (0.7, -0.2, 0.1)]
    matrix = [[1.0, 0.0], [0.5, 2.0], [0.0, 1.0]]
    mix = noise(frames, seed)
    passes = [
        Pass(
            index,
            {stem: weight for stem, weight in enumerate(row) if weight},
            0,
            SEGMENT,
            75,
            around(models[index]),
            triangle,
        )
        for index, row in enumerate(matrix)
    ]
    expected = by_demucs(BagOfModels(models, matrix), mix, shifts=0, overlap=0.25)
    np.testing.assert_array_equal(put_together(models, passes, mix), expected)


@pytest.mark.parametrize("frames", [1, 99, 100, 101, 730, 2000])
def test_shifts_are_averaged_as_demucs_does(frames: int) -> None:
    """Demucs draws its shifts from Python's random numbers; here they are drawn alike."""
    model, mix, count = model_of([1.0], padded=True), noise(frames), 3
    random.seed(5)
    expected = by_demucs(model, mix, shifts=count, overlap=0.25)
    random.seed(5)
    reach = RATE // 2
    starts = [random.randint(0, reach) - reach for _ in range(count)]
    passes = [Pass(0, {0: 1.0}, start, SEGMENT, 75, around(model), triangle) for start in starts]
    np.testing.assert_allclose(put_together([model], passes, mix), expected, atol=2e-7)
