"""Convolutions that are float32 on every device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def exact_convolutions(device: str) -> AbstractContextManager[object]:
    """Let CUDA's convolutions be float32, by one algorithm, so that two runs give the same.

    As it comes, torch lets cuDNN round their factors to TF32, and choose what is not deterministic.

    Args:
        device: where they are computed: ``cpu``, ``mps`` or ``cuda:N``.
    """
    import torch

    if device.partition(":")[0] != "cuda":
        return nullcontext()
    enabled = torch.backends.cudnn.enabled
    return torch.backends.cudnn.flags(enabled=enabled, deterministic=True, allow_tf32=False)
