"""Where the items of a picture stand and how its wires run: layered, from left to right.

graphlay (https://aarkue.github.io/graphlay/) puts items into layers and orders each so that few
wires cross (K. Sugiyama, S. Tagawa and M. Toda, 1981). It knows nothing of the order of ports,
and that is free: so each layout tells in which order the ports of each item have the shortest way
to what they are wired to, and is made again with that order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from textwrap import wrap
from typing import Any

from .._node.notes import did_in_words
from .graph_view import Item, Link, Socket, View, status_text

Point = tuple[float, float]

#: Sizes in CSS pixels.
TITLE_SIZE, TEXT_SIZE = 13, 11
PADDING = 9
LINE = 15
TITLE_LINE = 19
_NARROWEST, _WIDEST = 84, 250
_GAP = 16
#: How long the lines are in which a step says what it did.
_LETTERS = 30
_LAYER_GAP = 44
_HEADER = 24

#: A layout is made again with better orders of ports so many times at most.
_ROUNDS = 7

#: Beyond so many items, wires are straight pieces and ports are put in order once; beyond so many
#: more not at all: finding places takes time that grows with the square.
_MANY, _VERY_MANY = 300, 1000


@dataclass(frozen=True)
class Text:
    """A line of text in a box, or two of which the second ends at the right edge.

    Attributes:
        y: its baseline, from the top of the box.
        text: what it says.
        role: ``title``, ``type``, ``param``, ``status`` or ``did``.
        right: what stands at the right.
    """

    y: float
    text: str
    role: str
    right: str = ""


@dataclass(frozen=True)
class Box:
    """An item with its place.

    Attributes:
        item: what it shows; its ports are in the order in which they stand.
        x: left edge.
        y: upper edge.
        width: its width.
        height: its height.
        texts: its lines of text.
        inputs_y: where its inputs are, from its upper edge.
        outputs_y: where its outputs are, from its upper edge.
        column: the number of its layer, from the left.
    """

    item: Item
    x: float
    y: float
    width: float
    height: float
    texts: tuple[Text, ...]
    inputs_y: tuple[float, ...]
    outputs_y: tuple[float, ...]
    column: int = 0


@dataclass(frozen=True)
class Curve:
    """A wire with its way: points from left to right, and whether they are joined by curves."""

    link: Link
    points: tuple[Point, ...]
    smooth: bool
    needed: bool


@dataclass(frozen=True)
class Frame:
    """A frame around items."""

    id: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where everything is, in CSS pixels from the upper left corner.

    Attributes:
        width: of the whole.
        height: of the whole.
        boxes: the items.
        curves: the wires.
        frames: the frames, outer ones first.
        crossings: how often wires cross; 0 where there are too many to count them.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    frames: tuple[Frame, ...]
    crossings: int


def layout(view: View) -> Layout:
    """Find a place for everything in a view."""
    if not view.items:
        return Layout(0.0, 0.0, (), (), (), 0)
    many = len(view.items) > _MANY
    rounds = 1 if len(view.items) > _VERY_MANY else 2 if many else _ROUNDS
    boxes: tuple[Box, ...] = tuple(map(_box, view.items))
    best: Layout | None = None
    unchanged = 0
    for done in range(rounds):
        found = _arranged(boxes, view, smooth=not many)
        # the first is as good as none: its columns have ragged edges
        if done < 2 or best is None or found.crossings < best.crossings:
            best = found
        # one side at a time: ports that face each other would change places for ever
        better = _with_short_ways(found, inputs=bool(done % 2))
        unchanged = unchanged + 1 if better == boxes else 0
        if unchanged == 2:
            break
        boxes = better
    assert best is not None
    return best


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text is at most, in whichever usual font without serifs it is shown.

    The widths are those of DejaVu Sans, which is wider than the others.
    """
    ems = sum(_ems(letter) for letter in text)
    return ems * size * (1.1 if bold else 1.0)


def _ems(letter: str) -> float:
    if letter in "ijlI.,:;'|!()[] f-rt/":
        return 0.42
    if letter in "mwMWQ@%—…":
        return 1.0
    return 0.69 if letter.isupper() or not letter.isascii() else 0.64


# -- boxes ----------------------------------------------------------------------------------------


