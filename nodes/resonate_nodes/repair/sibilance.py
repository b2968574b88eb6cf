"""Sibilance: a compressor for the band of s-sounds alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.notes import note_reduction
from .._common.runs import Places, runs
from .._common.silence import least_frames, silence
from .._common.stretches import Stretch, stretches
from ..tone.filters import fits_below_nyquist, require_below_nyquist
from .s_sounds import LONGEST_SECONDS, VOICE_SECONDS, an_s_sound, traits

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# How steep the split is: the filter is this many periods of the split frequency long.
_PERIODS = 32
_DETECTOR_SECONDS = 0.004
_ATTACK_SECONDS = 0.002
_HOLD_SECONDS = 0.012
_LOUD_WINDOW_SECONDS = 0.05
_LOUD_QUANTILE = 0.9
# An s-sound lasts; what is over sooner than this is the stroke of a stick.
_SUSTAINED_SECONDS = 0.03
# From where an s-sound is harsh down to here it counts less and less.
_KNEE_DB = 3.0
# What is worked on at once, and what of the sound around it has a part in it.
_STRETCH_SECONDS = 10.0
_AROUND_SECONDS = 2 * _SUSTAINED_SECONDS + _DETECTOR_SECONDS + _HOLD_SECONDS + _ATTACK_SECONDS
_UNCHANGED = "no harsh s-sound found"


@node(
    version=4,
    uses=("scipy",),
    cost=Cost(bytes_per_input_byte=2),
    fits=fits_below_nyquist("split_hz"),
)
def deess(
    ctx: RunContext,
    audio: Audio,
    *,
    split_hz: Annotated[float, Field(ge=1000, le=20_000)] = 4500.0,
    threshold_db: Annotated[float, Field(ge=-60, le=24)] = -18.0,
    ratio: Annotated[float, Field(ge=1, le=100)] = 8.0,
    harsh_db: Annotated[float, Field(ge=0, le=60)] = 16.0,
) -> Audio:
    """Turn down s-sounds of a voice where they are harsh, and nothing else.

    The sound is split in two by a linear-phase filter; the upper band is turned down while it is
    loud, and added to the lower again. The two bands are complements, so that what is not turned
    down comes out as it went in, without delay. Beyond its ends, and in digital silence, a sound is
    taken to go on mirrored. All channels get the same gain. The gain looks
    ahead: it moves under a window of 2 ms either side and holds for 12 ms, so that it does not
    modulate the sound.

    An s-sound is taken as a whole, from where it passes the threshold until it falls below: only
    if it stays harsh for 30 ms or more is it turned down, and then all of what lies above the
    threshold. It is a band of noise, rises and falls within tens of milliseconds, is over within
    0.4 s, and a voice is heard within 0.3 s before or after it, below the split. So s-sounds as
    they should be stay, and what is loud up there in music: cymbals and hi-hats, bells, strings.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        split_hz: where the upper band begins.
        threshold_db: the level of the upper band that harsh s-sounds are brought down towards,
            relative to the loud passages of the sound itself: the level, in dB of RMS over 50 ms,
            that all channels together exceed a tenth of the time. So it does not depend on the
            gain of the recording.
        ratio: above the threshold the upper band grows by only 1/ratio dB per dB; 1 changes
            nothing.
        harsh_db: how far above the threshold an s-sound is harsh. Over the 3 dB below that it is
            turned down in part, and not at all below those. With 0 all of the upper band that
            passes the threshold is turned down, however short, and whatever it is.

    Raises:
        NodeError: the split lies at or above half the sample rate.
    """
    require_below_nyquist(audio.sample_rate, split_hz)
    loud = _loud_level(audio.samples, audio.sample_rate)
    if ratio == 1 or loud == 0:
        ctx.note(summary=_UNCHANGED)
        return audio
    band = _Band(audio, split_hz, loud * 10 ** (threshold_db / 20))
    harsh = _s_sounds(band, _harsh_sounds(band, harsh_db), loud) if harsh_db else None
    result = audio.samples.copy()
    lowest, turned_down, sounds, inside = 1.0, 0, 0, False
    for stretch in band.stretches():
        if harsh is not None and not harsh.touch(stretch):
            inside = False
            continue
        gain = _gain(band, stretch, harsh, ratio)
        less = gain < 1
        if less.any():
            lowest = min(lowest, float(gain.min()))
            turned_down += int(np.count_nonzero(less))
            sounds += len(runs(less)[0]) - bool(inside and less[0])
            result[:, stretch.own] += (gain - 1) * band.above(stretch)
        inside = bool(less[-1])
    if not turned_down:
        ctx.note(summary=_UNCHANGED)
        return audio
    ctx.note(s_sounds_turned_down=sounds)
    note_reduction(ctx, lowest, 100 * turned_down / audio.frames, _UNCHANGED)
    result.flags.writeable = False  # so it need not be copied
    return audio.with_samples(result)


def _loud_level(samples: Single, sample_rate: int) -> float:
    """Return the RMS, over all channels, that is exceeded in a tenth of all windows of 50 ms."""
    if not samples.shape[1]:
        return 0.0
    window = min(samples.shape[1], max(1, round(_LOUD_WINDOW_SECONDS * sample_rate)))
    whole = samples[:, : samples.shape[1] // window * window].reshape(len(samples), -1, window)
    power = np.einsum("cwf,cwf->w", whole, whole, dtype=np.float64) / (len(samples) * window)
    return float(np.sqrt(np.quantile(power, _LOUD_QUANTILE)))


class _Band:
    """The upper band of a sound, and by how much it passes the threshold, a stretch at a time.

    Args:
        audio: the sound.
        split_hz: where the band begins.
        threshold: the level it is measured against.
    """

    def __init__(self, audio: Audio, split_hz: float, threshold: float) -> None:
        from scipy.signal import firwin

        self.rate, self.frames = audio.sample_rate, audio.frames
        self._samples, self._threshold = audio.samples, threshold
        self._half = max(8, round(_PERIODS / 2 * self.rate / split_hz))
        self._taps = firwin(
            2 * self._half + 1, split_hz, fs=self.rate, pass_zero=False, window=("kaiser", 8.0)
        )

    def count(self, seconds: float) -> int:
        """Return how many frames a time has, one at least."""
        return max(1, round(seconds * self.rate))

    def stretches(self) -> Iterator[Stretch]:
        """Return the stretches, in order."""
        length = self.count(_STRETCH_SECONDS)
        around = self._half + self.count(_AROUND_SECONDS) + least_frames(self.rate)
        return stretches(self.frames, length, around)

    def above(self, stretch: Stretch) -> Array:
        """Return what lies above the split in a stretch, of shape (channels, frames)."""
        return self._filtered(stretch)[:, stretch.inside]

    def parts(self, start: int, stop: int, beside: int) -> tuple[Array, Array, Array]:
        """Return what lies above the split from one frame to another, and below it beside that.

        Args:
            start: the first frame.
            stop: and the one after the last.
            beside: how many frames on either side.
        """
        first, last = max(start - beside, 0), min(stop + beside, self.frames)
        around = self._half + least_frames(self.rate)
        part = Stretch(first, last, max(first - around, 0), min(last + around, self.frames))
        upper = self.above(part)
        lower = self._samples[:, part.own] - upper
        start, stop = start - first, stop - first
        return upper[:, start:stop], lower[:, :start], lower[:, stop:]

    def over_db(self, stretch: Stretch) -> Array:
        """Return by how much the band passes the threshold, in a stretch and around it."""
        from scipy.ndimage import uniform_filter1d

        upper = self._filtered(stretch)
        power = np.einsum("cf,cf->f", upper, upper) / len(upper)
        power = uniform_filter1d(power, self.count(_DETECTOR_SECONDS), mode="constant")
        over_db: Array = 10 * np.log10(np.maximum(power / self._threshold**2, 1.0))
        return over_db

    def _filtered(self, stretch: Stretch) -> Array:
        """Return the band in a stretch and around it: a linear-phase filter, its delay taken out.

        At the ends and beside digital silence the sound is taken to go on mirrored: its beginning
        is not a step from silence.
        """
        from scipy.signal import oaconvolve

        samples = self._samples[:, stretch.whole]
        upper = np.zeros(samples.shape)
        starts, stops = runs(~silence(samples, least_frames(self.rate)))
        for start, stop in zip(starts, stops, strict=True):
            for band, channel in zip(upper, samples, strict=True):
                heard = channel[start:stop].astype(np.float64)
                surrounded = np.pad(heard, self._half, mode="symmetric")
                band[start:stop] = oaconvolve(surrounded, self._taps, mode="valid")
        return upper


class _Harsh(NamedTuple):
    """Sounds that are harsh: where each starts and stops, and how harsh it is, up to 1."""

    starts: Places
    stops: Places
    harshness: Array

    def touch(self, stretch: Stretch) -> bool:
        """Say whether there is one in a stretch or around it."""
        return bool(np.any((self.starts < stretch.last) & (self.stops > stretch.first)))

    def within(self, stretch: Stretch) -> Array:
        """Return how harsh the sound is that each frame belongs to, in a stretch and around it."""
        harshness = np.zeros(stretch.last - stretch.first)
        for start, stop, harsh in zip(self.starts, self.stops, self.harshness, strict=True):
            if start < stretch.last and stop > stretch.first:
                harshness[max(start - stretch.first, 0) : stop - stretch.first] = harsh
        return harshness


def _s_sounds(band: _Band, harsh: _Harsh, loud: float) -> _Harsh:
    """Return those harsh sounds that are s-sounds of a voice."""
    beside, longest = band.count(VOICE_SECONDS), band.count(LONGEST_SECONDS)
    of_a_voice = np.array(
        [
            stop - start <= longest
            and an_s_sound(traits(*band.parts(start, stop, beside), band.rate, loud))
            for start, stop in zip(harsh.starts, harsh.stops, strict=True)
        ],
        bool,
    )
    return _Harsh(*(one[of_a_voice] for one in harsh))


def _harsh_sounds(band: _Band, harsh_db: float) -> _Harsh:
    """Return what is harsh: what goes on in the next stretch is one sound."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    sustained = band.count(_SUSTAINED_SECONDS)
    starts: list[int] = []
    stops: list[int] = []
    highest_db: list[float] = []
    for stretch in band.stretches():
        over_db = band.over_db(stretch)
        held_db = maximum_filter1d(minimum_filter1d(over_db, sustained), sustained)
        over_db, held_db = over_db[stretch.inside], held_db[stretch.inside]
        for start, stop in zip(*runs(over_db > 0), strict=True):
            highest = float(held_db[start:stop].max())
            if stops and stops[-1] == stretch.start + start:
                stops[-1] = stretch.start + int(stop)
                highest_db[-1] = max(highest_db[-1], highest)
            else:
                starts.append(stretch.start + int(start))
                stops.append(stretch.start + int(stop))
                highest_db.append(highest)
    harshness = np.clip(1 + (np.array(highest_db) - harsh_db) / _KNEE_DB, 0, 1)
    harsh = harshness > 0
    return _Harsh(
        np.array(starts, np.intp)[harsh], np.array(stops, np.intp)[harsh], harshness[harsh]
    )


def _gain(band: _Band, stretch: Stretch, harsh: _Harsh | None, ratio: float) -> Array:
    """Return the gain of the upper band at each sample of a stretch."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    over_db = band.over_db(stretch)
    if harsh is not None:
        over_db *= harsh.within(stretch)
    gain = 10 ** ((1 / ratio - 1) / 20 * over_db)
    held = minimum_filter1d(gain, band.count(_HOLD_SECONDS), mode="nearest")
    smooth: Array = uniform_filter1d(held, band.count(2 * _ATTACK_SECONDS), mode="nearest")
    smooth = smooth[stretch.inside]
    return np.where(smooth > 1 - 1e-12, 1.0, smooth)
