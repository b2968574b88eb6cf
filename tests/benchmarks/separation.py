"""Separation beside Demucs' own: ``python -m tests.benchmarks.separation [SECONDS]``.

The models have the size of the released ones and random weights, which cost the same. Both sides
do what `demucs.api.Separator.separate_tensor` does with shifts=0 and overlap=0.25, in turn, in one
process. The memory that long mixes take is measured with small models, in processes of their own.
With ``bf16 [FILE ...]`` products in bfloat16 are timed alone, and held against float32: of random
weights, and of `mini` on excerpts of these files.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import psutil
import yaml
from numpy.typing import NDArray

from resonate_graph import Audio, Graph, read_audio
from resonate_nodes import separate
from resonate_nodes.separation.numerics import Precision, bf16_speed
from tests.benchmarks.timing import in_turn, seconds_of
from tests.models import SOURCES, full_size_htdemucs, save_th, separated_by_demucs, write_models

Samples: TypeAlias = NDArray[np.float32]

RATE = 44_100
ROUNDS = 3


def main() -> None:
    """Print all figures."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded
    if sys.argv[1:2] == ["memory"]:
        memory(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
        return
    if sys.argv[1:2] == ["bf16"]:
        with tempfile.TemporaryDirectory() as name:
            bf16(Path(name), list(map(Path, sys.argv[2:])))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{seconds:g} s of stereo, median of {ROUNDS} rounds")
        speed(folder, seconds)
        print("memory above what the loaded model and the mix take, small model")
        small = folder / "small"
        small.mkdir()
        write_models(small)
        for minutes in ("5", "30"):
            for whose, rate in (("ours", RATE), ("ours", 48_000), ("demucs", RATE)):
                command = [sys.executable, "-m", "tests.benchmarks.separation", "memory", whose]
                subprocess.run([*command, str(small), minutes, str(rate)], check=True)


# -- speed ----------------------------------------------------------------------------------------


def speed(folder: Path, seconds: float) -> None:
    """Time four stems of one model, and one stem of a bag of four."""
    write_full_size(folder)
    os.environ["RESONATE_MODELS"] = str(folder)
    mix = _noise(seconds)
    vocals = Graph("vocals")
    stems = vocals.add(separate)(vocals.input("mix", Audio), model="bag")
    vocals.output("vocals", stems.vocals)
    compare("four stems of one model", lambda: by_demucs("single", folder, mix),
            lambda: separate(mix, model="single"))  # fmt: skip
    compare("one stem of a bag of four", lambda: by_demucs("bag", folder, mix),
            lambda: vocals.run({"mix": mix}, store=False))  # fmt: skip


def compare(name: str, theirs: Callable[[], object], ours: Callable[[], object]) -> None:
    """Print how long both take."""
    ratios = []
    for _ in range(ROUNDS):
        their_seconds, our_seconds = seconds_of(theirs), seconds_of(ours)
        ratios.append(our_seconds / their_seconds)
        print(f"  {name:<28} demucs {their_seconds:7.1f} s  ours {our_seconds:7.1f} s")
    print(f"  {name:<28} {statistics.median(ratios):.2f}x")


def write_full_size(folder: Path) -> None:
    """Write a model, and a bag of four of which each knows one stem."""
    for index in range(4):
        save_th(full_size_htdemucs(index), folder / f"full{index}.th")
    (folder / "single.yaml").write_text(yaml.safe_dump({"models": ["full0"]}))
    bag = {
        "models": [f"full{index}" for index in range(4)],
        "weights": [[float(row == column) for column in range(4)] for row in range(4)],
    }
    (folder / "bag.yaml").write_text(yaml.safe_dump(bag))


def by_demucs(name: str, folder: Path, mix: Audio) -> Samples:
    """Return the stems as Demucs computes them, with a model that is loaded once."""
    return separated_by_demucs(_model(name, folder), mix.samples)


_models: dict[str, Any] = {}


def _model(name: str, folder: Path) -> Any:
    from demucs.pretrained import get_model

    if name not in _models:
        _models[name] = get_model(name, repo=folder)
    return _models[name]


# -- bfloat16 -------------------------------------------------------------------------------------


def bf16(folder: Path, songs: Sequence[Path], seconds: float = 12.0) -> None:
    """Time four stems by Demucs and by us in float32 and in bf16, by processor time; compare them.

    Two threads at most are asked for; a machine that is busy with other things counts no more.
    """
    write_full_size(folder)
    os.environ["RESONATE_MODELS"] = str(folder)
    warnings.filterwarnings("ignore", "slow-precision")
    print(f"one product: bf16 has {bf16_speed():.2f} of the speed of fp32")
    mix = _noise(seconds)
    for threads in (1, 2):
        torch_threads(threads)
        calls: dict[str, Callable[[], object]] = {
            "demucs, fp32": lambda: by_demucs("single", folder, mix),
            **{f"ours, {one}": partial(_ours, mix, one, threads) for one in ("fp32", "bf16")},
        }
        times = in_turn(calls, ROUNDS, clock=time.process_time)
        theirs = times["demucs, fp32"]
        for name, found in times.items():
            ratio = statistics.median(one / other for one, other in zip(found, theirs, strict=True))
            print(f"  {threads} threads  {name:<14}{statistics.median(found):7.1f} s {ratio:6.2f}x")
    torch_threads(1)
    print("how close bf16 is, to Demucs with random weights, then to mini in fp32")
    closeness("random weights", by_demucs("single", folder, mix), _ours(mix, "bf16", 1))
    del os.environ["RESONATE_MODELS"]
    for path in songs:
        song = read_audio(path)
        middle = song.frames // 2
        part = song.with_samples(song.samples[:, middle : middle + 30 * song.sample_rate])
        exact, rounded = (_ours(part, one, 1, model="mini") for one in ("fp32", "bf16"))
        closeness(path.name, exact, rounded)


def closeness(name: str, expected: Iterable[Samples], found: Iterable[Samples]) -> None:
    """Print how far below each stem the error is."""
    ratios = []
    for wanted, stem in zip(expected, found, strict=True):
        error = np.square(stem - wanted, dtype=np.float64).sum()
        ratios.append(10 * np.log10(np.square(wanted, dtype=np.float64).sum() / error))
    told = ", ".join(f"{stem} {ratio:.1f}" for stem, ratio in zip(SOURCES, ratios, strict=True))
    print(f"  {name}: {told} dB")


def _ours(
    mix: Audio, precision: Precision, threads: int, *, model: str = "single"
) -> list[Samples]:
    graph = Graph("split")
    stems = graph.add(separate)(graph.input("mix", Audio), model=model, precision=precision)
    for name in SOURCES:
        graph.output(name, getattr(stems, name))
    result = graph.run({"mix": mix}, store=False, threads=threads, device="cpu")
    found = (result[name] for name in SOURCES)
    return [sound.samples for sound in found if isinstance(sound, Audio)]


def torch_threads(count: int) -> None:
    """Let what is computed here take so many threads."""
    import torch

    torch.set_num_threads(count)


def _noise(seconds: float, rate: int = RATE) -> Audio:
    draw = np.random.default_rng(0)
    return Audio(draw.uniform(-0.5, 0.5, (2, int(seconds * rate))).astype(np.float32), rate)


# -- memory ---------------------------------------------------------------------------------------


def memory(whose: str, folder: Path, minutes: float, rate: int) -> None:
    """Print the peak of the resident memory of a separation into four stems."""
    os.environ["RESONATE_MODELS"] = str(folder)
    mix = _noise(minutes * 60, rate)
    excerpt = mix.with_samples(mix.samples[:, :rate])
    graph = Graph("split")
    stems = graph.add(separate)(graph.input("mix", Audio), model="htdemucs")
    for name in SOURCES:
        graph.output(name, getattr(stems, name))
    with tempfile.TemporaryDirectory() as store:
        calls: dict[str, Callable[[Audio], object]] = {
            "ours": lambda sound: graph.run({"mix": sound}, store=store),
            "demucs": lambda sound: by_demucs("htdemucs", folder, sound),
        }
        calls[whose](excerpt)
        process, done, peak = psutil.Process(), threading.Event(), [0]
        before = process.memory_info().rss

        def watch() -> None:
            while not done.wait(0.01):
                peak[0] = max(peak[0], process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        calls[whose](mix)
        done.set()
        watcher.join()
    print(
        f"  {minutes:3.0f} minutes, {rate} Hz, {whose:<8} {(peak[0] - before) / 1e6:8.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
