"""`@node`: a function's signature becomes a `NodeType`; the function stays a function.

Positional parameters are input ports, keyword-only ones are params, the return annotation
declares the outputs. A first parameter annotated `RunContext` is filled by the engine and is not
part of the caller's signature. Nothing of this is said in a second place.
"""

from __future__ import annotations

import inspect
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Concatenate, Generic, Literal, Protocol, TypeVar, cast, overload

import numpy as np
import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from typing_extensions import ParamSpec

from ._context import NotComputed, RunContext
from ._cost import HEAVY, LIGHT, Cost
from ._devices import Avoid, place, probe
from ._docstrings import entries
from ._errors import CatalogError, NodeError, ParamError, ResonateWarning
from ._fingerprint import source_fingerprint
from ._types import Port, describe, port_type
from ._values import Report, Value, canonical, require_portable

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Placement = Literal["cpu", "accelerated"]
accelerated: Placement = "accelerated"

#: What a node's `prepare` hook is asked: the params, the wanted ports, the folder for model
#: weights, and whether it may fetch what is missing. It returns what else decides the samples
#: (weights digests), which becomes part of the key.
Prepare = Callable[["Preparation"], Mapping[str, Any]]


@dataclass(frozen=True)
class Preparation:
    """What a node's `prepare` hook is given, before anything runs.

    Attributes:
        params: the step's params, defaults filled in.
        wanted: the output ports somebody is connected to.
        models: the folder that was named for model weights, None for the usual places.
        fetch: whether it may use the network; where it may not and what it needs is missing, it
            returns what it knows, or raises `ModelError`.
    """

    params: Mapping[str, Any]
    wanted: frozenset[str]
    models: Path | None = None
    fetch: bool = False


class _Params(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # so that plain_params refuses them where a type lets them in
    )


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
        params: pydantic model of the params; what the docstring says of each is its description.
        device: ``accelerated`` where it can use a GPU.
        uses: distributions whose version is part of the key.
        cost: what a step takes, as far as its author says; it decides when steps run.
        avoid: the devices it does not take unless it is told to.
        doc: the function's docstring.
    """

    name: str
    function: Callable[..., Any]
    takes_context: bool
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    output_class: type[tuple[Any, ...]] | None
    params: type[BaseModel]
    version: int | None = None
    device: Placement = "cpu"
    uses: tuple[str, ...] = ()
    prepare: Prepare | None = None
    cost: Cost = LIGHT
    avoid: tuple[Avoid, ...] = ()
    pack: str | None = None

    @property
    def id(self) -> str:
        """What a graph calls it: ``name``, or ``pack/name`` for other packs."""
        return f"{self.pack}/{self.name}" if self.pack else self.name

    @property
    def doc(self) -> str:
        """The docstring of the function."""
        return inspect.getdoc(self.function) or ""

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the node's source, without docstrings, with the helpers it reaches."""
        return source_fingerprint(self.function)

    @cached_property
    def library_versions(self) -> dict[str, str]:
        """The installed versions of the libraries in `uses`.

        Raises:
            CatalogError: one is not installed.
        """
        try:
            return {name: metadata.version(name) for name in self.uses}
        except metadata.PackageNotFoundError as error:
            raise CatalogError(
                f"node {self.id!r} uses {error.name!r}, which is not installed"
            ) from None

    def input(self, name: str) -> Port | None:
        """Return the input port of that name."""
        return next((port for port in self.inputs if port.name == name), None)

    def output(self, name: str) -> Port | None:
        """Return the output port of that name."""
        return next((port for port in self.outputs if port.name == name), None)

    def check_params(self, params: Mapping[str, Any]) -> BaseModel:
        """Validate params as they stand in JSON; 1 is not "1" and not true.

        What the node is given is read back from the canonical JSON that goes into keys. So where
        two values have one key, 1.0 and 1, or -0.0 and 0, the node cannot tell them apart either.

        Raises:
            pydantic.ValidationError: with one entry per problem.
            ParamError: a value cannot be written as JSON that every reader reads alike.
        """
        for name, value in params.items():
            try:
                _to_json(value)
            except ValueError:
                raise _not_json(self.id, name, value) from None
        validated = self.params.model_validate_json(_to_json(params), strict=True)
        respelt = {}
        for name, value in validated.model_dump(mode="json").items():
            try:
                respelt[name] = canonical(value)
            except ValueError:
                raise _not_json(self.id, name, value) from None
        return self.params.model_validate_json(_to_json(respelt), strict=True)

    def run(
        self,
        inputs: Mapping[str, Value | Sequence[Value] | None],
        params: BaseModel,
        ctx: RunContext,
    ) -> dict[str, Value]:
        """Call the function and return its outputs by port, those that were computed.

        Raises:
            NodeError: the node returned something else than it declares.
        """
        found = self._outputs(self._call(inputs, params, ctx))
        if absent := sorted(ctx.wanted - found.keys()):
            raise NodeError(f"{self.id} did not compute {', '.join(absent)}")
        return found

    def call(self, ctx: RunContext, *args: Any, **kwargs: Any) -> Any:
        """Call the node as the plain function it is, validated, with defaults filled in."""
        inputs, params = self._split(args, kwargs)
        wanted = frozenset(port.name for port in self.outputs)
        result = self._call(inputs, params, replace(ctx, wanted=wanted))
        self._outputs(result)
        return result

    def _call(self, inputs: Mapping[str, Any], params: BaseModel, ctx: RunContext) -> Any:
        arguments: list[Any] = []
        for port in self.inputs:
            value = inputs[port.name]
            arguments.append(list(value) if port.many and value is not None else value)
        if self.takes_context:
            arguments.insert(0, ctx)
        keywords = {name: getattr(params, name) for name in type(params).model_fields}
        return self.function(*arguments, **keywords)

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
            try:
                require_portable(exact)
            except ValueError:
                raise NodeError(
                    f"{self.id} returned {value!r} as {port.name!r}, which JSON cannot hold"
                ) from None
            found[port.name] = exact
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


