"""The pictures of docs/pictures.md are those of the stock graphs, and wires go around boxes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from resonate_graph import stock, stock_graphs
from resonate_graph._page.graph_layout import Box, Curve, Point, layout
from resonate_graph._page.graph_svg import pieces
from resonate_graph._page.graph_view import view
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs" / "graphs"

#: How often wires cross, where they have to: wires of two ports that both go to the same places.
CROSSINGS = {"inspect": 16, "song-repair": 5, "stem-remaster": 6}


@pytest.mark.parametrize("name", stock_graphs())
def test_a_picture_is_up_to_date(name: str) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert kept == stock(name).draw().svg, "make it again: python docs/draw_graphs.py"


def test_every_stock_graph_has_a_picture_and_no_other_is_there() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(stock_graphs())
    page = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    assert re.findall(r"\(graphs/(.+)\.svg\)", page) == re.findall(r"### (.+)", page)
    assert set(re.findall(r"### (.+)", page)) == set(stock_graphs())


def along(curve: Curve) -> list[Point]:
    """Points on a wire, close together."""
    found: list[Point] = []
    start = curve.points[0]
    for piece in pieces(curve):
        corners = np.array([start, *piece] if len(piece) == 3 else [start, start, *piece, *piece])
        t = np.linspace(0, 1, 60)[:, None]
        weights = np.hstack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3])
        found += [(float(x), float(y)) for x, y in weights @ corners]
        start = piece[-1]
    return found


def within(point: Point, box: Box) -> bool:
    x, y = point
    return box.x + 1 < x < box.x + box.width - 1 and box.y + 1 < y < box.y + box.height - 1


@pytest.mark.parametrize("name", stock_graphs())
def test_wires_go_around_boxes_and_cross_no_more_than_they_must(name: str) -> None:
    laid = layout(view(stock(name).check()))
    for curve in laid.curves:
        for box in laid.boxes:
            assert not any(within(point, box) for point in along(curve)), (curve.link, box.item.id)
    assert laid.crossings <= CROSSINGS.get(name, 0)
