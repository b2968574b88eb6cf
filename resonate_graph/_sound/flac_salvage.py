"""The frames of a FLAC stream that are intact, and what is left of one that is damaged."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import IO, NamedTuple

from .flac_crc import wrong_crc16s
from .flac_frames import Frame, Header, Stream, headers, possible
from .parts import Checksum, Part, Silence, Spliced, read_at

#: As much of a file without a beginning is looked at: it holds a frame, however long they are.
_HEADLESS_BYTES = 1 << 21
#: How many frames in a row are evidence of frames.
_IN_A_ROW = 3


class Order(NamedTuple):
    """How the frames of a stream follow one another, by their headers.

    Attributes:
        first: with which frame of sound they begin.
        end: the frame of sound behind the last one.
        broken: whether some seem to be missing, or to be there twice, between these.
    """

    first: int
    end: int
    broken: bool


def order_of(raw: IO[bytes] | io.RawIOBase, stream: Stream) -> Order:
    """Return how frames follow one another, without looking whether they are intact.

    What only looks like a header goes on from nowhere and is passed over.
    """
    order: Order | None = None
    other: tuple[int, int] | None = None
    for _, header in headers(read_at(raw, stream.body, stream.end - stream.body), stream):
        first = header.first(stream)
        end = first + header.frames
        if order is not None and first == order.end:
            order, other = order._replace(end=end), None
        elif order is not None and end == order.end:
            order = order._replace(broken=True)
        elif other is not None and first == other[1]:
            order = Order(other[0], end, False) if order is None else Order(order.first, end, True)
            other = None
        else:
            other = first, end
    return order or Order(*(other or (0, 0)), False)


def faults(frames: Sequence[Frame], stream: Stream) -> Iterator[str]:
    """Say what is wrong with the intact frames of a stream, in the order of the file.

    A frame that is not intact, the decoder finds.
    """
    at = 0 if stream.frames or not frames else frames[0].first
    for frame in frames:
        place = f"the FLAC frame at byte {frame.start:,}"
        if frame.first > at:
            yield f"it is damaged: frames are missing before {place}"
        elif frame.first < at:
            yield f"it is damaged: {place} is there twice or out of order"
        at = frame.first + frame.frames
    if stream.frames and at > stream.frames:
        yield f"it is damaged: it holds {at:,} frames, and its header tells of {stream.frames:,}"


def intact_frames(raw: IO[bytes] | io.RawIOBase, stream: Stream) -> list[Frame]:
    """Return the frames whose checksums are right, in the order of the file."""
    content = read_at(raw, stream.body, stream.end - stream.body)
    found = list(headers(content, stream))
    places = [place for place, _ in found] + [len(content)]
    intact: dict[int, tuple[int, int]] = {}
    # A sync code that only looks like one may stand in a frame: that one ends a place later.
    for step in (1, 2):
        spans = {
            index: (places[index], places[index + step])
            for index in range(len(found) + 1 - step)
            if index not in intact
            and (step == 1 or index + 1 not in intact)
            and possible(places[index], places[index + step], found[index][1].frames, stream)
        }
        wrong = wrong_crc16s(content, list(spans.values()))
        intact.update(
            {
                index: span
                for (index, span), bad in zip(spans.items(), wrong, strict=True)
                if not bad
            }
        )
    return [
        Frame(
            stream.body + start,
            stream.body + stop,
            found[index][1].first(stream),
            found[index][1].frames,
        )
        for index, (start, stop) in sorted(intact.items())
    ]


def salvaged(
    raw: IO[bytes] | io.RawIOBase, stream: Stream, frames: Sequence[Frame], lost: list[str]
) -> Iterator[Part | Silence]:
    """Yield the runs of intact frames of a stream, and how much is missing between them."""
    end = max((frame.stop for frame in frames), default=stream.end)
    runs = list(_runs(_once(frames, stream)))
    at = 0 if stream.frames or not runs else runs[0][0].first
    if stream.headless and at:
        lost.append(f"its first {at / stream.rate:.2f} s are missing")
    for run in runs:
        if run[0].first > at:
            yield Silence(run[0].first - at)
        length = run[-1].first + run[-1].frames - run[0].first
        everything = len(runs) == 1 and 0 < stream.frames <= length
        yield _run_part(raw, stream, run, length, judged=everything)
        at = run[0].first + length
    if stream.frames > at:
        missing = (stream.frames - at) / stream.rate
        lost.append(f"{missing:.2f} s at the end are missing")
    elif not stream.frames and end < stream.end:  # it does not say how long it is
        lost.append(f"its end is missing (the last {stream.end - end:,} bytes are no whole frame)")


def headless(raw: IO[bytes] | io.RawIOBase, size: int) -> Stream | None:
    """Return a stream whose beginning is lost, by what its frames say; None where there is none."""
    content = read_at(raw, 0, min(size, _HEADLESS_BYTES))
    kinds: Counter[Header] = Counter()
    for (_, before), (_, header) in pairwise(headers(content)):
        step = before.frames if header.varying else 1
        if header.number == before.number + step and header[3:] == before[3:]:
            kinds[before._replace(number=0)] += 1
    if not kinds:
        return None
    header, count = kinds.most_common(1)[0]
    return Stream.of_frames(header, size) if count >= _IN_A_ROW - 1 else None


def _run_part(
    raw: IO[bytes] | io.RawIOBase,
    stream: Stream,
    run: Sequence[Frame],
    length: int,
    *,
    judged: bool,
) -> Part:
    pieces: list[bytes | range] = [stream.head(length)]
    pieces += [range(frame.start, frame.stop) for frame in run]
    checksum = None
    if judged and stream.md5 is not None:
        checksum = Checksum(stream.md5, stream.bits, lambda: None)
    return Part(Spliced(raw, pieces), frames=length, checksum=checksum)


def _once(frames: Sequence[Frame], stream: Stream) -> Iterator[Frame]:
    """Yield frames in the order of the sound, each once; none far beyond the end that is told."""
    at = 0
    for frame in sorted(frames, key=lambda frame: frame.first):
        beyond = stream.frames and frame.first + frame.frames > stream.frames
        if frame.first == at or (frame.first > at and not beyond):
            yield frame
            at = frame.first + frame.frames


def _runs(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Yield frames that follow one another in the sound."""
    run: list[Frame] = []
    for frame in frames:
        if run and run[-1].first + run[-1].frames != frame.first:
            yield run
            run = []
        run.append(frame)
    if run:
        yield run
