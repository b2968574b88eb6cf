"""A model whose segments are so short that every node can be tried with many sounds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from resonate_graph import Audio
from tests.models import save_th, small_htdemucs


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose segments are a quarter of a second: each one is padded to that length."""
    folder = tmp_path_factory.mktemp("tiny-models")
    save_th(small_htdemucs(0, segment=Fraction(1, 4)), folder / "htdemucs.th")
    return folder


@pytest.fixture(scope="session")
def music(groove: Audio, torture: bool) -> Audio:
    """Five seconds of the bundled recording: drums, bass and keys; with ``--torture`` all of it."""
    rate = groove.sample_rate
    return groove if torture else groove.with_samples(groove.samples[:, 4 * rate : 9 * rate])
