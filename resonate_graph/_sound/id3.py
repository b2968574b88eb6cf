"""ID3 frames as the fields of Vorbis comments, and back.

The names are those that taggers (MusicBrainz Picard, foobar2000) have agreed on. What has no field
of its own, such as play counts, chapters and private data, is left behind.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import IO, Any

from .._base.errors import AudioError

Fields = dict[str, list[str]]

#: Text frames and the field that says the same.
_TEXTS = {
    "TALB": "ALBUM", "TBPM": "BPM", "TCMP": "COMPILATION", "TCOM": "COMPOSER", "TCON": "GENRE",
    "TCOP": "COPYRIGHT", "TDOR": "ORIGINALDATE", "TDRC": "DATE", "TEXT": "LYRICIST",
    "TIT1": "GROUPING", "TIT2": "TITLE", "TIT3": "SUBTITLE", "TKEY": "KEY", "TLAN": "LANGUAGE",
    "TMED": "MEDIA", "TMOO": "MOOD", "TOAL": "ORIGINALALBUM", "TOPE": "ORIGINALARTIST",
    "TPE1": "ARTIST", "TPE2": "ALBUMARTIST", "TPE3": "CONDUCTOR", "TPE4": "REMIXER",
    "TPUB": "LABEL", "TSO2": "ALBUMARTISTSORT", "TSOA": "ALBUMSORT", "TSOC": "COMPOSERSORT",
    "TSOP": "ARTISTSORT", "TSOT": "TITLESORT", "TSRC": "ISRC", "TSST": "DISCSUBTITLE",
}  # fmt: skip
#: Frames that hold a number and how many there are, as 3/12.
_COUNTS = {"TRCK": ("TRACKNUMBER", "TRACKTOTAL"), "TPOS": ("DISCNUMBER", "DISCTOTAL")}
#: Fields whose TXXX frame has another name.
_DESCRIBED = {
    "ACOUSTID_FINGERPRINT": "Acoustid Fingerprint",
    "ACOUSTID_ID": "Acoustid Id",
    "MUSICBRAINZ_ALBUMARTISTID": "MusicBrainz Album Artist Id",
    "MUSICBRAINZ_ALBUMID": "MusicBrainz Album Id",
    "MUSICBRAINZ_ARTISTID": "MusicBrainz Artist Id",
    "MUSICBRAINZ_RELEASEGROUPID": "MusicBrainz Release Group Id",
    "MUSICBRAINZ_RELEASETRACKID": "MusicBrainz Release Track Id",
    "MUSICBRAINZ_WORKID": "MusicBrainz Work Id",
}
_INVOLVED = ("ARRANGER", "DJMIXER", "ENGINEER", "MIXER", "PRODUCER")
_RECORDING = "http://musicbrainz.org"
_NUMBERS = {"TBPM", "TCMP"}
_DATES = {"TDRC", "TDOR"}
_KEPT = {*_TEXTS, *_COUNTS, "APIC", "COMM", "TIPL", "TMCL", "TXXX", "UFID", "USLT",
         "IPLS", "TDAT", "TIME", "TORY", "TYER"}  # fmt: skip
#: Deflate packs a thousandfold at most: beyond this, they may become more than memory holds.
_MAX_COMPRESSED_BYTES = 1 << 16
#: mutagen copies what is left of a tag for each frame: so many bytes are a few seconds.
_MAX_COPIED_BYTES = 10_000_000_000
_FRAME_HEADS = {2: (6, 3, 3), 3: (10, 4, 4), 4: (10, 4, 4)}
_HEAD_BYTES = 10
_UNSYNCHRONISED = 0x80
_COMPRESSED = {3: 0x80, 4: 0x08}


class _Unread:
    """Stands for the class of a frame that is to be looked at, not read."""

    @classmethod
    def _fromData(cls, header: object, flags: int, data: bytes) -> None:  # noqa: N802 - mutagen's
        raise NotImplementedError


class _Watched:
    """Stands for the class of a frame, and notes which are damaged: mutagen passes over them."""

    def __init__(self, kind: Any, damaged: list[str]) -> None:
        self._kind = kind
        self._damaged = damaged

    def __call__(self, **said: Any) -> Any:
        return self._kind(**said)

    def _fromData(self, header: Any, flags: int, data: bytes) -> Any:  # noqa: N802 - mutagen's
        from mutagen.id3 import ID3JunkFrameError

        try:
            return self._kind._fromData(header, flags, data)
        except ID3JunkFrameError:
            self._damaged.append(self._kind.__name__)
            raise


def read_id3(file: IO[bytes]) -> tuple[Any, list[str]]:
    """Return the ID3 tag a file begins or ends with, as mutagen reads it; None without one.

    With it come the names of frames that are damaged, which it does not have.

    Raises:
        mutagen.MutagenError: it is damaged.
        AudioError: it could become too large to be read, or take too long.
    """
    from mutagen import id3

    _require_few_frames(file)
    unread: Any = dict.fromkeys([*id3.Frames, *id3.Frames_2_2], _Unread)
    try:
        file.seek(0)
        raw = id3.ID3(file, known_frames=unread, translate=False, load_v1=False)
    except id3.ID3NoHeaderError:
        pass
    else:
        mask = _COMPRESSED.get(raw.version[1], 0)
        packed = sum(len(one) for one in raw.unknown_frames if len(one) > 9 and one[9] & mask)
        if packed > _MAX_COMPRESSED_BYTES:
            raise AudioError("its compressed frames could become too large to be read")
    known: Any = {name: kind for name, kind in id3.Frames.items() if name in _KEPT}
    for name, old in id3.Frames_2_2.items():  # these have their successor as base
        if old.__mro__[1].__name__ in _KEPT:
            known[name] = old
    known["PIC"] = id3.Frames_2_2["PIC"]
    damaged: list[str] = []
    watched: Any = {name: _Watched(kind, damaged) for name, kind in known.items()}
    try:
        file.seek(0)
        return id3.ID3(file, known_frames=watched), damaged
    except id3.ID3NoHeaderError:
        return None, []


def _require_few_frames(file: IO[bytes]) -> None:
    """Refuse a tag of which reading would take minutes: one of very many frames.

    Raises:
        AudioError: it is such a tag.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[:3] != b"ID3" or len(head) < _HEAD_BYTES or head[3] not in _FRAME_HEADS:
        return
    length = _whole_number(head[6:], 7)
    content = file.read(length)
    if head[5] & _UNSYNCHRONISED:
        content = content.replace(b"\xff\0", b"\xff")
    head_bytes, name_bytes, size_bytes = _FRAME_HEADS[head[3]]
    for bits in (7, 8):  # sizes of the one or the other kind stand in tags of version 4
        position = copied = 0
        while position + head_bytes <= len(content):
            if not content[position : position + name_bytes].strip(b"\0"):
                break
            copied += len(content) - position
            if copied > _MAX_COPIED_BYTES:
                raise AudioError("it has so many frames that reading them would take minutes")
            size = content[position + name_bytes : position + name_bytes + size_bytes]
            position += head_bytes + _whole_number(size, bits)


