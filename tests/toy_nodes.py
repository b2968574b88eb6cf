"""Small nodes for tests of the engine; graphs use them with ``nodes=["tests.toy_nodes"]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from resonate_graph import Audio, File, NodeError, ParamError, Preparation, Report, node

MODULE = "tests.toy_nodes"


class Sides(NamedTuple):
    left: Audio
    right: Audio


class Peak(Report):
    peak: float


class LoudPeak(Peak):
    over: int


@node()
def scale(audio: Audio, *, factor: Annotated[float, Field(ge=-8, le=8)] = 1.0) -> Audio:
    return audio.with_samples(audio.samples * factor)


@node()
def sides(audio: Audio) -> Sides:
    return Sides(audio.with_samples(audio.samples[:1]), audio.with_samples(audio.samples[-1:]))


@node()
def total(tracks: list[Audio], more: Audio | None = None, *, weights: list[float] = []) -> Audio:  # noqa: B006
    every = [*tracks, more] if more else tracks
    factors = weights or [1.0] * len(every)
    return every[0].with_samples(
        sum(track.samples * weight for track, weight in zip(every, factors, strict=True))
    )


@node()
def knot(tracks: list[Audio]) -> Sides:
    return sides(total(tracks))


@node()
def peak(audio: Audio) -> Peak:
    return Peak(peak=float(abs(audio.samples).max(initial=0)))


@node()
def loud_peak(audio: Audio) -> LoudPeak:
    return LoudPeak(peak=1.0, over=0)


@node()
def normalize(audio: Audio, by: Peak, target: float, *, mode: Literal["a", "b"] = "a") -> Audio:
    return audio.with_samples(audio.samples * (target / by.peak))


@node()
def count(audio: Audio) -> int:
    return audio.frames


@node()
def loud(audio: Audio) -> bool:
    return bool(abs(audio.samples).max(initial=0) > 1)


@node()
def label(name: str) -> str:
    return name


class Line(BaseModel):
    kind: Literal["line"]
    slope: float


class Step(BaseModel):
    kind: Literal["step"]
    at: int


@node()
def bend(
    audio: Audio,
    *,
    curve: list[float] | float = 1.0,
    parts: list[Annotated[Line | Step, Field(discriminator="kind")]] | None = None,
) -> Audio:
    return audio


@node()
def store_as(audio: Audio, *, suffix: str) -> File:
    return File(audio.samples.tobytes(), suffix)


def refuse(question: Preparation) -> Mapping[str, Any]:
    if "right" in question.wanted:
        raise ParamError(f"mode {question.params['mode']!r} has no right side", param="mode")
    if question.params["mode"] == "never":
        raise NodeError("this can never work")
    return {"checked": True}


@node(prepare=refuse)
def picky(audio: Audio, *, mode: str = "left-only") -> Sides:
    return Sides(audio, audio)


@node()
def tag(
    audio: Audio,
    *,
    value: bool | int | float | str | None = None,
    amount: float = 1.0,
    whole: int = 0,
    names: dict[str, float] | None = None,
) -> Audio:
    return audio
