from __future__ import annotations

import numpy as np

from resonate_graph import Audio, Graph
from resonate_nodes import gain

graph = Graph("typed")
song = graph.input("song", Audio)
gain(np.zeros(4))  # error: arg-type
graph.input("array", np.ndarray)  # error: type-var
