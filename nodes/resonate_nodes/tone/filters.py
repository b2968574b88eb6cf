"""Tone: equaliser and pass filters, as second-order sections in float64. No latency.

They are of minimum phase, as analog ones are; the pass filters are there of linear phase too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from resonate_graph import Audio, NodeError, ParamError, Placed, Preparation, RunContext, node

from .._common.notes import note_level

Frequency = Annotated[float, Field(gt=0, le=192_000, examples=[1000.0])]
Phase = Literal["minimum", "linear"]
Slope = Annotated[int, Field(ge=6, le=96, multiple_of=6)]

#: After so many periods of its corner a filter of 6 dB per octave has died away to -120 dB; a
#: steeper one takes longer. Those near half the sample rate are like those near 0 Hz.
_REACH_PERIODS = 2.2
#: No filter is followed longer beyond the end of a sound: enough for corners of 0.2 Hz and more.
_MOST_REACH_SECONDS = 60

#: What is filtered at a time.
_STRETCH_FRAMES = 1 << 16


class Band(BaseModel):
    """One band of the equaliser.

    Attributes:
        kind: ``bell``, ``low_shelf``, ``high_shelf`` or ``notch``.
        frequency_hz: centre of a bell or notch, corner of a shelf.
        gain_db: boost or cut, in dB; a notch has none.
        q: quality: centre frequency over bandwidth; for shelves 0.707 is the steepest slope
            without a bump.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["bell", "low_shelf", "high_shelf", "notch"] = "bell"
    frequency_hz: Frequency
    gain_db: Annotated[float, Field(ge=-60, le=30)] = 0.0
    q: Annotated[float, Field(ge=0.05, le=100_000)] = 0.7071


Bands = Annotated[
    list[Band],
    Field(examples=[[{"kind": "bell", "frequency_hz": 3000.0, "gain_db": -3.0, "q": 1.4}]]),
]


def require_below_nyquist(sample_rate: int, frequency_hz: float) -> None:
    """Refuse a frequency that a sound of some rate cannot hold.

    Raises:
        NodeError: it lies at or above half the sample rate.
    """
    if frequency_hz >= sample_rate / 2:
        raise NodeError(
            f"{frequency_hz:g} Hz is not below {sample_rate / 2:g} Hz, half the sample rate "
            f"of this sound ({sample_rate} Hz)"
        )


def fits_below_nyquist(param: str) -> Callable[[Placed], None]:
    """Return a `fits` hook that refuses rates at which there is no such frequency as a param's."""

    def fits(question: Placed) -> None:
        if question.params[param] is not None:
            for rate in _rates(question):
                require_below_nyquist(rate, question.params[param])

    return fits


def _fits_bands(question: Placed) -> None:
    for rate in _rates(question):
        for band in map(Band.model_validate, question.params["bands"]):
            if band.kind == "notch" or band.gain_db != 0:
                require_below_nyquist(rate, band.frequency_hz)


def _rates(question: Placed) -> Sequence[int]:
    return question.sample_rates.get("audio", ())


@node(version=1, uses=("scipy",), fits=_fits_bands)
def eq(ctx: RunContext, audio: Audio, *, bands: Bands) -> Audio:
    """Parametric equaliser: any number of bells, shelves and notches, one after the other.

    The sections are the biquads of R. Bristow-Johnson's *Audio EQ Cookbook*, with the gain at
    the centre and at the ends exactly as asked. A band of 0 dB leaves the sound untouched.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        bands: the bands; see `Band`.

    Raises:
        NodeError: a band lies at or above half the sample rate.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> from resonate_nodes import Band
        >>> hum_free = eq(
        ...     Audio(np.zeros(44100), 44100),
        ...     bands=[Band(kind="notch", frequency_hz=50.0, q=30.0)],
        ... )
    """
    active = [band for band in bands if band.kind == "notch" or band.gain_db != 0]
    for band in active:
        require_below_nyquist(audio.sample_rate, band.frequency_hz)
    ctx.note(bands=len(active))
    if not active:
        ctx.note(summary="no band is up or down")
        return audio
    ctx.note(
        frequencies_hz=[band.frequency_hz for band in active],
        gains_db=[band.gain_db for band in active if band.kind != "notch"],
    )
    return _filtered(audio, np.vstack([biquad(band, audio.sample_rate) for band in active]))


