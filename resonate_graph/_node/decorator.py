"""`@node`: a function's signature becomes a `NodeType`; the function stays a function.

What the signature declares (see `signature`) is not said in a second place.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Concatenate, Generic, Literal, Protocol, TypeVar, cast, overload

from typing_extensions import ParamSpec

from .._base.errors import CatalogError, ResonateWarning
from .._machine.cost import HEAVY, LIGHT, Cost
from .._machine.devices import Avoid, place, probe
from .context import RunContext
from .declaration import (
    Able,
    Begins,
    Besides,
    Fits,
    NodeType,
    Numerics,
    Placement,
    Prepare,
    Rate,
    accelerated,
)
from .known_models import KnownModels
from .signature import read_signature

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


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
            NodeFault: it has a version, and failed in a way its author did not foresee.
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


@overload
def node(function: Callable[Concatenate[RunContext, P], R], /) -> Node[P, R]: ...
@overload
def node(function: Callable[P, R], /) -> Node[P, R]: ...
@overload
def node(
    *,
    version: int | None = ...,
    device: Placement = ...,
    uses: Sequence[str] = ...,
    prepare: Prepare | None = ...,
    cost: Cost | None = ...,
    avoid: Sequence[Avoid] = ...,
    numerics: Numerics | None = ...,
    begins: Begins | None = ...,
    fits: Fits | None = ...,
    able: Able | None = ...,
    rate: Rate | None = ...,
    besides: Besides | Literal["all"] | None = ...,
    renamed: Mapping[str, str] = ...,
    models: KnownModels | None = ...,
) -> _Decorator: ...
def node(
    function: Callable[..., Any] | None = None,
    /,
    *,
    version: int | None = None,
    device: Placement = "cpu",
    uses: Sequence[str] = (),
    prepare: Prepare | None = None,
    cost: Cost | None = None,
    avoid: Sequence[Avoid] = (),
    numerics: Numerics | None = None,
    begins: Begins | None = None,
    fits: Fits | None = None,
    able: Able | None = None,
    rate: Rate | None = None,
    besides: Besides | Literal["all"] | None = None,
    renamed: Mapping[str, str] = {},
    models: KnownModels | None = None,
) -> Any:
    """Make a node of a function; its signature is the declaration.

    Args:
        function: the function, where nothing else is to be said: ``@node`` is ``@node()``.
        version: raise it whenever the samples the node gives change. None: the node is keyed by
            its source, so that editing it computes again, and what it raises is not changed; for
            nodes that are being written.
        device: ``accelerated`` for a node that can use a GPU by `RunContext.device`.
        uses: distributions (as pip names them) whose version decides the result.
        prepare: called before anything runs; returns what else decides the result, such as the
            digest of model weights. See `Preparation`.
        cost: what a step takes, so that steps are run in a good order and fit into the memory;
            None for one thread and little time, or for all threads and much time where it can
            use an accelerator. Part of no key.
        avoid: kinds of device that ``auto`` leaves alone, with the reason. Part of no key.
        numerics: for a node whose samples depend on the device by more than rounding: given a
            `Placed`, returns how it computes there, in a word or two; ``fp32`` where it is as
            everywhere. That is in the key, and told to the node as `RunContext.numerics`.
        begins: for a node that moves the beginning of a sound: given its params, where in its first
            sound the output begins, in seconds. By it the time references of broadcast WAV files
            are shifted. A node without it is believed to keep the beginning where it keeps the
            length. Part of no key.
        fits: for a node that cannot do its work at some sample rates: given a `Placed`, raises a
            `NodeError` that says so. It is asked once the inputs are read, before anything runs,
            and told the rates that are known by then. Part of no key.
        able: for a node that some devices cannot compute with some params: given a `Placed`, raises
            a `NodeError` that says so. It is asked of steps that are not stored, before anything
            runs; what is stored is used all the same. Part of no key.
        rate: for a node whose output has another sample rate than its first sound: given its
            params, that rate in Hz, or None where they do not say it. A node without it is
            believed by those of its own pack to keep the rate. Part of no key.
        besides: for a node that computes only the outputs somebody needs: given a `Preparation`,
            which others come out of that work at next to no more cost. They are asked for by
            `RunContext.besides` and kept for later, as long as the store has room. ``all`` for one
            that gives all it has in any case. Part of no key.
        renamed: ports and params that were called otherwise before: the old name with today's. A
            graph that has the old one is told, and ``resonate check --fix`` writes the new one.
        models: for a node that takes models by name: given the folder for their weights, the
            `KnownModel`s it knows and those that lie there; ``resonate models`` lists them. Part
            of no key.

    Returns:
        A decorator whose result is callable as before, and can be added to a `Graph`; of a
        function that was given at once, that result.

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
        declared = read_signature(function)
        declared = replace(
            declared,
            version=version,
            device=device,
            uses=tuple(uses),
            prepare=prepare,
            cost=cost or (HEAVY if device == accelerated else LIGHT),
            avoid=tuple(avoid),
            numerics=numerics,
            begins=begins,
            fits=fits,
            able=able,
            rate=rate,
            besides=besides,
            renamed=_require_renamed(declared, renamed),
            models=models,
        )
        return Node(declared)

    return decorate if function is None else decorate(function)


def _require_renamed(declared: NodeType, renamed: Mapping[str, str]) -> Mapping[str, str]:
    """Return the renamed ports and params, if they are now what is said.

    Raises:
        CatalogError: what one is called now is no port or param, or what it was called is one.
    """
    ports = [port.name for port in (*declared.inputs, *declared.outputs)]
    names = {*ports, *declared.declared.names}
    for old, new in renamed.items():
        if new not in names or old in names:
            wrong = f"it has no port or param {new!r}" if new not in names else f"it has {old!r}"
            raise CatalogError(f"{declared.name}: {old!r} was not renamed to {new!r}: {wrong}")
    return dict(renamed)


def _eager_device(node_type: NodeType, given: Mapping[str, Any]) -> str:
    if node_type.device == "cpu":
        return "cpu"
    defaults = {name: field.default for name, field in node_type.params.model_fields.items()}
    choice = place(probe(), "auto", avoid=node_type.avoid, params={**defaults, **given})
    return choice.devices[0]
