"""What is read of an input: how long it may be, and how much a small file may unpack to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .._base.errors import InputError, ParamError

#: Frames a second, and channels, of what `Limits.max_minutes` allows in any case.
_USUAL_RATE, _USUAL_CHANNELS = 48_000, 2
#: How many samples a byte of a file may stand for. Sound has 8 bits a sample as FLAC and 1 as the
#: most frugal MP3 or Opus; only silence has next to none.
SAMPLES_A_BYTE = 16


@dataclass(frozen=True)
class Limits:
    """What is read of an input: how long it may be, and whether damaged ones are salvaged.

    Minutes are not all: a file of silence at a huge rate in many channels is small and unpacks to
    gigabytes. So there may be as many samples as `max_minutes` of stereo at 48 kHz have, and more
    only in a file of at least a byte for 16 samples, as all files of sound are.

    Attributes:
        warn_minutes: a longer one is warned about, since most steps hold it in memory.
        max_minutes: a longer one is refused.
        salvage: whether what is left of a damaged file is read, with a warning; it is refused
            otherwise.
    """

    warn_minutes: float = 10.0
    max_minutes: float = 30.0
    salvage: bool = False

    def __post_init__(self) -> None:
        for name in ("warn_minutes", "max_minutes"):
            if not getattr(self, name) > 0:  # which NaN is not, either
                raise ParamError(f"{name} is {getattr(self, name)}; give minutes above 0")

    def most_frames(self, channels: int, sample_rate: int, file_bytes: int) -> float:
        """Return how many frames may be read of a file of that many bytes."""
        return min(
            self.max_minutes * 60 * sample_rate, self._most_samples(file_bytes) / max(1, channels)
        )

    def refuse(self, path: Path, channels: int, frames: int, sample_rate: int) -> None:
        """Refuse a file that is beyond the limits.

        Args:
            path: the file.
            channels: how many it has.
            frames: how many there are in it, at least.
            sample_rate: in Hz.

        Raises:
            InputError: it is longer, or unpacks to more, than they allow.
        """
        raised = "raise the limit with `max_minutes=...`"
        if frames > self.max_minutes * 60 * sample_rate:
            raise InputError(
                path,
                f"it is longer than {self.max_minutes:g} minutes; {raised}, or cut the recording",
            )
        size = path.stat().st_size
        if frames * channels > self._most_samples(size):
            raise InputError(
                path,
                f"its {size:,} bytes unpack to {channels} channels at {sample_rate} Hz, more than "
                f"{self.max_minutes:g} minutes of stereo at 48 kHz have samples: if that is meant, "
                f"{raised}",
            )

    def _most_samples(self, file_bytes: int) -> float:
        return max(
            self.max_minutes * 60 * _USUAL_RATE * _USUAL_CHANNELS, SAMPLES_A_BYTE * file_bytes
        )
