"""Bandwidth: something above where a recording ends. It is invented, and said to be."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.notes import apart_dbfs, note_known
from .stft import Stft, Synthesis

Levels = NDArray[np.float64]

_FRAME_SECONDS = 0.023
#: The window's main lobe reaches so many bins to each side; what lies beyond lies below -92 dB.
_REACH = 4
#: A recording ends where its spectrum falls by so much within a sixth of an octave.
_EDGE_DB, _EDGE_OCTAVES = 25.0, 1 / 6
_LOWEST_EDGE_HZ = 2000.0
#: How far the spectrum may be taken to fall beyond its end, in dB per octave, and from how far
#: below it is taken.
_STEEPEST, _FLATTEST = -40.0, -12.0
_SLOPE_OCTAVES = 2.0
_UNCHANGED = "nothing invented"


@node(version=1, uses=("scipy",), cost=Cost(seconds_per_second=0.03, bytes_per_input_byte=3))
def extend_bandwidth(
    ctx: RunContext,
    audio: Audio,
    *,
    cutoff_hz: Annotated[float, Field(ge=500, le=100_000)] | None = None,
    level_db: Annotated[float, Field(ge=-60, le=12)] = 0.0,
) -> Audio:
    """Invent what lies above the end of a recording's spectrum from the octave below it.

    This restores nothing: what was cut off is gone, and what comes instead was never played. It is
    in no stock graph. After M. Dietz, L. Liljeryd, K. Kjörling, O. Kunz: *Spectral Band
    Replication, a novel approach in audio coding* (AES Convention 112, 2002), but without the
    envelope that a coder sends along: the octave below the end is shifted up, as often as there is
    room, and falls on as the spectrum falls over the two octaves before the end. Nothing below
    the end changes (-85 dB against what is added), nothing moves in time, and the same sound gives
    the same samples.

    Args:
        ctx: filled in by the engine.
        audio: the sound, at a rate that has room above the end; `resample` makes some.
        cutoff_hz: where the recording ends, in Hz; null to seek where its spectrum falls by
            25 dB within a sixth of an octave, above 2 kHz. Where it does so nowhere, the sound
            comes back as it is, with the warning ``no-cutoff``.
        level_db: how much louder or softer what is invented is made.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> from resonate_nodes import lowpass
        >>> noise = Audio(0.1 * np.random.default_rng(0).standard_normal((1, 44100)), 44100)
        >>> telephone = lowpass(noise, frequency_hz=4000.0, slope_db_per_octave=48)
        >>> wider = extend_bandwidth(telephone, cutoff_hz=4000.0)
        >>> bool(np.std(wider.samples - telephone.samples) > 0.1 * np.std(telephone.samples))
        True
    """
    from scipy.signal.windows import blackmanharris

    if not audio.samples.any():
        ctx.note(summary=_UNCHANGED)
        return audio
    length = int(2 ** max(6, round(np.log2(_FRAME_SECONDS * audio.sample_rate))))
    window = blackmanharris(length, sym=False).astype(np.float32)
    stft = Stft(audio.samples, window)
    powers = _usual_powers(stft)
    bin_hz = audio.sample_rate / length
    end = _end(powers, bin_hz) if cutoff_hz is None else round(cutoff_hz / bin_hz)
    if end is None:
        ctx.warn("no-cutoff", "the spectrum ends nowhere: the sound is left as it is")
        ctx.note(summary=_UNCHANGED)
        return audio
    first = end + 2 * _REACH
    if first >= len(powers) or end < 4 * _REACH:
        ctx.warn("no-room", f"there is no room above {end * bin_hz:.0f} Hz at this sample rate")
        ctx.note(summary=_UNCHANGED)
        return audio
    # from just below the end, where a filter has not begun to fall
    top = round(0.95 * end)
    width = top // 2
    targets = np.arange(first, len(powers))
    steps = 1 + (targets - top) // width
    sources = targets - steps * width
    slope = _slope_db(powers, top)
    gains = 10 ** ((level_db + slope * np.log2(targets / sources)) / 20)
    result = np.empty_like(audio.samples)
    synthesis = Synthesis(stft, window)
    for begin, stop in stft.blocks():
        ctx.progress(begin, stft.count)
        spectra = stft.spectra(begin, stop)
        added = np.zeros_like(spectra)
        # a shift by k bins turns the phase by k/4 of a circle from one frame to the next
        turns = np.exp(0.5j * np.pi * (np.outer(np.arange(begin, stop), steps * width) % 4))
        added[:, :, targets] = spectra[:, :, sources] * (gains * turns)
        start, found = synthesis.add(added)
        place = slice(start, start + found.shape[1])
        result[:, place] = audio.samples[:, place] + found
    result.flags.writeable = False  # so it need not be copied
    wider = audio.with_samples(result)
    ctx.note(spectrum_ended_hz=end * bin_hz)
    note_known(ctx, invented_level_dbfs=apart_dbfs(audio, wider))
    return wider


def _usual_powers(stft: Stft) -> Levels:
    """Return the geometric mean of each bin's power over all channels and frames with sound.

    It says what most moments are like: the arithmetic mean is that of a few loud ones, and what is
    shifted up would stand far above the soft ones.
    """
    total: Levels = np.zeros(len(stft.window) // 2 + 1)
    count = 0
    for first, last in stft.blocks():
        powers = np.square(np.abs(stft.spectra(first, last)), dtype=np.float64)
        powers = powers[powers.any(axis=2)]
        total += np.log(np.maximum(powers, 1e-16 * powers.max(axis=1, keepdims=True))).sum(axis=0)
        count += len(powers)
    return np.asarray(np.exp(total / max(count, 1)))


def _end(powers: Levels, bin_hz: float) -> int | None:
    """Return the bin at which a spectrum ends, None where it does not."""
    decibels = 10 * np.log10(np.maximum(powers, 1e-20 * powers.max()))
    lowest = round(_LOWEST_EDGE_HZ / bin_hz)
    above = np.maximum.accumulate(decibels[::-1])[::-1]  # the loudest from each bin on
    for low in range(max(lowest, 4 * _REACH), len(powers)):
        high = max(low + 2 * _REACH, round(low * 2**_EDGE_OCTAVES))
        below = np.median(decibels[round(low * 2**-_EDGE_OCTAVES) : low + 1])
        if high < len(powers) and above[high] < below - _EDGE_DB:
            # the last bin that is not far below what stands before it
            inside = np.flatnonzero(decibels[low:high] > below - 10)
            return int(low + (inside[-1] if len(inside) else 0))
    return None


def _slope_db(powers: Levels, top: int) -> float:
    """Return by how many dB per octave a spectrum falls below a bin: a line through octaves."""
    places = np.arange(max(1, round(top * 2**-_SLOPE_OCTAVES)), top + 1)
    octaves = np.log2(places)
    decibels = 10 * np.log10(np.maximum(powers[places], 1e-20 * powers.max()))
    # an octave counts as much as another, however many bins it has
    slope = np.polyfit(octaves, decibels, 1, w=1 / np.sqrt(places))[0]
    return float(np.clip(slope, _STEEPEST, _FLATTEST))
