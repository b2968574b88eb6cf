"""SCNet, the network and as the loop takes it.

W. Tong, J. Zhu, J. Chen, S. Kang, T. Jiang, Y. Li, Z. Wu, H. Meng: *SCNet: Sparse Compression
Network for Music Source Separation* (2024, arXiv 2401.13276).

The spectrum is split into bands, of which the higher ones are compressed more; on what is left of
it recurrent layers run over frequencies and over time, every other one over the spectrum of the
steps in time; then bands are brought back to their sizes, with what the encoder had beside them.

No package that goes with current versions of torch has this network, so it is written here. Its
modules are called as in the checkpoints that its authors publish, and it reads all of these but
what others changed in it (masks instead of spectra, transformers instead of recurrent layers).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .families import Description
from .hops import OnHops, over_rows


@dataclass(frozen=True)
class Band:
    """A band of the spectrum.

    Attributes:
        share: of all frequencies; that of the last one is what is left.
        stride: how many frequencies become one.
        kernel: how many are looked at for one.
        depth: how many convolution modules there are in it.
    """

    share: float
    stride: int
    kernel: int
    depth: int

    def missing(self, frequencies: int) -> int:
        """Return how many zeros so many frequencies want, to be whole strides."""
        return self.kernel - 1 if self.stride == 1 else -frequencies % self.stride

    def compressed(self, frequencies: int) -> int:
        """Return what so many frequencies become."""
        return (frequencies + self.missing(frequencies) - self.kernel) // self.stride + 1

    def is_kept(self, frequencies: int) -> bool:
        """Whether something is left of so many frequencies, and all of them can be brought back."""
        left = self.compressed(frequencies)
        return min(left, frequencies) > 0 and (left - 1) * self.stride + self.kernel >= frequencies


@dataclass(frozen=True)
class Sizes:
    """What decides the shape of an SCNet.

    Attributes:
        dims: channels before the first block of the encoder, and after each.
        bands: from low to high.
        compress: how much narrower convolution modules are inside.
        kernel: of these, in steps.
        layers: how many dual-path layers there are; an even number.
        expand: how much wider recurrent layers are inside.
    """

    dims: tuple[int, ...]
    bands: tuple[Band, ...]
    compress: int
    kernel: int
    layers: int
    expand: int


#: What a config leaves out.
_PUBLISHED: Mapping[str, Any] = {
    "audio_channels": 2, "nfft": 4096, "hop_size": 1024, "win_size": 4096, "normalized": True,
    "dims": (4, 32, 64, 128), "band_SR": (0.175, 0.392, 0.433), "band_stride": (1, 4, 16),
    "band_kernel": (3, 4, 16), "conv_depths": (3, 2, 1), "compress": 4, "conv_kernel": 3,
    "num_dplayer": 6, "expand": 1,
}  # fmt: skip
_OF_BANDS = ("band_SR", "band_stride", "band_kernel", "conv_depths")


def _sizes_said(config: Mapping[str, Any]) -> Sizes:
    """Return the sizes in a config.

    Raises:
        ValueError: it does not go together with itself.
    """
    said = {**_PUBLISHED, **config}
    for key, published in _PUBLISHED.items():
        if not _is_like(said[key], published):
            raise ValueError(f"its {key} is {said[key]}, where published ones have {published}")
    if len({len(said[key]) for key in _OF_BANDS}) > 1:
        raise ValueError(f"its {', '.join(_OF_BANDS)} are not of as many bands")
    sizes = Sizes(
        dims=said["dims"],
        bands=tuple(Band(*one) for one in zip(*(said[key] for key in _OF_BANDS), strict=True)),
        compress=said["compress"],
        kernel=said["conv_kernel"],
        layers=said["num_dplayer"],
        expand=said["expand"],
    )
    if not said["hop_size"] <= said["win_size"] <= said["nfft"] or said["nfft"] % 2:
        raise ValueError("its hop_size is no more than its win_size, which is in its even nfft")
    if sizes.dims[0] != 2 * said["audio_channels"]:
        raise ValueError(f"its dims begin with {sizes.dims[0]}, not with two numbers for a channel")
    if sizes.compress > min(sizes.dims[1:], default=sizes.compress):
        raise ValueError(f"its compress, {sizes.compress}, leaves no channel of its dims")
    if sizes.layers % 2 or sizes.kernel % 2 == 0:
        raise ValueError("num_dplayer is even, and conv_kernel odd")
    if any(band.kernel < band.stride for band in sizes.bands):
        raise ValueError("strides of bands are from 1 to their kernels")
    _require_kept(sizes, said["nfft"] // 2 + 1)
    return sizes


def _is_like(value: Any, published: Any) -> bool:
    """Whether a value of a config is of the type of the published one, and above nothing."""
    if isinstance(published, tuple):
        return (
            isinstance(value, tuple)
            and len(value) > 0
            and all(_is_like(one, published[0]) for one in value)
        )
    if isinstance(published, bool):
        return isinstance(value, bool)
    kinds = (int, float) if isinstance(published, float) else int
    return isinstance(value, kinds) and not isinstance(value, bool) and value > 0


def _require_kept(sizes: Sizes, frequencies: int) -> None:
    """Refuse bands of which a block of the encoder leaves nothing, or that do not come back."""
    for _ in sizes.dims[1:]:
        before = _sizes_of(sizes.bands, frequencies)
        for number, (band, size) in enumerate(zip(sizes.bands, before, strict=True), start=1):
            if not band.is_kept(size):
                raise ValueError(
                    f"band {number} of {len(before)} is {size} of {frequencies} frequencies, which "
                    f"a kernel of {band.kernel} at a stride of {band.stride} does not go through"
                )
        frequencies = sum(map(Band.compressed, sizes.bands, before))


class SCNet(OnHops):
    """An SCNet that takes whole hops and gives the stems that are wanted.

    Args:
        network: the network.
        description: what its config says.
    """

    def __init__(self, network: Network, description: Description) -> None:
        said = {**_PUBLISHED, **description.kwargs}
        hop_frames, window_frames = said["hop_size"], said["nfft"]
        half = window_frames // 2  # which its transform reflects at either end
        least = next(hops for hops in count(1) if _padded(hops) * hop_frames > half)
        super().__init__(
            network,
            description,
            audio_channels=said["audio_channels"],
            hop_frames=hop_frames,
            least_frames=least * hop_frames,
        )
        window = torch.ones(said["win_size"])
        self._window: Tensor = window
        self._transform: dict[str, Any] = {
            "n_fft": window_frames,
            "hop_length": hop_frames,
            "win_length": len(window),
            "normalized": said["normalized"],
        }

    @staticmethod
    def network_of(description: Description) -> Network:
        """Return the network that a config says.

        Raises:
            ValueError: it does not go together with itself.
        """
        return Network(_sizes_said(description.kwargs), len(description.stems))

    def forward(self, mix: Tensor) -> Tensor:
        """Return the estimates of a mix.

        Args:
            mix: shape (batch, channels, frames), whole hops.

        Returns:
            Shape (batch, stems, channels, frames).
        """
        batch, channels, frames = mix.shape
        hops = _padded(frames // self.hop_frames)
        sound = functional.pad(mix, (0, hops * self.hop_frames - frames))
        window = self._window.to(mix.device)
        spectrum = torch.stft(
            sound.flatten(0, 1), **self._transform, window=window, return_complex=True
        )
        numbers = torch.view_as_real(spectrum).unflatten(0, (batch, channels))
        found = self.network(numbers.movedim(-1, 2).flatten(1, 2), self.columns)
        found = found.float().unflatten(1, (-1, channels, 2)).flatten(0, 2).movedim(1, -1)
        estimates = torch.istft(
            torch.view_as_complex(found.contiguous()), **self._transform, window=window
        )
        return estimates.unflatten(0, (batch, -1, channels))[..., :frames]


def _padded(hops: int) -> int:
    """Return to how many hops a mix is padded, so that its steps in time are an even number."""
    return hops + 1 + hops % 2


class Network(nn.Module):
    """From spectra of a mix to those of stems.

    Args:
        sizes: of everything.
        stems: how many stems there are.
    """

    def __init__(self, sizes: Sizes, stems: int) -> None:
        super().__init__()
        dims = sizes.dims
        self._numbers = dims[0]
        self.encoder = nn.ModuleList(_Encoder(*pair, sizes) for pair in pairwise(dims))
        self.separation_net = _Separation(dims[-1], sizes)
        outer = (dims[0] * stems, *dims[1:])
        self.decoder = nn.ModuleList(
            nn.Sequential(_Fusion(inner), _Up(inner, found, sizes.bands))
            for found, inner in reversed(list(pairwise(outer)))
        )

    def forward(self, spectrum: Tensor, stems: Sequence[int]) -> Tensor:
        """Return the spectra of some stems.

        Args:
            spectrum: of the mix, real and imaginary parts of channel after channel: shape
                (batch, numbers, frequencies, steps).
            stems: which ones.

        Returns:
            Shape (batch, stems * numbers, frequencies, steps).
        """
        found, beside = spectrum, []
        for encoder in self.encoder:
            before = found.shape[2]
            found, joined, sizes = encoder(found)
            beside.append((joined, sizes, before))
        found = self.separation_net(found)
        wanted = [
            self._numbers * stem + number for stem in stems for number in range(self._numbers)
        ]
        for block in self.decoder:
            joined, sizes, before = beside.pop()
            fusion, up = block.children()
            found = up(fusion(found, joined), sizes, before, None if beside else wanted)
        return found


def _sizes_of(bands: Sequence[Band], frequencies: int) -> list[int]:
    """Return how many of so many frequencies each band has."""
    ends = [math.ceil(frequencies * share) for share in accumulate(one.share for one in bands)]
    return [last - first for first, last in pairwise((0, *ends[:-1], frequencies))]


class _Down(nn.Module):
    """Bands of a spectrum, each compressed by its stride."""

    def __init__(self, channels: int, found: int, bands: Sequence[Band]) -> None:
        super().__init__()
        self._bands = tuple(bands)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, found, (band.kernel, 1), (band.stride, 1)) for band in bands
        )

    def forward(self, spectrum: Tensor) -> list[Tensor]:
        parts = spectrum.split(_sizes_of(self._bands, spectrum.shape[2]), dim=2)
        found = []
        for part, band, conv in zip(parts, self._bands, self.convs, strict=True):
            more = band.missing(part.shape[2])
            found.append(conv(functional.pad(part, (0, 0, more // 2, more - more // 2))))
        return found


class _Up(nn.Module):
    """Bands brought back to the sizes that they had before `_Down`."""

    def __init__(self, channels: int, found: int, bands: Sequence[Band]) -> None:
        super().__init__()
        self._bands = tuple(bands)
        self.convtrs = nn.ModuleList(
            nn.ConvTranspose2d(channels, found, (band.kernel, 1), (band.stride, 1))
            for band in bands
        )

    def forward(
        self, bands: Tensor, sizes: Sequence[int], frequencies: int, wanted: Sequence[int] | None
    ) -> Tensor:
        found = []
        before = _sizes_of(self._bands, frequencies)
        conv: Any
        for part, size, conv in zip(bands.split(sizes, dim=2), before, self.convtrs, strict=True):
            weight, bias = conv.weight, conv.bias
            if wanted is not None:
                weight, bias = weight[:, wanted], bias[wanted]
            whole = functional.conv_transpose2d(part, weight, bias, conv.stride)
            first = (whole.shape[2] - size) // 2
            found.append(whole[:, :, first : first + size])
        return torch.cat(found, dim=2)


class _Encoder(nn.Module):
    """A block of the encoder: bands compressed, looked at each for itself, and put together."""

    def __init__(self, channels: int, found: int, sizes: Sizes) -> None:
        super().__init__()
        self.SDlayer = _Down(channels, found, sizes.bands)
        self.conv_modules = nn.ModuleList(
            _Convolutions(found, band.depth, sizes) for band in sizes.bands
        )
        self.globalconv = nn.Conv2d(found, found, 3, padding=1)

    def forward(self, spectrum: Tensor) -> tuple[Tensor, Tensor, list[int]]:
        """Return what goes on, what goes to the decoder, and the sizes of the bands."""
        bands = [
            functional.gelu(over_rows(convolutions, part.transpose(1, 2)).transpose(1, 2))
            for convolutions, part in zip(self.conv_modules, self.SDlayer(spectrum), strict=True)
        ]
        joined = torch.cat(bands, dim=2)
        return self.globalconv(joined), joined, [band.shape[2] for band in bands]


class _Convolutions(nn.Module):
    """Convolutions over time, each added to what it is given: shape (rows, channels, steps)."""

    def __init__(self, channels: int, depth: int, sizes: Sizes) -> None:
        super().__init__()
        inner, kernel = int(channels / sizes.compress), sizes.kernel
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(1, channels),
                nn.Conv1d(channels, 2 * inner, kernel, padding=kernel // 2),
                nn.GLU(1),
                nn.Conv1d(inner, inner, kernel, padding=kernel // 2, groups=inner),
                nn.GroupNorm(1, inner),
                nn.SiLU(),
                nn.Conv1d(inner, channels, 1),
            )
            for _ in range(depth)
        )

    def forward(self, rows: Tensor) -> Tensor:
        for layer in self.layers:
            rows = rows + layer(rows)
        return rows


class _Fusion(nn.Module):
    """What comes from below and from beside, through a gate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)

    def forward(self, found: Tensor, beside: Tensor) -> Tensor:
        both = found + beside
        return functional.glu(self.conv(torch.cat([both, both], dim=1)), dim=1)


