"""What MPS would be asked to do, on a device that pretends to be it: nothing that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes.separation import models, placement
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import Placement
from resonate_nodes.separation.resident import Residents
from resonate_nodes.separation.separator import Separator
from tests.depth import thorough
from tests.models import (
    SOURCES,
    save_th,
    small_demucs,
    small_hdemucs,
    small_htdemucs,
    small_spectral_hdemucs,
)

pytestmark = thorough


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_refused", set())
    monkeypatch.setattr(placement, "_residents", Residents())


def separated(folder: Path, device: str, audio: Audio, told: list[str]) -> Any:
    files = models.find("model", folder, fetch=False)
    placement = Placement(device, fell=told.append)
    separator = Separator(
        files, SOURCES, overlap=0.25, shifts=0, seed=0, placement=placement, threads=1
    )
    blocks: list[Any] = []
    separator.separate(
        reading(audio.samples),
        audio.samples.shape[1],
        blocks.append,
        lambda: None,
    )
    return np.concatenate(blocks, axis=-1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: small_htdemucs(0, segment=Fraction(1, 4)),
        small_hdemucs,
        lambda: small_spectral_hdemucs(masks=False),
        lambda: small_spectral_hdemucs(masks=True),
        small_demucs,
    ],
)
def test_no_64_bit_float_and_no_complex_number_reaches_it(
    make: Callable[[], Any], excerpt: Audio, tmp_path: Path
) -> None:
    from tests.pretended import pretended_mps

    save_th(make(), tmp_path / "model.th")
    short = excerpt.with_samples(excerpt.samples[:, :46_000])  # two segments and more
    told: list[str] = []
    with pretended_mps() as operations:
        found = separated(tmp_path, "mps", short, told)
    assert told == []
    assert sum("conv" in operation for operation in operations) > 10
    on_cpu = separated(tmp_path, "cpu", short, told)
    assert np.abs(found - on_cpu).max() < 1e-6 * max(1.0, np.abs(on_cpu).max())


def test_what_mps_cannot_do_fails_on_the_device_that_pretends() -> None:
    import torch

    from tests.pretended import pretended_mps

    with pretended_mps():
        there = torch.ones(4, 4).to("mps")
        assert there.device == torch.device("mps", 0)
        assert (there @ there).cpu().sum() == 64
        with pytest.raises(TypeError, match="complex64"):
            torch.fft.rfft(there)
        with pytest.raises(TypeError, match="float64"):
            there.double()
        with pytest.raises(TypeError, match="float64"):
            torch.zeros(3, dtype=torch.float64, device="mps")
        with pytest.raises(RuntimeError, match="same device"):
            there @ torch.ones(4, 4)
        with pytest.raises(RuntimeError, match="same device"):
            there.numpy()