def _both_ways(question: Preparation) -> Mapping[str, int]:
    """Return which version there is of filtering both ways; of one way, the node's says it."""
    return {"both_ways": 2} if question.params["phase"] == "linear" else {}


_fits_corner = fits_below_nyquist("frequency_hz")


@node(version=1, uses=("scipy",), fits=_fits_corner, prepare=_both_ways)
def highpass(
    ctx: RunContext,
    audio: Audio,
    *,
    frequency_hz: Frequency,
    slope_db_per_octave: Slope = 12,
    phase: Phase = "minimum",
) -> Audio:
    """Remove what lies below a frequency. A Butterworth filter: flat above, -3 dB at the corner.

    Of minimum phase it turns the phase of what lies near the corner, up to several octaves away,
    so what is filtered and what is not no longer add up to what they were. Where they are to be
    summed again, as stems are, take linear phase: nothing is turned and nothing delayed. It
    reaches ahead of a sound instead: what it adds before and after is -100 dB down 2 periods of
    the corner away at 12 dB per octave, 4 at 24 and 8 at 48.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        frequency_hz: the corner.
        slope_db_per_octave: how steeply it falls below, in steps of 6; of linear phase, of 12.
        phase: ``minimum``, or ``linear``, which filters forwards and backwards.

    Raises:
        NodeError: the corner lies at or above half the sample rate.
        ParamError: a slope that there is not of linear phase.
    """
    return _butterworth(ctx, audio, "highpass", frequency_hz, slope_db_per_octave, phase)


@node(version=1, uses=("scipy",), fits=_fits_corner, prepare=_both_ways)
def lowpass(
    ctx: RunContext,
    audio: Audio,
    *,
    frequency_hz: Frequency,
    slope_db_per_octave: Slope = 12,
    phase: Phase = "minimum",
) -> Audio:
    """Remove what lies above a frequency. A Butterworth filter: flat below, -3 dB at the corner.

    Of minimum phase it turns the phase of what lies near the corner, up to several octaves away,
    so what is filtered and what is not no longer add up to what they were. Where they are to be
    summed again, as stems are, take linear phase: nothing is turned and nothing delayed. It
    reaches ahead of a sound instead: what it adds before and after is -100 dB down 2 periods of
    the corner away at 12 dB per octave, 4 at 24 and 8 at 48.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        frequency_hz: the corner.
        slope_db_per_octave: how steeply it falls above, in steps of 6; of linear phase, of 12.
        phase: ``minimum``, or ``linear``, which filters forwards and backwards.

    Raises:
        NodeError: the corner lies at or above half the sample rate.
        ParamError: a slope that there is not of linear phase.
    """
    return _butterworth(ctx, audio, "lowpass", frequency_hz, slope_db_per_octave, phase)


