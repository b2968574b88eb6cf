"""What a picture of a graph shows: its items, their ports and params, the wires, the frames.

A step whose id has a path, such as ``repair/vocals/denoise``, stands in frames: ``repair``, and
``repair/vocals`` in it. A frame that is folded is one item, with the wires that cross its edge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .._graph.bound import BoundGraph, InputRef, PortRef, Source, Step
from .._node.notes import Note
from .._node.ports import PortType, scalar_type
from .._node.values import File, Report, brief
from .._sound.audio import Audio

Kind = Literal["input", "step", "frame", "output"]
Sort = Literal["audio", "file", "report", "value"]

#: What is said of a step: what a plan or a report calls it, in the words of a picture.
STATUSES = {
    "run": "to run",
    "open": "may run",
    "ran": "ran",
    "cached": "stored",
    "skipped": "not needed",
}

_LONGEST = 28


@dataclass(frozen=True)
class Standing:
    """What would become of a step, or what became of it.

    Attributes:
        status: ``run``, ``open`` or ``ran``, ``cached``, ``skipped``.
        seconds: how long it takes or took; None where that is not known.
        device: where it would run or ran.
        did: what it noted that it did.
    """

    status: str
    seconds: float | None = None
    device: str | None = None
    did: Mapping[str, Note] = field(default_factory=dict)


@dataclass(frozen=True)
class Socket:
    """A port of an item.

    Attributes:
        name: the port's name.
        type: the word for what travels through it, such as ``audio``.
        sort: what kind of thing that is.
        wired: something is connected to it.
    """

    name: str
    type: str
    sort: Sort
    wired: bool = True


@dataclass(frozen=True)
class Item:
    """One box of a picture: an input or output of the graph, a step, or a folded frame.

    Attributes:
        id: unlike any other's; a step's own id.
        kind: what it stands for.
        title: its name, without the frames that it stands in.
        type: the step's type, or what else it is.
        inputs: the ports on its left.
        outputs: the ports on its right.
        params: the params that differ from their defaults, as texts.
        standing: what becomes of it, where that is known.
        frame: the id of the frame that it stands in; empty for none.
        doc: what it is for.
        members: how many steps are in a folded frame.
    """

    id: str
    kind: Kind
    title: str
    type: str
    inputs: tuple[Socket, ...] = ()
    outputs: tuple[Socket, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    standing: Standing | None = None
    frame: str = ""
    doc: str = ""
    members: int = 1

    @property
    def needed(self) -> bool:
        """Whether anybody wants what it gives; True where that is not known."""
        return self.standing is None or self.standing.status != "skipped"


@dataclass(frozen=True)
class Link:
    """A wire from an output of one item to an input of another."""

    source: str
    output: str
    target: str
    input: str
    type: str
    sort: Sort


@dataclass(frozen=True)
class View:
    """What is shown of a graph.

    Attributes:
        name: the graph's name.
        description: what it is for.
        items: its boxes: inputs, then steps in the order in which they can run, then outputs.
        links: its wires.
        frames: the ids of the open frames, outer ones first.
    """

    name: str
    description: str
    items: tuple[Item, ...]
    links: tuple[Link, ...]
    frames: tuple[str, ...] = ()


def view(
    graph: BoundGraph,
    standings: Mapping[str, Standing] | None = None,
    *,
    description: str = "",
    depth: int | None = None,
) -> View:
    """Return what is shown of a graph.

    Args:
        graph: the graph.
        standings: what becomes of its steps, by id; None where that is not known.
        description: what the graph is for.
        depth: how many frames inside each other are open; None for all.
    """
    links = tuple(_links(graph))
    wired = {(link.source, link.output) for link in links}
    items = [
        *(_input(name, graph) for name in graph.inputs),
        *(_step(step, wired, (standings or {}).get(step.id)) for step in graph.steps.values()),
        *(_output(name, source, graph) for name, source in graph.outputs.items()),
    ]
    whole = View(graph.name, description, tuple(items), links)
    return _framed(whole if depth is None else _folded(whole, depth))


def status_text(standing: Standing) -> str:
    """Say what becomes of a step in a few words: ``ran 1.3 s on cpu``."""
    words = STATUSES.get(standing.status, standing.status)
    if standing.status not in ("run", "open", "ran"):
        return words
    if standing.seconds is not None:
        took = _seconds(standing.seconds)
        about = "about " if took[0].isdigit() else ""
        words += f" {took}" if standing.status == "ran" else f", {about}{took}"
    return f"{words} on {standing.device}" if standing.device is not None else words


def _seconds(seconds: float) -> str:
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


# -- of a bound graph -----------------------------------------------------------------------------


def _input(name: str, graph: BoundGraph) -> Item:
    spec = graph.inputs[name]
    of = scalar_type(spec.type)
    needed = None if name in graph.needed_inputs else Standing("skipped")
    return Item(
        id=f"${name}",
        kind="input",
        title=name,
        type="input",
        outputs=(Socket("", of.name, _sort(of)),),
        standing=needed,
        doc=spec.description or "",
    )


def _output(name: str, source: Source, graph: BoundGraph) -> Item:
    of = _type_of(source, graph)
    return Item(
        id=f"={name}",
        kind="output",
        title=name,
        type="output",
        inputs=(Socket("", of.name, _sort(of)),),
    )


def _step(step: Step, wired: set[tuple[str, str]], standing: Standing | None) -> Item:
    frame, _, title = step.id.rpartition("/")
    return Item(
        id=step.id,
        kind="step",
        title=title,
        type=step.type.id,
        inputs=tuple(
            Socket(port.name, port.type.name, _sort(port.type), bool(step.inputs.get(port.name)))
            for port in step.type.inputs
        ),
        outputs=tuple(
            Socket(port.name, port.type.name, _sort(port.type), (step.id, port.name) in wired)
            for port in step.type.outputs
        ),
        params=tuple(_set_params(step)),
        standing=standing,
        frame=frame,
        doc=step.type.doc.partition("\n")[0],
    )


def _set_params(step: Step) -> Iterator[tuple[str, str]]:
    """Yield the params that somebody had to choose: no default, or another value than it."""
    for name, declared in type(step.params).model_fields.items():
        value = getattr(step.params, name)
        if declared.is_required() or value != declared.get_default(call_default_factory=True):
            yield name, _written(step.plain_params[name])


def _written(value: Any) -> str:
    """Return a param's value as a short text, as ``-p`` takes it."""
    plain = isinstance(value, (str, float))
    return brief(value if plain else json.dumps(value, ensure_ascii=False), _LONGEST)


