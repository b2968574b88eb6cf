"""What is left of damaged MPEG audio: the frames that can be decoded, each at its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .mpeg_decodable import between_silence, decodable_pieces, unsettled_frames, xing_frame
from .mpeg_frames import LAYER_3, Stream, broken_frames
from .parts import Part, Reading, Silence, Spliced

#: What libsndfile's decoder leaves out of every stream: its own delay.
_DECODER_DELAY = 529


def salvaged(path: Path, raw: IO[bytes], streams: Sequence[Stream]) -> Reading:
    """Return what can be decoded of each stream, with silence for the frames that are missing."""
    parts: list[Part | Silence] = []
    lost: list[str] = []
    for stream in streams:
        if stream.frames:
            parts += _salvaged_runs(raw, stream, lost)
    if not any(isinstance(part, Part) for part in parts):
        raise InputError(path, "it is damaged: nothing of its sound is left")
    return Reading(parts, lost=", ".join(lost))


def _salvaged_runs(raw: IO[bytes], stream: Stream, lost: list[str]) -> Iterator[Part | Silence]:
    length = stream.frames[0].header.frames
    places, total = _places(stream)
    told = stream.told or 0
    if told > total:
        seconds = (told - total) * length / stream.frames[0].header.sample_rate
        lost.append(f"{seconds:.2f} s at the end are missing")
    elif stream.cut:
        lost.append("its end is missing")
    delay, padding = (stream.info.delay, stream.info.padding) if stream.info else (0, 0)
    decoder_delay = _DECODER_DELAY if stream.layer == LAYER_3 else 0
    at = delay + decoder_delay
    end = total * length - (max(0, padding - decoder_delay) if told and told <= total else 0)
    bad = {*broken_frames(stream), *_torn(stream)}
    for run in _runs(places, bad):
        first = places[run[0]] * length
        frames = [stream.frames[index] for index in run]
        # each frame is added to the second half of the one before; and where frames have
        # checksums, the decoder in libsndfile 1.2.2 was seen to need one more
        settled = length
        if stream.layer == LAYER_3:
            settled += (unsettled_frames(raw, frames) + frames[0].header.protected) * length
        begin, stop = first + settled * bool(first), min(end, first + len(run) * length)
        if stop <= max(begin, at):
            continue
        if begin > at:
            yield Silence(begin - at)
            at = begin
        skip = max(0, at - first - decoder_delay)
        if stream.layer == LAYER_3:
            pieces = [xing_frame(frames[0].header, len(frames)), *decodable_pieces(raw, frames)]
            yield Part(Spliced(raw, pieces), skip, stop - at)
        else:
            yield between_silence(raw, frames, skip, stop - at)
        at = stop


def _torn(stream: Stream) -> Iterator[int]:
    """Yield the frames behind which something else stands.

    It hardly ever begins just where a frame ends.
    """
    for index in stream.holes:
        if index and stream.frames[index - 1].stop < stream.frames[index].start:
            yield index - 1


def _places(stream: Stream) -> tuple[list[int], int]:
    """Return at which place each frame stood, and how many there were up to the last one."""
    frames, count = stream.frames, len(stream.frames)
    mean = sum(frame.header.length for frame in frames) / count
    sizes = []
    for index in stream.holes:
        start = frames[index - 1].stop if index else stream.start
        sizes.append(max(0, frames[index].start - start))
    missing = [max(1, round(size / mean)) for size in sizes]
    if stream.told and stream.info and not stream.cut:
        known = stream.told - count
        cut_out = max(0, stream.info.stop - stream.stop) if stream.info.stop else 0
        if 0 <= known <= 2 * (sum(sizes) + cut_out) / mean + len(sizes):
            missing = _shared(known, missing)
    steps = [1] * count
    for index, number in zip(stream.holes, missing, strict=True):
        steps[index] += number
    places = [place - 1 for place in accumulate(steps)]
    return places, places[-1] + 1


def _shared(total: int, weights: Sequence[int]) -> list[int]:
    """Share out a number as some weights say."""
    ends = [round(total * part / sum(weights)) for part in accumulate(weights)]
    return [stop - start for start, stop in pairwise([0, *ends])]


def _runs(places: Sequence[int], bad: set[int]) -> Iterator[list[int]]:
    """Yield the indices of intact frames that follow one another."""
    run: list[int] = []
    for index, place in enumerate(places):
        if run and (index in bad or places[run[-1]] + 1 != place):
            yield run
            run = []
        if index not in bad:
            run.append(index)
    if run:
        yield run
