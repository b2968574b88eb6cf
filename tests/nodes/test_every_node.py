"""What every node owes for every input. A new node joins these tests by being in the catalog.

For anything that is valid audio a node gives a valid result or one of the library's own errors;
it leaves its input as it was; and it gives the same thing again: called, in a graph, from a store.
What each node is given is in `catalog`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import (
    Audio,
    Graph,
    Node,
    ResonateError,
    Result,
    RunError,
    Store,
)
from tests.nodes.catalog import (
    DRAWING,
    NODES,
    RESHAPES,
    WITH_OPTIONAL_INPUTS,
    Outcome,
    assert_valid,
    called,
    given,
    inputs_of,
    params_of,
)
from tests.signals import Array, white_noise

RATE = 44_100
SQUARE: Array = np.tile(np.sign(np.sin(2 * np.pi * np.arange(4000) / 100 + 0.1)), (2, 1))


def stereo(samples: NDArray[Any]) -> Callable[[], Audio]:
    return lambda: Audio(np.broadcast_to(samples, (2, samples.shape[-1])), RATE)


def noise(*, seconds: float = 0.1, rate: int = RATE, channels: int = 2) -> Callable[[], Audio]:
    return lambda: white_noise(seconds=seconds, rate=rate, channels=channels)


SOUNDS: dict[str, Callable[[], Audio]] = {
    "silence": stereo(np.zeros(4000)),
    "0 samples": stereo(np.zeros(0)),
    "1 sample": stereo(np.full(1, 0.5)),
    "100 samples": noise(seconds=100 / RATE),
    "DC": stereo(np.ones(4000)),
    "full-scale square": stereo(SQUARE),
    "far beyond full scale": stereo(1e6 * SQUARE),
    "denormal": stereo(np.full(4000, 1e-42)),
    "one silent channel": stereo(SQUARE * np.array([[1.0], [0.0]])),
    **{f"{channels} channels": noise(channels=channels) for channels in (1, 2, 6, 9)},
    **{f"{rate} Hz": noise(rate=rate) for rate in (8000, 11_025, 48_000, 96_000, 192_000)},
    "an odd rate": noise(rate=96_001),
}

every_node = pytest.mark.parametrize("name", NODES)
pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")

#: Sounds that say something of graphs and stores: what is in them is the node's affair.
STORED = ("0 samples", "silence", "6 channels", "an odd rate")
#: Sounds with which a node is called twice. For the ones above, a graph is the second call.
AGAIN = ("100 samples", "full-scale square", "one silent channel", "9 channels", "8000 Hz")
#: What takes long to draw is tried with these of them; `measuring/test_pictures` has more.
DRAWN = ("0 samples", "far beyond full scale", "8000 Hz")


def sounds(name: str, among: Iterable[str] = SOUNDS, *, torture: bool) -> list[str]:
    """Return the sounds that a node is tried with."""
    return [one for one in among if torture or name not in DRAWING or one in DRAWN]


def wrong(check: Callable[[str, str], None], name: str, sounds: Iterable[str]) -> list[str]:
    """Return what a check finds wrong, at each of some sounds."""
    found = []
    for sound in sounds:
        try:
            check(name, sound)
        except Exception as error:
            found.append(f"{sound}: {type(error).__name__}: {error}")
    return found


@pytest.fixture(autouse=True)
def _models(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(tiny_models))


@cache
def expected(name: str, sound: str) -> Outcome:
    """What a node makes of a sound, which it leaves as it was."""
    audio = given(name, SOUNDS[sound]())
    before = audio.samples.copy()
    outcome = called(name, audio)
    np.testing.assert_array_equal(audio.samples, before)
    return outcome


def run(name: str, audio: Audio, ports: list[str], store: Store | Literal[False]) -> Result:
    """Run a graph of the one node."""
    node_type = NODES[name]
    graph = Graph("one_node")
    wire = graph.input("audio", Audio)
    add: Callable[..., Any] = graph.add(Node(node_type), "it")
    inputs = inputs_of(node_type, wire, make=lambda node, sound: graph.add(node)(sound))
    result = add(**inputs, **params_of(node_type))
    for port in ports:
        graph.output(port, getattr(result, port) if node_type.output_class else result)
    return graph.run({"audio": audio}, store=store)


def in_a_graph(name: str, audio: Audio, ports: list[str], store: Store | Literal[False]) -> Outcome:
    """Return what a graph of the one node gives, or the error its failure was caused by."""
    try:
        return dict(run(name, audio, ports, store))
    except RunError as error:
        if isinstance(error.__cause__, ResonateError):
            return error.__cause__
        raise


def assert_same(one: Outcome, other: Outcome) -> None:
    if isinstance(one, ResonateError):
        assert type(one) is type(other)
        assert str(one) == str(other)
    else:
        assert one == other


def check_result(name: str, sound: str) -> None:
    audio, outcome = given(name, SOUNDS[sound]()), expected(name, sound)
    assert_valid(outcome)
    if name not in RESHAPES and not isinstance(outcome, ResonateError):
        for value in outcome.values():
            if isinstance(value, Audio):
                assert value.sample_rate == audio.sample_rate
                assert value.samples.shape == audio.samples.shape


@every_node
def test_the_input_untouched_and_a_valid_result_or_an_error_of_ours(
    name: str, torture: bool
) -> None:
    """The result has rate, length and channels of the input, but for nodes meant to change them.

    An error for everything would pass; so most sounds have a result.
    """
    tried = sounds(name, torture=torture)
    assert wrong(check_result, name, tried) == []
    done = [not isinstance(expected(name, sound), ResonateError) for sound in tried]
    assert sum(done) > len(done) / 2


def check_again(name: str, sound: str) -> None:
    assert_same(called(name, given(name, SOUNDS[sound]())), expected(name, sound))


@every_node
def test_again_the_same(name: str, torture: bool) -> None:
    assert wrong(check_again, name, sounds(name, AGAIN, torture=torture)) == []


@every_node
def test_the_same_in_a_graph_and_from_a_store(name: str, tmp_path: Path, torture: bool) -> None:
    def check(name: str, sound: str) -> None:
        store = Store(tmp_path / sound)
        audio, outcome = given(name, SOUNDS[sound]()), expected(name, sound)
        declared = [port.name for port in NODES[name].outputs]
        ports = declared if isinstance(outcome, ResonateError) else list(outcome)
        alone = outcome if isinstance(outcome, ResonateError) else {ports[0]: outcome[ports[0]]}
        assert_same(in_a_graph(name, audio, ports[:1], False), alone)
        assert_same(in_a_graph(name, audio, ports, store), outcome)
        assert_same(in_a_graph(name, audio, ports, store), outcome)

    assert wrong(check, name, sounds(name, STORED, torture=torture)) == []


@every_node
def test_an_ordinary_sound_is_no_error_and_is_computed_once(
    name: str, excerpt: Audio, store: Store
) -> None:
    second = given(name, excerpt.with_samples(excerpt.samples[:, :RATE]))
    outcome = called(name, second)
    assert not isinstance(outcome, ResonateError), outcome
    runs = [run(name, second, list(outcome), store) for _ in range(2)]
    statuses = [{step["id"]: step["status"] for step in one.report["nodes"]} for one in runs]
    assert [one["it"] for one in statuses] == ["ran", "cached"]
    assert set(statuses[1].values()) <= {"cached", "skipped"}


def check_optional(name: str, sound: str) -> None:
    audio = given(name, SOUNDS[sound]())
    outcome = called(name, audio, optional=True)
    assert_valid(outcome)
    assert_same(called(name, audio, optional=True), outcome)


@pytest.mark.parametrize("name", WITH_OPTIONAL_INPUTS)
def test_with_its_optional_inputs_connected(name: str, torture: bool) -> None:
    tried = sounds(name, (*STORED, *AGAIN), torture=torture)
    assert wrong(check_optional, name, tried) == []
