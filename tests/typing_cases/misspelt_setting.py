from __future__ import annotations

from resonate_graph import Graph, Settings

graph = Graph("typed")
inputs = {"song": "song.wav"}
graph.run(inputs, max_minuts=5)  # error: call-arg
graph.run_many([inputs], thread=2)  # error: call-arg
graph.plan(inputs, devices="cpu")  # error: call-arg
graph.why(inputs, model="models")  # error: call-arg
graph.sweep(inputs, {"gain_db": [0, 1]}, "out", stores="store")  # error: call-arg
settings: Settings = {"device": "cpu", "treads": 2}  # error: typeddict-unknown-key
