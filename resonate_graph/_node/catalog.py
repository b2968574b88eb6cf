"""The catalog: every node type that can be used, found through entry points.

A pack is a package that registers a module under the entry point group
``resonate_graph.nodes``; the entry point's name is the pack's name, and every `@node` function in
the module is a node of it. The stock pack is called ``stock`` and its nodes need no prefix.
"""

from __future__ import annotations

import difflib
import importlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib import metadata
from importlib.util import decode_source
from pathlib import Path
from traceback import walk_tb
from types import ModuleType

from blake3 import blake3

from .._base.errors import CatalogError
from .._base.installed import entry_points
from .declaration import NodeType
from .decorator import Node

GROUP = "resonate_graph.nodes"
STOCK = "stock"

#: Names whose likeness to what was written differs by less than this are as near.
_AS_NEAR = 0.1


@dataclass(frozen=True)
class BrokenPack:
    """A pack that was found but cannot be imported; the others work without it.

    Attributes:
        name: the pack and where it came from, for messages.
        reason: what its import raised.
        prefix: what stands before the names of its nodes.
    """

    name: str
    reason: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.name} cannot be used: {self.reason}"

    def may_have(self, type_id: str) -> bool:
        """Whether a node type would be one of this pack's, going by its name."""
        before, slash, _ = type_id.rpartition("/")
        return self.prefix == (before if slash else STOCK)


@dataclass(frozen=True)
class Catalog:
    """Node types by their id. Immutable; `with_nodes` and `with_module` give larger ones.

    Attributes:
        types: every node type, by id.
        origins: where each came from, for messages.
        broken: packs that could not be imported.
    """

    types: Mapping[str, NodeType] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[BrokenPack, ...] = ()

    @classmethod
    def installed(cls) -> Catalog:
        """Return the nodes of all installed packs; looks once per process.

        Raises:
            CatalogError: two packs claim one id.
        """
        return _installed()

    def get(self, name: str) -> NodeType | None:
        """Return the node type of an id such as ``gate`` or ``gate@1``, None where there is none.

        A name alone is that of a stock node or of the caller's own, else of the one pack that has
        a node of that name: so a graph that was written with a module of nodes works once that
        is a pack.

        Raises:
            CatalogError: the type is there, but not in the version that ``@N`` pins; or there are
                several.
        """
        bare, pinned, version = name.partition("@")
        node_type = self.types.get(bare) or self._of_a_pack(bare)
        if node_type is not None and pinned and version != str(node_type.version):
            has = node_type.version
            there = "it has none" if has is None else f"installed is version {has}"
            raise CatalogError(f"{bare!r} is pinned to version {version}; {there}")
        return node_type

    def of_any_version(self, name: str) -> NodeType | None:
        """Return the node type of an id, whatever it pins; None where there is none, or several."""
        bare = name.partition("@")[0]
        with suppress(CatalogError):
            return self.types.get(bare) or self._of_a_pack(bare)
        return None

    def _of_a_pack(self, name: str) -> NodeType | None:
        found = [one for id_, one in self.types.items() if id_.partition("/")[2] == name]
        if len(found) > 1:
            ids = " and ".join(sorted(one.id for one in found))
            raise CatalogError(f"several packs have a node {name!r}: say {ids}")
        return found[0] if found else None

    def find(self, node: Node[..., object]) -> NodeType | None:
        """Return the type under which a node is known here, None where it is not."""
        return self._by_function.get(node.type.function)

    @cached_property
    def _by_function(self) -> Mapping[object, NodeType]:
        """The node types by their functions; of several of one, the first."""
        return {one.function: one for one in reversed([*self.types.values()])}

    def near(self, name: str) -> list[str]:
        """Return ids that are spelled much like a name: the nearest, and others as near."""
        meant = name.partition("@")[0]
        found = difflib.get_close_matches(meant, self.types, n=3)
        near = {one: difflib.SequenceMatcher(a=one, b=meant).ratio() for one in found}
        return [one for one in found if near[one] > near[found[0]] - _AS_NEAR]

    def why_missing(self, name: str) -> str:
        """Say which pack that cannot be used a missing node type belongs to; empty for none."""
        packs = [pack for pack in self.broken if pack.may_have(name)]
        return "".join(f"; {pack}" for pack in packs)

    def with_nodes(self, nodes: Iterable[Node[..., object]], origin: str) -> Catalog:
        """Return a catalog with more nodes.

        Raises:
            CatalogError: an id is taken by another node; the message names both places.
        """
        types, origins = dict(self.types), dict(self.origins)
        for node in nodes:
            name = node.type.id
            if name in types and types[name].function is not node.type.function:
                raise CatalogError(
                    f"node {name!r} is declared twice: by {origins[name]} and by {origin}"
                )
            types[name], origins[name] = node.type, origin
            if node.type.pack is None:
                _ = node.type.fingerprint  # read now, before somebody edits the source
        return replace(self, types=types, origins=origins)

    def joined(self, other: Catalog) -> Catalog:
        """Return a catalog with the nodes of both.

        Raises:
            CatalogError: both have another node under one id; the message names both places.
        """
        if self.types is other.types:
            return self
        new = [name for name in other.types if name not in self.types]
        for name in other.types.keys() & self.types.keys():
            if self.types[name].function is not other.types[name].function:
                raise CatalogError(
                    f"node {name!r} is declared twice: by {self.origins[name]} and by "
                    f"{other.origins[name]}"
                )
        return replace(
            self,
            types={**self.types, **{name: other.types[name] for name in new}},
            origins={**self.origins, **{name: other.origins[name] for name in new}},
        )

    def with_module(self, name: str) -> Catalog:
        """Return a catalog with the nodes of a module, or of a ``.py`` file.

        Raises:
            CatalogError: the module cannot be imported, or holds no node.
        """
        try:
            module = _load_file(Path(name)) if name.endswith(".py") else _load_module(name)
        except CatalogError:
            raise
        except (Exception, SystemExit) as error:  # whatever somebody's module raises
            reason = f"{type(error).__name__}: {error}{_place(error)}"
            raise CatalogError(f"{name}: cannot be imported: {reason}") from error
        nodes = list(_nodes_of(module))
        if not nodes:
            raise CatalogError(f"{name}: holds no function decorated with @node")
        return self.with_nodes(nodes, name)

    def __iter__(self) -> Iterator[NodeType]:
        return iter(sorted(self.types.values(), key=lambda node_type: node_type.id))


