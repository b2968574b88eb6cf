"""Loudness and true peak after ITU-R BS.1770 and EBU Tech 3341 and 3342.

The K-weighting filters are pyloudnorm's, in the variant fitted by B. De Man, which reproduces
the standard's coefficients at 48 kHz. Everything is computed in blocks, so that memory does not
depend on the length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import cos, log10, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, NodeError

from .._common.channels import speakers_of
from .._common.reach import in_reach, scaled

#: Returns the samples from one frame up to another, of shape (channels, frames).
Read = Callable[[int, int], NDArray[np.float32]]

#: Told how much is done, of how much.
Progress = Callable[[float, float], object]

ABSOLUTE_GATE_LUFS = -70.0
_OFFSET = -0.691
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
# Maxima are sought every 10 ms, so that they do not depend on where a sound begins (Tech 3341,
# cases 10 and 13); gating blocks and the loudness range take one position in ten.
_HOPS_PER_SECOND = 100
_MOMENTARY_HOPS = 40
_SHORT_TERM_HOPS = 300
_GATING_STEP = 10
_SURROUND = 1.41

#: Up to here every channel beside or behind the listener is a surround channel of Annex 1, as all
#: meters take it. Sound systems of more channels have places of their own (Annex 3).
_BASIC_CHANNELS = 6
_SURROUNDS = ("BL", "BR", "BC", "SL", "SR")

_MIN_RATE = 8000

_OVERSAMPLING = 8
_WINDOW_FRAMES = 1 << 14
_EDGE_FRAMES = 1 << 10
_STEP_FRAMES = _WINDOW_FRAMES - 2 * _EDGE_FRAMES
#: Several are transformed side by side: where there are four or more, that takes half the time.
_WINDOWS = 4
# More than what float32 takes off a level.
_ROUNDED_UP = 1 + 1e-4


class Loudness(NamedTuple):
    """What was measured. None where the sound is too quiet or too short for the measure."""

    integrated_lufs: float | None
    range_lu: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None


def measure(audio: Audio) -> Loudness:
    """Return the loudness measures of a sound.

    A sound shorter than the 0.4 s of one gating block is measured as one block of its length.

    Raises:
        NodeError: more than eight channels of which nothing is known, or a rate below 8 kHz.
    """
    return _summed(*_moving_powers(audio))


class Powers:
    """The gating blocks of a sound, for its integrated loudness at any gain.

    Raises:
        NodeError: as `measure`.
    """

    def __init__(self, audio: Audio) -> None:
        momentary, _ = _moving_powers(audio)
        self._blocks = momentary[::_GATING_STEP]

    def integrated_lufs(self, gain_db: float = 0.0) -> float | None:
        """Return the integrated loudness the sound has at a gain; None where it is too quiet."""
        return _integrated(self._blocks * 10 ** (gain_db / 10))


class Course(NamedTuple):
    """Loudness over time, every 10 ms, in LUFS; -infinity for silence.

    Attributes:
        momentary: of the 0.4 s around each time from 0.2 s on; one value, of the whole, where the
            sound is shorter than that, and none where it has no samples.
        short_term: of the 3 s around each time from 1.5 s on; none where the sound is shorter.
    """

    momentary: NDArray[np.float64]
    short_term: NDArray[np.float64]


def measure_over_time(
    audio: Audio, progress: Progress = lambda done, total: None
) -> tuple[Loudness, Course]:
    """Return the loudness measures of a sound, and what they were taken from.

    Args:
        audio: the sound.
        progress: told now and then how much is done, of how much.

    Raises:
        NodeError: more than eight channels of which nothing is known, or a rate below 8 kHz.
    """
    powers = _moving_powers(audio, progress)
    with np.errstate(divide="ignore"):
        course = Course(*(_OFFSET + 10 * np.log10(one) for one in powers))
    return _summed(*powers), course


def true_peak(audio: Audio) -> float:
    """Return the highest absolute value of the oversampled waveform, as a ratio of full scale.

    Oversampled 8 times at any rate (BS.1770 Annex 2 asks for 4 times at 48 kHz).
    """
    return true_peak_of(_reading(audio), audio.frames)


def true_peak_of(read: Read, frames: int) -> float:
    """Return the true peak of so many frames that are read in stretches, from first to last.

    Args:
        read: given where a stretch starts and stops, returns it, of shape (channels, frames);
            shorter where there is no more. Stretches overlap, and come in order.
        frames: how many there are.
    """
    highest = 0.0
    for stretch in _stretches(read, frames):
        highest = max(highest, stretch.highest_above(highest))
    return highest


def hop_true_peaks(audio: Audio, hop_frames: int) -> NDArray[np.float64]:
    """Return the true peak of each hop, over all channels; the last hop may be a short one."""
    hops = np.zeros(-(-audio.frames // hop_frames))
    start = 0
    for stretch in _stretches(_reading(audio), audio.frames):
        peaks = stretch.peaks()
        first, stop = start // hop_frames, start + len(peaks)
        starts = np.arange(first, -(-stop // hop_frames)) * hop_frames - start
        highest = np.maximum.reduceat(peaks, np.maximum(starts, 0))
        at = slice(first, first + len(highest))
        np.maximum(hops[at], highest, out=hops[at])  # one may lie in two stretches
        start = stop
    return hops


def _reading(audio: Audio) -> Read:
    return lambda start, stop: audio.samples[:, start:stop]


class _Stretch:
    """A stretch of sound, oversampled in windows that overlap by faded edges.

    Between the samples lies their ideal band-limited interpolation: the spectrum is turned by
    fractions of a sample. A resampler's filter leaves out what is close to half the sample rate,
    and with it up to 1 dB of the peaks of dense noise.

    Args:
        samples: of shape (channels, frames), with what lies around it: zeros where nothing does.
        fade: what fades the edges of a window.
        turns: what turns its spectrum by each fraction of a sample.
        count: how many frames of it count.
    """

    def __init__(
        self,
        samples: NDArray[np.float32],
        fade: NDArray[np.float32],
        turns: Sequence[NDArray[np.complex64]],
        count: int,
    ) -> None:
        from scipy import fft

        factor = in_reach(samples)
        samples = scaled(samples, factor)
        self._scale = 1 / float(factor)
        self._turns = turns
        self._count = count
        windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW_FRAMES, axis=1)
        self._windows = windows[:, ::_STEP_FRAMES] * fade
        self._samples = samples[:, _EDGE_FRAMES : _EDGE_FRAMES + count]
        self._spectra = fft.rfft(self._windows, axis=2)

    def peaks(self) -> NDArray[np.float64]:
        """Return, frame by frame, the highest absolute value from each frame up to the next."""
        peaks: NDArray[np.float32] = np.abs(self._samples).max(axis=0)
        for turn in self._turns:
            for channel in self._inside(self._between(turn)):
                np.maximum(peaks, np.abs(channel), out=peaks)
        return self._scale * peaks.astype(np.float64)

    def highest_above(self, level: float) -> float:
        """Return the highest value that counts; something below a level if it is below it.

        A wave that is known at m times as many points as it has samples goes nowhere further
        than by 1 / cos(pi / 2m) beyond them: H. Ehlich, K. Zeller, *Schwankung von Polynomen
        zwischen Gitterpunkten*, Mathematische Zeitschrift 86 (1964). So most stretches need not be
        looked at closely.
        """
        level /= self._scale
        highest, anywhere = _farthest(self._samples), _farthest(self._windows)
        times, left = 1, list(range(1, _OVERSAMPLING))
        while left:
            times *= 2
            now = [turn for turn in left if turn % (_OVERSAMPLING // times) == 0]
            left = [turn for turn in left if turn not in now]
            for turn in now:
                between = self._between(self._turns[turn - 1])
                highest = max(highest, _farthest(self._inside(between)))
                anywhere = max(anywhere, _farthest(between))
            if anywhere * _ROUNDED_UP / cos(pi / (2 * times)) < level:
                return 0.0
        return self._scale * highest

    def _between(self, turn: NDArray[np.complex64]) -> NDArray[np.float32]:
        from scipy import fft

        between: NDArray[np.float32] = fft.irfft(self._spectra * turn, _WINDOW_FRAMES, axis=2)
        return between

    def _inside(self, between: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the frames of windows that count, without their edges."""
        middle = between[:, :, _EDGE_FRAMES:-_EDGE_FRAMES]
        return middle.reshape(len(middle), -1)[:, : self._count]


