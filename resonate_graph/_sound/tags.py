"""Tags of sound files: title, artist, cover art; read and written.

They are held as Vorbis comments name them, whatever format they came from: FLAC and OGG have
these, MP3 has ID3 frames, WAV has an ID3 chunk and a LIST INFO chunk, of which both are written;
AIFF, which is only read, has an ID3 chunk and chunks of text.
Tags are no part of a sound: no digest and no key depends on them.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from .._base.errors import InputError
from .aiff import aiff_chunks
from .id3 import Fields, fields_of, from_bytes, gathered, read_id3, tag_of
from .parts import after_tags
from .riff import wav_chunks
from .vorbis_comments import COMMENT, PICTURE, comments_of, is_whole, metadata_blocks

#: Formats whose metadata is written.
TAGGED = (".wav", ".flac", ".ogg", ".mp3")

#: What says how the file it stood in was encoded, or what was measured of its samples.
_OF_THE_FILE = {
    "ACOUSTID_FINGERPRINT", "ALBUM_DYNAMIC_RANGE", "CUESHEET", "DYNAMIC_RANGE", "ENCODED_BY",
    "ENCODEDBY", "ENCODER", "ENCODER_OPTIONS", "ENCODER_SETTINGS", "ENCODERSETTINGS", "ENCODING",
    "LENGTH", "RESONATE_GRAPH", "SOFTWARE", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK",
}  # fmt: skip
_MEASURED = (
    "ACCURATERIP",
    "CTDB",
    "ITUN",
    "LOUDNESS",
    "MP3GAIN_",
    "MUSICIP_FINGERPRINT",
    "MUSICMAGIC_FINGERPRINT",
    "R128_",
    "REPLAYGAIN_",
)

_INFO = {
    b"IART": "ARTIST", b"ICMT": "COMMENT", b"ICOP": "COPYRIGHT", b"ICRD": "DATE",
    b"IENG": "ENGINEER", b"IGNR": "GENRE", b"IMUS": "COMPOSER", b"INAM": "TITLE",
    b"IPRD": "ALBUM", b"ITRK": "TRACKNUMBER",
}  # fmt: skip
_AIFF_TEXTS = {
    b"NAME": "TITLE", b"AUTH": "ARTIST", b"(c) ": "COPYRIGHT", b"ANNO": "COMMENT",
}  # fmt: skip
#: How sounds in OGG begin, by kind, and what reads the tags of each; the others are not imported.
_IN_OGG = {
    b"\x01vorbis": ("mutagen.oggvorbis", "OggVorbis"),
    b"OpusHead": ("mutagen.oggopus", "OggOpus"),
    b"fLaC": ("mutagen.oggflac", "OggFLAC"),
    b"Speex   ": ("mutagen.oggspeex", "OggSpeex"),
}
_OGG_HEAD_BYTES = 128
_PICTURE = "METADATA_BLOCK_PICTURE"
_FRONT_COVER = 3
_MAX_CHUNK_BYTES = 1 << 26
#: How large pictures may be, by suffix, and why: a block of FLAC holds no more, less what describes
#: it; OGG could.
_MAX_PICTURE_BYTES = dict.fromkeys((".flac", ".ogg"), (1 << 24) - 1 - 1024)
_WHY_SMALL = {
    ".flac": "FLAC holds none above 16 MiB",
    ".ogg": "above 16 MiB, writing them takes minutes (it grows with the square of their size)",
}
_ANY_FIELD = [chr(code) for code in range(0x20, 0x7E) if chr(code) != "="]


@dataclass(frozen=True)
class Picture:
    """A picture: its type (3 for the front cover), MIME type, description, and the file's bytes."""

    kind: int
    mime: str
    description: str
    data: bytes


@dataclass(frozen=True)
class Tags:
    """What a file says of its sound.

    Attributes:
        fields: values by field, named in capitals as in Vorbis comments.
        pictures: cover art and other pictures.
        damage: which of them were damaged and are not here, in words; nothing where none was.
    """

    fields: Fields = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    damage: str = ""

    @property
    def carried(self) -> Tags:
        """What is still true of a sound that was made from this one."""
        fields = {
            name: values
            for name, values in self.fields.items()
            if _written(name) not in _OF_THE_FILE and not _written(name).startswith(_MEASURED)
        }
        return Tags(fields, self.pictures)

    def fitting(self, suffix: str) -> Tags:
        """Return what files with a suffix can hold of it: not the largest pictures."""
        most = _MAX_PICTURE_BYTES.get(suffix)
        fits = (one for one in self.pictures if most is None or len(one.data) <= most)
        return Tags(self.fields, tuple(fits))

    def lost_in(self, suffix: str) -> str:
        """Say what files with a suffix cannot hold of it, and why; nothing where they hold all."""
        fitting = self.fitting(suffix)
        lost = len(self.pictures) - len(fitting.pictures)
        what = "a picture is" if lost == 1 else f"{lost} pictures are"
        return f"{what} left out: {_WHY_SMALL[suffix]}" if lost else ""