class _Separation(nn.Module):
    """Dual-path layers, every other one over the spectrum of the steps in time."""

    def __init__(self, channels: int, sizes: Sizes) -> None:
        super().__init__()
        self.dp_modules = nn.ModuleList(
            _DualPath(channels * (1 + number % 2), sizes.expand) for number in range(sizes.layers)
        )

    def forward(self, found: Tensor) -> Tensor:
        for number, layer in enumerate(self.dp_modules):
            found = layer(found).float()
            if number % 2 == 0:
                spectrum = torch.fft.rfft(found, dim=3, norm="ortho")
                found = torch.cat([spectrum.real, spectrum.imag], dim=1)
            else:
                found = torch.fft.irfft(torch.complex(*found.chunk(2, dim=1)), dim=3, norm="ortho")
        return found


class _DualPath(nn.Module):
    """A recurrent layer over frequencies, and one over time, each added to what it is given."""

    def __init__(self, channels: int, expand: int) -> None:
        super().__init__()
        inner = channels * expand
        self.lstm_layers = nn.ModuleList(
            nn.LSTM(channels, inner, bidirectional=True, batch_first=True) for _ in range(2)
        )
        self.linear_layers = nn.ModuleList(nn.Linear(2 * inner, channels) for _ in range(2))
        self.norm_layers = nn.ModuleList(nn.GroupNorm(1, channels) for _ in range(2))

    def forward(self, found: Tensor) -> Tensor:
        found = found + self._over(0, found.transpose(2, 3)).transpose(2, 3)
        return found + self._over(1, found)

    def _over(self, path: int, found: Tensor) -> Tensor:
        """Return what a layer makes of rows, given (batch, channels, rows, length)."""
        norm, lstm, linear = (
            layers[path] for layers in (self.norm_layers, self.lstm_layers, self.linear_layers)
        )

        def layer(rows: Tensor) -> Any:
            return linear(lstm(rows)[0])

        return over_rows(layer, norm(found).movedim(1, -1)).movedim(-1, 1)