def _whole_number(content: bytes, bits: int) -> int:
    number = 0
    for byte in content:
        number = number << bits | byte & (1 << bits) - 1
    return number


def fields_of(tags: Any) -> Fields:
    """Return what an ID3 tag says in words."""
    return gathered(_said(tags))


def gathered(said: Iterable[tuple[str, str]]) -> Fields:
    """Return values by field, in capitals; each once, in the order in which they came."""
    fields: dict[str, dict[str, None]] = {}
    for name, value in said:
        if value:
            fields.setdefault(name.upper(), {})[value] = None
    return {name: list(values) for name, values in fields.items()}


def tag_of(fields: Fields, pictures: Iterable[tuple[int, str, str, bytes]]) -> Any:
    """Return an ID3v2.4 tag of fields, and of pictures as (type, MIME type, description, data)."""
    from mutagen import id3

    made: Any = id3
    tag = id3.ID3()
    rest = dict(fields)
    for kind, values in _frames(rest):
        tag.add(getattr(made, kind)(encoding=3, **values))
    if "MUSICBRAINZ_TRACKID" in rest:
        identity = rest.pop("MUSICBRAINZ_TRACKID")[0].encode("ascii", "ignore")
        tag.add(made.UFID(owner=_RECORDING, data=identity))
    for field, texts in rest.items():
        tag.add(made.TXXX(encoding=3, desc=_DESCRIBED.get(field, field), text=texts))
    taken: set[str] = set()
    for type_, mime, text, data in pictures:
        description = text
        while description in taken:  # no two may share one
            description += " "
        taken.add(description)
        tag.add(made.APIC(encoding=3, mime=mime, type=type_, desc=description, data=data))
    return tag


