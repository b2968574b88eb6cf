from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import mix

graph = Graph("typed")
song = graph.input("song", Audio)
graph.add(mix)(song)  # error: arg-type
