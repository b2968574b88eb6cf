"""Configs beside weights: what a checkpoint's network is, in the layout its trainers publish.

RoFormers and their like come as a checkpoint (``NAME.ckpt``, or ``NAME.safetensors``) and a YAML
file of the training that made it, of which ``model``, ``audio``, ``training.instruments`` and
``inference`` are read; it is called ``NAME.yaml``, or much like that, or as a card says. Both may
be a stranger's: the config is plain values within `budgets`, the checkpoint is tensors and nothing
else.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from resonate_graph import ModelError

from . import cards
from .budgets import (
    Archive,
    OverBudgetError,
    read_bag,
    read_pickle,
    require_file,
    require_small,
    require_unpacked,
)
from .families import FAMILIES, Description
from .shapes import require_numbers, require_shapes

#: Checkpoints, which say nothing of their network; a ``.safetensors`` file may be one too.
SUFFIXES = (".ckpt", ".pt", ".pth")

#: The largest size in a network's config, and the most bands: what a file's weights do not bound.
_SIZE, _BANDS = 1 << 16, 1 << 10

#: What the part of a config that is about sound says of a transform.
_TRANSFORM = ("n_fft", "hop_length", "dim_f", "dim_t")

#: How trainers call what is a port of `separate` under another name.
_STEMS = {
    **dict.fromkeys(("instrumental", "instrum", "no_vocals", "no vocals"), "other"),
    "vocal": "vocals",
}

#: What training configs say that no separation needs.
_FOR_TRAINING = re.compile(
    r"multi_stft_.*|.*dropout|flash_attn|sage_attention|use_torch_checkpoint|dim_freqs_in|"
    r"num_residual_(streams|fracs)|match_input_audio_length"
)

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "none")),
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}

#: Where checkpoints hold their tensors, if not at the top.
_HELD_IN = ("state_dict", "model_state_dict", "state", "model")


def config_of(path: Path) -> Path | None:
    """Return the config beside a file of weights; None where there is none, as for Demucs'."""
    if path.suffix not in (*SUFFIXES, ".safetensors"):
        return None
    stem = path.stem
    names = (
        *(f"{stem}.yaml", f"{stem}.yml", f"{path.name}.yaml"),
        *(f"config_{stem}.yaml", f"{stem}_config.yaml"),
    )
    for name in (*names, *cards.configs_of(path.name)):
        if (place := path.with_name(name)).is_file() and is_config(place):
            return place
    return None


