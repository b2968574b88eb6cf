"""HTDemucs re-expressed for CPUs, part by part, beside the parts of Demucs.

A whole model with random weights hides what is wrong deep inside: little of it is heard.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.models import small_hdemucs, small_htdemucs, small_spectral_hdemucs

MODELS: dict[str, Any] = {
    "HTDemucs": partial(small_htdemucs, 0),
    "three transformer layers": partial(small_htdemucs, 1, t_layers=3),
    "deeper DConv, more channels": partial(small_htdemucs, 2, dconv_mode=3, bottom_channels=32),
    "HDemucs": small_hdemucs,
    "spectra only": partial(small_spectral_hdemucs, masks=False),
    "masks only": partial(small_spectral_hdemucs, masks=True),
}


def both(name: str, products: str = "float32") -> tuple[Any, Any]:
    import torch

    from resonate_nodes.separation.fast_demucs import accelerate

    model = MODELS[name]()
    return model, accelerate(model, products=getattr(torch, products))


def inputs_of(model: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the parts of a model with what goes into each of them, for half a second of noise."""
    import torch

    parts = [part for name in ("encoder", "tencoder", "decoder", "tdecoder", "crosstransformer")
             for part in _parts(getattr(model, name, None))]  # fmt: skip
    found: list[tuple[Any, tuple[Any, ...]]] = []
    hooks = [
        part.register_forward_pre_hook(lambda part, arguments: found.append((part, arguments)))
        for part in parts
    ]
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        model(torch.rand(2, 2, 22_050) - 0.5)
    for hook in hooks:
        hook.remove()
    return found


def _parts(module: Any) -> list[Any]:
    import torch

    if isinstance(module, torch.nn.ModuleList):
        return list(module)
    return [module] if module is not None else []


@pytest.mark.parametrize(("products", "bound"), [("float32", 1e-5), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("name", MODELS)
def test_every_part_gives_what_demucs_part_gives(name: str, products: str, bound: float) -> None:
    import torch

    model, fast = both(name, products)
    names = {id(part): name for name, part in model.named_modules()}
    compared = 0
    for part, arguments in inputs_of(model):
        with torch.no_grad():
            expected = part(*[_copy(one) for one in arguments])
            found = fast.get_submodule(names[id(part)])(*[_copy(one) for one in arguments])
        # what a decoder gives besides, nobody reads
        for one, other in zip(_tensors(found), _tensors(expected), strict=False):
            error = (one - other).abs().max() / other.abs().max()
            assert one.dtype == torch.float32
            assert error < bound, (names[id(part)], float(error))
            compared += 1
    assert compared > 8


def _copy(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value


def _tensors(value: Any) -> list[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    return [one for one in value or () if isinstance(one, torch.Tensor)]
