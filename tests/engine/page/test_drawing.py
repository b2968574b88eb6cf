"""Pictures of graphs: what they show, where it stands, and in which forms they come."""

from __future__ import annotations

import dataclasses
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.image import imread
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

import resonate_graph as rg
from resonate_graph import Audio, Drawing, Graph, ParamError, Store
from resonate_graph._page.drawing import draw
from resonate_graph._page.graph_layout import PADDING, TEXT_SIZE, TITLE_SIZE, Layout, layout
from resonate_graph._page.graph_svg import DARK, LIGHT, svg
from resonate_graph._page.graph_view import Item, Link, Socket, Standing, View
from tests import toy_nodes
from tests.engine.commands import Command
from tests.engine.problems import graph as toy_graph
from tests.own_nodes import noted
from tests.toy_nodes import count, peak, scale, sides, total

SOUND = Audio(np.linspace(-0.5, 0.5, 64, dtype=np.float32).reshape(2, 32), 8000)
SVG = "{http://www.w3.org/2000/svg}"


def two_sides() -> Graph:
    """One sound, its sides at two levels, their sum, and what was measured of it."""
    graph = Graph("two-sides", description="Left & right, <apart>.")
    both = graph.add(sides, "split")(graph.input("mix", Audio))
    left = graph.add(scale, "left")(both.left, factor=0.5)
    right = graph.add(scale, "right")(both.right)
    graph.output("sum", graph.add(total, "sum")([left, right]))
    graph.output("peak.json", graph.add(peak)(left))
    graph.output("frames", graph.add(count)(right))
    return graph


def nested(depth: int | None = None) -> Drawing:
    """A graph whose steps lie in frames, two inside each other."""

    def use(name: str, wire: str) -> dict[str, Any]:
        return {"type": "graph", "graph": name, "inputs": {"x": wire}}

    def defined(nodes: dict[str, Any], out: str) -> dict[str, Any]:
        return {"inputs": {"x": {"type": "audio"}}, "nodes": nodes, "outputs": {"out": out}}

    one, other = ({"type": "scale", "inputs": {"audio": wire}} for wire in ("$x", "a"))
    graphs = {
        "chain": defined({"a": one, "b": other}, "b"),
        "twice": defined({"one": use("chain", "$x"), "other": use("chain", "one")}, "other"),
    }
    nodes = {"repair": use("twice", "$x"), "last": {"type": "scale", "inputs": {"audio": "repair"}}}
    return toy_graph(nodes, {"out": "last"}, graphs=graphs).draw(depth=depth)


def root(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.svg)


def titles(drawing: Drawing, role: str) -> list[str]:
    """What is said of the items, or the wires, of a picture, in the order in which it is read."""
    (group,) = (one for one in root(drawing).iter(f"{SVG}g") if one.get("aria-label") == role)
    return [one.findtext(f"{SVG}title") or "" for one in group.findall(f"{SVG}g")]


def said(drawing: Drawing) -> dict[str, str]:
    """What is said of each item, by its name."""
    return {re.split("[:\n]", one)[0]: one for one in titles(drawing, "items")}


# -- what is shown ---------------------------------------------------------------------------------


def test_each_item_is_said_with_its_ports_and_the_params_that_are_set() -> None:
    shown = said(two_sides().draw())
    assert list(shown) == ["input mix", "split", "left", "right", "sum", "peak", "count",
                           "output sum", "output peak.json", "output frames"]  # fmt: skip
    assert shown["split"].splitlines() == [
        "split: sides", "in: audio (audio)", "out: left (audio), right (audio)"
    ]  # fmt: skip
    assert "factor = 0.5" in shown["left"]
    assert "factor" not in shown["right"]  # its default
    assert "more (audio, not connected)" in shown["sum"]


