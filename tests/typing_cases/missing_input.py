from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import residual

graph = Graph("typed")
song = graph.input("song", Audio)
graph.add(residual)(song)  # error: call-arg
