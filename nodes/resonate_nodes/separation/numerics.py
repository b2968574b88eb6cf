"""How a separation computes: what its products are taken in, and who converts its sample rates.

Each of these ways is a numerics class: stems of one are not taken for those of another. On a CUDA
card bfloat16 and float16 are torch's: its autocast says which operations take them. On a CPU the
fast layers say it (`fast_layers`, `fast_transformer`); of networks that have none, autocast does.
Of bfloat16, which keeps 8 bits of a factor, these two differ as much as either from float32.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from typing import Any, Literal

from resonate_graph import NodeError, Placed, devices

from ..space.sinc import fits

Precision = Literal["fp32", "bf16", "fp16"]

#: The precisions of matrix products that a kind of device has besides fp32.
MIXED: dict[str, tuple[str, ...]] = {"cuda": ("bf16", "fp16"), "cpu": ("bf16",)}

#: The rate of Demucs' models.
_USUAL_RATE = 44_100

#: The classes: as everywhere; of bfloat16 on a CPU; and where an accelerator converts rates (with
#: the version of what does it).
FP32 = "fp32"
BF16_ON_CPU = "bf16 on a CPU, sums in fp32"
BY_TORCHAUDIO = "fp32, sample rates by torchaudio"

#: A product of the transformer of HTDemucs: tokens, channels in, channels out.
_TRIAL = (672, 512, 2048)
_ROUNDS = 3


def numerics_of(place: Placed) -> str:
    """Return the class: on a CPU by the precision, on an accelerator by what rates there are."""
    if place.device == "cpu":
        return BF16_ON_CPU if place.params["precision"] == "bf16" else FP32
    others = [rate for rate in place.sample_rates["mix"] if rate != _USUAL_RATE]
    if not any(fits(rate, _USUAL_RATE) for rate in others):
        return FP32
    return f"{BY_TORCHAUDIO} {metadata.version('torchaudio')}"


def require(kind: str, precision: Precision, facts: Mapping[str, Any]) -> None:
    """Refuse a precision that a device does not have.

    Args:
        kind: of the device.
        precision: asked for.
        facts: what is known of it (`Device.facts`).

    Raises:
        NodeError: it is not to be had, with the reason and with what has it.
    """
    if precision == "fp32":
        return
    if precision not in MIXED.get(kind, ()):
        having = [name for name, kinds in MIXED.items() if precision in kinds]
        raise NodeError(f"{kind} does not compute in {precision}; {' and '.join(having)} would")
    if kind == "cpu" and "bf16" not in facts:
        raise NodeError(
            "this processor does not multiply bf16, as far as torch knows: it has neither AMX nor "
            "AVX512-BF16; fp32 is what it computes in"
        )


def require_precision(place: Placed) -> None:
    """Refuse a precision that the device of a step does not have.

    Raises:
        NodeError: it is not to be had.
    """
    precision = place.params["precision"]
    asks_the_cpu = (place.device, precision) == ("cpu", "bf16")
    require(place.device, precision, cpu_facts() if asks_the_cpu else {})


def cpu_facts() -> Mapping[str, Any]:
    """Return what is known of this machine's CPU."""
    return next(device.facts for device in devices() if device.kind == "cpu")


def warning_of(speed: float) -> str | None:
    """Return what to tell somebody who asks for bf16, if it is no faster.

    Args:
        speed: of its products, in those of fp32.
    """
    if speed > 1:
        return None
    return (
        f"products of bf16 have {speed:.2f} of the speed of fp32's on this processor; fp32 is "
        "faster, and closer"
    )


@lru_cache(maxsize=1)
def bf16_speed() -> float:
    """Return how fast this processor takes products of bf16, in those of fp32: tried once.

    Processors without AMX have either: of AVX512-BF16 some do two multiplications for one of
    float32, others one for two.
    """
    import torch

    def seconds(of: torch.dtype) -> float:
        tokens, channels, hidden = _TRIAL
        x, weight = torch.ones(tokens, channels, dtype=of), torch.ones(hidden, channels, dtype=of)
        times = []
        for _ in range(_ROUNDS + 1):
            start = time.thread_time()
            torch.nn.functional.linear(x, weight)
            times.append(time.thread_time() - start)
        return min(times[1:])  # the first one makes the code

    with torch.inference_mode():
        return seconds(torch.float32) / seconds(torch.bfloat16)
