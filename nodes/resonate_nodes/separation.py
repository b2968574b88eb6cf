"""Separation into stems with Demucs.

S. Rouard, F. Massa, A. Défossez: *Hybrid Transformers for Music Source Separation* (2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import (
    Audio,
    ModelError,
    ParamError,
    Preparation,
    RunContext,
    accelerated,
    node,
)

from . import _demucs, _weights
from .rate import convert


class Stems(NamedTuple):
    """The stems of a mix. A model has four of them, or all six."""

    drums: Audio
    bass: Audio
    other: Audio
    vocals: Audio
    guitar: Audio
    piano: Audio


def prepare_model(question: Preparation) -> Mapping[str, Any]:
    """Return what the model is on disk; refuse stems it does not have."""
    name = question.params["model"]
    try:
        files = _weights.find(name, question.models, fetch=question.fetch)
    except ModelError:
        if question.fetch:
            raise
        if name in _weights.HUB:
            _require_stems(name, _weights.HUB[name].stems, question.wanted)
        return {"weights": None}
    _require_stems(name, files.stems, question.wanted)
    return {
        "weights": list(files.digests),
        "shares": files.weights,
        "segment_seconds": files.segment_seconds,
    }


def _require_stems(model: str, stems: Sequence[str], wanted: frozenset[str]) -> None:
    if missing := sorted(wanted - set(stems)):
        raise ParamError(
            f"model {model!r} has no stem {', '.join(map(repr, missing))}; it has: "
            f"{', '.join(stems)}",
            param="model",
        )


@node(version=1, device=accelerated, uses=("demucs", "torch", "soxr"), prepare=prepare_model)
def separate(
    ctx: RunContext,
    mix: Audio,
    *,
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=100)] = "htdemucs",
    overlap: Annotated[float, Field(ge=0, le=0.99)] = 0.25,
    shifts: Annotated[int, Field(ge=0, le=100)] = 0,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
) -> Stems:
    """Separate a mix into stems.

    Only stems that somebody uses are computed: of a bag like ``htdemucs_ft``, whose sub-models
    each know one stem, only the sub-models of those stems run. Demucs' models work at 44.1 kHz
    in stereo; a mix at another rate is converted and its stems come back at its own rate and
    exact length. Channels go through in pairs (1-2, 3-4, ...), each pair as a stereo mix of its
    own; a channel that is left over, and a mono mix, goes in as both sides and comes back as
    their mean. Silence gives silent stems.

    Args:
        ctx: filled in by the engine.
        mix: the mix, at any rate, length and channel count.
        model: ``htdemucs``, ``htdemucs_ft`` (four models, finer and slower), ``htdemucs_6s``
            (also guitar and piano), or the name of a model in your models folder.
        overlap: how much neighbouring segments overlap, as a ratio.
        shifts: average over this many random shifts of up to half a second; 0 for none. Each
            costs a whole separation.
        seed: of the shifts; the same seed gives the same samples.

    Returns:
        The stems. They do not add up to the mix exactly; `residual` gives what is left over.

    Raises:
        ModelError: the weights are not to be had, damaged, or not trusted.
        ParamError: the model has no such stem.
    """
    files = _weights.find(model, ctx.models, fetch=True)
    names = [name for name in files.stems if name in ctx.wanted]
    separator = _demucs.Separator(
        files, names, overlap=overlap, shifts=shifts, seed=seed, device=ctx.device
    )
    pairs = _channel_pairs(mix.samples)
    sounding = sum(bool(np.any(pair)) for pair in pairs)
    total = sounding * separator.steps(_frames_at(mix, separator.sample_rate))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        ctx.progress(done, total)

    ctx.progress(0, total)
    parts = [_separate_pair(separator, mix, pair, step) for pair in pairs]
    stems = {
        name: mix.with_samples(np.concatenate([part[index] for part in parts]))
        for index, name in enumerate(names)
    }
    return ctx.outputs(Stems, stems, why=f"model {model!r} has {', '.join(files.stems)}")


def _channel_pairs(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [samples[first : first + 2] for first in range(0, samples.shape[0], 2)]


def _frames_at(mix: Audio, sample_rate: int) -> int:
    return max(1, round(mix.frames * sample_rate / mix.sample_rate))


def _separate_pair(
    separator: _demucs.Separator, mix: Audio, pair: NDArray[np.float32], step: Any
) -> list[NDArray[np.float32]]:
    """Return each stem of one or two channels, at the mix's rate and length."""
    channels = len(pair)
    if not np.any(pair):
        return [np.zeros(pair.shape, np.float32) for _ in separator.stems]
    stereo = np.broadcast_to(pair, (2, pair.shape[1])) if channels == 1 else pair
    rate = separator.sample_rate
    frames = _frames_at(mix, rate)
    estimates = separator.separate(convert(stereo, mix.sample_rate, rate, frames), step)
    result = []
    for estimate in estimates:
        at_home = convert(estimate, rate, mix.sample_rate, mix.frames)
        result.append(at_home if channels == 2 else at_home.mean(axis=0, keepdims=True))
    return result
