"""Long results written as they come, so that they need no memory and outlive the process.

A workspace is a folder that belongs to one step. A node writes its audio into it piece by piece
(`AudioWriter`), and now and then what it has to remember to go on from here (`Workspace.save`). If
the process is killed, the next one that runs the step finds both and goes on. Nothing found is
believed before it was compared with its digest, and it is copied, not written on: whoever wrote it
may be alive, where locks hold nobody.

Without a folder, or where the disk fails, everything is kept in memory instead.
"""

from __future__ import annotations

import contextlib
import io
import json
import mmap
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from .._base.errors import AudioError, OutputError
from .._base.publish import publish
from .audio import Audio, audio_hasher, interleave
from .layouts import implied_layout
from .wav import HEADER_BYTES, SAMPLE_BYTES, float_wav_header

_DIGEST_BYTES = 32
_COPY_BYTES = 1 << 24


class Workspace:
    """Where a step keeps what it has of its results.

    Args:
        folder: the step's folder, in which each process has one of its own. None to keep all in
            memory.

    Attributes:
        earlier_seconds: how long earlier processes worked on what this one goes on with.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own = folder / f"{os.getpid()}-{secrets.token_hex(4)}" if folder else None
        self._found: Path | None = None
        self._writers: list[AudioWriter] = []
        self._began = time.monotonic()
        self._found_seconds = 0.0
        self.earlier_seconds = 0.0

    def writer(
        self, name: str, channels: int, sample_rate: int, frames: int, layout: str | None = None
    ) -> AudioWriter:
        """Return a writer for a piece of audio of known length."""
        path = self._own / f"{name}.wav" if self._own else None
        writer = AudioWriter(path, channels, sample_rate, frames, layout)
        self._writers.append(writer)
        return writer

    def save(self, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Remember where the work is: plain JSON values, and arrays.

        It is advice: where it cannot be written, a killed process starts over.
        """
        if self._own is None:
            return
        content = io.BytesIO()
        seconds = self.earlier_seconds + time.monotonic() - self._began
        text = np.frombuffer(json.dumps(plain).encode(), np.uint8)
        named: dict[str, Any] = {**arrays, "_plain": text, "_seconds": np.float64(seconds)}
        np.savez(content, **named)
        sealed = blake3(content.getbuffer()).digest() + content.getvalue()
        with contextlib.suppress(OutputError, OSError):
            publish(self._own / "state", lambda file: file.write(sealed), durable=False)
            self._remove_others()

    def load(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]] | None:
        """Return what an earlier process remembered, None where there is nothing to believe."""
        for path in self._states():
            with contextlib.suppress(OSError):
                sealed = path.read_bytes()
                content = sealed[_DIGEST_BYTES:]
                if blake3(content).digest() == sealed[:_DIGEST_BYTES]:
                    with np.load(io.BytesIO(content), allow_pickle=False) as found:
                        arrays = {name: found[name] for name in found.files}
                    self._found = path.parent
                    self._found_seconds = float(arrays.pop("_seconds", 0.0))
                    return json.loads(arrays.pop("_plain").tobytes()), arrays
        return None

    def resume(self, writer: AudioWriter, position: tuple[int, str]) -> bool:
        """Let a writer go on after what the process wrote whose state was loaded.

        Args:
            writer: the writer, which has written nothing.
            position: where that process' writer was.

        Returns:
            False if what it wrote is not there, or damaged; then the writer is of no use.
        """
        if self._found is None or writer.path is None:
            return False
        if not writer.copy(self._found / writer.path.name, *position):
            self.earlier_seconds = 0.0
            return False
        self.earlier_seconds = self._found_seconds
        return True

    def written(self, value: object) -> Path | None:
        """Return the file that holds just this piece of audio, if one of the writers made it."""
        return next((one.path for one in self._writers if one.holds(value)), None)

    def close(self) -> None:
        """Let go of the files; they stay for whoever goes on."""
        for writer in self._writers:
            writer.close()

    def remove(self) -> None:
        """Remove the step's folder, and what is left in it."""
        self.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _states(self) -> list[Path]:
        """Return what earlier processes remembered, the latest first."""
        found = []
        with contextlib.suppress(OSError):  # another process may remove them
            for path in self._folder.glob("*/state") if self._folder else ():
                found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found, reverse=True)]

    def _remove_others(self) -> None:
        """Remove what earlier processes left: this one is as far as they were."""
        for folder in self._folder.glob("*") if self._folder else ():
            if folder != self._own:
                shutil.rmtree(folder, ignore_errors=True)


