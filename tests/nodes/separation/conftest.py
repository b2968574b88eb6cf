from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.models import write_models


@pytest.fixture(scope="session")
def brief_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models of `models_dir`, with segments of a quarter of a second: many in little time."""
    return write_models(tmp_path_factory.mktemp("brief-models"), segment=Fraction(1, 4))
