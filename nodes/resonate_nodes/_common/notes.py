"""What nodes note of what they did, where several of them note the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, RunContext

from .channels import decibels, power_decibels

Samples = NDArray[np.float32]

#: What is said of silence, where nothing else is to be said.
SILENT = "silent"

_BLOCK_SECONDS = 0.1
_BLOCKS_AT_ONCE = 256
_QUIETEST = 0.1
#: Samples below this are not asked by how much they were turned down: rounding would answer.
_HEARD = 1e-5


def note_known(ctx: RunContext, **figures: float | None) -> None:
    """Note those figures that are known, or that it is silent: of silence there is no level."""
    known = {name: figure for name, figure in figures.items() if figure is not None}
    ctx.note(**known)
    if not known:
        ctx.note(summary=SILENT)


def note_removed(ctx: RunContext, before: Audio, after: Audio, nothing: str) -> None:
    """Note the RMS level of what was taken out, over all channels.

    Args:
        ctx: the node's.
        before: the sound before.
        after: the sound after, of the same shape.
        nothing: what is said where nothing was.
    """
    level = apart_dbfs(before, after)
    if level is None:
        ctx.note(summary=nothing)
    else:
        ctx.note(removed_level_dbfs=level)


def apart_dbfs(one: Audio, other: Audio) -> float | None:
    """Return the RMS level of the difference of two sounds of one shape; None for none."""
    power = sum(
        float(np.square(first - second, dtype=np.float64).sum())
        for first, second in _stretches(one, other)
    )
    return power_decibels(power / max(one.samples.size, 1))


def level_dbfs(audio: Audio) -> float | None:
    """Return the RMS level of a sound, over all channels; None for silence."""
    power = sum(
        float(np.square(samples, dtype=np.float64).sum()) for samples, _ in _stretches(audio, audio)
    )
    return power_decibels(power / max(audio.samples.size, 1))


def note_level(ctx: RunContext, before: Audio, after: Audio) -> None:
    """Note by how much the RMS level of the whole fell or rose; or that it is silent."""
    powers = [0.0, 0.0]
    for pair in _stretches(before, after):
        for place, samples in enumerate(pair):
            powers[place] += float(np.square(samples, dtype=np.float64).sum())
    if all(powers):
        note_known(ctx, level_change_db=power_decibels(powers[1] / powers[0]))
    else:
        ctx.note(summary=SILENT)


def note_floor(ctx: RunContext, before: Audio, after: Audio) -> None:
    """Note how loud the quietest moments were, and by how much they came down.

    Of blocks of 0.1 s that are not digital silence, the quietest tenth: their RMS level over all
    channels before, and how far it lies below that after.
    """
    powers = np.concatenate(
        [
            np.stack([_block_powers(one, before), _block_powers(other, before)])
            for one, other in _stretches(before, after)
        ]
        or [np.zeros((2, 0))],
        axis=1,
    )
    heard = powers[:, powers[0] > 0]
    count = -(-heard.shape[1] // round(1 / _QUIETEST))
    quietest = heard[:, np.argsort(heard[0], kind="stable")[:count]]
    if not count:
        return
    floor, lowered = quietest.mean(axis=1)
    note_known(ctx, floor_dbfs=power_decibels(floor))
    if lowered > 0:
        note_known(ctx, floor_lowered_db=power_decibels(floor / lowered))


def note_gains(ctx: RunContext, before: Audio, after: Audio, nothing: str) -> None:
    """Note how far samples came down at most, and how much of the time by more than 0.1 dB.

    For what turns a sound up and down over time, and nothing else. Samples below -100 dBFS are
    not asked.

    Args:
        ctx: the node's.
        before: the sound before.
        after: the sound after, of the same shape.
        nothing: what is said where nothing came down.
    """
    deepest, count, heard_frames = 1.0, 0, 0
    for one, other in _stretches(before, after):
        level = np.abs(one)
        heard = level > _HEARD
        ratios = np.ones(one.shape)
        np.divide(np.abs(other), level, out=ratios, where=heard, dtype=np.float64)
        lowest = ratios.min(axis=0, initial=1.0)
        deepest = min(deepest, float(lowest.min(initial=1.0)))
        count += int(np.count_nonzero(lowest < 10 ** (-0.1 / 20)))
        heard_frames += one.shape[1]
    note_reduction(ctx, deepest, 100 * count / max(heard_frames, 1), nothing)


def note_reduction(ctx: RunContext, deepest: float, time_percent: float, nothing: str) -> None:
    """Note the lowest gain there was, and how much of the time there was some reduction."""
    if not time_percent:
        ctx.note(summary=nothing)
        return
    if deepest > 0:
        note_known(ctx, deepest_reduction_db=decibels(1 / deepest))
    ctx.note(time_turned_down_percent=time_percent)


def _stretches(before: Audio, after: Audio) -> Iterator[tuple[Samples, Samples]]:
    step = _block_frames(before) * _BLOCKS_AT_ONCE
    for start in range(0, before.frames, step):
        place = slice(start, start + step)
        yield before.samples[:, place], after.samples[:, place]


def _block_frames(audio: Audio) -> int:
    return max(1, round(_BLOCK_SECONDS * audio.sample_rate))


def _block_powers(samples: Samples, audio: Audio) -> NDArray[np.float64]:
    """Return the mean square of each block, over all channels; the last may be a short one."""
    starts = np.arange(0, samples.shape[1], _block_frames(audio))
    sums = np.add.reduceat(np.square(samples, dtype=np.float64).mean(axis=0), starts)
    powers: NDArray[np.float64] = sums / np.diff([*starts, samples.shape[1]])
    return powers
