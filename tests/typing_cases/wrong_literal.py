from __future__ import annotations

from resonate_graph import Audio, Graph
from resonate_nodes import encode_flac

graph = Graph("typed")
song = graph.input("song", Audio)
graph.add(encode_flac)(song, subtype="PCM_32")  # error: arg-type