def _butterworth(
    ctx: RunContext,
    audio: Audio,
    kind: Literal["highpass", "lowpass"],
    frequency_hz: float,
    slope: int,
    phase: Phase,
) -> Audio:
    from scipy.signal import butter

    if phase == "linear" and slope % 12:
        raise ParamError(
            f"of linear phase there are slopes of 12, 24, ... 96 dB per octave, not {slope}",
            param="slope_db_per_octave",
        )
    rate = audio.sample_rate
    require_below_nyquist(rate, frequency_hz)
    if phase == "minimum":
        sections = butter(slope // 6, frequency_hz, kind, fs=rate, output="sos")
        filtered = _filtered(audio, sections)
    else:
        order = slope // 12
        corner_hz = _corner_of_half(frequency_hz, rate, order, kind)
        sections = butter(order, corner_hz, kind, fs=rate, output="sos")
        periods = _REACH_PERIODS / np.sin(np.pi / (2 * order))
        slowest_hz = max(min(corner_hz, rate / 2 - corner_hz), periods / _MOST_REACH_SECONDS)
        filtered = _filtered_both_ways(audio, sections, round(periods / slowest_hz * rate))
    note_level(ctx, audio, filtered)
    return filtered


def _corner_of_half(
    frequency_hz: float, rate: int, order: int, kind: Literal["highpass", "lowpass"]
) -> float:
    """Return the corner of a Butterworth filter that is -1.5 dB at a frequency: of two, -3 dB."""
    away = (np.sqrt(2) - 1) ** (1 / (2 * order))
    bent = np.tan(np.pi * frequency_hz / rate) * (away if kind == "highpass" else 1 / away)
    return float(np.arctan(bent) * rate / np.pi)


def _filtered_both_ways(audio: Audio, sections: NDArray[np.float64], reach: int) -> Audio:
    """Filter forwards, a reach beyond the end, and backwards from there."""
    if not audio.frames:
        return audio
    filtered = np.empty(audio.samples.shape, np.float32)
    there = np.empty(audio.frames + reach)
    for channel, samples in enumerate(audio.samples):
        there[: audio.frames] = samples
        there[audio.frames :] = 0
        _filter(sections, there, there)
        back = there[::-1]
        _filter(sections, back, back)
        filtered[channel] = there[: audio.frames]
    filtered.flags.writeable = False  # so it need not be copied
    return audio.with_samples(filtered)


def _filtered(audio: Audio, sections: NDArray[np.float64]) -> Audio:
    filtered = np.empty(audio.samples.shape, np.float32)
    _filter(sections, audio.samples, filtered)
    filtered.flags.writeable = False  # so it need not be copied
    return audio.with_samples(filtered)


def _filter(
    sections: NDArray[np.float64], samples: NDArray[np.floating], into: NDArray[np.floating]
) -> None:
    """Filter along the last axis, in stretches: so of a long sound there is one copy."""
    from scipy.signal import sosfilt

    state = np.zeros((len(sections), *samples.shape[:-1], 2))
    for start in range(0, samples.shape[-1], _STRETCH_FRAMES):
        part = np.s_[..., start : start + _STRETCH_FRAMES]
        with np.errstate(over="ignore"):  # told as an AudioError
            into[part], state = sosfilt(sections, samples[part].astype(np.float64), zi=state)


def biquad(band: Band, sample_rate: int) -> NDArray[np.float64]:
    """Return one section [b0 b1 b2 a0 a1 a2] after the Audio EQ Cookbook, with a0 = 1."""
    w0 = 2 * np.pi * band.frequency_hz / sample_rate
    cosine, alpha = np.cos(w0), np.sin(w0) / (2 * band.q)
    amplitude = 10 ** (band.gain_db / 40)
    if band.kind == "notch":
        b = [1, -2 * cosine, 1]
        a = [1 + alpha, -2 * cosine, 1 - alpha]
    elif band.kind == "bell":
        b = [1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude]
        a = [1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude]
    else:
        # a low shelf mirrored at a quarter of the sample rate is a high shelf
        sign = 1 if band.kind == "low_shelf" else -1
        up, down = amplitude + 1, amplitude - 1
        root = 2 * np.sqrt(amplitude) * alpha
        tilt = sign * cosine
        b = [
            amplitude * (up - down * tilt + root),
            sign * 2 * amplitude * (down - up * tilt),
            amplitude * (up - down * tilt - root),
        ]
        a = [
            up + down * tilt + root,
            -sign * 2 * (down + up * tilt),
            up + down * tilt - root,
        ]
    section: NDArray[np.float64] = np.array([*b, *a]) / a[0]
    return section