def _farthest(values: NDArray[np.float32]) -> float:
    """Return the highest absolute value."""
    return max(float(values.max()), -float(values.min()))


def _stretches(read: Read, count: int) -> Iterator[_Stretch]:
    """Yield a sound in stretches, each with what lies around it.

    So nothing of where they were cut is left in what counts of them.
    """
    rise = np.sin(np.pi / 2 * (np.arange(_EDGE_FRAMES) + 0.5) / _EDGE_FRAMES) ** 2
    fade = np.concatenate([rise, np.ones(_STEP_FRAMES), rise[::-1]]).astype(np.float32)
    fractions = np.arange(_WINDOW_FRAMES // 2 + 1) / (_WINDOW_FRAMES * _OVERSAMPLING)
    turns = [
        np.exp(2j * np.pi * fractions * n).astype(np.complex64) for n in range(1, _OVERSAMPLING)
    ]
    for start in range(0, count, _WINDOWS * _STEP_FRAMES):
        frames = min(_WINDOWS * _STEP_FRAMES, count - start)
        whole = -(-frames // _STEP_FRAMES) * _STEP_FRAMES
        first = max(0, start - _EDGE_FRAMES)
        known = _different(read(first, start + whole + _EDGE_FRAMES))
        ahead = first - (start - _EDGE_FRAMES)
        stretch = np.zeros((len(known), whole + 2 * _EDGE_FRAMES), np.float32)
        stretch[:, ahead : ahead + known.shape[1]] = known
        yield _Stretch(stretch, fade, turns, frames)


def _different(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the channels without the second one where it repeats the first: mono as stereo."""
    if len(samples) == 2 and np.array_equal(samples[0], samples[1]):
        return samples[:1]
    return samples


def _summed(momentary: NDArray[np.float64], short_term: NDArray[np.float64]) -> Loudness:
    return Loudness(
        integrated_lufs=_integrated(momentary[::_GATING_STEP]),
        range_lu=_range(short_term[::_GATING_STEP]),
        max_momentary_lufs=_lufs(momentary.max(initial=0.0)),
        max_short_term_lufs=_lufs(short_term.max(initial=0.0)),
    )


def _moving_powers(
    audio: Audio, progress: Progress = lambda done, total: None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the momentary and short-term weighted mean squares, every 10 ms."""
    powers, hop_frames = _hop_powers(audio, progress)
    short_term = _moving_mean(powers, hop_frames, _SHORT_TERM_HOPS, audio)
    if not powers.size:
        return powers, short_term
    if powers.size < _MOMENTARY_HOPS or audio.frames < 0.4 * audio.sample_rate:
        return np.array([powers @ hop_frames / hop_frames.sum()]), short_term
    return _moving_mean(powers, hop_frames, _MOMENTARY_HOPS, audio), short_term


def _hop_powers(
    audio: Audio, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weighted mean square of each 10 ms hop, and the frames each has.

    Where the sound does not end on a hop, the rest is a hop of its own for the sake of sounds
    shorter than a block; blocks are made of whole hops only.
    """
    from pyloudnorm import IIRfilter
    from scipy.signal import sosfilt

    weights = _weights(audio)[:, np.newaxis]
    if audio.sample_rate < _MIN_RATE:
        raise NodeError(f"loudness needs a rate of 8 kHz or more, this is {audio.sample_rate} Hz")
    shelf = IIRfilter(
        3.99984385397, 0.7071752369554193, 1681.9744509555319, audio.sample_rate, "high_shelf_DeMan"
    )
    high = IIRfilter(
        0.0, 0.5003270373253953, 38.13547087613982, audio.sample_rate, "high_pass_DeMan"
    )
    sections = np.array([[*stage.b, *stage.a] for stage in (shelf, high)])
    state = np.zeros((len(sections), audio.channels, 2))
    weights *= _calibration(sections, audio.sample_rate)
    edges = _hop_edges(audio)
    powers: list[NDArray[np.float64]] = []
    for first in range(0, len(edges) - 1, _HOPS_PER_SECOND):
        progress(first, len(edges) - 1)
        inside = edges[first : first + _HOPS_PER_SECOND + 1]
        block = audio.samples[:, inside[0] : inside[-1]].astype(np.float64)
        weighted, state = sosfilt(sections, block, axis=1, zi=state)
        energy = (weights * np.square(weighted)).sum(axis=0)
        powers.append(np.add.reduceat(energy, inside[:-1] - inside[0]) / np.diff(inside))
    hop_frames = np.diff(edges).astype(np.float64)
    return (np.concatenate(powers) if powers else np.zeros(0)), hop_frames


def _weights(audio: Audio) -> NDArray[np.float64]:
    """Return what each channel counts for: Annex 1, and beyond six channels Annex 3.

    By Annex 3, places from 60 to 120 degrees to the side and below 30 degrees up count 1.41: the
    side channels, or those at the back where there are none at the sides. All others count 1, and
    an LFE nothing.
    """
    speakers = speakers_of(audio)
    if speakers is None:
        raise NodeError(
            f"loudness depends on what the channels are, and nothing says it of these "
            f"{audio.channels}: up to 8 it is guessed"
        )
    surrounds: tuple[str, ...] = _SURROUNDS
    if audio.channels > _BASIC_CHANNELS:
        surrounds = ("SL", "SR") if "SL" in speakers.names else ("BL", "BR")
    weights = {"LFE": 0.0, **dict.fromkeys(surrounds, _SURROUND)}
    return np.array([weights.get(name, 1.0) for name in speakers.names])


def _calibration(sections: NDArray[np.float64], sample_rate: int) -> float:
    """Return the factor of power by which a full-scale 997 Hz sine reads -3.01 LUFS.

    The standard's filters are given for 48 kHz only; the bilinear transform bends them a little at
    any other rate, by 0.02 dB at 96 kHz.
    """
    z = np.exp(2j * np.pi * 997 / sample_rate)
    responses = [np.polyval(one[:3], z) / np.polyval(one[3:], z) for one in sections]
    return float(10 ** (-_OFFSET / 10) / np.abs(np.prod(responses)) ** 2)


def _hop_edges(audio: Audio) -> NDArray[np.int64]:
    count = audio.frames * _HOPS_PER_SECOND // audio.sample_rate
    edges = np.arange(count + 1) * audio.sample_rate // _HOPS_PER_SECOND
    if edges[-1] < audio.frames:
        edges = np.append(edges, audio.frames)
    return edges


def _moving_mean(
    powers: NDArray[np.float64], hop_frames: NDArray[np.float64], hops: int, audio: Audio
) -> NDArray[np.float64]:
    """Return the mean square of every run of whole hops."""
    whole = audio.frames * _HOPS_PER_SECOND // audio.sample_rate
    if whole < hops:
        return np.zeros(0)
    energy = np.concatenate([[0.0], np.cumsum(powers[:whole] * hop_frames[:whole])])
    frames = np.concatenate([[0.0], np.cumsum(hop_frames[:whole])])
    means = (energy[hops:] - energy[:-hops]) / (frames[hops:] - frames[:-hops])
    clean: NDArray[np.float64] = np.maximum(means, 0.0)
    return clean


def _integrated(momentary: NDArray[np.float64]) -> float | None:
    loud = momentary[momentary > _power(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return None
    gate = loud.mean() * 10 ** (_RELATIVE_GATE_LU / 10)
    return _lufs(loud[loud > gate].mean())


def _range(short_term: NDArray[np.float64]) -> float | None:
    """Return the spread between the 10th and 95th percentile of short-term loudness (Tech 3342)."""
    loud = short_term[short_term > _power(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return None
    levels = 10 * np.log10(loud[loud >= loud.mean() * 10 ** (_RANGE_GATE_LU / 10)])
    low, high = np.percentile(levels, [10, 95])
    return float(high - low)


def _lufs(power: float) -> float | None:
    return float(_OFFSET + 10 * log10(power)) if power > 0 else None


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))
