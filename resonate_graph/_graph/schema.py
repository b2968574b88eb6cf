"""The JSON Schema of graph files, for editors: with every node type there is.

JSON Schema 2020-12. What it refuses, `check` refuses too. It cannot follow wires: whether a node
that is named is there, whether types fit and whether nodes feed each other in a circle is for
`check` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._base.docstrings import entries, sections, summary
from .._base.units import unit_of
from .._machine.devices import DEVICE_PATTERN
from .._node.catalog import Catalog
from .._node.declaration import NodeType
from .._node.ports import Port
from .document import FORMAT, PATTERNS
from .library import USE

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = {"$ref": "#/$defs/param-reference"}
_WIRE = {"$ref": "#/$defs/wire"}
_SCALARS = ("number", "integer", "string", "boolean")
_TEXT = {"type": ["string", "null"]}
_UI = {"description": "Whatever an editor wants to remember; it changes nothing."}


def schema(catalog: Catalog) -> dict[str, Any]:
    """Return the JSON Schema of graph files that may use the nodes of a catalog."""
    nodes: dict[str, Any] = {}
    for one in catalog:
        name = f"node-{one.id}".replace("/", ".")
        nodes[name] = _node(one)
        if one.version is not None:
            nodes[f"{name}@{one.version}"] = _pinned(nodes[name], name, f"{one.id}@{one.version}")
    nodes["node-graph"] = _use()
    shared = _shared([{"$ref": f"#/$defs/{name}"} for name in nodes])
    body = shared["definition"]["properties"]
    return {
        "$schema": _DIALECT,
        "title": "Restoration graph",
        "description": "A graph of resonate_graph: inputs, params, nodes and outputs.",
        "type": "object",
        "properties": {
            "$schema": {"type": "string", "description": "For the editor; it changes nothing."},
            "format": {"const": FORMAT, "description": "The format of this file."},
            "name": {"$ref": "#/$defs/name", "description": "The graph's name."},
            **body,
        },
        "required": ["format", "name", "nodes", "outputs"],
        "additionalProperties": False,
        "defaultSnippets": [_snippet_of_graph()],
        "$defs": {**shared, **nodes},
    }


# -- what every graph has --------------------------------------------------------------------------


def _shared(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    name, output, wire = (PATTERNS[one] for one in ("name", "output", "wire"))
    return {
        "name": {"type": "string", "pattern": name, "maxLength": 100},
        "wire": {
            "type": "string",
            "pattern": wire,
            "description": "node, node.port, or $input of the graph.",
        },
        "param-reference": _object(
            {"$param": {"type": "string", "description": "The name of a param of this graph."}},
            required=["$param"],
            description="The value of a param of this graph.",
            defaultSnippets=[{"label": '{"$param": ...}', "body": {"$param": "$1"}}],
        ),
        "input": _object(
            {
                "type": {"enum": ["audio", *_SCALARS]},
                "description": _TEXT,
                "ui": _UI,
            },
            required=["type"],
            description="An input: a file or a value is bound to it when the graph runs.",
        ),
        "param": {
            "anyOf": [_param(one) for one in _SCALARS],
            "description": "A param: a setting that a caller may change by name.",
        },
        "definition": _object(
            {
                "description": _TEXT,
                "inputs": _named("input", "Files and values that are bound when it runs."),
                "params": _named("param", "Settings that a caller may change by name."),
                "graphs": _map(
                    {"$ref": "#/$defs/definition"},
                    "Graphs that nodes of the type graph use by these names.",
                    names={"pattern": PATTERNS["graph"], "maxLength": 1000},
                ),
                "nodes": _map({"anyOf": nodes}, "The steps, by name."),
                "outputs": _map(
                    _WIRE,
                    "The files that are written, by name; song.flac is encoded.",
                    names={"pattern": output, "maxLength": 100},
                ),
                "ui": _UI,
            },
            required=["nodes", "outputs"],
            description="A graph that nodes of this graph can use.",
        ),
    }


def _param(kind: str) -> dict[str, Any]:
    """Return the branch of a graph param's type."""
    bounds = ("minimum", "maximum") if kind in ("number", "integer") else ()
    return _object(
        {
            "type": {"const": kind},
            "default": {"type": [kind, "null"]},
            **{name: {"type": ["number", "null"]} for name in bounds},
            "enum": {"type": ["array", "null"]},
            "description": _TEXT,
            "ui": _UI,
        },
        required=["type"],
    )


def _use() -> dict[str, Any]:
    each = {"anyOf": [_WIRE, _map(_WIRE, "A wire for each name.")]}
    return _object(
        {
            "type": {"const": USE},
            "graph": {
                "type": "string",
                "pattern": PATTERNS["graph"],
                "maxLength": 1000,
                "description": "A definition in graphs, a stock graph, or ./file.json.",
            },
            "inputs": _map({"anyOf": [_WIRE, {"type": "array", "items": _WIRE}]}, "Its inputs."),
            "for_each": {
                "anyOf": [_map(each, "Use it for each of these wires."), {"type": "null"}]
            },
            "params": {"type": "object", "description": "Its params, for all or by name."},
            **_common(),
        },
        required=["type", "graph"],
        description="The nodes of another graph.",
        defaultSnippets=[
            {
                "label": USE,
                "description": "Use another graph.",
                "body": {"type": USE, "graph": "$1", "inputs": {"${2:audio}": "$3"}},
            }
        ],
    )


# -- node types ------------------------------------------------------------------------------------


