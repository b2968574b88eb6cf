"""What was taken out: input - output, of outputs that are the whole of an input."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from resonate_graph import (
    Audio,
    Graph,
    InputError,
    OutputError,
    Result,
    RunContext,
    Store,
    node,
    read_audio,
)
from tests.engine.commands import OWN_NODES, Command
from tests.files import write_sound
from tests.own_nodes import boosted, chopped

ULP = 2.0**-23


class Parts(NamedTuple):
    low: Audio
    high: Audio


@node()
def parts(ctx: RunContext, audio: Audio) -> Parts:
    ctx.note(gain_db=99.0)  # of no whole sound: it is not counted
    low = audio.samples * np.float32(0.25)
    return Parts(audio.with_samples(low), audio.with_samples(audio.samples - low))


@node()
def together(tracks: list[Audio]) -> Audio:
    return tracks[0].with_samples(np.sum([one.samples for one in tracks], axis=0))


@node()
def with_rest(mix: Audio, stems: list[Audio]) -> Audio:
    return mix.with_samples(mix.samples - sum(one.samples for one in stems))


@node()
def first_half(audio: Audio) -> Audio:
    return audio.with_samples(audio.samples[:, : audio.frames // 2])


def chain(*gains_db: float) -> Graph:
    graph = Graph("chain")
    wire = graph.add(chopped)(graph.input("mix", Audio))
    for number, gain_db in enumerate(gains_db):
        wire = graph.add(boosted, f"level{number}")(wire, gain_db=gain_db)
    graph.output("restored", wire)
    return graph


def adds_up(before: Audio, result: Result, name: str = "restored", gain_db: float = 0.0) -> None:
    after, removed = result[name], result.removed[name]
    assert isinstance(after, Audio)
    whole = after.samples / np.float32(10 ** (gain_db / 20)) + removed.samples
    assert abs(whole - before.samples).max() <= 2 * ULP * abs(before.samples).max()
    assert (removed.sample_rate, removed.layout) == (before.sample_rate, before.layout)


# -- what it is -----------------------------------------------------------------------------------


def test_without_being_asked_for_there_is_none(excerpt: Audio) -> None:
    result = chain().run({"mix": excerpt}, store=False)
    assert result.removed == {}
    assert list(result.report["outputs"]["restored"]) == ["path", "digest"]


def test_it_is_the_difference(excerpt: Audio) -> None:
    result = chain().run({"mix": excerpt}, store=False, removed=True)
    assert list(result.removed) == ["restored"]
    expected = np.where(np.arange(excerpt.frames) < 1000, excerpt.samples, 0)
    np.testing.assert_array_equal(result.removed["restored"].samples, expected)
    adds_up(excerpt, result)
    assert result.report["outputs"]["restored"]["removed"] == {
        "path": None, "input": "mix", "gain_db": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("status", ["ran", "cached"])
def test_the_gain_that_steps_noted_is_taken_back(store: Store, excerpt: Audio, status: str) -> None:
    if status == "cached":
        chain(6.5, -2.0).run({"mix": excerpt}, store=store)
    result = chain(6.5, -2.0).run({"mix": excerpt}, store=store, removed=True)
    assert {one["status"] for one in result.report["nodes"]} == {status}
    assert result.report["outputs"]["restored"]["removed"]["gain_db"] == 4.5
    adds_up(excerpt, result, gain_db=4.5)
    assert abs(result.removed["restored"].samples[:, 1000:]).max() < 2 * ULP


def test_only_what_is_the_whole_of_an_input_has_it(excerpt: Audio) -> None:
    graph = Graph("parts")
    sound = graph.input("mix", Audio)
    split = graph.add(parts)(graph.add(boosted, "before")(sound, gain_db=1.0))
    high = graph.add(boosted, "high")(split.high, gain_db=3.0)
    whole = graph.add(boosted, "after")(graph.add(together)([split.low, high]), gain_db=2.0)
    graph.output("low", split.low)
    graph.output("whole", whole)
    graph.output("half", graph.add(first_half)(sound))
    graph.output("rest", graph.add(with_rest)(sound, [split.low]))
    result = graph.run({"mix": excerpt}, store=False, removed=True)
    assert set(result.removed) == {"whole", "rest"}
    outputs = result.report["outputs"]
    assert outputs["low"]["removed"] is outputs["half"]["removed"] is None
    assert outputs["whole"]["removed"]["gain_db"] == 3.0  # of 1 and 2: what all of it went through
    assert outputs["rest"]["removed"]["gain_db"] == 0.0
    adds_up(excerpt, result, "whole", gain_db=3.0)
    adds_up(excerpt, result, "rest")


def test_of_two_inputs_it_is_that_of_the_one_it_was_made_from(excerpt: Audio) -> None:
    graph = Graph("two")
    graph.input("other", Audio)
    graph.output("restored", graph.add(chopped)(graph.input("mix", Audio)))
    both = {"mix": excerpt, "other": excerpt.with_samples(-excerpt.samples)}
    result = graph.run(both, store=False, removed=True)
    assert result.report["outputs"]["restored"]["removed"]["input"] == "mix"
    adds_up(excerpt, result)


# -- files ----------------------------------------------------------------------------------------


def test_it_is_written_beside_the_output(mix: Path, store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        result = chain(3.0).run({"mix": mix}, store=store, removed=True)
        files = result.save(tmp_path)
        beside = Path(result.report["outputs"]["restored"]["removed"]["path"])
        assert beside == tmp_path / "restored.removed.wav"
        assert files == {"restored": tmp_path / "restored.wav"}
        assert read_audio(beside) == result.removed["restored"]
        adds_up(read_audio(mix), result, gain_db=3.0)


def test_what_is_taken_out_of_a_file_that_was_changed_is_not_made_up(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    path = write_sound(excerpt, tmp_path / "take.wav", "FLOAT")
    result = chain().run({"mix": path}, store=store, removed=True)
    write_sound(excerpt.with_samples(-excerpt.samples), path, "FLOAT")
    with pytest.raises(InputError, match=r"take.wav.*changed"):
        result.save(tmp_path / "out")


def test_no_input_is_written_over(excerpt: Audio, tmp_path: Path) -> None:
    path = write_sound(excerpt, tmp_path / "restored.removed.wav", "FLOAT")
    result = chain().run({"mix": path}, store=False, removed=True)
    with pytest.raises(OutputError, match="this file is the input 'mix'"):
        result.save(tmp_path)


def test_several_runs_have_it_each(excerpt: Audio) -> None:
    sounds = [excerpt, excerpt.with_samples(excerpt.samples[:1])]
    results = chain(1.0).run_many([{"mix": one} for one in sounds], store=False, removed=True)
    for sound, result in zip(sounds, results, strict=True):
        adds_up(sound, result, gain_db=1.0)


# -- the command line -----------------------------------------------------------------------------


def test_the_command_line_writes_it_and_says_where(
    call: Command, mix: Path, tmp_path: Path
) -> None:
    path = chain(3.0).save(tmp_path / "chain.json")
    words = ("run", path, "-i", f"mix={mix}", "-o", tmp_path, "--nodes", OWN_NODES, "--removed")
    ended = call(*words)
    beside = tmp_path / f"{mix.stem}.restored.removed.wav"
    assert ended.out.splitlines()[-1] == (
        f"  restored, removed: {beside} (the gain of 3.0 dB taken back)"
    )
    assert read_audio(beside).frames == read_audio(mix).frames
    document = call(*words, "--json").document
    assert document["outputs"]["restored"]["removed"] == {
        "path": str(beside), "input": "mix", "gain_db": 3.0,
    }  # fmt: skip


def test_where_there_is_nothing_to_subtract_it_is_said(
    call: Command, mix: Path, tmp_path: Path
) -> None:
    ended = call("run", "inspect", "-i", f"recording={mix}", "-o", tmp_path, "--removed",
                 "--only", "figures")  # fmt: skip
    assert ended.code == 0
    assert ended.said[-1] == (
        "  nothing to subtract: no output is the sound of an input, of its shape"
    )
