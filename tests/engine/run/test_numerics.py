"""A node that computes otherwise on another kind of device says so, and its key has it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Audio, Graph, Placed, RunContext, Store, accelerated, node
from resonate_graph._machine import devices
from resonate_graph._machine.devices import Device, Inventory, presume
from resonate_graph._run.bindings import Bindings
from resonate_graph._run.bookkeeping import Run
from resonate_graph._run.execute import execute
from resonate_graph._run.settings import Setup
from resonate_graph._sound.limits import Limits

CPU = Device("cpu", "cpu", "a processor")
MACHINES = {
    "plain": Inventory((CPU,)),
    "card": Inventory((Device("cuda:0", "cuda", "a GPU"), CPU)),
    "two cards": Inventory((*(Device(f"cuda:{n}", "cuda", "a GPU") for n in range(2)), CPU)),
    "Mac": Inventory((Device("mps", "mps", "a GPU"), CPU)),
}


def otherwise(place: Placed) -> str:
    rates = ", ".join(map(str, place.sample_rates["audio"]))
    return "fp32" if place.device == "cpu" else f"{place.params['way']} at {rates} Hz"


told: list[tuple[str, str]] = []


@node(version=1, device=accelerated, numerics=otherwise)
def rough(ctx: RunContext, audio: Audio, *, way: str = "roughly") -> Audio:
    told.append((ctx.device, ctx.numerics))
    return audio


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    told.clear()


def run_on(
    machine: str, sound: Audio, store: Store | None, *, presumed: str = "", **more: Any
) -> str:
    """Run a graph on a machine; return what became of its second step."""
    graph = Graph("twice")
    wish = more.pop("wish", None)
    once = graph.add(rough, "once")(graph.input("mix", Audio))
    graph.output("out", graph.add(rough, "again", device=wish)(once))
    inventory, expected = MACHINES[machine], MACHINES[presumed or machine]
    setup = Setup(store=store, inventory=lambda: inventory, presumed=lambda: expected, **more)
    bound = graph.check(["mix"])
    run = Run(bound, Bindings("graph", bound.inputs, {"mix": sound}, Limits()), setup)
    execute([run], setup)
    if run.error is not None:
        raise run.error
    assert run.outcome is not None
    return {step.id: step.status for step in run.outcome.steps}["again"]


@pytest.mark.parametrize("machine", ["card", "Mac"])
def test_results_of_another_way_are_not_taken_for_each_other(
    machine: str, excerpt: Audio, store: Store
) -> None:
    assert run_on("plain", excerpt, store) == "cached"  # the sound is what it was
    assert run_on(machine, excerpt, store) == "cached"
    assert run_on(machine, excerpt, Store(store.path)) == "cached"
    assert run_on("plain", excerpt, store) == "cached"
    assert [numerics for _, numerics in told] == ["fp32", "roughly at 44100 Hz"]
    assert {record.preimage["numerics"] for record in store.records()} == {
        "fp32",
        "roughly at 44100 Hz",
    }


def test_without_a_store_it_is_told_too(excerpt: Audio) -> None:
    run_on("card", excerpt, None)
    assert told == [("cuda:0", "roughly at 44100 Hz")] * 2


@pytest.mark.parametrize(
    ("asked", "numerics"),
    [
        ({"device": "cpu"}, "fp32"),
        ({"device": "cuda:1"}, "roughly at 44100 Hz"),
        ({"wish": ["cpu"]}, "fp32"),
        ({"wish": ["mps", "cuda"]}, "roughly at 44100 Hz"),
        ({"wish": ["cuda:1"]}, "roughly at 44100 Hz"),
    ],
)
def test_it_goes_by_where_the_step_is_to_run(
    asked: dict[str, Any], numerics: str, excerpt: Audio
) -> None:
    run_on("two cards", excerpt, None, **asked)
    assert told[-1][1] == numerics


@pytest.mark.parametrize("presumed", ["plain", "card"])
def test_what_was_presumed_wrongly_is_computed_as_the_key_says(
    presumed: str, excerpt: Audio, store: Store
) -> None:
    """A driver that does not work; a card that torch finds all the same."""
    actual = {"plain": "card", "card": "plain"}[presumed]
    run_on(actual, excerpt, store, presumed=presumed)
    (record,) = (one for one in store.records() if "type" in one.preimage)
    assert {numerics for _, numerics in told} == {record.preimage["numerics"]}
    assert (record.preimage["numerics"] == "fp32") == (presumed == "plain")


def test_a_stored_result_needs_no_device(excerpt: Audio, store: Store) -> None:
    run_on("card", excerpt, store)
    assert run_on("plain", excerpt, store, device="cuda") == "cached"


def test_a_plain_call_is_told_as_a_run_is(excerpt: Audio) -> None:
    rough.type.call(RunContext(device="cuda:0"), excerpt, way="hastily")
    rough.type.call(RunContext(), excerpt)
    assert told == [("cuda:0", "hastily at 44100 Hz"), ("cpu", "fp32")]


# -- what is presumed ---------------------------------------------------------------------------


class Torch:
    """An installed torch that was built for something."""

    def __init__(self, folder: Path, version: str | None) -> None:
        self._path = folder / "version.py"
        if version is not None:
            self._path.write_text(version)

    def locate_file(self, name: str) -> Path:
        assert name == "torch/version.py"
        return self._path


@pytest.mark.parametrize(
    ("version", "driver", "expected"),
    [
        ("cuda = None\nhip = None", True, ["cpu"]),
        ("cuda: str = '13.0'\nhip = None", True, ["cuda", "cpu"]),
        ("cuda: str = '13.0'\nhip = None", False, ["cpu"]),
        ("something = else", True, ["cpu"]),
        (None, True, ["cpu"]),
    ],
)
def test_cuda_is_presumed_where_torch_and_driver_are_for_it(
    version: str | None,
    driver: bool,
    expected: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(metadata, "distribution", lambda name: Torch(tmp_path, version))
    monkeypatch.setattr(devices, "_loads", lambda library: driver)
    presume.cache_clear()
    try:
        assert [device.kind for device in presume().devices] == expected
    finally:
        presume.cache_clear()


@pytest.mark.parametrize(("processor", "kinds"), [("arm64", ["mps", "cpu"]), ("x86_64", ["cpu"])])
def test_mps_is_presumed_on_apples_processors(
    processor: str, kinds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: processor)
    presume.cache_clear()
    try:
        assert [device.kind for device in presume().devices] == kinds
    finally:
        presume.cache_clear()


@pytest.mark.torch
def test_what_is_presumed_here_is_what_is_found() -> None:
    found = [device.kind for device in devices.probe().devices if device.usable]
    assert {device.kind for device in presume().devices} == set(found)
