"""RoFormers beside the loop of their package, on the CPU: ``python -m tests.benchmarks.families``.

A small Mel-Band RoFormer with random weights, two segments over each frame.
Each figure is of a process of its own: seconds of the processor per second of stereo (what else the
machine does counts less than by the clock), and the peak of memory above the loaded model and mix.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from resonate_graph import Audio, Graph
from resonate_nodes import separate
from tests.roformers import config_of, save_model

RATE = 44_100
SEGMENT = 88_200


def main() -> None:
    """Print all figures, or one."""
    if len(sys.argv) > 1:
        measure(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as name:
        said = config_of("mel", target="vocals")
        said["model"].update(dim=32, depth=1, num_bands=30, dim_head=16, heads=2, stft_n_fft=2048,
                             stft_hop_length=441, stft_win_length=2048)  # fmt: skip
        said["audio"]["chunk_size"] = said["inference"]["chunk_size"] = SEGMENT
        save_model(Path(name), "melband", said)
        for seconds in ("10", "60"):
            for whose in ("package", "ours"):
                command = [sys.executable, "-m", "tests.benchmarks.families", whose, seconds, name]
                subprocess.run(command, check=True)


def measure(whose: str, seconds: float, folder: Path) -> None:
    """Print what a separation takes."""
    draw = np.random.default_rng(0)
    mix = Audio(draw.uniform(-0.5, 0.5, (2, int(seconds * RATE))).astype(np.float32), RATE)
    with tempfile.TemporaryDirectory() as store:
        call = ours(folder, Path(store)) if whose == "ours" else by_package(folder)
        call(mix.with_samples(mix.samples[:, :SEGMENT]))
        process, done, peak = psutil.Process(), threading.Event(), [0]
        before, began = process.memory_info().rss, time.process_time()

        def watch() -> None:
            while not done.wait(0.01):
                peak[0] = max(peak[0], process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        call(mix)
        took = time.process_time() - began
        done.set()
        watcher.join()
    memory = (peak[0] - before) / 1e6
    print(f"{seconds:5.0f} s, {whose:<8} {took / seconds:6.3f} s/s {memory:7.0f} MB", flush=True)


def ours(folder: Path, store: Path) -> Any:
    """Return how `separate` gives vocals, in a graph, kept in a store."""
    os.environ["RESONATE_MODELS"] = str(folder)
    graph = Graph("vocals")
    stems = graph.add(separate)(graph.input("mix", Audio), model="melband", overlap=0.5)
    graph.output("vocals", stems.vocals)
    return lambda mix: graph.run({"mix": mix}, store=store, device="cpu")


def by_package(folder: Path) -> Any:
    """Return how melband-roformer-infer gives vocals."""
    import torch
    from mel_band_roformer.utils import demix_track, get_model_from_config
    from ml_collections import ConfigDict

    said = ConfigDict(yaml.safe_load((folder / "melband.yaml").read_text()))
    network = get_model_from_config("mel_band_roformer", said).eval()
    network.load_state_dict(torch.load(folder / "melband.ckpt", weights_only=True))

    def separated(mix: Audio) -> Any:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return demix_track(said, network, torch.from_numpy(mix.samples.copy()), "cpu")

    return separated


if __name__ == "__main__":
    main()
