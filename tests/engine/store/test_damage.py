"""Stores that are damaged, or cannot be used: the results are right all the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from resonate_graph import Audio, Graph, Store
from resonate_graph._node.values import canonical_json
from resonate_graph._store.records import Entry, Key, Record, unseal
from resonate_nodes import gain, mix, to_mono
from tests.engine.runs import chain, codes, count, object_of, objects, records, statuses
from tests.faults import flipped, full_disk
from tests.own_nodes import halves, unsteady
from tests.processes import files_in

pytestmark = pytest.mark.usefixtures("no_test_waits_for_ever")


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


def test_what_a_full_disk_has_room_for_is_kept(store: Store, excerpt: Audio) -> None:
    graph = Graph("shrinking")
    whole = graph.add(gain, "whole")(graph.input("mix", Audio), gain_db=-6.0)
    graph.output("whole", whole)
    graph.output("mono", mono := graph.add(to_mono, "mono")(whole))
    graph.output("louder", graph.add(gain, "louder")(mono, gain_db=6.0))
    graph.output("again", graph.add(gain, "again")(whole, gain_db=3.0))
    with full_disk(excerpt.samples.nbytes * 3 // 4):
        result = graph.run({"mix": excerpt}, store=store)
    assert codes(result) == ["store-unusable"]
    assert result.report["warnings"][0]["message"].startswith("not all results of this run are")
    assert result["whole"] == gain(excerpt, gain_db=-6.0)
    again = graph.run({"mix": excerpt}, store=Store(store.path))
    kept = {"whole": "ran", "mono": "cached", "louder": "cached", "again": "ran"}
    assert (statuses(again), codes(again)) == (kept, [])


@pytest.mark.parametrize(("port", "size"), [("bytes", -1), ("frames", -5), ("sample_rate", -1)])
def test_a_record_that_tells_of_an_impossible_size_counts_as_damaged(
    port: str, size: int, excerpt: Audio
) -> None:
    key = Key.of({"type": "test"})
    whole = Record(key=key.hex, preimage={"type": "test"}, ports={"out": Entry.of(excerpt)})

    def sealed(plain: dict[str, Any]) -> bytes:
        return canonical_json({**plain, "seal": blake3(canonical_json(plain)).hexdigest()})

    plain = whole.model_dump(mode="json", exclude_none=True)
    assert unseal(sealed(plain)) == whole
    plain["ports"]["out"][port] = size
    assert unseal(sealed(plain)) is None
