"""Objects: values as ordinary files, compared with their digests when they are read."""

from __future__ import annotations

import contextlib
import json
import math
import mmap
import os
import sys
import weakref
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from .._node.ports import PortType
from .._node.values import File, Report, Value, digest, json_digest, value_json
from .._sound.audio import Audio, audio_hasher
from .._sound.layouts import implied_layout
from .._sound.wav import HEADER_BYTES, read_float_wav_header
from .records import Entry

try:
    import resource
except ImportError:  # on Windows, where a mapped file holds none
    resource = None  # type: ignore[assignment]


def write(value: Value, file: IO[bytes]) -> None:
    """Write a value as an object: float WAV, an encoded file, or JSON."""
    if isinstance(value, Audio):
        value.write_wav(file)
    elif isinstance(value, File):
        file.write(value.content)
    else:
        file.write(value_json(value))


class Reader:
    """Reads objects. Audio that was found to match once is not hashed again while it lies there."""

    def __init__(self) -> None:
        self._verified: set[tuple[str, int, int, int]] = set()

    def read(self, file: IO[bytes], entry: Entry, port_type: PortType) -> Value | None:
        """Return what a file holds; None unless that is what the record says.

        Args:
            file: the file, open. Audio is memory-mapped, not read, while there are descriptors.
            entry: what the record says about it.
            port_type: the type of the port it came from.

        Raises:
            OSError: it cannot be read.
        """
        if entry.kind == "audio":
            return self._read_audio(file, entry)
        content = file.read(entry.bytes + 1)
        if not _matches(content, entry):
            return None
        if entry.kind == "file":
            return File(content, entry.suffix)
        plain: Any = json.loads(content)["value"]
        if issubclass(port_type.python, Report):
            return port_type.python.model_validate_json(json.dumps(plain))
        return port_type.exactly(plain)

    def is_intact(self, path: Path, entry: Entry) -> bool:
        """Whether a file is there and holds what the record says."""
        try:
            with path.open("rb") as file:
                if entry.kind == "audio":
                    return self._read_audio(file, entry) is not None
                return _matches(file.read(entry.bytes + 1), entry)
        except OSError:
            return False

    def forget(self) -> None:
        """Hash everything again from now on."""
        self._verified.clear()

    def _read_audio(self, file: IO[bytes], entry: Entry) -> Audio | None:
        status = os.fstat(file.fileno())
        shape = read_float_wav_header(file.read(HEADER_BYTES))
        if shape is None or shape[:3] != (entry.channels, entry.sample_rate, entry.frames):
            return None
        channels, sample_rate, frames, layout = shape
        layout = layout or implied_layout(channels)  # older files say nothing of mono and stereo
        if layout != (entry.layout or implied_layout(channels)):
            return None
        if status.st_size != entry.bytes:
            return None
        samples = np.zeros((0, channels), "<f4")
        if frames:
            content = _mapped(file)
            samples = np.frombuffer(content, "<f4", offset=HEADER_BYTES).reshape(frames, channels)
        identity = (entry.digest, status.st_ino, status.st_size, status.st_mtime_ns)
        if identity not in self._verified:
            hasher = audio_hasher(channels, sample_rate, frames, layout)
            hasher.update(samples.data.cast("B") if frames else b"")
            if hasher.hexdigest() != entry.digest:
                return None
            if frames and isinstance(content, _Mapped):
                content.let_pages_go()  # what was hashed need not stay in memory
            self._verified.add(identity)
        samples.flags.writeable = False
        return Audio.trusted(samples.T, sample_rate, entry.digest, layout)


def let_pages_go(audio: Audio) -> None:
    """Let the system have the memory into which a stored sound was read; it can be read again."""
    base: Any = audio.samples
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, _Mapped):
        base.let_pages_go()


class _Mapped(mmap.mmap):
    """A file of the store, mapped. What others map may have been written to, and be lost so."""

    #: Those there are: before Python 3.13 each holds a descriptor of its file.
    there: ClassVar[weakref.WeakSet[_Mapped]] = weakref.WeakSet()

    def let_pages_go(self) -> None:
        """Let the system have the memory into which it was read."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            with contextlib.suppress(OSError):  # as of programs that lock all their memory
                self.madvise(mmap.MADV_DONTNEED)


def _mapped(file: IO[bytes]) -> _Mapped | bytes:
    """Map a file; where that would take a descriptor, and few are left, read it instead.

    Raises:
        OSError: it cannot be read.
    """
    if sys.version_info >= (3, 13) and sys.platform != "win32":
        return _Mapped(file.fileno(), 0, access=mmap.ACCESS_READ, trackfd=False)
    if len(_Mapped.there) >= _most_mapped():
        file.seek(0)
        return file.read()
    mapped = _Mapped(file.fileno(), 0, access=mmap.ACCESS_READ)
    _Mapped.there.add(mapped)
    return mapped


def _most_mapped() -> float:
    """Return how many files may be mapped: they leave half of all descriptors to others."""
    if resource is None:
        return math.inf
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if allowed == resource.RLIM_INFINITY else allowed // 2


def _matches(content: bytes, entry: Entry) -> bool:
    if entry.kind == "file":
        return digest(File(content, entry.suffix)) == entry.digest
    return json_digest(content) == entry.digest