@lru_cache(maxsize=1)
def _installed() -> Catalog:
    points = sorted(entry_points(GROUP), key=lambda point: point.name)
    return load_packs(points)


def load_packs(points: Iterable[metadata.EntryPoint]) -> Catalog:
    """Return the catalog of some entry points. A pack that fails to import is kept in `broken`.

    Raises:
        CatalogError: two packs claim one id.
    """
    catalog, broken = Catalog(), []
    for point in points:
        origin = _origin(point)
        try:
            nodes = list(_nodes_of(point.load()))
        except (Exception, SystemExit) as error:  # whatever a pack's import raises
            reason = f"{type(error).__name__}: {error}"
            broken.append(BrokenPack(origin, reason, point.name))
            continue
        pack = "" if point.name == STOCK else point.name
        renamed: list[Node[..., object]] = [Node(replace(node.type, pack=pack)) for node in nodes]
        catalog = catalog.with_nodes(renamed, origin)
    return replace(catalog, broken=tuple(broken))


def _origin(point: metadata.EntryPoint) -> str:
    distribution = point.dist.name if point.dist else "unknown distribution"
    return f"pack {point.name!r} of {distribution} ({point.value})"


def _place(error: BaseException) -> str:
    """Return where an import failed, in the file that it came to last; what says so says it."""
    frames = [
        (code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if not (code := frame.f_code).co_filename.startswith(("<", __file__))
        and Path(code.co_filename).parent.name != "importlib"
    ]
    if not frames or isinstance(error, (SyntaxError, CatalogError)):
        return ""
    file, line = frames[-1]
    return f" ({Path(file).name}, line {line})"


def _nodes_of(module: ModuleType) -> Iterator[Node[..., object]]:
    seen: set[int] = set()
    for value in vars(module).values():
        if isinstance(value, Node) and id(value) not in seen:
            seen.add(id(value))
            yield value


def _load_module(name: str) -> ModuleType:
    return importlib.import_module(name)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise CatalogError(f"{path}: there is no such file")
    name = f"_resonate_nodes_{blake3(bytes(path.resolve())).hexdigest(8)}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Compiled here, and the source kept: it enters the keys, so it has to be the one that runs,
    # not what a cached compilation was made of, nor what the file is edited to later.
    source = path.read_bytes()
    code = compile(source, str(path), "exec", dont_inherit=True)
    lines = decode_source(source).splitlines(keepends=True)
    linecache.cache[str(path)] = (len(source), None, lines, str(path))
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
