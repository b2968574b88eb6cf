"""Families beside loops of packages, on the CPU: ``python -m tests.benchmarks.families [NAME]``.

Small models with random weights, two segments over each frame (``bs``, ``mel``, ``mdx23c`` and
``scnet``, this one beside msst where it is installed). Each figure is of a process of its own:
seconds of the processor per second of stereo (what else the machine does counts less than by the
clock), and the peak of memory above the loaded model and mix.
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
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from resonate_graph import Audio, Graph
from resonate_nodes import separate
from tests.roformers import config_of, network_of, save_model

RATE = 44_100
SEGMENT = 88_200  # whole hops of 441 frames
SECONDS = ("10", "60")

_STFT = {"stft_n_fft": 2048, "stft_hop_length": 441, "stft_win_length": 2048}
_ROFORMER = {"dim": 32, "depth": 1, "dim_head": 16, "heads": 2, **_STFT}

#: How the small models of the tests are changed to look at sound as released ones do.
CHANGED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "bs": {"model": {**_ROFORMER, "freqs_per_bands": [41] * 25}},
    "mel": {"model": {**_ROFORMER, "num_bands": 30}},
    "mdx23c": {"model": {}, "audio": {"n_fft": 2048, "hop_length": 441, "dim_f": 1024,
                                      "dim_t": SEGMENT // 441}},
    "scnet": {"model": {"nfft": 2048, "hop_size": 441, "win_size": 2048}},
}  # fmt: skip

#: The packages of which each has a loop that is its own.
PACKAGES = {
    "bs": "bs_roformer",
    "mel": "mel_band_roformer",
    "mdx23c": "mdxnet_infer",
    "scnet": "msst",
}


def main() -> None:
    """Print all figures, or one."""
    if len(sys.argv) > 2:
        measure(sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
        return
    for name in sys.argv[1:2] or CHANGED:
        with tempfile.TemporaryDirectory() as folder:
            save_model(Path(folder), name, config(name))
            for seconds in SECONDS:
                for whose in ("package", "ours"):
                    if whose == "package" and find_spec(PACKAGES[name]) is None:
                        print(f"{name}: {PACKAGES[name]} is not installed")
                        continue
                    command = [sys.executable, "-m", "tests.benchmarks.families"]
                    subprocess.run([*command, name, whose, seconds, folder], check=True)


def config(name: str) -> dict[str, Any]:
    """Return the config of the small model of a family."""
    said = config_of(name, target="vocals" if name == "mel" else None)
    for part, changes in CHANGED[name].items():
        said[part].update(changes)
    said["audio"]["chunk_size"] = said["inference"]["chunk_size"] = SEGMENT
    return said


def measure(name: str, whose: str, seconds: float, folder: Path) -> None:
    """Print what a separation takes."""
    draw = np.random.default_rng(0)
    mix = Audio(draw.uniform(-0.5, 0.5, (2, int(seconds * RATE))).astype(np.float32), RATE)
    with tempfile.TemporaryDirectory() as store:
        call = ours(name, folder, Path(store)) if whose == "ours" else by_package(name, folder)
        call(mix.with_samples(mix.samples[:, : 2 * SEGMENT]))
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
    print(
        f"{name:<8} {seconds:5.0f} s, {whose:<8} {took / seconds:6.3f} s/s {memory:7.0f} MB",
        flush=True,
    )


def ours(name: str, folder: Path, store: Path) -> Any:
    """Return how `separate` gives all stems, in a graph, kept in a store."""
    os.environ["RESONATE_MODELS"] = str(folder)
    graph = Graph("stems")
    stems = graph.add(separate)(graph.input("mix", Audio), model=name, overlap=0.5)
    for stem in ("vocals",) if name == "mel" else ("vocals", "other"):
        graph.output(stem, getattr(stems, stem))
    return lambda mix: graph.run({"mix": mix}, store=store, device="cpu")


def by_package(name: str, folder: Path) -> Any:
    """Return how the package of a family gives all stems, by a loop of its own."""
    import torch

    said = yaml.safe_load((folder / f"{name}.yaml").read_text())
    weights = folder / f"{name}.ckpt"
    if name == "mdx23c":
        from mdxnet_infer.inference import MDX23CInference

        engine = MDX23CInference(weights, network_of(said).config, device="cpu")
        dim_t = said["audio"]["dim_t"]
        engine.config.inference.dim_t, engine.config.inference.num_overlap = dim_t, 2
        return quiet(lambda mix: engine.separate(mix.samples, RATE, progress=False))
    from ml_collections import ConfigDict

    config, device = ConfigDict(said), torch.device("cpu")
    if name == "scnet":
        from msst.models.scnet import SCNet
        from msst.utils.model_utils import demix

        network = SCNet(**said["model"]).eval()
        network.load_state_dict(torch.load(weights, weights_only=True))
        return quiet(lambda mix: demix(config, network, mix.samples, device, "scnet"))
    if name == "mel":
        from mel_band_roformer.utils import demix_track
    else:
        from bs_roformer.utils import demix_track
    network = network_of(said)
    network.load_state_dict(torch.load(weights, weights_only=True))

    def separated(mix: Audio) -> Any:
        return demix_track(config, network, torch.from_numpy(mix.samples.copy()), "cpu")

    return quiet(separated)


def quiet(call: Any) -> Any:
    """Return a call that says nothing."""

    def called(mix: Audio) -> Any:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(mix)

    return called


if __name__ == "__main__":
    main()
