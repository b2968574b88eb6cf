"""`NodeType`: a node as the engine sees it, and calls it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from traceback import walk_tb
from types import NoneType
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from .._base.errors import (
    CatalogError,
    NodeError,
    NodeFault,
    ParamError,
    ResonateError,
    in_one_line,
)
from .._base.installed import version_of
from .._base.libraries import import_whole
from .._base.near_names import instead
from .._machine.cost import LIGHT, Cost
from .._machine.devices import Avoid
from .._sound.audio import Audio
from .context import FP32, NotComputed, RunContext
from .known_models import KnownModels
from .params import Declared, checked
from .ports import Port, describe
from .values import File, Value, plain_json, require_portable

Placement = Literal["cpu", "accelerated"]
accelerated: Placement = "accelerated"

#: What a node's `prepare` hook is asked: the params, the wanted ports, the folder for model
#: weights, and whether it may fetch what is missing. It returns what else decides the samples
#: (weights digests), which becomes part of the key.
Prepare = Callable[["Preparation"], Mapping[str, Any]]

#: How a node computes, in a word or two, where that depends on the device: it becomes part of the
#: key, so that results that differ by more than rounding are not taken for each other.
Numerics = Callable[["Placed"], str]

#: Where in its first sound the output of a node begins, in seconds, given its params; before it
#: where that is negative, None where the params do not say it.
Begins = Callable[[Mapping[str, Any]], "float | None"]

#: Which output ports come out of the work for those that are wanted, at next to no more cost.
Besides = Callable[["Preparation"], Collection[str]]


#: What a node's `fits` hook is: it raises a NodeError where a step cannot do its work.
Fits = Callable[["Placed"], None]

#: What a node's `able` hook is: it raises a NodeError where a step cannot be computed.
Able = Callable[["Placed"], None]

#: What a node's `rate` hook is: given the params, the rate of what comes out; None where unknown.
Rate = Callable[[Mapping[str, Any]], "int | None"]


@dataclass(frozen=True)
class Preparation:
    """What a node's `prepare` hook is given, before anything runs.

    Attributes:
        params: the step's params, defaults filled in.
        wanted: the output ports somebody is connected to.
        models: the folder that was named for model weights, None for the usual places.
        fetch: whether it may use the network; where it may not and what it needs is missing, it
            returns what it knows, or raises `MissingModelError`.
        verify: whether what is there is to be compared with all that is known of it, such as
            checksums; it may take a while.
        warn: called with (message, param) about what is most likely not meant; `Graph.check` tells
            it.
    """

    params: Mapping[str, Any]
    wanted: frozenset[str]
    models: Path | None = None
    fetch: bool = False
    verify: bool = False
    warn: Callable[[str, str], None] = lambda message, param: None

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", copy.deepcopy(self.params))  # the hook's own


@dataclass(frozen=True)
class Placed:
    """What a node's hooks `numerics`, `fits` and `able` are given, once a step's inputs are known.

    Attributes:
        params: the step's params, defaults filled in.
        sample_rates: of the sounds on each input port, in Hz, as far as they are known.
        device: the kind of device it is expected to run on: ``cpu``, ``mps`` or ``cuda``. Should
            that fail, another is to compute in the same way.
    """

    params: Mapping[str, Any]
    sample_rates: Mapping[str, Sequence[int]]
    device: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", copy.deepcopy(self.params))  # the hook's own


#: Values that nobody can change.
_FIXED = (str, int, float, bool, NoneType, Audio, File)


def _own(value: Any) -> Any:
    """Return a value as one that nobody else reads: a node may change a list of its params."""
    return value if isinstance(value, _FIXED) else copy.deepcopy(value)


class _WithinTheTree:
    """Within it, whatever a node with a version raises becomes an error of this library's."""

    def __init__(self, node_type: NodeType) -> None:
        self._node_type = node_type

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            _retell(error, self._node_type)


