"""Models that stay in memory between uses: bounded, the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any
from weakref import ref

#: What models may take together on one device; a bag of four full-size ones takes 0.7 GB.
LIMIT_BYTES = 3 * 10**9


class Residents:
    """The models of one process.

    Args:
        limit_bytes: what they may take together on one device.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._models: OrderedDict[tuple[str, Hashable], tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, device: str, identity: Hashable, load: Callable[[], Any]) -> Any:
        """Return a model on a device; load it where it is not there.

        Args:
            device: the device.
            identity: what tells it from other models: its weights, and what was done to it.
            load: makes it, on that device.
        """
        place = (device, identity)
        with self._lock:
            if place not in self._models:
                model = load()
                self._models[place] = (model, _bytes_of(model))
            self._models.move_to_end(place)
            self._shrink(device, keep=place)
            return self._models[place][0]

    def drop(self, device: str) -> None:
        """Let go of everything on a device."""
        with self._lock:
            for place in [place for place in self._models if place[0] == device]:
                del self._models[place]

    def drop_idle(self, device: str) -> None:
        """Let go of what is on a device and nobody uses."""
        with self._lock:
            there = [place for place in self._models if place[0] == device]
            for place in there:
                model, size = self._models[place]
                still = ref(model)
                del model, self._models[place]
                if (model := still()) is not None:
                    self._models[place] = model, size

    def _shrink(self, device: str, keep: tuple[str, Hashable]) -> None:
        there = [place for place in self._models if place[0] == device]
        total = sum(self._models[place][1] for place in there)
        for place in there:
            if total <= self._limit:
                break
            if place != keep:
                total -= self._models.pop(place)[1]


def _bytes_of(model: Any) -> int:
    tensors = [*model.parameters(), *model.buffers()]
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())
