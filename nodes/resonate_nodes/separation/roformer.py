"""RoFormers as the loop takes them: BS-RoFormer and Mel-Band RoFormer.

W.-T. Lu, J.-C. Wang, Q. Kong, Y.-N. Hung: *Music Source Separation with Band-Split RoPE
Transformer* (2023); J.-C. Wang, W.-T. Lu, M. Won: *Mel-Band RoFormer* (2023).

The networks are those of bs-roformer-infer and melband-roformer-infer; the way through them is
written here, so that only masks of wanted stems are computed, that layers run over a few rows at a
time (rows do not depend on each other, and what lies between two steps stays small), that several
threads may use one network, and that no complex number reaches a device without them. So is what
Music-Source-Separation-Training added to both, and published checkpoints have: mask estimators of
another width (``mlp_expansion_factor``), and layers that are given the sum of what all before them
gave (``skip_connection``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .families import Description
from .hops import OnHops, over_rows

#: How many times wider than its bands mask estimators are inside, if nothing else is said.
_WIDER = 4


class RoFormer(OnHops):
    """A RoFormer that takes whole hops and gives the stems that are wanted.

    Args:
        network: the network of the package.
        description: what its config says.
    """

    def __init__(self, network: Any, description: Description) -> None:
        hop_frames = int(network.stft_kwargs["hop_length"])
        half = int(network.stft_kwargs["n_fft"]) // 2  # which it reflects at either end
        super().__init__(
            network,
            description,
            audio_channels=int(network.audio_channels),
            hop_frames=hop_frames,
            least_frames=-(-(half + 1) // hop_frames) * hop_frames,
        )
        self._skips = bool(description.kwargs.get("skip_connection"))
        window = network.stft_window_fn(device="cpu")
        self._window: Tensor = window
        for part in network.modules():
            if hasattr(part, "rotary_embed") and hasattr(part, "attend"):
                part.rotary_embed = _Rotary(part.rotary_embed.freqs)
                part.attend = _Attention()

    @staticmethod
    def as_weights_have_it(description: Description, state: Mapping[str, Any]) -> Description:
        """Return a description whose mask estimators are as deep as those of the weights.

        Of Mel-Band RoFormers a config says how many layers there are but the last, and of those
        that were trained first how many there are at all, as of BS-RoFormers.
        """
        layer = re.compile(r"mask_estimators\.0\.to_freqs\.0\.0\.[0-9]+\.weight")
        layers = sum(layer.fullmatch(name) is not None for name in state)
        if not layers:
            return description
        depth = layers - 1 if "num_bands" in description.kwargs else layers
        return replace(description, kwargs={**description.kwargs, "mask_estimator_depth": depth})

    @staticmethod
    def network_of(description: Description) -> Any:
        """Return the network that a config says."""
        module, _, name = description.class_name.rpartition(".")
        made = getattr(import_module(module), name)
        said = dict(description.kwargs)
        said.pop("skip_connection", None)
        wider = said.pop("mlp_expansion_factor", _WIDER)
        if wider == _WIDER:
            return made(**said, flash_attn=False)
        stems = said.pop("num_stems", 1)
        network = made(**said, num_stems=1, flash_attn=False)
        usual = signature(made).parameters["mask_estimator_depth"].default
        depth, (first,) = said.get("mask_estimator_depth", usual), network.mask_estimators
        network.mask_estimators = nn.ModuleList(
            type(first)(said["dim"], first.dim_inputs, depth, mlp_expansion_factor=wider)
            for _ in range(stems)
        )
        return network

    def forward(self, mix: Tensor) -> Tensor:
        """Return the estimates of a mix.

        Args:
            mix: shape (batch, channels, frames), whole hops.

        Returns:
            Shape (batch, stems, channels, frames).
        """
        spectrum = self._spectrum(mix)
        bands = self.network.band_split(self._features(spectrum).to(mix.device))
        before: Tensor | None = None
        for time_layers, frequency_layers in self.network.layers:
            if before is not None:
                bands = bands + before
            bands = over_rows(time_layers, bands.transpose(1, 2)).transpose(1, 2)
            bands = over_rows(frequency_layers, bands)
            if self._skips:
                before = bands if before is None else before + bands
        if hasattr(self.network, "final_norm"):
            bands = self.network.final_norm(bands)
        estimates = [
            self._masked(spectrum, self.network.mask_estimators[column](bands))
            for column in self.columns
        ]
        return torch.stack(estimates, dim=1)[..., : mix.shape[-1]].to(mix.device)

    def _spectrum(self, mix: Tensor) -> Tensor:
        """Return spectra in shape (batch, frequencies x channels, steps, 2), where they may be."""
        batch, channels, frames = mix.shape
        mix = mix if mix.device.type in ("cpu", "cuda") else mix.cpu()
        found = torch.stft(
            mix.reshape(batch * channels, frames),
            **self.network.stft_kwargs,
            window=self._window.to(mix.device),
            return_complex=True,
        )
        whole = torch.view_as_real(found).unflatten(0, (batch, channels))
        if hasattr(self.network, "freq_slice"):
            whole = whole[:, :, self.network.freq_slice]
        return whole.transpose(1, 2).flatten(1, 2)

    def _features(self, spectrum: Tensor) -> Tensor:
        """Return what goes into the bands, in shape (batch, steps, numbers)."""
        if hasattr(self.network, "freq_indices"):  # bands of the mel scale overlap
            spectrum = spectrum[:, self.network.freq_indices.to(spectrum.device)]
        return spectrum.transpose(1, 2).flatten(2)

    def _masked(self, spectrum: Tensor, numbers: Tensor) -> Tensor:
        """Return a stem, given its mask as (batch, steps, numbers)."""
        batch, rows, steps, _ = spectrum.shape
        mask = numbers.to(spectrum.device).float().unflatten(2, (-1, 2)).transpose(1, 2)
        if hasattr(self.network, "freq_indices"):
            indices = self.network.freq_indices.to(spectrum.device)
            counts = self.network.num_bands_per_freq.to(spectrum.device)
            counts = counts.repeat_interleave(self.audio_channels).clamp(min=1)
            summed = torch.zeros(batch, rows, steps, 2, device=spectrum.device)
            mask = summed.index_add_(1, indices, mask) / counts[:, None, None]
        found = torch.view_as_complex(spectrum.contiguous()) * torch.view_as_complex(
            mask.contiguous()
        )
        found = found.unflatten(1, (-1, self.audio_channels)).transpose(1, 2).flatten(0, 1)
        if hasattr(self.network, "freq_pad"):
            found = functional.pad(found, (0, 0, *self.network.freq_pad))
        if getattr(self.network, "zero_dc", False):
            found = torch.cat([torch.zeros_like(found[:, :1]), found[:, 1:]], dim=1)
        sound = torch.istft(found, **self.network.stft_kwargs, window=self._window.to(found.device))
        return sound.unflatten(0, (batch, self.audio_channels))


class _Attention(nn.Module):
    """Attention by torch's own choice of kernel; that of the package sets flags for all threads."""

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(queries, keys, values)


class _Rotary(nn.Module):
    """Rotary position embedding (J. Su and others: *RoFormer*, 2021), which remembers nothing.

    That of the package keeps what it computed last, which several threads would write at once.
    """

    def __init__(self, frequencies: Tensor) -> None:
        super().__init__()
        self.freqs = nn.Parameter(frequencies.detach(), requires_grad=False)

    def rotate_queries_or_keys(self, vectors: Tensor) -> Tensor:
        """Return vectors of shape (..., length, numbers), pairs of numbers rotated by place."""
        places = torch.arange(vectors.shape[-2], device=vectors.device, dtype=torch.float32)
        angles = places[:, None] * self.freqs.float()
        angles = angles.repeat_interleave(2, -1)
        sines, cosines = angles.sin(), angles.cos()
        pairs = vectors.unflatten(-1, (-1, 2))
        turned = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
        return (vectors * cosines + turned * sines).to(vectors.dtype)