def _retell(error: Exception, node_type: NodeType) -> None:
    """Raise what a node's own code has raised as an error of this library's, if it is none."""
    if isinstance(error, ResonateError):
        return
    if node_type.version is None:  # it is being written: its author wants to see this
        return
    if isinstance(error, (MemoryError, OSError)):  # the machine has no more to give
        raise NodeError(f"{node_type.id} was stopped by {in_one_line(error)}") from error
    raise NodeFault(node_type.id, error) from error


@dataclass(frozen=True, eq=False)
class NodeType:
    """A node as the engine sees it: everything its function's signature declares.

    Attributes:
        name: the function's name.
        pack: the pack it came from, empty for the stock pack; None for a node of the caller's own.
        version: raised whenever the samples change; None for a node that is keyed by its source.
        inputs: the input ports, in order.
        outputs: the output ports; a single one is called ``out``.
        output_class: the NamedTuple that declares several outputs; None for a single one.
        declared: the params.
        device: ``accelerated`` where it can use a GPU.
        uses: distributions whose version is part of the key.
        cost: what a step takes, as far as its author says; it decides when steps run.
        avoid: the devices it does not take unless it is told to.
        numerics: how it computes, where that depends on the device.
        begins: where in what goes in first what comes out begins, by its params, in seconds.
        fits: says at which sample rates it cannot do its work.
        able: says with which params a device cannot compute.
        rate: the sample rate of what comes out, by its params, in Hz.
        besides: which outputs come out of the work for others; ``all`` where all do.
        renamed: what ports and params were called before, with what they are called now.
        models: which models it knows, and which of them lie on this machine.
        doc: the function's docstring.
    """

    name: str
    function: Callable[..., Any]
    takes_context: bool
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    output_class: type[tuple[Any, ...]] | None
    declared: Declared
    version: int | None = None
    device: Placement = "cpu"
    uses: tuple[str, ...] = ()
    prepare: Prepare | None = None
    cost: Cost = LIGHT
    avoid: tuple[Avoid, ...] = ()
    numerics: Numerics | None = None
    begins: Begins | None = None
    fits: Fits | None = None
    able: Able | None = None
    rate: Rate | None = None
    besides: Besides | Literal["all"] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    models: KnownModels | None = None
    pack: str | None = None

    @cached_property
    def id(self) -> str:
        """What a graph calls it: ``name``, or ``pack/name`` for other packs."""
        return f"{self.pack}/{self.name}" if self.pack else self.name

    @property
    def params(self) -> type[BaseModel]:
        """Pydantic model of the params; what the docstring says of each is its description."""
        return self.declared.model

    @property
    def doc(self) -> str:
        """The docstring of the function."""
        return inspect.getdoc(self.function) or ""

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the node's source, without docstrings, with the helpers it reaches."""
        from .fingerprint import source_fingerprint  # what reads sources: of a few nodes alone

        return source_fingerprint(self.function)

    @cached_property
    def library_versions(self) -> dict[str, str]:
        """The installed versions of the libraries in `uses`.

        Raises:
            CatalogError: one is not installed.
        """
        try:
            return {name: version_of(name) for name in self.uses}
        except metadata.PackageNotFoundError as error:
            raise CatalogError(
                f"node {self.id!r} uses {error.name!r}, which is not installed"
            ) from None

    def input(self, name: str) -> Port | None:
        """Return the input port of that name."""
        for port in self.inputs:
            if port.name == name:
                return port
        return None

    def output(self, name: str) -> Port | None:
        """Return the output port of that name."""
        for port in self.outputs:
            if port.name == name:
                return port
        return None

    def instead(self, name: str, known: Collection[str]) -> str:
        """Return what is to be said after "has no param 'x'": its new name, or those there are."""
        new = self.renamed.get(name)
        return f"; it is called {new!r} now" if new in known else instead(name, known)

    def check_params(self, params: Mapping[str, Any]) -> BaseModel:
        """Validate params as they stand in JSON; 1 is not "1" and not true.

        Raises:
            pydantic.ValidationError: with one entry per problem.
            ParamError: a value cannot be written as JSON that every reader reads alike.
        """
        if not params and self._defaults is not None:
            return self._defaults
        return checked(self.id, self.params, params)

    @cached_property
    def _defaults(self) -> BaseModel | None:
        """The params where none is given, if steps can share them: none of them can be changed."""
        try:
            found = checked(self.id, self.params, {})
        except (ParamError, ValidationError):
            return None
        return found if all(isinstance(one, _FIXED) for one in vars(found).values()) else None

    @cached_property
    def _plain_defaults(self) -> Mapping[str, Any]:
        assert self._defaults is not None
        return plain_json(self._defaults)

    def plain_params(self, params: BaseModel) -> dict[str, Any]:
        """Return params of this type as plain JSON values."""
        return dict(self._plain_defaults) if params is self._defaults else plain_json(params)

    def prepared(self, question: Preparation) -> Mapping[str, Any]:
        """Return what else decides the result, by the node's `prepare` hook; nothing without one.

        Raises:
            ResonateError: what is asked for cannot be done.
        """
        if self.prepare is None:
            return {}
        with self._within_the_tree():
            return self.prepare(question)

    def given_besides(self, question: Preparation) -> frozenset[str]:
        """Return the output ports that come out of the work for the wanted ones, these left out.

        A node without a context gives all it has; of others they are known where it says so.
        """
        ports = frozenset(port.name for port in self.outputs)
        if self.besides == "all" or not self.takes_context:
            return ports - question.wanted
        if self.besides is None:
            return frozenset()
        try:
            with self._within_the_tree():
                return ports.intersection(self.besides(question)) - question.wanted
        except ResonateError:  # what is not known now, such as of a model that is not here
            return frozenset()

    def computed_in(self, place: Placed) -> str:
        """Return how it computes there, by the node's `numerics` hook."""
        if self.numerics is None:
            return FP32
        with self._within_the_tree():
            return self.numerics(place)

    def misfit(self, place: Placed) -> NodeError | None:
        """Return why it cannot do its work at the rates there, by the node's `fits` hook."""
        return self._refusal(self.fits, place)

    def inability(self, place: Placed) -> NodeError | None:
        """Return why it cannot be computed there, by the node's `able` hook."""
        return self._refusal(self.able, place)

    def _refusal(self, hook: Callable[[Placed], None] | None, place: Placed) -> NodeError | None:
        if hook is None:
            return None
        try:
            with self._within_the_tree():
                hook(place)
        except NodeError as error:
            return error
        return None

    def rate_given(self, params: Mapping[str, Any]) -> int | None:
        """Return the sample rate of what comes out, by the node's `rate` hook; None if unknown.

        Raises:
            NodeFault: the hook failed in a way its author did not foresee.
        """
        if self.rate is None:
            return None
        with self._within_the_tree():
            return self.rate(params)

    def run(
        self,
        inputs: Mapping[str, Value | Sequence[Value] | None],
        params: BaseModel,
        ctx: RunContext,
    ) -> dict[str, Value]:
        """Call the function and return its outputs by port, those that were computed.

        Raises:
            NodeError: the node returned something else than it declares.
            NodeFault: it has a version, and failed in a way its author did not foresee.
        """
        found = self._outputs(self._call(inputs, params, ctx))
        if not ctx.wanted <= found.keys():
            absent = sorted(ctx.wanted - found.keys())
            raise NodeError(f"{self.id} did not compute {', '.join(absent)}")
        return found

    def call(self, ctx: RunContext, *args: Any, **kwargs: Any) -> Any:
        """Call the node as the plain function it is, validated, with defaults filled in."""
        inputs, params = self._split(args, kwargs)
        place = Placed(
            plain_json(params),
            {port.name: _sample_rates(inputs[port.name]) for port in self.inputs},
            ctx.device.partition(":")[0],
        )
        wanted = frozenset(port.name for port in self.outputs)
        numerics = self.computed_in(place)
        result = self._call(inputs, params, replace(ctx, wanted=wanted, numerics=numerics))
        self._outputs(result)
        return result

    def _call(self, inputs: Mapping[str, Any], params: BaseModel, ctx: RunContext) -> Any:
        arguments: list[Any] = []
        for port in self.inputs:
            value = inputs[port.name]
            if port.many and value is not None:
                arguments.append([_own(one) for one in value])
            else:
                arguments.append(_own(value))
        if self.takes_context:
            arguments.insert(0, ctx)
        keywords = {name: _own(value) for name, value in vars(params).items()}
        if self.uses:
            import_whole(self.uses)  # a part of them is imported in another thread, maybe
        try:
            return self.function(*arguments, **keywords)
        except Exception as error:
            _retell(error, self)
            raise

    def _within_the_tree(self) -> _WithinTheTree:
        """Let what the node's own code raises be an error of this library's."""
        return _WithinTheTree(self)

    def place_of(self, error: BaseException) -> str | None:
        """Return the last line of the function's file that an exception came through."""
        if isinstance(error, NodeFault) and error.__cause__ is not None:
            error = error.__cause__
        file = getattr(getattr(self.function, "__code__", None), "co_filename", None)
        lines = [
            line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file
        ]
        return f"{Path(file).name}, line {lines[-1]}" if file and lines else None

    def _outputs(self, result: Any) -> dict[str, Value]:
        """Return what the function returned, by port, each value as exactly its declared type."""
        if self.output_class is None:
            values = {"out": result}
        elif isinstance(result, self.output_class):
            values = dict(zip((port.name for port in self.outputs), result, strict=True))
        else:
            raise NodeError(
                f"{self.id} returned {describe(result)}, "
                f"which is declared as {self.output_class.__name__}"
            )
        found: dict[str, Value] = {}
        for port in self.outputs:
            value = values[port.name]
            if isinstance(value, NotComputed):
                continue
            exact = port.type.exactly(value)
            if exact is None:
                raise NodeError(
                    f"{self.id} returned {describe(value)} as {port.name!r}, "
                    f"which is declared as {port.type.name}"
                )
            found[port.name] = exact
            try:
                require_portable(exact)
            except ValueError:
                raise NodeError(
                    f"{self.id} returned {value!r} as {port.name!r}, which JSON cannot hold"
                ) from None
        return found

    def _split(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], BaseModel]:
        """Sort a plain call's arguments into inputs and validated params."""
        if len(args) > len(self.inputs):
            raise ParamError(
                f"{self.id} takes {len(self.inputs)} inputs, {len(args)} were given; "
                "params are given by name"
            )
        inputs = dict(zip((port.name for port in self.inputs), args, strict=False))
        params = {}
        for name, value in kwargs.items():
            if self.input(name) is None:
                params[name] = value
            elif name in inputs:
                raise ParamError(f"{self.id}: input {name!r} was given twice", param=name)
            else:
                inputs[name] = value
        for port in self.inputs:
            inputs[port.name] = self._checked_input(port, inputs.get(port.name))
        try:
            return inputs, self.check_params(params)
        except ValidationError as error:
            first = error.errors()[0]
            param = str(first["loc"][0]) if first["loc"] else None
            where = ".".join(map(str, first["loc"]))
            if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
                names = [*self.params.model_fields, *(one.name for one in self.inputs)]
                hint = instead(where, names)
                raise ParamError(
                    f"{self.id}: {where}: there is no such param{hint}", param=param
                ) from None
            raise ParamError(
                f"{self.id}: {where}: {first['msg']} (got {first['input']!r})", param=param
            ) from None

    def _checked_input(self, port: Port, value: Any) -> Any:
        if value is None and port.optional:
            return None
        if isinstance(value, NotComputed):
            raise value.error()
        items = value if port.many and isinstance(value, (list, tuple)) else [value]
        for item in items:
            if item is None or not port.type.holds(item):
                given = "nothing" if item is None else describe(item)
                raise ParamError(
                    f"{self.id}: input {port.name!r} takes {port}, {given} was given",
                    param=port.name,
                )
        return list(items) if port.many else value


def _sample_rates(value: Any) -> tuple[int, ...]:
    """Return the rates of the sounds on an input port."""
    sounds = value if isinstance(value, list) else [value]
    return tuple(one.sample_rate for one in sounds if isinstance(one, Audio))
