from __future__ import annotations

from resonate_graph import Audio, Graph, node

graph = Graph("typed")
song = graph.input("song", Audio)


@node()
def louder(audio: Audio) -> Audio:
    return audio.samples  # error: return-value


graph.add(louder)(song)
