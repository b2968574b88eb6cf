"""The examples and the demo run as they stand, each as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[2]


def run(command: list[str], folder: Path) -> str:
    """Run a command in a folder and return what it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_an_example_runs_as_it_stands(name: str, tmp_path: Path) -> None:
    run([sys.executable, str(ROOT / "examples" / name)], tmp_path)
    assert list((tmp_path / "out").rglob("*.wav")) or list((tmp_path / "out").rglob("*.flac"))


def test_the_second_experiment_reuses_the_stems(tmp_path: Path) -> None:
    printed = run([sys.executable, str(ROOT / "examples" / "reuse_stems.py")], tmp_path)
    assert "split          ran" in printed
    assert "demucs         cached" in printed


def test_the_demo_shows_what_it_gained_and_where_the_files_are(tmp_path: Path) -> None:
    resonate = str(Path(sys.executable).with_name("resonate"))
    report = json.loads(run([resonate, "demo", "--json", "-o", str(tmp_path)], tmp_path))
    assert report["improvement_db"] > 8
    measured = report["measured"]
    assert measured["restored"]["si_sdr_db"] > measured["degraded"]["si_sdr_db"]
    for path in report["files"].values():
        assert soundfile.info(path).samplerate == 44100
    statuses = [{node["id"]: node["status"] for node in one["nodes"]} for one in report["runs"]]
    assert set(statuses[0].values()) == {"ran"}
    assert [name for name, status in statuses[1].items() if status == "ran"] == ["master"]
