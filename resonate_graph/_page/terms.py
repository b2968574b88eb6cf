"""What the words of measurement mean, to be said where they stand."""

from __future__ import annotations

import html
import re

#: In a sentence or two each, for somebody who has heard the sound and not read the standard.
TERMS = {
    "SI-SDR": "how much of the wanted sound there is for what is not it, in dB, whatever the "
    "volume: 0 dB is as much of one as of the other, and 3 dB more is half the error "
    "(scale-invariant signal-to-distortion ratio).",
    "LUFS": "loudness as people hear it, over the whole sound (ITU-R BS.1770): broadcasting aims "
    "at −23, streaming at about −14; 1 more is 1 dB louder.",
    "LU": "a difference of loudness: 1 LU is 1 dB.",
    "dBTP": "true peak, the highest point between the samples too: above 0 a player or an encoder "
    "may clip, so most deliveries ask for −1 or less.",
    "dBFS": "level below the loudest that a file can hold, which is 0; a sine of full scale has 0.",
    "dB": "decibels, a ratio: 6 dB more is twice the amplitude, 10 dB more sounds about twice as "
    "loud.",
    "σ": "standard deviations: how far something stands out of what is usual around it.",
}

_WORD = re.compile(r"(?<![\w-])(SI-SDR|LUFS|LU|dBTP|dBFS|σ)(?![\w-])")


def terms_in(text: str) -> list[str]:
    """Return the terms that stand in a text or in HTML, in order of appearance.

    Example:
        >>> terms_in("−14.2 LUFS, −1.0 dBTP, again −16 LUFS")
        ['LUFS', 'dBTP']
    """
    plain = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    return list(dict.fromkeys(_WORD.findall(plain)))


def explained(fragment: str, told: set[str] | None = None) -> str:
    """Return HTML with the meaning of its terms below it.

    Args:
        fragment: HTML, such as a table.
        told: terms that the page has explained already, which are left out; those that are
            explained here are added.
    """
    told = set() if told is None else told
    new = [term for term in terms_in(fragment) if term not in told]
    told.update(new)
    if not new:
        return fragment
    lines = "\n".join(
        f"<div><dt>{html.escape(term)}</dt>: <dd>{html.escape(TERMS[term])}</dd></div>"
        for term in new
    )
    return f'{fragment}\n<dl class="terms">\n{lines}\n</dl>'
