"""What was taken out: the difference between an input and an output that is the whole of it.

Where steps on the way gave the whole sound another gain, and noted it (`gain_db`), the output is
brought back to the input's level first: else what was taken out could not be heard for the music.
So ``output / gain + removed`` is the input, to float32 rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._graph.bound import BoundGraph
from .._graph.lineage import Whole, wholes
from .._node.values import Value
from .._sound.audio import Audio
from .bindings import Bindings
from .outcome import Outcome

#: The note by which a step says which gain it gave to the whole sound.
GAIN = "gain_db"


@dataclass(frozen=True)
class Difference:
    """How an output is compared with the input that it is the sound of.

    Attributes:
        input: the graph input.
        gain_db: the gain of the output against it, which is taken back.
    """

    input: str
    gain_db: float = 0.0


class Removed(Mapping[str, Audio]):
    """What was taken out, by output; made when it is asked for, since it may be long.

    Only outputs that sound are in it, and that are the sound of an input as a whole: wired from it
    along the first sound of each step, and of its channels, frames and rate.

    Attributes:
        differences: how each is compared.
    """

    def __init__(
        self, differences: Mapping[str, Difference], values: Mapping[str, Value], bindings: Bindings
    ) -> None:
        self.differences = dict(differences)
        self._values = values
        self._bindings = bindings

    def __getitem__(self, name: str) -> Audio:
        difference, after = self.differences[name], self._values[name]
        before = self._bindings.value(difference.input)
        self._bindings.release(difference.input)
        assert isinstance(before, Audio)
        assert isinstance(after, Audio)
        back = np.float32(10 ** (-difference.gain_db / 20))
        level = after.samples if back == 1 else after.samples * back
        return before.with_samples(before.samples - level)

    def __iter__(self) -> Iterator[str]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    def __repr__(self) -> str:
        return f"Removed({self.differences!r})"


def removed(
    graph: BoundGraph, bindings: Bindings, outcome: Outcome, models: Path | None
) -> Removed:
    """Return what was taken out of the inputs of a run."""
    did = {report.id: report.did for report in outcome.steps}
    differences = {}
    for name, whole in wholes(graph, models).items():
        if _alike(outcome.values[name], whole, bindings):
            gains = [did[step].get(GAIN, 0) for step in whole.steps]
            total = math.fsum(one for one in gains if isinstance(one, (int, float)))
            differences[name] = Difference(whole.input, total)
    return Removed(differences, outcome.values, bindings)


def _alike(after: Value, whole: Whole, bindings: Bindings) -> bool:
    """Whether an output has the channels, frames and rate of its input."""
    span = bindings.span(whole.input)
    if not isinstance(after, Audio) or span is None:
        return False
    return (after.frames, after.sample_rate, after.channels) == (
        span.frames,
        span.sample_rate,
        span.channels,
    )
