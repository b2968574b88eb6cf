"""What is left of damaged Ogg files: each run of pages at its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from . import flac
from .ogg_pages import (
    LAST,
    NO_GRANULE,
    Page,
    Stream,
    Walk,
    decodable,
    first_page_lost,
    flac_of,
)
from .parts import Part, Reading, Silence

#: Opus decodes right only this long after it began in the middle of a stream (RFC 7845, 4.6), at
#: 48 kHz.
_PREROLL_FRAMES = 3840


def salvaged(path: Path, raw: IO[bytes], streams: Sequence[Stream], walk: Walk) -> Reading:
    """Return what can be decoded of each stream, with silence where pages are missing."""
    parts: list[Part | Silence] = []
    lost: list[str] = []
    for stream in streams:
        once = {page.number: page for page in reversed(stream.pages)}
        pages = [once[number] for number in sorted(once)]
        ends = [] if pages[-1].flags & LAST else ["its end is missing"]
        if stream.codec == "FLAC":
            reading = flac.survey(path, *flac_of(raw, pages), salvage=True)
            lost += [reading.lost] if reading.lost else ends
            parts += reading.parts
        else:
            lost += ends
            parts += _salvaged_runs(raw, replace(stream, pages=pages), walk, lost)
    if not any(isinstance(part, Part) for part in parts):
        why = lost[0] if lost else "nothing of its sound is left"
        raise InputError(path, f"it is damaged: {why}")
    return Reading(parts, lost=", ".join(dict.fromkeys(lost)))


def _salvaged_runs(
    raw: IO[bytes], stream: Stream, walk: Walk, lost: list[str]
) -> Iterator[Part | Silence]:
    count = stream.header_pages
    headers, sound = stream.pages[:count], stream.pages[count:]
    if len(list(_runs(headers))) > 1 or headers[0].number or not sound:
        lost.insert(0, "a stream without its beginning cannot be decoded")
        return
    at: int | None = None
    for run in _runs(sound):
        while run and run[-1].granule == NO_GRANULE:  # a part of a packet
            run.pop()
        decoded = _run(raw, stream, headers, run) if run else None
        if decoded is None:
            continue
        part, start = decoded
        if at is None:
            harmed = first_page_lost(stream) or walk.is_torn(headers[-1], run[0])
            at = 0 if harmed else start
        if start > at:
            yield Silence(start - at)
        at = start + (part.frames or 0)
        yield part
    told = [page.granule for page in sound if page.granule != NO_GRANULE]
    if at is not None and told and told[-1] - stream.skip > at:  # too little to be decoded
        yield Silence(told[-1] - stream.skip - at)


def _run(
    raw: IO[bytes], stream: Stream, headers: Sequence[Page], run: Sequence[Page]
) -> tuple[Part, int] | None:
    """Return pages in a row as a part, and with which frame it begins; None if it is too short."""
    resumed = run[0].number != headers[-1].number + 1
    if resumed and run[0].flags & LAST:
        return None  # its granule says where it ends, but not how much of its end is left out
    part, start = decodable(raw, stream, [*headers, *run])
    skip = max(0, _PREROLL_FRAMES - stream.skip) if resumed and stream.codec == "Opus" else 0
    if part.frames is None or part.frames <= skip:
        return None
    return replace(part, skip=skip, frames=part.frames - skip), start + skip


def _runs(pages: Sequence[Page]) -> Iterator[list[Page]]:
    """Yield pages that follow one another."""
    run: list[Page] = []
    for page in pages:
        if run and page.number != run[-1].number + 1:
            yield run
            run = []
        run.append(page)
    if run:
        yield run
