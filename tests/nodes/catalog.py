"""The nodes that there are, and what goes into each of them.

A param that has no default needs an example in `PARAMS`, and a node that is meant to change the
rate, length or channels of its input is named in `RESHAPES`. One that takes mono only is named in
`TAKES_MONO`, and gets the first channel of each sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import numpy as np

from resonate_graph import (
    Audio,
    AudioError,
    Catalog,
    File,
    Node,
    NodeFault,
    NodeType,
    Report,
    ResonateError,
)
from resonate_nodes import Band, detect_clipping, plot_waveform

#: Values for params that have no default, by name.
PARAMS: dict[str, Any] = {
    "bands": [Band(frequency_hz=1000.0, gain_db=6.0, q=2.0)],
    "channels": [2, 1],
    "frequency_hz": 1000.0,
    "sample_rate": 32_000,
}

#: Values for inputs that take no sound.
SCALARS: dict[type, Any] = {float: 0.5, int: 1, str: "text", bool: True}

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

#: A node's outputs by port, or the error it gave instead.
Outcome = dict[str, Any] | ResonateError


def given(name: str, audio: Audio) -> Audio:
    """Return a sound as a node takes it."""
    return audio.with_samples(audio.samples[:1]) if name in TAKES_MONO else audio


def params_of(node_type: NodeType) -> dict[str, Any]:
    """Return the params a node cannot do without."""
    required = [name for name, one in node_type.params.model_fields.items() if one.is_required()]
    unknown = [name for name in required if name not in PARAMS]
    assert not unknown, f"give PARAMS an example of {', '.join(unknown)} for {node_type.id}"
    return {name: PARAMS[name] for name in required}


def inputs_of(
    node_type: NodeType,
    sound: Any,
    *,
    other: Any = None,
    optional: bool = False,
    make: Callable[[Node[..., Any], Any], Any] = lambda node, sound: node(sound),
) -> dict[str, Any]:
    """Return what goes into a node's ports.

    Args:
        node_type: the node.
        sound: what goes into the first place that takes sound.
        other: what goes into the others; None for the same.
        optional: whether ports are filled that may stay empty.
        make: what makes of a sound what other ports take.
    """
    inputs: dict[str, Any] = {}
    sounds = chain([sound], repeat(sound if other is None else other))
    for port in node_type.inputs:
        if optional or not port.optional:
            kind = port.type.python
            values: Iterator[Any]
            if kind is Audio:
                values = sounds
            elif kind in MAKERS:
                values = repeat(make(MAKERS[kind], sound))
            else:
                values = repeat(SCALARS[kind])
            inputs[port.name] = [next(values), next(values)] if port.many else next(values)
    return inputs


def called(
    name: str, audio: Audio, *, other: Audio | None = None, optional: bool = False
) -> Outcome:
    """Call a node as the function it is."""
    node_type = NODES[name]
    node: Node[..., Any] = Node(node_type)
    try:
        inputs = inputs_of(node_type, audio, other=other, optional=optional)
        result = node(**inputs, **params_of(node_type))
    except ResonateError as error:
        return error
    values = result if node_type.output_class else [result]
    ports = zip(node_type.outputs, values, strict=True)
    return {port.name: value for port, value in ports if isinstance(value, port.type.python)}


def assert_valid(outcome: Outcome) -> None:
    """Check that a node gave sound numbers, or an error that it meant."""
    if isinstance(outcome, ResonateError):
        assert str(outcome)
        assert not isinstance(outcome, NodeFault | AudioError), outcome
        return
    assert outcome
    for value in outcome.values():
        if isinstance(value, Audio):
            assert np.isfinite(value.samples).all()
        elif isinstance(value, Report):
            numbers = [one for one in value.model_dump().values() if isinstance(one, float)]
            assert np.isfinite(numbers).all()
        elif isinstance(value, File):
            assert value.content
        else:
            assert not isinstance(value, float) or np.isfinite(value)
