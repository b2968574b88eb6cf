"""Random numbers of our own for what draws them from states that the whole process shares."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

#: There is one global state, and separations on several cards run at the same time.
_turn = Lock()


@contextmanager
def own_random_numbers(*seed: int) -> Iterator[None]:
    """Seed the global random states for Demucs, and give them back as they were.

    Making a model draws from torch's, and applying one may draw from Python's, for the position
    that its transformer starts at. Others wait meanwhile: nothing in here may wait for them.

    Args:
        seed: what decides the numbers.
    """
    import torch

    with _turn, torch.random.fork_rng(devices=[]):
        before = random.getstate()
        random.seed(repr(seed))
        try:
            yield
        finally:
            random.setstate(before)


def draws_numbers(model: Any) -> bool:
    """Whether what a model gives depends on random numbers: its transformer starts anywhere."""
    return any(getattr(part, "sin_random_shift", 0) for part in model.modules())


def stand_still(model: Any) -> None:
    """Let a model that can only start at one position draw no number to find that out."""
    from demucs.transformer import create_sin_embedding

    transformer = getattr(model, "crosstransformer", None)
    if transformer is None or transformer.emb != "sin" or draws_numbers(model):
        return
    period = transformer.max_period

    def positions(steps: int, batch: int, channels: int, device: Any) -> Any:
        return create_sin_embedding(steps, channels, device=device, max_period=period)

    transformer._get_pos_embedding = positions
