# mypy: disable-error-code="empty-body"
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from resonate_graph import (
    Audio,
    CatalogError,
    File,
    NodeError,
    NodeFault,
    ParamError,
    Report,
    ResonateWarning,
    RunContext,
    accelerated,
    node,
)
from resonate_graph._node.ports import Port, PortType

AUDIO = PortType(Audio)
TONE = Audio(np.full((2, 8), 0.5), 8000)


class Level(Report):
    peak: float


class PreciseLevel(Level):
    digits: int = 6


class Halves(NamedTuple):
    first: Audio
    second: Audio


class Measured(NamedTuple):
    audio: Audio
    level: Level
    frames: int


class Point(BaseModel):
    x: float
    y: float = 0.0


@node(version=3, device=accelerated, uses=("numpy",))
def louder(ctx: RunContext, audio: Audio, *, gain: Annotated[float, Field(ge=0)] = 2.0) -> Audio:
    """Make it louder."""
    assert isinstance(ctx, RunContext)
    return audio.with_samples(audio.samples * np.float32(gain))


@node()
def halves(audio: Audio) -> Halves:
    middle = audio.frames // 2
    return Halves(
        audio.with_samples(audio.samples[:, :middle]),
        audio.with_samples(audio.samples[:, middle:]),
    )


@node()
def blend(tracks: list[Audio], ducked: Audio | None = None, more: list[Audio] | None = None) -> int:
    return len(tracks) + 10 * (ducked is not None) + 100 * len(more or [])


@node()
def settings(
    audio: Audio,
    *,
    count: int = 1,
    ratio: float = 1.0,
    name: str = "a",
    on: bool = False,
    mode: Literal["soft", "hard"] = "soft",
    values: list[float] | None = None,
    point: Point = Point(x=1),  # noqa: B008
) -> str:
    return f"{count} {ratio} {name} {on} {mode} {values} {point}"


# -- the signature is the declaration ----------------------------------------------------------


def test_positional_parameters_are_inputs_and_the_return_annotation_is_the_output() -> None:
    assert louder.type.inputs == (Port("audio", AUDIO),)
    assert louder.type.outputs == (Port("out", AUDIO),)
    assert (louder.type.name, louder.type.version, louder.type.device) == (
        "louder", 3, "accelerated"
    )  # fmt: skip
    assert louder.type.library_versions == {"numpy": np.__version__}
    assert louder.type.doc == "Make it louder."


def test_keyword_only_parameters_are_params() -> None:
    assert set(louder.type.params.model_fields) == {"gain"}
    assert settings.type.params.model_fields["count"].default == 1


def test_a_named_tuple_names_several_outputs() -> None:
    assert halves.type.outputs == (Port("first", AUDIO), Port("second", AUDIO))
    assert halves.type.output_class is Halves


def test_lists_take_many_wires_and_a_default_of_none_makes_a_port_optional() -> None:
    assert blend.type.inputs == (
        Port("tracks", AUDIO, many=True),
        Port("ducked", AUDIO, optional=True),
        Port("more", AUDIO, many=True, optional=True),
    )
    assert [str(port) for port in blend.type.inputs] == [
        "list[audio]", "audio, optional", "list[audio], optional"
    ]  # fmt: skip


def test_reports_files_and_scalars_are_ports_as_well() -> None:
    @node()
    def describe(level: Level, file: File, n: int, x: float, s: str, b: bool) -> Measured: ...

    assert [port.type.name for port in describe.type.inputs] == [
        "Level", "file", "integer", "number", "string", "boolean"
    ]  # fmt: skip
    assert [port.type.name for port in describe.type.outputs] == ["audio", "Level", "integer"]


@pytest.mark.torch
def test_the_context_is_no_part_of_the_callers_signature() -> None:
    assert list(inspect.signature(louder).parameters) == ["audio", "gain"]
    assert [port.name for port in louder.type.inputs] == ["audio"]
    assert louder(TONE).samples[0, 0] == 1.0


def test_a_node_keeps_its_functions_names_and_docstring() -> None:
    assert louder.__doc__ == "Make it louder."
    assert (louder.__name__, louder.__module__) == ("louder", __name__)
    assert repr(louder) == "<node louder>"


# -- signatures that are none of a node --------------------------------------------------------


def decorated(function: Callable[..., Any]) -> str:
    """What the decorator says against a function."""
    with pytest.raises(CatalogError) as caught:
        node()(function)
    return str(caught.value)


