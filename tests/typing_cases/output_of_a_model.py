from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import separate

graph = Graph("typed")
song = graph.input("song", Audio)
graph.output("stems", graph.add(separate)(song))  # error: arg-type
