"""How the benchmark of bandwidth loads EnCodec and what it takes of it, with random weights.

EnCodec is under CC BY-NC, so no extra of ours installs it: ``pip install --no-deps encodec``.
"""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Audio
from tests.benchmarks import bandwidth


@pytest.fixture(scope="module")
def encodec(request: pytest.FixtureRequest) -> None:
    if find_spec("encodec") is None:
        missing: Any = pytest.fail if request.config.getoption("--all-tools") else pytest.skip
        missing("to load its weights, pip install --no-deps encodec")


@pytest.fixture(scope="module")
def weights(encodec: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights that know nothing."""
    folder = tmp_path_factory.mktemp("encodec")
    bandwidth.write_random(folder)
    return folder


def test_weights_are_found_and_loaded(weights: Path) -> None:
    import torch

    (path,) = weights.iterdir()
    model = bandwidth.encodec_model(weights)
    saved = torch.load(path, weights_only=True)
    loaded = model.state_dict()
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)
    assert (model.sample_rate, model.channels, model.bandwidth) == (48_000, 2, 24.0)
    assert not model.training


@pytest.mark.parametrize("channels", [1, 2])
def test_only_what_lies_above_the_cut_is_taken_of_it(
    weights: Path, channels: int, excerpt: Audio
) -> None:
    cut_hz = 8000.0
    whole = excerpt.with_samples(excerpt.samples[:channels, : 44_100 // 2])
    given = bandwidth.band(whole, cut_hz, above=False)
    found = bandwidth.by_encodec(bandwidth.encodec_model(weights), cut_hz)(given)
    assert found.samples.shape == given.samples.shape
    assert found != given
    _, below_db, _ = bandwidth.figures(found, given, whole, cut_hz)
    assert below_db > 60


@pytest.mark.usefixtures("encodec")
def test_a_file_with_code_is_refused(tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "run",)

    (tmp_path / "encodec_48khz-evil.th").write_bytes(pickle.dumps(Code(), protocol=2))
    with pytest.raises(pickle.UnpicklingError):
        bandwidth.encodec_model(tmp_path)
    assert not (tmp_path / "run").exists()


def test_without_weights_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no encodec_48khz\*\.th"):
        bandwidth.encodec_model(tmp_path)
