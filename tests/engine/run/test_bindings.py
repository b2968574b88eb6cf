from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import soundfile

from resonate_graph import (
    Audio,
    BatchError,
    Event,
    Graph,
    GraphError,
    InputError,
    InputRead,
    InputsError,
    Result,
    Store,
    Warned,
)
from resonate_graph._store.records import Entry, Key
from resonate_nodes import gain, mix
from tests.engine.commands import Command
from tests.files import write_sound
from tests.own_nodes import counted_gain, replace_file
from tests.processes import files_in, resonate


def louder(**params: Any) -> Graph:
    """A graph of one input and one node."""
    graph = Graph("louder")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), **{"gain_db": 6.0, **params}))
    return graph


def statuses(result: Result) -> dict[str, str]:
    return {node["id"]: node["status"] for node in result.report["nodes"]}


def codes(result: Result) -> list[str]:
    return [warning["code"] for warning in result.report["warnings"]]


# -- what can be bound --------------------------------------------------------------------------


def test_a_file_is_bound_by_its_name_or_path_or_as_audio(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    bindings: list[Any] = [str(path), path, excerpt]
    results = [louder().run({"mix": binding}, store=store) for binding in bindings]
    assert len({result.report["outputs"]["out"]["digest"] for result in results}) == 1
    assert [statuses(result) for result in results[1:]] == [{"gain": "cached"}] * 2


@pytest.mark.parametrize("binding", [1, 0.5, True])
def test_what_is_no_audio_is_not_bound_to_an_audio_input(binding: Any) -> None:
    with pytest.raises(GraphError) as caught:
        louder().run({"mix": binding}, store=False)
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == ("bad-binding", "/inputs/mix")


def test_only_inputs_that_are_needed_are_read(tmp_path: Path, excerpt: Audio) -> None:
    graph = Graph("two")
    used, unused = graph.input("used", Audio), graph.input("unused", Audio)
    graph.output("one", graph.add(gain)(used, gain_db=-1.0))
    graph.output("two", graph.add(gain)(unused, gain_db=-1.0))
    result = graph.run({"used": excerpt, "unused": "nowhere.wav"}, outputs=["one"], store=False)
    assert list(result) == ["one"]


def test_an_input_that_goes_straight_to_an_output(tmp_path: Path, excerpt: Audio) -> None:
    graph = Graph("through")
    graph.output("same", graph.input("mix", Audio))
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    for store in (False, Store(tmp_path / "store"), Store(tmp_path / "store")):
        assert graph.run({"mix": path}, store=store)["same"] == excerpt


# -- the same sound is known again --------------------------------------------------------------


def test_another_file_of_the_same_samples_is_the_same_input(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    wav = write_sound(excerpt, tmp_path / "a.wav", "PCM_16")
    assert statuses(louder().run({"mix": wav}, store=store)) == {"gain": "ran"}
    os.utime(wav, (1, 1))
    moved = shutil.move(wav, tmp_path / "moved.wav")
    flac = tmp_path / "a.flac"
    soundfile.write(flac, soundfile.read(moved, dtype="int16")[0], 44100, "PCM_16")
    for path in (moved, flac):
        assert statuses(louder().run({"mix": path}, store=store)) == {"gain": "cached"}


def test_one_other_sample_is_another_input(tmp_path: Path, store: Store, excerpt: Audio) -> None:
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    louder().run({"mix": path}, store=store)
    samples = excerpt.samples.copy()
    samples[1, -1] = np.nextafter(samples[1, -1], 1, dtype=np.float32)
    write_sound(excerpt.with_samples(samples), path, "FLOAT")
    assert statuses(louder().run({"mix": path}, store=store)) == {"gain": "ran"}


def test_the_rate_is_part_of_the_content(store: Store, excerpt: Audio) -> None:
    louder().run({"mix": excerpt}, store=store)
    other = Audio(excerpt.samples, 48_000)
    assert statuses(louder().run({"mix": other}, store=store)) == {"gain": "ran"}


def test_a_file_that_was_decoded_before_is_not_decoded_again(
    call: Command, tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    """The second process ends at once if it touches anything of soundfile but its version."""
    path = write_sound(excerpt, tmp_path / "a.mp3")
    graph = louder().save(tmp_path / "louder.json")
    words = ("run", graph, "-i", f"mix={path}", "--store", store.path)
    assert call(*words, "-o", tmp_path / "out").code == 0
    (tmp_path / "shim").mkdir()
    (tmp_path / "shim" / "soundfile.py").write_text(
        f"__version__ = {soundfile.__version__!r}\n"
        f"__libsndfile_version__ = {soundfile.__libsndfile_version__!r}\n"
        "def __getattr__(name):\n    raise SystemExit(f'soundfile.{name} was used')\n"
    )
    again = resonate(*words, "-o", tmp_path / "again", "--json", PYTHONPATH=str(tmp_path / "shim"))
    assert again.code == 0, again.err
    assert again.statuses == {"gain": "cached"}


def test_a_file_that_is_decoded_otherwise_than_before_is_told_and_then_right(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    """As after another build of the decoder; here the store remembers something else."""
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    louder().run({"mix": path}, store=store)
    (remembered,) = (one for one in store.records() if "type" not in one.preimage)
    other = Entry.of(excerpt.with_samples(excerpt.samples * 0.5))
    key = Key.of(remembered.preimage)
    store.put_record(key, {"out": other})
    with pytest.raises(InputError, match="decoded otherwise than it was before; run it again"):
        louder().run({"mix": path}, store=Store(store.path))
    found = louder().run({"mix": path}, store=Store(store.path))
    assert found["out"] == louder().run({"mix": excerpt}, store=False)["out"]


def test_a_damaged_note_of_what_was_decoded_is_put_aside_and_told(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    path = write_sound(excerpt, tmp_path / "a.wav")
    first = louder().run({"mix": path}, store=store)
    (note,) = (
        record
        for record in (store.path / "records").rglob("*.json")
        if b'"decode"' in record.read_bytes()
    )
    note.write_bytes(note.read_bytes().replace(b'"frames":1', b'"frames":2'))
    again = louder().run({"mix": path}, store=Store(store.path))
    assert codes(again) == ["store-damaged"]
    assert str(path) in again.report["warnings"][0]["message"]
    assert again.report["outputs"] == first.report["outputs"]
    assert len(files_in(store.path / "quarantine")) == 1
    assert codes(louder().run({"mix": path}, store=Store(store.path))) == []


def test_a_file_that_changes_during_the_run_is_an_error(
    tmp_path: Path, store: Store, excerpt: Audio
) -> None:
    """Its digest is known from an earlier run; its samples are read after the change."""
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    louder().run({"mix": path}, store=store)
    graph = Graph("changing")
    quiet, sound = graph.input("quiet", Audio), graph.input("mix", Audio)
    graph.output("first", graph.add(replace_file)(quiet, path=str(path)))
    graph.output("second", graph.add(gain)(sound, gain_db=-3.0))
    silence = Audio(np.zeros((2, 100)), 44100)
    with pytest.raises(InputError, match="changed while the graph was running") as caught:
        graph.run({"quiet": silence, "mix": path}, store=store, threads=1)
    assert caught.value.path == path
    good = write_sound(excerpt, tmp_path / "b.wav", "FLOAT")
    again = graph.run({"quiet": silence, "mix": good}, outputs=["second"], store=store)
    assert statuses(again)["gain"] == "ran"


def test_one_file_bound_twice(tmp_path: Path, store: Store, excerpt: Audio) -> None:
    graph = Graph("two")
    one, other = graph.input("one", Audio), graph.input("other", Audio)
    graph.output("out", graph.add(mix)([one, other]))
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    doubled = graph.run({"one": path, "other": path}, store=store)["out"]
    assert isinstance(doubled, Audio)
    np.testing.assert_array_equal(doubled.samples, 2 * excerpt.samples)


def test_inputs_are_told_as_they_are_read(tmp_path: Path, store: Store, excerpt: Audio) -> None:
    events: list[Event] = []
    path = write_sound(excerpt, tmp_path / "a.wav")
    louder().run({"mix": path}, store=store, on_event=events.append)
    assert [event for event in events if isinstance(event, InputRead)] == [
        InputRead("mix", str(path))
    ]


def test_bad_files_leave_no_trace_in_the_store(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"no sound")
    with pytest.raises(InputError):
        louder().run({"mix": path}, store=store)
    assert not store.path.exists()


# -- several files that cannot be read -------------------------------------------------------------


def three() -> Graph:
    """A graph of three inputs."""
    graph = Graph("three")
    sounds = [graph.input(name, Audio) for name in ("mix", "noise", "room")]
    graph.output("out", graph.add(mix)(sounds))
    return graph


@pytest.fixture
def one_of_three(tmp_path: Path, excerpt: Audio) -> dict[str, Path]:
    """A file that is not there, one that can be read and one that is no sound."""
    good = write_sound(excerpt, tmp_path / "good.wav")
    (tmp_path / "text.wav").write_text("no sound")
    return {"mix": tmp_path / "gone.wav", "noise": good, "room": tmp_path / "text.wav"}


@pytest.mark.parametrize("stored", [True, False])
def test_all_files_that_cannot_be_read_are_told_at_once(
    stored: bool, one_of_three: dict[str, Path], store: Store
) -> None:
    kept: Store | Literal[False] = store if stored else False
    events: list[Event] = []
    calls: list[Callable[[], Any]] = [
        lambda: three().run(one_of_three, store=kept, on_event=events.append),
        lambda: three().plan(one_of_three, store=kept),
        lambda: three().run_many([one_of_three], store=kept),
    ]
    for call in calls:
        with pytest.raises((InputsError, BatchError)) as caught:
            call()
        error = caught.value.errors[0] if isinstance(caught.value, BatchError) else caught.value
        assert isinstance(error, InputsError)
        assert isinstance(error, InputError)
        assert list(error.errors) == ["mix", "room"]
        assert error.path == error.errors["mix"].path == one_of_three["mix"]
        assert error.errors["room"].path == one_of_three["room"]
        first, second, third = str(error).splitlines()
        assert first == "2 inputs cannot be read"
        assert second == f"  input 'mix': {one_of_three['mix']}: there is no such file"
        assert third.startswith(f"  input 'room': {one_of_three['room']}: this is no ")
        assert all(line in str(caught.value) for line in (first, second, third))
    told = [event.name for event in events if isinstance(event, InputRead)]
    assert told == (["noise"] if stored else [])


def test_one_file_that_cannot_be_read_is_told_as_itself(
    one_of_three: dict[str, Path], store: Store
) -> None:
    bound = {**one_of_three, "room": one_of_three["noise"]}
    with pytest.raises(InputError) as caught:
        three().run(bound, store=store)
    assert type(caught.value) is InputError
    assert str(caught.value) == f"{bound['mix']}: there is no such file"


def test_a_sweep_tells_all_of_them_before_it_runs(
    one_of_three: dict[str, Path], store: Store, tmp_path: Path
) -> None:
    graph = three()
    with pytest.raises(InputsError, match="2 inputs cannot be read") as caught:
        graph.sweep(one_of_three, {"mix.gains_db": [None]}, tmp_path / "out", store=store)
    assert list(caught.value.errors) == ["mix", "room"]
    assert not (tmp_path / "out").exists()


def test_inputs_that_nobody_needs_are_not_read(one_of_three: dict[str, Path], store: Store) -> None:
    graph = Graph("part")
    sounds = {name: graph.input(name, Audio) for name in one_of_three}
    for name, sound in sounds.items():
        graph.output(f"{name}_louder", graph.add(gain)(sound, gain_db=6.0))
    graph.run(one_of_three, outputs=["noise_louder"], store=store)


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path, store: Store) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for one in (False, store):
        with pytest.raises(InputError, match="a pipe or a device"):
            louder().run({"mix": tmp_path / "pipe.wav"}, store=one)


# -- limits -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven minutes, 8 kHz mono."""
    path = tmp_path_factory.mktemp("long") / "eleven minutes.wav"
    quiet = np.random.default_rng(0).normal(0, 0.01, 11 * 60 * 8000)
    soundfile.write(path, quiet, 8000, "PCM_16")
    return path


def test_over_ten_minutes_is_warned_about_once_each_time(long_path: Path, store: Store) -> None:
    events: list[Event] = []
    for _ in range(2):
        result = louder().run({"mix": long_path}, store=store, on_event=events.append)
        assert codes(result) == ["long-input"]
        assert "is 11.0 minutes long" in result.report["warnings"][0]["message"]
    assert len([event for event in events if isinstance(event, Warned)]) == 2


def test_over_thirty_minutes_is_refused_quickly_unless_the_limit_is_raised(
    tmp_path: Path, store: Store
) -> None:
    path = tmp_path / "half an hour.flac"
    block = np.zeros(60 * 8000)
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
        for _ in range(30):
            file.write(block)
        file.write(block[:1])
    with pytest.raises(InputError, match="longer than 30 minutes; raise the limit with `max_min"):
        louder().run({"mix": path}, store=store)
    assert not store.path.exists()
    result = louder().run({"mix": path}, store=store, max_minutes=31)
    assert codes(result) == ["long-input"]
    with pytest.raises(InputError, match="longer than 30 minutes"):
        louder().run({"mix": path}, store=store)
    assert codes(louder().run({"mix": path}, store=store, max_minutes=31, warn_minutes=31)) == []


def test_what_unpacks_to_too_much_is_refused_also_where_the_store_knows_it(
    tmp_path: Path, store: Store
) -> None:
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros((96_000, 8)), 96_000)
    louder().run({"mix": path}, store=store)
    with pytest.raises(
        InputError, match=r"unpack to 8 channels at 96000 Hz, more than 0.1 minutes"
    ):
        louder().run({"mix": path}, store=store, max_minutes=0.1)


# -- several at once ----------------------------------------------------------------------------


def test_threads_share_a_store(tmp_path: Path, excerpt: Audio) -> None:
    """Each with a store of its own on the same folder: the node runs once."""
    (tmp_path / "told").mkdir()
    graph = Graph("counted")
    out = graph.add(counted_gain)(
        graph.input("mix", Audio), ratio=0.5, folder=str(tmp_path / "told")
    )
    graph.output("out", out)
    results: list[Result] = []

    def work() -> None:
        results.append(graph.run({"mix": excerpt}, store=Store(tmp_path / "store")))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "told" / "count").read_text() == "x"
    assert sorted(result.report["nodes"][0]["status"] for result in results) == [
        "cached",
        "cached",
        "cached",
        "ran",
    ]
    assert len({result.report["outputs"]["out"]["digest"] for result in results}) == 1
