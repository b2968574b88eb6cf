"""Small models of the families of the extra ``models``, with random weights, as people have them.

Each is a checkpoint and the config of a training beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from numpy.typing import NDArray

HOP, WINDOW = 32, 128
#: Of the small RoFormers, and of the small MDX23C, in frames: whole hops.
SEGMENT, MDX23C_SEGMENT = 4096, 3936

_ROFORMER: Mapping[str, Any] = {
    "dim": 16, "depth": 2, "stereo": True, "time_transformer_depth": 1, "heads": 2,
    "freq_transformer_depth": 1, "dim_head": 8, "stft_n_fft": WINDOW, "stft_hop_length": HOP,
    "stft_win_length": WINDOW, "mask_estimator_depth": 2,
}  # fmt: skip
_MDX23C: Mapping[str, Any] = {
    "act": "gelu", "bottleneck_factor": 2, "growth": 4, "norm": "InstanceNorm",
    "num_blocks_per_scale": 1, "num_channels": 8, "num_scales": 2, "num_subbands": 2,
    "scale": [2, 2],
}  # fmt: skip
_SCNET: Mapping[str, Any] = {
    "audio_channels": 2, "dims": [4, 8, 12], "nfft": WINDOW, "hop_size": HOP, "win_size": WINDOW,
    "normalized": True, "band_SR": [0.2, 0.4, 0.4], "band_stride": [1, 2, 4],
    "band_kernel": [3, 2, 4], "conv_depths": [2, 1, 1], "num_dplayer": 2,
}  # fmt: skip
_STEPS = MDX23C_SEGMENT // HOP + 1


def require_extra(request: pytest.FixtureRequest) -> None:
    """Skip, or in CI fail, where the extra is not installed."""
    if None in map(find_spec, ("bs_roformer", "mel_band_roformer", "mdxnet_infer")):
        missing: Any = pytest.fail if request.config.getoption("--all-tools") else pytest.skip
        missing("pip install 'resonate-graph[models]'")


def config_of(
    family: str, stems: Sequence[str] = ("vocals", "other"), *, target: str | None = None
) -> dict[str, Any]:
    """Return the config of a small model: of ``bs``, ``mel``, ``mdx23c`` or ``scnet``."""
    count = 1 if target else len(stems)
    network = {
        "bs": {**_ROFORMER, "num_stems": count, "freqs_per_bands": [5] * 5 + [10] * 4},
        "mel": {**_ROFORMER, "num_stems": count, "num_bands": 6, "sample_rate": 44_100},
        "mdx23c": dict(_MDX23C),
        "scnet": {**_SCNET, "sources": list(stems)},
    }[family]
    return {
        "audio": {"chunk_size": SEGMENT, "sample_rate": 44_100, "num_channels": 2,
                  "n_fft": WINDOW, "hop_length": HOP, "dim_f": 64, "dim_t": _STEPS},
        "model": network,
        "training": {"instruments": list(stems), "target_instrument": target},
        "inference": {"num_overlap": 2, "chunk_size": SEGMENT},
    }  # fmt: skip


def network_of(config: Mapping[str, Any], seed: int = 1) -> Any:
    """Return the network of a package, made as the package makes it, with random weights.

    That of an SCNet is ours, as the loop takes it: `scnet_reference` is what it is held against.
    """
    import torch

    network = config["model"]
    given = {key: tuple(one) if isinstance(one, list) else one for key, one in network.items()}
    wider, skips = given.pop("mlp_expansion_factor", None), given.pop("skip_connection", False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if "num_subbands" in network:
            from mdxnet_infer.config import AudioConfig, MDX23CConfig, ModelConfig, TrainingConfig
            from mdxnet_infer.model import TFC_TDF_net

            audio = {key: one for key, one in config["audio"].items() if key != "chunk_size"}
            training = TrainingConfig(config["training"]["instruments"],
                                      config["training"]["target_instrument"])  # fmt: skip
            whole = MDX23CConfig(AudioConfig(**audio), ModelConfig(**given), training)
            found: Any = TFC_TDF_net(whole, torch.device("cpu"))
        elif "band_SR" in network:
            from resonate_nodes.separation.families import Description
            from resonate_nodes.separation.scnet import SCNet

            stems = tuple(config["training"]["instruments"])
            held = {"stems": stems, "sample_rate": 44_100, "segment_frames": SEGMENT}
            said = Description("", (), given, held)
            found = SCNet(SCNet.network_of(said), said)
        elif "num_bands" in network:
            from mel_band_roformer import MelBandRoformer

            found = MelBandRoformer(**given, flash_attn=False)
        else:
            from bs_roformer import BSRoformer

            found = BSRoformer(**given, flash_attn=False)
        if wider is not None:
            found.mask_estimators = torch.nn.ModuleList(
                type(one)(given["dim"], one.dim_inputs, given["mask_estimator_depth"], wider)
                for one in found.mask_estimators
            )
        if skips:
            _let_layers_skip(found)
        for parameter in found.parameters():
            if parameter.dim() == 1:
                parameter.data.add_(0.3 * torch.randn_like(parameter))
    return found.eval()


def _let_layers_skip(network: Any) -> None:
    """Give each layer the sum of what those before it gave, of a batch of one.

    So has it Music-Source-Separation-Training, where ``skip_connection`` is set.
    """
    gave: list[Any] = []

    def add(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        first, *others = given  # of the frequencies of a layer the bands are rows
        return (sum((one.transpose(0, 1) for one in gave), first), *others)

    def keep(module: Any, given: Any, found: Any) -> None:
        gave.append(found[0] if isinstance(found, tuple) else found)
        if len(gave) == len(network.layers):
            gave.clear()

    for over_time, over_frequencies in network.layers:
        over_time.register_forward_pre_hook(add)
        over_frequencies.register_forward_hook(keep)


def save_model(
    folder: Path, name: str, config: Mapping[str, Any], *, suffix: str = ".ckpt", seed: int = 1
) -> Any:
    """Write a checkpoint and its config; return the network."""
    import torch
    from safetensors.torch import save_file

    network = network_of(config, seed)
    state = {key.removeprefix("network."): one.clone() for key, one in network.state_dict().items()}
    if suffix == ".safetensors":
        save_file(state, folder / f"{name}{suffix}")
    else:
        torch.save(state, folder / f"{name}{suffix}")
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(dict(config)))
    return network


def passed_whole(network: Any, samples: NDArray[Any]) -> NDArray[Any]:
    """Return (stems, channels, frames) of one pass of the package's own over whole hops."""
    import torch

    with torch.no_grad():
        found: NDArray[Any] = network(torch.from_numpy(samples.copy())[None])[0].numpy()
    return found if found.ndim == 3 else found[None]


def by_its_own_loop(
    network: Any, samples: NDArray[Any], config: Mapping[str, Any], parts: int
) -> NDArray[Any]:
    """Return (stems, channels, frames) by the loop of bs-roformer-infer, which takes any network.

    Args:
        network: the network.
        samples: shape (channels, frames).
        config: of the model.
        parts: how many segments lie over each frame.
    """
    frames = MDX23C_SEGMENT if "num_subbands" in config["model"] else SEGMENT
    from types import SimpleNamespace

    import numpy as np
    import torch
    from bs_roformer.utils import demix_track

    said = SimpleNamespace(
        inference=SimpleNamespace(chunk_size=frames, num_overlap=parts),
        training=SimpleNamespace(**config["training"]),
    )
    found, _ = demix_track(said, network, torch.from_numpy(samples.copy()), "cpu")
    return np.stack(list(found.values()))
