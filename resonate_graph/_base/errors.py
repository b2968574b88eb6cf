"""Every exception this library raises on purpose.

::

    ResonateError
    ├── GraphError       the document, its wiring, its params or its bindings are wrong
    ├── CatalogError     a node pack cannot be used, or two packs claim one name
    ├── DeviceError      a device was asked for that this machine does not have
    ├── AudioError       samples that are no valid audio (also a ValueError)
    ├── InputError       a file that was bound to an input cannot be read
    │   └── InputsError  several of them cannot be read
    ├── NodeError        a node cannot do its work on what it was given
    │   ├── ParamError   a node, or a run, was called with what it does not accept (a ValueError)
    │   └── NodeFault    a node failed in a way its author did not foresee; its cause is attached
    ├── ModelError       the weights of a model are missing, damaged or not trusted
    │   └── MissingModelError   they are not here
    ├── StoreError       the store cannot be used
    ├── ManifestError    what a batch was given cannot be done as it stands
    ├── OutputError      a result cannot be written
    │   └── OverwriteError  it would be written over something else
    ├── RunError         a node failed while a graph was running; its cause is attached
    ├── BatchError       some of several runs failed; what the others gave is attached
    └── Cancelled        the run was asked to stop

The attributes carry the facts; the text says what is wrong, where, and what to do. What a caller
would have to give is said as Python does, in backticks: ```max_minutes=...```; the command line
says it in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

__all__ = [
    "AudioError",
    "BatchError",
    "Cancelled",
    "CatalogError",
    "DeviceError",
    "GraphError",
    "InputError",
    "InputsError",
    "ManifestError",
    "MissingModelError",
    "ModelError",
    "NodeError",
    "NodeFault",
    "OutputError",
    "OverwriteError",
    "ParamError",
    "Problem",
    "ResonateError",
    "ResonateWarning",
    "RunError",
    "StoreError",
]


#: How many problems of a graph are told; nobody reads more, and a hostile one may have millions.
MAX_PROBLEMS = 100


class ResonateError(Exception):
    """Base of every error this library raises on purpose.

    `exit_code` is what the command line ends with: 1 a run failed, 2 the graph or the call is
    wrong, 130 interrupted.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, *said: object) -> None:
        super().__init__(*map(_printable, said))

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would call the class with the text alone; its cause stays behind, as with others
        return _remade, (type(self), self.args), self.__dict__


def _remade(kind: type[ResonateError], said: tuple[object, ...]) -> ResonateError:
    """Return an error that another process sent, whatever its class is made of."""
    return kind.__new__(kind, *said)


def _printable(said: object) -> object:
    """Return a text without what no terminal takes: names of files and keys of JSON may have it."""
    if not isinstance(said, str):
        return said
    return said.replace("\0", "\\0").encode(errors="backslashreplace").decode()


@dataclass(frozen=True)
class UsePlace:
    """Where a node stands that uses a graph.

    Attributes:
        name: the way to it, such as ``end/repair``.
        source: the file or graph it is in.
        line: line in that, from 1; None where it did not come from text.
        column: column in the line, in characters, from 1.
    """

    name: str
    source: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a graph, and where.

    Attributes:
        code: a stable word for the kind of problem, such as ``unknown-type``.
        message: what is wrong and what would be right.
        pointer: JSON pointer (RFC 6901) into the document; empty for the document as a whole.
        line: line in the file, from 1; None where the graph did not come from text.
        column: column in the line, in characters, from 1.
        argument: what of the call it is about, such as ``params['gate_db']``; empty where it is
            about the document.
        source: the file or graph it is in, where that is not the one that was asked for but one
            that it uses.
        within: the uses of graphs that lead there, such as ``repair/vocals``; empty for the graph
            itself.
        uses: where these uses stand, from the outside in.
    """

    code: str
    message: str
    pointer: str = ""
    line: int | None = None
    column: int | None = None
    argument: str = ""
    source: str = ""
    within: str = ""
    uses: tuple[UsePlace, ...] = ()

    def __str__(self) -> str:
        if self.argument:
            return f"{self.argument}: {self.message}"
        where = f"{self.line}:{self.column} " if self.line is not None else ""
        where = f"{self.source}:{where or ' '}" if self.source else where
        within = f" (in {self.within})" if self.within else ""
        return f"{where}{self.pointer or '/'}: {self.message}{within}"

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain JSON values; what only some have, only if this one has it."""
        plain = asdict(self)
        rare = ("argument", "source", "within", "uses")
        plain["uses"] = list(plain["uses"])
        return {key: plain[key] for key in plain if key not in rare or plain[key]}


class GraphError(ResonateError):
    """A graph cannot run as it stands: all its problems at once.

    Attributes:
        source: the file or graph the problems are in.
        problems: the problems that were found, in document order, up to `MAX_PROBLEMS`.
        omitted: how many more there are.
    """

    exit_code = 2

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        in_order = sorted(problems, key=lambda one: (one.source, one.line or 0, one.column or 0))
        self.problems = tuple(in_order[:MAX_PROBLEMS])
        self.omitted = len(in_order) - len(self.problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"  {problem}" for problem in self.problems]
        lines += [f"  and {self.omitted} more"] if self.omitted else []
        super().__init__("\n".join([f"{source}: {count}", *lines]))


class CatalogError(ResonateError):
    """A node pack cannot be used, or two packs claim one name."""

    exit_code = 2


class DeviceError(ResonateError):
    """A device was asked for that this machine does not have."""

    exit_code = 2


class AudioError(ResonateError, ValueError):
    """Samples that are no valid audio: wrong shape or type, or not finite."""