def _node(node_type: NodeType) -> dict[str, Any]:
    own = node_type.params.model_json_schema()
    shared = own.get("$defs", {})
    params = {
        name: _described_param(name, field, shared)
        for name, field in own.get("properties", {}).items()
    }
    needed = own.get("required", [])
    ports = [port.name for port in node_type.inputs if not port.optional]
    description = _markdown(sections(node_type.doc)[""])
    said = entries(node_type.doc, "Args")
    snippet: dict[str, Any] = {"type": node_type.id}
    if ports:
        snippet["inputs"] = {
            name: [f"${{{index}}}"] if _port(node_type, name).many else f"${{{index}}}"
            for index, name in enumerate(ports, 1)
        }
    if needed:
        snippet["params"] = {name: f"${{{len(ports) + 1}}}" for name in needed}
    return _object(
        {
            "type": _constant(node_type.id, description),
            "inputs": _object(
                {port.name: _wired(port, said.get(port.name, "")) for port in node_type.inputs},
                required=ports,
            ),
            "params": _object(params, required=needed),
            **_common(),
        },
        required=["type", *["inputs"] * bool(ports), *["params"] * bool(needed)],
        description=description,
        markdownDescription=description,
        defaultSnippets=[
            {"label": node_type.id, "description": summary(node_type.doc), "body": snippet}
        ],
    )


def _constant(name: str, description: str) -> dict[str, Any]:
    """Return the schema of a type; by a `const` editors know which branch was meant."""
    return {
        "const": name,
        "description": description,
        "markdownDescription": description,
        "errorMessage": "No node has this type: `resonate nodes` lists those there are.",
    }


def _pinned(node: Mapping[str, Any], name: str, pinned: str) -> dict[str, Any]:
    """Return the branch of a node that is pinned to its version: that of the node, by reference."""
    properties = {key: {"$ref": f"#/$defs/{name}/properties/{key}"} for key in node["properties"]}
    properties["type"] = _constant(pinned, node["description"])
    same = {key: node[key] for key in ("type", "additionalProperties", "required")}
    return {**same, "properties": properties, "description": node["description"]}


def _port(node_type: NodeType, name: str) -> Port:
    port = node_type.input(name)
    assert port is not None
    return port


def _wired(port: Port, said: str) -> dict[str, Any]:
    kind = f"{port.type.name}, several wires" if port.many else port.type.name
    if port.optional:
        kind += ", may be left open"
    text = _markdown(f"{said} {kind[0].upper()}{kind[1:]}: node, node.port, or $input.".strip())
    shown = {"description": text, "markdownDescription": text}
    if not port.many:  # not by reference: of two descriptions editors show that of the reference
        return {"type": "string", "pattern": PATTERNS["wire"], **shown}
    least: dict[str, Any] = {"type": "array", "items": _WIRE, "minItems": int(not port.optional)}
    return {"anyOf": [least, _WIRE], **shown}


def _described_param(name: str, field: Mapping[str, Any], shared: Mapping[str, Any]) -> Any:
    """Return a param's schema, for the value itself and for a reference to the graph's."""
    said = {key: field[key] for key in ("default", "examples") if key in field}
    _, unit = unit_of(name)
    text = _markdown(str(field.get("description", "")))
    if unit:
        text = f"{text} Unit: {unit}.".strip()
    if text:
        said.update(description=text, markdownDescription=text)
    return {"anyOf": [_value(field, shared), _REFERENCE], **said}


def _value(field: Any, shared: Mapping[str, Any]) -> Any:
    """Return a schema in which a reference may stand for any value inside, with nothing shared."""
    if not isinstance(field, dict):
        return field
    if "$ref" in field:
        return _value(shared[field["$ref"].rpartition("/")[2]], shared)
    made: dict[str, Any] = {}
    for key, item in field.items():
        if key in ("title", "description", "default", "examples", "discriminator"):
            continue
        if key == "properties":
            made[key] = {name: _described_param(name, one, shared) for name, one in item.items()}
        elif key in ("items", "additionalProperties") and isinstance(item, dict):
            made[key] = {"anyOf": [_value(item, shared), _REFERENCE]}
        elif key in ("anyOf", "oneOf", "allOf"):
            made["anyOf" if key == "oneOf" else key] = [_value(one, shared) for one in item]
        else:
            made[key] = item
    return made


# -- small parts -----------------------------------------------------------------------------------


def _common() -> dict[str, Any]:
    kinds = {"type": "string", "pattern": DEVICE_PATTERN, "examples": ["mps", "cuda", "cpu"]}
    return {
        "device": {
            "anyOf": [{"type": "array", "items": kinds}, {"type": "null"}],
            "description": "Where it should run, best first.",
        },
        "description": _TEXT,
        "ui": _UI,
    }


def _object(properties: Mapping[str, Any], *, required: list[str], **more: Any) -> dict[str, Any]:
    made = {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}
    return {**made, "required": list(required)} if required else made


def _named(kind: str, description: str) -> dict[str, Any]:
    return _map({"$ref": f"#/$defs/{kind}"}, description)


def _map(
    items: Mapping[str, Any], description: str, names: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "propertyNames": dict(names or {"$ref": "#/$defs/name"}),
        "additionalProperties": dict(items),
    }


def _snippet_of_graph() -> dict[str, Any]:
    return {
        "label": "graph",
        "description": "A graph with one input, one node and one output.",
        "body": {
            "format": FORMAT,
            "name": "${1:name}",
            "inputs": {"${2:mix}": {"type": "audio"}},
            "nodes": {"${3:first}": {"type": "$4", "inputs": {"audio": "\\$${2:mix}"}}},
            "outputs": {"${5:restored}": "${3:first}"},
        },
    }


def _markdown(text: str) -> str:
    """Return what a docstring says as Markdown: reStructuredText's code spans become Markdown's."""
    return text.replace("``", "`")
