"""`Audio`: the samples on the wires. Immutable, float32, finite, (channels, frames)."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import IO, Any, final

import numpy as np
from blake3 import blake3
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self

from .._base.errors import AudioError
from .._base.publish import publish
from .layouts import implied_layout, layout_of, speakers_of
from .wav import float_wav_header

Samples = NDArray[np.float32]

_MAX_CHANNELS = 0xFFFF // 4
_MAX_SAMPLE_RATE = 0xFFFFFFFF
_BLOCK_SAMPLES = 1 << 20


@final
class Audio:
    """A piece of sound: float32 samples of shape (channels, frames) at a sample rate in Hz.

    Full scale is ±1.0; values beyond it are kept, not clipped. The samples are finite and
    read-only, so an `Audio` can be passed around by reference and never changes under a reader.

    Args:
        samples: floating-point array of shape (channels, frames), or (frames,) for mono. It is
            copied unless it is float32 and read-only already.
        sample_rate: frames per second, in Hz.
        layout: what the channels are, by ffmpeg's names: ``2.1``, ``5.1(side)``, ``FL+FR+LFE``;
            in the order of WAV (FL FR FC LFE BL BR FLC FRC BC SL SR ...). None where that is not
            known; one channel is then ``mono``, two are ``stereo``.

    Raises:
        AudioError: a wrong shape or type, NaN or infinity (with its place), a rate below 1, or a
            layout of other channels.

    Example:
        >>> import numpy as np
        >>> audio = Audio(np.zeros((2, 44100)), 44100)
        >>> audio.channels, audio.frames, audio.duration_seconds
        (2, 44100, 1.0)
        >>> Audio(np.zeros((3, 44100)), 44100, "2.1").speakers
        ('FL', 'FR', 'LFE')
    """

    __slots__ = ("_digest", "layout", "sample_rate", "samples")

    samples: Samples
    sample_rate: int
    layout: str | None
    _digest: str | None

    def __init__(self, samples: ArrayLike, sample_rate: int, layout: str | None = None) -> None:
        array = _read_only(_checked(np.asarray(samples)))
        _init(self, array, _checked_rate(sample_rate), _checked_layout(layout, len(array)))
        self._require_finite()

    @classmethod
    def trusted(
        cls, samples: Samples, sample_rate: int, digest: str, layout: str | None = None
    ) -> Self:
        """Wrap samples whose digest was verified: nothing is copied, scanned or checked again."""
        audio = cls.__new__(cls)
        _init(audio, samples, sample_rate, layout or implied_layout(samples.shape[0]), digest)
        return audio

    @property
    def channels(self) -> int:
        """Number of channels, at least 1."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Number of samples per channel; may be 0."""
        return int(self.samples.shape[1])

    @property
    def duration_seconds(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def speakers(self) -> tuple[str, ...] | None:
        """Which loudspeaker each channel is for; None where that is not known.

        FL, FR, FC: front left, right, centre; LFE: low-frequency effects; BL, BR, BC: back; SL,
        SR: side; FLC, FRC: between front and centre; those that begin with T: above.
        """
        return None if self.layout is None else speakers_of(self.layout)

    @property
    def digest(self) -> str:
        """blake3 over samples, shape, rate and layout, as hex: equal where the sound is equal."""
        if self._digest is None:
            hasher = audio_hasher(self.channels, self.sample_rate, self.frames, self.layout)
            for block in self.interleaved_blocks():
                hasher.update(block.data.cast("B"))
            object.__setattr__(self, "_digest", hasher.hexdigest())
        assert self._digest is not None
        return self._digest

    def with_samples(self, samples: ArrayLike, sample_rate: int | None = None) -> Audio:
        """Return other samples, at the same rate unless another is given.

        The channels are for the same loudspeakers where there are as many.
        """
        made = Audio(samples, self.sample_rate if sample_rate is None else sample_rate)
        if made.channels == self.channels:
            object.__setattr__(made, "layout", self.layout)
        return made

    def interleaved_blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the samples as little-endian, contiguous (frames, channels) blocks."""
        step = max(1, _BLOCK_SAMPLES // self.channels)
        for start in range(0, self.frames, step):
            yield np.ascontiguousarray(self.samples[:, start : start + step].T, dtype="<f4")

    def save(self, path: str | PathLike[str]) -> Path:
        """Write a 32-bit-float WAV file, bit-exact; the file is there whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        return publish(Path(path), self.write_wav)

    def write_wav(self, file: IO[bytes]) -> None:
        """Write the same bytes as `save` into an open binary file."""
        file.write(float_wav_header(self.channels, self.sample_rate, self.frames, self.layout))
        for block in self.interleaved_blocks():
            file.write(block.data.cast("B"))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Audio is immutable; make a new one instead of setting {name!r}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Audio):
            return NotImplemented
        return (
            self.sample_rate == other.sample_rate
            and self.samples.shape == other.samples.shape
            and self.digest == other.digest
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        said = f" {self.layout}" if self.layout != implied_layout(self.channels) else ""
        return (
            f"Audio({self.channels} ch{said}, {self.frames} frames, {self.sample_rate} Hz, "
            f"{self.duration_seconds:.3f} s)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Audio, (np.asarray(self.samples), self.sample_rate, self.layout)

    def _require_finite(self) -> None:
        # min and max carry NaN and infinity through without a temporary of the array's size
        extremes = (self.samples.min(), self.samples.max()) if self.samples.size else ()
        if all(np.isfinite(extremes)):
            return
        bad = ~np.isfinite(self.samples)
        frame = int(np.argmax(bad.any(axis=0)))
        channel = int(np.argmax(bad[:, frame]))
        raise AudioError(
            f"{int(bad.sum())} samples are not finite; the first is {self.samples[channel, frame]} "
            f"at {frame / self.sample_rate:.6f} s (frame {frame}, channel {channel + 1})"
        )


def audio_hasher(channels: int, sample_rate: int, frames: int, layout: str | None = None) -> blake3:
    """Return a hasher that has seen the shape and rate and awaits the interleaved samples.

    A layout that says no more than the number of channels does not count.
    """
    hasher = blake3(max_threads=blake3.AUTO)
    if layout is None or layout == implied_layout(channels):
        hasher.update(b"resonate_graph audio 1\0")
    else:
        hasher.update(b"resonate_graph audio 2 " + layout.encode() + b"\0")
    for number in (channels, sample_rate, frames):
        hasher.update(number.to_bytes(8, "little"))
    return hasher


def _init(
    audio: Audio,
    samples: Samples,
    sample_rate: int,
    layout: str | None,
    digest: str | None = None,
) -> None:
    object.__setattr__(audio, "samples", samples)
    object.__setattr__(audio, "sample_rate", sample_rate)
    object.__setattr__(audio, "layout", layout)
    object.__setattr__(audio, "_digest", digest)


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 1:
        array = array[np.newaxis, :]
    if array.ndim != 2 or not 1 <= array.shape[0] <= _MAX_CHANNELS:
        raise AudioError(f"samples have shape {array.shape}; the shape is (channels, frames)")
    if not np.issubdtype(array.dtype, np.floating):
        raise AudioError(
            f"samples are {array.dtype}; give floating-point samples with full scale at 1.0"
        )
    return array


def _checked_rate(sample_rate: int) -> int:
    try:
        rate = int(sample_rate)
    except (TypeError, ValueError, OverflowError):
        rate = 0
    if rate != sample_rate or not 1 <= rate <= _MAX_SAMPLE_RATE:
        raise AudioError(f"the sample rate is {sample_rate}; give a whole number of Hz from 1")
    return rate


def _checked_layout(layout: str | None, channels: int) -> str | None:
    if layout is None:
        return implied_layout(channels)
    speakers = speakers_of(layout)
    if speakers is None:
        raise AudioError(
            f"there is no channel layout {layout!r}; give one such as '5.1', or 'FL+FR+LFE' in the "
            "order of WAV"
        )
    if len(speakers) != channels:
        raise AudioError(f"the layout {layout} has {len(speakers)} channels, not {channels}")
    return layout_of(speakers)


def _read_only(array: NDArray[Any]) -> Samples:
    if array.dtype == np.float32 and _frozen(array):
        return array
    copy = np.array(array, dtype=np.float32, order="C", copy=True)
    copy.flags.writeable = False
    return copy


def _frozen(array: NDArray[Any]) -> bool:
    """Whether nobody can write into the array, not even through the arrays it is a view of."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return base is None or isinstance(base, bytes)
