"""The transformer of HTDemucs on a CPU, without the matrices of scores that PyTorch keeps."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import torch
from demucs.transformer import (
    CrossTransformerEncoder,
    CrossTransformerEncoderLayer,
    LayerScale,
    MyGroupNorm,
    MyTransformerEncoderLayer,
    create_2d_sin_embedding,
)
from torch import Tensor, nn
from torch.nn import functional

from .fast_layers import in_type

#: Rows of a feed-forward step taken at a time.
_TOKENS = 672


def fast_transformer(transformer: Any, products: torch.dtype) -> Any:
    """Return a twin of a transformer whose layers are faster, where they are known.

    Args:
        transformer: of an HTDemucs.
        products: what its products are taken in; what lies between two branches stays float32.
    """
    faster = twin(transformer)
    faster.__class__ = _FastTransformer
    for name in ("layers", "layers_t"):
        layers = (
            _Block(one, products) if _Block.knows(one) else one for one in getattr(faster, name)
        )
        setattr(faster, name, nn.ModuleList(layers))
    return faster


def twin(module: Any) -> Any:
    """Return a copy of a module that shares its parameters and sub-modules."""
    copied = copy.copy(module)
    for name in ("_modules", "_parameters", "_buffers"):
        copied.__dict__[name] = dict(module.__dict__[name])
    return copied


class _FastTransformer(CrossTransformerEncoder):
    """CrossTransformerEncoder.forward with the positions of the map computed once."""

    @torch.no_grad()
    def forward(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        """Take and return (batch, channels, rows, frames) and (batch, channels, samples)."""
        (_, channels, rows, frames), dtype = x.shape, x.dtype
        scale = self.weight_pos_embed
        positions = _positions(channels, rows, frames, str(x.device), self.max_period).to(dtype)
        x = self.norm_in(x.transpose(2, 3).flatten(2).transpose(1, 2)).add_(positions, alpha=scale)
        batch, _, steps = xt.shape
        positions = self._get_pos_embedding(steps, batch, channels, xt.device).transpose(0, 1)
        xt = self.norm_in_t(xt.transpose(1, 2)) + scale * positions
        for index, (layer, layer_t) in enumerate(zip(self.layers, self.layers_t, strict=True)):
            if index % 2 == self.classic_parity:
                x, xt = layer(x), layer_t(xt)
            else:
                x, xt = layer(x, xt), layer_t(xt, x)
        return x.transpose(1, 2).unflatten(2, (frames, rows)).transpose(2, 3), xt.transpose(1, 2)


@lru_cache(maxsize=2)
def _positions(channels: int, rows: int, frames: int, device: str, max_period: float) -> Tensor:
    """Return the position of each token of a map, shape (1, frames x rows, channels)."""
    grid = create_2d_sin_embedding(channels, rows, frames, device, max_period)
    return grid.transpose(2, 3).flatten(2).transpose(1, 2).contiguous()


class _Block(nn.Module):
    """A transformer layer, normed first, of itself (one argument) or another (two)."""

    attention: Any
    norm: Any
    norm_other: Any

    def __init__(self, layer: Any, products: torch.dtype) -> None:
        super().__init__()
        self.cross = isinstance(layer, CrossTransformerEncoderLayer)
        attention = layer.cross_attn if self.cross else layer.self_attn
        self.attention = in_type(attention, products)
        self.norm, self.norm_other = layer.norm1, layer.norm2 if self.cross else None
        self.norm_hidden = layer.norm3 if self.cross else layer.norm2
        self.norm_out, self.activation = layer.norm_out, layer.activation
        self.linear1 = in_type(layer.linear1, products)
        self.linear2 = in_type(layer.linear2, products)
        self.gamma_1, self.gamma_2 = layer.gamma_1, layer.gamma_2

    @staticmethod
    def knows(layer: Any) -> bool:
        """Tell whether this is a layer as described: dense, with PyTorch's own attention."""
        if type(layer) not in (MyTransformerEncoderLayer, CrossTransformerEncoderLayer):
            return False
        cross = isinstance(layer, CrossTransformerEncoderLayer)
        attention: Any = layer.cross_attn if cross else layer.self_attn
        return (
            layer.norm_first
            and type(layer.norm3 if cross else layer.norm2) is nn.LayerNorm
            and not layer.sparse
            and attention.in_proj_weight is not None
            and attention.in_proj_bias is not None
            and attention.bias_k is None
            and not attention.add_zero_attn
            and attention.batch_first
            and type(attention) is nn.MultiheadAttention
        )

    @torch.no_grad()
    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Return the layer's output, shape (batch, tokens, channels), like x's."""
        query = self.norm(x)
        source = query if other is None else self.norm_other(other)
        x = _scaled_sum(x, self.gamma_1, self._attend(query, source))
        for item in x.flatten(0, 1).split(_TOKENS):
            hidden = self._feed_forward(self.norm_hidden(item))
            item.copy_(_scaled_sum(item, self.gamma_2, hidden))
        return _normed(x, self.norm_out) if self.norm_out else x

    def _feed_forward(self, x: Tensor) -> Tensor:
        """Return linear2(activation(linear1(x)))."""
        x = x.to(self.linear1.weight.dtype)
        x = functional.linear(_inner(x), _inner(self.linear1.weight), _inner(self.linear1.bias))
        x = functional.linear(
            self.activation(x), _inner(self.linear2.weight), _inner(self.linear2.bias)
        )
        return x.to_dense() if x.is_mkldnn else x

    def _attend(self, query: Tensor, source: Tensor) -> Tensor:
        """Return softmax(Q K' / sqrt(channels per head)) V, over heads, projected."""
        size, weight, bias = (
            query.shape[2],
            self.attention.in_proj_weight,
            self.attention.in_proj_bias,
        )
        if source is query:
            projected = _linear(query, weight, bias).chunk(3, 2)
        else:
            projected = (
                _linear(query, weight[:size], bias[:size]),
                *_linear(source, weight[size:], bias[size:]).chunk(2, 2),
            )
        q, k, v = (
            one.unflatten(2, (self.attention.num_heads, -1)).transpose(1, 2) for one in projected
        )
        attended = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return _linear(attended, self.attention.out_proj.weight, self.attention.out_proj.bias)


def _inner(x: Tensor) -> Tensor:
    """Return x in oneDNN's own form, whose products are faster than MKL's on some CPUs."""
    fits = x.device.type == "cpu" and x.dtype == torch.float32
    return x.detach().to_mkldnn() if fits and torch.backends.mkldnn.is_available() else x


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x W' + b, in the type of W."""
    x = functional.linear(_inner(x.to(weight.dtype)), _inner(weight), _inner(bias))
    return x.to_dense() if x.is_mkldnn else x


def _scaled_sum(x: Tensor, gamma: nn.Module, y: Tensor) -> Tensor:
    """Return x + gamma(y), in the type of x."""
    y = y.to(x.dtype)
    return torch.addcmul(x, y, gamma.scale) if isinstance(gamma, LayerScale) else x + gamma(y)


def _normed(x: Tensor, norm: Any) -> Tensor:
    """Return norm(x), which for one group is a norm over all tokens and channels of an item."""
    if type(norm) is not MyGroupNorm or norm.num_groups != 1:
        return norm(x)
    x = functional.layer_norm(x, x.shape[1:], eps=norm.eps)
    return torch.addcmul(norm.bias, x, norm.weight)
