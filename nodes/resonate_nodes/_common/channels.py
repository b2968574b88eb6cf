"""What reports say of channels, levels and places, in the same words everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import Annotated, SupportsFloat

from pydantic import Field

from resonate_graph import Audio, RunContext

#: How many places a report lists.
Listed = Annotated[int, Field(ge=0, le=10_000)]

#: What the channels of a sound are taken for that does not say it: the rule of FLAC and of Vorbis,
#: and what most take a WAV file without a channel mask for.
_GUESSES: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("mono", ("FC",)),
    2: ("stereo", ("FL", "FR")),
    3: ("3.0", ("FL", "FR", "FC")),
    4: ("quad", ("FL", "FR", "BL", "BR")),
    5: ("5.0", ("FL", "FR", "FC", "BL", "BR")),
    6: ("5.1", ("FL", "FR", "FC", "LFE", "BL", "BR")),
    7: ("6.1", ("FL", "FR", "FC", "LFE", "BC", "SL", "SR")),
    8: ("7.1", ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")),
}
#: Names of channels, in the order of the bits of a channel mask.
_NAMES = {
    "FL": "left", "FR": "right", "FC": "centre", "LFE": "LFE", "BL": "left back",
    "BR": "right back", "FLC": "left of centre", "FRC": "right of centre", "BC": "back centre",
    "SL": "left side", "SR": "right side", "TC": "top centre", "TFL": "top front left",
    "TFC": "top front centre", "TFR": "top front right", "TBL": "top back left",
    "TBC": "top back centre", "TBR": "top back right",
}  # fmt: skip
#: What the one pair of surround channels is called, on whichever side of the listener it stands.
_SURROUNDS = {"BL": "left surround", "BR": "right surround",
              "SL": "left surround", "SR": "right surround"}  # fmt: skip


@dataclass(frozen=True)
class Speakers:
    """Which loudspeaker each channel of a sound is for.

    Attributes:
        layout: the name of the layout.
        names: one for each channel, as `Audio.speakers` has them.
        guessed: whether the sound does not say it.
    """

    layout: str
    names: tuple[str, ...]
    guessed: bool

    def say_guess(self, ctx: RunContext) -> None:
        """Warn where the channels are only taken for what they mostly are."""
        if self.guessed:
            ctx.warn(
                "layout-guessed",
                f"nothing says what the {len(self.names)} channels are; they are taken for "
                f"{self.layout} ({' '.join(self.names)})",
            )


def speakers_of(audio: Audio) -> Speakers | None:
    """Return what the channels of a sound are, or mostly are; None beyond eight unnamed ones."""
    if audio.layout is not None and audio.speakers is not None:
        return Speakers(audio.layout, audio.speakers, guessed=False)
    guess = _GUESSES.get(audio.channels)
    return None if guess is None else Speakers(*guess, guessed=True)


def channel_mask(audio: Audio) -> int:
    """Return what WAV and FLAC say of the channels, a bit for each; 0 where nothing is known."""
    bits = list(_NAMES)
    return sum(1 << bits.index(speaker) for speaker in audio.speakers or ())


def usual_layout(channels: int) -> str | None:
    """Return what FLAC and Vorbis say so many channels are; None beyond eight."""
    return _GUESSES[channels][0] if channels in _GUESSES else None


def channel_names(channels: int, speakers: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return what channels are called, in order: after `Audio.speakers`, or what they mostly are.

    Beyond 6 channels of which nothing is known, they are numbered.
    """
    if speakers is None and channels <= 6:
        speakers = _GUESSES[channels][1]
    if speakers is None:
        return tuple(f"channel {index + 1}" for index in range(channels))
    if speakers == ("FC",):
        return ("mono",)
    pairs = {"BL", "SL"} <= set(speakers)
    names = _NAMES if pairs else {**_NAMES, **_SURROUNDS}
    return tuple(names[speaker] for speaker in speakers)


def decibels(ratio: SupportsFloat) -> float | None:
    """Return an amplitude ratio in dB, None for silence."""
    value = float(ratio)
    return 20 * log10(value) if value > 0 else None


def power_decibels(ratio: SupportsFloat) -> float | None:
    """Return a power ratio in dB, None for silence."""
    value = float(ratio)
    return 10 * log10(value) if value > 0 else None


def per_minute(count: int, audio: Audio) -> float | None:
    """Return how many there are in each minute of a sound; None for one without samples."""
    return 60 * count / audio.duration_seconds if audio.frames else None
