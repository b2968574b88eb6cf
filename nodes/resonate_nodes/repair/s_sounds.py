"""Whether what is loud in the band of s-sounds is one: by its bandwidth, its course and the voice.

A voiceless sibilant is noise some kilohertz wide. It rises and falls within tens of milliseconds
and stays at its level in between, for a tenth of a second or two, and the voice that utters it is
heard before or after it. Bells and strings have lines there; strokes rise at once and die away;
what swells, or goes on, is no voice at all.

After S. J. Behrens, S. E. Blumstein, *Acoustic characteristics of English voiceless fricatives: a
descriptive analysis*, Journal of Phonetics 16 (1988), and P. Howell, S. Rosen, *Production and
perception of rise time in the voiceless affricate/fricative distinction*, Journal of the Acoustical
Society of America 73 (1983).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The voice is heard within so long before or after an s-sound, at this level or more beside the
#: loud passages of the sound.
VOICE_SECONDS = 0.3
#: What is loud in its band for longer than this is none.
LONGEST_SECONDS = 1.0
_VOICE_DB = -18.0
_SILENT = 1e-30

# Its course is told at this resolution, from 10 dB under its peak on; so long it lasts there at
# least, as no stroke on wood does, and at most.
_COURSE_SECONDS = 0.01
_UNDER_PEAK_DB = 10.0
_SHORTEST_COURSE_SECONDS, _LONGEST_COURSE_SECONDS = 0.02, 0.4
# It is within 3 dB of its peak after this part of that time at the latest, and this part before its
# end still.
_NEAR_PEAK_DB, _LONGEST_RISE, _LONGEST_FALL = 3.0, 0.5, 0.38
# The energy is spread over so much of the spectrum: that of a tone over some tens of Hz.
_LEAST_BANDWIDTH_HZ = 400.0


class Traits(NamedTuple):
    """What tells an s-sound.

    Attributes:
        bandwidth_hz: over how much of the spectrum its energy is spread.
        seconds: how long it is within 10 dB of its peak.
        rise: the part of that time until it is within 3 dB of its peak.
        fall: the part of that time after it last was.
        voice_db: the level of what lies below the band before or after it, whichever is louder,
            beside the loud passages.
    """

    bandwidth_hz: float
    seconds: float
    rise: float
    fall: float
    voice_db: float


def traits(upper: Array, before: Array, after: Array, sample_rate: int, loud: float) -> Traits:
    """Return what tells whether something is an s-sound.

    Args:
        upper: the band of s-sounds while it is loud, shape (channels, frames).
        before: what lies below that band before it, shape (channels, frames).
        after: and after it.
        sample_rate: in Hz.
        loud: the level of the loud passages, over all channels.
    """
    from scipy.ndimage import uniform_filter1d

    power = np.mean(upper**2, axis=0)
    course = uniform_filter1d(power, max(1, round(_COURSE_SECONDS * sample_rate)), mode="constant")
    peak = int(course.argmax())
    low = np.flatnonzero(course < course[peak] * 10 ** (-_UNDER_PEAK_DB / 10))
    start = int(low[low < peak].max(initial=-1)) + 1
    stop = int(low[low > peak].min(initial=len(course)))
    near = np.flatnonzero(course[start:stop] >= course[peak] * 10 ** (-_NEAR_PEAK_DB / 10))
    heard = max((float(np.mean(part**2)) for part in (before, after) if part.size), default=0.0)
    return Traits(
        bandwidth_hz=_bandwidth_hz(upper[:, start:stop], sample_rate),
        seconds=(stop - start) / sample_rate,
        rise=near[0] / (stop - start),
        fall=1 - (near[-1] + 1) / (stop - start),
        voice_db=float(10 * np.log10(max(heard / loud**2, _SILENT))),
    )


def an_s_sound(found: Traits) -> bool:
    """Say whether that is an s-sound."""
    return (
        found.bandwidth_hz >= _LEAST_BANDWIDTH_HZ
        and _SHORTEST_COURSE_SECONDS <= found.seconds <= _LONGEST_COURSE_SECONDS
        and found.rise <= _LONGEST_RISE
        and found.fall <= _LONGEST_FALL
        and found.voice_db >= _VOICE_DB
    )


def _bandwidth_hz(upper: Array, sample_rate: int) -> float:
    """Return over how much of the spectrum the energy is spread: (sum of P)^2 / sum of P^2."""
    from scipy.fft import rfft

    spectra = rfft(upper * np.hanning(upper.shape[1] + 2)[1:-1], axis=1)
    power = np.sum(np.abs(spectra) ** 2, axis=0)
    return float(power.sum() ** 2 / np.sum(power**2) * sample_rate / upper.shape[1])