def test_the_message_names_the_function() -> None:
    def broken(audio) -> Audio: ...  # type: ignore[no-untyped-def]

    assert __name__ in decorated(broken)
    assert "broken: parameter 'audio' has no annotation" in decorated(broken)


def test_bad_inputs() -> None:
    def array(audio: NDArray[np.float32]) -> Audio: ...
    def choice(audio: Audio | File) -> Audio: ...
    def bare_list(audio: list) -> Audio: ...  # type: ignore[type-arg]
    def late_context(audio: Audio, ctx: RunContext) -> Audio: ...
    def default(audio: Audio, gain: float = 1.0) -> Audio: ...
    def star(*audio: Audio) -> Audio: ...
    def double_star(**audio: Audio) -> Audio: ...

    for function in (array, choice, bare_list, late_context):
        assert "a port is Audio, File, a Report" in decorated(function)
    assert "'ctx'" in decorated(late_context)
    assert "a setting is keyword-only" in decorated(array)
    assert "default of input 'gain' can only be None" in decorated(default)
    assert "name each parameter" in decorated(star)
    assert "name each parameter" in decorated(double_star)


def test_bad_outputs() -> None:
    class Nothing(NamedTuple):
        pass

    class Odd(NamedTuple):
        audio: Audio
        numbers: list[float]

    def undeclared(audio: Audio): ...  # type: ignore[no-untyped-def]
    def none(audio: Audio) -> None: ...
    def pair(audio: Audio) -> tuple[Audio, Audio]: ...
    def perhaps(audio: Audio) -> Audio | None: ...
    def stream(audio: Audio) -> Iterator[Audio]: ...
    def report(audio: Audio) -> Report: ...
    def odd(audio: Audio) -> Any: ...
    def nothing(audio: Audio) -> Any: ...

    odd.__annotations__["return"] = Odd  # a class of this function has no name to be found by
    nothing.__annotations__["return"] = Nothing
    for function in (undeclared, none, pair, perhaps, stream):
        assert "output 'out' is not annotated" in decorated(function)
    assert "say which class" in decorated(report)
    assert "output 'numbers' is not annotated" in decorated(odd)
    assert "names no output" in decorated(nothing)


def test_bad_params() -> None:
    def audio_param(audio: Audio, *, reference: Audio) -> Audio: ...
    def array(audio: Audio, *, window: NDArray[np.float32]) -> Audio: ...
    def private(audio: Audio, *, _window: int = 1) -> Audio: ...
    def taken(audio: Audio, *, model_config: int = 1) -> Audio: ...
    def shadowing(audio: Audio, *, copy: bool = False) -> Audio: ...

    assert "audio goes into inputs" in decorated(audio_param)
    assert "plain data that JSON can hold" in decorated(array)
    assert "'_window'; choose another name" in decorated(private)
    assert "'model_config'; choose another name" in decorated(taken)
    assert "'copy'; choose another name" in decorated(shadowing)


def test_bad_defaults() -> None:
    def text(audio: Audio, *, gain: float = "1") -> Audio: ...  # type: ignore[assignment]
    def range_(audio: Audio, *, size: int, gain: Annotated[float, Field(ge=1)] = 0.5) -> Audio: ...
    def truth(audio: Audio, *, count: int = True) -> Audio: ...
    def bound(audio: Audio, *, gain: Annotated[float, Field(ge="a")] = 0.5) -> Audio: ...

    assert "the default of param 'gain' is '1'" in decorated(text)
    assert "the default of param 'gain' is 0.5: Input should be greater" in decorated(range_)
    assert "the default of param 'count' is True" in decorated(truth)
    assert "plain data that JSON can hold" in decorated(bound)


def test_an_annotation_that_names_nothing() -> None:
    def broken(audio: Audio) -> Audio: ...

    broken.__annotations__["audio"] = "Adio"
    assert "an annotation cannot be read: name 'Adio' is not defined" in decorated(broken)


def test_a_library_that_is_not_installed_is_named() -> None:
    @node(uses=("no-such-library",))
    def needy(audio: Audio) -> Audio: ...

    with pytest.raises(CatalogError, match="'needy' uses 'no-such-library', which is not instal"):
        _ = needy.type.library_versions


# -- calling a node at once --------------------------------------------------------------------


@pytest.mark.torch
def test_a_plain_call_gives_what_the_function_gives() -> None:
    np.testing.assert_array_equal(louder(TONE, gain=3.0).samples, TONE.samples * 3)
    first, second = halves(TONE)
    assert (first.frames, second.frames) == (4, 4)
    assert settings(TONE) == "1 1.0 a False soft None x=1.0 y=0.0"


