"""Separation on a CUDA card beside Demucs' own: ``python -m tests.benchmarks.cuda [SECONDS]``.

Seconds of audio per second of computing, for a model of the size of the released ones with random
weights: Demucs' `apply_model`, ours with one segment at a time, in batches, and in bf16 and fp16;
and how far the precisions are from fp32, as SDR. It says so where there is no card.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonate_nodes.separation import demucs, models
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import BATCH_SIZE, Placement, Precision
from tests.benchmarks.timing import in_turn
from tests.models import SOURCES, full_size_htdemucs, save_th, separated_by_demucs

RATE = 44_100
ROUNDS = 3


def main() -> None:
    """Print all figures."""
    import torch

    if not torch.cuda.is_available():
        print("no CUDA card here: nothing was measured")
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    print(f"{torch.cuda.get_device_name()}, {seconds:g} s of stereo, median of {ROUNDS} rounds")
    draw = np.random.default_rng(0)
    mix = draw.uniform(-0.5, 0.5, (2, int(seconds * RATE))).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        path = save_th(full_size_htdemucs(0), Path(name) / "full.th")
        os.environ["RESONATE_MODELS"] = name
        rows: dict[str, Callable[[], NDArray[np.float32]]] = {
            "demucs apply_model": lambda: by_demucs(path, mix),
            "ours, fp32, one by one": lambda: ours(path, mix, "fp32", 1),
            f"ours, fp32, batches of {BATCH_SIZE}": lambda: ours(path, mix, "fp32", BATCH_SIZE),
            f"ours, bf16, batches of {BATCH_SIZE}": lambda: ours(path, mix, "bf16", BATCH_SIZE),
            f"ours, fp16, batches of {BATCH_SIZE}": lambda: ours(path, mix, "fp16", BATCH_SIZE),
        }
        found = {row: call() for row, call in rows.items()}
        times = in_turn(rows, ROUNDS)
    exact = found["demucs apply_model"]
    for row, each in times.items():
        speed = seconds / statistics.median(each)
        print(
            f"  {row:<28} {speed:8.1f} s/s   SDR to the first {sdr_db(exact, found[row]):6.1f} dB"
        )


def ours(
    path: Path, mix: NDArray[np.float32], precision: Precision, batch_size: int
) -> NDArray[np.float32]:
    """Return the stems as `separate` computes them, shape (stems, channels, frames)."""
    placement = Placement("cuda:0", precision=precision, fell=print)
    placement.batch_size = batch_size
    separator = demucs.Separator(
        models.find("full", path.parent, fetch=False),
        SOURCES,
        overlap=0.25,
        shifts=0,
        seed=0,
        placement=placement,
        threads=1,
    )
    parts: list[NDArray[np.float32]] = []
    separator.separate(reading(mix), mix.shape[1], parts.append, lambda: None)
    return np.concatenate(parts, axis=-1)


def by_demucs(path: Path, mix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the stems as Demucs computes them on the card."""
    from demucs.pretrained import get_model

    return separated_by_demucs(get_model("full", repo=path.parent), mix, device="cuda")


def sdr_db(exact: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return how far another result is from the exact one, in dB."""
    error = float(np.square(exact - other, dtype=np.float64).sum())
    return (
        10 * math.log10(float(np.square(exact, dtype=np.float64).sum()) / error)
        if error
        else math.inf
    )


if __name__ == "__main__":
    main()
