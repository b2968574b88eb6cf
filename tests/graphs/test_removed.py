"""What was taken out of real recordings: with what came out it is what went in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
import resonate_nodes
from resonate_graph import Audio, Graph, Result, Store
from tests import degradations
from tests.depth import sampled

#: One rounding of float32 of what is as loud as full scale.
ULP = 2.0**-24

REPAIRS = (
    "align_azimuth", "declick", "declip", "decrackle", "deess", "dehum", "denoise", "dereverb",
    "enhance_speech", "remove_dc", "repair_dropouts", "spectral_gate",
)  # fmt: skip
GRAPHS: dict[str, dict[str, Any]] = {
    "instrumental": {"model": "mini"},
    "song-repair": {"model": "mini"},
    "speech": {},
    "speech-enhanced": {},
    "stem-remaster": {"model": "mini"},
    "tape": {},
    "vinyl": {},
    "vocal-repair": {"model": "mini"},
}


@pytest.fixture(scope="module")
def damaged(excerpt: Audio) -> Audio:
    """Two seconds of music with everything wrong with it."""
    sound = excerpt.with_samples(0.2 + excerpt.samples[:, :88_200])
    sound = degradations.with_sibilance(degradations.with_hum(sound, base_hz=50.0))
    sound = degradations.with_hiss(sound, snr_db=20.0)
    sound = degradations.with_dropouts(degradations.with_clicks(sound))
    sound, _ = degradations.clipped(sound, sdr_db=20.0)
    return sound.with_samples(np.stack([sound.samples[0, 2:], sound.samples[1, :-2]]))


def difference(result: Result, name: str) -> Any:
    return result.report["outputs"][name]["removed"]


def adds_up(before: Audio, result: Result, name: str) -> None:
    """See that output / gain + removed is the input, to the rounding of what is that loud."""
    after, removed = result[name], result.removed[name]
    assert isinstance(after, Audio)
    level = after.samples.astype(np.float64) / 10 ** (difference(result, name)["gain_db"] / 20)
    loudest = max(1.0, np.abs(level).max(), np.abs(removed.samples).max())
    assert np.abs(level + removed.samples - before.samples).max() <= 4 * ULP * loudest


@pytest.mark.parametrize("name", REPAIRS)
@sampled(4)
def test_of_a_repair_it_is_all_that_changed(name: str, damaged: Audio) -> None:
    graph = Graph("one")
    sound = graph.input("take", Audio)
    graph.output("repaired", graph.add(getattr(resonate_nodes, name))(sound))
    result = graph.run({"take": damaged}, store=False, removed=True)
    assert result.removed["repaired"].samples.any()
    assert difference(result, "repaired") == {"path": None, "input": "take", "gain_db": 0.0}
    adds_up(damaged, result, "repaired")


def test_of_a_chain_of_repairs_too(damaged: Audio, shared_store: Store) -> None:
    graph = Graph("chain")
    wire = graph.input("take", Audio)
    for name in ("declick", "repair_dropouts", "dehum", "denoise"):
        wire = graph.add(getattr(resonate_nodes, name))(wire)
    graph.output("repaired", wire)
    for _ in range(2):
        result = graph.run({"take": damaged}, store=shared_store, removed=True)
        assert difference(result, "repaired")["gain_db"] == 0
        adds_up(damaged, result, "repaired")
    assert {one["status"] for one in result.report["nodes"]} == {"cached"}


@pytest.mark.parametrize("name", GRAPHS)
@sampled(2)
def test_of_a_stock_graph_it_is_at_the_level_of_the_input(name: str, damaged: Audio) -> None:
    graph = rg.stock(name)
    inputs = dict.fromkeys(graph.document.inputs, damaged)
    if name == "tape":
        inputs["noise"] = degradations.with_hiss(silence(damaged), snr_db=20.0)
    result = graph.run(inputs, params=GRAPHS[name], store=False, removed=True)
    (output,) = result.removed
    assert output in ("restored", "remastered", "speech", "instrumental")
    did = {one["id"]: one["did"] for one in result.report["nodes"]}
    gains = [did[one].get("gain_db", 0) for one in ("evened", "level", "master") if one in did]
    assert difference(result, output)["gain_db"] == pytest.approx(sum(gains))
    adds_up(damaged, result, output)


def silence(like: Audio) -> Audio:
    return like.with_samples(0.01 * like.samples)


def test_beside_clicks_there_is_nothing_in_it_whatever_the_level(excerpt: Audio) -> None:
    softer = excerpt.with_samples(0.5 * excerpt.samples[:, :44_100])
    clicked = degradations.with_clicks(softer)
    result = rg.stock("vinyl").run(
        {"recording": clicked}, params={"rumble.frequency_hz": 1e-3}, store=False, removed=True
    )
    assert difference(result, "restored")["gain_db"] > 3
    removed = result.removed["restored"]
    changed = clicked.samples != resonate_nodes.decrackle(resonate_nodes.declick(clicked)).samples
    assert np.abs(removed.samples[changed]).max() > 0.1
    assert np.abs(removed.samples[~changed]).max() < 2e-3  # what the rumble filter takes