def test_each_wire_is_said_as_graphs_write_it() -> None:
    assert titles(two_sides().draw(), "wires") == [
        "$mix → split.audio (audio)",
        "split.left → left.audio (audio)",
        "split.right → right.audio (audio)",
        "left → sum.tracks (audio)",
        "right → sum.tracks (audio)",
        "left → peak.audio (audio)",
        "right → count.audio (audio)",
        "sum → output sum (audio)",
        "peak → output peak.json (Peak)",
        "count → output frames (integer)",
    ]


def test_what_wires_carry_is_told_by_shapes_and_dashes_too() -> None:
    made = root(two_sides().draw())
    marks: dict[str, set[str]] = {"audio": set(), "report": set(), "value": set()}
    for one in made.iter():
        kinds = (one.get("class") or "").split()
        if kinds[:1] == ["mark"]:
            marks[kinds[1]].add(one.tag.removeprefix(SVG))
    assert marks == {"audio": {"circle"}, "report": {"polygon"}, "value": {"polygon"}}
    style = made.findtext(f"{SVG}style") or ""
    dashes = dict(re.findall(r"\.wire\.(\w+)\{stroke:[^;}]+(;stroke-dasharray:[^}]+)?\}", style))
    assert len(set(dashes.values())) == len(dashes) == 4


def test_a_plan_says_what_would_run_and_a_result_what_ran(store: Store) -> None:
    graph = two_sides()
    settings: rg.Settings = {"store": store, "threads": 1}
    before = said(graph.draw({"mix": SOUND}, outputs=["sum"], **settings))
    assert "to run" in before["split"]
    assert "may run" in before["sum"]
    assert before["peak"].endswith("not needed")
    result = graph.run({"mix": SOUND}, outputs=["sum"], **settings)
    after = said(graph.draw(result=result))
    assert re.search(r"\nran .* on cpu$", after["split"])
    assert after["peak"].endswith("not needed")
    assert said(graph.draw({"mix": SOUND}, outputs=["sum"], **settings))["sum"].endswith("stored")


def test_what_becomes_of_a_step_is_told_by_the_line_around_it(store: Store) -> None:
    """Thick, thick and dashed, double, medium, dotted: no two are alike, whatever the colours."""
    graph, settings = two_sides(), rg.Settings(store=store, threads=1)
    drawing = graph.draw({"mix": SOUND}, outputs=["sum"], **settings)
    (style,) = (one.text or "" for one in root(drawing).iter(f"{SVG}style"))
    rules = dict(re.findall(r"\.resonate-graph ([^{}]+)\{([^}]*)\}", style.partition("@media")[0]))

    def line(state: str) -> tuple[float, str]:
        found = [text for names, text in rules.items() if f".{state} .body" in names.split(",")
                 or f".resonate-graph .{state} .body" in names.split(",")]  # fmt: skip
        width, dashes = (
            re.search(rf"{name}:([\d. ]+)", ";".join(found))
            for name in ("stroke-width", "stroke-dasharray")
        )
        return float(width[1]) if width else 1.2, dashes[1] if dashes else ""

    assert line("run") == (2.4, "")
    assert line("open")[0] == 2.4
    assert line("ran") == line("cached") == (1.8, "")
    assert len({line(state)[1] for state in ("run", "open", "skipped")}) == 3
    assert "stroke-width:1.2" in rules[".body"]
    # of what is stored it is double
    assert 'class="inner"' not in drawing.svg
    graph.run({"mix": SOUND}, outputs=["sum"], **settings)
    assert 'class="inner"' in graph.draw({"mix": SOUND}, outputs=["sum"], **settings).svg


def test_a_picture_says_what_each_step_did() -> None:
    graph = Graph("noted")
    graph.output("out", graph.add(noted)(graph.input("mix", Audio)))
    drawing = graph.draw(result=graph.run({"mix": SOUND}, store=False))
    did = "3 zeros, gain -6.0 dB, bands 50 and 100 Hz, no quiet"
    assert did in said(drawing)["noted"].replace("\n", " ")
    lines = [
        one.text or "" for one in root(drawing).iter(f"{SVG}text") if one.get("class") == "did"
    ]
    assert " ".join(lines) == did


