from __future__ import annotations

from resonate_graph import Graph, Settings

graph = Graph("typed")
inputs = {"song": "song.wav"}
graph.run(inputs, threads="2")  # error: arg-type
graph.run_many([inputs], reuse="exactly")  # error: arg-type
graph.plan(inputs, max_minutes="5")  # error: arg-type
graph.why(inputs, models=5)  # error: arg-type
graph.sweep(inputs, {"gain_db": [0, 1]}, "out", store=True)  # error: arg-type
settings: Settings = {"device": 1}  # error: typeddict-item
