"""What msst makes of small SCNets: ``python -m tests.nodes.separation.scnet_reference``.

It writes ``scnet_reference.npz``, against which `test_scnet` holds ours: what the network of msst
0.1.0 (ZFTurbo's Music-Source-Separation-Training, MIT) gives, and its loop. msst asks for a torch
before 2.12, so it is no dependency; the file was made with torch 2.13.0 on a CPU, in an environment
with ``pip install --no-deps msst==0.1.0``. Weights and sounds are drawn by NumPy, of which the same
seed gives the same numbers.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_suffix(".npz")

STEMS = ("drums", "bass", "vocals")

#: As published ones, and with other strides, kernels and depths.
NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "plain": {
        "dims": [4, 8, 12], "nfft": 128, "hop_size": 32, "win_size": 128, "normalized": True,
        "band_SR": [0.175, 0.392, 0.433], "band_stride": [1, 4, 16], "band_kernel": [3, 4, 16],
        "conv_depths": [3, 2, 1], "compress": 4, "conv_kernel": 3, "num_dplayer": 2, "expand": 1,
    },
    "wide": {
        "dims": [4, 8, 8, 12], "nfft": 130, "hop_size": 32, "win_size": 96, "normalized": False,
        "band_SR": [0.23, 0.37, 0.4], "band_stride": [1, 4, 4], "band_kernel": [3, 4, 4],
        "conv_depths": [1, 2, 1], "compress": 2, "conv_kernel": 5, "num_dplayer": 4, "expand": 2,
    },
}  # fmt: skip

#: Of a segment, in frames, and of what is given to the network in one pass: whole hops.
SEGMENT, PASSES = 512, (32, 64, 256, 512)

#: Of what is given to the loop, and how many segments lie over each frame of it.
LONG, OVERLAPS = 2000, 2


def weights_of(shapes: Mapping[str, Sequence[int]]) -> dict[str, NDArray[np.float32]]:
    """Return weights of some shapes, the same each time."""
    draw = np.random.Generator(np.random.PCG64(23))
    found = {}
    for name in sorted(shapes):
        shape = shapes[name]
        scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.2
        found[name] = (scale * draw.standard_normal(shape)).astype(np.float32)
    return found


def sound_of(frames: int) -> NDArray[np.float32]:
    """Return a sound of shape (2, frames), the same each time."""
    draw = np.random.Generator(np.random.PCG64(frames))
    return draw.uniform(-0.5, 0.5, (2, frames)).astype(np.float32)


def config_of(name: str) -> dict[str, Any]:
    """Return the config of a network, as trainers publish it."""
    return {
        "audio": {"chunk_size": SEGMENT, "sample_rate": 44_100, "num_channels": 2},
        "model": {**NETWORKS[name], "sources": list(STEMS), "audio_channels": 2},
        "training": {"instruments": list(STEMS), "target_instrument": None},
        "inference": {"num_overlap": OVERLAPS, "chunk_size": SEGMENT, "batch_size": 1},
    }


def main() -> None:
    """Write what msst gives."""
    import torch
    from ml_collections import ConfigDict
    from msst.models.scnet import SCNet
    from msst.utils.model_utils import demix

    warnings.simplefilter("ignore")
    found: dict[str, Any] = {}
    for name in NETWORKS:
        said = config_of(name)
        network = SCNet(**said["model"]).eval()
        shapes = {key: tuple(one.shape) for key, one in network.state_dict().items()}
        drawn = weights_of(shapes)
        network.load_state_dict({key: torch.from_numpy(one) for key, one in drawn.items()})
        with torch.inference_mode():
            for frames in PASSES:
                estimates = network(torch.from_numpy(sound_of(frames))[None])[0]
                found[f"{name}-{frames}"] = estimates.numpy()
        mix = sound_of(LONG)
        stems = demix(ConfigDict(said), network, mix, torch.device("cpu"), "scnet")
        whole = np.stack([stems[stem] for stem in STEMS])
        found[f"{name}-loop"] = whole[..., SEGMENT : LONG - SEGMENT].astype(np.float32)
        found[f"{name}-shapes"] = np.array(json.dumps(shapes))
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
