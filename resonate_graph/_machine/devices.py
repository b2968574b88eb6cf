"""Devices: what this machine has, proved by doing a small operation; and the choice among them.

`place` is a pure function of an inventory, so it is tested for machines we do not have. The
proof (`probe`) is the only part that touches hardware: a driver that is installed but broken
says it is available, so each accelerator has to do a real convolution first. It also has to show
that it takes the convolution HTDemucs starts with, whose output is longer than 65,536, which MPS
before macOS 15.1 refuses.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from .._base.errors import DeviceError

#: What a caller may ask for: one of these, or a certain card such as ``cuda:1``.
REQUESTS = ("auto", "mps", "cuda", "cpu")

#: What a graph may name: a kind of device, or a certain card.
DEVICE_PATTERN = r"^(mps|cuda(:(0|[1-9][0-9]?))?|cpu)$"

#: The part of the unified memory that MPS may take, and where it starts to tidy up.
MPS_MEMORY_FRACTION = 0.75

#: What ``auto`` goes by, best first.
ORDER = ("mps", "cuda", "cpu")

_SHORT_FRAMES, _LONG_FRAMES = 1_000, 90_000

#: What multiplies bfloat16, best first, and what torch says of a processor that has it.
_BF16 = {"AMX": ("amx_tile", "amx_bf16"), "AVX512-BF16": ("avx512_bf16",)}


@dataclass(frozen=True)
class Device:
    """One place to compute.

    Attributes:
        id: ``cpu``, ``mps`` or ``cuda:N``, as torch names it.
        kind: ``cpu``, ``mps`` or ``cuda``.
        name: what the maker calls it.
        usable: whether it did the small operation it was asked to do.
        detail: why it is not usable, or what it is.
        facts: what was found out about it: ``memory_bytes``, ``long_convolutions`` (whether it
            takes outputs of more than 65,536 frames), ``macos``, ``threads``, ``bf16`` (what a
            processor multiplies bfloat16 with, see `bf16_by`).
    """

    id: str
    kind: str
    name: str
    usable: bool = True
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Inventory:
    """The devices of one machine. The CPU is always among them."""

    devices: tuple[Device, ...]

    def usable(self, wish: str) -> list[Device]:
        """Return the devices of a kind, or the one of that id, that passed their proof."""
        return [one for one in self.devices if wish in (one.kind, one.id) and one.usable]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the devices as plain JSON values."""
        return [{**asdict(device), "facts": dict(device.facts)} for device in self.devices]


@dataclass(frozen=True)
class Avoid:
    """A kind of device that a node does not take unless it is told to: data, not code.

    Attributes:
        kind: ``mps`` or ``cuda``.
        reason: why, for people.
        params: only where each of these params has one of these values; always where empty.

    Example:
        >>> Avoid("mps", "9 times slower there than on the CPU", {"model": ("hdemucs_mmi",)})
        Avoid(kind='mps', ..., params={'model': ('hdemucs_mmi',)})
    """

    kind: Literal["mps", "cuda"]
    reason: str
    params: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def applies(self, params: Mapping[str, Any]) -> bool:
        """Whether it holds for a step with these params."""
        return all(params.get(name) in values for name, values in self.params.items())


@dataclass(frozen=True)
class Choice:
    """Where a step is to run.

    Attributes:
        devices: the devices it may run on, one as good as the other: all cards of a kind, or the
            one that was asked for.
        reason: why, for people.
    """

    devices: tuple[str, ...]
    reason: str


def require_request(device: str) -> str:
    """Return what a caller asked for, if it is something one can ask for.

    Raises:
        DeviceError: it is not; whether the device is there is found out by `place`.
    """
    if device not in REQUESTS and not re.fullmatch(DEVICE_PATTERN, device):
        known = ", ".join(REQUESTS)
        raise DeviceError(f"no device {device!r}; there are: {known}, or a card such as cuda:1")
    return device


