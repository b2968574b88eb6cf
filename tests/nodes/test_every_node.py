"""What every node owes for every input. A new node joins these tests by being in the catalog.

For anything that is valid audio a node gives a valid result or one of the library's own errors;
it leaves its input as it was; and it gives the same thing again, called, in a graph and from a
store. A node with a param that has no default gets an example of it in `PARAMS`, and one that is
meant to change the rate, length or channels of its input is named in `RESHAPES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    Catalog,
    File,
    Graph,
    Node,
    NodeType,
    Report,
    ResonateError,
    RunError,
    Store,
)
from resonate_nodes import Band
from tests.signals import white_noise

#: Values for params that have no default, by name.
PARAMS: dict[str, Any] = {
    "bands": [Band(frequency_hz=1000.0, gain_db=6.0, q=2.0)],
    "frequency_hz": 1000.0,
    "sample_rate": 32_000,
}

#: Values for inputs that are no audio.
SCALARS: dict[type, Any] = {float: 0.5, int: 1, str: "text", bool: True}

#: Nodes that are meant to change the rate, length or channel count.
RESHAPES = {"resample"}

#: Nodes that cannot do their work on sound alone: what `RESHAPES` and `PARAMS` cannot say.
ORDINARY_RATE = 44_100

NODES = list(Catalog.installed())
every_node = pytest.mark.parametrize("node_type", NODES, ids=lambda one: one.id)

pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")


def constant(value: float, *, frames: int = 4000) -> np.ndarray[Any, Any]:
    return np.full((2, frames), value)


def square(*, frames: int = 4000) -> np.ndarray[Any, Any]:
    return np.tile(np.sign(np.sin(2 * np.pi * np.arange(frames) / 100 + 0.1)), (2, 1))


def noise(*, seconds: float, rate: int, channels: int = 2) -> Callable[[], Audio]:
    return lambda: white_noise(seconds=seconds, rate=rate, channels=channels)


SOUNDS: dict[str, Callable[[], Audio]] = {
    "silence": lambda: Audio(constant(0.0), ORDINARY_RATE),
    "0 samples": lambda: Audio(np.zeros((2, 0)), ORDINARY_RATE),
    "1 sample": lambda: Audio(np.full((2, 1), 0.5), ORDINARY_RATE),
    "100 samples": noise(seconds=100 / ORDINARY_RATE, rate=ORDINARY_RATE),
    "DC": lambda: Audio(constant(1.0), ORDINARY_RATE),
    "full-scale square": lambda: Audio(square(), ORDINARY_RATE),
    "far beyond full scale": lambda: Audio(1e6 * square(), ORDINARY_RATE),
    "denormal": lambda: Audio(constant(1e-42), ORDINARY_RATE),
    "one silent channel": lambda: Audio(square() * np.array([[1.0], [0.0]]), ORDINARY_RATE),
    **{f"{n} channels": noise(seconds=0.2, rate=ORDINARY_RATE, channels=n) for n in (1, 2, 6, 9)},
    **{
        f"{rate} Hz": noise(seconds=0.2, rate=rate)
        for rate in (8000, 11_025, 16_000, 32_000, 48_000, 88_200, 96_000, 192_000)
    },
    "an odd rate": noise(seconds=0.1, rate=96_001),
}
every_sound = pytest.mark.parametrize("sound", SOUNDS)

Outcome = dict[str, Any] | ResonateError


@pytest.fixture(autouse=True)
def _models(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(models_dir))


def params_of(node_type: NodeType) -> dict[str, Any]:
    """Return the params a node cannot do without."""
    required = [name for name, one in node_type.params.model_fields.items() if one.is_required()]
    unknown = [name for name in required if name not in PARAMS]
    assert not unknown, f"give PARAMS an example of {', '.join(unknown)} for {node_type.id}"
    return {name: PARAMS[name] for name in required}


def inputs_of(node_type: NodeType, audio: Any, *, optional: bool = False) -> dict[str, Any]:
    """Return what goes into a node's ports: the same sound into each that takes sound."""
    inputs: dict[str, Any] = {}
    for port in node_type.inputs:
        if port.optional and not optional:
            continue
        value = audio if port.type.python is Audio else SCALARS[port.type.python]
        inputs[port.name] = [value, value] if port.many else value
    return inputs


def called(node_type: NodeType, audio: Audio, *, optional: bool = False) -> Outcome:
    """Call a node as the function it is; return its outputs by port, or the error it gave."""
    node: Node[..., Any] = Node(node_type)
    try:
        result = node(**inputs_of(node_type, audio, optional=optional), **params_of(node_type))
    except ResonateError as error:
        return error
    values = result if node_type.output_class else [result]
    ports = zip(node_type.outputs, values, strict=True)
    return {port.name: value for port, value in ports if isinstance(value, port.type.python)}


