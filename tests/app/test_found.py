"""What a run found, and its loudness over time, as the page shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Audio, Graph, Store, inventory, pages, read_audio
from resonate_graph._app.found import found_by
from resonate_graph._app.jobs import Call
from resonate_graph._app.loudness import add_loudness, loudest, loudness
from resonate_graph._app.views import make_views
from resonate_nodes import detect_clicks, gain, json_report, loudness_over_time


def test_places_and_sentences_are_those_of_reports_that_are_no_outputs(
    excerpt: Audio, store: Store, tmp_path: Path
) -> None:
    samples = excerpt.samples[:, : 2 * excerpt.sample_rate].copy()
    samples[:, 20_000:20_004] = 0.9
    take = Audio(samples, excerpt.sample_rate).save(tmp_path / "take.wav")
    graph = Graph("looked-at")
    found = graph.add(detect_clicks, "clicks")(graph.input("mix", Audio))
    graph.output("figures", graph.add(json_report, "figures")([found]))
    graph.run({"mix": take}, store=store)
    told = found_by(graph, Call(graph.name, graph.to_json(), {"mix": str(take)}), {"store": store})
    report = detect_clicks(Audio(samples, excerpt.sample_rate))
    marks: list[list[Any]] = [
        [round(one.start_s, 4), round(one.end_s, 4), one.text] for one in pages.marks_of(report)
    ]
    assert told["marks"] == sorted(marks)
    assert any(abs(start - 20_000 / excerpt.sample_rate) < 0.001 for start, _, _ in marks)
    assert told["said"] == [["clicks", one.text, one.do] for one in report.findings()]


def test_loudness_over_time_is_that_of_the_node_in_parts(
    take: Path, store: Store, tmp_path: Path
) -> None:
    graph = Graph("quieter")
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=-6.0))
    result = graph.run({"mix": take}, store=store, removed=True)
    result.save(tmp_path / "out")
    made = make_views(result, tmp_path / "views")
    add_loudness(tmp_path / "views", {"store": store})
    kept = [one for one in inventory(store) if one.type == "loudness_over_time"]
    assert len(kept) == 3
    assert all(one.own for one in kept)  # and so it is not listed among results
    before, after = (tmp_path / "views" / name for name in made[:2])
    whole = loudness_over_time(read_audio(take))
    known = [one for one in whole.momentary_lufs if one is not None]
    assert loudest(before) == pytest.approx(max(known), abs=0.01)
    assert loudest(after) == pytest.approx(max(known) - 6, abs=0.02)
    part = loudness(before, 0.0, 1.0, 1000)
    assert part["what"] == "momentary (0.4 s)"
    assert part["lufs"] == pytest.approx(list(whole.momentary_lufs), abs=0.01)
    assert part["seconds"][0] == pytest.approx(whole.momentary_start_seconds)
    assert len(loudness(before, 0.0, 1.0, 3)["lufs"]) <= 3
    assert loudness(tmp_path, 0.0, 1.0, 3) == {"what": "", "seconds": [], "lufs": []}
