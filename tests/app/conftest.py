from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_graph._app.jobs import Jobs


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """The runs of a server that has just been started."""
    opened = Jobs(tmp_path / "work")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of two tones, 44.1 kHz, stereo."""
    times = np.arange(44_100) / 44_100
    tones = [0.25 * np.sin(2 * np.pi * hertz * times) for hertz in (440, 660)]
    return Audio(np.array(tones), 44_100).save(tmp_path_factory.mktemp("take") / "take.wav")
