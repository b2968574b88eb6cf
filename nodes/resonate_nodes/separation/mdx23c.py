"""MDX23C as the loop takes it.

The network is KUIELab's TFC-TDF v3 of the Sound Demixing Challenge 2023, from mdxnet-infer. What it
gives depends on the level of the mix, and it takes whole segments only: its scales halve the steps
of the spectrum again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from .families import Description


def network_of(description: Description) -> Any:
    """Return the network that a config says."""
    from mdxnet_infer.config import AudioConfig, MDX23CConfig, ModelConfig, TrainingConfig
    from mdxnet_infer.model import TFC_TDF_net

    def known(kind: Any, said: Any) -> Any:
        names = kind.__dataclass_fields__
        return kind(**{key: value for key, value in said.items() if key in names})

    kwargs = dict(description.kwargs)
    training = TrainingConfig(instruments=[str(n) for n in range(kwargs.pop("stems"))])
    config = MDX23CConfig(
        known(AudioConfig, kwargs.pop("audio")), known(ModelConfig, kwargs), training
    )
    return TFC_TDF_net(config, torch.device("cpu"))


class MDX23C(nn.Module):
    """An MDX23C network that takes whole segments and gives the stems that are wanted.

    Args:
        network: the network of the package.
        description: what its config says.

    Attributes:
        sources: the stems it gives, in this order.
        samplerate: the rate it works at, in Hz.
        segment: how long its segments are, in seconds.
        audio_channels: how many it takes.
        hop_frames: of its transform.
        least_frames: the fewest of a mix that go into a segment.
        whole_segments: whether it takes whole segments only.
    """

    whole_segments = True

    def __init__(self, network: Any, description: Description) -> None:
        super().__init__()
        self.network = network
        self.sources = list(description.stems)
        self.samplerate = int(description.settings["sample_rate"])
        self._segment_frames = int(description.settings["segment_frames"])
        self.audio_channels = int(network.config.audio.num_channels)
        self.hop_frames = self.least_frames = int(network.config.audio.hop_length)
        self._columns = list(range(len(self.sources)))

    @property
    def segment(self) -> Fraction:
        """How long its segments are, in seconds: as they were in training, whatever a bag says."""
        return Fraction(self._segment_frames, self.samplerate)

    @segment.setter
    def segment(self, seconds: float) -> None:
        del seconds

    def narrowed(self, stems: Sequence[str]) -> MDX23C:
        """Return the same network for some of its stems; it shares the weights."""
        other = copy(self)
        other.sources = list(stems)
        other._columns = [self._columns[self.sources.index(stem)] for stem in stems]
        return other

    def forward(self, mix: Tensor) -> Tensor:
        """Return the estimates of whole segments.

        Args:
            mix: shape (batch, channels, frames).

        Returns:
            Shape (batch, stems, channels, frames).
        """
        self.network.stft.device = mix.device  # where it goes back to from the CPU
        found = self.network(mix)
        if self.network.num_target_instruments == 1:
            found = found[:, None]
        return found[:, self._columns]