class Node(Generic[P, R_co]):
    """A node: callable as the function it was made from, with a `type` for the engine."""

    def __init__(self, node_type: NodeType) -> None:
        self.type = node_type
        self.__doc__ = node_type.function.__doc__
        self.__name__ = node_type.name
        self.__qualname__ = node_type.function.__qualname__
        self.__module__ = node_type.function.__module__
        self.__wrapped__ = node_type.function

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self.type.function)
        parameters = list(signature.parameters.values())
        return signature.replace(parameters=parameters[int(self.type.takes_context) :])

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the node at once on values, on the best device this machine has.

        Raises:
            ParamError: an input or a param is not what the signature declares.
        """
        said: list[str] = []
        ctx = RunContext(
            device=_eager_device(self.type, kwargs),
            on_warning=lambda code, message: said.append(f"{code}: {message}"),
        )
        try:
            result = cast(R_co, self.type.call(ctx, *args, **kwargs))
        finally:
            ctx.close()
        for text in said:
            warnings.warn(text, ResonateWarning, stacklevel=2)
        return result

    def __repr__(self) -> str:
        return f"<node {self.type.id}>"


class _Decorator(Protocol):
    @overload
    def __call__(self, function: Callable[Concatenate[RunContext, P], R], /) -> Node[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Node[P, R]: ...


def node(
    *,
    version: int | None = None,
    device: Placement = "cpu",
    uses: Sequence[str] = (),
    prepare: Prepare | None = None,
    cost: Cost | None = None,
    avoid: Sequence[Avoid] = (),
) -> _Decorator:
    """Make a node of a function; its signature is the declaration.

    Args:
        version: raise it whenever the samples the node gives change. None: the node is keyed by
            its source, so that editing it computes again.
        device: ``accelerated`` for a node that can use a GPU by `RunContext.device`.
        uses: distributions (as pip names them) whose version decides the result.
        prepare: called before anything runs; returns what else decides the result, such as the
            digest of model weights. See `Preparation`.
        cost: what a step takes, so that steps are run in a good order and fit into the memory;
            None for one thread and little time, or for all threads and much time where it can
            use an accelerator. Part of no key.
        avoid: kinds of device that ``auto`` leaves alone, with the reason. Part of no key.

    Returns:
        A decorator whose result is callable as before, and can be added to a `Graph`.

    Raises:
        CatalogError: the signature is not one of a node; the message says what to change.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio, node
        >>> @node()
        ... def halve(audio: Audio, *, times: int = 1) -> Audio:
        ...     return audio.with_samples(audio.samples * 0.5**times)
        >>> float(halve(Audio(np.ones(4), 8000), times=2).samples[0, 0])
        0.25
    """

    def decorate(function: Callable[..., Any]) -> Node[Any, Any]:
        declared = replace(
            _read_signature(function),
            version=version,
            device=device,
            uses=tuple(uses),
            prepare=prepare,
            cost=cost or (HEAVY if device == accelerated else LIGHT),
            avoid=tuple(avoid),
        )
        return Node(declared)

    return cast(_Decorator, decorate)


def _read_signature(function: Callable[..., Any]) -> NodeType:
    where = f"node {function.__module__}.{function.__qualname__}"
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:
        raise CatalogError(f"{where}: an annotation cannot be read: {error}") from error
    parameters = list(inspect.signature(function).parameters.values())
    takes_context = bool(parameters) and hints.get(parameters[0].name) is RunContext
    inputs: list[Port] = []
    params: dict[str, Any] = {}
    for parameter in parameters[int(takes_context) :]:
        name = parameter.name
        if name not in hints:
            raise CatalogError(f"{where}: parameter {name!r} has no annotation")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise CatalogError(f"{where}: *args and **kwargs declare nothing; name each parameter")
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            params[name] = (hints[name], default)
        else:
            inputs.append(_read_input(where, parameter, hints[name]))
    outputs, output_class = _read_outputs(where, hints.get("return"))
    return NodeType(
        name=function.__name__,
        function=function,
        takes_context=takes_context,
        inputs=tuple(inputs),
        outputs=outputs,
        output_class=output_class,
        params=_params_model(where, function, params),
    )


def _params_model(
    where: str, function: Callable[..., Any], fields: Mapping[str, Any]
) -> type[BaseModel]:
    said = entries(function.__doc__ or "", "Args")
    for field in fields:
        if field.startswith("_") or hasattr(_Params, field):
            raise CatalogError(f"{where}: a param cannot be called {field!r}; choose another name")
    described: dict[str, Any] = {
        name: (hint, Field(default, description=said.get(name)))
        for name, (hint, default) in fields.items()
    }
    try:
        model = create_model(f"{function.__name__}_params", __base__=_Params, **described)
    except Exception as error:  # whatever pydantic says of an annotation
        reason = str(error).splitlines()[0]
        raise CatalogError(
            f"{where}: a param is plain data that JSON can hold, audio goes into inputs: {reason}"
        ) from error
    defaults = {key: default for key, (_, default) in fields.items() if default is not ...}
    try:
        model.model_validate(defaults)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] != "missing":
                path = ".".join(map(str, fault["loc"]))
                raise CatalogError(
                    f"{where}: the default of param {path!r} is {fault['input']!r}: {fault['msg']}"
                ) from None
    return model


def _read_input(where: str, parameter: inspect.Parameter, hint: Any) -> Port:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [item for item in typing.get_args(hint) if item is not type(None)]
        hint = members[0] if len(members) == 1 else hint
    items = typing.get_args(hint)
    many = typing.get_origin(hint) is list and len(items) == 1
    kind = port_type(items[0] if many else hint)
    if kind is None:
        raise CatalogError(
            f"{where}: input {parameter.name!r} is annotated {hint!r}; a port is Audio, File, a "
            "Report, float, int, str, bool, or a list of one of these; a setting is keyword-only"
        )
    if parameter.default not in (parameter.empty, None):
        raise CatalogError(f"{where}: the default of input {parameter.name!r} can only be None")
    return Port(parameter.name, kind, many=many, optional=parameter.default is None)


def _read_outputs(where: str, hint: Any) -> tuple[tuple[Port, ...], type[tuple[Any, ...]] | None]:
    output_class = None
    if inspect.isclass(hint) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        fields = typing.get_type_hints(hint)
        kinds = {name: port_type(fields.get(name)) for name in hint._fields}
        output_class = hint
    else:
        kinds = {"out": port_type(hint)}
    if not kinds:
        raise CatalogError(f"{where}: {hint.__name__} names no output")
    ports = []
    for name, kind in kinds.items():
        if kind is None:
            raise CatalogError(
                f"{where}: output {name!r} is not annotated with Audio, File, a Report, float, "
                "int, str or bool"
            )
        if kind.python is Report:
            raise CatalogError(f"{where}: output {name!r} is a Report: say which class of it")
        ports.append(Port(name, kind))
    return tuple(ports), output_class


def _to_json(value: Any) -> bytes:
    return pydantic_core.to_json(value, inf_nan_mode="constants", fallback=_scalar)


def _not_json(node: str, param: str, value: object) -> ParamError:
    return ParamError(f"{node}: {param}: JSON cannot hold {value!r}", param=param)


def _scalar(value: object) -> object:
    """Return numpy's scalars as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    raise ValueError


def _eager_device(node_type: NodeType, given: Mapping[str, Any]) -> str:
    if node_type.device == "cpu":
        return "cpu"
    defaults = {name: field.default for name, field in node_type.params.model_fields.items()}
    choice = place(probe(), "auto", avoid=node_type.avoid, params={**defaults, **given})
    return choice.devices[0]