def test_frames_are_open_or_folded() -> None:
    assert list(said(nested())) == ["input x", "repair/one/a", "repair/one/b", "repair/other/a",
                                    "repair/other/b", "last", "output out"]  # fmt: skip
    assert list(said(nested(1))) == ["input x", "group one", "group other", "last", "output out"]
    assert list(said(nested(0))) == ["input x", "group repair", "last", "output out"]
    assert titles(nested(0), "wires") == [
        "$x → repair.one/a.audio (audio)",
        "repair.other/b.out → last.audio (audio)",
        "last → output out (audio)",
    ]
    assert repr(nested(0)) == repr(nested()) == "<Drawing of g: 5 steps>"


def test_what_becomes_of_a_folded_frame_is_what_is_left_to_do() -> None:
    bound = two_sides().check()
    steps = {f"in/{name}": dataclasses.replace(step, id=f"in/{name}", inputs={})
             for name, step in bound.steps.items()}  # fmt: skip
    framed = dataclasses.replace(bound, steps=steps, outputs={})
    standings = {name: Standing("cached") for name in steps}
    standings["in/left"] = Standing("run", 2.0, "cpu")
    standings["in/sum"] = Standing("run", 1.5, "cpu")
    assert said(draw(framed, standings, depth=0))["group in"].endswith("to run, about 3.5 s on cpu")


# -- where it stands -------------------------------------------------------------------------------


@st.composite
def views(make: st.DrawFn) -> View:
    """Graphs of boxes with several ports, in and out of frames."""
    number = make(st.integers(1, 9))
    frames = [make(st.sampled_from(["", "", "one", "one/inner", "two"])) for _ in range(number)]
    links = []
    for target in range(1, number):
        for _ in range(make(st.integers(0, 3))):
            source = make(st.integers(0, target - 1))
            output, port = make(st.sampled_from("ab")), make(st.sampled_from("xyz"))
            links.append(Link(str(source), output, str(target), port, "audio", "audio"))
    items = [
        Item(
            str(index),
            "step",
            "s" * (index + 1),
            "type",
            tuple(Socket(name, "audio", "audio") for name in "xyz"),
            tuple(Socket(name, "audio", "audio") for name in "ab"),
            frame=frame,
        )
        for index, frame in enumerate(frames)
    ]
    around = {f for one in frames for f in itertools.accumulate(one.split("/"), "{}/{}".format)}
    return View("random", "", tuple(items), tuple(dict.fromkeys(links)),
                tuple(sorted(around - {""}, key=lambda one: one.count("/"))))  # fmt: skip


@settings(max_examples=40)
@given(views())
def test_boxes_keep_apart_and_wires_end_at_their_ports(view: View) -> None:
    laid = layout(view)
    boxes = {box.item.id: box for box in laid.boxes}
    for one, other in itertools.combinations(laid.boxes, 2):
        apart_x = one.x + one.width < other.x + 0.1 or other.x + other.width < one.x + 0.1
        apart_y = one.y + one.height < other.y + 0.1 or other.y + other.height < one.y + 0.1
        assert apart_x or apart_y
    for curve in laid.curves:
        source, target = boxes[curve.link.source], boxes[curve.link.target]
        leaves = [socket.name for socket in source.item.outputs].index(curve.link.output)
        arrives = [socket.name for socket in target.item.inputs].index(curve.link.input)
        start, end = curve.points[0], curve.points[-1]
        assert start == pytest.approx(
            (source.x + source.width, source.y + source.outputs_y[leaves])
        )
        assert end == pytest.approx((target.x, target.y + target.inputs_y[arrives]))
        assert start[0] < end[0] or view.frames
    frames = {frame.id: frame for frame in laid.frames}
    for box in laid.boxes:
        if box.item.frame:
            around = frames[box.item.frame]
            assert around.x < box.x
            assert box.x + box.width < around.x + around.width
            assert around.y < box.y
            assert box.y + box.height < around.y + around.height
    ElementTree.fromstring(svg(view))


