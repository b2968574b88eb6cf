"""Pictures of graphs as text for other programs: Mermaid and DOT."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .._node.notes import did_in_words
from .graph_svg import SORTS
from .graph_view import Item, View, status_text


def mermaid(view: View) -> str:
    """Return a flowchart in the language of Mermaid (https://mermaid.js.org)."""
    names = _numbered(view)

    def box(item: Item) -> str:
        text = "<br>".join(_escaped(one) for one in _words(item))
        left, right = ("([", "])") if item.kind in ("input", "output") else ("[", "]")
        return f'{names[item.id]}{left}"{text}"{right}'

    def opened(frame: str, title: str) -> list[str]:
        return [f'subgraph {names[f"/{frame}"]}["{_escaped(title)}"]']

    lines = ["flowchart LR", *_nested(view, box, opened, "end")]
    for link in view.links:
        label = f'|"{_escaped(text)}"|' if (text := _ports(link.output, link.input)) else ""
        arrow = "-->" if link.sort == "audio" else "-.->"
        lines.append(f"  {names[link.source]} {arrow}{label} {names[link.target]}")
    return "\n".join(lines) + "\n"


def dot(view: View) -> str:
    """Return a digraph in the language of Graphviz (https://graphviz.org/doc/info/lang.html)."""
    names = _numbered(view)

    def box(item: Item) -> str:
        shape = ", shape=oval" if item.kind in ("input", "output") else ""
        label = _quoted("\n".join(_words(item)))
        return f"{names[item.id]} [label={label}{shape}];"

    def opened(frame: str, title: str) -> list[str]:
        return [f"subgraph {_quoted(f'cluster_{frame}')} {{", f"  label={_quoted(title)};"]

    lines = [
        f"digraph {_quoted(view.name)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];',
        '  edge [fontname="sans-serif", fontsize=9, arrowsize=0.6];',
        *_nested(view, box, opened, "}"),
    ]
    for link in view.links:
        styles = [f"style={'dashed' if SORTS[link.sort][1] else 'solid'}"]
        if text := _ports(link.output, link.input):
            styles.insert(0, f"label={_quoted(text)}")
        lines.append(f"  {names[link.source]} -> {names[link.target]} [{', '.join(styles)}];")
    return "\n".join([*lines, "}"]) + "\n"


def _numbered(view: View) -> dict[str, str]:
    """Return what items and frames are called where ids have to be plain words."""
    names = {item.id: f"n{number}" for number, item in enumerate(view.items)}
    return names | {f"/{frame}": f"f{number}" for number, frame in enumerate(view.frames)}


def _nested(
    view: View,
    box: Callable[[Item], str],
    opened: Callable[[str, str], list[str]],
    end: str,
    frame: str = "",
    depth: int = 1,
) -> Iterator[str]:
    """Yield a line for each item, with lines that open and end frames around those inside."""
    indent = "  " * depth
    yield from (indent + box(item) for item in view.items if item.frame == frame)
    for inner in view.frames:
        outer, _, title = inner.rpartition("/")
        if outer == frame:
            yield from (indent + line for line in opened(inner, title))
            yield from _nested(view, box, opened, end, inner, depth + 1)
            yield indent + end


def _words(item: Item) -> list[str]:
    """Return the lines of text in a box."""
    lines = [item.title] + ([item.type] if item.type != item.title else [])
    lines += [f"{name} = {value}" for name, value in item.params]
    if item.standing is not None and item.kind in ("step", "frame"):
        lines.append(status_text(item.standing))
        lines += filter(None, [did_in_words(item.standing.did)])
    return lines


def _ports(output: str, port: str) -> str:
    """Name the ports at the ends of a wire, where there is something to tell apart."""
    output = "" if output == "out" else output
    return f"{output} → {port}" if output and port else output or port


def _escaped(text: str) -> str:
    """Return a text with the signs that Mermaid reads as its own written by their numbers."""
    return "".join(f"#{ord(one)};" if one in '"#;<>&`[]{}()|\\' else one for one in text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
