from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import gain

graph = Graph("typed")
song = graph.input("song", Audio)
amount = graph.param("amount", float)
graph.add(gain)(amount)  # error: arg-type
