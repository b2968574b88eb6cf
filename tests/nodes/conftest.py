from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def forwards() -> Iterator[list[Any]]:
    """The model of every forward pass that was made, in order."""
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from torch.nn.modules.module import register_module_forward_hook

    calls: list[Any] = []

    def count(module: Any, arguments: Any, output: Any) -> None:
        if isinstance(module, (Demucs, HDemucs, HTDemucs)):
            calls.append(module)

    handle = register_module_forward_hook(count)
    yield calls
    handle.remove()
