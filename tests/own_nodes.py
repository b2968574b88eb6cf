"""Nodes of a caller's own, as ``--nodes FILE`` takes them. Each tells a folder what it does."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from resonate_graph import Audio, NodeError, Report, RunContext, node


class Halves(NamedTuple):
    left: Audio
    right: Audio


class Peak(Report):
    peak: float


def note(folder: str, text: str = "x") -> int:
    """Append to a folder's count; return how long it was."""
    with (Path(folder) / "count").open("a") as file:
        before = file.tell()
        file.write(text)
    return before


@node()
def counted_gain(audio: Audio, *, ratio: float, folder: str) -> Audio:
    """Multiply, and count how often that happened."""
    note(folder)
    return audio.with_samples(audio.samples * ratio)


@node()
def slow(audio: Audio, *, folder: str) -> Audio:
    """Say that it started, wait until told to go on."""
    note(folder)
    with (Path(folder) / "started").open("w") as started:
        started.write("x")
    with (Path(folder) / "go").open() as go:
        go.read(1)
    return audio.with_samples(audio.samples * 0.5)


@node()
def halves(ctx: RunContext, stereo: Audio, *, folder: str) -> Halves:
    """Give those of the two channels that somebody needs."""
    note(folder, "".join(name[0] for name in sorted(ctx.wanted)))
    channels = {"left": stereo.samples[:1], "right": stereo.samples[1:]}
    return ctx.outputs(Halves, {name: stereo.with_samples(channels[name]) for name in ctx.wanted})


@node()
def fail(audio: Audio, *, message: str) -> Audio:
    """Fail."""
    raise NodeError(message)


@node()
def crash(audio: Audio) -> Audio:
    """Fail in a way nobody thought of."""
    raise ZeroDivisionError("division by zero")


@node()
def warned(ctx: RunContext, audio: Audio, *, message: str) -> Audio:
    """Warn, and report progress."""
    ctx.progress(1, 2)
    ctx.warn("careful", message)
    ctx.progress(2, 2)
    return audio


@node()
def unsteady(audio: Audio, *, folder: str) -> Audio:
    """Give something else each time, as no node should."""
    return audio.with_samples(audio.samples * 0.5 ** note(folder))


@node()
def peak(audio: Audio) -> Peak:
    """Report the highest sample."""
    return Peak(peak=float(abs(audio.samples).max()))


@node()
def replace_file(audio: Audio, *, path: str) -> Audio:
    """Write into a file that is not its own, as no node should."""
    audio.save(path)
    return audio


@node()
def noted(ctx: RunContext, audio: Audio) -> Audio:
    """Halve, and say something of every kind."""
    ctx.note(zeros=3, gain_db=-6.0)
    ctx.note(bands_hz=[50, 100.5], quiet=False)
    return audio.with_samples(audio.samples * 0.5)


@node()
def noted_halves(ctx: RunContext, stereo: Audio) -> Halves:
    """Give the channels that somebody needs, and say how long each is."""
    channels = {"left": stereo.samples[:1], "right": stereo.samples[1:]}
    for name in ctx.wanted:
        ctx.note(**{f"{name}_frames": stereo.frames})
    return ctx.outputs(Halves, {name: stereo.with_samples(channels[name]) for name in ctx.wanted})


@node()
def chopped(audio: Audio) -> Audio:
    """Silence the first thousand frames."""
    samples = audio.samples.copy()
    samples[:, :1000] = 0
    return audio.with_samples(samples)


@node()
def boosted(ctx: RunContext, audio: Audio, *, gain_db: float = 0.0) -> Audio:
    """Make louder, and say by how much."""
    ctx.note(gain_db=gain_db)
    return audio.with_samples(audio.samples * np.float32(10 ** (gain_db / 20)))


@node(besides="all")
def easy_halves(ctx: RunContext, stereo: Audio, *, folder: str) -> Halves:
    """Give both channels where both are kept, since one costs as much as two."""
    note(folder)
    channels = {"left": stereo.samples[:1], "right": stereo.samples[1:]}
    names = ctx.wanted | ctx.besides
    return ctx.outputs(Halves, {name: stereo.with_samples(channels[name]) for name in names})
