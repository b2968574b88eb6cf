"""What networks on whole hops have in common as the loop takes them: RoFormers, MDX23C, SCNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from fractions import Fraction
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .families import Description

#: How many numbers the rows hold that go through a layer together, on a CPU.
_NUMBERS = 1 << 19

_Network = TypeVar("_Network", bound="OnHops")


class OnHops(nn.Module):
    """A network that takes whole hops of its transform, and gives the stems that are wanted.

    Its `forward` takes a mix of shape (batch, channels, frames), whole hops, and gives estimates of
    shape (batch, stems, channels, frames).

    Args:
        network: what computes.
        description: what its config says.
        audio_channels: how many channels it takes.
        hop_frames: of its transform, in frames.
        least_frames: the fewest frames it takes.

    Attributes:
        network: what computes.
        sources: the stems it gives, in this order.
        columns: which of the stems of the network these are.
        samplerate: the rate it works at, in Hz.
        segment: how long its segments are, in seconds.
        audio_channels: how many channels it takes.
        hop_frames: of its transform, in frames.
        least_frames: the fewest frames of a mix that it takes.
        whole_segments: whether it takes segments of the length it was trained with only.
    """

    whole_segments = False

    def __init__(
        self,
        network: Any,
        description: Description,
        *,
        audio_channels: int,
        hop_frames: int,
        least_frames: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.sources = list(description.stems)
        self.columns = list(range(len(self.sources)))
        self.samplerate = int(description.settings["sample_rate"])
        self.segment = Fraction(description.settings["segment_frames"], self.samplerate)
        self.audio_channels = audio_channels
        self.hop_frames = hop_frames
        self.least_frames = least_frames

    @staticmethod
    def as_weights_have_it(description: Description, state: Mapping[str, Any]) -> Description:
        """Return a description in which the weights decide what configs are not at one about."""
        del state
        return description

    def narrowed(self: _Network, stems: Sequence[str]) -> _Network:
        """Return the same network for some of its stems; it shares the weights."""
        other = copy(self)
        other.sources = list(stems)
        other.columns = [self.columns[self.sources.index(stem)] for stem in stems]
        return other


def over_rows(layers: Callable[[Tensor], Any], rows: Tensor) -> Tensor:
    """Return rows after layers that take each for itself; on a CPU a few of them at a time.

    What lies between two layers then is small, and fits into caches.

    Args:
        layers: given rows of shape (count, m, n), returns such, or a tuple of these and others.
        rows: shape (batch, rows, m, n).
    """
    shape = rows.shape
    flat = rows.reshape(-1, *shape[2:])
    if flat.device.type != "cpu":
        return _first(layers(flat)).reshape(shape)
    found = torch.empty_like(flat)
    count = max(1, _NUMBERS // (shape[2] * shape[3]))
    for start in range(0, len(flat), count):
        part = slice(start, start + count)
        found[part] = _first(layers(flat[part]))
    return found.reshape(shape)


def _first(found: Any) -> Tensor:
    """Return what layers gave; those of BS-RoFormer give values beside it."""
    only: Tensor = found[0] if isinstance(found, tuple) else found
    return only