def test_ports_that_take_many_and_optional_ones_can_be_called_plainly() -> None:
    assert blend([TONE, TONE]) == 2
    assert blend([TONE], TONE) == 11
    assert blend([TONE], more=[TONE, TONE]) == 201
    assert blend([]) == 0


def test_an_integer_is_a_number() -> None:
    assert settings(TONE, ratio=2).split()[1] == "2.0"


def test_a_tuple_is_a_list_and_a_mapping_is_a_model() -> None:
    loose: Any = settings
    assert loose(TONE, values=(1, 2.5)).endswith("[1.0, 2.5] x=1.0 y=0.0")
    assert loose(TONE, point={"x": 3}).endswith("x=3.0 y=0.0")
    assert settings(TONE, point=Point(x=5, y=1)).endswith("x=5.0 y=1.0")


def test_numpys_scalars_are_numbers() -> None:
    loose: Any = settings
    said = loose(TONE, count=np.int64(3), ratio=np.float32(0.5), on=np.True_)
    assert said.startswith("3 0.5 a True")


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("count", "1"), ("count", True), ("count", 1.0), ("count", 1.5), ("count", None),
        ("count", 2**53), ("ratio", "1"), ("ratio", True), ("ratio", float("nan")),
        ("ratio", float("inf")), ("name", 1), ("name", "\ud800"),
        ("on", 1), ("on", "true"), ("on", None), ("mode", "medium"), ("values", ["1"]),
        ("values", 1.0), ("values", [float("nan")]), ("point", {"x": "1"}),
        ("values", iter([1.0])), ("point", {"z": 1}), ("ratio", object()), ("ratio", 1j),
        ("loudness", 1),
    ],
)  # fmt: skip
def test_a_param_of_a_wrong_type_is_refused_by_name(param: str, value: Any) -> None:
    loose: Any = settings
    with pytest.raises(ParamError) as caught:
        loose(TONE, **{param: value})
    assert caught.value.param == param
    assert str(caught.value).startswith(f"settings: {param}")


@pytest.mark.torch
def test_constraints_are_checked() -> None:
    with pytest.raises(ParamError, match="gain: Input should be greater than or equal to 0") as it:
        louder(TONE, gain=-1.0)
    assert it.value.param == "gain"


@pytest.mark.torch
def test_a_param_error_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="gain"):
        louder(TONE, gain=-1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f(), "input 'audio' takes audio, nothing was given"),
        (lambda f: f(None), "input 'audio' takes audio, nothing was given"),
        (lambda f: f(TONE.samples), "input 'audio' takes audio, ndarray was given"),
        (lambda f: f("song.wav"), "input 'audio' takes audio, string was given"),
        (lambda f: f(TONE, TONE), "takes 1 inputs, 2 were given; params are given by name"),
        (lambda f: f(TONE, audio=TONE), "input 'audio' was given twice"),
        (lambda f: f([TONE]), "input 'audio' takes audio, list was given"),
    ],
)
def test_a_wrong_input_is_refused(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ParamError) as caught:
        call(settings)
    assert message in str(caught.value)


@pytest.mark.parametrize("tracks", [None, [None], [TONE, 1], [[TONE]]])
def test_wrong_items_of_a_list_are_refused(tracks: Any) -> None:
    with pytest.raises(ParamError, match=r"input 'tracks' takes list\[audio\]"):
        blend(tracks)


# -- what a node returns -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "returned", "said"),
    [
        (Audio, TONE.samples, "ndarray as 'out', which is declared as audio"),
        (Audio, None, "NoneType as 'out', which is declared as audio"),
        (File, b"", "bytes as 'out', which is declared as file"),
        (int, True, "boolean as 'out', which is declared as integer"),
        (int, 1.0, "number as 'out', which is declared as integer"),
        (bool, 1, "integer as 'out', which is declared as boolean"),
        (str, Path("x"), "PosixPath as 'out', which is declared as string"),
        (Level, {"peak": 1.0}, "dict as 'out', which is declared as Level"),
        (Level, PreciseLevel(peak=1.0), "PreciseLevel as 'out', which is declared as Level"),
        (Halves, (TONE, TONE), "tuple, which is declared as Halves"),
        (Halves, Halves(TONE, 1), "integer as 'second', which is declared as audio"),  # type: ignore[arg-type]
        (float, float("nan"), "nan as 'out', which JSON cannot hold"),
        (int, 2**53, "9007199254740992 as 'out', which JSON cannot hold"),
        (str, "\ud800", "'\\ud800' as 'out', which JSON cannot hold"),
    ],
)
def test_a_wrong_result_is_an_error_of_the_node(declared: Any, returned: Any, said: str) -> None:
    def wrong(audio: Audio) -> Any:
        return returned

    wrong.__annotations__["return"] = declared
    with pytest.raises(NodeError) as caught:
        node()(wrong)(TONE)
    assert str(caught.value) == f"wrong returned {said}"


