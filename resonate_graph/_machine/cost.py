"""`Cost`: what a step takes, as its author says; it decides when it runs, no samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Cost:
    """What a step takes, roughly; part of no key.

    Time is learned from the store once a node has run; what is said here is for the first run.
    Memory is what the step needs beside its inputs, its outputs included.

    Attributes:
        seconds_per_second: computing time per second of the longest input.
        seconds: computing time whatever the inputs are.
        threads: threads of the CPU it keeps busy; ``all`` for as many as there are. It is told in
            `RunContext.threads` how many it has.
        bytes_per_input_byte: memory per byte of all inputs together.
        bytes: memory whatever the inputs are, such as a model's.

    Raises:
        ValueError: a figure is negative or not finite, or `threads` is below one.

    Example:
        >>> from resonate_graph import Audio, Cost, node
        >>> @node(cost=Cost(seconds_per_second=0.5, threads="all", bytes_per_input_byte=10))
        ... def slowly(audio: Audio) -> Audio:
        ...     return audio
    """

    seconds_per_second: float = 0.01
    seconds: float = 0.001
    threads: int | Literal["all"] = 1
    bytes_per_input_byte: float = 4.0
    bytes: int = 0

    def __post_init__(self) -> None:
        for name in ("seconds_per_second", "seconds", "bytes_per_input_byte", "bytes"):
            figure = getattr(self, name)
            if not (math.isfinite(figure) and figure >= 0):
                raise ValueError(f"{name} is {figure!r}: a cost is finite and not negative")
        if self.threads != "all" and self.threads < 1:
            raise ValueError(f"threads is {self.threads!r}: a step keeps at least one busy")

    def threads_of(self, available: int) -> int:
        """Return how many threads the step keeps busy where so many are available."""
        return available if self.threads == "all" else min(self.threads, available)


#: Of nodes that say nothing.
LIGHT = Cost()

#: Of nodes that say nothing but that they can use an accelerator: on the CPU they take all of it.
HEAVY = Cost(seconds_per_second=1.0, seconds=1.0, threads="all", bytes_per_input_byte=16.0)
