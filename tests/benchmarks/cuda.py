"""Separation on a CUDA card beside others' loops: ``python -m tests.benchmarks.cuda [SECONDS]``.

Seconds of audio per second of computing, for models of the size of the released ones with random
weights: `demucs.apply`, ours with one segment at a time, in batches, and in bf16 and fp16; the same
for a Mel-Band RoFormer beside the loop of melband-roformer-infer, and for an SCNet beside that of
bs-roformer-infer, which takes any network; and how far each is from fp32, as SDR. It says so where
there is no card. ``--tiny`` tries all of it on the CPU, with small models.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonate_nodes.separation import models
from resonate_nodes.separation.numerics import MIXED, Precision
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import BATCH_SIZE, Placement
from resonate_nodes.separation.separator import Separator
from tests.benchmarks import known_models
from tests.benchmarks.timing import in_turn
from tests.models import full_size_htdemucs, save_th, separated_by_demucs, small_htdemucs
from tests.roformers import config_of, save_model

RATE = 44_100
ROUNDS = 3

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Looped:
    """A family beside Demucs, and whose loop it is measured beside.

    Attributes:
        small: a small model of it, as `tests.roformers` calls it.
        card: the released model whose size it has.
        module: where the loop is.
        whose: the package of that.
    """

    small: str
    card: str
    module: str
    whose: str


LOOPED: Mapping[str, Looped] = {
    "Mel-Band RoFormer": Looped("mel", "melband_kim", "mel_band_roformer",
                                "melband-roformer-infer"),
    "SCNet": Looped("scnet", "scnet_large", "bs_roformer", "loop of bs-roformer-infer"),
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How large everything is, and where it is computed."""

    device: str
    seconds: float
    rounds: int
    tiny: bool

    @property
    def kind(self) -> str:
        """The kind of device, as torch calls it."""
        return self.device.partition(":")[0]


def main(arguments: Sequence[str] = ()) -> None:
    """Print all figures."""
    import torch

    if "--tiny" in arguments:
        size = Size("cpu:0", 0.2, 1, True)
        print("on the CPU, small models: these are no figures of anything")
    elif torch.cuda.is_available():
        size = Size("cuda:0", float(arguments[0]) if arguments else 120.0, ROUNDS, False)
        print(f"{torch.cuda.get_device_name()}, median of {ROUNDS} rounds")
    else:
        print("no CUDA card here: nothing was measured")
        return
    draw = np.random.default_rng(0)
    mix = draw.uniform(-0.5, 0.5, (2, int(size.seconds * RATE))).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare("HTDemucs", "demucs.apply", by_demucs(folder, size), folder, mix, size)
        for family, one in LOOPED.items():
            if find_spec(one.module):
                compare(family, one.whose, by_package(one, folder, size), folder, mix, size)
            else:
                print(f"{family}: pip install 'resonate-graph[models]'")


def compare(
    family: str, whose: str, theirs: Callable[[Array], Array], folder: Path, mix: Array, size: Size
) -> None:
    """Print how fast a loop and ours are, and how far from ours in fp32."""
    name = "htdemucs" if family == "HTDemucs" else LOOPED[family].small
    precisions: list[Precision] = ["bf16", "fp16"]
    having = [one for one in precisions if one in MIXED[size.kind]]
    rows: dict[str, Callable[[], Array]] = {
        "ours, fp32, one by one": lambda: ours(name, folder, mix, size, "fp32", 1),
        f"ours, fp32, batches of {BATCH_SIZE}": lambda: ours(name, folder, mix, size),
        whose: lambda: theirs(mix),
    }
    for one in having:
        rows[f"ours, {one}, batches of {BATCH_SIZE}"] = (
            lambda one=one: ours(name, folder, mix, size, one)  # type: ignore[misc]
        )
    found = {row: call() for row, call in rows.items()}
    times = in_turn(rows, size.rounds)
    exact = found["ours, fp32, one by one"]
    print(f"{family}, {size.seconds:g} s of stereo")
    for row, each in times.items():
        speed = size.seconds / statistics.median(each)
        sdr = sdr_db(exact, found[row])
        print(f"  {row:<28} {speed:8.1f} s/s   SDR to the first {sdr:6.1f} dB", flush=True)


def ours(
    name: str,
    folder: Path,
    mix: Array,
    size: Size,
    precision: Precision = "fp32",
    batch_size: int = BATCH_SIZE,
) -> Array:
    """Return the stems as `separate` computes them, shape (stems, channels, frames)."""
    placement = Placement(size.device, precision=precision, fell=print)
    placement.batch_size = batch_size
    files = models.find(name, folder, fetch=False)
    overlap = 0.25 if name == "htdemucs" else 0.5
    separator = Separator(
        files, files.stems, overlap=overlap, shifts=0, seed=0, placement=placement, threads=1
    )
    parts: list[Array] = []
    separator.separate(reading(mix), mix.shape[1], parts.append, lambda: None)
    return np.concatenate(parts, axis=-1)


def by_demucs(folder: Path, size: Size) -> Callable[[Array], Array]:
    """Write an HTDemucs; return how Demucs separates by it."""
    from demucs.pretrained import get_model

    made = small_htdemucs(0, segment=Fraction(1, 8)) if size.tiny else full_size_htdemucs(0)
    path = save_th(made, folder / "htdemucs.th")
    model = get_model("htdemucs", repo=path.parent)
    return lambda mix: separated_by_demucs(model, mix, device=size.kind)


def by_package(one: Looped, folder: Path, size: Size) -> Callable[[Array], Array]:
    """Write a model; return how the loop of a package separates by it, two parts over a frame."""
    import torch
    from ml_collections import ConfigDict

    demix_track = import_module(f"{one.module}.utils").demix_track
    target = "vocals" if one.small == "mel" else None
    said = config_of(one.small, target=target) if size.tiny else known_models.config(one.card)
    network = save_model(folder, one.small, said).to(size.kind)

    def separated(mix: Array) -> Array:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sound = torch.from_numpy(mix)
            found, _ = demix_track(ConfigDict(said), network, sound, size.kind)
        return np.stack(list(found.values()))

    return separated


def sdr_db(exact: Array, other: Array) -> float:
    """Return how far another result is from the exact one, in dB."""
    error = float(np.square(exact - other, dtype=np.float64).sum())
    signal = float(np.square(exact, dtype=np.float64).sum())
    return 10 * math.log10(signal / error) if error else math.inf


if __name__ == "__main__":
    main(sys.argv[1:])
