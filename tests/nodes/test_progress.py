"""Nodes that take a while say how far they are, so that bars move and Ctrl-C is heard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Cancelled, Graph, NodeProgress
from resonate_nodes import (
    dehum,
    denoise,
    plot_compare,
    plot_loudness,
    plot_spectrogram,
    plot_waveform,
)

RATE = 8000
SECONDS = np.arange(40 * RATE) / RATE
SOUND = Audio(
    0.1 * np.sin(2 * np.pi * 50.03 * SECONDS)
    + 0.01 * np.random.default_rng(0).standard_normal((1, len(SECONDS))),
    RATE,
)
NODES = [denoise, dehum, plot_waveform, plot_spectrogram, plot_loudness, plot_compare]


def graph_of(node: Any) -> Graph:
    graph = Graph("slow")
    sound = graph.input("sound", Audio)
    wired = [sound for port in node.type.inputs if not port.optional]
    graph.output("out", graph.add(node)(*wired))
    return graph


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.type.name)
def test_a_bar_moves_forwards_and_never_beyond_its_end(node: Any) -> None:
    events: list[Any] = []
    graph_of(node).run({"sound": SOUND}, store=False, on_event=events.append)
    ratios = [one.done / one.total for one in events if isinstance(one, NodeProgress)]
    assert len(set(ratios)) >= 2
    assert ratios == sorted(ratios)
    assert ratios[-1] <= 1


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.type.name)
def test_they_stop_where_they_report(node: Any) -> None:
    events: list[Any] = []
    with pytest.raises(Cancelled):
        graph_of(node).run(
            {"sound": SOUND},
            store=False,
            on_event=events.append,
            cancelled=lambda: any(isinstance(one, NodeProgress) for one in events),
        )
    assert len([one for one in events if isinstance(one, NodeProgress)]) == 1


def test_denoise_by_a_profile_does_so_too() -> None:
    graph = Graph("slow")
    sound, noise = graph.input("sound", Audio), graph.input("noise", Audio)
    graph.output("out", graph.add(denoise)(sound, noise))
    events: list[Any] = []
    part = SOUND.with_samples(SOUND.samples[:, : 2 * RATE])
    graph.run({"sound": SOUND, "noise": part}, store=False, on_event=events.append)
    ratios = [one.done / one.total for one in events if isinstance(one, NodeProgress)]
    assert len(set(ratios)) >= 2
    assert ratios == sorted(ratios)
