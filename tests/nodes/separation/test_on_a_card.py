"""What is prepared for a CUDA card runs: tried on the CPU, in as little as it takes."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks import card, cuda
from tests.depth import thorough
from tests.processes import PATIENCE_SECONDS


@thorough
def test_the_figures_are_all_there(capsys: pytest.CaptureFixture[str]) -> None:
    cuda.main(["--tiny"])
    lines = capsys.readouterr().out.splitlines()
    ours = [line for line in lines if line.startswith("  ours, fp32, batches of 8")]
    assert len(ours) == (3 if find_spec("mel_band_roformer") else 2)  # Demucs, SCNet, RoFormer
    for line in ours:
        assert float(line.rpartition("first ")[2].removesuffix(" dB")) > 100
    assert sum("ours, bf16" in line for line in lines) == len(ours)


@thorough
def test_songs_and_training_need_nothing_that_is_not_here(tmp_path: Path) -> None:
    songs, training = list(card.parts(480, str(tmp_path), dry=True))[-2:]
    for part in (songs, training):
        command = [sys.executable, "-m", *part.command]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=8 * PATIENCE_SECONDS
        )
        assert ended.returncode == 0, ended.stderr
    assert "'step': 1" in ended.stdout
    assert "larger" in training.command


def test_what_is_run_fits_into_the_time() -> None:
    found = list(card.parts(480, "here", dry=False))
    assert [part.name for part in found] == ["tests", "figures", "songs", "training"]
    assert found[0].seconds + found[1].seconds < 480
    assert all(part.seconds <= 480 for part in found)
