"""Long sounds a stretch at a time, so that memory does not grow with their length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Stretch(NamedTuple):
    """What is worked on at once, and what around it has a part in that: in frames.

    Attributes:
        start: where it begins.
        stop: where it ends.
        first: where what has a part in it begins.
        last: where that ends.
    """

    start: int
    stop: int
    first: int
    last: int

    @property
    def whole(self) -> slice:
        """The stretch and what is around it, in the sound."""
        return slice(self.first, self.last)

    @property
    def own(self) -> slice:
        """The stretch, in the sound."""
        return slice(self.start, self.stop)

    @property
    def inside(self) -> slice:
        """The stretch, in itself and what is around it."""
        return slice(self.start - self.first, self.stop - self.first)


def stretches(frames: int, length: int, around: int) -> Iterator[Stretch]:
    """Yield the stretches of a sound, in order, each with as much around it as there is.

    Args:
        frames: of the sound.
        length: of a stretch, in frames.
        around: how much of the sound on either side has a part in one, in frames.
    """
    for start in range(0, frames, length):
        stop = min(start + length, frames)
        yield Stretch(start, stop, max(start - around, 0), min(stop + around, frames))
