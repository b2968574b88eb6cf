"""Models applied by a loop of our own: only what is needed, reproducibly, on any device.

One loop for every family (`families`), and for several models at once: bags and ensembles. Each
segment is computed by one thread, and several at a time where there are processors; so the samples
do not depend on how many there are. On an accelerator segments go in batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import ModelError, NodeError

from .bags import ModelFiles
from .families import Family, segment_frames, stride_frames
from .overlap_add import Job, OverlapAdd, Pass, Read, cut, jobs
from .placement import Estimator, Placement
from .weights import read_description

if TYPE_CHECKING:  # once the main thread has ended it cannot be imported, and no node needs it here
    from concurrent.futures import Future, ThreadPoolExecutor

Array = NDArray[np.float32]

#: The stem that has the mean of a mix: an offset is no drum, no bass and no voice.
OFFSET_STEM = "other"

_CHANNELS = 2
_MAX_SHIFT_SECONDS = 0.5
_BLOCK_FRAMES = 1 << 20


class Separator:
    """A model, a bag of models or an ensemble, that gives some of its stems.

    Args:
        files: the model on disk.
        stems: the stems to compute, of those the model has.
        overlap: how much neighbouring segments overlap, as a ratio.
        shifts: number of random shifts to average over; 0 for none.
        seed: of the shifts.
        placement: where to compute.
        threads: how many segments are computed at a time on a CPU.
    """

    def __init__(
        self,
        files: ModelFiles,
        stems: Sequence[str],
        *,
        overlap: float,
        shifts: int,
        seed: int,
        placement: Placement,
        threads: int,
    ) -> None:
        self.stems = tuple(stems)
        self._overlap = overlap
        self._shifts = shifts
        self._seed = seed
        self._placement = placement
        self._threads = threads
        self._group = placement.batch_size  # stays, where batches grow smaller
        matrix = files.shares
        columns = [files.stems.index(name) for name in stems]
        self._weights = {
            index: {slot: row[column] for slot, column in enumerate(columns) if row[column]}
            for index, row in enumerate(matrix)
            if any(row[column] for column in columns)
        }
        self._estimators = {
            index: Estimator(
                files.files[index],
                tuple(stems[slot] for slot in weights),
                files.segments[index],
            )
            for index, weights in self._weights.items()
        }
        said = {index: read_description(one.path) for index, one in self._estimators.items()}
        self._families: dict[int, Family] = {index: one.family for index, one in said.items()}
        self._normalised = {index: one.normalised for index, one in said.items()}
        self._models = {index: placement.model(one) for index, one in self._estimators.items()}
        for index, model in self._models.items():
            if trouble := self._trouble_with(model):
                path = files.files[index]
                raise ModelError(path.stem, f"{path}: {trouble}")

    def _trouble_with(self, model: Any) -> str | None:
        if model.audio_channels != _CHANNELS:
            return f"the model takes {model.audio_channels} channels, not {_CHANNELS}"
        if model.samplerate != self.sample_rate:
            others = f"others beside it at {self.sample_rate} Hz"
            return f"the model works at {model.samplerate} Hz, {others}"
        if segment_frames(model) < 1:
            return f"the model takes segments of {float(model.segment):g} seconds"
        return None

    @property
    def order(self) -> int:
        """What the order of the segments depends on beside the passes."""
        return self._group

    @property
    def device(self) -> str:
        """Where models compute now; an accelerator where at least one of them does."""
        devices = map(self._placement.device_of, self._estimators.values())
        return next((device for device in devices if device != "cpu"), "cpu")

    @property
    def sample_rate(self) -> int:
        """The rate the models work at, in Hz."""
        return next((int(model.samplerate) for model in self._models.values()), 44100)

    def steps(self, frames: int) -> int:
        """Return how many segments a mix of so many frames takes."""
        return sum(len(one.offsets(frames)) for one in self._passes())

    def accepts(self, frames: int, done: int, state: Mapping[str, Array]) -> bool:
        """Whether a mix of so many frames can go on from what `checkpoint` was told once."""
        passes = self._passes()
        work = jobs(passes, frames, self._group)
        if not 0 < done <= len(work):
            return False
        adder = OverlapAdd(passes, frames, len(self.stems), _CHANNELS)
        try:
            adder.restore(work[done - 1].row, state)
        except ValueError:
            return False
        return True

    def separate(
        self,
        read: Read,
        frames: int,
        write: Callable[[Array], None],
        step: Callable[[], None],
        *,
        begin: tuple[int, Mapping[str, Array]] = (0, {}),
        checkpoint: Callable[[int, Mapping[str, Array]], None] = lambda done, state: None,
    ) -> None:
        """Separate a stereo mix at the models' rate.

        For Demucs' models, and others whose config says so, the whole mix is normalised by its mean
        and standard deviation, as Demucs does. Demucs adds the mean to every stem, so that stems
        add up to it several times; here it is added to `OFFSET_STEM` alone.

        Args:
            read: gives the mix from one frame to another: float32, shape (2, frames).
            frames: its length, at least one.
            write: given the stems from beginning to end, piece by piece, each of shape
                (stems, 2, frames).
            step: called after each segment; it may raise to stop.
            begin: what `checkpoint` was told last by a process that was killed.
            checkpoint: told now and then how far the work is, and the arrays to go on with.

        Raises:
            NodeError: a model gave what is no number.
        """
        levels = _Levels(read, frames, self._normalised, self._weights, self.stems)
        passes = self._passes()
        adder = OverlapAdd(passes, frames, len(self.stems), _CHANNELS)
        work = jobs(passes, frames, self._group)
        done, state = begin
        if done:
            adder.restore(work[done - 1].row, state)

        def segment_of(job: Job) -> Array:
            part, place = cut(read, frames, job)
            segment = np.zeros((_CHANNELS, job.last - job.first), np.float32)
            segment[:, place] = levels.normalised(job.model, part)
            return segment

        for job, estimate in self._estimates(work[done:], segment_of):
            if not np.isfinite(estimate).all():
                raise NodeError(
                    f"{self._estimators[job.model].path.stem} gave what is no number between "
                    f"{max(0, job.first)} and {job.last} frames; fp32 would reach further"
                )
            finished = adder.add(job, levels.restored(job.model, estimate))
            if finished.shape[-1]:
                write(levels.finished(finished))
            done += 1
            if job.row:
                checkpoint(done, adder.state())
            step()

    def _passes(self) -> list[Pass]:
        found = []
        for index, model in self._models.items():
            family, segment = self._families[index], segment_frames(model)
            stride = stride_frames(model, self._overlap)
            around = family.surround(model, segment)
            for start in self._starts(index, model):
                weights = self._weights[index]
                found.append(Pass(index, weights, start, segment, stride, around, family.window))
        return found

    def _starts(self, index: int, model: Any) -> list[int]:
        """Return where the passes of a model begin, in frames."""
        if not self._shifts:
            return [0]
        # Demucs draws its shifts from Python's global random state, which nobody can seed
        # without disturbing others; drawn here, they depend on the seed alone.
        drawn = np.random.Generator(np.random.PCG64([self._seed, index]))
        reach = int(_MAX_SHIFT_SECONDS * model.samplerate)
        return [int(drawn.integers(0, reach + 1)) - reach for _ in range(self._shifts)]

    # -- computing -----------------------------------------------------------------------------

    def _estimates(
        self, work: Sequence[Job], read: Callable[[Job], Array]
    ) -> Iterator[tuple[Job, Array]]:
        """Yield what the models make of each segment, in order."""
        if self._placement.device == "cpu":
            return self._side_by_side(work, read)
        return self._in_batches(work, read)

    def _in_batches(
        self, work: Sequence[Job], read: Callable[[Job], Array]
    ) -> Iterator[tuple[Job, Array]]:
        def alike(job: Job) -> tuple[int, int]:
            return job.number, job.last - job.first

        for _, group in groupby(work, alike):
            jobs_left = deque(group)
            while jobs_left:
                index = jobs_left[0].model
                estimator, seed = self._estimators[index], (self._seed, index)
                size = min(self._placement.batch_of(estimator), len(jobs_left))
                batch = [jobs_left.popleft() for _ in range(size)]
                parts = np.stack([read(job) for job in batch])
                estimates = self._placement.run(estimator, parts, seed)
                yield from zip(batch, estimates, strict=True)

    def _side_by_side(
        self, work: Sequence[Job], read: Callable[[Job], Array]
    ) -> Iterator[tuple[Job, Array]]:
        def compute(job: Job) -> Array:
            seed = self._seed, job.model
            found = self._placement.run(self._estimators[job.model], read(job)[None], seed)
            estimate: Array = found[0]
            return estimate

        rest = iter(work)
        waiting: deque[tuple[Job, Future[Array]]] = deque()
        with _single_threads(min(self._threads, len(work))) as pool:
            try:
                for job in islice(rest, self._threads):
                    waiting.append((job, pool.submit(compute, job)))
                while waiting:
                    job, future = waiting.popleft()
                    estimate = future.result()
                    for following in islice(rest, 1):
                        waiting.append((following, pool.submit(compute, following)))
                    yield job, estimate
            finally:
                for _, future in waiting:
                    future.cancel()


@contextmanager
def _single_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of threads each of which computes alone."""
    from concurrent.futures import ThreadPoolExecutor

    import torch

    before = torch.get_num_threads()
    with ThreadPoolExecutor(max(1, count), initializer=lambda: torch.set_num_threads(1)) as pool:
        try:
            yield pool
        finally:
            torch.set_num_threads(before)  # threads that torch meets later start with this