class InputError(ResonateError):
    """A file that was bound to an input cannot be read.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        super().__init__(f"{path}: {message}")


class InputsError(InputError):
    """Several files that were bound to inputs cannot be read; all of them are told.

    Attributes:
        errors: what is wrong with each, by the input's name.
        path: the first of the files.
    """

    def __init__(self, errors: Mapping[str, InputError]) -> None:
        self.errors = dict(errors)
        lines = [f"{len(self.errors)} inputs cannot be read"]
        lines += [f"  input {name!r}: {error}" for name, error in self.errors.items()]
        ResonateError.__init__(self, "\n".join(lines))
        self.path = next(iter(self.errors.values())).path

    @staticmethod
    def of(errors: Mapping[str, InputError]) -> InputError | None:
        """Return one error for all of some: itself where it is one, None where there is none."""
        return InputsError(errors) if len(errors) > 1 else next(iter(errors.values()), None)


class NodeError(ResonateError):
    """A node cannot do its work on what it was given."""


class ParamError(NodeError, ValueError):
    """A node was called with a param, or a combination of params, that it does not accept.

    So is a run that was called with a setting that there is not, or a value it cannot have.

    Attributes:
        param: the param's name, None where the combination is what is wrong.
    """

    exit_code = 2

    def __init__(self, message: str, *, param: str | None = None) -> None:
        self.param = param
        super().__init__(message)


class NodeFault(NodeError):
    """A node failed in a way its author did not foresee. The cause is in ``__cause__``.

    Nodes that have a version give this for whatever else than a `ResonateError` they raise. A
    node without one is still being written: what it raises is not changed.

    Attributes:
        type: the node's type.
    """

    def __init__(self, type_id: str, cause: BaseException) -> None:
        self.type = type_id
        super().__init__(
            f"{type_id} failed in a way its author did not foresee ({in_one_line(cause)}); please "
            "report it to the author, with what the node was given"
        )


class ModelError(ResonateError):
    """The weights of a model are missing, damaged or not trusted.

    Attributes:
        model: the model's name.
    """

    def __init__(self, model: str, message: str) -> None:
        self.model = model
        super().__init__(message)


class MissingModelError(ModelError):
    """The weights of a model are nowhere to be found; the machine that runs may have them.

    Attributes:
        instead: models that are here and would do.
    """

    def __init__(self, model: str, message: str, *, instead: Sequence[str] = ()) -> None:
        self.instead = tuple(instead)
        super().__init__(model, message)


class StoreError(ResonateError):
    """The store cannot be used."""


class ManifestError(ResonateError):
    """What a batch was given cannot be done as it stands: all that is wrong with it at once.

    Attributes:
        source: the folder, pattern or manifest.
        problems: what is wrong, in the order in which it stands there, up to `MAX_PROBLEMS`.
        omitted: how much more there is.
    """

    exit_code = 2

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = tuple(problems[:MAX_PROBLEMS])
        self.omitted = len(problems) - len(self.problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"  {problem}" for problem in self.problems]
        lines += [f"  and {self.omitted} more"] if self.omitted else []
        super().__init__("\n".join([f"{source}: {count}", *lines]))


class OutputError(ResonateError):
    """A result cannot be written."""


class OverwriteError(OutputError):
    """A result would be written over a file that holds something else.

    Attributes:
        paths: the files.
    """

    exit_code = 2

    def __init__(self, message: str, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        super().__init__(message)

    @staticmethod
    def of(paths: Sequence[Path]) -> OverwriteError:
        """Return the refusal to write over some files."""
        what = "is there already, and holds something else"
        lines = [f"{paths[0]} {what}"]
        if len(paths) > 1:
            what = "are there already, and hold something else"
            lines = [f"{len(paths)} files {what}", *map(str, paths)]
        lines[0] += ": take another folder, or `name=...`, or write over it with `overwrite=True`"
        return OverwriteError("\n  ".join(lines), paths)


class RunError(ResonateError):
    """A node failed while a graph was running. The cause is in ``__cause__``.

    Attributes:
        node: the node's name in the graph.
        type: the node's type.
    """

    def __init__(
        self, node: str, type_id: str, cause: BaseException, *, place: str | None = None
    ) -> None:
        self.node = node
        self.type = type_id
        where = f" ({place})" if place else ""
        if isinstance(cause, NodeFault):
            what = f"{cause}{where}"
        elif isinstance(cause, ResonateError):
            what = str(cause) or type(cause).__name__
        else:
            what = f"{in_one_line(cause)}{where}"
        super().__init__(f"node {node!r} ({type_id}): {what}")


class BatchError(ResonateError):
    """Some of several runs failed; the others have run to their end.

    Attributes:
        results: the `Result` of each input, in order; None where it failed.
        errors: what went wrong, by the index of the input.
    """

    def __init__(self, results: Sequence[Any], errors: Mapping[int, ResonateError]) -> None:
        self.results = list(results)
        self.errors = dict(errors)
        lines = [f"{len(self.errors)} of {len(self.results)} inputs failed"]
        lines += [
            f"  input {index}: {error}".replace("\n", "\n  ")
            for index, error in self.errors.items()
        ]
        super().__init__("\n".join(lines))


class Cancelled(ResonateError):
    """The run was asked to stop. What was finished before is in the store."""

    exit_code = 130


class ResonateWarning(UserWarning):
    """A node that was called as a plain function has something to say about its result."""


def in_one_line(error: BaseException) -> str:
    """Return the type of an exception that is not of this library, and how its text begins."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('. ')}" if lines else type(error).__name__
