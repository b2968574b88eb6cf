"""3 x 3 convolutions of Demucs' decoders on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# Of fewer channels than this, what `_FourRows` adds up takes longer than what it saves.
_FEWEST_CHANNELS = 64


def three_by_three(conv: Any) -> nn.Module:
    """Return a module that gives a convolution of rows that are already extended by one.

    Args:
        conv: the convolution; in bfloat16 it is taken as it is, since what `_FourRows` adds up
            would be rounded before it cancels.
    """
    if conv.weight.dtype != torch.float32:
        return _Plain(conv)
    return _FourRows(conv) if conv.in_channels >= _FEWEST_CHANNELS else _ChannelsTogether(conv)


class _Plain(nn.Module):
    """A 3 x 3 convolution as it is, in its own type."""

    conv: Any

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of x, whose rows (not frames) are already extended by one."""
        conv = self.conv
        return functional.conv2d(x.to(conv.weight.dtype), conv.weight, conv.bias, padding=(0, 1))


class _ChannelsTogether(nn.Module):
    """A 3 x 3 convolution of maps whose channels lie side by side, and so do those of its output.

    With few channels oneDNN's kernels take half the time for that order, measured.
    """

    conv: Any
    weight: Tensor

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.conv = conv
        weight = conv.weight.detach().clone(memory_format=torch.channels_last)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of x, whose rows (not frames) are already extended by one."""
        x = x.contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, self.weight, self.conv.bias, padding=(0, 1))


class _FourRows(nn.Module):
    """A 3 x 3 convolution, four rows out of six multiplied rows instead of twelve.

    This is Winograd's F(4, 3) along the rows, with the points 0, 1, -1, 2, -2 and infinity: for
    rows d0 ... d5 and taps g, the four rows of the correlation are A'((G g) * (B' d)), where the
    products * are convolutions of three taps along the frames. Measured, its rounding errors are
    twice those of a plain float32 convolution (rms 3.5e-7 instead of 1.6e-7 of the output's).
    """

    conv: Any
    weights: Tensor

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.conv = conv
        a, b, c = conv.weight.detach()[..., None, :].unbind(2)
        even, odd, wide = (a + c) / 6, b / 6, a / 24 + c / 6
        products = (a / 4, -even - odd, odd - even, wide + b / 12, wide - b / 12, c)
        self.register_buffer("weights", torch.stack(products), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of x, whose rows (not frames) are already extended by one."""
        conv, rows = self.conv, x.shape[2] - 2
        if rows % 4:
            return functional.conv2d(x, conv.weight, conv.bias, padding=(0, 1))
        parts = zip(self._mixed(x), self.weights, strict=True)
        m0, m1, m2, m3, m4, m5 = (
            functional.conv2d(part, weight, padding=(0, 1)) for part, weight in parts
        )
        near, near_odd, far, far_odd = m1 + m2, m1.sub_(m2), m3 + m4, m3.sub_(m4)
        out = x.new_empty(1, conv.out_channels, rows // 4, 4, x.shape[3])
        row0, row1, row2, row3 = out.unbind(3)
        near.add_(conv.bias[:, None, None])
        near_odd.add_(conv.bias[:, None, None])
        torch.add(m0.add_(near), far, out=row0)
        torch.add(near_odd, far_odd, alpha=2, out=row1)
        torch.add(near, far, alpha=4, out=row2)
        torch.add(m5.add_(near_odd), far_odd, alpha=8, out=row3)
        return out.flatten(2, 3)

    @staticmethod
    def _mixed(x: Tensor) -> Iterator[Tensor]:
        """Yield B' d: six mixtures of each six rows, four apart."""
        d0, d1, d2, d3, d4, d5 = (x[:, :, row : x.shape[2] - 5 + row : 4] for row in range(6))
        yield torch.add(d4, d0, alpha=4).sub_(d2, alpha=5)
        even, odd = torch.sub(d4, d2, alpha=4), torch.sub(d3, d1, alpha=4)
        yield even + odd
        yield even - odd
        even, odd = d4 - d2, (d3 - d1).mul_(2)
        yield even + odd
        yield even - odd
        yield torch.add(d5, d1, alpha=4).sub_(d3, alpha=5)
