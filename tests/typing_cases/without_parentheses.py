from __future__ import annotations

from resonate_graph import Audio, Graph, node

graph = Graph("typed")
song = graph.input("song", Audio)


@node  # error: call-arg, arg-type
def louder(audio: Audio) -> Audio:
    return audio
