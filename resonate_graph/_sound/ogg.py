"""Ogg files (RFC 3533), walked from page to page: Vorbis, Opus and FLAC (RFC 7845, RFC 5334).

libsndfile decodes the first of several streams, stops quietly where a file was cut off, passes
over damaged pages, does not read FLAC in Ogg, and fails at the end of an Opus stream whose last
page is not marked as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from . import flac
from .foreign import converted_by
from .layouts import usual_layout
from .ogg_pages import (
    FIRST,
    LAST,
    Page,
    Stream,
    Walk,
    decodable,
    first_page_lost,
    flac_of,
    is_in_step,
    missing_behind_headers,
)
from .ogg_salvage import salvaged
from .parts import Part, Reading, Silence, Spliced, begins_late, damaged, read_at

_MOST_MARK_BYTES = 64
#: As far as the first page of a file without its beginning is looked for: none is longer.
_HEADLESS_BYTES = 1 << 17

#: How the first packet of a stream begins, what is in it, and whether it is read.
_CODECS = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
    b"PCM     ": "PCM",
    b"CELT    ": "CELT",
}
_READ = ("Vorbis", "Opus", "FLAC")

#: Where the channels of a WAV file (L R C LFE Ls Rs ...) stand in Vorbis and Opus (Vorbis I,
#: section 4.3.9), in whose order libsndfile gives them.
_ORDERS: dict[int, tuple[int, ...]] = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}
#: Where the first packet has the number of channels; and that of Opus its channel mapping family,
#: of which 2 and 3 are Ambisonics, and 255 says nothing (RFC 7845, 5.1.1; RFC 8486).
_CHANNELS_AT = {"Vorbis": 11, "Opus": 9}
_FAMILY = slice(18, 19)
_FAMILIES_OF_SPEAKERS = (b"\0", b"\1")


def survey(path: Path, raw: IO[bytes], size: int, *, salvage: bool = False) -> Reading:
    """Find the streams of an Ogg file, and whether they are all there and intact.

    Raises:
        InputError: they are not, or it holds what cannot be read as one sound.
    """
    walk = Walk(raw, size)
    streams, strays = _streams(path, raw, walk)
    if not streams:
        return _without_headers(path, raw, strays, walk, salvage=salvage)
    faults = [*walk.faults]
    for stream in streams:
        faults += _faults(stream, size)
    if faults and not salvage:
        raise damaged(path, faults[0])
    if faults:
        return _with_speakers(salvaged(path, raw, streams, walk), streams)
    parts: list[Part | Silence] = []
    doubts: list[tuple[str, str]] = []
    for stream in streams:
        if stream.codec == "FLAC":
            reading = flac.survey(path, *flac_of(raw, stream.pages), salvage=salvage)
            parts += reading.parts
            doubts += reading.warnings
        elif len(stream.pages) > stream.header_pages or len(streams) == 1:
            parts.append(_whole(raw, stream, size, doubts))
    if not all(stream.pages[-1].flags & LAST for stream in streams):
        doubts.append(("unfinished", _UNFINISHED))
    return _with_speakers(Reading(parts, warnings=doubts), streams)


def _with_speakers(reading: Reading, streams: Sequence[Stream]) -> Reading:
    """Say what the channels of Vorbis and Opus are, where they are for loudspeakers."""
    sounding = (stream for stream in streams if len(stream.pages) > stream.header_pages)
    stream = next(sounding, streams[0])
    at = _CHANNELS_AT.get(stream.codec)
    if at is None or len(stream.first) <= at:
        return reading
    if stream.codec == "Opus" and stream.first[_FAMILY] not in _FAMILIES_OF_SPEAKERS:
        return reading
    channels = stream.first[at]
    return replace(reading, layout=usual_layout(channels), order=_ORDERS.get(channels))


def survey_headless(path: Path, raw: IO[bytes], size: int, *, salvage: bool) -> Reading | None:
    """Find the streams of a file whose beginning is lost; None where there are no pages.

    Raises:
        InputError: as `survey`.
    """
    if not Walk(raw, size).begins_within(_HEADLESS_BYTES):
        return None
    return survey(path, raw, size, salvage=salvage)


_UNFINISHED = (
    "its last page is not marked as the last, as some recorders leave it; if it was cut off right "
    "there, nothing tells"
)


def _without_headers(
    path: Path, raw: IO[bytes], pages: Sequence[Page], walk: Walk, *, salvage: bool
) -> Reading:
    """Return what is left of a stream whose first page is lost: FLAC, which does without.

    Raises:
        InputError: it is another, or is not to be salvaged.
    """
    fault = walk.faults[0] if walk.faults else "it is damaged: its first page is missing"
    bodies = [range(page.body, page.stop) for page in pages if page.serial == pages[0].serial]
    spliced = Spliced(raw, bodies)
    reading = flac.survey_headless(
        path, spliced, sum(map(len, bodies)), salvage=salvage, reason=fault
    )
    if reading is None:
        raise InputError(path, f"{fault}, and without its headers nothing of it can be decoded")
    return reading


def _streams(path: Path, raw: IO[bytes], walk: Walk) -> tuple[list[Stream], list[Page]]:
    """Return the sounds that follow one another, each with its pages, and the pages of none.

    Raises:
        InputError: two of them are side by side, or none is of a kind that is read.
    """
    found: list[Stream] = []
    strays: list[Page] = []
    open_streams: dict[int, Stream] = {}
    other: list[str] = []
    beginning = False
    for page in walk.pages():
        if page.flags & FIRST:
            if not beginning:
                open_streams = {}
            first = read_at(raw, page.body, min(page.stop - page.body, _MOST_MARK_BYTES))
            codec = next((name for mark, name in _CODECS.items() if first.startswith(mark)), None)
            if codec not in _READ:
                other.append(codec or "no sound")
            elif open_streams:
                raise InputError(path, "it holds several sounds side by side: split it first")
            else:
                open_streams[page.serial] = Stream(codec, first)
                found.append(open_streams[page.serial])
        beginning = bool(page.flags & FIRST)
        if page.serial in open_streams:
            open_streams[page.serial].pages.append(page)
        else:
            strays.append(page)
    if other and not found:
        raise InputError(
            path, f"it holds {other[0]} in Ogg, which is not read: {converted_by(path)}"
        )
    return found, strays


def _faults(stream: Stream, size: int) -> Iterator[str]:
    """Say what is wrong with the pages of a stream, each of which is intact."""
    headers = stream.header_pages
    for index, (before, page) in enumerate(pairwise(stream.pages), 1):
        where = f"the page at byte {page.start:,}"
        if page.number == before.number:
            yield f"it is damaged: {where} is there twice"
        elif page.number < before.number:
            yield f"it is damaged: {where} is out of order"
        elif page.number > before.number + 1 and (index != headers or first_page_lost(stream)):
            # behind its headers, a stream that was recorded from its middle goes on anywhere else
            yield f"it is damaged: pages are missing before {where}"
    last = stream.pages[-1]
    if not last.flags & LAST and (last.open_end or len(stream.pages) <= headers):
        yield f"it is cut off: it ends at byte {size:,}, before its last page"


def _whole(raw: IO[bytes], stream: Stream, size: int, doubts: list[tuple[str, str]]) -> Part:
    """Return a stream as it stands; its last page marked as such."""
    pages = stream.pages
    together = all(before.stop == page.start for before, page in pairwise(pages))
    everything = (pages[0].start, pages[-1].stop) == (0, size) and together
    late = missing_behind_headers(stream) > 0
    as_it_is = everything and pages[-1].flags & LAST and stream.says_its_rate
    if as_it_is and stream.codec != "Opus" and not late:
        return Part(raw)
    as_it_is = as_it_is and (stream.codec != "Opus" or is_in_step(raw, pages))
    part, start = decodable(raw, stream, pages)
    if late and stream.rate:
        doubts.append(begins_late(start / stream.rate))
    return Part(raw) if as_it_is and not start else part
