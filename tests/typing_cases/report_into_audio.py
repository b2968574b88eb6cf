from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import gain, measure_loudness

graph = Graph("typed")
song = graph.input("song", Audio)
measured = graph.add(measure_loudness)(song)
graph.add(gain)(measured)  # error: arg-type
