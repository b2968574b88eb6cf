"""What there is to say of a node, for whoever prints it: its subject, and tables of its parts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import NodeType, Port, Report, unit_of
from .._base.docstrings import entries, sections, summary

Row = tuple[str, ...]

#: Headings and rows: name, type, unit, default, and what is said of it.
Table = tuple[Row, list[Row]]


def subject(node_type: NodeType) -> str:
    """Return what a node is about: the beginning of its module's docstring, up to a colon."""
    module = sys.modules.get(node_type.function.__module__)
    text = summary((module and module.__doc__) or "").partition(":")[0].partition(". ")[0]
    about = text.removesuffix(".") or module_name(node_type)
    return f"{node_type.pack}: {about}" if node_type.pack else about


def module_name(node_type: NodeType) -> str:
    """Return a node's module as people know it: one read from a file of theirs by the file."""
    name = node_type.function.__module__
    module = sys.modules.get(name)
    # one that was imported has a specification of where it was found
    if module is not None and module.__spec__ is None and module.__file__ is not None:
        return Path(module.__file__).stem
    return name


def facts(node_type: NodeType) -> str:
    """Say in one line what a node's results are keyed by, and where it runs."""
    version = f"version {node_type.version}" if node_type.version else "keyed by its source"
    where = "the CPU or an accelerator" if node_type.device == "accelerated" else "the CPU"
    return f"{subject(node_type)}; {version}; runs on {where}"


def tables(node_type: NodeType) -> Iterator[Table]:
    """Yield a table for the inputs, the outputs, the params, what they consist of, and errors.

    Columns in which nothing stands are left out.
    """
    for heading, rows in _rows_by_heading(node_type):
        headings = (heading, "type", "unit", "default", "")
        shown = [index for index in range(len(headings)) if any(row[index] for row in rows)]
        yield (
            tuple(headings[index] for index in shown),
            [tuple(row[index] for index in shown) for row in rows],
        )
    if errors := entries(node_type.doc, "Raises"):
        yield ("error", ""), list(errors.items())


def _rows_by_heading(node_type: NodeType) -> Iterator[tuple[str, list[Row]]]:
    args = entries(node_type.doc, "Args")
    yield "input", [_port_row(port, args.get(port.name, "")) for port in node_type.inputs]
    yield "output", [_port_row(port, _output_doc(node_type, port)) for port in node_type.outputs]
    schema = node_type.params.model_json_schema()
    if schema.get("properties"):
        yield "param", _rows(schema, schema)
        yield from _parts(schema, schema)
    for kind in dict.fromkeys(port.type.python for port in node_type.outputs):
        if issubclass(kind, Report):
            schema = kind.model_json_schema()
            for heading, rows in [(kind.__name__, _rows(schema, schema)), *_parts(schema, schema)]:
                yield heading, [(*row[:3], "", row[4]) for row in rows]


def _port_row(port: Port, said: str) -> Row:
    return port.name, str(port), unit_of(port.name)[1], "", said


def _output_doc(node_type: NodeType, port: Port) -> str:
    if node_type.output_class is not None:
        return entries(node_type.output_class.__doc__ or "", "Attributes").get(port.name, "")
    if issubclass(port.type.python, Report):
        return summary(port.type.python.__doc__ or "")
    return " ".join(sections(node_type.doc).get("Returns", "").split())


def _rows(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Row]:
    """Return a row for each property of an object."""
    said = entries(schema.get("description", ""), "Attributes")
    return [
        (
            name,
            _type_text(spec, root),
            unit_of(name)[1],
            _default(spec),
            spec.get("description") or said.get(name, ""),
        )
        for name, spec in schema.get("properties", {}).items()
    ]


def _default(spec: Mapping[str, Any]) -> str:
    if "default" not in spec:
        return "required"
    return "none" if spec["default"] is None else json.dumps(spec["default"])


def _parts(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the tables of the objects that an object consists of."""
    for name in dict.fromkeys(_references(schema.get("properties", {}))):
        part = root["$defs"][name]
        if "properties" in part:
            yield name, _rows(part, root)
            yield from _parts(part, root)


def _references(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        if "$ref" in spec:
            yield spec["$ref"].rpartition("/")[2]
        for value in spec.values():
            yield from _references(value)
    elif isinstance(spec, list):
        for item in spec:
            yield from _references(item)


#: The keys of the least and the most, and what they count.
_RANGES = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
)
_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "in steps of {}",
    "minLength": "at least {} characters",
    "maxLength": "up to {} characters",
    "minItems": "at least {} items",
    "maxItems": "up to {} items",
    "pattern": "matching {}",
}


def _type_text(spec: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """Say a JSON Schema in a few words: ``number, -120 to 0``."""
    if "$ref" in spec:
        name = spec["$ref"].rpartition("/")[2]
        part = root["$defs"][name]
        return name if "properties" in part else _type_text(part, root)
    if "anyOf" in spec:
        return " or ".join(_type_text(one, root) for one in spec["anyOf"])
    if "allOf" in spec and len(spec["allOf"]) == 1:
        return _type_text(spec["allOf"][0], root)
    if "enum" in spec or "const" in spec:
        return " | ".join(json.dumps(one) for one in spec.get("enum", [spec.get("const")]))
    limits = {key: text for key, text in _LIMITS.items() if key in spec}
    words = []
    for least, most, counted in _RANGES:
        if least in limits and most in limits:
            words.append(f"{_number(spec[least])} to {_number(spec[most])}{counted}")
            del limits[least], limits[most]
    words += [text.format(_number(spec[key])) for key, text in limits.items()]
    kind = str(spec.get("type", "any"))
    if kind == "array":
        items = _type_text(spec.get("items", {}), root)
        kind = f"list of ({items})" if "," in items or " or " in items else f"list of {items}"
    return ", ".join([kind.replace("null", "none"), *words])


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
