"""Make the store that `tests/engine/store/test_earlier_store.py` runs on.

It was run once, in this folder, with the commit of `expected.json` checked out elsewhere, the
libraries of that commit's constraints.txt, and Python 3.11:

    PYTHONPATH=CHECKOUT:CHECKOUT/nodes:CHECKOUT/graphs python make.py COMMIT

It is not run again: what it made is evidence of what that commit wrote.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from blake3 import blake3

import resonate_graph as rg

RATE = 8000
FRAMES = 500


def main(commit: str) -> None:
    rng = np.random.default_rng(13)
    seconds = np.arange(FRAMES) / RATE
    tone = 0.4 * np.sin(2 * np.pi * np.outer([440.0, 554.0], seconds))
    take = np.round((tone + rng.normal(0, 0.02, tone.shape)) * 32767).astype(np.int16)
    soundfile.write("take.flac", take.T, RATE, "PCM_16")

    shutil.rmtree("store", ignore_errors=True)
    graph = rg.load("graph.json", nodes=["own.py"])
    result = graph.run({"take": "take.flac", "offset": 0.5}, store="store")
    with tempfile.TemporaryDirectory() as folder:
        files = result.save(folder, provenance=False)
        written = {path.name: blake3(path.read_bytes()).hexdigest() for path in files.values()}
    expected = {
        "commit": commit,
        "keys": {node["id"]: node["key"] for node in result.report["nodes"]},
        "digests": {name: one["digest"] for name, one in result.report["outputs"].items()},
        "files": written,
    }
    Path("expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    for left in ("locks", "leases", "temporary", "unfinished"):
        shutil.rmtree(Path("store") / left, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
