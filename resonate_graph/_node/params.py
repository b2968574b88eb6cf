"""Params: the model that a node's keyword-only parameters make, and reading values by it.

A param is what canonical JSON (RFC 8785) holds, because that is what keys are made of.
"""

from __future__ import annotations

import math
import operator
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pydantic_core
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from .._base.docstrings import entries
from .._base.errors import CatalogError, ParamError
from .values import canonical, plain_json

#: What a bound calls its number, and how a number is compared with it.
_BOUNDS: Mapping[type, tuple[str, Callable[[Any, Any], bool]]] = {
    Ge: ("ge", operator.ge),
    Gt: ("gt", operator.gt),
    Le: ("le", operator.le),
    Lt: ("lt", operator.lt),
}


class _Params(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # so that plain_params refuses them where a type lets them in
    )


class Declared:
    """The params that a node's signature declares.

    Their model is made when it is first asked for: few runs need more than some of those there are.
    Only where it is not plain to see that each default fits, it is made at once, so that an author
    is told where he declares it.

    Args:
        where: the node, for messages.
        function: the node's function.
        fields: annotation and default by param; ``...`` for no default.

    Raises:
        CatalogError: a param is none that JSON can hold, or its default does not fit.
    """

    def __init__(
        self, where: str, function: Callable[..., Any], fields: Mapping[str, tuple[Any, Any]]
    ) -> None:
        for field in fields:
            if field.startswith("_") or hasattr(_Params, field):
                raise CatalogError(
                    f"{where}: a param cannot be called {field!r}; choose another name"
                )
        self._where = where
        self._function = function
        self._fields = fields
        if not all(_plainly_fits(hint, default) for hint, default in fields.values()):
            _ = self.model

    @property
    def names(self) -> Collection[str]:
        """The names of the params."""
        return self._fields.keys()

    @cached_property
    def model(self) -> type[BaseModel]:
        """The model, which describes each param as the function's docstring does."""
        return _params_model(self._where, self._function, self._fields)


def _plainly_fits(hint: Any, default: Any) -> bool:
    """Whether a type is one that pydantic takes for sure, and a default is of it; ``...`` for none.

    What this does not know, pydantic is asked.
    """
    if typing.get_origin(hint) is typing.Annotated:
        hint, *said = typing.get_args(hint)
        if not all(_is_within(one, hint, default) for one in said):
            return False
        return _plainly_fits(hint, default)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [one for one in typing.get_args(hint) if one is not types.NoneType]
        fits = default is None or any(_plainly_fits(one, default) for one in kinds)
        return fits and all(_plainly_fits(one, ...) for one in kinds)
    if typing.get_origin(hint) is typing.Literal:
        values = typing.get_args(hint)
        return {str} == {type(one) for one in values} and (default is ... or default in values)
    if type(default) is float and not math.isfinite(default):
        return False
    return hint in (str, int, float, bool) and (default is ... or type(default) is hint)


def _is_within(said: Any, kind: Any, default: Any) -> bool:
    """Whether what `Annotated` says of a type is bounds at most, and a default is within them."""
    if not isinstance(said, FieldInfo) or not said.is_required():
        return False
    if said.validation_alias or said.discriminator:
        return False
    for bound in said.metadata:
        if kind not in (int, float) or type(bound) not in _BOUNDS:
            return False
        name, fits = _BOUNDS[type(bound)]
        limit = getattr(bound, name)
        if type(limit) not in (int, kind):
            return False
        if default is not ... and not (type(default) is kind and fits(default, limit)):
            return False
    return True


def _params_model(
    where: str, function: Callable[..., Any], fields: Mapping[str, tuple[Any, Any]]
) -> type[BaseModel]:
    said = entries(function.__doc__ or "", "Args")
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


def checked(node: str, model: type[BaseModel], params: Mapping[str, Any]) -> BaseModel:
    """Validate params as they stand in JSON; 1 is not "1" and not true.

    What the node is given is read back from the canonical JSON that goes into keys. So where
    two values have one key, 1.0 and 1, or -0.0 and 0, the node cannot tell them apart either.

    Args:
        node: what messages call the node.
        model: the model of its params.
        params: their values.

    Raises:
        pydantic.ValidationError: with one entry per problem.
        ParamError: a value cannot be written as JSON that every reader reads alike.
    """
    for name, value in params.items():
        try:
            _require_rereadable(value)
            _to_json(value)
        except ValueError:
            raise _not_json(node, name, value) from None
    # strict and without unknown keys at any depth, whatever the models inside allow
    validated = model.model_validate_json(_to_json(params), strict=True, extra="forbid")
    respelt = {}
    for name, value in plain_json(validated).items():
        try:
            respelt[name] = canonical(value)
        except ValueError:
            raise _not_json(node, name, value) from None
    return model.model_validate_json(_to_json(respelt), strict=True)


def names_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the names that could stand at the end of a path into params, of all alternatives.

    Args:
        model: the model of the params.
        path: names of fields, keys of mappings and indices of lists; the last is not looked at.
    """
    models = [model]
    for part in path[:-1]:
        fields = [one.model_fields[str(part)] for one in models if part in one.model_fields]
        if fields:  # else an index, or a key: the models are those of the items
            models = [one for field in fields for one in _models_in(field.annotation)]
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    plain = typing.get_origin(annotation) is None and isinstance(annotation, type)
    if plain and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def _require_rereadable(value: Any) -> None:
    """Make sure that a value is the same whenever it is looked at, as no iterator is.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, Iterator):
        raise ValueError
    if isinstance(value, (list, tuple, Mapping)):
        for one in value.values() if isinstance(value, Mapping) else value:
            _require_rereadable(one)


def _to_json(value: Any) -> bytes:
    return pydantic_core.to_json(value, inf_nan_mode="constants", fallback=_scalar)


def _not_json(node: str, param: str, value: object) -> ParamError:
    return ParamError(f"{node}: {param}: JSON cannot hold {value!r}", param=param)


def _scalar(value: object) -> object:
    """Return numpy's scalars as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    raise ValueError