def run(function: Any, wanted: set[str] | None = None) -> dict[str, Any]:
    ctx = RunContext(wanted=frozenset(wanted or {"out"}))
    return dict(function.type.run({"audio": TONE}, function.type.check_params({}), ctx))


def test_scalars_become_exactly_what_their_port_declares() -> None:
    @node()
    def number(audio: Audio) -> float:
        return 3

    @node()
    def numpys(audio: Audio) -> float:
        return np.float64(2.5)

    for function in (number, numpys):
        assert type(run(function)["out"]) is float


def test_a_port_that_is_wanted_has_to_be_computed() -> None:
    @node()
    def lazy(ctx: RunContext, audio: Audio) -> Halves:
        return ctx.outputs(Halves, {"first": audio}, why="there is only one")

    assert run(lazy, {"first"}) == {"first": TONE}
    with pytest.raises(NodeError, match="lazy did not compute second"):
        run(lazy, {"first", "second"})
    result = lazy(TONE)
    assert result.first == TONE
    with pytest.raises(NodeError, match="output 'second' was not computed: there is only one"):
        _ = result.second.samples
    with pytest.raises(NodeError, match="output 'second' was not computed"):
        halves(result.second)


# -- the context -------------------------------------------------------------------------------


def test_a_plain_call_wants_every_output_and_keeps_scratch_files_until_it_returns() -> None:
    seen: list[tuple[frozenset[str], Path]] = []

    @node()
    def curious(ctx: RunContext, audio: Audio) -> Halves:
        (ctx.scratch / "notes").write_text("x")
        seen.append((ctx.wanted, ctx.scratch))
        return Halves(audio, audio)

    curious(TONE)
    assert seen[0][0] == {"first", "second"}
    assert not seen[0][1].exists()


def test_scratch_files_are_gone_after_a_failure_as_well() -> None:
    seen: list[Path] = []

    @node()
    def failing(ctx: RunContext, audio: Audio) -> Audio:
        seen.append(ctx.scratch)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing(TONE)
    assert not seen[0].exists()


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (RuntimeError("Padding is too long.\nTraceback ..."), "RuntimeError: Padding is too long"),
        (KeyError(), "KeyError"),
    ],
)
def test_what_an_author_did_not_foresee_is_a_fault_of_the_node(
    raised: Exception, reason: str
) -> None:
    @node(version=1)
    def broken(audio: Audio) -> Audio:
        raise raised

    with pytest.raises(NodeFault) as caught:
        broken(TONE)
    assert str(caught.value) == (
        f"broken failed in a way its author did not foresee ({reason}); please report it to the "
        "author, with what the node was given"
    )
    assert caught.value.type == "broken"
    assert caught.value.__cause__ is raised


def test_what_is_no_fault_of_a_node_is_not_told_as_one() -> None:
    raised: list[BaseException] = [
        NodeError("it is too short"),
        MemoryError("Unable to allocate 512 GiB"),
        OSError(28, "No space left on device"),
        KeyboardInterrupt(),
    ]

    @node(version=1)
    def stopped(audio: Audio) -> Audio:
        raise raised.pop(0)

    for message in (
        "it is too short",
        "stopped was stopped by MemoryError: Unable to allocate 512 GiB",
        r"stopped was stopped by OSError: \[Errno 28\] No space left on device",
    ):
        with pytest.raises(NodeError, match=f"^{message}$") as caught:
            stopped(TONE)
        assert type(caught.value) is NodeError
    with pytest.raises(KeyboardInterrupt):
        stopped(TONE)


def test_a_node_that_is_being_written_raises_as_a_function_does() -> None:
    @node()
    def draft(audio: Audio) -> Audio:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError, match=r"^division by zero$"):
        draft(TONE)


def test_a_plain_call_says_warnings_to_the_caller() -> None:
    @node()
    def doubtful(ctx: RunContext, audio: Audio) -> Audio:
        ctx.warn("odd", "this is odd")
        return audio

    with pytest.warns(ResonateWarning, match="odd: this is odd") as caught:
        doubtful(TONE)
    assert caught[0].filename == __file__
