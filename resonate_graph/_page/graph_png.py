"""Pictures of graphs as PNG, for where SVG is not shown: the same picture, drawn by matplotlib."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from .graph_layout import PADDING, TEXT_SIZE, TITLE_SIZE, Box, Layout, layout
from .graph_svg import LIGHT, MARGIN, OUTLINES, SORTS, pieces
from .graph_view import Sort, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 96
_HEADING, _LEGEND = 24, 30

#: Line styles by what becomes of a step: colour, width and dashes.
_AROUND: dict[str, tuple[str, float, Any]] = {
    "run": ("run", 2.4, "-"),
    "open": ("run", 2.4, (0, (3, 1.5))),
    "ran": ("done", 1.8, "-"),
    "cached": ("done", 1.8, "-"),
    "skipped": ("line", 1.2, (0, (1.5, 2))),
}


def png(view: View, *, scale: float = 2.0) -> bytes:
    """Return the picture of a view on white.

    Args:
        view: what it shows.
        scale: pixels per CSS pixel.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    laid = layout(view)
    width = max(laid.width, 360) + 2 * MARGIN
    height = laid.height + 2 * MARGIN + _HEADING + _LEGEND
    figure = Figure((width / _DPI, height / _DPI), dpi=_DPI * scale, facecolor=LIGHT["ground"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(-MARGIN, width - MARGIN), ylim=(height - MARGIN - _HEADING, -MARGIN - _HEADING))
    _say(axes, 0, -_HEADING + 9, view.name, 15, "ink", bold=True)
    _frames(axes, laid)
    _wires(axes, laid)
    for box in laid.boxes:
        _box(axes, box)
    _legend(axes, view, laid.height + _LEGEND)
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _frames(axes: Axes, laid: Layout) -> None:
    for frame in laid.frames:
        _rectangle(axes, (frame.x, frame.y, frame.width, frame.height), 8, "frame", "line", 1.0)
        _say(axes, frame.x + 10, frame.y + 16, frame.id.rpartition("/")[2], TEXT_SIZE, "muted",
             bold=True)  # fmt: skip


def _wires(axes: Axes, laid: Layout) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for curve in laid.curves:
        corners, codes = [curve.points[0]], [int(Path.MOVETO)]
        for points in pieces(curve):
            corners += points
            codes += [int(Path.CURVE4 if len(points) == 3 else Path.LINETO)] * len(points)
        axes.add_patch(
            PathPatch(
                Path(corners, codes),
                fill=False,
                edgecolor=LIGHT[curve.link.sort],
                linewidth=_points(1.8 if curve.needed else 1.0),
                linestyle=_dashes(curve.link.sort),
                alpha=1.0 if curve.needed else 0.55,
            )
        )


def _box(axes: Axes, box: Box) -> None:
    item = box.item
    round_ends = item.kind in ("input", "output")
    status = item.standing.status if item.standing is not None else ""
    colour, width, dashes = _AROUND.get(status, ("line", 1.2, "-"))
    radius = box.height / 2 if round_ends else 5
    place = (box.x, box.y, box.width, box.height)
    if item.kind == "frame":
        _rectangle(axes, (box.x + 5, box.y + 5, *place[2:]), radius, "box", colour, width, dashes)
    _rectangle(axes, place, radius, "box", colour, width, dashes)
    if status == "cached":
        inner = (box.x + 3, box.y + 3, box.width - 6, box.height - 6)
        _rectangle(axes, inner, 3, "box", "done", 1.0)
    for line in box.texts:
        size = TITLE_SIZE if line.role == "title" else TEXT_SIZE
        ink = "ink" if line.role in ("title", "did") and status != "skipped" else "muted"
        ink = colour if line.role == "status" and status != "skipped" else ink
        bold = line.role in ("title", "status")
        middle = box.x + box.width / 2
        if round_ends:
            _say(axes, middle, box.y + line.y, line.text, size, ink, bold=bold, align="center")
        else:
            _say(axes, box.x + PADDING, box.y + line.y, line.text, size, ink, bold=bold)
        right = "ink" if line.role == "param" and status != "skipped" else "muted"
        _say(axes, box.x + box.width - PADDING, box.y + line.y, line.right, size, right,
             align="right")  # fmt: skip
    for sockets, ys, x in (
        (item.inputs, box.inputs_y, box.x),
        (item.outputs, box.outputs_y, box.x + box.width),
    ):
        for socket, y in zip(sockets, ys, strict=True):
            _mark(axes, socket.sort, x, box.y + y, filled=socket.wired)


def _legend(axes: Axes, view: View, y: float) -> None:
    x = 0.0
    for sort, (words, _) in SORTS.items():
        if any(link.sort == sort for link in view.links):
            axes.plot([x, x + 28], [y, y], color=LIGHT[sort], lw=_points(1.8), ls=_dashes(sort))
            _mark(axes, sort, x + 14, y, filled=True)
            _say(axes, x + 34, y + 4, words, TEXT_SIZE, "muted")
            x += 34 + 7 * len(words) + 22


def _mark(axes: Axes, sort: Sort, x: float, y: float, *, filled: bool) -> None:
    from matplotlib.patches import Circle, Polygon

    face, edge = LIGHT[sort], LIGHT["ground"]
    patch = axes.add_patch(
        Circle((x, y), 4.5)
        if sort == "audio"
        else Polygon([(x + dx, y + dy) for dx, dy in OUTLINES[sort]])
    )
    patch.set_facecolor(face if filled else edge)
    patch.set_edgecolor(edge if filled else face)
    patch.set_linewidth(_points(1.0 if filled else 1.2))


def _rectangle(
    axes: Axes,
    place: tuple[float, float, float, float],
    radius: float,
    face: str,
    edge: str,
    width: float,
    dashes: Any = "-",
) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, across, down = place
    axes.add_patch(
        FancyBboxPatch(
            (x + radius, y + radius),
            across - 2 * radius,
            down - 2 * radius,
            boxstyle=f"round,pad={radius},rounding_size={radius}",
            facecolor=LIGHT[face],
            edgecolor=LIGHT[edge],
            linewidth=_points(width),
            linestyle=dashes,
        )
    )


def _say(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    ink: str,
    *,
    bold: bool = False,
    align: str = "left",
) -> None:
    if text:
        axes.text(x, y, text, fontsize=_points(size), color=LIGHT[ink], ha=align, va="baseline",
                  fontweight="bold" if bold else "normal", family="DejaVu Sans",
                  parse_math=False)  # fmt: skip


def _dashes(sort: Sort) -> Any:
    lengths = [int(one) / 1.8 for one in SORTS[sort][1].split()]
    return (0, lengths) if lengths else "-"


def _points(pixels: float) -> float:
    """Return CSS pixels, of which an inch has 96, in points, of which it has 72."""
    return pixels * 72 / _DPI
