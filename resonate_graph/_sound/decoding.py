"""The samples of a file that was surveyed, as libsndfile decodes them: in blocks, part by part.

A block is only as long as it is quick to handle, and the array for all of them only as long as the
file makes likely: no memory is taken on the word of a header.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from typing_extensions import Self

from .._base.errors import InputError
from .audio import audio_hasher
from .layouts import usual_layout
from .limits import SAMPLES_A_BYTE
from .parts import Checksum, Part, Reading, Silence, damaged, open_forward

Samples = NDArray[np.float32]
_T = TypeVar("_T")

#: The format whose channels are what their number says, unless it says otherwise.
_OF_FIXED_LAYOUT = "FLAC"

_BLOCK_FRAMES = 1 << 18
#: How many samples a block has at most: a header may claim a thousand channels.
_BLOCK_SAMPLES = 1 << 19
#: How many samples further arrays have, where the first one was too short.
_ARRAY_SAMPLES = 1 << 22
#: What libsndfile says of a FLAC file that was streamed and does not say how long it is.
_UNKNOWN_FRAMES = 2**63 - 1
#: What libsndfile says of an MP3 file in which it finds too little: it was opened.
_UNTRUE = "File does not exist"
#: How many gaps are told by their places in a warning; the report tells all.
_MOST_PLACES = 8

_MISMATCH = (
    "its samples are not those it was made of: the MD5 checksum it holds is of others, so that "
    "it was damaged or changed"
)


class _Block(NamedTuple):
    """Samples as libsndfile gives them, which stand there only until the next ones are asked for.

    Attributes:
        samples: of shape (frames, channels), float32, or integers that are to be scaled.
        scale: what makes them float32; None where they are.
    """

    samples: NDArray[Any]
    scale: np.float32 | None = None

    def write_into(self, target: Samples, order: Sequence[int]) -> None:
        """Write them into an array of shape (channels, frames), with the channels in an order."""
        for row, channel in zip(target, order, strict=True):
            row[:] = self.samples[:, channel]
            if self.scale is not None:  # a power of two: nothing is rounded that was not before
                np.multiply(row, self.scale, out=row)


@dataclass
class Sound:
    """A file that was opened: what was found out about it, and its samples.

    Attributes:
        path: its name, for messages.
        reading: what its container says.
        first: its first part, opened.
        salvage: whether it is read in spite of damage.
        warnings: (code, message) of what the listener should know; complete once all was read.
        gaps: where frames are missing, as (start, stop); complete once all was read.
        digest: of the samples, as `Audio.digest`, once all were read; None where it was not taken.
    """

    path: Path
    reading: Reading
    first: Any
    salvage: bool = False
    warnings: list[tuple[str, str]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    digest: str | None = None

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return int(self.first.samplerate)

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self.first.channels)

    @property
    def claimed_frames(self) -> int | None:
        """How many frames there should be; None where nothing says so."""
        first = self._first_part
        said = None if self.first.frames == _UNKNOWN_FRAMES else self.first.frames - first.skip
        counts = [part.frames for part in self.reading.parts if part is not first]
        counts.append(said if first.frames is None else first.frames)
        return None if None in counts else sum(max(0, count) for count in counts if count)

    @property
    def layout(self) -> str | None:
        """What the channels are, as far as the file or its format says."""
        if self.reading.layout is None and self.first.format == _OF_FIXED_LAYOUT:
            return usual_layout(self.channels)
        return self.reading.layout

    @property
    def gaps_seconds(self) -> list[tuple[float, float]]:
        """Where frames are missing, in seconds."""
        return [(start / self.sample_rate, stop / self.sample_rate) for start, stop in self.gaps]

    def blocks(self) -> Iterator[Samples]:
        """Yield the samples in blocks of shape (channels, frames), once.

        Raises:
            InputError: the file is damaged, and is not to be salvaged.
        """
        for block in self._blocks(verify=False):
            if not len(block.samples):
                continue
            made = np.empty(block.samples.shape[::-1], np.float32)
            block.write_into(made, self._order)
            yield made

    def samples(self, most_frames: float, file_bytes: int) -> Samples:
        """Return the samples, of shape (channels, frames), compared with what they add up to.

        Args:
            most_frames: where to stop; there are more than that, then.
            file_bytes: how long the file is, by which it is judged how many are likely.

        Raises:
            InputError: the file is damaged, and is not to be salvaged.
        """
        likely = min(
            self.claimed_frames or 0, most_frames + 1, SAMPLES_A_BYTE * file_bytes // self.channels
        )
        arrays = _Arrays(self.channels, int(likely))
        with self._digesting() as digesting:
            for block in self._blocks(verify=True):
                if digesting:
                    digesting.add(block)
                arrays.add(block, self._order)
                if arrays.frames > most_frames:
                    break
            if digesting and arrays.frames == digesting.frames:
                self.digest = digesting.digest()
        return arrays.joined()

    def _digesting(self) -> contextlib.AbstractContextManager[_Digesting | None]:
        """Take the digest while the samples are decoded, where it is known how many there are."""
        frames = self.claimed_frames
        if not frames:
            return contextlib.nullcontext()
        hasher = audio_hasher(self.channels, self.sample_rate, frames, self.layout)
        return _Digesting(hasher, frames, self._order)

    @property
    def _first_part(self) -> Part:
        return next(part for part in self.reading.parts if isinstance(part, Part))

    @property
    def _order(self) -> Sequence[int]:
        """Which channel of libsndfile's comes first, second and so on."""
        order = self.reading.order
        return order if order is not None and len(order) == self.channels else range(self.channels)

    def _blocks(self, *, verify: bool) -> Iterator[_Block]:
        at = 0
        for part in self.reading.parts:
            missing = part.frames if isinstance(part, Silence) else 0
            if isinstance(part, Part):
                done = 0
                for block in self._part_blocks(part, verify=verify):
                    done += len(block.samples)
                    yield block
                at += done
                missing = max(0, (part.frames or 0) - done)
            if missing:
                yield from _silence(missing, self.channels)
                self._add_gap(at, at + missing)
                at += missing
        self._finish(at)

    def _part_blocks(self, part: Part, *, verify: bool) -> Iterator[_Block]:
        import soundfile

        left = part.frames
        try:
            with contextlib.ExitStack() as opened:
                file = self.first
                if part is not self._first_part:
                    file = opened.enter_context(open_forward(part.raw))
                    self._require_alike(file)
                adding = None
                if verify and part.checksum:
                    adding = opened.enter_context(_Adding(part.checksum))
                for block in _cropped(_decoded(file, adding), part):
                    if left is not None:
                        left -= len(block.samples)
                    yield block
                if adding and not adding.is_right():
                    self._judge(adding.checksum)
        except soundfile.LibsndfileError as error:
            if not self.salvage:
                raise damaged(self.path, damage(error)) from error
        if left and not self.salvage:
            reason = f"it is cut off: {left:,} of the {part.frames:,} frames it should have"
            raise damaged(self.path, f"{reason} are missing")

    def _judge(self, checksum: Checksum) -> None:
        """Refuse samples that add up to something else, or say so where nobody knows why."""
        reason = None if self.salvage else checksum.damage()
        if reason is not None:
            raise damaged(self.path, reason)
        self.warnings.append(("checksum-mismatch", _MISMATCH))

    def _add_gap(self, start: int, stop: int) -> None:
        if self.gaps and self.gaps[-1][1] == start:
            start = self.gaps.pop()[0]
        self.gaps.append((start, stop))

    def _finish(self, frames: int) -> None:
        self.warnings += self.reading.warnings
        lost = self.reading.lost
        if self.reading.told > frames:
            lost = f"{(self.reading.told - frames) / self.sample_rate:.2f} s at the end are missing"
        if lost is not None or self.gaps:
            self.warnings.append(("salvaged", _losses(self.gaps_seconds, lost)))

    def _require_alike(self, file: Any) -> None:
        for what, found, first in (
            ("Hz", file.samplerate, self.sample_rate),
            ("channels", file.channels, self.channels),
        ):
            if found != first:
                raise InputError(
                    self.path,
                    f"it holds several recordings one after another, of {first} and of {found} "
                    f"{what}: split it first",
                )


