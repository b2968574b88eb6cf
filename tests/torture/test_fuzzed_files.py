"""Damaged files are read or refused: no crash, no hang, no traceback, no great allocation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are Linux's")
def test_damaged_files_are_read_or_refused(tmp_path: Path, torture: bool) -> None:
    """Whatever ended the process, the file it read lies in the folder named in the message."""
    seconds = 1800 if torture else 4
    run = subprocess.run(
        [sys.executable, "-m", "tests.torture.fuzz_files", str(tmp_path), "1", str(seconds)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{tmp_path / 'case'}: {run.returncode}\n{run.stderr[-2000:]}"
    assert int(run.stdout.split()[-1]) > 5
