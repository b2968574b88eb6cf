"""Estimates: what is learned from records, what is declared, how large things will be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import Audio, Cost, Graph, Report, Store, node
from resonate_graph._graph.bound import InputRef, PortRef, params_text
from resonate_graph._machine.cost import HEAVY, LIGHT
from resonate_graph._run.estimates import Experience, expected_sizes, learned, likenesses, memory
from resonate_graph._store.records import Entry, Key, Record, Size
from resonate_nodes import measure_loudness, mix, separate
from tests.own_nodes import halves

SECOND = Size(8 * 44100, 1.0)


GATE = likenesses("gate", "{}", "cpu")


def record(
    kind: str,
    seconds: float,
    length: float,
    *,
    device: str = "cpu",
    inputs: tuple[str, ...] = (),
    **params: Any,
) -> Record:
    digest = f"{abs(hash((kind, seconds, length, str(params)))):064x}"[:64]
    frames = round(length * 44100)
    entry = Entry(
        digest=digest, kind="audio", suffix=".wav", bytes=58 + 8 * frames, channels=2,
        sample_rate=44100, frames=frames,
    )  # fmt: skip
    preimage = {"type": kind, "params": params, "inputs": {"audio": list(inputs)}}
    key = Key.of(preimage)
    return Record(
        key=key.hex, preimage=preimage, ports={"out": entry}, seconds=seconds, device=device
    )


def test_the_rate_is_the_median_of_the_latest_of_a_type_on_a_kind_of_device() -> None:
    records = [record("gate", rate * 60, 60) for rate in (0.1, 0.5, 0.2, 0.3, 0.4, 99.0)]
    records += [record("separate", 120, 60), record("separate", 6, 60, device="cuda:1")]
    rates = learned(records)
    assert rates == pytest.approx({
        (kind, params, device): rate
        for kind, device, rate in (
            ("gate", "cpu", 0.3), ("separate", "cpu", 2.0), ("separate", "cuda", 0.1)
        )
        for params in ("", "{}")
    })  # fmt: skip


def test_the_same_params_tell_more_than_the_type(store: Store) -> None:
    for model, took in (("one", 60), ("four", 240)):
        one = record("separate", took, 60, model=model)
        store.put_record(Key.of(one.preimage), one.ports, seconds=took, device="cpu")
    experience = Experience(store)

    def seconds(model: str) -> float:
        like = likenesses("separate", params_text({"model": model}), "cpu")
        return experience.estimate(Cost(seconds=9), like, [SECOND]).seconds

    assert (seconds("one"), seconds("four"), seconds("another")) == (1.0, 4.0, 2.5)
    experience.note(lambda: likenesses("separate", params_text({"model": "four"}), "cpu"), 1.0, 3.0)
    assert (seconds("one"), seconds("four"), seconds("another")) == (1.0, 3.0, 3.0)


def test_the_length_of_a_measured_input_is_that_of_the_record_it_came_from() -> None:
    source = record("gate", 1, 60)
    plain = Entry(digest="0" * 64, kind="json", suffix=".json", bytes=20)
    preimage = {"type": "peak", "inputs": {"audio": [source.ports["out"].digest]}}
    report = Record(
        key=Key.of(preimage).hex, preimage=preimage, ports={"out": plain}, seconds=3, device="cpu"
    )
    assert learned([report, source])["peak", "", "cpu"] == pytest.approx(0.05)
    assert learned([report])["peak", "", "cpu"] == 3  # nobody knows for how long it sounded


def test_experience_counts_before_what_is_declared(store: Store, excerpt: Audio) -> None:
    experience = Experience(store)
    cost = Cost(seconds=2, seconds_per_second=3)
    assert experience.estimate(cost, GATE, [SECOND]).seconds == 5
    experience.note(lambda: GATE, 2.0, 1.0)
    assert experience.estimate(cost, GATE, [SECOND, Size()]).seconds == 0.5
    elsewhere = likenesses("gate", "{}", "cuda:0")
    assert experience.estimate(cost, elsewhere, [SECOND]).seconds == 5
    graph = Graph("level")
    graph.output("out", graph.add(mix)([graph.input("mix", Audio)]))
    result = graph.run({"mix": excerpt}, store=store)
    (took,) = (one["seconds"] for one in result.report["nodes"])
    like = likenesses("mix", "{}", "cpu")  # whatever the params
    known = Experience(store).estimate(cost, like, [Size(0, excerpt.duration_seconds)])
    assert known.seconds == pytest.approx(took)


@given(st.lists(st.builds(Size, st.integers(0, 10**9)), max_size=4), st.integers(0, 10**9))
def test_memory_is_what_is_declared_of_the_inputs(sizes: list[Size], fixed: int) -> None:
    cost = Cost(bytes_per_input_byte=2.0, bytes=fixed)
    assert memory(cost, sizes) == fixed + 2 * sum(size.bytes for size in sizes)


def test_sizes_are_carried_through_the_graph() -> None:
    graph = Graph("sizes")
    split = graph.add(halves, "split")(graph.input("stereo", Audio), folder="")
    both = graph.add(mix, "both")([split.left, split.right])
    graph.output("loudness", graph.add(measure_loudness, "measured")(both))
    bound = graph.check(["stereo"])
    left = Size(5, 1.0)
    known: dict[Any, Size] = {InputRef("stereo"): SECOND, PortRef("split", "left"): left}
    sizes = expected_sizes(bound, known.get)
    assert sizes[PortRef("split", "left")] == left
    assert sizes[PortRef("split", "right")] == SECOND
    assert sizes[PortRef("both", "out")] == SECOND
    assert sizes[PortRef("measured", "out")] == Size()


# -- declaring ----------------------------------------------------------------------------------


class Nothing(Report):
    value: int = 0


@node()
def plain(audio: Audio) -> Nothing:
    return Nothing()


def test_nodes_that_say_nothing_are_light_and_accelerated_ones_heavy() -> None:
    assert plain.type.cost == LIGHT
    assert separate.type.cost.threads == HEAVY.threads == "all"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seconds": -1.0}, "seconds is -1.0"),
        ({"seconds_per_second": float("nan")}, "seconds_per_second is nan"),
        ({"bytes_per_input_byte": float("inf")}, "bytes_per_input_byte is inf"),
        ({"bytes": -1}, "bytes is -1"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_a_cost_that_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Cost(**wrong)


@pytest.mark.parametrize(("threads", "given"), [(1, 1), (3, 3), (9, 4), ("all", 4)])
def test_no_step_is_given_more_threads_than_there_are(threads: Any, given: int) -> None:
    assert Cost(threads=threads).threads_of(4) == given