def place(
    inventory: Inventory,
    request: str,
    preferred: Sequence[str] = (),
    *,
    avoid: Sequence[Avoid] = (),
    params: Mapping[str, Any] | None = None,
) -> Choice:
    """Return where a step that can use an accelerator is to run. Pure.

    The caller's word counts before the graph's, the graph's before what the node avoids.

    Args:
        inventory: what the machine has.
        request: what the caller asked for: a kind, or a certain card such as ``cuda:1``; ``auto``
            leaves it to the graph and the machine.
        preferred: the kinds or cards a graph names for the step, best first; ``auto`` goes by
            mps, cuda, cpu.
        avoid: what the node's author says it is not good at.
        params: the step's params.

    Raises:
        DeviceError: what the caller or the graph insists on is not there, with what is.
    """
    if request != "auto":
        wishes, reason = [request], "asked for"
    elif preferred:
        wishes, reason = list(preferred), "what the graph prefers"
    else:
        wishes, reason = list(ORDER), ""
    skipped: list[str] = []
    for wish in wishes:
        devices = tuple(device.id for device in inventory.usable(wish))
        if not devices:
            continue
        against = None if reason else _reason_against(wish, avoid, params or {})
        if against is None:
            if reason:
                return Choice(devices, reason)
            why = [*skipped, *_failed(inventory, wish)] or [_best_of(wish)]
            return Choice(devices, "; ".join(why))
        skipped.append(f"not {wish}: {against}")
    raise DeviceError(_nothing_found(inventory, wishes))


def choose(inventory: Inventory, request: str, preferred: Sequence[str] = ()) -> str:
    """Return the first device of `place`.

    Raises:
        DeviceError: what the caller or the graph insists on is not there, with what is.
    """
    return place(inventory, request, preferred).devices[0]


def _reason_against(kind: str, avoid: Sequence[Avoid], params: Mapping[str, Any]) -> str | None:
    return next((one.reason for one in avoid if one.kind == kind and one.applies(params)), None)


def _failed(inventory: Inventory, kind: str) -> list[str]:
    """Say which devices of better kinds do not work."""
    better = ORDER[: ORDER.index(kind)]
    return [
        f"{device.id} is not usable: {device.detail}"
        for device in inventory.devices
        if device.kind in better and not device.usable
    ]


def _best_of(kind: str) -> str:
    """Say why a kind was taken where nobody named one, and all work."""
    return "nothing faster is here" if kind == "cpu" else "the fastest kind that is here"


def _nothing_found(inventory: Inventory, wishes: Sequence[str]) -> str:
    found = ", ".join(device.id for device in inventory.devices if device.usable)
    reasons = [
        f"; {device.id}: {device.detail}"
        for device in inventory.devices
        if not {device.kind, device.id}.isdisjoint(wishes) and device.detail
    ]
    return (
        f"no {' or '.join(wishes)} device is usable here{''.join(reasons)}; this machine has: "
        f"{found}"
    )


# -- what is to be expected ---------------------------------------------------------------------


@lru_cache(maxsize=1)
def presume() -> Inventory:
    """Return what this machine has, as far as that can be told without loading torch. No proof.

    A key may depend on the kind of device, and what is stored is found without torch: it takes
    seconds to load.
    """
    kind = _presumed_accelerator()
    accelerators = (Device("cuda:0" if kind == "cuda" else kind, kind, ""),) if kind else ()
    return Inventory((*accelerators, Device("cpu", "cpu", "")))


def _presumed_accelerator() -> str | None:
    """Return the kind of accelerator that torch here was built for, if its driver is installed."""
    if sys.platform == "darwin":
        return "mps" if platform.machine() == "arm64" else None
    try:
        version = metadata.distribution("torch").locate_file("torch/version.py")
        built_for = runpy.run_path(str(version))
    except Exception:  # there is no torch, or it is a build that describes itself otherwise
        return None
    if built_for.get("hip"):
        return "cuda" if Path("/dev/kfd").exists() else None
    return "cuda" if built_for.get("cuda") and _loads("libcuda.so.1") else None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


# -- proof by doing -----------------------------------------------------------------------------


def devices() -> tuple[Device, ...]:
    """Return where this machine can compute, the CPU last, each proved by an operation.

    An accelerator whose driver is broken is there, too, with the reason why it is not used. Loads
    torch; looks once per process.

    Example:
        >>> from resonate_graph import devices
        >>> [device.id for device in devices() if device.usable]
        [...'cpu']
    """
    return probe().devices


@lru_cache(maxsize=1)
def probe() -> Inventory:
    """Return what this machine has. Loads torch; looks once per process."""
    # threads that spin while they wait take the processors from those they wait for
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with _limited_mps_memory():
        import torch
    return Inventory((*_mps(torch), *_cuda(torch), _cpu(torch)))


