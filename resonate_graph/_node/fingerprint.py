"""The fingerprint of a function's source: what it is keyed by where it has no version.

It covers the syntax tree of the function and, followed through the names it uses, the functions,
classes and module-level values of its own package; for a script, or a file of nodes, also of the
modules beside it. Comments, layout, docstrings and quoting do not enter, nor does where the
package lies or what it is called. Libraries enter by the names under which they are imported, and
by their version (`uses`), not by their source. Where a source or a value cannot be had, the
fingerprint is one that nothing else has, so that nothing is ever reused by mistake.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import secrets
import symtable
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from blake3 import blake3

from .._sound.audio import Audio

_ENGINE = __name__.partition(".")[0]
_ADVICE = ("cost", "avoid", "begins", "besides", "models")
#: So is called what was compiled from a text; a source that Python has of it may be another's.
_NO_FILES = ("<string>", "<stdin>")
_SCALARS = (bool, int, float, complex, str, bytes, type(None))


def source_fingerprint(function: Callable[..., Any]) -> str:
    """Return a blake3 hex digest of a function's source and of what it reaches in its package."""
    return _Reader(function).read()


@dataclass(frozen=True)
class _Piece:
    """A part of a source: a function or class (its `origin`), or how a module sets a name."""

    module: str
    name: str
    source: str | None
    origin: Any = None

    @property
    def identity(self) -> tuple[str, str, int]:
        """What tells it from other pieces: functions of one name may differ in their closure."""
        return self.module, self.name, id(self.origin)


@dataclass(frozen=True)
class _Text:
    """What a source says by itself: its syntax in lines, and what it looks up elsewhere."""

    lines: tuple[str, ...]
    names: frozenset[str]
    imports: tuple[ast.Import | ast.ImportFrom, ...]
    attributes: tuple[ast.Attribute, ...]


@dataclass(frozen=True)
class _Mention:
    """A name that a piece uses: its value, and the module it is from (none for a closure's)."""

    text: str
    value: Any
    module: str
    name: str


