"""An example of a node in a graph: what its docstring gives under ``Graph``, else the least one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .. import Audio, Catalog, NodeType, Port
from .._base.docstrings import sections


def example(node_type: NodeType, catalog: Catalog) -> dict[str, Any]:
    """Return a graph document in which a node stands, with all its params.

    Params without a default have the first of the ``examples`` of their field, else the least
    value that their schema allows.
    """
    written = sections(node_type.doc).get("Graph")
    if written:
        document: dict[str, Any] = json.loads(written)
        return document
    return _made(node_type, catalog)


def call(node_type: NodeType) -> str:
    """Return the least call of a node in Python: its inputs, and the params without a default."""
    ports = [port.name for port in node_type.inputs if not port.optional]
    fields = node_type.params.model_fields
    params = [
        f"{name}={value!r}" for name, value in _params(node_type) if fields[name].is_required()
    ]
    return f"result = {node_type.name}({', '.join([*ports, *params])})"


def _made(node_type: NodeType, catalog: Catalog) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    nodes: dict[str, Any] = {}
    wires = {
        port.name: _wire(port, catalog, inputs, nodes)
        for port in node_type.inputs
        if not port.optional
    }
    params = dict(_params(node_type))
    name = node_type.name
    nodes[name] = {"type": node_type.id, "inputs": wires, "params": params}
    if not params:
        del nodes[name]["params"]
    first = node_type.outputs[0]
    return {
        "format": 1,
        "name": f"{name}-example",
        "inputs": inputs,
        "nodes": nodes,
        "outputs": {"result": f"{name}.{first.name}" if node_type.output_class else name},
    }


def _wire(
    port: Port, catalog: Catalog, inputs: dict[str, Any], nodes: dict[str, Any]
) -> str | list[str]:
    """Connect a port to inputs of the graph, or to nodes that make what it takes of a sound."""
    names = [f"{port.name}_1", f"{port.name}_2"] if port.many else [port.name]
    maker = _maker(port, catalog)
    for name in names:
        if maker is None:
            inputs[name] = {"type": port.type.name}
        else:
            inputs.setdefault("audio", {"type": "audio"})
            (taken,) = (one.name for one in maker.inputs if not one.optional)
            nodes[name] = {"type": maker.id, "inputs": {taken: "$audio"}}
    wires = names if maker is not None else [f"${name}" for name in names]
    return wires if port.many else wires[0]


def _maker(port: Port, catalog: Catalog) -> NodeType | None:
    """Return a node that makes of one sound what a graph cannot have as an input."""
    if port.type.python in (Audio, float, int, str, bool):
        return None
    return next(
        (
            one
            for one in catalog
            if one.output_class is None
            and port.type.accepts(one.outputs[0].type)
            and [each.type.python for each in one.inputs if not each.optional] == [Audio]
            and not any(field.is_required() for field in one.params.model_fields.values())
        ),
        None,
    )


def _params(node_type: NodeType) -> Iterator[tuple[str, Any]]:
    schema = node_type.params.model_json_schema()
    for name, spec in schema.get("properties", {}).items():
        value = _value(spec, schema.get("$defs", {}))
        if value is not None:
            yield name, value


def _value(spec: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return a value that a JSON Schema allows."""
    for key in ("default", "const"):
        if key in spec:
            return spec[key]
    for key in ("examples", "enum"):
        if spec.get(key):
            return spec[key][0]
    if "$ref" in spec:
        return _value(definitions[spec["$ref"].rpartition("/")[2]], definitions)
    if alternatives := spec.get("anyOf", spec.get("oneOf", spec.get("allOf"))):
        return _value(alternatives[0], definitions)
    least: Callable[..., Any] = _LEAST.get(str(spec.get("type")), _nothing)
    return least(spec, definitions)


def _nothing(spec: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
    return None


def _text_value(spec: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    return "x" * int(spec.get("minLength", 0))


def _list_value(spec: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[Any]:
    return [_value(spec.get("items", {}), definitions)] * max(1, spec.get("minItems", 1))


def _object_value(spec: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    inside = spec.get("properties", {})
    return {name: _value(inside[name], definitions) for name in spec.get("required", ())}


def _number_value(spec: Mapping[str, Any], definitions: Mapping[str, Any]) -> float:
    step = spec.get("multipleOf", 1)
    if "minimum" in spec:
        least = spec["minimum"]
    elif "exclusiveMinimum" in spec:
        above = spec["exclusiveMinimum"]
        highest = spec.get("maximum", spec.get("exclusiveMaximum", above + 2 * step))
        least = above + step if above + step < highest else (above + highest) / 2
    else:
        least = min(step, spec.get("maximum", step))
    return int(least) if spec["type"] == "integer" else float(least)


#: The least value of a type.
_LEAST: dict[str, Callable[..., Any]] = {
    "array": _list_value,
    "boolean": lambda spec, definitions: False,
    "integer": _number_value,
    "number": _number_value,
    "object": _object_value,
    "string": _text_value,
}
