from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.crowd import Crowd


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Starts processes, and lets none of them outlive the test."""
    with Crowd() as crowd:
        yield crowd


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A folder that nodes tell what they do."""
    folder = tmp_path / "told"
    folder.mkdir()
    return folder