def _links(graph: BoundGraph) -> Iterator[Link]:
    for step in graph.steps.values():
        for port, wires in step.inputs.items():
            for wire in wires:
                yield _link(wire, step.id, port, graph)
    for name, source in graph.outputs.items():
        yield _link(source, f"={name}", "", graph)


def _link(source: Source, target: str, port: str, graph: BoundGraph) -> Link:
    of = _type_of(source, graph)
    if isinstance(source, InputRef):
        return Link(f"${source.name}", "", target, port, of.name, _sort(of))
    return Link(source.node, source.port, target, port, of.name, _sort(of))


def _type_of(source: Source, graph: BoundGraph) -> PortType:
    if isinstance(source, PortRef):
        port = graph.steps[source.node].type.output(source.port)
        assert port is not None
        return port.type
    return scalar_type(graph.inputs[source.name].type)


def _sort(of: PortType) -> Sort:
    if of.python is Audio:
        return "audio"
    if of.python is File:
        return "file"
    return "report" if issubclass(of.python, Report) else "value"


# -- frames ---------------------------------------------------------------------------------------


def _framed(view: View) -> View:
    """Return a view with the frames that its items stand in."""
    frames = {frame: None for item in view.items for frame in _around(item.frame)}
    return replace(view, frames=tuple(sorted(frames, key=lambda one: one.count("/"))))


def _around(frame: str) -> Iterator[str]:
    """Yield a frame and those around it."""
    while frame:
        yield frame
        frame = frame.rpartition("/")[0]


def _folded(view: View, depth: int) -> View:
    """Return a view in which the frames that lie deeper are items."""
    into = {item.id: _fold_of(item, depth) for item in view.items}
    members: dict[str, list[Item]] = {}
    for item in view.items:
        members.setdefault(into[item.id], []).append(item)

    def end(item: str, port: str) -> tuple[str, str]:
        inside = item.removeprefix(f"{into[item]}/")
        return (item, port) if into[item] == item else (into[item], f"{inside}.{port}")

    links: dict[Link, None] = {}
    for link in view.links:
        source, output = end(link.source, link.output)
        target, port = end(link.target, link.input)
        if source != target:
            links[Link(source, output, target, port, link.type, link.sort)] = None
    items = [
        folded[0] if folded[0].id == name else _frame(name, folded, links)
        for name, folded in members.items()
    ]
    return replace(view, items=tuple(items), links=tuple(links))


def _fold_of(item: Item, depth: int) -> str:
    """Return the folded frame that stands for an item; the item itself where none does."""
    parts = item.id.split("/") if item.kind == "step" else [item.id]
    return "/".join(parts[: depth + 1])


def _frame(name: str, members: list[Item], links: Iterable[Link]) -> Item:
    frame, _, title = name.rpartition("/")
    coming = {link.input: Socket(link.input, link.type, link.sort)
              for link in links if link.target == name}  # fmt: skip
    going = {link.output: Socket(link.output, link.type, link.sort)
             for link in links if link.source == name}  # fmt: skip
    return Item(
        id=name,
        kind="frame",
        title=title,
        type=f"{len(members)} steps",
        inputs=tuple(coming.values()),
        outputs=tuple(going.values()),
        standing=_together([one.standing for one in members if one.standing is not None]),
        frame=frame,
        doc=", ".join(one.title for one in members),
        members=len(members),
    )


def _together(standings: list[Standing]) -> Standing | None:
    """Return what becomes of several steps as of one: what is left to do counts."""
    for status in ("run", "open", "ran", "cached", "skipped"):
        found = [one for one in standings if one.status == status]
        if found:
            known = [one.seconds for one in found if one.seconds is not None]
            devices = list(dict.fromkeys(one.device for one in found if one.device is not None))
            return Standing(status, sum(known) if known else None, ", ".join(devices) or None)
    return None
