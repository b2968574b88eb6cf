"""Keys and records: what the store knows of a key, as a file that carries its own digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

from blake3 import blake3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .._node.notes import Note
from .._node.values import (
    File,
    Value,
    canonical_json,
    digest,
    from_canonical_json,
    value_json,
)
from .._sound.audio import Audio
from .._sound.layouts import implied_layout
from .._sound.wav import HEADER_BYTES

Kind = Literal["audio", "file", "json"]

#: What stands before the digest that a record carries of itself, and how long that is.
_SEAL, _HEX_DIGITS = b',"seal":"', 64


@dataclass(frozen=True)
class Key:
    """A key, and the canonical JSON that it was made of."""

    hex: str
    text: bytes = field(repr=False)

    @classmethod
    def of(cls, preimage: Mapping[str, Any]) -> Key:
        """Return the key of a preimage: blake3 over its canonical JSON."""
        return cls.of_text(canonical_json(preimage))

    @classmethod
    def of_text(cls, preimage: bytes) -> Key:
        """Return the key of a preimage that is canonical JSON already."""
        return cls(blake3(preimage).hexdigest(), preimage)

    @cached_property
    def preimage(self) -> Mapping[str, Any]:
        """What it was made of, as plain JSON values."""
        found: Mapping[str, Any] = from_canonical_json(self.text)
        return found


class Size(NamedTuple):
    """How much of something there is.

    Attributes:
        bytes: what it takes in memory; nothing for reports and scalars.
        seconds: how long it sounds; nothing where it does not.
    """

    bytes: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, value: Value) -> Size:
        """Return the size of a value."""
        if isinstance(value, Audio):
            samples = value.samples
            return cls(samples.nbytes, samples.shape[1] / value.sample_rate)
        return cls(len(value.content)) if isinstance(value, File) else cls()


#: How many there are of something: what every reader of JSON counts exactly.
Count = Annotated[int, Field(ge=0, lt=2**53)]


class Entry(BaseModel):
    """What a record says about one port.

    Attributes:
        digest: the content digest.
        kind: how the object is written.
        suffix: the object's suffix.
        bytes: the object's size.
        channels: for audio, as the two below.
        sample_rate: in Hz.
        frames: samples per channel.
        layout: what the channels are, where that is more than mono or stereo.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    kind: Kind
    suffix: Annotated[str, Field(pattern=r"^\.[A-Za-z0-9]+$")]
    bytes: Count
    channels: Count | None = None
    sample_rate: Count | None = None
    frames: Count | None = None
    layout: str | None = None

    @property
    def size(self) -> Size:
        """The size of what it stands for."""
        if self.frames is None or not self.sample_rate:
            return Size(self.bytes if self.kind == "file" else 0)
        return Size(self.bytes - HEADER_BYTES, self.frames / self.sample_rate)

    @classmethod
    def of(cls, value: Value) -> Entry:
        """Return what a record says about a value."""
        if isinstance(value, Audio):
            return cls(
                digest=value.digest,
                kind="audio",
                suffix=".wav",
                bytes=HEADER_BYTES + value.samples.nbytes,
                channels=value.channels,
                sample_rate=value.sample_rate,
                frames=value.frames,
                layout=None if value.layout == implied_layout(value.channels) else value.layout,
            )
        if isinstance(value, File):
            size = len(value.content)
            return cls(digest=digest(value), kind="file", suffix=value.suffix, bytes=size)
        size = len(value_json(value))
        return cls(digest=digest(value), kind="json", suffix=".json", bytes=size)


#: The name of the graph, which no other can have, of what the library keeps for itself: what an
#: input held, the figures of a sweep, what players of pages have of sounds.
OWN = ""

#: What stands for a node's type where the last of these is kept.
PLAYER = "player"

#: The name of the graph that measures what `resonate app` draws: kept for itself as well.
APP = "loudness-for-the-page"


class Origin(BaseModel):
    """Where a result came from first: for people, not part of any key.

    Attributes:
        graph: the graph's name, or `OWN`.
        node: the node's name in it.
        files: the files that were bound to the graph's inputs.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    graph: str
    node: str
    files: dict[str, str] = {}


class Record(BaseModel):
    """What is known of one key: the content of each port that was ever computed.

    Attributes:
        key: the key.
        preimage: what it was made of.
        ports: what came out, by port.
        seconds: how long it took to compute.
        device: where it was computed.
        warnings: what the node had to say, as (code, message).
        did: what it noted that it did, as (name, value); None where it noted nothing.
        gaps_seconds: where silence stands in an input for what its damaged file has lost.
        origin: where it came from first.
        created: when, in seconds since 1970.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal[1] = 1
    key: str
    preimage: dict[str, Any]
    ports: dict[str, Entry]
    seconds: float = 0.0
    device: str | None = None
    warnings: list[tuple[str, str]] = []
    did: list[tuple[str, Note]] | None = None
    gaps_seconds: list[tuple[float, float]] | None = None
    origin: Origin | None = None
    created: float = 0.0


def seal(record: Record) -> bytes:
    """Return the record as canonical JSON that carries its own digest."""
    plain = record.model_dump(mode="json", exclude_none=True)
    return canonical_json({**plain, "seal": _digest(canonical_json(plain)).decode()})


def unseal(text: bytes) -> Record | None:
    """Return the record, or None unless every byte is as it was written.

    The digest is that of all bytes but the member that holds it; so whatever changed, it differs.
    """
    start = text.rfind(_SEAL)  # nothing that follows it in a record has members of its own
    end = start + len(_SEAL) + _HEX_DIGITS
    whole = text[:start] + text[end + 1 :]
    if start < 0 or text[end - _HEX_DIGITS : end + 1] != _digest(whole) + b'"':
        return None
    try:
        return Record.model_validate_json(whole)
    except ValidationError:
        return None


def holds_preimage(text: bytes, key: Key) -> bool:
    """Whether the text of a record has the very values that a key was made of."""
    return b',"preimage":%b,' % key.text in text


def _digest(text: bytes) -> bytes:
    return blake3(text).hexdigest().encode()
