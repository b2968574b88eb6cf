"""A network held against its weights before it takes any memory: shapes, and possible numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from .budgets import OverBudgetError

#: While a network is built, parameters are registered that others replace: so many times more, and
#: a few that are no weights.
_REPLACED, _FEW = 3, 100

#: No weight of a network is larger; a flipped bit may make it so.
LARGEST = 1_000_000
IMPOSSIBLE = f"of {{}}, weights are no numbers, or beyond {LARGEST:,}"


def require_shapes(build: Callable[[], Any], state: Mapping[str, Any]) -> Any:
    """Return a network without memory; refuse one of other shapes than the weights.

    It is built no further than to as many parameters as there are weights.

    Args:
        build: makes it.
        state: the weights.

    Raises:
        OverBudgetError: they do not fit.
    """
    import torch
    from torch.nn.modules.module import register_module_parameter_registration_hook

    count = 0

    def counted(module: Any, name: str, parameter: Any) -> None:
        nonlocal count
        count += parameter is not None
        if count > len(state) * _REPLACED + _FEW:
            raise OverBudgetError("it says that it has more weights than there are")

    hook = register_module_parameter_registration_hook(counted)
    try:
        with torch.device("meta"), _nothing_filled():
            network = build()
    finally:
        hook.remove()
    shapes = {name: one.shape for name, one in network.state_dict().items()}
    for name in shapes.keys() | state.keys():
        there = tuple(state[name].shape) if name in state else "none"
        said = tuple(shapes[name]) if name in shapes else "none"
        if there != said:
            raise OverBudgetError(f"of {name}, the shape should be {said}, and is {there}")
    return network


def _nothing_filled() -> AbstractContextManager[object]:
    """Return a context in which embeddings get no numbers to begin with, and none are scaled.

    Without memory there are none, and to draw and divide there torch imports its compiler and a
    computer algebra system: more than a second of work.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class NothingFilled(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            given = kwargs or {}
            if func is torch.nn.init.normal_:
                return given["tensor"]
            return args[0] if func is torch.Tensor.div_ else func(*args, **given)

    return NothingFilled()


def require_numbers(state: Mapping[str, Any]) -> None:
    """Refuse weights that no network can have.

    Raises:
        OverBudgetError: there are such.
    """
    for name, weights in state.items():
        if weights.is_floating_point() and weights.numel():
            least, largest = (one.item() for one in weights.float().aminmax())
            if not -LARGEST <= least <= largest <= LARGEST:
                raise OverBudgetError(IMPOSSIBLE.format(name))
