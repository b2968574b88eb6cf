"""What released models take on a CPU: ``python -m tests.benchmarks.known_models [NAME ...]``.

Models of the sizes that their published configs say, with random weights, which cost the same. One
segment goes through as `separate` has it go, alone on one core; the figure is seconds of that core
for a second of stereo, at the overlap that `separate` has by default. All stems are computed that a
model has. Other sizes: `tests.benchmarks.separation` has Demucs'.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resonate_nodes.separation import models
from resonate_nodes.separation.families import segment_frames, stride_frames
from resonate_nodes.separation.placement import Estimator, Placement
from tests.roformers import save_model

RATE = 44_100
OVERLAP = 0.25

_ROFORMER = {
    "stereo": True, "num_stems": 1, "time_transformer_depth": 1, "freq_transformer_depth": 1,
    "dim_head": 64, "heads": 8, "stft_n_fft": 2048, "stft_hop_length": 441,
    "stft_win_length": 2048, "mask_estimator_depth": 2,
}  # fmt: skip
_BANDS = [2] * 24 + [4] * 12 + [12] * 8 + [24] * 8 + [48] * 8 + [128, 129]
_SCNET = {
    "audio_channels": 2, "nfft": 4096, "hop_size": 1024, "win_size": 4096, "normalized": True,
    "compress": 4, "conv_kernel": 3, "expand": 1, "sources": ["drums", "bass", "other", "vocals"],
}  # fmt: skip

#: By the name of the card: the network, and frames of a segment, as their configs have them.
SIZES: Mapping[str, tuple[Mapping[str, Any], int]] = {
    # configs/KimberleyJensen/config_vocals_mel_band_roformer_kj.yaml
    "melband_kim": (
        {**_ROFORMER, "dim": 384, "depth": 6, "num_bands": 60, "sample_rate": RATE}, 352_800),
    # configs/viperx/model_bs_roformer_ep_317_sdr_12.9755.yaml
    "bs_roformer_viperx": (
        {**_ROFORMER, "dim": 512, "depth": 12, "freqs_per_bands": _BANDS}, 352_800),
    # mdx_model_data/mdx_c_configs/config_bs_roformer_384_8_2_485100.yaml of TRvlvr/application_data
    "bs_roformer_musdb": (
        {**_ROFORMER, "dim": 384, "depth": 8, "freqs_per_bands": _BANDS, "num_stems": 4,
         "mlp_expansion_factor": 2}, 485_100),
    # configs/config_vocals_mdx23c.yaml
    "mdx23c_vocals": (
        {"act": "gelu", "bottleneck_factor": 4, "growth": 128, "norm": "InstanceNorm",
         "num_blocks_per_scale": 2, "num_channels": 128, "num_scales": 5, "num_subbands": 4,
         "scale": [2, 2]}, 261_120),
    # what the network is, if nothing else is said, in segments as config_musdb18_scnet_large.yaml
    "scnet": (
        {**_SCNET, "dims": [4, 32, 64, 128], "band_SR": [0.175, 0.392, 0.433],
         "band_stride": [1, 4, 16], "band_kernel": [3, 4, 16], "conv_depths": [3, 2, 1],
         "num_dplayer": 6}, 485_100),
    # configs/config_musdb18_scnet_large.yaml
    "scnet_large": (
        {**_SCNET, "dims": [4, 64, 128, 256], "band_SR": [0.225, 0.372, 0.403],
         "band_stride": [1, 4, 16], "band_kernel": [3, 4, 16], "conv_depths": [3, 2, 1],
         "num_dplayer": 6}, 485_100),
    # src/scnet_infer/config/checkpoints.toml of openmirlab/scnet-infer
    "scnet_xl_ihf": (
        {**_SCNET, "dims": [4, 64, 128, 256], "band_SR": [0.23, 0.37, 0.4],
         "band_stride": [1, 4, 4], "band_kernel": [3, 4, 4], "conv_depths": [3, 3, 3],
         "num_dplayer": 8}, 485_100),
}  # fmt: skip


def main(names: Sequence[str] = ()) -> None:
    """Print all figures, or some."""
    import torch

    torch.set_num_threads(1)
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, one core used")
    for name in names or SIZES:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_model(Path(folder), name, config(name))
            print(f"{name:<20} {seconds_per_second(name, Path(folder)):6.2f} s/s", flush=True)


def config(name: str) -> dict[str, Any]:
    """Return the config of a model, as its trainers publish it."""
    network, segment = SIZES[name]
    stems = list(network.get("sources", ("vocals", "other")))
    if network.get("num_stems", 1) > 1:
        stems = ["drums", "bass", "other", "vocals"]
    target = "vocals" if network.get("num_stems") == 1 else None
    return {
        "audio": {"chunk_size": segment, "sample_rate": RATE, "num_channels": 2, "n_fft": 8192,
                  "hop_length": 1024, "dim_f": 4096, "dim_t": 256},
        "model": dict(network),
        "training": {"instruments": stems, "target_instrument": target},
        "inference": {"chunk_size": segment, "num_overlap": 2},
    }  # fmt: skip


def seconds_per_second(name: str, folder: Path) -> float:
    """Return how long a core takes for a second of stereo."""
    files = models.find(name, folder, fetch=False)
    placement, estimator = Placement("cpu"), Estimator(files.files[0], files.stems)
    model = placement.model(estimator)
    draw = np.random.default_rng(0)
    batch = draw.uniform(-0.5, 0.5, (1, 2, segment_frames(model))).astype(np.float32)
    began = time.process_time()
    placement.run(estimator, batch)
    return (time.process_time() - began) / stride_frames(model, OVERLAP) * RATE


if __name__ == "__main__":
    main(sys.argv[1:])