def _frames(rest: Fields) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the frames that have fields of their own, and take these out."""
    for frame, field in _TEXTS.items():
        values = _possible(frame, rest.get(field, []))
        if values:
            del rest[field]
            yield frame, {"text": values}
    for frame, (field, total) in _COUNTS.items():
        if field in rest:
            number, count = rest.pop(field)[0], rest.pop(total, [""])[0]
            yield frame, {"text": [f"{number}/{count}" if count and "/" not in number else number]}
    people = [[name.lower(), value] for name in _INVOLVED for value in rest.pop(name, [])]
    if people:
        yield "TIPL", {"people": people}
    performers = [_performer(value) for value in rest.pop("PERFORMER", [])]
    if performers:
        yield "TMCL", {"people": performers}
    if "COMMENT" in rest:
        yield "COMM", {"lang": "XXX", "desc": "", "text": rest.pop("COMMENT")}
    if "LYRICS" in rest:
        yield "USLT", {"lang": "XXX", "desc": "", "text": "\n\n".join(rest.pop("LYRICS"))}


def _said(tags: Any) -> Iterator[tuple[str, str]]:
    for frame, field in _TEXTS.items():
        for one in tags.getall(frame):
            for value in one.genres if frame == "TCON" else one.text:
                yield field, str(value)
    for frame, names in _COUNTS.items():
        for one in tags.getall(frame):
            yield from zip(names, str(one.text[0]).split("/") if one.text else (), strict=False)
    yield from _credits(tags)
    for one in sorted(tags.getall("COMM"), key=lambda one: str(one.desc)):
        if not one.desc.lower().startswith("itun"):  # what iTunes measured and counted
            yield from (("COMMENT", value) for value in one.text)
    yield from (("LYRICS", one.text) for one in tags.getall("USLT"))
    for one in tags.getall("UFID"):
        if one.owner == _RECORDING:
            yield "MUSICBRAINZ_TRACKID", one.data.decode("ascii", "ignore")
    fields = {description.upper(): field for field, description in _DESCRIBED.items()}
    for one in tags.getall("TXXX"):
        yield from ((fields.get(one.desc.upper(), one.desc), value) for value in one.text)


def _credits(tags: Any) -> Iterator[tuple[str, str]]:
    for frame in ("TIPL", "IPLS", "TMCL"):
        for one in tags.getall(frame):
            for role, person in one.people:
                if role.upper() in _INVOLVED:
                    yield role, person
                else:
                    yield "PERFORMER", f"{person} ({role})" if role else person


def _possible(frame: str, values: list[str]) -> list[str]:
    """Return values that a frame can hold; none if one of them would be lost in it."""
    from mutagen.id3 import ID3TimeStamp

    timestamp: Any = ID3TimeStamp
    if frame in _DATES and any(str(timestamp(value)) != value for value in values):
        return []
    if frame in _NUMBERS and not all(value.isdecimal() for value in values):
        return []
    return values


def _performer(value: str) -> list[str]:
    name, bracket, role = value.rstrip(")").rpartition(" (")
    return [role, name] if bracket and value.endswith(")") else ["", value]


def from_bytes(content: bytes) -> tuple[Any, list[str]]:
    """Return what `read_id3` does of some bytes, such as a chunk of a WAV file.

    Raises:
        mutagen.MutagenError: it is damaged.
        AudioError: it could become too large to be read.
    """
    return read_id3(io.BytesIO(content))
