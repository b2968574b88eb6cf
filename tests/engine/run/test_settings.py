"""Settings: said once, and the same for whatever runs a graph or looks at it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from resonate_graph import Audio, DeviceError, Graph, ParamError, Settings, Store
from resonate_graph._store.records import Key
from resonate_nodes import gain
from tests.engine.commands import Command

SETTINGS = list(get_type_hints(Settings))
METHODS = (Graph.run, Graph.run_many, Graph.plan, Graph.why, Graph.sweep)
TAKE = Audio(np.full((2, 100), 0.5), 44100)


@pytest.fixture
def graph() -> Graph:
    made = Graph("quieter")
    made.output("quiet", made.add(gain, "level")(made.input("take", Audio), gain_db=-6.0))
    return made


@pytest.fixture
def calls(graph: Graph, tmp_path: Path) -> dict[str, Callable[..., Any]]:
    """What takes settings."""
    given = {"take": TAKE}
    return {
        "run": lambda **settings: graph.run(given, **settings),
        "run_many": lambda **settings: graph.run_many([given], **settings),
        "plan": lambda **settings: graph.plan(given, **settings),
        "why": lambda **settings: graph.why(given, **settings),
        "sweep": lambda **settings: graph.sweep(
            given, {"level.gain_db": [-6.0]}, tmp_path / "sweep", **settings
        ),
    }


@pytest.mark.parametrize("method", METHODS, ids=lambda one: one.__name__)
def test_a_person_at_a_prompt_sees_each_of_them(method: Callable[..., Any]) -> None:
    parameters = inspect.signature(method).parameters
    assert all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    assert list(parameters)[-len(SETTINGS) :] == SETTINGS
    assert parameters["max_minutes"].default == 30.0
    assert parameters["threads"].annotation == "int | None"
    doc = inspect.getdoc(method) or ""
    for name in parameters:
        assert name == "self" or f"    {name}: " in doc
    assert "settings:" not in doc
    assert all(len(line) < 100 for line in doc.splitlines())


@pytest.mark.parametrize("name", ["run", "run_many", "plan", "why", "sweep"])
def test_a_name_that_is_none_is_told_with_the_nearest(
    calls: dict[str, Callable[..., Any]], tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        ParamError, match=f"Graph.{name} takes no 'max_minuts'; did you mean 'max_minutes'"
    ) as caught:
        calls[name](store=tmp_path / "store", max_minuts=5)
    assert caught.value.param == "max_minuts"
    with pytest.raises(ParamError, match="takes no 'output'; did you mean 'outputs'"):
        calls[name](output=["quiet"])
    with pytest.raises(ParamError, match=r"takes no 'zzz'; it takes inputs, .*params, .*models"):
        calls[name](zzz=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["run", "run_many", "plan", "why", "sweep"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threads": "2"}, "threads is '2': it takes a whole number or None"),
        ({"threads": True}, "threads is True: it takes a whole number or None"),
        ({"max_minutes": "5"}, "max_minutes is '5': it takes a number"),
        ({"reuse": "exactly"}, "reuse is 'exactly': it takes 'content' or 'exact'"),
        ({"store": True}, "store is True: it takes a Store, text, a path, False or None"),
        ({"models": 5}, "models is 5: it takes text, a path or None"),
        ({"device": None}, "device is None: it takes text"),
        ({"max_minutes": 0}, "max_minutes is 0; give minutes above 0"),
    ],
    ids=str,
)
def test_a_value_that_it_cannot_have_is_told(
    calls: dict[str, Callable[..., Any]],
    tmp_path: Path,
    name: str,
    wrong: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(ParamError) as caught:
        calls[name](**wrong)
    assert str(caught.value) == said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["run", "run_many", "plan", "why", "sweep"])
def test_the_same_settings_serve_all(
    calls: dict[str, Callable[..., Any]], tmp_path: Path, name: str
) -> None:
    settings: Settings = {
        "device": "cpu",
        "threads": np.int64(1),  # type: ignore[typeddict-item]
        "store": Store(tmp_path / "store"),
        "models": tmp_path,
        "reuse": "exact",
        "warn_minutes": 1,
        "max_minutes": np.float32(2.5),  # type: ignore[typeddict-item]
        "salvage": True,
    }
    assert settings.keys() == set(SETTINGS)
    assert len(calls[name](**settings)) == 1
    with pytest.raises(DeviceError, match="no device 'gpu'"):
        calls[name](**{**settings, "device": "gpu"})


def test_a_plan_reckons_with_what_the_run_reuses(graph: Graph, tmp_path: Path) -> None:
    """What another device has computed is not what ``exact`` asks for."""
    graph.run({"take": TAKE}, store=tmp_path)
    (step,) = graph.plan({"take": TAKE}, store=tmp_path, reuse="exact")
    assert step.status == "cached"
    store = Store(tmp_path)
    for record in list(store.records()):
        store.put_record(Key.of(record.preimage), record.ports, device="cuda:0")
    (step,) = graph.plan({"take": TAKE}, store=store)
    assert step.status == "cached"
    (step,) = graph.plan({"take": TAKE}, store=store, reuse="exact")
    assert step.status == "run"


def test_why_compares_with_a_store(graph: Graph) -> None:
    with pytest.raises(ParamError, match="store is False: why compares with what a store has"):
        graph.why({"take": TAKE}, store=False)


@pytest.mark.parametrize("command", ["run", "plan", "why", "sweep"])
def test_the_command_line_has_an_option_for_each(call: Command, command: str) -> None:
    shown = call(command, "--help").out
    spelled = {"reuse": "reuse-exact"}
    for name in SETTINGS:
        assert f"--{spelled.get(name, name).replace('_', '-')} " in shown
    assert "--no-store " in shown
    assert "Refuse inputs longer than this. [30]" in shown
    assert "``" not in shown
