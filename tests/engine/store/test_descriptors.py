"""Processes that may have few files open: stored sounds are handed out all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import end_of, start_python

pytest.importorskip("resource", reason="Windows counts its open files otherwise")

RESULTS = 100
#: Runs a graph of so many results where 64 files may be open, and looks at all of them at once.
RUN = f"""
import resource, sys
import numpy as np
from resonate_graph import Audio, Graph
from resonate_nodes import gain

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
graph = Graph("many")
mix = graph.input("mix", Audio)
for number in range({RESULTS}):
    graph.output(f"out{{number}}", graph.add(gain, f"step{{number}}")(mix, gain_db=-number / 10))
noise = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1000)), 8000)
result = graph.run({{"mix": noise}}, store=sys.argv[1])
right = [gain(noise, gain_db=-number / 10) for number in range({RESULTS})]
assert [result[f"out{{number}}"] for number in range({RESULTS})] == right
print(len([node for node in result.report["nodes"] if node["status"] == "cached"]))
print(result.report["warnings"])
"""


def test_a_hundred_results_are_there_at_once_where_64_files_may_be_open(tmp_path: Path) -> None:
    for reused in (0, RESULTS):
        ended = end_of(start_python(RUN, tmp_path / "store"))
        assert ended.code == 0, ended.err
        assert ended.out.split("\n")[:2] == [str(reused), "[]"]
