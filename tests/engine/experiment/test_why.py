"""`Graph.why` gives the exact reason for every node that would run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import resonate_graph as rg
from resonate_graph import Audio, Graph, Store
from resonate_nodes import denoise, gain, gate, highpass, mix, separate
from tests.toy_nodes import label


def repair() -> Graph:
    graph = Graph("repair")
    clean = graph.add(highpass, "rumble")(graph.input("take", Audio), frequency_hz=40.0)
    quiet = graph.add(denoise, "denoise")(clean, strength=0.5)
    graph.output("restored", graph.add(gate, "gate")(quiet))
    return graph


def why(
    graph: Graph, audio: Audio | str, store: Store, models: Path | None = None, **params: object
) -> dict[str, tuple[str, ...]]:
    inputs = dict.fromkeys(graph.document.inputs, audio)
    dotted = {name.replace("__", "."): value for name, value in params.items()}
    reasons = graph.why(inputs, params=dotted, store=store, models=models)
    return {one.id: one.reasons for one in reasons}


def test_what_was_never_computed_says_so(excerpt: Audio, store: Store) -> None:
    reasons = why(repair(), excerpt, store)
    assert reasons["rumble"] == ("never computed",)
    assert reasons["gate"] == ("input audio may change because rumble has to run: never computed",)


def test_nothing_is_said_of_what_is_stored(excerpt: Audio, store: Store) -> None:
    repair().run({"take": excerpt}, store=store)
    assert set(why(repair(), excerpt, store).values()) == {()}


def test_a_changed_param_is_named_with_both_values(excerpt: Audio, store: Store) -> None:
    repair().run({"take": excerpt}, store=store)
    reasons = why(repair(), excerpt, store, denoise__strength=0.7)
    assert reasons["rumble"] == ()
    assert reasons["denoise"] == ("strength 0.5 -> 0.7",)
    assert reasons["gate"] == (
        "input audio may change because denoise has to run: strength 0.5 -> 0.7",
    )


def test_another_recording_is_named(excerpt: Audio, store: Store) -> None:
    repair().run({"take": excerpt}, store=store)
    reasons = why(repair(), gain(excerpt, gain_db=-1.0), store)
    assert reasons["rumble"] == (
        "input audio changed because another recording is bound to 'take'",
    )


def test_a_change_is_followed_upstream(excerpt: Audio, store: Store) -> None:
    repair().run({"take": excerpt}, store=store)
    changed = {"rumble.frequency_hz": 50}
    repair().run({"take": excerpt}, params=changed, outputs=["restored"], store=store)
    louder = {**changed, "gate.threshold_db": -30}
    reasons = repair().why({"take": excerpt}, params=louder, store=store)
    assert {one.id: one.reasons for one in reasons}["gate"] == ("threshold_db -45 -> -30",)
    graph = repair()
    first = graph.add(gain, "more")(graph.add(gate, "second")(graph.input("other", Audio)))
    graph.output("second", first)
    assert graph.why({"take": excerpt, "other": excerpt}, store=store)[-1].status == "open"


def test_changed_weights_are_named(
    excerpt: Audio, store: Store, models_dir: Path, tmp_path: Path
) -> None:
    graph = Graph("split")
    stems = graph.add(separate, "split")(graph.input("take", Audio), model="htdemucs")
    graph.output("vocals", stems.vocals)
    graph.run({"take": excerpt}, models=models_dir, store=store)
    others = tmp_path / "others"
    others.mkdir()
    (others / "htdemucs.th").write_bytes((models_dir / "small1.th").read_bytes())
    reasons = why(graph, excerpt, store, models=others)
    assert reasons["split"] == ("weights of htdemucs changed",)


def test_an_output_nobody_asked_for_before_is_named(
    excerpt: Audio, store: Store, models_dir: Path
) -> None:
    """Each model of this bag gives one stem, so that only what is asked for is computed."""
    graph = Graph("split")
    stems = graph.add(separate, "split")(graph.input("take", Audio), model="htdemucs_ft")
    graph.output("vocals", stems.vocals)
    graph.output("drums", stems.drums)
    graph.run({"take": excerpt}, outputs=["vocals"], models=models_dir, store=store)
    reasons = why(graph, excerpt, store, models=models_dir)
    assert reasons["split"] == ("output drums was never asked for",)


def test_the_order_of_tracks_is_named(excerpt: Audio, store: Store) -> None:
    def two(first: float, second: float) -> Graph:
        graph = Graph("two")
        take = graph.input("take", Audio)
        a = graph.add(gain, "a")(take, gain_db=first)
        b = graph.add(gain, "b")(take, gain_db=second)
        graph.output("sum", graph.add(mix, "sum")([a, b], gains_db=[0.0, -6.0]))
        return graph

    two(-1.0, -2.0).run({"take": excerpt}, store=store)
    assert why(two(-2.0, -1.0), excerpt, store)["sum"] == ("the order of input tracks changed",)


def test_what_was_evicted_or_damaged_is_named(excerpt: Audio, tmp_path: Path) -> None:
    repair().run({"take": excerpt}, store=Store(tmp_path))
    Store(tmp_path).retention.make_room(limit_bytes=0)
    (reason,) = why(repair(), excerpt, Store(tmp_path))["gate"]
    assert re.fullmatch(r"evicted on \d{4}-\d\d-\d\d: output out", reason)


@pytest.mark.parametrize("flipped", [0, 500])
def test_what_is_in_quarantine_is_named(excerpt: Audio, tmp_path: Path, flipped: int) -> None:
    result = repair().run({"take": excerpt}, store=Store(tmp_path))
    digest = result.report["outputs"]["restored"]["digest"]
    path = tmp_path / "objects" / digest[:2] / f"{digest}.wav"
    content = bytearray(path.read_bytes())
    content[flipped] ^= 1
    path.write_bytes(content)
    assert [sound for _, sound in Store(tmp_path).verify()].count(False) == 1
    reasons = why(repair(), excerpt, Store(tmp_path))
    assert reasons["gate"] == ("quarantined: output out did not match its digest",)


def test_what_happened_last_is_named(excerpt: Audio, tmp_path: Path) -> None:
    def damage() -> None:
        digest = repair().run({"take": excerpt}, store=Store(tmp_path)).report["outputs"]
        path = next((tmp_path / "objects").glob(f"*/{digest['restored']['digest']}.wav"))
        path.write_bytes(bytes(path.stat().st_size))
        list(Store(tmp_path).verify())

    def evict() -> None:
        repair().run({"take": excerpt}, store=Store(tmp_path))
        Store(tmp_path).retention.make_room(limit_bytes=0)

    for happens, said in ((damage, "quarantined"), (evict, "evicted"), (damage, "quarantined")):
        happens()
        (reason,) = why(repair(), excerpt, Store(tmp_path))["gate"]
        assert reason.startswith(said)


def test_many_ways_to_one_cause_are_told_once(excerpt: Audio, store: Store) -> None:
    """A ladder of mixes has 2^9 ways from its end to its beginning."""
    short = excerpt.with_samples(excerpt.samples[:, :1000])

    def ladder() -> Graph:
        graph = Graph("ladder")
        wire = graph.add(gain, "first")(graph.input("take", Audio), gain_db=-1.0)
        for rung in range(9):
            sides = [graph.add(gain, f"{side}{rung}")(wire, gain_db=-6.0) for side in "ab"]
            wire = graph.add(mix, f"mix{rung}")(sides)
        graph.output("out", wire)
        return graph

    ladder().run({"take": short}, store=store)
    louder = {"take": short.with_samples(short.samples * 0.3)}
    ladder().run(louder, store=store)
    ends = [one for one in store.records() if one.origin and one.origin.node == "mix8"]
    store.forget(max(ends, key=lambda record: record.created))
    reasons = {one.id: one.reasons for one in ladder().why(louder, store=store)}
    assert 0 < len(" ".join(reasons["mix8"])) < 2000
    assert "recording" in " ".join(reasons["mix8"])


def test_another_value_is_no_recording(store: Store) -> None:
    graph = Graph("names")
    graph.output("said", graph.add(label, "label")(graph.input("name", str)))
    graph.run({"name": "one"}, store=store)
    (only,) = graph.why({"name": "two"}, store=store)
    assert only.reasons == ("input name changed because another value is bound to 'name'",)


def test_stock_graphs_can_be_asked(excerpt: Audio, store: Store) -> None:
    reasons = rg.stock("deliver").why({"master": excerpt}, store=store)
    assert [one.status for one in reasons] == ["run", "open", "open"]