def test_the_order_of_ports_is_the_one_in_which_wires_do_not_cross() -> None:
    sockets = tuple(Socket(name, "audio", "audio") for name in ("b", "a"))
    items = [
        Item("from", "step", "from", "t", outputs=sockets),
        Item("to", "step", "to", "t", inputs=tuple(reversed(sockets))),
    ]
    links = [Link("from", name, "to", name, "audio", "audio") for name in "ab"]
    assert layout(View("order", "", tuple(items), tuple(links))).crossings == 0


def texts(laid: Layout) -> Iterator[tuple[str, str, float, float]]:
    for box in laid.boxes:
        for line in box.texts:
            yield line.role, line.text, box.width, 0.0
            if line.right:
                yield line.role, line.right, box.width, width(line.text, line.role)


def width(text: str, role: str) -> float:
    bold = role in ("title", "status")
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    size = TITLE_SIZE if role == "title" else TEXT_SIZE
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width) if text else 0.0


@pytest.mark.parametrize("name", ["iiii_llll", "WWWWMMMM", "a_name_that_is_as_long_as_names_become",
                                  "Ångström_é"])  # fmt: skip
def test_texts_fit_into_their_boxes(name: str) -> None:
    item = Item(name, "step", name, f"{name}_type", (Socket(name, "audio", "audio"),),
                (Socket(name[::-1], "audio", "audio"),), ((name, "123456.5"), ("x", name)),
                Standing("run", 61.0, "cuda:1", {"clicks_removed": 84}))  # fmt: skip
    for role, text, room, beside in texts(layout(View("fit", "", (item,), ()))):
        assert width(text, role) + beside <= room - 2 * PADDING + 1, text


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_are_told_from_their_ground(colours: dict[str, str]) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [
            one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted([luminance(colours[one]), luminance(colours[other])])
        return (high + 0.05) / (low + 0.05)

    for ground in ("ground", "box", "frame"):
        for text in ("ink", "muted", "run", "done"):
            assert contrast(text, ground) >= 4.5, (text, ground)
        for mark in ("line", "audio", "file", "report", "value"):
            assert contrast(mark, ground) >= 3, (mark, ground)


# -- in which forms --------------------------------------------------------------------------------


def test_an_svg_stands_alone_and_says_what_it_is() -> None:
    drawing = two_sides().draw()
    made = root(drawing)
    assert made.get("role") == "graphics-document document"
    assert made.get("aria-label") == (
        "graph two-sides: from mix by 6 steps to sum, peak.json, frames"
    )
    assert made.findtext(f"{SVG}title") == "two-sides"
    assert made.findtext(f"{SVG}desc") == "Left & right, <apart>."
    assert not re.search(r"href|url\(|@import|<image|<script", drawing.svg)
    assert "prefers-color-scheme:dark" in drawing.svg
    named = {one.text for one in made.iter(f"{SVG}text") if one.get("class") == "title"}
    assert {"mix", "split", "left", "right", "sum", "peak", "count"} <= named


def test_the_same_graph_gives_the_same_picture() -> None:
    assert two_sides().draw().svg == two_sides().draw().svg


def test_a_png_is_the_same_picture(tmp_path: Path) -> None:
    drawing = two_sides().draw()
    seen: NDArray[Any] = imread(io.BytesIO(drawing.png(scale=1.0)), format="png")
    height, wide, _ = seen.shape
    made = root(drawing)
    assert (wide, height) == pytest.approx((int(made.get("width") or 0),
                                            int(made.get("height") or 0)), abs=8)  # fmt: skip
    inked = np.any(seen[:, :, :3] < 0.6, axis=2)
    assert 0.005 < inked.mean() < 0.2
    assert not inked[:, :4].any()
    assert drawing.save(tmp_path / "graph.PNG").read_bytes().startswith(b"\x89PNG")


def test_a_page_has_the_picture_and_a_table(store: Store) -> None:
    page = two_sides().draw({"mix": SOUND}, store=store).html
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", page)
    row = cells.index("left")
    assert cells[row : row + 4] == ["left", "scale", "split.left", "factor = 0.5"]
    assert "may run" in cells[row + 4]


def test_text_forms_have_every_item_wire_and_frame() -> None:
    flow = two_sides().draw().mermaid
    assert flow.startswith("flowchart LR\n")
    assert len(re.findall(r"-->|-\.->", flow)) == 10
    assert 'n2["left<br>scale<br>factor = 0.5"]' in flow
    digraph = two_sides().draw().dot
    assert digraph.count(" -> ") == 10
    assert '"left\\nscale\\nfactor = 0.5"' in digraph
    inner = nested().mermaid
    assert len(re.findall("subgraph", inner)) == len(re.findall(r"\bend\b", inner)) == 3
    inside = inner[inner.index("subgraph f0") : inner.rindex("end")]
    assert {f"n{number}[" for number in (1, 2, 3, 4)} <= set(re.findall(r"n\d\[", inside))
    assert "n5[" not in inside
    assert nested().dot.count("{") == nested().dot.count("}") == 4


def test_signs_of_their_languages_are_written_otherwise() -> None:
    graph = Graph("signs")
    graph.output(
        "out", graph.add(toy_nodes.store_as)(graph.input("mix", Audio), suffix='.a"]|\\<b>')
    )
    drawing = graph.draw()
    assert '"store_as<br>suffix = .a#34;#93;#124;#92;#60;b#62;"' in drawing.mermaid
    assert 'suffix = .a\\"]|\\\\<b>"' in drawing.dot
    assert 'suffix = .a"]|\\<b>' in said(drawing)["store_as"]


@pytest.mark.parametrize("suffix", [".svg", ".png", ".html", ".mmd", ".dot"])
def test_draw_writes_what_the_suffix_says(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = two_sides().save(tmp_path / "graph.json")
    path = tmp_path / "out" / f"graph{suffix}"
    said = Command(capsys).document("draw", graph, "--nodes", toy_nodes.MODULE, "-o", path)
    assert said == {"graph": "two-sides", "status": "done", "picture": str(path)}
    begins = {".svg": b"<svg", ".png": b"\x89PNG", ".html": b"<!doctype", ".mmd": b"flowchart",
              ".dot": b"digraph"}  # fmt: skip
    assert path.read_bytes().startswith(begins[suffix])


def test_what_cannot_be_drawn_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = two_sides()
    with pytest.raises(ParamError, match=r"picture.gif: .* \.svg, \.png, .*, not '\.gif'"):
        graph.draw().save(tmp_path / "picture.gif")
    with pytest.raises(ParamError, match="not 'without a suffix'"):
        graph.draw().save(tmp_path / "picture")
    with pytest.raises(ParamError, match="depth is -1"):
        graph.draw(depth=-1)
    with pytest.raises(ParamError, match="did you mean 'depth'"):
        graph.draw(dept=1)  # type: ignore[call-arg]
    path = graph.save(tmp_path / "graph.json")
    ended = Command(capsys)("draw", path, "--nodes", toy_nodes.MODULE, "-o", tmp_path / "x.gif")
    assert ended.code == 2


def test_bound_inputs_on_the_command_line_show_what_would_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = two_sides().save(tmp_path / "graph.json")
    sound = SOUND.save(tmp_path / "mix.wav")
    path = tmp_path / "graph.mmd"
    call: list[Any] = ["draw", graph, "--nodes", toy_nodes.MODULE, "-o", path, "--only", "sum"]
    assert Command(capsys)(*call, "-i", f"mix={sound}").code == 0
    assert "split<br>sides<br>to run" in path.read_text()
    assert "peak<br>not needed" in path.read_text()
