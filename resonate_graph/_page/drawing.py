"""`Drawing`: the picture of a graph, as SVG, PNG, HTML, Mermaid or DOT.

What draws is imported when something is drawn, so that importing the library stays fast.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._base.errors import ParamError
from .._base.publish import publish
from .._graph.bound import BoundGraph
from .._run.forecast import Forecast

if TYPE_CHECKING:
    from .graph_view import Standing, View


class Drawing:
    """The picture of a graph; in a notebook it shows itself.

    Steps stand in layers from left to right, with their ports, the params that differ from their
    defaults and, where that was asked, what becomes of them. The marks at the ports say what the
    wires carry: a circle audio, a square a file, a diamond a report, a triangle a number or text.

    Example:
        >>> import resonate_graph as rg
        >>> drawing = rg.stock("vinyl").draw()
        >>> drawing
        <Drawing of vinyl: 4 steps>
        >>> drawing.svg.startswith("<svg"), drawing.mermaid.splitlines()[0]
        (True, 'flowchart LR')
    """

    def __init__(self, view: View) -> None:
        self._view = view

    @cached_property
    def svg(self) -> str:
        """The picture as an SVG document: it needs no other file, and follows light and dark."""
        from .graph_svg import svg

        return svg(self._view)

    @cached_property
    def html(self) -> str:
        """A page with the picture and a table of the steps; it needs no other file."""
        from .graph_page import page

        return page(self._view)

    @cached_property
    def fragment(self) -> str:
        """The picture as a part of a page, which does not grow wider by it."""
        from .graph_page import fragment

        return fragment(self._view)

    @cached_property
    def mermaid(self) -> str:
        """The graph as a flowchart of Mermaid."""
        from .graph_text import mermaid

        return mermaid(self._view)

    @cached_property
    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        from .graph_text import dot

        return dot(self._view)

    def png(self, *, scale: float = 2.0) -> bytes:
        """Return the picture as a PNG file, on white.

        Args:
            scale: pixels per CSS pixel.
        """
        from .graph_png import png

        return png(self._view, scale=scale)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the suffix says how: .svg, .png, .html, .mmd or .dot.

        Raises:
            ParamError: it is another suffix.
            OutputError: the file cannot be written.
        """
        path = Path(path)
        write = _WRITERS.get(path.suffix.lower())
        if write is None:
            raise ParamError(
                f"{path}: a picture of a graph is written as {', '.join(_WRITERS)}, "
                f"not {path.suffix or 'without a suffix'!r}",
                param="path",
            )
        content = write(self)
        return publish(path, lambda file: file.write(content))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.fragment, "image/svg+xml": self.svg}

    def __repr__(self) -> str:
        steps = sum(item.members for item in self._view.items if item.kind in ("step", "frame"))
        return f"<Drawing of {self._view.name}: {steps} {'step' if steps == 1 else 'steps'}>"


_WRITERS: Mapping[str, Callable[[Drawing], bytes]] = {
    ".svg": lambda drawing: drawing.svg.encode(),
    ".png": lambda drawing: drawing.png(),
    ".html": lambda drawing: drawing.html.encode(),
    ".mmd": lambda drawing: drawing.mermaid.encode(),
    ".dot": lambda drawing: drawing.dot.encode(),
}


def draw(
    graph: BoundGraph,
    standings: Mapping[str, Standing] | None = None,
    *,
    description: str = "",
    depth: int | None = None,
) -> Drawing:
    """Draw a bound graph.

    Args:
        graph: the graph.
        standings: what becomes of its steps, by id; None where that is not known.
        description: what the graph is for.
        depth: how many frames inside each other are open; None for all.

    Raises:
        ParamError: the depth is below 0.
    """
    if depth is not None and depth < 0:
        raise ParamError(f"depth is {depth}: 0 folds every frame, None opens all", param="depth")
    from .graph_view import view

    return Drawing(view(graph, standings, description=description, depth=depth))


def forecast_standings(forecast: Forecast) -> dict[str, Standing]:
    """Return what a forecast says of each step."""
    from .graph_view import Standing

    return {step.id: Standing(step.status, step.seconds, step.lane) for step in forecast}


def report_standings(nodes: Iterable[Mapping[str, Any]]) -> dict[str, Standing]:
    """Return what the report of a run says of each step, under ``nodes``."""
    from .graph_view import Standing

    return {
        node["id"]: Standing(node["status"], node["seconds"], node["device"], node.get("did") or {})
        for node in nodes
    }
