"""Pictures of graphs as SVG: self-contained, text as text, for light and dark, read out in order.

What is told by a colour is told by a shape and a word, too: the kind of thing that a wire carries
by the mark at its ends and by its dashes, what becomes of a step by the line around it.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .._node.notes import did_in_words
from .graph_layout import PADDING, TEXT_SIZE, TITLE_SIZE, Box, Curve, Layout, Point, Text, layout
from .graph_view import Item, Link, Sort, Standing, View, status_text

MARGIN = 16
_LEGEND_HEIGHT = 30

#: What a wire of each kind carries, in words, and the dashes it is drawn with.
SORTS: dict[Sort, tuple[str, str]] = {
    "audio": ("audio", ""),
    "file": ("file", "9 3"),
    "report": ("report", "2 3"),
    "value": ("number or text", "6 3 2 3"),
}

#: Colours by what they are for, on light ground and on dark. Against the ground, texts have a
#: contrast of 4.5 at least, marks and lines one of 3 (WCAG 2.2, 1.4.3 and 1.4.11).
LIGHT = {
    "ground": "#ffffff", "box": "#f4f6f8", "ink": "#1b1f24", "muted": "#57606a", "line": "#818b98",
    "frame": "#eef1f4", "audio": "#0a5fc2", "file": "#8250df", "report": "#9a6700",
    "value": "#177332", "run": "#b04600", "done": "#177332",
}  # fmt: skip
DARK = {
    "ground": "#161616", "box": "#24292f", "ink": "#e8e8e8", "muted": "#a8b0b8", "line": "#7d8590",
    "frame": "#1e2227", "audio": "#58a6ff", "file": "#bc8cff", "report": "#d29922",
    "value": "#56d364", "run": "#f0883e", "done": "#56d364",
}  # fmt: skip


def svg(view: View, *, heading: bool = True) -> str:
    """Return the picture of a view.

    Args:
        view: what it shows.
        heading: whether the name of the graph stands above it.
    """
    laid = layout(view)
    return "\n".join(_lines(view, laid, heading)) + "\n"


def _lines(view: View, laid: Layout, heading: bool) -> Iterator[str]:
    top = MARGIN + (24 if heading else 0)
    width = round(max(laid.width, 360) + 2 * MARGIN)
    height = round(top + laid.height + _LEGEND_HEIGHT + MARGIN)
    name = html.escape(view.name)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="resonate-graph" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="graphics-document document" '
        f'aria-roledescription="graph" aria-label="{html.escape(_spoken(view), quote=True)}">'
    )
    yield f"<title>{name}</title>"
    if view.description:
        yield f"<desc>{html.escape(view.description)}</desc>"
    yield f"<style>{_style()}</style>"
    yield f'<rect class="ground" width="{width}" height="{height}" rx="8"/>'
    if heading:
        yield f'<text class="heading" x="{MARGIN}" y="{MARGIN + 9}">{name}</text>'
    yield f'<g transform="translate({MARGIN} {top})">'
    yield from _frames(laid)
    yield from _wires(laid)
    yield '<g role="list" aria-label="items">'
    for box in laid.boxes:
        yield from _box(box)
    yield "</g>\n</g>"
    yield from _legend(view, top + laid.height + _LEGEND_HEIGHT)
    yield "</svg>"


def _spoken(view: View) -> str:
    steps = sum(item.members for item in view.items if item.kind in ("step", "frame"))
    ends = {kind: [item.title for item in view.items if item.kind == kind]
            for kind in ("input", "output")}  # fmt: skip
    return (
        f"graph {view.name}: from {', '.join(ends['input']) or 'nothing'} by {steps} "
        f"{'step' if steps == 1 else 'steps'} to {', '.join(ends['output']) or 'nothing'}"
    )


def _style() -> str:
    return f"{_rules(LIGHT)}@media (prefers-color-scheme:dark){{{_rules(DARK)}}}"


def _rules(colours: dict[str, str]) -> str:
    """Return the rules that colour a picture, and no other on the page."""
    c = colours
    rules = {
        "": f"font:{TEXT_SIZE}px system-ui,'DejaVu Sans',sans-serif;max-width:none",
        ".ground": f"fill:{c['ground']};stroke:none",
        "text": f"fill:{c['ink']};stroke:none",
        ".heading": "font-size:15px;font-weight:600",
        ".title": f"font-size:{TITLE_SIZE}px;font-weight:600",
        ".type,.port,.param": f"fill:{c['muted']}",
        ".body": f"fill:{c['box']};stroke:{c['line']};stroke-width:1.2",
        ".run .body,.open .body": f"stroke:{c['run']};stroke-width:2.4",
        ".run .status,.open .status": f"fill:{c['run']};font-weight:600",
        ".ran .body,.cached .body": f"stroke:{c['done']};stroke-width:1.8",
        ".ran .status,.cached .status": f"fill:{c['done']};font-weight:600",
        ".inner": f"fill:none;stroke:{c['done']};stroke-width:1",
        ".open .body": "stroke-dasharray:7 3",
        ".skipped .body": "stroke-dasharray:2 3",
        ".skipped text": f"fill:{c['muted']}",
        ".frame": f"fill:{c['frame']};stroke:{c['line']};stroke-width:1;stroke-dasharray:none",
        ".frame-name": f"fill:{c['muted']};font-weight:600",
        ".wire": "fill:none;stroke-width:1.8",
        ".spare": "stroke-width:1;opacity:.55",
        ".mark": f"stroke:{c['ground']};stroke-width:1",
        ".free": f"fill:{c['ground']};stroke-width:1.2",
    }
    for sort, (_, dashes) in SORTS.items():
        rules[f".wire.{sort}"] = f"stroke:{c[sort]}" + (
            f";stroke-dasharray:{dashes}" if dashes else ""
        )
        rules[f".mark.{sort}"] = f"fill:{c[sort]}"
        rules[f".mark.free.{sort}"] = f"fill:{c['ground']};stroke:{c[sort]}"
    return "".join(
        ",".join(f".resonate-graph {one}".rstrip() for one in selector.split(",")) + f"{{{rule}}}"
        for selector, rule in rules.items()
    )


# -- frames and wires -----------------------------------------------------------------------------


def _frames(laid: Layout) -> Iterator[str]:
    for frame in laid.frames:
        name = html.escape(frame.id.rpartition("/")[2])
        yield (
            f'<g><title>{html.escape(frame.id)}</title><rect class="frame" x="{_n(frame.x)}" '
            f'y="{_n(frame.y)}" width="{_n(frame.width)}" height="{_n(frame.height)}" rx="8"/>'
            f'<text class="frame-name" x="{_n(frame.x + 10)}" y="{_n(frame.y + 16)}">{name}</text>'
            "</g>"
        )


def _wires(laid: Layout) -> Iterator[str]:
    yield '<g role="list" aria-label="wires">'
    for curve in laid.curves:
        link = curve.link
        spare = "" if curve.needed else " spare"
        yield (
            f'<g role="listitem"><title>{html.escape(_way(link))}</title>'
            f'<path class="wire {link.sort}{spare}" d="{path(curve)}"/></g>'
        )
    yield "</g>"


def _way(link: Link) -> str:
    """Say where a wire goes as graphs write it: ``split.vocals → gate.audio (audio)``."""
    source = link.source if link.output in ("", "out") else f"{link.source}.{link.output}"
    target = f"{link.target}.{link.input}" if link.input else f"output {link.target[1:]}"
    return f"{source} → {target} ({link.type})"


def path(curve: Curve) -> str:
    """Return a wire as the data of an SVG path."""
    start, *_ = curve.points
    drawn = [f"M{_n(start[0])} {_n(start[1])}"]
    for points in pieces(curve):
        drawn.append(("C" if len(points) == 3 else "L") + " ".join(
            f"{_n(x)} {_n(y)}" for x, y in points))  # fmt: skip
    return "".join(drawn)


def pieces(curve: Curve) -> Iterator[tuple[Point, ...]]:
    """Yield the pieces of a wire after its start: the end of a line, or three points of a Bézier.

    A curve goes through its points without overshooting, level at both ends (M. Steffen, 1990).
    """
    points = curve.points
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    if not curve.smooth or any(dx <= 0 for dx, _ in steps):
        yield from ((point,) for point in points[1:])
        return
    slopes = [0.0, *_slopes(steps), 0.0]
    for index, (dx, _) in enumerate(steps):
        (x, y), (to_x, to_y) = points[index], points[index + 1]
        # level ends far apart bend too little with a third, as a cubic through points has it
        reach = dx / 2 if len(steps) == 1 else dx / 3
        yield (
            (x + reach, y + slopes[index] * reach),
            (to_x - reach, to_y - slopes[index + 1] * reach),
            (to_x, to_y),
        )


def _slopes(steps: Sequence[tuple[float, float]]) -> Iterator[float]:
    for (dx, dy), (next_dx, next_dy) in pairwise(steps):
        one, other = dy / dx, next_dy / next_dx
        if one * other <= 0:
            yield 0.0
            continue
        along = (one * next_dx + other * dx) / (dx + next_dx)
        sign = 1 if one > 0 else -1
        yield sign * min(2 * abs(one), 2 * abs(other), abs(along))


# -- boxes ----------------------------------------------------------------------------------------


def _box(box: Box) -> Iterator[str]:
    item = box.item
    status = f" {item.standing.status}" if item.standing is not None else ""
    yield (
        f'<g role="listitem" class="item {item.kind}{status}" '
        f'transform="translate({_n(box.x)} {_n(box.y)})">'
        f"<title>{html.escape(tooltip(item))}</title>"
    )
    radius = _n(box.height / 2) if item.kind in ("input", "output") else 5
    size = f'width="{_n(box.width)}" height="{_n(box.height)}" rx="{radius}"'
    if item.kind == "frame":
        yield f'<rect class="body" x="5" y="5" {size}/>'
    yield f'<rect class="body" {size}/>'
    if item.standing is not None and item.standing.status == "cached":
        yield (
            f'<rect class="inner" x="3" y="3" width="{_n(box.width - 6)}" '
            f'height="{_n(box.height - 6)}" rx="3"/>'
        )
    for line in box.texts:
        yield from _text(line, box)
    for sockets, ys, x in (
        (item.inputs, box.inputs_y, 0.0),
        (item.outputs, box.outputs_y, box.width),
    ):
        for socket, y in zip(sockets, ys, strict=True):
            free = "" if socket.wired else " free"
            yield mark(socket.sort, x, y, f"mark {socket.sort}{free}")
    yield "</g>"


def _text(line: Text, box: Box) -> Iterator[str]:
    if line.text and box.item.kind in ("input", "output"):
        yield (
            f'<text class="{line.role}" x="{_n(box.width / 2)}" y="{_n(line.y)}" '
            f'text-anchor="middle">{html.escape(line.text)}</text>'
        )
    elif line.text:
        text = html.escape(line.text)
        yield f'<text class="{line.role}" x="{PADDING}" y="{_n(line.y)}">{text}</text>'
    if line.right:
        role = "value" if line.role == "param" else line.role
        yield (
            f'<text class="{role}" x="{_n(box.width - PADDING)}" y="{_n(line.y)}" '
            f'text-anchor="end">{html.escape(line.right)}</text>'
        )


def mark(sort: Sort, x: float, y: float, role: str) -> str:
    """Return the mark of a port: its shape says what travels through it."""
    if sort == "audio":
        return f'<circle class="{role}" cx="{_n(x)}" cy="{_n(y)}" r="4.5"/>'
    corners = " ".join(f"{_n(x + dx)},{_n(y + dy)}" for dx, dy in OUTLINES[sort])
    return f'<polygon class="{role}" points="{corners}"/>'


#: The marks that are no circles, by their corners.
OUTLINES: dict[Sort, tuple[Point, ...]] = {
    "file": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
    "report": ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
    "value": ((-4, -5), (5, 0), (-4, 5)),
}


def tooltip(item: Item) -> str:
    """Say all that is known of an item."""
    kind = {"input": "input", "output": "output", "frame": "group"}.get(item.kind)
    lines = [f"{kind} {item.title}" if kind else f"{item.id}: {item.type}"]
    lines += [item.doc] if item.doc else []
    if item.kind == "input":
        lines += [one.type for one in item.outputs]
    for word, sockets in (("in", item.inputs), ("out", item.outputs)):
        named = [f"{one.name} ({one.type}{'' if one.wired else ', not connected'})"
                 for one in sockets if one.name]  # fmt: skip
        lines += [f"{word}: {', '.join(named)}"] if named else []
    lines += [f"{name} = {value}" for name, value in item.params]
    lines += _what_became(item.standing)
    return "\n".join(lines)


def _what_became(standing: Standing | None) -> list[str]:
    if standing is None:
        return []
    return [status_text(standing), *filter(None, [did_in_words(standing.did)])]


# -- legend ---------------------------------------------------------------------------------------


def _legend(view: View, y: float) -> Iterator[str]:
    sorts = [sort for sort in SORTS if any(link.sort == sort for link in view.links)]
    x = float(MARGIN)
    yield '<g aria-hidden="true">'
    for sort in sorts:
        yield f'<path class="wire {sort}" d="M{_n(x)} {_n(y)}h28"/>'
        yield mark(sort, x + 14, y, f"mark {sort}")
        yield f'<text class="type" x="{_n(x + 34)}" y="{_n(y + 4)}">{SORTS[sort][0]}</text>'
        x += 34 + 7 * len(SORTS[sort][0]) + 22
    yield "</g>"


def _n(number: float) -> str:
    """Return a number of pixels, to a tenth."""
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
