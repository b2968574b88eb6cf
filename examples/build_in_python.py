"""Build a graph in Python, with a node of your own, save it as JSON, and run it.

    python examples/build_in_python.py [RECORDING]

Params and wiring are typed: mypy and pyright reject a wrong param, a misspelt port or a missing
input before anything runs.
"""

import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import Field

from resonate_graph import Audio, Graph, node
from resonate_nodes import compress, highpass, mix, normalize_loudness


@node()
def widen(audio: Audio, *, amount: Annotated[float, Field(ge=0, le=2)] = 1.0) -> Audio:
    """Make the difference between left and right larger (over 1) or smaller.

    It has no version, so it is keyed by its source: edit it, and it is computed again.
    """
    left, right = audio.samples
    middle, side = (left + right) / 2, (left - right) / 2
    return audio.with_samples([middle + amount * side, middle - amount * side])


def build() -> Graph:
    graph = Graph("parallel-compression", description="A dry track beside a squashed one.")
    recording = graph.input("recording", Audio)
    amount = graph.param("amount", float, default=1.2, minimum=0, maximum=2)

    clean = graph.add(highpass, "clean")(recording, frequency_hz=30.0)
    squashed = graph.add(compress, "squashed")(clean, threshold_db=-30.0, ratio=6.0)
    both = graph.add(mix, "both")([clean, squashed], gains_db=[0.0, -6.0])
    wide = graph.add(widen, "wide")(both, amount=amount)
    graph.output("restored", graph.add(normalize_loudness, "master")(wide, target_lufs=-16.0))
    return graph


def main() -> None:
    bundled = resources.files("resonate_graph") / "recordings" / "groove.ogg"
    recording = sys.argv[1] if len(sys.argv) > 1 else str(bundled)
    folder = Path("out") / "build_in_python"
    graph = build()
    print(f"the graph is in {graph.save(folder / 'parallel-compression.json')}")
    result = graph.run({"recording": recording}, params={"amount": 1.4})
    print(f"{result['restored']} is in {result.save(folder)['restored']}")


if __name__ == "__main__":
    main()
