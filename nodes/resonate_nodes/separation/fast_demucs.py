"""HTDemucs on a CPU, re-expressed: the same function, computed in an order that suits caches.

`accelerate` gives a copy of a Demucs model that shares its weights and returns the same samples,
but for the order of float32 sums. What it does differently:

- An encoder or decoder layer runs through its steps for a few rows of frequency (or for a stretch
  of time) before it goes on to the next few, so that what lies between two steps stays in the
  cache, and memory that was just freed is used again; Demucs takes each step over the whole map,
  and its memory is fresh, zeroed by the system page by page, at every step.
- The residual branch (`DConv`) is two matrix products: the second group norm, its scales and the
  layer scale are folded into the second one, see `_Residual`.
- Attention is PyTorch's scaled_dot_product_attention, not the "fast path" of
  nn.MultiheadAttention, which keeps the whole matrix of scores.
- The decoder's 3 x 3 convolutions multiply half as often, or, where there are few channels, have
  these side by side (`fast_convolutions`); its transposed convolutions over frequency are matrix
  products without overlap-add, see `_FrequencyDecoder`.
- The inverse transform takes one channel of one stem at a time, in the same memory, and only the
  stems that are wanted (`fast_inverse`).

Whatever is not recognised (LSTM and local attention of HDemucs' deep layers, normed layers, sparse
attention, MultiWrap) stays Demucs' own module.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import torch
from demucs.hdemucs import HDecLayer, HDemucs
from demucs.htdemucs import HTDemucs
from demucs.transformer import CrossTransformerEncoder
from torch import Tensor, nn
from torch.nn import functional

from .fast_inverse import add_inverse
from .fast_layers import fast_layer
from .fast_transformer import fast_transformer, twin


def accelerate(
    model: nn.Module,
    wanted: Sequence[str] | None = None,
    *,
    products: torch.dtype = torch.float32,
) -> nn.Module:
    """Return a copy of a model that gives the same output faster, for inference on a CPU.

    The copy shares the model's weights and leaves the model as it is. It keeps the model's class
    (as a subclass), so that `demucs.apply.apply_model` treats it alike.

    Args:
        model: an HTDemucs or HDemucs; anything else is returned as it is.
        wanted: the stems to give, in this order (the copy's `sources` are then these); by default
            all the model has.
        products: what its large matrix products and convolutions are taken in: float32, or
            bfloat16 (with copies of their weights). Float32 stay the layers that the mix goes into
            and the stems come out of, without which stems are 10 dB closer to float32's for a tenth
            of the multiplications, and what is not recognised.

    Raises:
        ValueError: the model has no such stem, or its stems depend on each other (Wiener filter).
    """
    if not isinstance(model, HTDemucs | HDemucs) or model.training:
        return model
    fast = twin(model)
    if wanted is not None:
        _select(fast, [model.sources.index(name) for name in wanted])
    if isinstance(model, HTDemucs) and model.cac:
        fast.__class__ = _FastHTDemucs
        if isinstance(fast.crosstransformer, CrossTransformerEncoder):
            fast.crosstransformer = fast_transformer(fast.crosstransformer, products)
    elif type(model) is HDemucs:
        fast.__class__ = _FastHDemucs
    for name in ("encoder", "tencoder", "decoder", "tdecoder"):
        if hasattr(fast, name):
            freq = not name.startswith("t")
            layers = list(getattr(fast, name))
            outermost = layers[0 if name.endswith("encoder") else -1]
            kinds = (torch.float32 if layer is outermost else products for layer in layers)
            faster = map(fast_layer, layers, repeat(freq), kinds)
            setattr(fast, name, nn.ModuleList(faster))
    return fast


class Selected(nn.Module):
    """A model as it is, that gives some of its stems.

    Args:
        model: the model.
        wanted: the stems to give, in this order.
    """

    def __init__(self, model: Any, wanted: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.sources = list(wanted)
        self.samplerate, self.segment = model.samplerate, model.segment
        self.audio_channels = model.audio_channels
        self.valid_length = getattr(model, "valid_length", int)
        self._columns = [model.sources.index(name) for name in wanted]

    def forward(self, mix: Tensor) -> Tensor:
        """Return the estimates, of shape (batch, stems, channels, frames)."""
        return self.model(mix)[:, self._columns]


class _Fast:
    """What both classes do in evaluation, without their copies of whole maps."""

    @torch.no_grad()
    def forward(self: Any, mix: Tensor) -> Tensor:
        """Return the estimates, of shape (batch, stems, channels, frames)."""
        wanted_length = mix.shape[-1]
        mix = functional.pad(mix, (0, self._length(wanted_length) - wanted_length))
        spectra = self._spec(mix)
        x, (mean, std) = _standardised(self._magnitude(spectra))
        encoders_t, decoders_t = self._layers_over_time()
        xt, (mean_t, std_t) = _standardised(mix)
        saved, saved_t, lengths, lengths_t = [], [], [], []
        for index, encode in enumerate(self.encoder):
            inject = None
            lengths.append(x.shape[-1])
            if index < len(encoders_t):
                lengths_t.append(xt.shape[-1])
                xt = encoders_t[index](xt)
                if encoders_t[index].empty:
                    inject = xt
                else:
                    saved_t.append(xt)
            x = encode(x, inject)
            if index == 0 and self.freq_emb is not None:
                rows = torch.arange(x.shape[-2], device=x.device)
                x.add_(self.freq_emb(rows).t()[None, :, :, None], alpha=self.freq_emb_scale)
            saved.append(x)
        x, xt = self._across(x, xt)
        for index, decode in enumerate(self.decoder, -self.depth):
            x, pre = decode(x, saved.pop(), lengths.pop())
            if index >= -len(decoders_t):
                decode_t = decoders_t[index]
                if decode_t.empty:
                    xt, _ = decode_t(pre[:, :, 0], None, lengths_t.pop())
                else:
                    xt, _ = decode_t(xt, saved_t.pop(), lengths_t.pop())
        if decoders_t:
            stems = xt.unflatten(1, (len(self.sources), -1))
            stems = stems.mul(std_t[:, None]).add_(mean_t[:, None]).contiguous()
        else:
            stems = mix.new_zeros(len(mix), len(self.sources), *mix.shape[1:])
        maps = x.mul_(std).add_(mean).unflatten(1, (len(self.sources), -1))
        add_inverse(self, spectra, maps, stems)
        return stems[..., :wanted_length]

    def _layers_over_time(self: Any) -> tuple[Any, Any]:
        return self.tencoder, self.tdecoder


class _FastHTDemucs(_Fast, HTDemucs):
    """HTDemucs: between encoder and decoder there is a transformer."""

    def _length(self, wanted: int) -> int:
        return int(self.valid_length(wanted))

    def _across(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        """Run the transformer over both branches, between its two changes of width."""
        if self.crosstransformer is None:
            return x, xt
        rows = x.shape[2]
        if self.bottom_channels:
            x = self.channel_upsampler(x.flatten(2)).unflatten(2, (rows, -1))
            xt = self.channel_upsampler_t(xt)
        x, xt = self.crosstransformer(x, xt)
        if self.bottom_channels:
            x = self.channel_downsampler(x.flatten(2)).unflatten(2, (rows, -1))
            xt = self.channel_downsampler_t(xt)
        return x, xt


class _FastHDemucs(_Fast, HDemucs):
    """HDemucs: between encoder and decoder there is nothing but what the skips carry."""

    def _length(self, wanted: int) -> int:
        return wanted

    def _layers_over_time(self) -> tuple[Any, Any]:
        return (self.tencoder, self.tdecoder) if self.hybrid else ((), ())

    def _across(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.zeros_like(x)
        return x, x


def _standardised(x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return (x - mean) / (1e-5 + std) over all but the first dimension, and mean and std."""
    dims = tuple(range(1, x.dim()))
    mean, std = x.mean(dims, keepdim=True), x.std(dims, keepdim=True)
    return (x - mean).div_(1e-5 + std), (mean, std)


def _select(model: Any, stems: list[int]) -> None:
    """Keep only some stems: the last layers' channels are theirs, one stem after the other."""
    total = len(model.sources)
    for name in ("decoder", "tdecoder"):
        layers = list(getattr(model, name, ()))
        if not layers:
            continue
        last = layers[-1] = twin(layers[-1])
        plain = type(last) is HDecLayer and isinstance(last.norm2, nn.Identity)
        alone = model.cac or model.wiener_iters < 0
        if not plain or not alone:
            raise ValueError(f"the stems of {name} cannot be told apart")
        last.conv_tr = twin(last.conv_tr)
        for part, dim in (("weight", 1), ("bias", 0)):
            value = getattr(last.conv_tr, part).detach().unflatten(dim, (total, -1))
            kept = value.index_select(dim, torch.tensor(stems)).flatten(dim, dim + 1)
            setattr(last.conv_tr, part, nn.Parameter(kept, requires_grad=False))
        last.conv_tr.out_channels = last.conv_tr.weight.shape[1]
        setattr(model, name, nn.ModuleList(layers))
    model.sources = [model.sources[index] for index in stems]
