"""What a sample rate makes impossible is found before anything runs, and by a full check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Graph, GraphError, Placed, RunError, Store, node, stock
from resonate_nodes import deess, encode_mp3, gain, lowpass, mix, resample


def sound(rate: int) -> Audio:
    return Audio(np.full((1, rate // 10), 0.1), rate)


@node(version=1)
def twice_as_fine(audio: Audio) -> Audio:
    """Give a sound another rate, without saying so."""
    return audio.with_samples(np.repeat(audio.samples, 2, axis=1), 2 * audio.sample_rate)


def refused(graph: Graph, audio: Audio, path: Path) -> str:
    """Return why a graph is refused: by the check of a file, and by a run before it computes."""
    file = audio.save(path / "take.wav")
    graph.check(["take"])
    with pytest.raises(GraphError) as checked:
        graph.check({"take": file})
    started: list[str] = []
    for store in (Store(path / "store"), False):
        with pytest.raises(RunError) as ran:
            graph.run(
                {"take": file}, store=store, on_event=lambda one: started.append(type(one).__name__)
            )
        assert "NodeStarted" not in started
        assert str(ran.value).partition(": ")[2] in str(checked.value)
    (problem,) = checked.value.problems
    assert problem.code == "impossible"
    return f"{problem.pointer} {problem.message}"


def test_a_filter_above_what_a_rate_holds(tmp_path: Path) -> None:
    graph = Graph("filtered")
    quiet = graph.add(gain, "quiet")(graph.input("take", Audio), gain_db=-6.0)
    graph.output("out", graph.add(lowpass, "low")(quiet, frequency_hz=6000.0))
    assert refused(graph, sound(8000), tmp_path).startswith(
        "/nodes/low low: 6000 Hz is not below 4000 Hz, half the sample rate"
    )
    graph.run({"take": sound(16_000)}, store=False)


def test_a_rate_on_the_way_is_followed(tmp_path: Path) -> None:
    graph = Graph("resampled")
    take = graph.input("take", Audio)
    coarse = graph.add(resample, "coarse")(take, sample_rate=8000)
    graph.output("out", graph.add(deess, "low")(graph.add(gain)(coarse), split_hz=4500.0))
    assert "4500 Hz is not below 4000 Hz" in refused(graph, sound(48_000), tmp_path)


def test_an_encoder_that_does_not_have_a_rate(tmp_path: Path) -> None:
    graph = Graph("encoded")
    graph.output("out", graph.add(encode_mp3)(graph.input("take", Audio)))
    assert "MP3 has no 96000 Hz" in refused(graph, sound(96_000), tmp_path)


def test_tracks_of_several_rates(tmp_path: Path) -> None:
    graph = Graph("mixed")
    take = graph.input("take", Audio)
    graph.output("out", graph.add(mix)([take, graph.add(resample)(take, sample_rate=8000)]))
    assert "different rates (8000 Hz, 44100 Hz)" in refused(graph, sound(44_100), tmp_path)


def test_nothing_is_foretold_behind_a_node_that_does_not_say(tmp_path: Path) -> None:
    graph = Graph("own")
    fine = graph.add(twice_as_fine)(graph.input("take", Audio))
    graph.output("out", graph.add(lowpass)(fine, frequency_hz=6000.0))
    graph.check({"take": sound(8000)})
    assert isinstance(graph.run({"take": sound(8000)}, store=False)["out"], Audio)


def test_song_repair_at_8_khz_is_refused_before_it_separates(tmp_path: Path) -> None:
    file = sound(8000).save(tmp_path / "call.wav")
    graph = stock("song-repair")
    with pytest.raises(GraphError, match=r"bass_spill: 6000 Hz is not below 4000 Hz"):
        graph.check({"mix": file}, params={"model": "mini"})
    events: list[str] = []
    with pytest.raises(RunError, match="'bass_spill'"):
        graph.run(
            {"mix": file},
            params={"model": "mini"},
            store=False,
            on_event=lambda one: events.append(type(one).__name__),
        )
    assert "NodeStarted" not in events
    graph.check({"mix": file}, params={"model": "mini", "bass_below_hz": 3000.0})


def _broken_fits(place: Placed) -> None:
    raise KeyError(place.device)


def _broken_rate(params: Mapping[str, Any]) -> int:
    raise KeyError("sample_rate")


@pytest.mark.parametrize("hooks", [{"fits": _broken_fits}, {"rate": _broken_rate}])
def test_a_hook_that_fails_itself_is_told_as_a_fault_of_the_node(
    hooks: dict[str, Any], tmp_path: Path
) -> None:
    @node(version=1, **hooks)
    def confused(audio: Audio) -> Audio:
        return audio

    graph = Graph("confused")
    given = graph.add(confused, "odd")(graph.input("take", Audio))
    graph.output("out", graph.add(lowpass)(given, frequency_hz=100.0))
    assert refused(graph, sound(8000), tmp_path).startswith(
        "/nodes/odd odd: confused failed in a way its author did not foresee (KeyError: "
    )
