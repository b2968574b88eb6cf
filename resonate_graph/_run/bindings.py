"""Bindings: the files and values a caller gives to a graph's inputs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, TypeVar

from .._base.errors import GraphError, InputError, InputsError, OutputError, Problem, StoreError
from .._graph.document import InputSpec
from .._graph.positions import join
from .._node.ports import describe, scalar_type
from .._node.values import Value, digest, require_portable
from .._sound.audio import Audio
from .._sound.broadcast import Span
from .._sound.known_files import decoder_version, file_digest, file_digest_at_a_look
from .._sound.limits import Limits
from .._store.folder import Quarantined, Store
from .._store.records import OWN, Entry, Key, Origin, Record, Size
from .keys import decode_key

#: What a byte of a file becomes when it is decoded, at most, but for speech at low bitrates.
_DECODED_BYTES_PER_BYTE = 12

T = TypeVar("T")

Binding: TypeAlias = "str | os.PathLike[str] | Audio | int | float | bool"


def path_text(path: Path) -> str:
    """Return a path as text that JSON can hold; bytes of a name that are no text are escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


@dataclass
class Bindings:
    """What is bound to a graph's inputs, read only when somebody needs it.

    A file is known by its bytes: once it was decoded, the digest of its samples is kept in the
    store, and the next run need not decode it to know what it holds.

    Args:
        graph: the graph's name, for messages.
        inputs: the inputs that are needed.
        given: what the caller bound.
        limits: how long files may be, and whether damaged ones are salvaged.
        store: where digests are kept; None to decode every time.
        warn: told (code, message) about long files, and about a record that was damaged.
        only_look: whether it is only to be said what a run would do: then files are not read again
            to see whether they changed, while nothing else says so.
    """

    graph: str
    inputs: Mapping[str, InputSpec]
    given: Mapping[str, Binding]
    limits: Limits
    store: Store | None = None
    warn: Callable[[str, str], None] = lambda code, message: None
    only_look: bool = False
    _values: dict[str, Value] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)
    _bytes: dict[str, str] = field(default_factory=dict)
    _sizes: dict[str, Size] = field(default_factory=dict)
    _spans: dict[str, Span] = field(default_factory=dict)
    _gaps: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _said: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [
            Problem("bad-binding", message, join("/inputs", name))
            for name in self.inputs
            if (message := self._mismatch(name)) is not None
        ]
        if problems:
            raise GraphError(self.graph, problems)

    @cached_property
    def paths(self) -> Mapping[str, Path]:
        """The files that are bound."""
        return {
            name: Path(value)
            for name, value in self.given.items()
            if isinstance(value, (str, os.PathLike)) and self.inputs[name].type == "audio"
        }

    @property
    def sounds(self) -> dict[str, Path | Audio]:
        """The sounds that are bound: as files, or as they were given."""
        given = {name: self.given[name] for name in self.inputs}
        sounds = {name: value for name, value in given.items() if isinstance(value, Audio)}
        return {**self.paths, **sounds}

    def digest(self, name: str) -> str:
        """Return the content digest of an input.

        Raises:
            InputError: its file cannot be read.
        """
        if name not in self._digests:
            path = self.paths.get(name)
            if path is None or self.store is None:
                self._digests[name] = digest(self.value(name))
            else:
                self._digests[name] = self._remembered(path, name, self.store)
        return self._digests[name]

    def value(self, name: str) -> Value:
        """Return the value of an input.

        Raises:
            InputError: its file cannot be read.
        """
        value = self._values.get(name)  # another thread may release it meanwhile
        if value is None:
            path = self.paths.get(name)
            value = self._given_value(name) if path is None else self._decode(path, name)
            self._values[name] = value
            self._sizes[name] = Size.of(value)
            if isinstance(value, Audio):
                self._spans[name] = Span.of(value)
        return value

    def every(self, read: Callable[[str], T], names: Iterable[str] | None = None) -> dict[str, T]:
        """Return what `read` gives for each input that is needed, or for some of them.

        Raises:
            InputError: one of their files cannot be read.
            InputsError: several cannot; all are read before it is told.
        """
        found: dict[str, T] = {}
        errors: dict[str, InputError] = {}
        for name in self.inputs if names is None else names:
            try:
                found[name] = read(name)
            except InputError as error:
                errors[name] = error
        if (problem := InputsError.of(errors)) is not None:
            raise problem
        return found

    def size(self, name: str) -> Size:
        """Return the size of an input, as far as it is known: nothing before it was read."""
        return self._sizes.get(name, Size())

    def span(self, name: str) -> Span | None:
        """Return how long an input is, None before that is known and for what is no sound."""
        return self._spans.get(name)

    @property
    def held_bytes(self) -> int:
        """The memory that decoded files take."""
        return sum(self._sizes[name].bytes for name in self._values if name in self.paths)

    @property
    def unread_bytes(self) -> int:
        """What files that were not read yet will take, roughly: few formats pack tighter."""
        total = 0
        for name, path in self.paths.items():
            if name not in self._sizes:
                with contextlib.suppress(OSError, ValueError):  # told when it is read
                    total += _DECODED_BYTES_PER_BYTE * path.stat().st_size
        return total

    def gaps_seconds(self, name: str) -> list[tuple[float, float]]:
        """Return where silence stands for what a damaged file has lost, once it was read."""
        return self._gaps.get(name, [])

    def release(self, name: str) -> None:
        """Forget a decoded file; it is decoded again if somebody asks."""
        if name in self.paths:
            self._values.pop(name, None)

    def describe(self, name: str) -> str:
        """Say in a few words what is bound."""
        path = self.paths.get(name)
        return str(path) if path else repr(self._given_value(name))

    def file_digest(self, name: str) -> str:
        """Return the digest of the bytes of the file that is bound to an input.

        Raises:
            InputError: it cannot be read.
        """
        if name not in self._bytes:
            self._bytes[name] = file_digest(self.paths[name])
        return self._bytes[name]

    def _remembered(self, path: Path, name: str, store: Store) -> str:
        file = file_digest_at_a_look(path) if self.only_look else self.file_digest(name)
        key = self._decode_key(file)
        record = self._decode_record(path, key, store)
        entry = record.ports.get("out") if record else None
        if entry is None or entry.frames is None or entry.sample_rate is None:
            audio = self.value(name)
            assert isinstance(audio, Audio)
            entry = Entry.of(audio)
            key = self._decode_key(self.file_digest(name))  # of what was read just now
            self._remember(path, key, entry, name, store)
        else:
            self._sizes[name] = entry.size
            self._spans[name] = Span(entry.frames, entry.sample_rate, entry.channels or 1)
            assert record is not None
            self._gaps[name] = record.gaps_seconds or []
            self._tell(name, path, record.warnings)
            self._check_length(path, self._spans[name])
        return entry.digest

    def _decode_key(self, file: str) -> Key:
        return decode_key(file, decoder_version(), salvage=self.limits.salvage)

    def _remember(self, path: Path, key: Key, entry: Entry, name: str, store: Store) -> None:
        with contextlib.suppress(OutputError, StoreError):  # it is decoded again next time
            store.put_record(
                key,
                {"out": entry},
                warnings=self._said.get(name, ()),
                gaps_seconds=self._gaps.get(name) or None,
                origin=Origin(graph=OWN, node="", files={name: path_text(path)}),
            )

    def _tell(self, name: str, path: Path, warnings: Sequence[tuple[str, str]]) -> None:
        """Tell what is odd about a file, as often as it may be read."""
        if name not in self._said:
            self._said[name] = list(warnings)
            for code, message in warnings:
                self.warn(code, f"{path}: {message}")

    def _decode_record(self, path: Path, key: Key, store: Store) -> Record | None:
        try:
            return store.record(key)
        except Quarantined:
            self.warn("store-damaged", f"what is stored of {path} was damaged; it is read again")
        except StoreError:
            pass  # the steps will find so too, and say it
        return None

    def _decode(self, path: Path, name: str) -> Audio:
        from .._sound.decode import read_with_gaps

        before = self.file_digest(name)
        odd: list[tuple[str, str]] = []
        audio, self._gaps[name] = read_with_gaps(
            path, self.limits, warn=lambda code, message: odd.append((code, message))
        )
        self._tell(name, path, odd)
        if file_digest(path) != before:
            raise InputError(path, "it was changed while the graph was running; run it again")
        if name in self._digests and audio.digest != self._digests[name] and self.store:
            # the plan rests on what another build of the decoder made of these bytes
            key = self._decode_key(before)
            self._remember(path, key, Entry.of(audio), name, self.store)
            raise InputError(path, "it is decoded otherwise than it was before; run it again")
        self._check_length(path, Span.of(audio))
        return audio

    def _check_length(self, path: Path, span: Span) -> None:
        self.limits.refuse(path, span.channels, span.frames, span.sample_rate)
        seconds = span.frames / span.sample_rate
        if seconds > self.limits.warn_minutes * 60:
            self.warn(
                "long-input",
                f"{path} is {seconds / 60:.1f} minutes long; steps hold it in memory, about "
                f"{seconds * 44100 * 8 / 1e6:.0f} MB per copy in stereo",
            )

    def _given_value(self, name: str) -> Value:
        value = scalar_type(self.inputs[name].type).exactly(self.given[name])
        assert value is not None
        return value

    def _mismatch(self, name: str) -> str | None:
        value, wanted = self.given[name], self.inputs[name].type
        if wanted == "audio":
            fits = isinstance(value, (str, os.PathLike, Audio))
            return None if fits else f"input {name!r} takes a file or Audio, not {describe(value)}"
        try:
            exact = scalar_type(wanted).exactly(value)
            if exact is not None:
                require_portable(exact)
        except (ValueError, OverflowError):
            return f"input {name!r}: JSON cannot hold {value!r}"
        return f"input {name!r} takes type {wanted}, not {value!r}" if exact is None else None
