"""A long recording whose results are stored takes little memory to run again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from resonate_graph import Audio, Graph
from resonate_nodes import gain, mix
from tests.processes import COMMAND, PATIENCE_SECONDS

RATE = 44100
LIMIT_BYTES = 250 * 10**6

_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def test_a_stored_run_of_30_minutes_takes_less_than_250_mb(tmp_path: Path, torture: bool) -> None:
    """On Linux the limit counts every page that is written to, and none that is mapped to read."""
    minutes = 30 if torture else 6
    recording = tmp_path / "long.wav"
    noise = np.random.default_rng(6)
    with soundfile.SoundFile(recording, "w", RATE, 2, "PCM_16") as file:
        for _ in range(minutes):
            file.write(noise.uniform(-0.5, 0.5, (60 * RATE, 2)).astype(np.float32))
    graph = Graph("long")
    whole = graph.input("mix", Audio)
    quiet = graph.add(gain, "quiet")(whole, gain_db=-3.0)
    graph.output("quiet", quiet)
    graph.output("sum", graph.add(mix, "sum")([quiet, whole]))
    document = graph.save(tmp_path / "long.json")
    arguments = ["run", str(document), "-i", f"mix={recording}", "-o", str(tmp_path / "out")]
    arguments += ["--store", str(tmp_path / "store"), "--max-minutes", "31", "--json"]
    assert statuses([*COMMAND, *arguments]) == {"ran"}
    limited = [sys.executable, "-c", _LIMITED, str(LIMIT_BYTES), *COMMAND[1:], *arguments]
    assert statuses(limited) == {"cached"}
    written = soundfile.info(tmp_path / "out" / f"{recording.stem}.sum.wav")
    assert written.frames == minutes * 60 * RATE


def statuses(command: list[str]) -> set[str]:
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=10 * PATIENCE_SECONDS
    )
    assert ended.returncode == 0, ended.stderr
    return {node["status"] for node in json.loads(ended.stdout)["nodes"]}