def in_a_graph(node_type: NodeType, audio: Audio, ports: list[str], store: Store | bool) -> Outcome:
    """Run a graph of the one node; return its outputs by port, or the error behind the failure."""
    graph = Graph("one_node")
    wire = graph.input("audio", Audio)
    add = graph.add(Node(node_type), "it")
    result = add(**inputs_of(node_type, wire), **params_of(node_type))
    for port in ports:
        graph.output(port, getattr(result, port) if node_type.output_class else result)
    try:
        run = graph.run({"audio": audio}, store=store)
    except RunError as error:
        assert isinstance(error.__cause__, ResonateError), error
        return error.__cause__
    return dict(run)


def same(one: Outcome, other: Outcome) -> bool:
    if isinstance(one, ResonateError) or isinstance(other, ResonateError):
        return type(one) is type(other) and str(one) == str(other)
    return one == other


def is_finite(value: object) -> bool:
    if isinstance(value, Audio):
        return bool(np.isfinite(value.samples).all())
    if isinstance(value, Report):
        numbers = [one for one in value.model_dump().values() if isinstance(one, float)]
        return bool(np.isfinite(numbers).all())
    return not isinstance(value, float) or bool(np.isfinite(value))


@every_sound
@every_node
def test_a_valid_result_or_an_error_of_ours(node_type: NodeType, sound: str) -> None:
    audio = SOUNDS[sound]()
    before = audio.samples.copy()
    outcome = called(node_type, audio)
    np.testing.assert_array_equal(audio.samples, before)
    assert same(called(node_type, audio), outcome)
    if isinstance(outcome, ResonateError):
        assert str(outcome)
        return
    assert outcome
    for value in outcome.values():
        assert is_finite(value)
        if isinstance(value, File):
            assert value.content
        if isinstance(value, Audio) and node_type.id not in RESHAPES:
            assert value.sample_rate == audio.sample_rate
            assert value.samples.shape == audio.samples.shape


@every_sound
@every_node
def test_the_same_in_a_graph_and_from_a_store(
    node_type: NodeType, sound: str, store: Store
) -> None:
    audio = SOUNDS[sound]()
    outcome = called(node_type, audio)
    ports = [port.name for port in node_type.outputs]
    if not isinstance(outcome, ResonateError):
        ports = list(outcome)
    assert same(in_a_graph(node_type, audio, ports[:1], False), first(outcome))
    assert same(in_a_graph(node_type, audio, ports, store), outcome)
    assert same(in_a_graph(node_type, audio, ports, store), outcome)


def first(outcome: Outcome) -> Outcome:
    """Return the first output alone, as a graph gives it that wants no other."""
    return outcome if isinstance(outcome, ResonateError) else dict(list(outcome.items())[:1])


@every_node
def test_an_ordinary_sound_is_no_error(node_type: NodeType, excerpt: Audio) -> None:
    second = excerpt.with_samples(excerpt.samples[:, :44_100])
    for optional in (False, True):
        outcome = called(node_type, second, optional=optional)
        assert not isinstance(outcome, ResonateError), outcome


def with_optional_inputs() -> Iterator[NodeType]:
    return (one for one in NODES if any(port.optional for port in one.inputs))


@every_sound
@pytest.mark.parametrize("node_type", with_optional_inputs(), ids=lambda one: one.id)
def test_with_its_optional_inputs_connected(node_type: NodeType, sound: str) -> None:
    audio = SOUNDS[sound]()
    outcome = called(node_type, audio, optional=True)
    assert same(called(node_type, audio, optional=True), outcome)
    if not isinstance(outcome, ResonateError):
        assert all(map(is_finite, outcome.values()))


@every_node
def test_a_second_result_is_known_from_the_store(
    node_type: NodeType, excerpt: Audio, store: Store
) -> None:
    ports = list(called_ports(node_type, excerpt))
    graph = Graph("one_node")
    add = graph.add(Node(node_type), "it")
    wire = graph.input("audio", Audio)
    result = add(**inputs_of(node_type, wire), **params_of(node_type))
    for port in ports:
        graph.output(port, getattr(result, port) if node_type.output_class else result)
    statuses = []
    for _ in range(2):
        with warnings.catch_warnings():
            run = graph.run({"audio": excerpt}, store=store)
        statuses.append([step["status"] for step in run.report["nodes"]])
    assert statuses == [["ran"], ["cached"]]


def called_ports(node_type: NodeType, audio: Audio) -> list[str]:
    outcome = called(node_type, audio)
    assert not isinstance(outcome, ResonateError)
    return list(outcome)
