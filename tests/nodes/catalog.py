"""The nodes that there are, and what goes into each of them.

A param that has no default needs an example in `PARAMS`, and a node that is meant to change the
rate, length or channels of its input is named in `RESHAPES`. One that takes mono only is named in
`TAKES_MONO`, and gets the first channel of each sound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resonate_graph import Audio, Catalog, File, Node, NodeType, Report
from resonate_graph.testing import Outcome, Subject
from resonate_nodes import Band, detect_clipping, plot_waveform

#: Values for params that have no default, by name.
PARAMS: dict[str, Any] = {
    "bands": [Band(frequency_hz=1000.0, gain_db=6.0, q=2.0)],
    "channels": [2, 1],
    "frequency_hz": 1000.0,
    "sample_rate": 32_000,
}

#: Nodes that make of a sound what other inputs take.
MAKERS: dict[type, Node[..., Any]] = {Report: detect_clipping, File: plot_waveform}

#: Nodes that are meant to change the rate, length or channel count.
RESHAPES = {
    "change_speed",
    "crossfade",
    "from_mid_side",
    "mid_side",
    "pad",
    "pitch_shift",
    "resample",
    "select_channels",
    "time_stretch",
    "to_mono",
    "to_stereo",
    "trim",
    "trim_silence",
}

#: Nodes that draw, which takes a quarter of a second and more.
DRAWING = {
    "html_report",
    "plot_compare",
    "plot_loudness",
    "plot_spectrogram",
    "plot_waveform",
}

#: Nodes whose inputs have one channel.
TAKES_MONO = {"from_mid_side"}

NODES = {node_type.id: node_type for node_type in Catalog.installed()}
#: Nodes that take more than one sound.
TAKES_SEVERAL = [
    name
    for name, node_type in NODES.items()
    if sum(1 + port.many for port in node_type.inputs if port.type.python is Audio) > 1
]
WITH_OPTIONAL_INPUTS = [
    name for name, node_type in NODES.items() if any(port.optional for port in node_type.inputs)
]

SUBJECTS = {
    name: Subject(
        Node(node_type),
        params=PARAMS,
        makers=MAKERS,
        reshapes=name in RESHAPES,
        takes_mono=name in TAKES_MONO,
    )
    for name, node_type in NODES.items()
}


def given(name: str, audio: Audio) -> Audio:
    """Return a sound as a node takes it."""
    return SUBJECTS[name].given(audio)


def params_of(node_type: NodeType) -> dict[str, Any]:
    """Return the params a node cannot do without."""
    return SUBJECTS[node_type.id].required()


def inputs_of(
    node_type: NodeType,
    sound: Any,
    *,
    other: Any = None,
    optional: bool = False,
    make: Callable[[Node[..., Any], Any], Any] = lambda node, sound: node(sound),
) -> dict[str, Any]:
    """Return what goes into a node's ports; see `Subject.inputs`."""
    subject = SUBJECTS[node_type.id]
    return subject.inputs(sound, other=other, optional=optional, make=make)


def called(
    name: str, audio: Audio, *, other: Audio | None = None, optional: bool = False
) -> Outcome:
    """Call a node as the function it is."""
    return SUBJECTS[name].called(audio, other=other, optional=optional)