class _Reader:
    """Reads the piece of a function, then the pieces it mentions, each of them once."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._home = _top_level(function.__module__)
        self._folder = _script_folder(self._home)
        self._waiting = [_piece(function)]

    def read(self) -> str:
        """Return the fingerprint."""
        read: dict[tuple[str, str, int], str] = {}
        while self._waiting:
            piece = self._waiting.pop()
            if piece.identity not in read:
                read[piece.identity] = "\n".join(self._lines(piece))
        return blake3("\n\n".join(sorted(read.values())).encode()).hexdigest()

    def _lines(self, piece: _Piece) -> Iterator[str]:
        yield self._relative(piece.module, piece.name)
        if piece.source is None or piece.module not in sys.modules:
            yield secrets.token_hex()
            return
        text = _text(piece.source)
        yield from text.lines
        yield from sorted(map(self._meaning, self._mentions(piece, text)))

    def _meaning(self, mention: _Mention) -> str:
        """Say what a name means; what is of this package waits to be read in its turn."""
        value = inspect.unwrap(mention.value) if callable(mention.value) else mention.value
        if isinstance(value, ModuleType):
            return f"{mention.text}: {self._relative(value.__name__)}"
        if (plain := _plain(value)) is not None:
            return f"{mention.text}: {plain}"
        found = self._source_of(value) or self._definition(mention.module, mention.name)
        if isinstance(found, _Piece):
            self._waiting.append(found)
            return f"{mention.text}: {self._relative(found.module, found.name)}"
        return f"{mention.text}: {found or _written_down(value)}"

    def _source_of(self, value: Any) -> _Piece | None:
        """Return the piece of a function or class of this package."""
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            return None
        piece = _piece(value) if self._is_own(value.__module__) else None
        return piece if piece and piece.source else None

    def _definition(self, module: str, name: str) -> _Piece | str | None:
        """Return how a module sets a name, or the library from which it imports it."""
        statements = _setting(module).get(name)
        if not statements:
            return None
        last = statements[-1]
        if not isinstance(last, (ast.Import, ast.ImportFrom)):
            return _Piece(module, name, "\n".join(map(ast.unparse, statements)))
        alias = next(one for one in last.names if _name_set(one) == name)
        if isinstance(last, ast.Import):
            return f"import {alias.name}"
        source = _source_module(last, module)
        if self._is_own(source):
            return self._definition(source, alias.name)
        return f"import {source} {alias.name}"

    def _mentions(self, piece: _Piece, text: _Text) -> Iterator[_Mention]:
        """Yield the names that a piece looks up outside of itself, also as ``module.name``."""
        scope = {
            name: _Mention(name, value, piece.module, name)
            for name, value in vars(sys.modules[piece.module]).items()
            if name in text.names
        }
        for name, value in _closure(piece.origin).items():
            if name in text.names:
                scope[name] = _Mention(name, value, "", name)
        for statement in text.imports:
            scope.update(self._imported(statement, piece.module))
        yield from scope.values()
        for element in text.attributes:
            if found := self._attribute(element, scope):
                yield found

    def _imported(
        self, statement: ast.Import | ast.ImportFrom, module: str
    ) -> Iterator[tuple[str, _Mention]]:
        """Yield what an import inside of a function brings, where it is of this package."""
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                source = alias.name if alias.asname else _top_level(alias.name)
                if self._is_own(source):
                    value: Any = importlib.import_module(source)
                    yield _name_set(alias), _Mention(_name_set(alias), value, source, "")
                continue
            source = _source_module(statement, module)
            if self._is_own(source):
                value = importlib.import_module(source)
                if not hasattr(value, alias.name):
                    importlib.import_module(f"{source}.{alias.name}")
                value = getattr(value, alias.name)
                yield _name_set(alias), _Mention(_name_set(alias), value, source, alias.name)

    def _attribute(self, element: ast.Attribute, scope: Mapping[str, _Mention]) -> _Mention | None:
        """Return what ``module.name`` means, where it is a module of this package."""
        owner = None
        if isinstance(element.value, ast.Name):
            owner = scope.get(element.value.id)
        elif isinstance(element.value, ast.Attribute):
            owner = self._attribute(element.value, scope)
        if owner is None or not isinstance(owner.value, ModuleType):
            return None
        module = owner.value.__name__
        if not self._is_own(module) or not hasattr(owner.value, element.attr):
            return None
        value = getattr(owner.value, element.attr)
        return _Mention(f"{owner.text}.{element.attr}", value, module, element.attr)

    def _is_own(self, module: str) -> bool:
        top = _top_level(module)
        if top == self._home or self._folder is None or top == _ENGINE:
            return top == self._home
        file = getattr(sys.modules.get(top), "__file__", None)
        if file is None:
            return False
        path = Path(file).resolve()
        return self._folder == (path.parent.parent if path.stem == "__init__" else path.parent)

    def _relative(self, module: str, name: str = "") -> str:
        """Return a name without that of the package, which does not enter."""
        return f"{module.removeprefix(self._home).removeprefix('.')} {name}".strip()


def _top_level(module: str) -> str:
    return module.partition(".")[0]


def _script_folder(module: str) -> Path | None:
    """Return the folder of a module that is a single file, such as a script."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or hasattr(sys.modules[module], "__path__"):
        return None
    return Path(file).resolve().parent


# -- reading sources ----------------------------------------------------------------------------


def _piece(item: Any) -> _Piece:
    """Return the source of a function or class, which may stand within another."""
    source = None
    code = getattr(item, "__code__", None)
    try:
        if getattr(code, "co_filename", None) in _NO_FILES:
            raise OSError
        source = inspect.getsource(item)
        if source[:1].isspace():
            source = f"if True:\n{source}"  # dedenting would change texts of several lines
        source = _without_advice(source, ast.parse(source))
    except (OSError, TypeError, SyntaxError):
        source = None
    return _Piece(item.__module__, item.__qualname__, source, item)


def _without_advice(source: str, tree: ast.Module) -> str:
    """Return a source without what `@node` is told about when and where to run, not what."""
    outer = tree.body[0].body[0] if isinstance(tree.body[0], ast.If) else tree.body[0]
    if not isinstance(outer, ast.FunctionDef):
        return source
    lines = source.splitlines(keepends=True)
    for decorator in reversed(outer.decorator_list):
        if not isinstance(decorator, ast.Call) or not _is_node(decorator.func):
            continue
        kept = [one for one in decorator.keywords if one.arg not in _ADVICE]
        if len(kept) < len(decorator.keywords):
            decorator.keywords = kept
            indent = lines[decorator.lineno - 1].partition("@")[0]
            text = f"{indent}@{ast.unparse(decorator)}\n"
            lines[decorator.lineno - 1 : decorator.end_lineno] = [text]
    return "".join(lines)


@lru_cache(maxsize=1024)  # nodes of a package share what they are made of
def _text(source: str) -> _Text:
    tree = ast.parse(source)
    elements = [*ast.walk(tree)]
    return _Text(
        lines=tuple(_flatten(tree)),
        names=frozenset(_global_names(source)),
        imports=tuple(one for one in elements if isinstance(one, (ast.Import, ast.ImportFrom))),
        attributes=tuple(one for one in elements if isinstance(one, ast.Attribute)),
    )