def shortened(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Return a text, or as much of it as fits, with an ellipsis."""
    while len(text) > 1 and text_width(text, size, bold=bold) > width:
        text = f"{text[:-2].rstrip('…')}…"
    return text


def _box(item: Item) -> Box:
    """Return an item at no place yet, as large as what it says."""
    lines, inputs_y, outputs_y, height = _lines(item)
    wanted = [text_width(item.title, TITLE_SIZE, bold=True)]
    for line in lines[1:]:
        beside = _GAP + text_width(line.right, TEXT_SIZE) if line.right else 0
        wanted.append(text_width(line.text, TEXT_SIZE, bold=line.role == "status") + beside)
    width = min(math.ceil(max(_NARROWEST, *wanted)) + 2 * PADDING, _WIDEST)
    return Box(item, 0, 0, width, height, tuple(_fitting(one, width) for one in lines),
               inputs_y, outputs_y)  # fmt: skip


def _fitting(line: Text, width: float) -> Text:
    room = width - 2 * PADDING
    if line.role == "title":
        return replace(line, text=shortened(line.text, room, TITLE_SIZE, bold=True))
    if not line.right:
        bold = line.role == "status"
        return replace(line, text=shortened(line.text, room, TEXT_SIZE, bold=bold))
    right = shortened(line.right, room - _GAP - text_width(line.text[:20], TEXT_SIZE), TEXT_SIZE)
    left = shortened(line.text, room - _GAP - text_width(right, TEXT_SIZE), TEXT_SIZE)
    return replace(line, text=left, right=right)


def _lines(item: Item) -> tuple[list[Text], tuple[float, ...], tuple[float, ...], float]:
    """Return the texts of an item, where its ports are, and its height."""
    y = float(TITLE_LINE)
    lines = [Text(y, item.title, "title")]
    if item.type != item.title:
        y += LINE
        lines.append(Text(y, item.type, "type"))
    named = [one for one in (*item.inputs, *item.outputs) if _label(one)]
    if named:
        first = y + LINE + 2
        rows = max(len(item.inputs), len(item.outputs))
        for row in range(rows):
            y = first + row * LINE
            left = _label(item.inputs[row]) if row < len(item.inputs) else ""
            right = _label(item.outputs[row]) if row < len(item.outputs) else ""
            if left or right:
                lines.append(Text(y, left, "port", right))
        port_y = first - 4
    else:
        port_y = (y + 8) / 2
    inputs_y = tuple(port_y + row * LINE for row in range(len(item.inputs)))
    outputs_y = tuple(port_y + row * LINE for row in range(len(item.outputs)))
    for name, value in item.params:
        y += LINE
        lines.append(Text(y, name, "param", value))
    if item.standing is not None and item.kind in ("step", "frame"):
        y += LINE + 2
        lines.append(Text(y, status_text(item.standing), "status"))
        for text in wrap(did_in_words(item.standing.did), _LETTERS):
            y += LINE
            lines.append(Text(y, text, "did"))
    return lines, inputs_y, outputs_y, y + 9


def _label(socket: Socket) -> str:
    """Return what stands beside a port: of one inside a folded frame, the step that it is of."""
    name = socket.name.rpartition("/")[2].removesuffix(".out")
    return "" if name == "out" else name


# -- places ---------------------------------------------------------------------------------------


def _arranged(given: Sequence[Box], view: View, *, smooth: bool) -> Layout:
    """Lay boxes out, with their ports in the order in which they are given."""
    import graphlay

    boxes = {box.item.id: box for box in given}
    graph = graphlay.Graph()
    places = {frame: graph.node(f"/{frame}", width=1, height=1) for frame in view.frames}
    for frame, place in places.items():
        outer = frame.rpartition("/")[0]
        if outer:
            graph.nodes[place]["parent"] = places[outer]
    for name, box in boxes.items():
        place = graph.node(name, width=box.width, height=box.height)
        if box.item.frame:
            graph.nodes[place]["parent"] = places[box.item.frame]
    for link in view.links:
        graph.edge(link.source, link.target, **_ends(link, boxes))
    made = graphlay.layout(graph, options=_options(smooth=smooth))
    left, top = (made.bounds["min"][axis] for axis in "xy")
    corners = {
        name: (
            one["center"]["x"] - one["size"]["width"] / 2 - left,
            one["center"]["y"] - one["size"]["height"] / 2 - top,
        )
        for name, one in zip(made.ids, made.nodes, strict=True)
    }
    ranks = {name: one["rank"] for name, one in zip(made.ids, made.nodes, strict=True)}
    placed = {
        name: replace(box, x=corners[name][0], y=corners[name][1], column=ranks[name])
        for name, box in boxes.items()
    }

    def curve(link: Link, way: Any) -> Curve:
        points = tuple((point["x"] - left, point["y"] - top) for point in way["points"])
        needed = boxes[link.target].item.needed and boxes[link.source].item.needed
        return Curve(link, _from_port_to_port(points, link, placed), smooth, needed)

    return Layout(
        width=made.bounds["max"]["x"] - left,
        height=made.bounds["max"]["y"] - top,
        boxes=tuple(placed.values()),
        curves=tuple(map(curve, view.links, made.edges)),
        frames=tuple(
            Frame(frame, *corners[f"/{frame}"], *made.nodes[place]["size"].values())
            for frame, place in places.items()
        ),
        crossings=made.metrics()["crossings"] if smooth else 0,
    )


def _from_port_to_port(
    points: Sequence[Point], link: Link, boxes: Mapping[str, Box]
) -> tuple[Point, ...]:
    """Return a wire that begins and ends at its ports.

    Where there are frames, graphlay takes ports for hints, and leaves a box beside them.
    """
    (_, y), *between, (_, to_y) = points
    source, target = boxes[link.source], boxes[link.target]
    start = (
        source.x + source.width,
        source.y + source.outputs_y[_index(source.item.outputs, link.output)],
    )
    end = (target.x, target.y + target.inputs_y[_index(target.item.inputs, link.input)])
    across = end[0] - start[0]
    if across <= 0:  # back to a frame that it came from
        out, into = (start[0] + _LAYER_GAP / 2, start[1]), (end[0] - _LAYER_GAP / 2, end[1])
        return (start, out, *between, into, end)
    reach = min(_LAYER_GAP, across) / 2 - 1
    beside = not between and across <= 2 * _LAYER_GAP
    if abs(start[1] - y) > 1 and not beside:
        between.insert(0, (start[0] + reach, y))
    if abs(end[1] - to_y) > 1 and not beside:
        between.append((end[0] - reach, to_y))
    return (start, *between, end)


def _ends(link: Link, boxes: Mapping[str, Box]) -> dict[str, Any]:
    """Return where a wire leaves and arrives, as graphlay says it: from -1, above, to 1."""
    source, target = boxes[link.source], boxes[link.target]
    leaves = source.outputs_y[_index(source.item.outputs, link.output)] / source.height
    arrives = target.inputs_y[_index(target.item.inputs, link.input)] / target.height
    return {
        "source_port": {"offset": {"side": "right", "t": 2 * leaves - 1}},
        "target_port": {"offset": {"side": "left", "t": 2 * arrives - 1}},
    }


def _index(sockets: Iterable[Socket], name: str) -> int:
    return [one.name for one in sockets].index(name)


def _options(*, smooth: bool) -> dict[str, Any]:
    return {
        "spacing": {
            "layer_gap": _LAYER_GAP,
            "node_gap": 22,
            "dummy_gap": 18,
            "isolated_gap": 22,
            "compound_padding": 14,
            "compound_header": _HEADER,
        },
        "routing": {"style": "diagonal" if smooth else "orthogonal"},
        "coords": {"branch_style": "symmetric"},
        "effort": "thorough" if smooth else "fast",
    }


def _with_short_ways(layout: Layout, *, inputs: bool) -> tuple[Box, ...]:
    """Return the boxes with inputs, or outputs, in the order of what they are wired to.

    What counts is where a wire is when it is beside its item, in the next layer: so one that goes
    a long way around is ordered by the side on which it leaves. Steps in one layer are as wide as
    the widest, so that wires have the space between two layers for themselves.
    """
    ends: dict[tuple[str, str], list[float]] = {}
    for curve in layout.curves:
        link, points = curve.link, curve.points
        if inputs:
            before = points[-1][0] - _LAYER_GAP + 1
            way = next((y for x, y in reversed(points[:-1]) if x <= before), points[0][1])
            ends.setdefault((link.target, link.input), []).append(way)
        else:
            beyond = points[0][0] + _LAYER_GAP - 1
            way = next((y for x, y in points[1:] if x >= beyond), points[-1][1])
            ends.setdefault((link.source, link.output), []).append(way)

    def in_order(item: Item, sockets: Sequence[Socket]) -> tuple[Socket, ...]:
        wired = [one for one in sockets if (item.id, one.name) in ends]
        wired.sort(key=lambda one: mean(ends[item.id, one.name]))
        return (*wired, *(one for one in sockets if one not in wired))

    widths: dict[int, float] = {}
    for box in layout.boxes:
        if box.item.kind == "step":
            widths[box.column] = max(widths.get(box.column, 0), box.width)

    def again(box: Box) -> Box:
        item = box.item
        if inputs:
            item = replace(item, inputs=in_order(item, item.inputs))
        else:
            item = replace(item, outputs=in_order(item, item.outputs))
        made = _box(item)
        return replace(made, width=widths[box.column]) if item.kind == "step" else made

    return tuple(map(again, layout.boxes))
