"""Reading a node's signature: its ports, its params and its outputs.

Positional parameters are input ports, keyword-only ones are params, the return annotation
declares the outputs. A first parameter annotated `RunContext` is filled by the engine and is not
part of the caller's signature.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from .._base.errors import CatalogError
from .context import RunContext
from .declaration import NodeType
from .params import Declared
from .ports import Port, port_type
from .values import Report


def read_signature(function: Callable[..., Any]) -> NodeType:
    """Return what a function's signature declares.

    Raises:
        CatalogError: it is not one of a node; the message says what to change.
    """
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
        declared=Declared(where, function, params),
    )


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
