"""A device that is not there: tensors that lie on the CPU and say that they are on MPS.

What MPS cannot do fails here as well: 64-bit floats, complex numbers, and operations on tensors of
which some are on the device and some are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

MPS = torch.device("mps", 0)

_torchs_parse_to: Any = torch._C._nn._parse_to


@contextmanager
def pretended_mps() -> Iterator[list[str]]:
    """Let torch have MPS; give the names of the operations that ran on it, in order."""
    operations: list[str] = []
    with patch.object(torch._C._nn, "_parse_to", _parse_to), _Moves(operations):
        yield operations


class _OnMps(torch.Tensor):
    """A tensor that says it is on MPS."""

    __torch_function__: Any = torch._C._disabled_torch_function_impl


class _Moves(TorchFunctionMode):
    """Moves tensors to the device and back, and does there what can be done there."""

    def __init__(self, operations: list[str]) -> None:
        super().__init__()
        self._operations = operations

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.Tensor)]
        there = any(isinstance(one, _OnMps) for one in tensors)
        if function == torch.Tensor.device.__get__:
            return MPS if there else function(*args)
        if function == torch._has_compatible_shallow_copy_type:
            return len({isinstance(one, _OnMps) for one in tensors}) == 1
        if function == torch.Tensor.cpu:
            return _plain(args[0])
        if function == torch.Tensor.to:
            device, dtype, *_ = _parse_to(*args[1:], **kwargs)
            there = there if device is None else device.type == "mps"
            moved = _plain(args[0]).to(dtype) if dtype else _plain(args[0])
            return _placed(moved) if there else moved
        if (device := kwargs.get("device")) is not None:
            there = torch.device(device).type == "mps"
            kwargs["device"] = "cpu"
        if not there:
            return function(*args, **kwargs)
        others = [one for one in tensors if not isinstance(one, _OnMps)]
        if function == torch.Tensor.numpy or any(one.dim() for one in others):
            raise RuntimeError(f"{function}: expected all tensors to be on the same device")
        args, kwargs = tree_map(_plain, (args, kwargs))
        with torch._C.DisableTorchFunctionSubclass(), _OnlyWhatMpsHas(self._operations):
            found = function(*args, **kwargs)
        return tree_map(_placed, found)


class _OnlyWhatMpsHas(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses what MPS refuses, down to the operations that others are made of."""

    def __init__(self, operations: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._operations = operations

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        self._operations.append(str(function))
        for one in tree_flatten((args, kwargs, found))[0]:
            if isinstance(one, torch.Tensor) and (one.is_complex() or one.dtype == torch.float64):
                raise TypeError(f"{function}: MPS has no {one.dtype}")
        return found


def _parse_to(*args: Any, **kwargs: Any) -> Any:
    """Return the device and type that the arguments of `to` name, as torch does."""
    if args and isinstance(args[0], _OnMps):
        return _torchs_parse_to(MPS, args[0].dtype, **kwargs)
    return _torchs_parse_to(*args, **kwargs)


def _plain(value: Any) -> Any:
    return value.as_subclass(torch.Tensor) if isinstance(value, _OnMps) else value


def _placed(value: Any) -> Any:
    return value.as_subclass(_OnMps) if isinstance(value, torch.Tensor) else value
