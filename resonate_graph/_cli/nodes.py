"""``resonate nodes``: the nodes there are, by subject, and one of them in full."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .._base.docstrings import entries, sections, summary
from .._base.errors import CatalogError
from .._base.units import unit_of
from .._node.catalog import Catalog
from .._node.declaration import NodeType
from .._node.ports import Port
from .._node.values import Report
from .call import JsonOption, NodesOption
from .example import example, example_text
from .output import Printer

Row = tuple[str, ...]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(nodes)


def nodes(
    type_id: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help="Show one node in full.")
    ] = None,
    modules: NodesOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the nodes that can be used, by subject, or show one in full with an example."""
    printer = Printer(as_json=as_json)
    catalog = Catalog.installed()
    for module in modules or ():
        catalog = catalog.with_module(module)
    if type_id is None:
        _list(printer, catalog)
        return
    node_type = catalog.get(type_id)
    if node_type is None:
        near = catalog.near(type_id)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise CatalogError(f"no node type {type_id!r}{catalog.why_missing(type_id) or hint}")
    printer.document(_document(node_type, catalog))
    if not as_json:
        _show(printer, node_type, catalog, modules or ())


def _list(printer: Printer, catalog: Catalog) -> None:
    printer.document(
        {
            "nodes": [_document(one, catalog) for one in catalog],
            "broken": [{"pack": one.name, "reason": one.reason} for one in catalog.broken],
        }
    )
    subjects: dict[str, list[NodeType]] = {}
    for one in catalog:
        subjects.setdefault(_subject(one), []).append(one)
    rows: list[Row] = []
    for subject in sorted(subjects):
        rows += [("", "")] if rows else []
        rows.append((subject, ""))
        rows += [(f"  {one.id}", summary(one.doc)) for one in subjects[subject]]
    printer.table(("node", ""), rows, long=("",))
    for pack in catalog.broken:
        printer.line(str(pack))
    printer.line()
    printer.line("resonate nodes TYPE shows one in full, with an example.")


def _subject(node_type: NodeType) -> str:
    """Return what a node is about: the beginning of its module's docstring, up to a colon."""
    module = sys.modules.get(node_type.function.__module__)
    text = summary((module and module.__doc__) or "").partition(":")[0].partition(". ")[0]
    subject = text.removesuffix(".") or _module_name(node_type)
    return f"{node_type.pack}: {subject}" if node_type.pack else subject


def _module_name(node_type: NodeType) -> str:
    """Return a node's module as people know it: one read from a file of theirs by the file."""
    name = node_type.function.__module__
    module = sys.modules.get(name)
    # one that was imported has a specification of where it was found
    if module is not None and module.__spec__ is None and module.__file__ is not None:
        return Path(module.__file__).stem
    return name


# -- one node -------------------------------------------------------------------------------------


def _show(printer: Printer, node_type: NodeType, catalog: Catalog, modules: Sequence[str]) -> None:
    said = sections(node_type.doc)
    version = f"version {node_type.version}" if node_type.version else "keyed by its source"
    where = "the CPU or an accelerator" if node_type.device == "accelerated" else "the CPU"
    printer.line(f"{node_type.id}  ({_subject(node_type)}; {version}; runs on {where})")
    printer.line()
    printer.line(said[""])
    for heading, rows in _tables(node_type):
        headings = (heading, "type", "unit", "default", "")
        # columns in which nothing stands are left out
        shown = [index for index in range(5) if any(row[index] for row in rows)]
        printer.line()
        printer.table(
            [headings[index] for index in shown],
            [[_plain(row[index]) for index in shown] for row in rows],
            long=("", "type"),
        )
    if "Raises" in said:
        printer.line()
        printer.table(("error", ""), list(entries(node_type.doc, "Raises").items()), long=("",))
    document = example(node_type, catalog)
    name = f"{document['name']}.json"
    inputs = " ".join(
        f"-i {one}={_VALUES[spec['type']]}" for one, spec in document["inputs"].items()
    )
    printer.line()
    known = "".join(f"--nodes {module} " for module in modules)
    printer.line(f"In a graph ({name}; resonate run {name} {known}{inputs} -o out/):")
    printer.line()
    printer.line(_indented(example_text(document)))
    package = _module_name(node_type).partition(".")[0]
    ports = ", ".join(port.name for port in node_type.inputs if not port.optional)
    printer.line()
    printer.line(f"In Python (from {package} import {node_type.name}):")
    printer.line()
    printer.line(_indented(said.get("Example", f"result = {node_type.name}({ports})")))


def _plain(text: str) -> str:
    return text.replace("``", "")


#: What stands on a command line for a value of some type.
_VALUES = {"audio": "FILE", "number": "1.0", "integer": "1", "string": "TEXT", "boolean": "true"}


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _tables(node_type: NodeType) -> Iterator[tuple[str, list[Row]]]:
    """Yield the heading and rows of each table: ports, params, and what they consist of."""
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


def _document(node_type: NodeType, catalog: Catalog) -> dict[str, Any]:
    return {
        "type": node_type.id,
        "version": node_type.version,
        "device": node_type.device,
        "subject": _subject(node_type),
        "summary": summary(node_type.doc),
        "inputs": [
            {
                "name": port.name,
                "type": port.type.name,
                "many": port.many,
                "optional": port.optional,
            }
            for port in node_type.inputs
        ],
        "outputs": [{"name": port.name, "type": port.type.name} for port in node_type.outputs],
        "params": node_type.params.model_json_schema(),
        "example": example(node_type, catalog),
    }
