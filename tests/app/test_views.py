"""What is zoomed into: waveforms that miss no sample, and the figure that they stand in."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio, Graph
from resonate_graph._app.figure import skeleton
from resonate_graph._app.views import Facts, Scale, make_views, tile, views_in, wave
from resonate_nodes import gain

RATE = 8000


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Audio]:
    """A view of a minute of noise with a click in it, and the sound itself."""
    samples = 0.1 * np.random.default_rng(1).standard_normal((2, 60 * RATE))
    samples[1, 41 * RATE + 7] = -0.9
    sound = Audio(samples, RATE)
    graph = Graph("same")
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=0.0))
    place = tmp_path_factory.mktemp("views")
    result = graph.run({"mix": sound}, store=False)
    result.save(place / "out")
    (name, *_) = make_views(result, place / "views")
    return place / "views" / name, sound


@pytest.mark.parametrize(("start", "stop"), [(0, 60), (20, 50), (40.9, 41.1), (41, 41.002)])
def test_a_click_is_seen_however_wide_the_part_is(
    view: tuple[Path, Audio], start: float, stop: float
) -> None:
    place, sound = view
    part = wave(place, start, stop, 400)
    assert part.low.min() == np.float32(sound.samples.min())
    column = int(np.argmin(part.low))
    at = part.start + column * part.step
    assert abs(at - (41 + 7 / RATE)) <= part.step / 2 + 1 / RATE
    inside = sound.samples[:, int(start * RATE) : int(np.ceil(stop * RATE))]
    assert part.high.max() >= inside.max()
    assert len(part.low) <= 2 * 400


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_wide_tile_and_a_narrow_one_show_the_same_levels(
    view: tuple[Path, Audio], scale: Scale
) -> None:
    place, _ = view
    wide, narrow = (tile(place, *part, 400, scale=scale) for part in ((0, 60), (10, 20)))
    levels = [one.levels[100:180].mean() for one in (wide, narrow)]
    assert abs(levels[0] - levels[1]) < 12  # of 255 for 130 dB: the wide one keeps the loudest
    assert wide.start == 0
    assert wide.stop == pytest.approx(60, abs=0.2)
    assert narrow.start <= 10
    assert narrow.stop >= 20


def test_rows_stand_above_each_other_under_one_axis_of_time(view: tuple[Path, Audio]) -> None:
    (facts, *_) = views_in(view[0].parent).values()
    other = Facts("other", "after", RATE, 30 * RATE, 2, 0.5, "")
    figure = skeleton([facts, other], spectra=True, scale="log", highest_lufs=-20.0)
    layout = figure["layout"]
    domains = [layout[f"yaxis{one}"]["domain"] for one in ("", 2, 3, 4, 5)]
    assert domains[0][1] == 1
    assert domains[-1][0] == pytest.approx(0, abs=1e-9)
    for (low, _), (_, high) in pairwise(domains):
        assert low > high
    assert [layout[f"xaxis{one}"]["matches"] for one in ("", 2, 3, 4)] == ["x5"] * 4
    assert {tuple(layout[f"xaxis{one}"]["range"]) for one in ("", 2, 3, 4, 5)} == {(0, 60.0)}
    assert len(figure["data"]) == 2 + 2 + 2
    plain = skeleton([facts], spectra=False, scale="log", highest_lufs=None)
    assert plain["layout"]["yaxis"]["domain"] == [0, 1]