def read_tags(path: Path) -> Tags:
    """Return the tags of a WAV, FLAC, OGG or MP3 file; nothing where it has none.

    Raises:
        InputError: they are damaged, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            reader = _READERS.get(head, _read_id3_file)
            file.seek(0)
            return reader(file)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a damaged tag makes of its reader
        reason = str(error) or type(error).__name__
        raise InputError(path, f"its tags are damaged ({reason[:200]})") from error


def _written(name: str) -> str:
    """Return the name of a field as Vorbis comments write it: some have spaces in ID3."""
    return name.replace(" ", "_").replace("-", "_")


def common(several: Sequence[Tags]) -> Tags:
    """Return what several files all say."""
    return reduce(_both, several) if several else Tags()


def write_tags(file: IO[bytes], suffix: str, tags: Tags) -> None:
    """Put tags into the metadata of an open sound file; its samples stay as they are."""
    file.seek(0)
    _WRITERS[suffix](file, tags)


def _both(one: Tags, other: Tags) -> Tags:
    fields = {name: said for name, said in one.fields.items() if other.fields.get(name) == said}
    return Tags(fields, tuple(picture for picture in one.pictures if picture in other.pictures))


# -- reading --------------------------------------------------------------------------------------


def _read_id3_file(file: IO[bytes]) -> Tags:
    return _of_id3(*read_id3(file))


def _of_id3(tag: Any, damaged: Sequence[str]) -> Tags:
    if tag is None:
        return Tags()
    pictures = [
        Picture(int(one.type), one.mime, one.desc.rstrip(), one.data)
        for one in tag.getall("APIC")
        if one.data and one.mime != "-->"  # a link
    ]
    # in the tag they stand in no particular order: the front cover first
    pictures.sort(key=lambda one: (one.kind != _FRONT_COVER, one.kind, one.description))
    names = ", ".join(dict.fromkeys(damaged))
    damage = f"of its ID3 tag, {names} cannot be read" if names else ""
    return Tags(fields_of(tag), tuple(pictures), damage)


def _read_wav(file: IO[bytes]) -> Tags:
    tags, info = Tags(), Fields()
    for name, position, length in wav_chunks(file):
        if length > _MAX_CHUNK_BYTES:
            continue
        file.seek(position)
        if name in (b"id3 ", b"ID3 "):
            tags = _of_id3(*from_bytes(file.read(length)))
        elif name == b"LIST" and file.read(4) == b"INFO":
            info = dict(_read_info(file.read(length - 4)))
    return Tags({**info, **tags.fields}, tags.pictures, tags.damage)


def _read_aiff(file: IO[bytes]) -> Tags:
    tags, said = Tags(), Fields()
    for name, position, length in aiff_chunks(file):
        if length > _MAX_CHUNK_BYTES or name not in (b"ID3 ", *_AIFF_TEXTS):
            continue
        file.seek(position)
        content = file.read(length)
        if name == b"ID3 ":
            tags = _of_id3(*from_bytes(content))
        elif text := _plain_text(content):
            said.setdefault(_AIFF_TEXTS[name], []).append(text)
    return Tags({**said, **tags.fields}, tags.pictures, tags.damage)


def _plain_text(raw: bytes) -> str:
    """Return text of which nothing says how it is encoded."""
    raw = raw.split(b"\0")[0]
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").strip()


def _read_info(content: bytes) -> Iterator[tuple[str, list[str]]]:
    position = 0
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        text = _plain_text(content[position + 8 : position + 8 + length])
        if name in _INFO and text:
            yield _INFO[name], [text]
        position += 8 + length + length % 2


def _read_flac(file: IO[bytes]) -> Tags:
    said: list[tuple[str, str]] = []
    pictures: list[bytes] = []
    harmed: list[str] = []
    for block in metadata_blocks(file, after_tags(file, 0)):
        if block.kind not in (COMMENT, PICTURE):
            continue
        file.seek(block.start)
        content = file.read(block.stop - block.start)
        if block.kind == PICTURE:
            pictures.append(content)
        else:
            comments = comments_of(content)
            said += comments.said
            harmed += ["some of its Vorbis comments"] * comments.damaged
    return _of_comments(said, pictures, harmed)


def _read_ogg(file: IO[bytes]) -> Tags:
    head = file.read(_OGG_HEAD_BYTES)
    file.seek(0)
    every: list[tuple[str, str]] = []
    for begins, (module, reader) in _IN_OGG.items():
        if begins in head:
            sound: Any = getattr(import_module(module), reader)(file)
            every = list(sound.tags or ())
            break
    said = [(name, value) for name, value in every if is_whole(value) and not _is_nameless(name)]
    harmed = ["some of its Vorbis comments"] * (len(said) < len(every))
    pictures = []
    for name, value in said:
        if name.upper() == _PICTURE:
            try:
                pictures.append(base64.b64decode(value, validate=True))
            except ValueError:
                harmed.append("a picture")
    return _of_comments([pair for pair in said if pair[0].upper() != _PICTURE], pictures, harmed)


def _of_comments(
    said: Sequence[tuple[str, str]], pictures: Sequence[bytes], harmed: Sequence[str]
) -> Tags:
    found, lost = [], list(harmed)
    for block in pictures:
        try:
            found.append(_read_flac_picture(block))
        except Exception:  # whatever a damaged one makes of its reader
            lost.append("a picture")
    damage = f"{' and '.join(dict.fromkeys(lost))} cannot be read" if lost else ""
    return Tags(gathered(said), tuple(found), damage)


def _is_nameless(name: str) -> bool:
    """Whether this is what mutagen calls a comment without a name."""
    return name.startswith("unknown") and name[len("unknown") :].isdecimal()


def _read_flac_picture(block: bytes) -> Picture:
    from mutagen.flac import Picture as FlacPicture

    made: Any = FlacPicture
    picture = made(block)
    return Picture(int(picture.type), picture.mime, picture.desc, picture.data)


# -- writing --------------------------------------------------------------------------------------


def _write_mp3(file: IO[bytes], tags: Tags) -> None:
    _id3(tags).save(file)


def _write_wav(file: IO[bytes], tags: Tags) -> None:
    from mutagen.wave import WAVE

    sound: Any = WAVE(file)
    if sound.tags is None:
        sound.add_tags()
    for frame in _id3(tags).values():
        sound.tags.add(frame)
    file.seek(0)
    sound.save(file)
    items = b"".join(
        _chunk(name, values[0].encode() + b"\0")
        for name, values in ((name, tags.fields.get(said)) for name, said in _INFO.items())
        if values
    )
    if items:
        end = file.seek(0, 2)
        file.write(bytes(end % 2) + _chunk(b"LIST", b"INFO" + items))
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))
        file.seek(0, 2)


def _write_flac(file: IO[bytes], tags: Tags) -> None:
    from mutagen.flac import FLAC

    sound: Any = FLAC(file)
    if sound.tags is None:
        sound.add_tags()
    _write_comment(sound, tags)
    for picture in tags.pictures:
        sound.add_picture(_flac_picture(picture))
    file.seek(0)
    sound.save(file)


def _write_ogg(file: IO[bytes], tags: Tags) -> None:
    from mutagen.oggvorbis import OggVorbis

    sound: Any = OggVorbis(file)
    _write_comment(sound, tags)
    blocks = [base64.b64encode(_flac_picture(one).write()).decode() for one in tags.pictures]
    if blocks:
        sound.tags[_PICTURE] = blocks
    file.seek(0)
    sound.save(file)


def _write_comment(sound: Any, tags: Tags) -> None:
    for name, values in tags.fields.items():
        fitting = "".join(one if one in _ANY_FIELD else "_" for one in name)
        if fitting:
            sound.tags[fitting] = values


def _id3(tags: Tags) -> Any:
    pictures = [(one.kind, one.mime, one.description, one.data) for one in tags.pictures]
    return tag_of(tags.fields, pictures)


def _flac_picture(picture: Picture) -> Any:
    from mutagen.flac import Picture as FlacPicture

    made: Any = FlacPicture()
    made.type, made.mime, made.desc = picture.kind, picture.mime, picture.description
    made.data = picture.data
    return made


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)


_READERS: dict[bytes, Callable[[IO[bytes]], Tags]] = {
    b"RIFF": _read_wav,
    b"RF64": _read_wav,
    b"BW64": _read_wav,
    b"RIFX": _read_wav,
    b"FORM": _read_aiff,
    b"fLaC": _read_flac,
    b"OggS": _read_ogg,
}
_WRITERS: dict[str, Callable[[IO[bytes], Tags], None]] = {
    ".wav": _write_wav,
    ".flac": _write_flac,
    ".ogg": _write_ogg,
    ".mp3": _write_mp3,
}