class _Levels:
    """How a mix is normalised before models, and their estimates brought back to its level.

    Where all models are normalised, the sum of their estimates is brought back, as Demucs does;
    where only some are, each estimate of these.
    """

    def __init__(
        self,
        read: Read,
        frames: int,
        normalised: Mapping[int, bool],
        weights: Mapping[int, Mapping[int, float]],
        stems: Sequence[str],
    ) -> None:
        self._some = {index for index, wanted in normalised.items() if wanted}
        self._all = len(self._some) == len(normalised)
        level = _level(read, frames) if self._some else (np.float32(0), np.float32(1))
        self._mean, self._deviation = level
        self._means = np.array([self._mean * (name == OFFSET_STEM) for name in stems], np.float32)
        self._slots = {index: list(weights[index]) for index in self._some}

    def normalised(self, model: int, part: Array) -> Array:
        """Return what of a mix goes into a model."""
        return (part - self._mean) / self._deviation if model in self._some else part

    def restored(self, model: int, estimate: Array) -> Array:
        """Return what a model gave, as it is added to what others gave."""
        if self._all or model not in self._some:
            return estimate
        return estimate * self._deviation + self._means[self._slots[model], None, None]

    def finished(self, stems: Array) -> Array:
        """Return stems that were added up, changed in place, at the level of the mix."""
        if self._all:
            stems *= self._deviation
            stems += self._means[:, None, None]
        return stems


def _level(read: Read, frames: int) -> tuple[np.float32, np.float32]:
    """Return mean and standard deviation of the mean of the channels."""

    def mono() -> Iterator[NDArray[np.float64]]:
        for start in range(0, frames, _BLOCK_FRAMES):
            yield read(start, min(start + _BLOCK_FRAMES, frames)).mean(0, np.float64)

    mean = sum(part.sum() for part in mono()) / frames
    square = sum(np.square(part - mean).sum() for part in mono())
    deviation = np.sqrt(square / (frames - 1)) if frames > 1 else 0.0
    return np.float32(mean), np.float32(deviation) + np.float32(1e-8)
