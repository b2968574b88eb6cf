from __future__ import annotations

from resonate_graph import Audio, Graph, RunContext
from resonate_nodes import separate

graph = Graph("typed")
song = graph.input("song", Audio)
graph.add(separate)(RunContext(), song)  # error: call-arg, arg-type
