from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    Cancelled,
    DeviceError,
    Event,
    Graph,
    InputRead,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    Result,
    RunContext,
    RunError,
    RunFinished,
    RunStarted,
    Store,
    Warned,
    accelerated,
    node,
)
from resonate_graph._keys import Key
from resonate_nodes import gain, mix
from tests.engine.test_store import flipped, full_disk
from tests.own_nodes import (
    counted_gain,
    crash,
    fail,
    halves,
    peak,
    slow,
    unsteady,
    warned,
)
from tests.processes import (
    Signals,
    end_of,
    files_in,
    interrupt,
    start_python,
    wait_for_words,
)

OWN_NODES = Path(__file__).parents[1] / "own_nodes.py"


pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A folder the nodes tell what they do."""
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


def chain(told: Path, *ratios: float, name: str = "chain", prefix: str = "step") -> Graph:
    """A graph of gains one after another."""
    graph = Graph(name)
    wire = graph.input("mix", Audio)
    for number, ratio in enumerate(ratios, 1):
        wire = graph.add(counted_gain, f"{prefix}{number}")(wire, ratio=ratio, folder=str(told))
    graph.output("out", wire)
    return graph


def statuses(result: Result) -> dict[str, str]:
    return {node["id"]: node["status"] for node in result.report["nodes"]}


def codes(result: Result) -> list[str]:
    return [warning["code"] for warning in result.report["warnings"]]


def count(told: Path) -> int:
    path = told / "count"
    return len(path.read_text()) if path.exists() else 0


def objects(store: Store) -> list[Path]:
    return [path for path in (store.path / "objects").rglob("*") if path.is_file()]


def object_of(store: Store, result: Result, name: str) -> Path:
    """Return where the store keeps an output."""
    digest = result.report["outputs"][name]["digest"]
    (path,) = (path for path in objects(store) if path.stem == digest)
    return path


def records(store: Store) -> list[Path]:
    return [path for path in (store.path / "records").rglob("*") if path.is_file()]


# -- events -------------------------------------------------------------------------------------


def test_a_run_tells_what_happens_in_order(store: Store, excerpt: Audio) -> None:
    graph = Graph("told")
    sound = graph.input("mix", Audio)
    careful = graph.add(warned)(sound, message="look")
    graph.output("out", graph.add(gain)(careful, gain_db=-1.0))
    events: list[Event] = []
    graph.run({"mix": excerpt}, store=store, on_event=events.append)
    kinds = [type(event) for event in events]
    assert kinds == [
        RunStarted,
        InputRead,
        NodeStarted,
        NodeProgress,
        NodeProgress,
        Warned,
        NodeFinished,
        NodeStarted,
        NodeFinished,
        RunFinished,
    ]
    assert events[0] == RunStarted("told", ("warned", "gain"))
    assert events[2:6] == [
        NodeStarted("warned", "warned", "cpu"),
        NodeProgress("warned", 1, 2),
        NodeProgress("warned", 2, 2),
        Warned("careful", "look", "warned"),
    ]
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == "done"


def test_warnings_of_cached_nodes_are_told_again(store: Store, excerpt: Audio) -> None:
    graph = Graph("told")
    graph.output("out", graph.add(warned)(graph.input("mix", Audio), message="look"))
    first = graph.run({"mix": excerpt}, store=store)
    events: list[Event] = []
    again = graph.run({"mix": excerpt}, store=Store(store.path), on_event=events.append)
    assert statuses(again) == {"warned": "cached"}
    assert again.report["warnings"] == first.report["warnings"]
    assert again.report["warnings"] == [{"code": "careful", "message": "look", "node": "warned"}]
    assert Warned("careful", "look", "warned") in events
    assert NodeFinished("warned", "warned", "cached", 0.0) in events


@pytest.mark.parametrize(
    ("failing", "status", "error"),
    [(fail, "failed", RunError), (crash, "failed", RunError)],
)
def test_the_last_event_says_how_it_ended(
    excerpt: Audio, failing: Any, status: str, error: type[Exception]
) -> None:
    graph = Graph("failing")
    params = {"message": "no"} if failing is fail else {}
    graph.output("out", graph.add(failing)(graph.input("mix", Audio), **params))
    events: list[Event] = []
    with pytest.raises(error):
        graph.run({"mix": excerpt}, store=False, on_event=events.append)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == status


# -- failures -----------------------------------------------------------------------------------


def test_a_failing_node_is_named_with_its_cause(told: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("failing")
    sound = graph.input("mix", Audio)
    first = graph.add(counted_gain, "before")(sound, ratio=0.5, folder=str(told))
    graph.output("out", graph.add(fail, "tricky")(first, message="this cannot be done"))
    with pytest.raises(RunError) as caught:
        graph.run({"mix": excerpt}, store=store)
    error = caught.value
    assert str(error) == "node 'tricky' (fail): this cannot be done"
    assert (error.node, error.type) == ("tricky", "fail")
    assert str(error.__cause__) == "this cannot be done"
    with pytest.raises(RunError):
        graph.run({"mix": excerpt}, store=store)
    assert count(told) == 1


def test_an_error_nobody_thought_of_says_its_type(excerpt: Audio) -> None:
    graph = Graph("failing")
    graph.output("out", graph.add(crash)(graph.input("mix", Audio)))
    with pytest.raises(RunError, match=r"^node 'crash' \(crash\): ZeroDivisionError: division"):
        graph.run({"mix": excerpt}, store=False)


def test_a_node_that_writes_into_its_input_fails_and_changes_nothing(excerpt: Audio) -> None:
    @node()
    def vandal(audio: Audio) -> Audio:
        audio.samples[:] = 0
        return audio

    graph = Graph("vandal")
    graph.output("out", graph.add(vandal)(graph.input("mix", Audio)))
    before = excerpt.samples.copy()
    with pytest.raises(RunError, match="read-only"):
        graph.run({"mix": excerpt}, store=False)
    np.testing.assert_array_equal(excerpt.samples, before)


def test_scratch_space_is_gone_after_the_node(excerpt: Audio) -> None:
    places: list[Path] = []

    @node()
    def scratching(ctx: RunContext, audio: Audio, *, failing: bool) -> Audio:
        (ctx.scratch / "file").write_text("x")
        places.append(ctx.scratch)
        if failing:
            raise ValueError
        return audio

    for failing in (False, True):
        graph = Graph("scratching")
        graph.output("out", graph.add(scratching)(graph.input("mix", Audio), failing=failing))
        try:
            graph.run({"mix": excerpt}, store=False)
        except RunError:
            assert failing
    assert len(places) == 2
    assert not any(place.exists() for place in places)


def test_a_device_that_is_not_there_is_told_before_anything_runs(
    told: Path, excerpt: Audio
) -> None:
    @node(device=accelerated)
    def fast(audio: Audio) -> Audio:
        return audio

    graph = Graph("placed")
    first = graph.add(counted_gain)(graph.input("mix", Audio), ratio=0.5, folder=str(told))
    graph.output("out", graph.add(fast)(first))
    import torch

    absent = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(DeviceError, match=f"no {absent} device is usable"):
        graph.run({"mix": excerpt}, device=absent, store=False)
    with pytest.raises(DeviceError, match="no device 'tpu'; there are: auto, mps, cuda, cpu"):
        graph.run({"mix": excerpt}, device="tpu", store=False)
    assert count(told) == 0


# -- memory -------------------------------------------------------------------------------------


class Living:
    """Makes audio, and knows which of it is still held by somebody."""

    def __init__(self) -> None:
        self._arrays: dict[str, weakref.ref[Any]] = {}

    def audio(self, name: str, like: Audio) -> Audio:
        samples = np.array(like.samples + np.float32(0.001))
        samples.flags.writeable = False
        self._arrays[name] = weakref.ref(samples)
        return Audio(samples, like.sample_rate)

    @property
    def names(self) -> set[str]:
        gc.collect()
        return {name for name, array in self._arrays.items() if array() is not None}


class Both(NamedTuple):
    one: Audio
    other: Audio


@pytest.mark.parametrize("stored", [True, False])
def test_values_are_let_go_after_their_last_use(store: Store, excerpt: Audio, stored: bool) -> None:
    living = Living()
    seen: dict[str, set[str]] = {}

    @node(version=1)
    def make(audio: Audio, *, name: str) -> Audio:
        seen[name] = living.names
        return living.audio(name, audio)

    graph = Graph("chain")
    wire = graph.input("mix", Audio)
    for name in "abcd":
        wire = graph.add(make, name)(wire, name=name)
    late = graph.add(make, "e")(wire, name="e")
    graph.output("out", graph.add(mix)([late, wire]))
    graph.run({"mix": excerpt}, store=store if stored else False)
    assert seen == {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"c"}, "e": {"d"}}
    assert living.names == set()


def test_an_output_nobody_wants_is_let_go_at_once(excerpt: Audio) -> None:
    living = Living()
    seen: list[set[str]] = []

    @node()
    def make_both(audio: Audio) -> Both:
        return Both(living.audio("one", audio), living.audio("other", audio))

    @node()
    def look(audio: Audio) -> Audio:
        seen.append(living.names)
        return audio.with_samples(audio.samples * 0.5)

    graph = Graph("both")
    both = graph.add(make_both)(graph.input("mix", Audio))
    graph.output("out", graph.add(look)(both.one))
    graph.run({"mix": excerpt}, store=False)
    assert seen == [{"one"}]


def test_what_turns_out_not_to_be_read_is_let_go(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    """`make` runs for its digest; its reader is then found in the store."""
    living = Living()
    seen: list[set[str]] = []

    @node(version=1)
    def make(audio: Audio, *, setting: int) -> Audio:
        return living.audio(f"made {setting}", audio)

    @node(version=1)
    def look(audio: Audio, *, setting: int) -> Audio:
        seen.append(living.names)
        return audio

    graph = Graph("cut-off")
    sound = graph.input("mix", Audio)
    made = graph.add(make)(sound, setting=1)
    graph.output("one", graph.add(gain)(made, gain_db=-1.0))
    graph.output("two", graph.add(look)(sound, setting=1))
    graph.run({"mix": excerpt}, store=store)
    changes = {"make.setting": 2, "look.setting": 2}
    again = graph.run({"mix": excerpt}, params=changes, store=store, threads=1)
    assert statuses(again) == {"make": "ran", "gain": "cached", "look": "ran"}
    assert seen[-1] == set()


# -- never twice --------------------------------------------------------------------------------


def test_a_second_run_computes_nothing_and_gives_the_same(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5, 0.25)
    first = graph.run({"mix": excerpt}, store=store)
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert count(told) == 2
    assert statuses(again) == {"step1": "cached", "step2": "cached"}
    assert again["out"] == first["out"]
    assert again.report["outputs"] == first.report["outputs"]


def test_without_a_store_everything_runs_and_nothing_is_kept(
    told: Path, excerpt: Audio, tmp_path: Path
) -> None:
    for _ in range(2):
        result = chain(told, 0.5, 0.25).run({"mix": excerpt}, store=False)
        assert statuses(result) == {"step1": "ran", "step2": "ran"}
        assert all(node["key"] is None for node in result.report["nodes"])
    assert count(told) == 4
    assert files_in(tmp_path) == ["told/count"]


def test_names_of_nodes_and_graphs_do_not_matter(told: Path, store: Store, excerpt: Audio) -> None:
    chain(told, 0.5, 0.25).run({"mix": excerpt}, store=store)
    other = chain(told, 0.5, 0.25, 0.125, name="other", prefix="n")
    assert statuses(other.run({"mix": excerpt}, store=store)) == {
        "n1": "cached",
        "n2": "cached",
        "n3": "ran",
    }


def test_two_equal_nodes_of_one_graph_compute_once(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = Graph("twins")
    sound = graph.input("mix", Audio)
    twins = [
        graph.add(counted_gain, name)(sound, ratio=0.5, folder=str(told)) for name in ("a", "b")
    ]
    graph.output("out", graph.add(mix)(twins))
    assert statuses(graph.run({"mix": excerpt}, store=store)) == {
        "a": "ran",
        "b": "cached",
        "mix": "ran",
    }
    assert count(told) == 1


def test_a_change_without_effect_cuts_off_what_follows(store: Store, excerpt: Audio) -> None:
    """The gate opens far below anything that sounds; its samples stay the same."""

    @node(version=1)
    def floor(audio: Audio, *, threshold: float) -> Audio:
        return audio.with_samples(np.where(np.abs(audio.samples) < threshold, 0, audio.samples))

    graph = Graph("cut-off")
    floored = graph.add(floor)(graph.input("mix", Audio), threshold=1e-30)
    quieter = graph.add(gain)(floored, gain_db=-3.0)
    graph.output("out", graph.add(mix)([quieter, floored]))
    graph.run({"mix": excerpt}, store=store)
    again = graph.run({"mix": excerpt}, params={"floor.threshold": 1e-29}, store=store)
    assert statuses(again) == {"floor": "ran", "gain": "cached", "mix": "cached"}
    other = graph.run({"mix": excerpt}, params={"floor.threshold": 0.5}, store=store)
    assert statuses(other) == {"floor": "ran", "gain": "ran", "mix": "ran"}


def test_ports_are_computed_and_kept_one_by_one(told: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("halves")
    split = graph.add(halves)(graph.input("stereo", Audio), folder=str(told))
    graph.output("left", split.left)
    graph.output("right", split.right)
    first = graph.run({"stereo": excerpt}, outputs=["left"], store=store)
    assert statuses(first) == {"halves": "ran"}
    (record,) = records(store)
    assert statuses(graph.run({"stereo": excerpt}, outputs=["left"], store=store)) == {
        "halves": "cached"
    }
    both = graph.run({"stereo": excerpt}, store=store)
    assert statuses(both) == {"halves": "ran"}
    assert records(store) == [record]
    again = graph.run({"stereo": excerpt}, store=store)
    assert statuses(again) == {"halves": "cached"}
    assert (told / "count").read_text() == "lr"
    for number, name in enumerate(("left", "right")):
        found = again[name]
        assert isinstance(found, Audio)
        np.testing.assert_array_equal(found.samples[0], excerpt.samples[number])


def test_only_what_the_wanted_outputs_need_runs(told: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("several")
    sound = graph.input("mix", Audio)
    shared = graph.add(counted_gain, "shared")(sound, ratio=0.5, folder=str(told))
    graph.output("one", graph.add(gain, "only_one")(shared, gain_db=-1.0))
    graph.output("two", graph.add(fail, "only_two")(shared, message="not asked for"))
    result = graph.run({"mix": excerpt}, outputs=["one"], store=store)
    assert list(result) == ["one"]
    assert statuses(result) == {"shared": "ran", "only_one": "ran", "only_two": "skipped"}


def test_exact_reuse_keeps_the_results_of_devices_apart(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5)
    keys = [
        graph.run({"mix": excerpt}, store=store, reuse=reuse).report["nodes"][0]["key"]
        for reuse in ("content", "exact", "content", "exact")
    ]
    assert count(told) == 2
    assert keys[0] == keys[2] != keys[1] == keys[3]
    devices = sorted(path.read_text().count('"device":"cpu"') for path in records(store))
    assert devices == [1, 2]


def test_scalars_and_reports_are_reused_with_their_types(store: Store, excerpt: Audio) -> None:
    graph = Graph("peak")
    graph.output("peak", graph.add(peak)(graph.input("mix", Audio)))
    first = graph.run({"mix": excerpt}, store=store)
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(again) == {"peak": "cached"}
    assert again["peak"] == first["peak"]
    assert type(again["peak"]) is type(first["peak"])
    assert again.report["outputs"] == first.report["outputs"]


# -- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 20, 57, 110, 115, 116, 5000, -1])
def test_a_flipped_bit_in_an_object_is_mended(
    told: Path, store: Store, excerpt: Audio, position: int
) -> None:
    graph = chain(told, 0.5)
    first = graph.run({"mix": excerpt}, store=store)
    path = object_of(store, first, "out")
    good = path.read_bytes()
    path.write_bytes(flipped(good, position))
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert again["out"] == first["out"]
    assert statuses(again) == {"step1": "ran"}
    assert codes(again) == ["store-damaged"]
    assert again.report["warnings"][0]["node"] == "step1"
    assert path.read_bytes() == good
    (aside,) = (store.path / "quarantine").iterdir()
    assert aside.read_bytes() == flipped(good, position)
    healthy = graph.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(healthy) == {"step1": "cached"}
    assert codes(healthy) == []


def test_a_flipped_bit_in_a_record_is_mended(told: Path, store: Store, excerpt: Audio) -> None:
    graph = chain(told, 0.5)
    first = graph.run({"mix": excerpt}, store=store)
    (path,) = records(store)
    path.write_bytes(flipped(path.read_bytes(), 100))
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert again["out"] == first["out"]
    assert statuses(again) == {"step1": "ran"}
    assert codes(again) == ["store-damaged"]
    healthy = graph.run({"mix": excerpt}, store=Store(store.path))
    assert (statuses(healthy), codes(healthy)) == ({"step1": "cached"}, [])


def test_damage_upstream_is_mended_when_somebody_reads_it(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5, 0.25)
    graph.run({"mix": excerpt}, store=store)
    middle = chain(told, 0.5).run({"mix": excerpt}, store=store)
    path = object_of(store, middle, "out")
    path.write_bytes(flipped(path.read_bytes(), 5000))
    longer = chain(told, 0.5, 0.125)
    result = longer.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(result) == {"step1": "ran", "step2": "ran"}
    assert codes(result) == ["store-damaged"]
    expected = (excerpt.samples * 0.5).astype(np.float32) * 0.125
    found = result["out"]
    assert isinstance(found, Audio)
    np.testing.assert_array_equal(found.samples, expected.astype(np.float32))


@pytest.mark.parametrize("change", ["delete", "flip", "truncate", "folder"])
def test_what_is_lost_upstream_of_what_is_stored_does_not_matter(
    told: Path, store: Store, excerpt: Audio, change: str
) -> None:
    graph = chain(told, 0.5, 0.25, 0.125)
    first = graph.run({"mix": excerpt}, store=store)
    kept = object_of(store, first, "out")
    for path in objects(store):
        if path == kept:
            continue
        content = path.read_bytes()
        path.unlink()
        if change == "flip":
            path.write_bytes(flipped(content, 5000))
        elif change == "truncate":
            path.write_bytes(content[:200])
        elif change == "folder":
            path.mkdir()
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(again) == dict.fromkeys(("step1", "step2", "step3"), "cached")
    found_damaged = change in ("truncate", "folder")  # a look at the size is enough
    assert codes(again) == ["store-damaged", "store-damaged"] * found_damaged
    assert again["out"] == first["out"]
    assert count(told) == 3


def test_only_what_is_lost_and_read_is_computed_again(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5, 0.25, 0.125)
    first = graph.run({"mix": excerpt}, store=store)
    object_of(store, first, "out").unlink()
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(again) == {"step1": "cached", "step2": "cached", "step3": "ran"}
    assert again["out"] == first["out"]
    assert count(told) == 4


@pytest.mark.parametrize("obstacle", ["quarantine", "temporary"])
def test_damage_in_a_store_nobody_can_write_to_is_worked_around(
    told: Path, store: Store, excerpt: Audio, obstacle: str
) -> None:
    """Once nothing can be put aside, once nothing can be written at all."""
    graph = chain(told, 0.5)
    first = graph.run({"mix": excerpt}, store=store)
    path = object_of(store, first, "out")
    path.write_bytes(flipped(path.read_bytes(), 5000))
    block(store, "quarantine", obstacle)
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    assert again["out"] == first["out"]
    assert statuses(again) == {"step1": "ran"}
    assert "store-damaged" in codes(again)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_damaged_the_results_are_right(
    told: Path, store: Store, excerpt: Audio, seed: int
) -> None:
    """Random graphs; between runs, objects and records are flipped, cut or deleted."""
    draw = random.Random(seed)
    short = excerpt.with_samples(excerpt.samples[:, :300])
    graph = random_graph(draw, told)
    truth = graph.run({"mix": short}, store=False)
    for _ in range(5):
        paths = [*objects(store), *records(store)]
        for path in draw.sample(paths, min(len(paths), draw.randrange(4))):
            damage(draw, path)
        wanted = draw.sample(list(truth), draw.randrange(1, len(truth) + 1))
        found = graph.run({"mix": short}, outputs=wanted, store=Store(store.path))
        again = graph.run({"mix": short}, outputs=wanted, store=Store(store.path))
        assert all(found[name] == again[name] == truth[name] for name in wanted)
        assert "ran" not in statuses(again).values()


def random_graph(draw: random.Random, told: Path) -> Graph:
    graph = Graph("random")
    wires = [graph.input("mix", Audio)]
    for number in range(draw.randrange(2, 8)):
        kind = draw.choice(("gain", "mix", "halves"))
        if kind == "gain":
            level = draw.choice((0.0, -1.0, -2.0))  # some equal, and some without effect
            wires.append(graph.add(gain, f"gain{number}")(draw.choice(wires), gain_db=level))
        elif kind == "mix":
            tracks = [draw.choice(wires) for _ in range(draw.randrange(1, 4))]
            wires.append(graph.add(mix, f"mix{number}")(tracks))
        else:
            split = graph.add(halves, f"halves{number}")(wires[0], folder=str(told))
            wires.append(graph.add(mix, f"joined{number}")([split.left, split.right, wires[-1]]))
            graph.output(f"left{number}", split.left)
    for number, wire in enumerate(wires[1:][-2:]):
        graph.output(f"out{number}", wire)
    return graph


def damage(draw: random.Random, path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    kind = draw.choice(("flip", "cut", "delete"))
    if kind == "flip":
        path.write_bytes(flipped(content, draw.randrange(len(content))))
    elif kind == "cut":
        path.write_bytes(content[:-1])


def test_a_node_that_comes_out_otherwise_does_not_poison_the_store(
    told: Path, store: Store, excerpt: Audio
) -> None:
    """What follows is found, or computed and kept, by the content it was really made of."""
    graph = Graph("unsteady")
    wavering = graph.add(unsteady)(graph.input("mix", Audio), folder=str(told))
    graph.output("raw", wavering)
    graph.output("out", graph.add(gain)(wavering, gain_db=-6.0))
    first = graph.run({"mix": excerpt}, outputs=["raw"], store=store)
    object_of(store, first, "raw").unlink()
    second = graph.run({"mix": excerpt}, outputs=["out"], store=Store(store.path))
    assert statuses(second) == {"unsteady": "ran", "gain": "ran"}
    third = graph.run({"mix": excerpt}, store=Store(store.path))
    assert statuses(third) == {"unsteady": "cached", "gain": "cached"}
    raw, out = third["raw"], third["out"]
    assert isinstance(raw, Audio)
    np.testing.assert_array_equal(raw.samples, (excerpt.samples * 0.5).astype(np.float32))
    assert out == gain(raw, gain_db=-6.0)


# -- stores that cannot be used -----------------------------------------------------------------


def block(store: Store, *names: str) -> None:
    """Put files where the store needs folders; unlike permissions, these stop root too."""
    for name in names:
        path = store.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            for child in path.rglob("*"):
                child.unlink()
            path.rmdir()
        path.touch()


@pytest.mark.parametrize("names", [("temporary",), ("objects",), ("records",), ("locks",), (".",)])
def test_a_run_goes_on_without_a_store_it_cannot_write(
    told: Path, tmp_path: Path, excerpt: Audio, names: tuple[str, ...]
) -> None:
    store = Store(tmp_path / "store")
    if names == (".",):
        store.path.write_text("a file where the store has to be")
    else:
        block(store, *names)
    path = excerpt.save(tmp_path / "mix.wav")
    result = chain(told, 0.5, 0.25).run({"mix": path}, store=store)
    expected = (excerpt.samples * 0.5).astype(np.float32) * np.float32(0.25)
    found = result["out"]
    assert isinstance(found, Audio)
    np.testing.assert_array_equal(found.samples, expected)
    assert codes(result) == ([] if names == ("locks",) else ["store-unusable"])
    assert count(told) == 2


def test_a_store_that_can_only_be_read_is_read(told: Path, store: Store, excerpt: Audio) -> None:
    chain(told, 0.5).run({"mix": excerpt}, store=store)
    block(store, "temporary", "locks", "quarantine")
    reused = chain(told, 0.5).run({"mix": excerpt}, store=Store(store.path))
    assert (statuses(reused), codes(reused)) == ({"step1": "cached"}, [])
    extended = chain(told, 0.5, 0.25).run({"mix": excerpt}, store=Store(store.path))
    assert statuses(extended) == {"step1": "cached", "step2": "ran"}
    assert codes(extended) == ["store-unusable"]


def test_a_disk_that_fills_up_costs_the_store_not_the_result(
    told: Path, store: Store, excerpt: Audio
) -> None:
    with full_disk(200_000):
        result = chain(told, 0.5, 0.25).run({"mix": excerpt}, store=store)
    assert codes(result) == ["store-unusable"]
    assert result["out"] == excerpt.with_samples(excerpt.samples * np.float32(0.125))
    assert objects(store) == []
    assert files_in(store.path / "temporary") == []


# -- stopping -----------------------------------------------------------------------------------


def stopping_after(kind: type[Event], node_id: str) -> tuple[Callable[[Event], None], Any]:
    """Return an `on_event` and a `cancelled` that is true once an event was told."""
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, kind) and getattr(event, "node", None) == node_id:
            seen.append(event)

    return on_event, lambda: bool(seen)


def test_a_run_can_be_stopped_between_two_nodes(told: Path, store: Store, excerpt: Audio) -> None:
    graph = chain(told, 0.5, 0.25)
    events: list[Event] = []
    listen, cancelled = stopping_after(NodeFinished, "step1")

    def on_event(event: Event) -> None:
        events.append(event)
        listen(event)

    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, on_event=on_event, cancelled=cancelled)
    ended = events[-1]
    assert isinstance(ended, RunFinished)
    assert ended.status == "cancelled"
    assert count(told) == 1
    assert statuses(graph.run({"mix": excerpt}, store=store)) == {"step1": "cached", "step2": "ran"}


def test_a_run_can_be_stopped_where_a_node_reports_progress(store: Store, excerpt: Audio) -> None:
    graph = Graph("warned")
    graph.output("out", graph.add(warned)(graph.input("mix", Audio), message="look"))
    on_event, cancelled = stopping_after(NodeProgress, "warned")
    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, on_event=on_event, cancelled=cancelled)
    assert records(store) == []
    assert objects(store) == []


def test_a_run_that_waits_for_another_can_be_stopped(
    told: Path, store: Store, excerpt: Audio
) -> None:
    graph = chain(told, 0.5)
    (step,) = graph.plan({"mix": excerpt}, store=store)
    assert step.key is not None
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 3

    held = Store(store.path).key_lock(Key(step.key, {}))
    assert held.take()
    with pytest.raises(Cancelled):
        graph.run({"mix": excerpt}, store=store, cancelled=cancelled)
    held.give_back()
    assert count(told) == 0


# -- processes ----------------------------------------------------------------------------------

RUN = """
import logging, sys
from pathlib import Path
import resonate_graph as rg
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
graph, mix, store = sys.argv[1:4]
own = rg.load(graph, nodes=[sys.argv[4]])
result = own.run({"mix": mix}, store=store)
print(result.report["nodes"][-1]["status"], result.report["outputs"]["out"]["digest"])
"""


class Scene:
    """A graph with a slow node, and processes that run it on one store."""

    def __init__(self, folder: Path, excerpt: Audio) -> None:
        self.signals = Signals(folder / "signals")
        self.store = Store(folder / "shared")
        self.mix = excerpt.save(folder / "mix.wav")
        graph = Graph("slow")
        out = graph.add(slow)(graph.input("mix", Audio), folder=str(self.signals.folder))
        graph.output("out", out)
        self.graph = graph.save(folder / "slow.json")

    def start(self) -> Any:
        return start_python(RUN, self.graph, self.mix, self.store.path, OWN_NODES)


@pytest.fixture
def scene(tmp_path: Path, excerpt: Audio) -> Scene:
    return Scene(tmp_path, excerpt)


def test_of_two_processes_with_one_key_one_computes_and_the_other_waits(scene: Scene) -> None:
    first = scene.start()
    scene.signals.wait_until_started(first)
    second = scene.start()
    wait_for_words(second, "not acquired")
    scene.signals.let_go()
    one, other = end_of(first), end_of(second)
    assert (one.code, other.code) == (0, 0)
    assert scene.signals.count == 1
    assert [one.out.split()[0], other.out.split()[0]] == ["ran", "cached"]
    assert one.out.split()[1] == other.out.split()[1]


def test_a_process_that_is_killed_leaves_the_work_to_the_one_that_waits(scene: Scene) -> None:
    first = scene.start()
    scene.signals.wait_until_started(first)
    second = scene.start()
    wait_for_words(second, "not acquired")
    first.kill()
    first.communicate()
    scene.signals.wait_until_started(second)
    assert files_in(scene.store.path / "objects") == []
    scene.signals.let_go()
    assert end_of(second).out.split()[0] == "ran"
    assert scene.signals.count == 2


def test_ctrl_c_frees_the_key_at_once(scene: Scene) -> None:
    first = scene.start()
    scene.signals.wait_until_started(first)
    interrupt(first)
    ended = end_of(first)
    assert "KeyboardInterrupt" in ended.err
    second = scene.start()
    scene.signals.wait_until_started(second)
    scene.signals.let_go()
    assert end_of(second).out.split()[0] == "ran"
