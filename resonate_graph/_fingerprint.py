"""The fingerprint of a function's source: what it is keyed by where it has no version.

It covers the syntax tree of the function without docstrings and annotations of layout, and,
followed through the names it uses, the functions, classes and plain constants of its own
top-level package. Comments, blank lines, docstrings and quoting do not enter; libraries enter by
their version (`uses`), not by their source.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from blake3 import blake3

_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


def source_fingerprint(function: object) -> str:
    """Return a blake3 hex digest of a function's source and of the helpers it reaches."""
    home = _top_level(function)
    lines: dict[str, str] = {}
    waiting = [function]
    while waiting:
        item = waiting.pop()
        name = f"{getattr(item, '__module__', '')}.{getattr(item, '__qualname__', '')}"
        if name in lines:
            continue
        tree = _syntax_tree(item)
        lines[name] = "\n".join(_flatten(tree)) if tree else repr(item)
        for used_name, value in _used(tree, sys.modules.get(getattr(item, "__module__", ""))):
            plain = _plain(value)
            if plain is not None:
                lines[f"{name} uses {used_name}"] = plain
                continue
            target = inspect.unwrap(value) if callable(value) else value
            if (inspect.isfunction(target) or inspect.isclass(target)) and (
                _top_level(target) == home
            ):
                waiting.append(target)
    text = "\n\n".join(f"{name}\n{lines[name]}" for name in sorted(lines))
    return blake3(text.encode()).hexdigest()


def _top_level(item: object) -> str:
    return str(getattr(item, "__module__", "")).partition(".")[0]


def _syntax_tree(item: object) -> ast.AST | None:
    try:
        source = textwrap.dedent(inspect.getsource(item))  # type: ignore[arg-type]
        return ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return None


def _used(tree: ast.AST | None, module: ModuleType | None) -> Iterator[tuple[str, Any]]:
    """Yield the module-level names, and attributes of own modules, that the source mentions."""
    if tree is None or module is None:
        return
    for element in ast.walk(tree):
        if isinstance(element, ast.Name) and hasattr(module, element.id):
            yield element.id, getattr(module, element.id)
        elif isinstance(element, ast.Attribute) and isinstance(element.value, ast.Name):
            owner = getattr(module, element.value.id, None)
            if isinstance(owner, ModuleType) and hasattr(owner, element.attr):
                yield f"{element.value.id}.{element.attr}", getattr(owner, element.attr)
        elif isinstance(element, ast.ImportFrom):
            yield from _imported(element, module)


def _imported(statement: ast.ImportFrom, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield what an import inside the function brings, where its module is loaded already."""
    package = module.__package__ or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - statement.level + 1]) if statement.level else ""
    source = ".".join(filter(None, (base, statement.module)))
    if source.partition(".")[0] != package.partition(".")[0]:
        return
    __import__(source)
    for alias in statement.names:
        yield alias.name, getattr(sys.modules[source], alias.name, None)


def _plain(value: Any) -> str | None:
    """Return a constant's text, for scalars and for tables built of them."""
    if isinstance(value, _CONSTANTS):
        return repr(value)
    if isinstance(value, (tuple, list)):
        items = [_plain(item) for item in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    if isinstance(value, (dict,)):
        entries = [(_plain(key), _plain(item)) for key, item in value.items()]
        return None if any(None in entry for entry in entries) else repr(sorted(entries))
    if isinstance(value, frozenset):
        members = [_plain(item) for item in value]
        return None if None in members else repr(sorted(map(str, members)))
    return None


def _flatten(tree: ast.AST) -> Iterator[str]:
    """Write a syntax tree so that it reads the same on every supported Python.

    Fields that are empty are left out, since newer versions add empty ones; docstrings too.
    """
    stack: list[tuple[int, str, object]] = [(0, "", tree)]
    while stack:
        depth, label, item = stack.pop()
        indent = " " * depth + label
        if isinstance(item, ast.AST):
            yield f"{indent}{type(item).__name__}"
            fields = [
                (depth + 1, f"{name}=", value)
                for name, value in ast.iter_fields(item)
                if value is not None and value != [] and name != "type_comment"
            ]
            stack.extend(reversed(fields))
        elif isinstance(item, list):
            body = item[1:] if label == "body=" and _is_docstring(item[0]) else item
            stack.extend((depth, label, element) for element in reversed(body))
        else:
            yield f"{indent}{item!r}"


def _is_docstring(statement: object) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