@contextlib.contextmanager
def _limited_mps_memory() -> Iterator[None]:
    """Import torch in here, so that MPS takes no more than its part of the unified memory.

    Torch reads the limits from its surroundings when it first uses MPS; the lower one, where it
    begins to tidy up, has to lie below the upper. Limits that are set already are kept.
    """
    upper = os.environ.setdefault("PYTORCH_MPS_HIGH_WATERMARK_RATIO", str(MPS_MEMORY_FRACTION))
    os.environ.setdefault("PYTORCH_MPS_LOW_WATERMARK_RATIO", str(MPS_MEMORY_FRACTION - 0.05))
    yield
    import torch

    if torch.backends.mps.is_available() and upper == str(MPS_MEMORY_FRACTION):
        torch.mps.set_per_process_memory_fraction(MPS_MEMORY_FRACTION)


def _mps(torch: Any) -> Iterator[Device]:
    if torch.backends.mps.is_available():
        facts: dict[str, Any] = {"macos": platform.mac_ver()[0]}
        with contextlib.suppress(Exception):  # what an old torch or driver cannot say
            facts["memory_bytes"] = int(torch.mps.recommended_max_memory())
        yield _proved("mps", "mps", "Apple GPU", facts)


def _cuda(torch: Any) -> Iterator[Device]:
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts: dict[str, Any] = {}
            name = "CUDA device"
            with contextlib.suppress(Exception):  # a card that fails here fails its proof too
                name = torch.cuda.get_device_name(index)
                facts["memory_bytes"] = int(torch.cuda.get_device_properties(index).total_memory)
            yield _proved(f"cuda:{index}", "cuda", name, facts)


def _cpu(torch: Any) -> Device:
    threads = torch.get_num_threads()
    name = platform.processor() or platform.machine()
    facts: dict[str, Any] = {"threads": threads}
    with contextlib.suppress(Exception):  # what an old torch cannot say
        facts |= bf16_by(torch.cpu.get_capabilities())
    return Device("cpu", "cpu", name, detail=f"{threads} threads", facts=facts)


def bf16_by(capabilities: Mapping[str, Any]) -> dict[str, str]:
    """Return what a processor multiplies bfloat16 with, as the fact ``bf16``, if it does.

    Args:
        capabilities: of the processor, as torch names them. Those of Arm's are not among them: no
            one has tried what they are worth here.
    """
    having = (name for name in _BF16 if all(capabilities.get(one) for one in _BF16[name]))
    found = next(having, None)
    return {} if found is None else {"bf16": found}


def _proved(device_id: str, kind: str, name: str, facts: Mapping[str, Any]) -> Device:
    return prove_lengths(device_id, kind, name, lambda frames: _convolve(device_id, frames), facts)


def prove_lengths(
    device_id: str,
    kind: str,
    name: str,
    convolve: Callable[[int], float],
    facts: Mapping[str, Any] | None = None,
) -> Device:
    """Return the device, usable only if it convolves right, at a small and at a large length.

    Args:
        device_id: as `Device.id`.
        kind: as `Device.kind`.
        name: as `Device.name`.
        convolve: given a number of frames, convolves so many ones with 1 and returns the sum.
        facts: what is known of it.
    """
    known = dict(facts or {})
    short = prove(device_id, kind, name, lambda: convolve(_SHORT_FRAMES), _SHORT_FRAMES)
    if not short.usable:
        return replace(short, facts=known)
    long = prove(device_id, kind, name, lambda: convolve(_LONG_FRAMES), _LONG_FRAMES)
    return replace(long, facts={**known, "long_convolutions": long.usable})


def prove(
    device_id: str,
    kind: str,
    name: str,
    operation: Callable[[], float],
    expected: float = _LONG_FRAMES,
) -> Device:
    """Return the device, usable only if the operation gives the sum it must give."""
    try:
        result = operation()
    except Exception as error:  # whatever a driver raises: the device is then not used
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return Device(device_id, kind, name, usable=False, detail=reason[0])
    if result != float(expected):
        return Device(device_id, kind, name, usable=False, detail="a convolution came out wrong")
    return Device(device_id, kind, name)


def _convolve(device_id: str, frames: int) -> float:
    """Convolve ones with a unit impulse; HTDemucs' first layer has some 86,000 frames."""
    import torch

    with torch.no_grad():
        signal = torch.ones(1, 1, frames, device=device_id)
        kernel = torch.ones(1, 1, 1, device=device_id)
        return float(torch.nn.functional.conv1d(signal, kernel).sum().cpu())