def is_config(path: Path) -> bool:
    """Whether a YAML file says what a network is, as none of a bag of models does."""
    status = path.stat()
    return _is_config(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _is_config(path: Path, size: int, mtime_ns: int) -> bool:
    del size, mtime_ns
    try:
        said = read_bag(path)
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and "model" in said and "models" not in said


def read_config(path: Path, config: Path) -> Description:
    """Return what a config says of the network of a file of weights, without loading torch.

    Raises:
        ModelError: it is no such config, of a family that is not known, or of one that does not
            go together with itself.
    """
    try:
        require_file(path)
        said = _typed(read_bag(config))
        require_small(said)
        return _described(said)
    except _Unsupported as error:
        raise ModelError(path.stem, f"{config}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}" if not str(error) else str(error)
        raise ModelError(path.stem, f"{config}: this is no config of a model: {reason}") from error


class _Unsupported(Exception):
    """A config asks for what is not there."""


def _described(said: Mapping[str, Any]) -> Description:
    network, audio = said["model"], said.get("audio") or {}
    training, inference = said.get("training") or {}, said.get("inference") or {}
    class_name = _recognised(network, said.get("model_type"))
    stems = _stems_of(training)
    rate = int(audio.get("sample_rate") or network.get("sample_rate") or 44_100)
    if not 1000 <= rate <= 768_000:
        raise ValueError(f"its sample rate is {rate} Hz")
    settings: dict[str, Any] = {"stems": stems, "sample_rate": rate}
    frames = inference.get("chunk_size") or audio.get("chunk_size")
    kwargs, count = _known(network, class_name), len(stems)
    if class_name == _MDX23C:
        kwargs |= {"audio": audio, "stems": len(stems)}
        steps = inference.get("dim_t") or audio["dim_t"]
        frames = int(audio["hop_length"]) * (int(steps) - 1)
    elif class_name == _SCNET:
        count = len(network.get("sources") or stems)
    else:
        count = int(network.get("num_stems") or 1)
    if count != len(stems):
        raise ValueError(f"it names {len(stems)} stems, and its network gives {count}")
    _require_sizes(kwargs)
    _require_sizes({key: audio[key] for key in _TRANSFORM if key in audio})
    if not isinstance(frames, int) or not 0 < frames <= 100 * rate:
        raise ValueError("it says no chunk_size in frames, which is how long a segment is")
    settings["segment_frames"] = frames
    settings["normalised"] = bool(inference.get("normalize"))
    return Description(class_name, (), kwargs, settings)


def _recognised(network: Mapping[str, Any], kind: Any) -> str:
    """Return the class of a network, by what its config says of it."""
    if "num_subbands" in network and "bottleneck_factor" in network:
        found = _MDX23C
    elif "band_SR" in network or "band_stride" in network:
        if kind not in (None, "scnet"):
            raise _Unsupported(f"of SCNets, those called {kind} are not supported")
        found = _SCNET
    elif "num_bands" in network and "dim" in network:
        found = "mel_band_roformer.MelBandRoformer"
    elif "dim" in network and "depth" in network and "stft_n_fft" in network:
        found = "bs_roformer.BSRoformer"
    else:
        found = ""
    if found not in FAMILIES:
        having = ", ".join(family.name for family in FAMILIES.values() if family.configured)
        raise _Unsupported(f"it is of no family that is known: {having}")
    return found


def _stems_of(training: Mapping[str, Any]) -> tuple[str, ...]:
    target = training.get("target_instrument")
    names = [target] if target else training["instruments"]
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError("training.instruments is no list of names")
    found = tuple(_STEMS.get(name.lower(), name.lower()) for name in names)
    if len(set(found)) < len(found):
        raise ValueError(f"it names a stem twice: {', '.join(found)}")
    return found


def _known(network: Mapping[str, Any], class_name: str) -> dict[str, Any]:
    """Return what the class takes; refuse what it does not know and would have to do."""
    kept = {}
    for key, value in network.items():
        if _FOR_TRAINING.fullmatch(key):
            continue
        kept[key] = tuple(value) if isinstance(value, list) else value
    known = _ARGUMENTS[class_name]
    if unknown := [key for key, value in kept.items() if key not in known and value]:
        raise _Unsupported(
            f"its network has {', '.join(unknown)}, which "
            f"{FAMILIES[class_name].distribution or FAMILIES[class_name].name} does not know"
        )
    return {key: value for key, value in kept.items() if key in known and value is not None}


_MDX23C = "mdxnet_infer.model.TFC_TDF_net"
_SCNET = "resonate_nodes.separation.scnet.Network"
_BOTH = {
    *("dim", "depth", "heads", "dim_head", "stereo", "num_stems", "mask_estimator_depth"),
    *("time_transformer_depth", "freq_transformer_depth"),
    *("mlp_expansion_factor", "skip_connection"),
    *("stft_n_fft", "stft_hop_length", "stft_win_length", "stft_normalized"),
}
_ARGUMENTS: Mapping[str, set[str]] = {
    "bs_roformer.BSRoformer": _BOTH | {"freqs_per_bands", "freq_range", "zero_dc"},
    "mel_band_roformer.MelBandRoformer": _BOTH | {"num_bands", "sample_rate"},
    _MDX23C: {
        *("act", "bottleneck_factor", "growth", "norm", "num_blocks_per_scale", "num_channels"),
        *("num_scales", "num_subbands", "scale"),
    },
    _SCNET: {
        *("audio_channels", "dims", "nfft", "hop_size", "win_size", "normalized", "compress"),
        *("band_SR", "band_stride", "band_kernel", "conv_depths", "conv_kernel", "num_dplayer"),
        *("expand", "sources"),
    },
}


def _require_sizes(kwargs: Mapping[str, Any]) -> None:
    """Refuse sizes that cost memory before a network's weights are compared with a file's."""
    for key, value in kwargs.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        limit = 768_000 if key == "sample_rate" else _SIZE
        for one in values:
            if isinstance(one, (int, float)) and not -1 <= one <= limit:
                raise OverBudgetError(f"its {key} is {one}")
    if kwargs.get("num_bands", 0) > _BANDS:
        raise OverBudgetError(f"it has more than {_BANDS} bands")


def _typed(value: Any) -> Any:
    """Return plain YAML, of which all scalars are text, with its numbers and truths."""
    if isinstance(value, dict):
        return {str(key): _typed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_typed(one) for one in value]
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no plain value")
    return _scalar(value)


def _scalar(text: str) -> Any:
    """Return what a scalar of YAML is."""
    if (word := text.lower()) in _WORDS:
        return _WORDS[word]
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]{1,2})?", word):
        return float(text)
    return text


# -- weights --------------------------------------------------------------------------------------


def load(path: Path, description: Description) -> Any:
    """Return the network of a checkpoint, ready to evaluate, on the CPU.

    Raises:
        ModelError: it holds more than tensors.
        OverBudgetError: it does not fit its config, or would cost too much.
        Exception: whatever a damaged file leads to.
    """
    state, adapter = _tensors(path), _adapter(description)
    had = adapter.as_weights_have_it(description, state)
    require_shapes(lambda: network_of(had), state)
    require_numbers(state)
    network = network_of(had)
    network.load_state_dict(state)
    network.eval()
    return adapter(network, had)


def network_of(description: Description) -> Any:
    """Return the network that a config says, with whatever weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some transform a first sound without a window
        return _adapter(description).network_of(description)


def _adapter(description: Description) -> Any:
    """Return the class that takes a network into the loop."""
    module, _, name = description.family.adapter.rpartition(".")
    return getattr(import_module(f".{module}", __package__), name)


def _tensors(path: Path) -> dict[str, Any]:
    """Return the weights in a file, by name."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    import torch

    if not zipfile.is_zipfile(path):
        raise OverBudgetError("it is no archive, as torch.save has written them since 2020")
    with Archive(path) as archive:
        require_unpacked(archive)
        read_pickle(archive)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if "weights_only" not in str(error).lower().replace(" ", "_"):
            raise
        raise ModelError(
            path.stem,
            f"{path}: not loaded: it holds more than tensors, and opening it the usual way could "
            "run code; save its tensors as a .safetensors file",
        ) from error
    for name in _HELD_IN:
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            held = held[name]
            break
    if not isinstance(held, dict) or not all(
        isinstance(one, torch.Tensor) for one in held.values()
    ):
        raise TypeError("it holds no weights by name")
    for prefix in ("module.", "model."):
        if held and all(name.startswith(prefix) for name in held):
            held = {name.removeprefix(prefix): one for name, one in held.items()}
    return dict(held)
