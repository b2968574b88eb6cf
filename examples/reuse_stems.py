"""Two experiments on the same stems: the mix is separated once.

    python examples/reuse_stems.py [MIX [MODEL]]

MIX is a recording, MODEL a Demucs model such as ``htdemucs``, whose weights are downloaded once.
Without a MODEL the example takes ``mini``, which is installed: so it runs anywhere at once.
"""

import sys
from importlib import resources
from pathlib import Path

import resonate_graph as rg
from resonate_graph import Audio, Graph
from resonate_nodes import gain, gate, mix, residual, separate


def main() -> None:
    bundled = resources.files("resonate_graph") / "recordings" / "groove.ogg"
    recording = sys.argv[1] if len(sys.argv) > 1 else str(bundled)
    model = sys.argv[2] if len(sys.argv) > 2 else "mini"
    for graph in (gated_vocals(model), instrumental(model)):
        result = graph.run({"mix": recording})
        print(graph.name)
        for node in result.report["nodes"]:
            print(f"  {node['id']:<14} {node['status']:<7} {node['seconds']:.2f} s")
        result.save(Path("out") / "reuse_stems" / graph.name)


def gated_vocals(model: str) -> Graph:
    graph = Graph("gated-vocals")
    stems = graph.add(separate, "split")(graph.input("mix", Audio), model=model)
    vocals = graph.add(gate)(stems.vocals, threshold_db=-50.0)
    tracks = [vocals, stems.drums, stems.bass, stems.other]
    graph.output("restored", graph.add(mix)(tracks))
    return graph


def instrumental(model: str) -> Graph:
    """Another graph, with other names: the vocals it needs are those of the first."""
    graph = Graph("instrumental")
    song = graph.input("mix", Audio)
    voice = graph.add(separate, "demucs")(song, model=model).vocals
    rest = graph.add(residual)(song, [voice])
    graph.output("instrumental", graph.add(gain)(rest, gain_db=-1.0))
    return graph


if __name__ == "__main__":
    print(f"stems are kept in {rg.default_store().path}")
    main()
