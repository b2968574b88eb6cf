from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import gain, separate

graph = Graph("typed")
song = graph.input("song", Audio)
stems = graph.add(separate)(song)
graph.add(gain)(stems)  # error: arg-type
