"""SCNet, which is written here, held against another network and loop: `scnet_reference`."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from resonate_graph import Audio
from resonate_nodes import separate
from resonate_nodes.separation import models, placement, weights
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import Placement
from resonate_nodes.separation.resident import Residents
from resonate_nodes.separation.separator import Separator
from tests.nodes.separation.scnet_reference import (
    FILE,
    LONG,
    NETWORKS,
    OVERLAPS,
    PASSES,
    SEGMENT,
    STEMS,
    config_of,
    sound_of,
    weights_of,
)

RATE = 44_100


@pytest.fixture(scope="module")
def reference() -> dict[str, NDArray[Any]]:
    with np.load(FILE) as found:
        return dict(found)


@pytest.fixture(scope="module")
def folder(reference: dict[str, NDArray[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models, as people have them."""
    import torch

    place = tmp_path_factory.mktemp("scnet")
    for name in NETWORKS:
        drawn = weights_of(json.loads(str(reference[f"{name}-shapes"])))
        state = {key: torch.from_numpy(one) for key, one in drawn.items()}
        torch.save({"state": state}, place / f"{name}.ckpt")
        (place / f"{name}.yaml").write_text(yaml.safe_dump(config_of(name)))
    return place


@pytest.fixture(autouse=True)
def _models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(folder))


def computed(name: str, samples: NDArray[np.float32], **params: Any) -> NDArray[np.float32]:
    stems = separate(Audio(samples, RATE), model=name, **params)
    return np.stack([getattr(stems, stem).samples for stem in STEMS])


def assert_same(found: NDArray[Any], expected: NDArray[Any]) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("frames", PASSES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_pass_is_that_of_the_other_network(
    name: str, frames: int, reference: dict[str, NDArray[Any]]
) -> None:
    assert_same(computed(name, sound_of(frames)), reference[f"{name}-{frames}"])


@pytest.mark.parametrize("name", NETWORKS)
def test_between_its_ends_a_long_mix_is_what_the_other_loop_gives(
    name: str, reference: dict[str, NDArray[Any]]
) -> None:
    """At its ends that loop takes a reflection of the mix for what lies outside."""
    found = computed(name, sound_of(LONG), overlap=1 - 1 / OVERLAPS)
    middle = found[..., SEGMENT : LONG - SEGMENT]
    assert_same(middle, reference[f"{name}-loop"])


def test_what_is_no_whole_hop_is_filled_up_with_silence(
    reference: dict[str, NDArray[Any]],
) -> None:
    mix = sound_of(64)
    mix[:, 50:] = 0
    expected = computed("plain", mix)[..., :50]
    np.testing.assert_array_equal(computed("plain", mix[:, :50]), expected)


def separated(folder: Path, stems: list[str], place: Placement) -> NDArray[np.float32]:
    mix, parts = sound_of(LONG), list[NDArray[np.float32]]()
    separator = Separator(
        models.find("plain", folder, fetch=False), stems,
        overlap=0.25, shifts=0, seed=0, placement=place, threads=1,
    )  # fmt: skip
    separator.separate(reading(mix), LONG, parts.append, lambda: None)
    return np.concatenate(parts, -1)


def test_the_last_layer_gives_wanted_stems_only(
    folder: Path, reference: dict[str, NDArray[Any]]
) -> None:
    import torch
    from torch.overrides import TorchFunctionMode

    channels: list[int] = []

    class Watching(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if function is torch.nn.functional.conv_transpose2d:
                channels.append(args[1].shape[1])
            return function(*args, **(kwargs or {}))

    network = weights.load(folder / "plain.ckpt").narrowed(["vocals", "drums"])
    with torch.inference_mode(), Watching():
        found = network(torch.from_numpy(sound_of(256))[None])[0].numpy()
    assert channels == [8, 8, 8, 8, 8, 8]  # of two blocks with three bands; of all stems, 12
    assert_same(found, reference["plain-256"][[2, 0]])


def test_on_mps_the_cpu_computes_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.pretended import pretended_mps

    monkeypatch.setattr(placement, "_refused", set())
    monkeypatch.setattr(placement, "_residents", Residents())
    told: list[str] = []
    with pretended_mps() as operations:
        found = separated(folder, ["vocals", "drums"], Placement("mps", fell=told.append))
    assert operations == []
    assert len(told) == 1
    assert "mps cannot run plain" in told[0]
    np.testing.assert_allclose(
        found, separated(folder, ["vocals", "drums"], Placement("cpu")), atol=1e-6
    )


def test_it_needs_no_other_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(distribution: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert computed("wide", sound_of(100)).shape == (3, 2, 100)
