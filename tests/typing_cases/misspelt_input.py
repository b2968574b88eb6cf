from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import gain

graph = Graph("typed")
song = graph.input("song", Audio)
graph.add(gain)(aduio=song)  # error: call-arg
