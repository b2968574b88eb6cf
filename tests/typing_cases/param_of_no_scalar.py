from __future__ import annotations

from resonate_graph import Audio, Graph

graph = Graph("typed")
song = graph.input("song", Audio)
graph.param("reference", Audio)  # error: type-var