class _Beside(Generic[_T]):
    """Takes blocks in a thread of its own, while the decoder goes on: no more than one waits.

    So a block has to stand until the one after the next is decoded (see `_decoded`). An executor
    would not do: it takes nothing more once the main thread has ended, though others go on.
    """

    def __init__(self, name: str) -> None:
        self._given: SimpleQueue[_T | None] = SimpleQueue()
        self._taken = threading.Semaphore(0)
        self._is_pending = False
        self._error: BaseException | None = None
        thread = threading.Thread(target=self._serve, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # Python is about to end, or there are too many
            self._thread = None
        else:
            self._thread = thread

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._thread is not None:
            self._given.put(None)
            self._thread.join()

    def add(self, block: _T) -> None:
        """Take a block, once those before it were."""
        self._wait()
        if self._thread is None:
            self._update(block)
        else:
            self._given.put(block)
            self._is_pending = True

    def _wait(self) -> None:
        if self._is_pending:
            self._taken.acquire()
            self._is_pending = False
        if self._error is not None:
            raise self._error

    def _serve(self) -> None:
        while (block := self._given.get()) is not None:
            try:
                self._update(block)
            except BaseException as error:  # raised where the blocks come from
                self._error = error
            self._taken.release()

    def _update(self, block: _T) -> None:
        raise NotImplementedError


class _Digesting(_Beside[_Block]):
    """Takes the digest of a sound.

    Attributes:
        frames: how many frames it counts on.
    """

    def __init__(self, hasher: blake3, frames: int, order: Sequence[int]) -> None:
        super().__init__("digest")
        self.frames = frames
        self._hasher = hasher
        self._order = None if list(order) == list(range(len(order))) else order

    def digest(self) -> str:
        """Return it, as hex."""
        self._wait()
        return self._hasher.hexdigest()

    def _update(self, block: _Block) -> None:
        if not len(block.samples):
            return
        samples = block.samples if self._order is None else block.samples[:, self._order]
        if block.scale is not None:
            samples = np.multiply(samples, block.scale, dtype=np.float32)
        self._hasher.update(np.ascontiguousarray(samples, dtype="<f4").data.cast("B"))


class _Adding(_Beside[NDArray[Any]]):
    """Adds up the samples of a FLAC file: integers of full scale.

    Attributes:
        checksum: what they should add up to.
    """

    def __init__(self, checksum: Checksum) -> None:
        super().__init__("checksum")
        self.checksum = checksum
        self._md5 = hashlib.md5(usedforsecurity=False)

    def is_right(self) -> bool:
        """Whether they add up to what they should."""
        self._wait()
        return self._md5.digest() == self.checksum.md5

    def _update(self, block: NDArray[Any]) -> None:
        """Add samples as FLAC's encoder saw them: whole bytes, the lowest first."""
        width, size = self.checksum.bits // 8, block.dtype.itemsize
        little = block.astype(block.dtype.newbyteorder("<"), copy=False)
        if width < size:
            bytes_ = little.reshape(-1).view(np.uint8)
            packed = np.empty((block.size, width), np.uint8)
            for place in range(width):
                packed[:, place] = bytes_[size - width + place :: size]
            little = packed
        self._md5.update(little.data)


class _Arrays:
    """Blocks put together in arrays of shape (channels, frames), mostly in a single one.

    Attributes:
        frames: how many there are.
    """

    def __init__(self, channels: int, likely: int) -> None:
        self.frames = 0
        self._full: list[Samples] = []
        self._used = 0
        try:
            self._current = np.empty((channels, likely), np.float32)
        except MemoryError:  # it may be less in the end
            self._current = np.empty((channels, 0), np.float32)

    def add(self, block: _Block, order: Sequence[int]) -> None:
        """Write a block behind the others."""
        self.frames += len(block.samples)
        while len(block.samples):
            room = self._current.shape[1] - self._used
            if not room:
                self._begin_another()
                continue
            now, later = block.samples[:room], block.samples[room:]
            stop = self._used + len(now)
            _Block(now, block.scale).write_into(self._current[:, self._used : stop], order)
            self._used = stop
            block = _Block(later, block.scale)

    def joined(self) -> Samples:
        """Return all of them in one array, and let go of the others: no sound is held twice.

        From the last to the first, since allocators give back what is free at the end.
        """
        if not self._full and self._used == self._current.shape[1]:
            return self._current
        arrays = [*self._full, self._current[:, : self._used]]
        samples = np.empty((len(self._current), self.frames), np.float32)
        self._full, self._current = [], samples
        stop = self.frames
        while arrays:
            array = arrays.pop()
            samples[:, stop - array.shape[1] : stop] = array
            stop -= array.shape[1]
        return samples

    def _begin_another(self) -> None:
        if self._used:
            self._full.append(self._current)
        channels = len(self._current)
        self._current = np.empty((channels, max(1, _ARRAY_SAMPLES // channels)), np.float32)
        self._used = 0


def _decoded(file: Any, adding: _Adding | None) -> Iterator[_Block]:
    """Yield the samples of a part, as integers where these are nearer to what it holds."""
    frames = max(1, min(_BLOCK_FRAMES, _BLOCK_SAMPLES // file.channels))
    kind, scale = "float32", None
    if file.subtype == "PCM_16" or (adding and adding.checksum.bits <= 16):
        kind, scale = "int16", np.float32(2.0**-15)
    elif adding:  # float32 holds them exactly: those of FLAC have 24 bits at most
        kind, scale = "int32", np.float32(2.0**-31)
    # of two in turn, since one may still be added up while the next is decoded
    for buffer in cycle(np.empty((2, frames, file.channels), kind)):
        block = file.read(out=buffer)
        if not len(block):
            break
        if adding:
            adding.add(block)
        yield _Block(block, scale)


def _cropped(blocks: Iterator[_Block], part: Part) -> Iterator[_Block]:
    """Yield the frames of a part that are sound: of each block those that are, if there are any.

    A block of none is yielded, too, so that whoever works beside the decoder keeps up with it.
    """
    skip, left = part.skip, part.frames
    for samples, scale in blocks:
        kept = samples[min(skip, len(samples)) :][:left]
        skip -= min(skip, len(samples))
        if left is not None:
            left -= len(kept)
        yield _Block(kept, scale)


def _silence(frames: int, channels: int) -> Iterator[_Block]:
    length = max(1, min(_BLOCK_FRAMES, _BLOCK_SAMPLES // channels))
    for start in range(0, frames, length):
        yield _Block(np.zeros((min(length, frames - start), channels), np.float32))


def damage(error: Exception) -> str:
    """Say what libsndfile found damaged."""
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    if text.startswith(_UNTRUE):
        text = ""
    return f"it is damaged or cut off ({text})" if text else "it is damaged or cut off"


def _losses(gaps: Sequence[tuple[float, float]], lost: str | None) -> str:
    """Say what was lost of a file, and where."""
    said = []
    if gaps:
        seconds = sum(stop - start for start, stop in gaps)
        places = [f"{start:.3f} to {stop:.3f} s" for start, stop in gaps[:_MOST_PLACES]]
        more = f" and {len(gaps) - len(places)} more" if len(gaps) > len(places) else ""
        kind = "1 gap is" if len(gaps) == 1 else f"{len(gaps)} gaps are"
        said.append(f"{kind} silence, {seconds:.3f} s ({', '.join(places)}{more})")
    if lost:
        said.append(lost)
    return f"it is damaged and was salvaged: {'; '.join(said) or 'nothing is known to be lost'}"
