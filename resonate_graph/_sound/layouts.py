"""Channel layouts: which loudspeaker each channel is for, by the names that the field uses.

The names are ffmpeg's (``ffmpeg -layouts``), the order of channels is that of WAV
(WAVEFORMATEXTENSIBLE): FL FR FC LFE BL BR FLC FRC BC SL SR and the channels above. A layout
without a name is spelt by its channels: ``FL+FR+LFE+BC``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

#: Loudspeakers in the order of WAV: the place of each is its bit in the mask.
SPEAKERS = (
    "FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR",
    "TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR",
)  # fmt: skip

_NAMED = {
    "mono": "FC",
    "stereo": "FL+FR",
    "2.1": "FL+FR+LFE",
    "3.0": "FL+FR+FC",
    "3.0(back)": "FL+FR+BC",
    "4.0": "FL+FR+FC+BC",
    "quad": "FL+FR+BL+BR",
    "quad(side)": "FL+FR+SL+SR",
    "3.1": "FL+FR+FC+LFE",
    "5.0": "FL+FR+FC+BL+BR",
    "5.0(side)": "FL+FR+FC+SL+SR",
    "4.1": "FL+FR+FC+LFE+BC",
    "5.1": "FL+FR+FC+LFE+BL+BR",
    "5.1(side)": "FL+FR+FC+LFE+SL+SR",
    "6.0": "FL+FR+FC+BC+SL+SR",
    "6.0(front)": "FL+FR+FLC+FRC+SL+SR",
    "hexagonal": "FL+FR+FC+BL+BR+BC",
    "6.1": "FL+FR+FC+LFE+BC+SL+SR",
    "6.1(back)": "FL+FR+FC+LFE+BL+BR+BC",
    "6.1(front)": "FL+FR+LFE+FLC+FRC+SL+SR",
    "7.0": "FL+FR+FC+BL+BR+SL+SR",
    "7.0(front)": "FL+FR+FC+FLC+FRC+SL+SR",
    "7.1": "FL+FR+FC+LFE+BL+BR+SL+SR",
    "7.1(wide)": "FL+FR+FC+LFE+BL+BR+FLC+FRC",
    "7.1(wide-side)": "FL+FR+FC+LFE+FLC+FRC+SL+SR",
    "octagonal": "FL+FR+FC+BL+BR+BC+SL+SR",
    # later ffmpeg has these, too
    "5.1.2(back)": "FL+FR+FC+LFE+BL+BR+TFL+TFR",
    "5.1.2": "FL+FR+FC+LFE+SL+SR+TFL+TFR",
    "5.1.4(back)": "FL+FR+FC+LFE+BL+BR+TFL+TFR+TBL+TBR",
    "5.1.4": "FL+FR+FC+LFE+SL+SR+TFL+TFR+TBL+TBR",
    "7.1.2": "FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR",
    "7.1.4(back)": "FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR",
}
_NAMES = {spelt: name for name, spelt in reversed(_NAMED.items())}

#: What channels are where only their number is known: FLAC's, Vorbis' and Opus' rule (RFC 9639,
#: section 9.1.3; Vorbis I, section 4.3.9), and what most take WAV without a mask to be.
_USUAL = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


def usual_layout(channels: int) -> str | None:
    """Return what so many channels mostly are; None beyond 8."""
    return _USUAL[channels - 1] if 1 <= channels <= len(_USUAL) else None


def implied_layout(channels: int) -> str | None:
    """Return what so many channels can only be: mono or stereo."""
    return usual_layout(channels) if channels <= 2 else None


def layout_of(speakers: Sequence[str]) -> str:
    """Return the name of a layout that has these channels in this order."""
    spelt = "+".join(speakers)
    return _NAMES.get(spelt, spelt)


@cache
def speakers_of(layout: str) -> tuple[str, ...] | None:
    """Return the channels of a layout in the order of WAV; None where there is no such layout."""
    speakers = tuple(_NAMED.get(layout, layout).split("+"))
    places = [SPEAKERS.index(one) if one in SPEAKERS else -1 for one in speakers]
    return speakers if places == sorted(set(places)) and -1 not in places else None


def layout_of_mask(mask: int, channels: int) -> str | None:
    """Return the layout that a WAV file's channel mask says; None where it does not say all.

    Bits beyond the number of channels do not count (WAVEFORMATEXTENSIBLE's rule).
    """
    speakers = [name for bit, name in enumerate(SPEAKERS) if mask >> bit & 1][:channels]
    return layout_of(speakers) if len(speakers) == channels else None


def mask_of(layout: str | None) -> int:
    """Return the channel mask that says a layout; 0, which says nothing, for None."""
    speakers = speakers_of(layout) if layout is not None else None
    return sum(1 << SPEAKERS.index(one) for one in speakers or ())


def in_wav_order(speakers: Sequence[str]) -> tuple[str, tuple[int, ...]] | None:
    """Return the layout of channels that come in some order, and that which WAV has them in.

    None where a channel is unknown or is there twice.
    """
    if len(set(speakers)) < len(speakers) or not set(speakers) <= set(SPEAKERS):
        return None
    order = sorted(range(len(speakers)), key=lambda place: SPEAKERS.index(speakers[place]))
    return layout_of([speakers[place] for place in order]), tuple(order)
