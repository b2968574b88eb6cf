"""What `mini` is: a Demucs of the hybrid kind's spectrogram branch alone, and how it is trained.

It sees the magnitudes of the mix and gives those of the stems; the phase is the mix's. Training
needs no inverse transform: with the phase given, the error of a stem's spectrogram is that of its
magnitudes against the stem's part in phase with the mix, plus what no magnitude can mend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from demucs.hdemucs import HDemucs
from demucs.spec import spectro
from torch import Tensor

from .batches import STEMS

SETTINGS: dict[str, Any] = {
    "channels": 32,
    "growth": 1.6,
    "nfft": 4096,
    "cac": False,
    "wiener_iters": -1,
    "end_iters": -1,
    "hybrid": False,
    "depth": 5,
    "norm_starts": 9,
    "dconv_depth": 1,
    "dconv_lstm": 3,
    "dconv_attn": 9,
    "segment": 8,
}

#: The same with more than four times as many weights: 10.4 millions instead of 2.3.
LARGER: dict[str, Any] = {**SETTINGS, "channels": 64, "dconv_depth": 2}

#: How much each stem counts; drums and bass, which meet at the kick, are learned last.
WEIGHTS = (1.5, 1.5, 0.5, 0.5)

#: The mean of a mix's magnitudes by their standard deviation, about; HDemucs takes off the one and
#: divides by the other, so silence lies this much below zero.
_SILENCE_BELOW = 0.27
_STEEPNESS = 8.0


class MagnitudeHDemucs(HDemucs):  # type: ignore[misc]
    """HDemucs without what stands around it: magnitudes in, magnitudes of the stems out.

    Takes (clips, channels, frequencies, times), gives (clips, stems, channels, frequencies,
    times). It has the weights of HDemucs, by the same names.
    """

    def _spec(self, x: Tensor) -> Tensor:
        return x

    def _magnitude(self, z: Tensor) -> Tensor:
        return z

    def _mask(self, z: Tensor, m: Tensor) -> Tensor:
        return m

    def _ispec(self, z: Tensor, length: int | None = None, scale: int = 0) -> Tensor:
        return z


def new_network(settings: Mapping[str, Any] = SETTINGS) -> MagnitudeHDemucs:
    """A network that is about to learn: it gives a quarter of the mix for each stem."""
    network = MagnitudeHDemucs(list(STEMS), **settings)
    with torch.no_grad():
        _pass_through(network)
    return network


def _pass_through(network: Any) -> None:
    """Make the outermost layers hand the mix to all stems through one open gate each.

    From random weights a network first has to learn to give back what it hears. Here the first
    layer's first channels hold the magnitudes as they are, the last layer multiplies a copy for
    each stem by a gate (the half of its GLU that the inner layers open and close), and what is to
    be learned is the gates.
    """
    first, last, above = network.encoder[0], network.decoder[-1], network.decoder[-2]
    sides, height = network.audio_channels, network.stride
    copied = sides * height
    channels = first.conv.out_channels
    if channels < copied * len(STEMS):
        raise ValueError(f"{channels} channels cannot hold {copied} values for each stem")
    edge = (first.kernel_size - height) // 2

    for tensor in (first.conv.weight, first.conv.bias, first.rewrite.weight, first.rewrite.bias):
        tensor[:copied] = 0
    for tensor in (first.rewrite.weight, first.rewrite.bias):
        tensor[channels : channels + copied] = 0
    network.freq_emb.embedding.weight[:, :copied] = 0
    above.conv_tr.weight[:, :copied] = 0
    above.conv_tr.bias[:copied] = 0
    last.rewrite.weight[:channels] = 0
    last.rewrite.weight[channels:] *= 0.02
    last.rewrite.bias[:channels] = _SILENCE_BELOW
    last.rewrite.bias[channels:] = -math.log(len(STEMS) - 1)
    last.conv_tr.weight[:] = 0
    last.conv_tr.bias[:] = -_SILENCE_BELOW
    for place in range(copied):
        side, offset = divmod(place, height)
        first.conv.weight[place, side, edge + offset] = _STEEPNESS
        first.conv.bias[place] = _STEEPNESS * _SILENCE_BELOW
        first.rewrite.weight[place, place] = 2 / _STEEPNESS  # its own gate is half open
        first.rewrite.bias[place] = -2 * _SILENCE_BELOW
        for stem in range(len(STEMS)):
            copy = stem * copied + place
            last.rewrite.weight[copy, place, 1, 1] = 1
            last.conv_tr.weight[copy, stem * sides + side, edge + offset] = 1


def spectra(sound: Tensor, nfft: int = SETTINGS["nfft"]) -> Tensor:
    """The spectrogram that HDemucs sees: complex, (..., frequencies, times)."""
    complex_spectra: Tensor = spectro(sound, nfft, nfft // 4)[..., :-1, :]
    return complex_spectra


def missed(network: torch.nn.Module, stems: Tensor) -> Tensor:
    """The energy of each stem's error as a share of that of the mix: shape (clips, stems).

    Args:
        network: a `MagnitudeHDemucs`.
        stems: complex spectra of shape (clips, stems, channels, frequencies, times).
    """
    mix = stems.sum(1)
    magnitudes = mix.abs()
    direction = mix / (magnitudes + 1e-8)
    in_phase = (stems * direction.conj()[:, None]).real
    dims = (2, 3, 4)
    out_of_reach = (stems.abs().square() - in_phase.square()).sum(dims)
    within_reach = (network(magnitudes).float() - in_phase).square().sum(dims)
    energy = magnitudes.square().sum((1, 2, 3))[:, None] + 1e-6
    return (within_reach + out_of_reach) / energy


def error_db(shares: Tensor, floor: float = 1e-2) -> Tensor:
    """The weighted mean over the stems of what was missed, in dB.

    The logarithm is of the mean over all clips of a step, so that stems count alike whichever is
    easier. A logarithm for each clip would pay most for silence where a stem rests: a network then
    learns to sing nothing at all.

    Args:
        shares: what `missed` gives, of all clips of a step.
        floor: the smallest error that counts, as a share of the energy of the mix.
    """
    errors_db = 10 * torch.log10(shares.mean(0) + floor)
    return (errors_db * torch.tensor(WEIGHTS, device=errors_db.device)).mean()
