"""Devices: what this machine has, proved by doing a small operation; and the choice among them.

`choose` is a pure function of an inventory, so it is tested for machines we do not have. The
proof (`probe`) is the only part that touches hardware: a driver that is installed but broken
says it is available, so each accelerator has to do a real convolution first. MPS also has to
show that it takes the convolution HTDemucs starts with, whose output is longer than 65,536,
which macOS before 15.1 refuses.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from ._errors import DeviceError

Request = Literal["auto", "mps", "cuda", "cpu"]
REQUESTS: tuple[Request, ...] = ("auto", "mps", "cuda", "cpu")

#: The part of the unified memory that MPS may take, and where it starts to tidy up.
MPS_MEMORY_FRACTION = 0.75

_CONVOLUTION_FRAMES = 90_000


@dataclass(frozen=True)
class Device:
    """One place to compute.

    Attributes:
        id: ``cpu``, ``mps`` or ``cuda:N``, as torch names it.
        kind: ``cpu``, ``mps`` or ``cuda``.
        name: what the maker calls it.
        usable: whether it did the small operation it was asked to do.
        detail: why it is not usable, or what it is.
    """

    id: str
    kind: str
    name: str
    usable: bool = True
    detail: str = ""


@dataclass(frozen=True)
class Inventory:
    """The devices of one machine. The CPU is always among them."""

    devices: tuple[Device, ...]

    def usable(self, kind: str) -> list[Device]:
        """Return the devices of a kind that passed their proof."""
        return [device for device in self.devices if device.kind == kind and device.usable]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the devices as plain JSON values."""
        return [asdict(device) for device in self.devices]


def choose(inventory: Inventory, request: Request, preferred: Sequence[str] = ()) -> str:
    """Return the id of the device a step is to run on. Pure.

    Args:
        inventory: what the machine has.
        request: what the caller asked for; ``auto`` leaves it to the graph and the machine.
        preferred: the kinds a graph names for the step, best first; ``auto`` goes by mps, cuda,
            cpu.

    Raises:
        DeviceError: what the caller or the graph insists on is not there, with what is.
    """
    wishes = list(preferred or ["auto"]) if request == "auto" else [request]
    for wish in wishes:
        for kind in ("mps", "cuda", "cpu") if wish == "auto" else (wish,):
            if usable := inventory.usable(kind):
                return usable[0].id
    found = ", ".join(device.id for device in inventory.devices if device.usable)
    reasons = [
        f"; {device.id}: {device.detail}"
        for device in inventory.devices
        if device.kind in wishes and device.detail
    ]
    raise DeviceError(
        f"no {' or '.join(wishes)} device is usable here{''.join(reasons)}; this machine has: "
        f"{found}"
    )


@lru_cache(maxsize=1)
def probe() -> Inventory:
    """Return what this machine has. Loads torch; looks once per process."""
    # threads that spin while they wait take the processors from those they wait for
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("PYTORCH_MPS_LOW_WATERMARK_RATIO", str(MPS_MEMORY_FRACTION - 0.05))
    import torch

    cpu = Device("cpu", "cpu", platform.processor() or platform.machine(), detail=_cpu_detail())
    accelerators: list[Device] = []
    if torch.backends.mps.is_available():
        torch.mps.set_per_process_memory_fraction(MPS_MEMORY_FRACTION)
        accelerators.append(_proved("mps", "mps", "Apple GPU"))
    if torch.cuda.is_available():
        accelerators.extend(
            _proved(f"cuda:{index}", "cuda", torch.cuda.get_device_name(index))
            for index in range(torch.cuda.device_count())
        )
    return Inventory((*accelerators, cpu))


def _proved(device_id: str, kind: str, name: str) -> Device:
    return prove(device_id, kind, name, lambda: _convolve(device_id))


def prove(device_id: str, kind: str, name: str, operation: Callable[[], float]) -> Device:
    """Return the device, usable only if the operation gives the sum it must give."""
    try:
        result = operation()
    except Exception as error:  # whatever a driver raises: the device is then not used
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return Device(device_id, kind, name, usable=False, detail=reason[0])
    if result != float(_CONVOLUTION_FRAMES):
        return Device(device_id, kind, name, usable=False, detail="a convolution came out wrong")
    return Device(device_id, kind, name)


def _convolve(device_id: str) -> float:
    """Convolve ones with a unit impulse, at the length HTDemucs' first layer has."""
    import torch

    with torch.no_grad():
        signal = torch.ones(1, 1, _CONVOLUTION_FRAMES, device=device_id)
        kernel = torch.ones(1, 1, 1, device=device_id)
        return float(torch.nn.functional.conv1d(signal, kernel).sum().cpu())


def _cpu_detail() -> str:
    import torch

    return f"{torch.get_num_threads()} threads"
