"""Run a graph from a JSON file on a recording, twice with different settings.

    python examples/run_a_graph.py [RECORDING]

Without a recording it takes the one that comes with the library. The second run computes only
what its changed setting touches; the report says which nodes those were.
"""

import sys
from importlib import resources
from pathlib import Path

import resonate_graph as rg

HERE = Path(__file__).parent


def main() -> None:
    bundled = resources.files("resonate_graph") / "recordings" / "groove.ogg"
    recording = sys.argv[1] if len(sys.argv) > 1 else str(bundled)
    graph = rg.load(HERE / "de_rumble.json")
    for run, target_lufs in enumerate((-16, -23), 1):
        result = graph.run({"recording": recording}, params={"master.target_lufs": target_lufs})
        print(f"run {run}, {target_lufs} LUFS: {result['figures']}")
        for node in result.report["nodes"]:
            print(f"  {node['id']:<14} {node['status']}")
        for name, path in result.save(Path("out") / "run_a_graph" / str(run)).items():
            print(f"  {name} is in {path}")


if __name__ == "__main__":
    main()