def _is_node(function: ast.expr) -> bool:
    """Whether this is how a file calls `@node`: ``node``, or ``rg.node``."""
    return getattr(function, "attr", getattr(function, "id", None)) == "node"


def _closure(item: Any) -> dict[str, Any]:
    """Return the variables of surrounding functions that a function uses."""
    found = {}
    if inspect.isfunction(item):
        for name, cell in zip(item.__code__.co_freevars, item.__closure__ or (), strict=True):
            try:
                found[name] = cell.cell_contents
            except ValueError:  # not set yet
                continue
    return found


def _global_names(source: str) -> set[str]:
    """Return the names that a source looks up outside of itself."""
    names: set[str] = set()
    tables = [symtable.symtable(source, "<source>", "exec")]
    while tables:
        table = tables.pop()
        outermost = table.get_type() == "module"
        for symbol in table.get_symbols():
            if not symbol.is_assigned() if outermost else symbol.is_global():
                names.add(symbol.get_name())
        tables.extend(table.get_children())
    return names


def _setting(module: str) -> Mapping[str, list[ast.stmt]]:
    """Return the statements of a module that set a name, but for functions and classes, by name.

    There are none where it has no source, as in a notebook.
    """
    try:
        return _setting_in(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, SyntaxError, KeyError):
        return {}


@lru_cache(maxsize=64)
def _setting_in(source: str) -> Mapping[str, list[ast.stmt]]:
    found: dict[str, list[ast.stmt]] = {}
    for statement in ast.parse(source).body:
        for name in _names_set(statement):
            found.setdefault(name, []).append(statement)
    return found


def _names_set(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a module sets, but for functions and classes."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return set()
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return set(map(_name_set, statement.names))
    stored = (one for one in ast.walk(statement) if isinstance(one, ast.Name))
    return {one.id for one in stored if isinstance(one.ctx, ast.Store)}


def _name_set(alias: ast.alias) -> str:
    return alias.asname or _top_level(alias.name)


def _source_module(statement: ast.ImportFrom, module: str) -> str:
    """Return the absolute name of the module that a statement imports from."""
    parts = (getattr(sys.modules.get(module), "__package__", None) or "").split(".")
    base = parts[: len(parts) - statement.level + 1] if statement.level else []
    return ".".join(filter(None, [*base, statement.module]))


# -- writing values and trees -------------------------------------------------------------------


def _plain(value: Any) -> str | None:
    """Return a constant's text, for scalars and for tables built of them."""
    if isinstance(value, _SCALARS):
        return ascii(value)
    if isinstance(value, (tuple, list, set, frozenset)):
        items = [_plain(item) for item in value]
        if None in items:
            return None
        ordered = items if isinstance(value, (tuple, list)) else sorted(map(str, items))
        return f"[{', '.join(map(str, ordered))}]"
    if isinstance(value, dict):
        entries = [(_plain(key), _plain(item)) for key, item in value.items()]
        return None if any(None in entry for entry in entries) else ascii(sorted(entries))
    return None


def _written_down(value: Any) -> str:
    """Return a text that differs where values differ, at the price of differing too often."""
    if isinstance(value, Audio):
        return value.digest
    if isinstance(value, np.ndarray) and value.dtype != object:
        content = blake3(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype} {value.shape} {content}"
    text = repr(value)
    return f"{text} {secrets.token_hex()}" if " at 0x" in text else text


def _flatten(tree: ast.AST) -> Iterator[str]:
    """Write a syntax tree so that it reads the same on every supported Python.

    Fields that are empty are left out, since newer versions add empty ones; docstrings too.
    """
    stack: list[tuple[int, str, object]] = [(0, "", tree)]
    while stack:
        depth, label, item = stack.pop()
        indent = " " * depth + label
        if isinstance(item, ast.JoinedStr):  # Python 3.12.0 puts empty texts into format strings
            item = ast.JoinedStr([one for one in item.values if getattr(one, "value", "?") != ""])
        if isinstance(item, ast.AST):
            yield f"{indent}{type(item).__name__}"
            fields = [
                (depth + 1, f"{name}=", value)
                for name, value in ast.iter_fields(item)
                if value is not None and value != [] and name not in ("type_comment", "kind")
            ]
            stack.extend(reversed(fields))
        elif isinstance(item, list):
            body = item[1:] if label == "body=" and _is_docstring(item[0]) else item
            stack.extend((depth, label, element) for element in reversed(body))
        else:
            yield f"{indent}{item!a}"


def _is_docstring(statement: object) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
