"""`Audio`: the samples on the wires. Immutable, float32, finite, (channels, frames)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, final

import numpy as np
from blake3 import blake3
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self

from .._base.display import Shown
from .._base.errors import AudioError
from .._base.publish import publish
from .layouts import implied_layout, layout_of, speakers_of
from .wav import float_wav_header

if TYPE_CHECKING:
    import torch

Samples = NDArray[np.float32]

_MAX_CHANNELS = 0xFFFF // 4
_MAX_SAMPLE_RATE = 0xFFFFFFFF
_BLOCK_SAMPLES = 1 << 20
_FEW_CHANNELS = 16


@final
class Audio(Shown):
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

    A part of it is taken by seconds, and sounds that are alike are calculated with; numpy takes it
    for an array of its samples:

        >>> audio[0.25:0.75]
        Audio(2 ch, 22050 frames, 44100 Hz, 0.500 s)
        >>> audio - audio == 0.5 * audio
        True
        >>> np.abs(audio).max()
        np.float32(0.0)
    """

    __slots__ = ("_digest", "layout", "sample_rate", "samples")

    #: Numbers of numpy leave it to an `Audio` what it makes of them.
    __array_priority__ = 1000
    #: A sound is no sequence of channels or of frames: its parts are taken by seconds.
    __iter__ = None

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

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Audio:
        """Return the sound of a file, as `read_audio` does at its usual limits.

        Raises:
            InputError: it cannot be read.
        """
        from .decode import read_audio

        return read_audio(path)

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
            hasher = self._hasher()
            for block in self.interleaved_blocks():
                hasher.update(block.data.cast("B"))
            object.__setattr__(self, "_digest", hasher.hexdigest())
        assert self._digest is not None
        return self._digest

    @property
    def has_digest(self) -> bool:
        """Whether the digest is known, so that to ask for it costs nothing."""
        return self._digest is not None

    def _hasher(self) -> blake3:
        return audio_hasher(self.channels, self.sample_rate, self.frames, self.layout)

    def with_samples(self, samples: ArrayLike, sample_rate: int | None = None) -> Audio:
        """Return other samples, at the same rate unless another is given.

        The channels are for the same loudspeakers where there are as many.
        """
        made = Audio(samples, self.sample_rate if sample_rate is None else sample_rate)
        if made.channels == self.channels:
            object.__setattr__(made, "layout", self.layout)
        return made

    def interleaved_blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the samples as little-endian, contiguous (frames, channels) blocks.

        A block holds until the next one is asked for: they may share their memory.
        """
        step = max(1, _BLOCK_SAMPLES // self.channels)
        whole = self.samples.T
        are_interleaved = whole.flags.c_contiguous and whole.dtype == "<f4"
        memory = np.empty((0 if are_interleaved else min(step, self.frames), self.channels), "<f4")
        for start in range(0, self.frames, step):
            part = whole[start : start + step]
            yield part if are_interleaved else interleave(part.T, memory[: len(part)])

    def save(self, path: str | PathLike[str]) -> Path:
        """Write a 32-bit-float WAV file, bit-exact; the file is there whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        return publish(Path(path), self.write_wav)

    def write_wav(self, file: IO[bytes]) -> None:
        """Write the same bytes as `save` into an open binary file; the digest is known then."""
        file.write(float_wav_header(self.channels, self.sample_rate, self.frames, self.layout))
        hasher = None if self.has_digest else self._hasher()
        for block in self.interleaved_blocks():
            content = block.data.cast("B")
            if hasher is not None:
                hasher.update(content)
            file.write(content)
        if hasher is not None:
            object.__setattr__(self, "_digest", hasher.hexdigest())

    def to_torch(self) -> torch.Tensor:
        """Return a copy of the samples as a tensor of float32, of shape (channels, frames)."""
        import torch

        return torch.from_numpy(np.array(self.samples, order="C"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.samples, dtype=dtype, copy=copy)

    def __getitem__(self, seconds: slice) -> Audio:
        """Return a part, by seconds: ``audio[2.0:5.0]``, ``audio[:0.5]``, ``audio[-1.0:]``.

        Each end is at the frame that is nearest. What is negative counts from the end, and what
        lies beyond an end is that end, as in Python's lists.

        Raises:
            AudioError: it is no stretch of time.
        """
        given: object = seconds
        if not isinstance(given, slice) or given.step is not None:
            raise AudioError(
                f"audio[{_spelled(seconds)}]: give a stretch in seconds, such as audio[2.0:5.0]; "
                "single samples are in audio.samples"
            )
        start = self._frame(seconds.start, 0)
        stop = max(start, self._frame(seconds.stop, self.frames))
        part = Audio.__new__(Audio)
        _init(part, self.samples[:, start:stop], self.sample_rate, self.layout)
        return part

    def __add__(self, other: Audio) -> Audio:
        """Return the sum of two sounds of one rate, length and channel layout."""
        layout = self._require_alike(other, "+")
        return Audio(self.samples + other.samples, self.sample_rate, layout)

    def __radd__(self, other: Literal[0]) -> Audio:
        """Return the sound itself, so that ``sum`` of several sounds is their sum."""
        if _real(other) == 0:
            return self
        raise self._unlike(other, "+")

    def __sub__(self, other: Audio) -> Audio:
        """Return the difference of two sounds of one rate, length and channel layout."""
        layout = self._require_alike(other, "-")
        return Audio(self.samples - other.samples, self.sample_rate, layout)

    def __mul__(self, ratio: float) -> Audio:
        """Return the sound with every sample times a number."""
        factor = _real(ratio)
        if factor is None:
            raise AudioError(
                f"an Audio times {_spelled(ratio)}: a sound is multiplied by a number; for "
                "anything else calculate with audio.samples and give it to audio.with_samples"
            )
        return self._scaled(np.multiply, factor)

    __rmul__ = __mul__

    def __truediv__(self, ratio: float) -> Audio:
        """Return the sound with every sample divided by a number, which is not 0."""
        divisor = _real(ratio)
        if not divisor:
            raise AudioError(
                f"an Audio divided by {_spelled(ratio)}: it is divided by a number, but not by 0"
            )
        return self._scaled(np.divide, divisor)

    def __neg__(self) -> Audio:
        return self.with_samples(-self.samples)

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

    def _scaled(self, scale: np.ufunc, number: float) -> Audio:
        with np.errstate(over="ignore", invalid="ignore"):  # told as an AudioError
            return self.with_samples(scale(self.samples, np.float64(number)))

    def _frame(self, seconds: object, default: int) -> int:
        """Return the frame at a time, for a part."""
        if seconds is None:
            return default
        given = _real(seconds)
        if given is None or math.isnan(given):
            raise AudioError(f"{_spelled(seconds)} is no time in seconds")
        frame = given * self.sample_rate
        return round(min(max(frame + self.frames if frame < 0 else frame, 0), self.frames))

    def _require_alike(self, other: object, sign: str) -> str | None:
        """Return the layout of what is made of two sounds, if something can be made of them."""
        if (
            not isinstance(other, Audio)
            or (self.sample_rate, self.samples.shape) != (other.sample_rate, other.samples.shape)
            or (self.layout and other.layout and self.layout != other.layout)
        ):
            raise self._unlike(other, sign)
        return self.layout or other.layout

    def _unlike(self, other: object, sign: str) -> AudioError:
        return AudioError(
            f"{self} {sign} {_spelled(other)}: two sounds of one rate, length and channel layout "
            "can be added and subtracted, and nothing else"
        )

    def _require_finite(self) -> None:
        # a sum carries NaN and infinity through without a temporary of the array's size
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(self.samples.sum()):
                return
        bad = ~np.isfinite(self.samples)
        if not bad.any():  # it is only beyond the largest number
            return
        frame = int(np.argmax(bad.any(axis=0)))
        channel = int(np.argmax(bad[:, frame]))
        raise AudioError(
            f"{int(bad.sum())} samples are not finite; the first is {self.samples[channel, frame]} "
            f"at {frame / self.sample_rate:.6f} s (frame {frame}, channel {channel + 1})"
        )


def interleave(samples: Samples, block: Samples) -> Samples:
    """Write samples of shape (channels, frames) into a block of (frames, channels); return it.

    One channel after the other takes a tenth of the time that numpy takes to copy what is
    transposed, while channels are few.
    """
    if len(samples) <= _FEW_CHANNELS:
        for number, channel in enumerate(samples):
            block[:, number] = channel
    else:
        block[...] = samples.T
    return block


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


def _real(value: object) -> float | None:
    """Return a number as a float; None for what is none."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None


def _spelled(value: object) -> str:
    """Return what stands between brackets or beside a sign, as short as an error needs it."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, slice):
        ends = [value.start, value.stop, value.step]
        return ":".join("" if one is None else _spelled(one) for one in ends)
    return f"{value!r:.60}"


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
