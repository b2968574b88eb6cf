from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import encode_flac, gain

graph = Graph("typed")
song = graph.input("song", Audio)
encoded = graph.add(encode_flac)(song)
graph.add(gain)(encoded)  # error: arg-type