class AudioWriter:
    """A piece of audio that is being written, from its first frame to its last.

    The file is the one the store would write, so that the store can take it as it is.

    Args:
        path: the file; None to keep it in memory.
        channels: number of channels.
        sample_rate: in Hz.
        frames: how many there will be.
        layout: what the channels are, as for `Audio`.

    Attributes:
        frames_written: how many there are.
    """

    def __init__(
        self,
        path: Path | None,
        channels: int,
        sample_rate: int,
        frames: int,
        layout: str | None = None,
    ) -> None:
        self.path = path
        self.frames_written = 0
        self._shape = (channels, sample_rate, frames, layout or implied_layout(channels))
        self._hasher = audio_hasher(*self._shape)
        self._file: io.FileIO | None = None
        self._place = Lock()  # where in the file: there is one, whoever reads
        self._array: NDArray[np.float32] | None = None
        self._finished: Audio | None = None

    @property
    def position(self) -> tuple[int, str]:
        """How many frames there are, and the digest of all so far, for `Workspace.resume`."""
        return self.frames_written, self._hasher.hexdigest()

    def copy(self, source: Path, frames: int, digest: str) -> bool:
        """Write what is in another writer's file, if it is what it has to be.

        Args:
            source: the file.
            frames: how many frames of it.
            digest: of these, as the `position` of its writer said.
        """
        if self._copied(source, frames, digest):
            return True
        self.discard()
        return False

    def _copied(self, source: Path, frames: int, digest: str) -> bool:
        size = frames * self._frame_bytes
        try:
            with source.open("rb") as file:
                sound = file.read(HEADER_BYTES) == float_wav_header(*self._shape)
                while sound and size:
                    part = file.read(min(size, _COPY_BYTES))
                    self._append(part)
                    self._hasher.update(part)
                    size -= len(part)
                    sound = bool(part)
        except OSError:
            return frames == 0
        self.frames_written = frames
        return sound and self._hasher.hexdigest() == digest

    def write(self, samples: NDArray[np.float32]) -> None:
        """Append samples of shape (channels, frames).

        Raises:
            AudioError: they are not finite.
        """
        if not np.isfinite(samples).all():
            seconds = self.frames_written / self._shape[1]
            raise AudioError(f"samples after {seconds:.1f} s are not finite")
        part = interleave(samples, np.empty(samples.shape[::-1], "<f4"))
        content = part.data.cast("B") if part.size else memoryview(b"")
        if self._array is None:
            try:
                self._append(content)
            except OSError:
                self._array = self._rescued()
        if self._array is not None:
            self._array[self.frames_written : self.frames_written + len(part)] = part
        self._hasher.update(content)
        self.frames_written += len(part)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return what was written from one frame to another, in shape (channels, frames).

        It takes no memory beside what it returns, as reading from what `finish` maps would.
        Several threads may read at the same time, once nobody writes.
        """
        stop = min(stop, self.frames_written)
        if self._array is not None:
            return self._array[start:stop].T
        found = np.zeros((max(0, stop - start), self._shape[0]), "<f4")
        if self._file is not None:
            with self._place:
                self._read_into(found, start)
                self._file.seek(0, os.SEEK_END)
        return found.T

    def finish(self) -> Audio:
        """Return the audio, memory-mapped where it is in a file."""
        assert self.frames_written == self._shape[2]
        samples = self._mapped() if self._array is None else self._array
        samples.flags.writeable = False
        digest = self._hasher.hexdigest()
        self._finished = Audio.trusted(samples.T, self._shape[1], digest, self._shape[3])
        return self._finished

    def holds(self, value: object) -> bool:
        """Whether this audio, and nothing else, is in the file."""
        return value is self._finished and self._array is None and self._shape[2] > 0

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Remove the file; another writer can have its name."""
        self.close()
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    @property
    def _frame_bytes(self) -> int:
        return self._shape[0] * SAMPLE_BYTES

    def _append(self, content: bytes | memoryview) -> None:
        if self._file is None:
            if self.path is None:
                raise FileNotFoundError
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("x+b", buffering=0)
            self._append(float_wav_header(*self._shape))
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _read_into(self, array: NDArray[np.float32], start: int) -> None:
        """Fill an array of shape (frames, channels) with what is in the file from a frame on."""
        assert self._file is not None
        self._file.seek(HEADER_BYTES + start * self._frame_bytes)
        rest = array.reshape(-1).view(np.uint8).data
        while rest:  # the system gives at most 2 GiB at a time
            count = self._file.readinto(rest)
            if not count:
                raise OutputError(f"{self.path} is shorter than what was written into it")
            rest = rest[count:]

    def _rescued(self) -> NDArray[np.float32]:
        """Return an array for all frames that has what was written so far; drop the file."""
        channels, _, frames, _ = self._shape
        array = np.zeros((frames, channels), "<f4")
        if self._file is not None:
            self._read_into(array[: self.frames_written], 0)
            with contextlib.suppress(OSError):
                self.close()
                assert self.path is not None
                self.path.unlink()
        return array

    def _mapped(self) -> NDArray[np.float32]:
        channels, _, frames, _ = self._shape
        if self._file is None or not frames:
            return np.zeros((frames, channels), np.float32)
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, "<f4", offset=HEADER_BYTES).reshape(frames, channels)
