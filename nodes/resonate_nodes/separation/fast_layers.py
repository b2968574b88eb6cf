"""Layers of Demucs' hybrid models on a CPU, a few rows or a stretch of time at a time.

What lies between two steps of a layer then stays in the cache, and memory that was just freed is
used again; Demucs takes each step over the whole map, in fresh memory at every step.

A layer may take its large products in bfloat16, whose sums are float32 and are rounded once; it
then holds their weights in it. What layers hand on, and the residual branches, stay float32.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from demucs.demucs import DConv
from demucs.hdemucs import HDecLayer, HEncLayer
from demucs.transformer import LayerScale
from torch import Tensor, nn
from torch.nn import functional

from .fast_convolutions import three_by_three

#: Numbers per channels-by-positions block: a block and its double fit a 1 MB cache.
_BLOCK = 400_000

#: What the number of rows taken at a time is a multiple of.
_ROWS = 8


def fast_layer(layer: Any, freq: bool, products: torch.dtype) -> nn.Module:
    """Return a layer that does the same faster, or the layer itself.

    Args:
        layer: an encoder's or a decoder's.
        freq: whether it goes over frequency, or over time.
        products: what its large products are taken in.
    """
    if not _is_plain(layer) or bool(layer.freq) != freq:
        return layer
    if isinstance(layer, HEncLayer):
        return (_FrequencyEncoder if freq else _TimeEncoder)(layer, products)
    return (_FrequencyDecoder if freq else _TimeDecoder)(layer, products)


def in_type(module: Any, products: torch.dtype) -> Any:
    """Return a module that holds its weights in a type: itself, where it does."""
    holds = all(one.dtype == products for one in module.parameters())
    return module if holds else copy.deepcopy(module).to(products)


def _is_plain(layer: Any) -> bool:
    """Tell whether a layer is one of those rewritten below: un-normed, kernel twice the stride."""
    if type(layer) not in (HEncLayer, HDecLayer) or layer.empty or layer.norm or not layer.rewrite:
        return False
    stride = layer.stride
    if layer.kernel_size != 2 * stride or stride % 2 or layer.pad != stride // 2:
        return False
    taps = 1 if type(layer) is HEncLayer else 3
    if any(size != taps for size in layer.rewrite.kernel_size):
        return False
    return layer.dconv is None or all(_Residual.knows(part) for part in layer.dconv.layers)


class _Encoder(nn.Module):
    """What both kinds of encoder layers hold."""

    empty = False
    conv: Any
    rewrite: Any
    stride: int

    def __init__(self, layer: Any, products: torch.dtype) -> None:
        super().__init__()
        self.conv = in_type(layer.conv, products)
        self.rewrite, self.stride = in_type(layer.rewrite, products), layer.stride
        self.residuals = _residuals(layer.dconv)


class _FrequencyEncoder(_Encoder):
    """HEncLayer over frequency, a few rows at a time.

    Maps are (channels, rows, frames); the convolution's kernel and stride are along the rows.
    """

    @torch.no_grad()
    def forward(self, x: Tensor, inject: Tensor | None = None) -> Tensor:
        stride, rows = self.stride, x.shape[2] // self.stride
        out = x.new_empty(x.shape[0], self.conv.out_channels, rows, x.shape[3])
        for item, first, last in _blocks(x.shape[0], rows, out[0, :, 0].numel(), _ROWS):
            part = _zero_extended(x[item], 1, first * stride, last * stride, stride // 2)
            part = part[None].to(self.conv.weight.dtype)
            y = functional.conv2d(part, self.conv.weight, self.conv.bias, (stride, 1))[0]
            if inject is not None:
                y += inject[item, :, None]
            y = functional.gelu(y).to(x.dtype)
            for residual in self.residuals:
                residual(y)
            _gated(y.flatten(1), self.rewrite, out[item, :, first:last])
        return out


class _TimeEncoder(_Encoder):
    """HEncLayer over time, a stretch at a time but for the norms, which need all of it."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        stride, frames = self.stride, -(-x.shape[2] // self.stride)
        out = x.new_empty(x.shape[0], self.conv.out_channels, frames)
        y = out.new_empty(out.shape[1:])
        for item, whole in enumerate(out):
            for _, first, last in _blocks(1, frames, len(y)):
                part = _zero_extended(x[item], 1, first * stride, last * stride, stride // 2)
                part = part[None].to(self.conv.weight.dtype)
                part = functional.conv1d(part, self.conv.weight, self.conv.bias, stride)[0]
                y[:, first:last] = functional.gelu(part)
            for residual in self.residuals:
                residual(y[:, None])
            for _, first, last in _blocks(1, frames, len(y)):
                _gated(y[:, first:last], self.rewrite, whole[:, first:last])
        return out


class _Decoder(nn.Module):
    """What both kinds of decoder layers hold."""

    empty = False
    conv_tr: Any
    last: bool
    stride: int

    def __init__(self, layer: Any, products: torch.dtype) -> None:
        super().__init__()
        self.last, self.stride = layer.last, layer.stride
        self.conv_tr = in_type(layer.conv_tr, products)
        self.residuals = _residuals(layer.dconv)


class _FrequencyDecoder(_Decoder):
    """HDecLayer over frequency, a few rows at a time.

    With a kernel of twice the stride s, row s i + j of the transposed convolution (0 <= j < s) is
    W[j] y[i] + W[j + s] y[i - 1] + b, and y is zero outside: two matrix products for all j at
    once, and each row is written once.
    """

    taps: Tensor
    bias: Tensor

    def __init__(self, layer: Any, products: torch.dtype) -> None:
        super().__init__(layer, products)
        self.rewrite = three_by_three(in_type(layer.rewrite, products))
        # (channels in, channels out, 2 s, 1) to (2, s x channels out, channels in)
        taps = self.conv_tr.weight.detach()[..., 0].permute(2, 1, 0)
        taps = taps.reshape(2, -1, taps.shape[2]).contiguous()
        self.register_buffer("taps", taps, persistent=False)
        bias = self.conv_tr.bias.detach().repeat(layer.stride)[:, None]
        self.register_buffer("bias", bias, persistent=False)

    @torch.no_grad()
    def forward(self, x: Tensor, skip: Tensor, length: int | None) -> tuple[Tensor, None]:
        stride, (batch, channels, rows, frames) = self.stride, x.shape
        out = x.new_empty(batch, self.conv_tr.out_channels, rows + 1, stride, frames)
        before = x.new_zeros(channels, 1, frames)
        for item, first, last in _blocks(batch, rows, channels * frames, _ROWS):
            y = _zero_extended(x[item], 1, first, last, 1, skip[item])[None]
            y = functional.glu(self.rewrite(y)[0], 0).to(x.dtype)
            for residual in self.residuals:
                residual(y)
            ends = (y.new_zeros(channels, 1, frames),) if last == rows else ()
            y = torch.cat((before, y, *ends), 1).to(self.taps.dtype)
            before = torch.zeros_like(before) if last == rows else y[:, -1:].clone()
            now, then = y[:, 1:], y[:, :-1]
            z = torch.addmm(self.bias, self.taps[0], now.flatten(1))
            z = z.addmm_(self.taps[1], then.flatten(1)).view(stride, -1, *now.shape[1:])
            target = out[item, :, first : first + now.shape[1]]
            target.copy_((z if self.last else functional.gelu(z)).permute(1, 2, 0, 3))
        return out.flatten(2, 3)[:, :, stride // 2 : -(stride // 2)], None


class _TimeDecoder(_Decoder):
    """HDecLayer over time, a stretch at a time but for the norms, which need all of it."""

    rewrite: Any

    def __init__(self, layer: Any, products: torch.dtype) -> None:
        super().__init__(layer, products)
        self.rewrite = in_type(layer.rewrite, products)

    @torch.no_grad()
    def forward(self, x: Tensor, skip: Tensor, length: int) -> tuple[Tensor, None]:
        stride, (batch, channels, frames) = self.stride, x.shape
        out = x.new_empty(batch, self.conv_tr.out_channels, (frames + 1) * stride)
        y = x.new_empty(channels, frames)
        for item, whole in enumerate(out):
            for _, first, last in _blocks(1, frames, channels):
                part = _zero_extended(x[item], 1, first, last, 1, skip[item])[None]
                part = part.to(self.rewrite.weight.dtype)
                part = functional.conv1d(part, self.rewrite.weight, self.rewrite.bias)[0]
                y[:, first:last] = functional.glu(part, 0)
            for residual in self.residuals:
                residual(y[:, None])
            for _, first, last in _blocks(1, frames + 1, channels):
                part = _zero_extended(y, 1, first, last, 1)[None, :, :-1]
                part = part.to(self.conv_tr.weight.dtype)
                part = functional.conv_transpose1d(
                    part, self.conv_tr.weight, self.conv_tr.bias, stride
                )
                part = part[0, :, stride:-stride]
                target = whole[:, first * stride : last * stride]
                target.copy_(part if self.last else functional.gelu(part))
        return out[..., stride // 2 : stride // 2 + length], None


def _blocks(items: int, total: int, size: int, multiple: int = 1) -> Iterator[tuple[int, int, int]]:
    """Yield (item, first, last): for each item, ranges that cover 0 to total.

    Args:
        items: number of items.
        total: number of positions per item.
        size: numbers per position.
        multiple: what each range's length is a multiple of, but the last's.
    """
    step = -(-max(1, _BLOCK // size) // multiple) * multiple
    for item in range(items):
        for first in range(0, total, step):
            yield item, first, min(first + step, total)


def _zero_extended(
    x: Tensor, dim: int, first: int, last: int, margin: int, other: Tensor | None = None
) -> Tensor:
    """Return x (plus `other`) from first - margin to last + margin, zero where it has nothing."""
    start, stop = first - margin, last + margin
    size = x.shape[dim]
    low, high = max(0, start), min(stop, size)
    part = x.narrow(dim, low, high - low)
    if other is not None:
        part = part + other.narrow(dim, low, high - low)
    if low == start and high == stop:
        return part
    return functional.pad(part, (0, 0) * (x.dim() - 1 - dim) + (low - start, stop - high))


def _gated(y: Tensor, conv: Any, out: Tensor) -> None:
    """Write glu(W y + b) for a convolution of one tap.

    Args:
        y: shape (channels, positions).
        conv: W and b.
        out: shape (channels, ...), with as many positions.
    """
    z = torch.addmm(conv.bias[:, None], conv.weight.flatten(1), y.to(conv.weight.dtype))
    out.copy_(functional.glu(z, 0).view(out.shape))


# -- the residual branch ---------------------------------------------------------------------------


def _residuals(dconv: DConv | None) -> nn.ModuleList:
    return nn.ModuleList(_Residual(part) for part in dconv.layers) if dconv else nn.ModuleList()


class _Residual(nn.Module):
    """One of DConv's layers: y + s * glu(norm(W2 gelu(norm(conv(y))) + b2)), in place.

    The convolution has three taps d apart; a norm takes all channels and frames of a row. With
    g = gelu(...) of h channels, the second norm's input is u = W2 g + b2, of 2 C channels. Its
    moments over a row follow from g's, without u: with M = W2' W2, the mean of u per channel
    v = W2 mean(g) + b2 and its mean m over the channels,
    variance = (sum(M * cov(g)) + sum((v - m)^2)) / 2 C.
    With r = 1 / sqrt(variance + eps), the norm's output w r (u - m) + b is then
    [w W2, w b2, -w, b] applied to (r g, r, r m, 1): one matrix product, whose first half (the one
    glu does not gate by) is multiplied by the layer scale s beforehand.
    """

    norm: Any
    bias: Tensor
    taps: Tensor
    weight: Tensor
    offset: Tensor
    square: Tensor
    product: Tensor

    def __init__(self, layer: Any) -> None:
        super().__init__()
        conv, self.norm, _, last, norm, _, scale = layer
        self.dilation, self.hidden, self.eps = conv.dilation[0], conv.out_channels, norm.eps
        self.bias = conv.bias
        weight = last.weight.detach()[..., 0]
        factor = norm.weight.detach().clone()
        shift = norm.bias.detach().clone()
        factor[: len(scale.scale)] *= scale.scale.detach()
        shift[: len(scale.scale)] *= scale.scale.detach()
        bias = last.bias.detach()
        columns = (factor[:, None] * weight, factor * bias, -factor, shift)
        self.register_buffer("taps", conv.weight.detach().permute(2, 0, 1).flatten(0, 1).clone())
        self.register_buffer("weight", weight.clone())
        self.register_buffer("offset", bias.clone())
        self.register_buffer("square", weight.t() @ weight)
        self.register_buffer("product", torch.column_stack(columns))

    @staticmethod
    def knows(layer: nn.Module) -> bool:
        """Tell whether this is a layer as described: no LSTM, no attention, one group."""
        kinds = (nn.Conv1d, nn.GroupNorm, nn.GELU, nn.Conv1d, nn.GroupNorm, nn.GLU, LayerScale)
        if not isinstance(layer, nn.Sequential) or tuple(map(type, layer)) != kinds:
            return False
        parts: Any = layer
        conv, norm, gelu, last, norm2, _, scale = parts
        return bool(
            conv.kernel_size == (3,)
            and conv.padding == conv.dilation
            and last.kernel_size == (1,)
            and norm.num_groups == norm2.num_groups == 1
            and gelu.approximate == "none"
            and not scale.channel_last
        )

    def forward(self, y: Tensor) -> None:
        """Add the branch to y, contiguous, shape (channels, rows, frames)."""
        hidden = self._hidden(y)
        flat, sources = y.flatten(1), self._expanded(hidden).flatten(1)
        for _, first, last in _blocks(1, flat.shape[1], len(flat)):
            flat[:, first:last] += functional.glu(self.product @ sources[:, first:last], 0)

    def _hidden(self, y: Tensor) -> Tensor:
        """Return gelu(norm(conv(y))), shape (hidden channels, rows, frames)."""
        flat, gap = y.flatten(1), self.dilation
        taps = y.new_empty(3 * self.hidden, flat.shape[1])
        for _, first, last in _blocks(1, flat.shape[1], len(flat)):
            torch.mm(self.taps, flat[:, first:last], out=taps[:, first:last])
        before, x, after = taps.view(3, self.hidden, *y.shape[1:])
        x += self.bias[:, None, None]
        x[..., gap:] += before[..., :-gap]
        x[..., :-gap] += after[..., gap:]
        x = functional.group_norm(
            x.transpose(0, 1), 1, self.norm.weight, self.norm.bias, self.norm.eps
        )
        return functional.gelu(x).transpose(0, 1)

    def _expanded(self, g: Tensor) -> Tensor:
        """Return (r g, r, r m, 1), shape (hidden channels + 3, rows, frames)."""
        means = g.mean(2, keepdim=True)
        centred = (g - means).transpose(0, 1)
        covariance = centred @ centred.transpose(1, 2) / g.shape[2]
        channels = self.weight @ means[..., 0] + self.offset[:, None]
        mean = channels.mean(0)
        variance = (self.square * covariance).sum((1, 2)) + (channels - mean).square().sum(0)
        factor = torch.rsqrt(variance / len(channels) + self.eps)[:, None]
        out = g.new_empty(len(g) + 3, *g.shape[1:])
        torch.mul(g, factor, out=out[:-3])
        out[-3], out[-2], out[-1] = factor, factor * mean[:, None], 1.0
        return out
