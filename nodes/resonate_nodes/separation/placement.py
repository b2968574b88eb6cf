"""Where a model computes, and what is done when that does not work.

The ladder: out of memory -> free what is cached and try again -> smaller batches -> the CPU. An
operation the device does not have -> the CPU, for that model and for as long as the process lives.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import NodeError

from .._common.exactness import exact_convolutions
from . import weights
from .families import Family
from .numerics import BF16_ON_CPU, FP32, Precision, cpu_facts, require
from .random_numbers import draws_numbers, own_random_numbers
from .resident import Residents

Array = NDArray[np.float32]

#: Segments per batch to begin with, on an accelerator; where memory runs out it takes fewer.
BATCH_SIZE = 8

_residents = Residents()

#: Models that a device could not run, as (device, file).
_refused: set[tuple[str, Path]] = set()


@dataclass(frozen=True)
class Estimator:
    """A model on disk, and what is wanted of it.

    Attributes:
        path: its file.
        stems: the stems it is to give.
        segment_seconds: overrides the length of its segments; None to leave it.
    """

    path: Path
    stems: tuple[str, ...]
    segment_seconds: float | None = None


class Placement:
    """A device that models compute on, and the CPU where it fails.

    Args:
        device: the device.
        precision: of matrix products.
        numerics: the class of what comes out; it says who decides which products are taken in
            bf16, wherever models compute: `BF16_ON_CPU`, the fast layers; any other, torch.
        fell: told what was done when something failed.

    Attributes:
        device: where models compute now.
        batch_size: how many segments they take at once.

    Raises:
        NodeError: the device does not have this precision.
    """

    def __init__(
        self,
        device: str,
        *,
        precision: Precision = "fp32",
        numerics: str = FP32,
        fell: Callable[[str], None] = lambda message: None,
    ) -> None:
        kind = device.partition(":")[0]
        require(kind, precision, cpu_facts() if (kind, precision) == ("cpu", "bf16") else {})
        self.device = device
        self.batch_size = 1 if kind == "cpu" else BATCH_SIZE
        self._precision = precision
        self._by_layers = numerics == BF16_ON_CPU
        self._fell = fell

    def model(self, estimator: Estimator) -> Any:
        """Return the model, on its device.

        Raises:
            ModelError: its file is damaged or not trusted.
        """
        freed = False
        family = _family_of(estimator)
        if family.avoids_mps and self.device_of(estimator).partition(":")[0] == "mps":
            self._refuse(estimator, family.on_mps)
        while True:
            device = self.device_of(estimator)
            try:
                return self._resident(device, estimator)
            except (RuntimeError, AssertionError) as error:  # so torch says what it lacks
                if device == "cpu":
                    raise
                if not _is_out_of_memory(error):
                    self._refuse(estimator, _reason(error))
                    continue
            if freed:
                self._leave(device, "a model")
            else:
                self._free(device)
                freed = True

    def device_of(self, estimator: Estimator) -> str:
        """Return where a model computes now."""
        return "cpu" if (self.device, estimator.path) in _refused else self.device

    def batch_of(self, estimator: Estimator) -> int:
        """Return how many segments a model takes at once now."""
        return 1 if self.device_of(estimator) == "cpu" else self.batch_size

    def run(self, estimator: Estimator, batch: Array, seed: tuple[int, ...] = ()) -> Array:
        """Return a model's estimates of the stems of some segments.

        Args:
            estimator: the model.
            batch: shape (segments, channels, frames).
            seed: of the random numbers that the model draws, if it does.

        Returns:
            Shape (segments, stems, channels, frames).
        """
        freed = False
        while True:
            device = self.device_of(estimator)
            try:
                model = self.model(estimator)
                device = self.device_of(estimator)
                by_layers = self._by_layers and _family_of(estimator).fast
                return self._forward(model, device, batch, seed, by_layers=by_layers)
            except NotImplementedError as error:
                if device == "cpu":
                    raise
                self._refuse(estimator, _reason(error))
                continue
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                if device == "cpu":
                    raise NodeError("there is not enough memory for a segment") from error
            # not before here: an error that is looked at keeps what its frames hold, and that is
            # what lies on the device
            if freed and len(batch) > 1:
                return self._in_halves(estimator, batch, seed)
            if freed:
                self._leave(device, "one segment")
            else:
                self._free(device)
                freed = True

    def _in_halves(self, estimator: Estimator, batch: Array, seed: tuple[int, ...]) -> Array:
        half = len(batch) // 2
        self.batch_size = min(self.batch_size, half)
        self._fell(f"{self.device} is out of memory; it goes on with {half} segments at a time")
        parts = (self.run(estimator, part, seed) for part in np.split(batch, [half]))
        return np.concatenate(list(parts))

    def _free(self, device: str) -> None:
        self._fell(f"{device} is out of memory; what it had cached was freed")
        _residents.drop_idle(device)
        _free(device)

    def _leave(self, device: str, what: str) -> None:
        self._fell(f"{device} has too little memory for {what}; the CPU goes on")
        _residents.drop(device)
        _free(device)
        self.device, self.batch_size = "cpu", 1

    def _refuse(self, estimator: Estimator, reason: str) -> None:
        _refused.add((self.device, estimator.path))
        self._fell(f"{self.device} cannot run {estimator.path.stem} ({reason}); the CPU does")

    def _resident(self, device: str, estimator: Estimator) -> Any:
        stems, fast = estimator.stems, self._fast(device)
        identity = (weights.state_of(estimator.path), estimator.segment_seconds)
        whole = _residents.get(device, identity, lambda: _load(estimator, device))
        family = _family_of(estimator)
        if fast is None:
            return family.narrowed(whole, stems, None)
        return _residents.get(
            device, (*identity, stems, fast), lambda: family.narrowed(whole, stems, fast)
        )

    def _fast(self, device: str) -> Precision | None:
        """Return what fast layers take their products in; None where there are to be none."""
        if self._precision == "bf16":
            return "bf16" if self._by_layers else None
        return "fp32" if device == "cpu" and self._precision == "fp32" else None

    def _forward(
        self, model: Any, device: str, batch: Array, seed: tuple[int, ...], *, by_layers: bool
    ) -> Array:
        import torch

        kind = device.partition(":")[0]
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
        by_torch = self._precision in kinds and not by_layers
        mixed = torch.autocast(kind, kinds.get(self._precision), by_torch)
        numbers = own_random_numbers(*seed) if draws_numbers(model) else nullcontext()
        with torch.inference_mode(), mixed, numbers, exact_convolutions(device):
            estimates = model(torch.from_numpy(batch).to(device))
        found: Array = estimates.float().cpu().numpy()
        return found


def _load(estimator: Estimator, device: str) -> Any:
    """Return the model on a device."""
    with own_random_numbers():
        model = weights.load(estimator.path).eval()
    _family_of(estimator).ready(model, estimator.segment_seconds)
    return model.to(device)


def _family_of(estimator: Estimator) -> Family:
    return weights.read_description(estimator.path).family


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    told = str(error).lower()  # MPS, and the CPU's allocator, raise a plain RuntimeError
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "out of memory" in told
        or ("can't allocate memory" in told)
    )


def _free(device: str) -> None:
    """Give back what torch keeps of a device's memory."""
    import torch

    gc.collect()
    kind = device.partition(":")[0]
    module = getattr(torch, kind, None)
    if kind != "cpu" and module is not None and module.is_available():
        module.empty_cache()
