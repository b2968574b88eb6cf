"""Checkpoints and configs as people have them: what `published` knows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import separate
from resonate_nodes.separation import configs, models
from tests.depth import sampled
from tests.nodes.separation.published import PUBLISHED, Published
from tests.roformers import config_of, passed_whole, require_extra, save_model
from tests.signals import white_noise

RATE = 44_100


@pytest.fixture(autouse=True)
def _extra(request: pytest.FixtureRequest) -> None:
    require_extra(request)


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: one.file)
@sampled(5)
def test_what_a_published_config_says_has_as_many_numbers_as_its_checkpoint(
    one: Published, tmp_path: Path
) -> None:
    import torch

    weights, config = tmp_path / one.file, tmp_path / f"{one.file}.yaml"
    weights.touch()
    config.write_text(one.text)
    assert configs.config_of(weights) == config
    said = configs.read_config(weights, config)
    names = [one.target] if one.target else one.stems
    assert [stem.lower().replace("instrumental", "other") for stem in names] == list(said.stems)
    with torch.device("meta"):
        state = configs.network_of(said).state_dict()
    held = 4 * sum(tensor.numel() for tensor in state.values())
    # what the file has besides: a name, a shape and a place for each, and padding
    assert 0 < one.size - held < 600 * len(state) + 20_000
    assert one.tensors in (None, len(state))


def mix_of(frames: int) -> Audio:
    return white_noise(seconds=frames / RATE, rate=RATE, channels=2)


@pytest.mark.parametrize("family", ["bs", "mel"])
def test_what_trainers_added_to_the_networks_is_done_too(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Narrower mask estimators, and layers that are given what all before them gave."""
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    said, mix, found = config_of(family), mix_of(1024), list[Any]()
    for added in ({}, {"skip_connection": True}):
        said["model"] |= {"mlp_expansion_factor": 2, "depth": 3, **added}
        network = save_model(tmp_path, "added", said)
        stems = separate(mix, model="added")
        found.append(np.stack([stems.vocals.samples, stems.other.samples]))
        expected = passed_whole(network, mix.samples)
        np.testing.assert_allclose(found[-1], expected, atol=1e-5, rtol=0)
    assert np.abs(found[1] - found[0]).max() > 1e-3


def test_mask_estimators_are_as_deep_as_in_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configs of the first Mel-Band RoFormers count a layer more."""
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    said, mix = config_of("mel"), mix_of(1024)
    said["model"]["mask_estimator_depth"] = 1
    network = save_model(tmp_path, "first", said)
    config = tmp_path / "first.yaml"
    config.write_text(config.read_text().replace("estimator_depth: 1", "estimator_depth: 2"))
    expected = passed_whole(network, mix.samples)
    found = separate(mix, model="first").vocals.samples
    np.testing.assert_allclose(found, expected[0], atol=1e-5, rtol=0)


def test_of_very_many_stems_those_are_given_that_are_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    said = config_of("bs", ("back-vocal", "bowed_strings", "drums", "vocal", "wind-chimes"))
    network, mix = save_model(tmp_path, "many", said), mix_of(1024)
    assert models.find("many", tmp_path, fetch=False).stems[3] == "vocals"
    stems = separate(mix, model="many")
    expected = passed_whole(network, mix.samples)
    np.testing.assert_allclose(stems.vocals.samples, expected[3], atol=1e-5, rtol=0)
    np.testing.assert_allclose(stems.drums.samples, expected[2], atol=1e-5, rtol=0)
