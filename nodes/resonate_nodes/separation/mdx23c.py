"""MDX23C as the loop takes it.

The network is KUIELab's TFC-TDF v3 of the Sound Demixing Challenge 2023, from mdxnet-infer. What it
gives depends on the level of the mix, and it takes whole segments only: its scales halve the steps
of the spectrum again and again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .families import Description
from .hops import OnHops


class MDX23C(OnHops):
    """An MDX23C network that takes whole segments and gives the stems that are wanted.

    Args:
        network: the network of the package.
        description: what its config says.
    """

    whole_segments = True

    def __init__(self, network: Any, description: Description) -> None:
        hop_frames = int(network.config.audio.hop_length)
        super().__init__(
            network,
            description,
            audio_channels=int(network.config.audio.num_channels),
            hop_frames=hop_frames,
            least_frames=hop_frames,
        )

    @staticmethod
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
        return found[:, self.columns]
