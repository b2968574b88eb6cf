"""The catalog: every node type that can be used, found through entry points.

A pack is a package that registers a module under the entry point group
``resonate_graph.nodes``; the entry point's name is the pack's name, and every `@node` function in
the module is a node of it. The stock pack is called ``stock`` and its nodes need no prefix. A pack
with many nodes may import each when it is asked for; see `LatePack`.
"""

from __future__ import annotations

import difflib
import importlib
import linecache
import sys
from collections import ChainMap
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
from .._base.installed import entry_points, name_of
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


class LatePack(Mapping[str, NodeType]):
    """The nodes of a pack that imports each when it is asked for, by their ids.

    Its module has a ``__getattr__`` (PEP 562), and names in ``__all__`` what that imports; each
    node is there under its own name. So a run waits for the nodes of its graph alone.

    Args:
        module: the pack's module.
        name: the pack's name.
        origin: where it came from, for messages.
    """

    def __init__(self, module: ModuleType, name: str, origin: str) -> None:
        self.origin = origin
        self.broken: BrokenPack | None = None  # why not all of it could be imported
        self._module = module
        self.name = name
        self._prefix = "" if name == STOCK else f"{name}/"
        there = {value.type.name for value in vars(module).values() if isinstance(value, Node)}
        self._names = frozenset(module.__all__) | there
        self._types: dict[str, NodeType] = {}

    def called(self, name: str) -> NodeType | None:
        """Return the node type that has a name within this pack, None where there is none."""
        if name not in self._types and name in self._names:
            try:
                found = getattr(self._module, name)
            except (Exception, SystemExit) as error:  # whatever a pack's import raises
                reason = f"{type(error).__name__}: {error}"
                self.broken = BrokenPack(self.origin, reason, self.name)
                return None
            if isinstance(found, Node) and found.type.name == name:
                self._types.setdefault(name, replace(found.type, pack=self._prefix[:-1]))
            elif isinstance(found, Node) and found.type.name not in self._names:
                reason = (
                    f"node {found.type.name!r} is offered as {name!r}; a pack that imports its "
                    "nodes late offers each under its own name"
                )
                self.broken = BrokenPack(self.origin, reason, self.name)
        return self._types.get(name)

    def __getitem__(self, type_id: str) -> NodeType:
        found = None
        if type_id.startswith(self._prefix):
            found = self.called(type_id.removeprefix(self._prefix))
        if found is None:
            raise KeyError(type_id)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter([one.id for name in sorted(self._names) if (one := self.called(name))])

    def __len__(self) -> int:
        return sum(1 for _ in self)  # a list would ask for the length first


@dataclass(frozen=True)
class Catalog:
    """Node types by their id. Immutable; `with_nodes` and `with_module` give larger ones.

    Attributes:
        loaded: node types that are there, by id.
        places: where each of them came from, for messages.
        late: packs whose nodes are imported when they are asked for.
        unusable: packs that could not be imported.
    """

    loaded: Mapping[str, NodeType] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    late: tuple[LatePack, ...] = ()
    unusable: tuple[BrokenPack, ...] = ()

    @cached_property
    def types(self) -> Mapping[str, NodeType]:
        """Every node type, by id; what looks for one by its id imports no others."""
        # a chain changes its first mapping alone, and nobody changes this one
        return ChainMap(dict(self.loaded), *self.late)  # type: ignore[arg-type]

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each node type came from, for messages, by id."""
        return {**{name: pack.origin for pack in self.late for name in pack}, **self.places}

    @property
    def broken(self) -> tuple[BrokenPack, ...]:
        """Packs that could not be imported, or not wholly."""
        for pack in self.late:
            _ = len(pack)  # imports what is left of it
        return (*self.unusable, *(pack.broken for pack in self.late if pack.broken is not None))

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
        found = [one for id_, one in self.loaded.items() if id_.partition("/")[2] == name]
        found += [one for pack in self.late if (one := pack.called(name)) and one.pack]
        if len(found) > 1:
            ids = " and ".join(sorted(one.id for one in found))
            raise CatalogError(f"several packs have a node {name!r}: say {ids}")
        return found[0] if found else None

    def find(self, node: Node[..., object]) -> NodeType | None:
        """Return the type under which a node is known here, None where it is not."""
        function = node.type.function
        if function not in self._by_function:
            for pack in self.late:
                found = pack.called(node.type.name)
                if found is not None and found.function is function:
                    self._by_function[function] = found
                    break
        return self._by_function.get(function)

    @cached_property
    def _by_function(self) -> dict[object, NodeType]:
        """The node types that were looked for, by their functions; of several of one, the first."""
        return {one.function: one for one in reversed([*self.loaded.values()])}

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
        types, places = dict(self.loaded), dict(self.places)
        for node in nodes:
            name = node.type.id
            known = types.get(name) or self.types.get(name)
            if known is not None and known.function is not node.type.function:
                there = places.get(name) or self.origins[name]
                raise CatalogError(f"node {name!r} is declared twice: by {there} and by {origin}")
            types[name], places[name] = node.type, origin
            if node.type.pack is None:
                _ = node.type.fingerprint  # read now, before somebody edits the source
        return replace(self, loaded=types, places=places)

    def with_late(self, pack: LatePack) -> Catalog:
        """Return a catalog with a pack that imports its nodes when they are asked for.

        Raises:
            CatalogError: an id is taken by another node; the message names both places.
        """
        taken = [
            *self.loaded,
            *(name for one in self.late if one.name == pack.name for name in one),
        ]
        for name in taken:
            if name in pack and pack[name].function is not self.types[name].function:
                raise CatalogError(
                    f"node {name!r} is declared twice: by {self.origins[name]} and by {pack.origin}"
                )
        return replace(self, late=(*self.late, pack))

    def joined(self, other: Catalog) -> Catalog:
        """Return a catalog with the nodes of both.

        Raises:
            CatalogError: both have another node under one id; the message names both places.
        """
        if self.loaded is other.loaded and self.late == other.late:
            return self
        theirs = other.loaded if self.late == other.late else other.types
        types, places = dict(self.loaded), dict(self.places)
        for name, one in theirs.items():
            known = self.types.get(name)
            if known is None:
                types[name], places[name] = one, other.origins[name]
            elif known.function is not one.function:
                raise CatalogError(
                    f"node {name!r} is declared twice: by {self.origins[name]} and by "
                    f"{other.origins[name]}"
                )
        return replace(self, loaded=types, places=places)

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
            module = point.load()
            late = LatePack(module, point.name, origin) if _is_late(module) else None
            nodes = list(_nodes_of(module)) if late is None else []
        except (Exception, SystemExit) as error:  # whatever a pack's import raises
            reason = f"{type(error).__name__}: {error}"
            broken.append(BrokenPack(origin, reason, point.name))
            continue
        if late is not None:
            catalog = catalog.with_late(late)
            continue
        pack = "" if point.name == STOCK else point.name
        renamed: list[Node[..., object]] = [Node(replace(node.type, pack=pack)) for node in nodes]
        catalog = catalog.with_nodes(renamed, origin)
    return replace(catalog, unusable=tuple(broken))


def _is_late(module: ModuleType) -> bool:
    """Whether a module imports what it offers when it is asked for."""
    return {"__all__", "__getattr__"} <= vars(module).keys()


def _origin(point: metadata.EntryPoint) -> str:
    distribution = name_of(point.dist) if point.dist else "unknown distribution"
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
    late = [getattr(module, name) for name in module.__all__] if _is_late(module) else []
    for value in [*vars(module).values(), *late]:
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
