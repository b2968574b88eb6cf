"""Measuring: what a sound is like, and how near one is to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, NodeError, Report, RunContext, node

from .._common.channels import channel_names, decibels, power_decibels
from .._common.notes import note_known

Array = NDArray[np.float64]

_BLOCK_FRAMES = 1 << 17
#: What BSS Eval allows an estimate to be filtered by.
_FILTER_TAPS = 512
#: Where less than this of the power is left over, -120 dB, rounding decides.
_ROUNDING = 1e-12

_WINDOW_SECONDS = 0.046
_LEAST_TEMPO_SECONDS = 2.0
_LEAST_TEMPO_RATE = 4000
_QUIET = 1e-4
_ROLLOFF = 0.85
_MEL_BANDS = 40
_OVERLAP = 4
_WINDOWS_AT_ONCE = 1024


class ChannelComparison(Report):
    """One channel of an estimate against the same channel of the reference.

    Attributes:
        channel: which channel.
        snr_db: as in `ComparisonReport`.
        si_sdr_db: likewise.
        sdr_db: likewise.
        null_rms_dbfs: likewise.
        null_peak_dbfs: likewise.
    """

    channel: str
    snr_db: float | None
    si_sdr_db: float | None
    sdr_db: float | None
    null_rms_dbfs: float | None
    null_peak_dbfs: float | None


class ComparisonReport(Report):
    """How near an estimate is to a reference, over all channels at once and for each.

    A ratio is None where it is infinite or undefined: the two are the same but for what it
    allows, or one of them is silent.

    Attributes:
        identical: whether all samples are the same.
        snr_db: signal-to-noise ratio: the power of the reference over that of the difference.
            Papers on music separation since 2021 call this SDR.
        si_sdr_db: scale-invariant signal-to-distortion ratio (Le Roux et al. 2019): the same, when
            one gain for all channels is allowed for.
        sdr_db: signal-to-distortion ratio of BSS Eval (Vincent et al. 2006): the same, when a
            filter of 512 taps per channel is allowed for. None above 120 dB, too.
        gain_db: the gain that si_sdr_db allows for: the level of the reference in the estimate;
            None where nothing of it is there.
        null_rms_dbfs: RMS level of the difference: what a null test leaves; None for nothing.
        null_peak_dbfs: its highest sample; None for nothing.
        channels: the same for each channel.
    """

    identical: bool
    snr_db: float | None
    si_sdr_db: float | None
    sdr_db: float | None
    gain_db: float | None
    null_rms_dbfs: float | None
    null_peak_dbfs: float | None
    channels: tuple[ChannelComparison, ...]


@node(version=1, uses=("scipy",))
def compare(ctx: RunContext, reference: Audio, estimate: Audio) -> ComparisonReport:
    """Measure how near a sound is to a reference: SNR, SI-SDR, SDR, and what a null test leaves.

    Each allows for more than the one before: SNR for nothing, SI-SDR for another level, SDR for a
    filter of up to 512 samples. So where SDR is much higher than SI-SDR, an equaliser or a delay
    is between the two; where SI-SDR is much higher than SNR, a gain is.

    E. Vincent, R. Gribonval, C. Févotte: *Performance measurement in blind audio source
    separation* (2006); J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey: *SDR - half-baked or
    well done?* (2019). RMS levels are such that a sine of full scale has -3.01 dBFS.

    Args:
        ctx: filled in by the engine.
        reference: what it should be.
        estimate: what it is, of the same rate, length and channel count.

    Raises:
        NodeError: the two differ in rate, length or channel count.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
        >>> buzz = 0.01 * np.sin(2 * np.pi * 3000 * np.arange(44100) / 44100)
        >>> report = compare(Audio(tone, 44100), Audio(0.5 * (tone + buzz), 44100))
        >>> round(report.si_sdr_db, 1), round(report.snr_db, 1), round(report.gain_db, 1)
        (40.0, 6.0, -6.0)
    """
    if (reference.sample_rate, reference.samples.shape) != (
        estimate.sample_rate,
        estimate.samples.shape,
    ):
        raise NodeError(
            f"the reference is {reference}, the estimate is {estimate}: they must match"
        )
    wanted, found, both, off, peaks = (np.zeros(reference.channels) for _ in range(5))
    for one, other in _pairs(reference, estimate):
        wanted += np.sum(one**2, axis=1)
        found += np.sum(other**2, axis=1)
        both += np.sum(one * other, axis=1)
        off += np.sum((other - one) ** 2, axis=1)
        peaks = np.maximum(peaks, np.abs(other - one).max(axis=1, initial=0))
    gain = _ratio(both.sum(), wanted.sum())
    gains = np.array([_ratio(*pair) for pair in zip(both, wanted, strict=True)])
    off_scaled, off_by_channel = np.zeros((2, reference.channels))
    for one, other in _pairs(reference, estimate):
        off_scaled += np.sum((other - gain * one) ** 2, axis=1)
        off_by_channel += np.sum((other - gains[:, None] * one) ** 2, axis=1)
    explained = np.array([
        _explained(*pair) for pair in zip(reference.samples, estimate.samples, strict=True)
    ])  # fmt: skip
    frames = max(reference.frames, 1)
    si_sdr_db = _ratio_db(gain**2 * wanted.sum(), off_scaled.sum())
    if not peaks.any():
        ctx.note(summary="identical")
    else:
        note_known(ctx, si_sdr_db=si_sdr_db, null_dbfs=power_decibels(off.mean() / frames))
    return ComparisonReport(
        identical=not peaks.any(),
        snr_db=_ratio_db(wanted.sum(), off.sum()),
        si_sdr_db=si_sdr_db,
        sdr_db=_unexplained_db(explained.sum(), found.sum()),
        gain_db=decibels(abs(gain)),
        null_rms_dbfs=power_decibels(off.mean() / frames),
        null_peak_dbfs=decibels(peaks.max()),
        channels=tuple(
            ChannelComparison(
                channel=name,
                snr_db=_ratio_db(wanted[index], off[index]),
                si_sdr_db=_ratio_db(gains[index] ** 2 * wanted[index], off_by_channel[index]),
                sdr_db=_unexplained_db(explained[index], found[index]),
                null_rms_dbfs=power_decibels(off[index] / frames),
                null_peak_dbfs=decibels(peaks[index]),
            )
            for index, name in enumerate(channel_names(reference.channels, reference.speakers))
        ),
    )


def _pairs(reference: Audio, estimate: Audio) -> Iterator[tuple[Array, Array]]:
    for start in range(0, reference.frames, _BLOCK_FRAMES):
        stop = start + _BLOCK_FRAMES
        yield (
            reference.samples[:, start:stop].astype(np.float64),
            estimate.samples[:, start:stop].astype(np.float64),
        )


def _ratio(one: float, other: float) -> float:
    return float(one / other) if other > 0 else 0.0


def _ratio_db(kept: float, lost: float) -> float | None:
    return power_decibels(kept / lost) if lost > 0 else None


def _unexplained_db(explained: float, whole: float) -> float | None:
    """Return the ratio of what a filtered reference explains to what it leaves."""
    if whole - explained <= _ROUNDING * whole:
        return None
    return _ratio_db(explained, whole - explained)


def _explained(reference: NDArray[np.float32], estimate: NDArray[np.float32]) -> float:
    """Return the energy of an estimate's projection on the reference delayed by 0 to 511 samples.

    By the normal equations: their matrix is the Toeplitz matrix of the reference's
    autocorrelation, their right side its correlation with the estimate.
    """
    from scipy.linalg import solve_toeplitz

    own = _correlation(reference, reference)
    other = _correlation(reference, estimate)
    if not own[0] > 0:
        return 0.0
    own[0] *= 1 + _ROUNDING / 10  # a trace of noise, for references whose spectrum has holes
    return float(solve_toeplitz(own, other) @ other)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> Array:
    """Return the sums of one[t] other[t + k], for k from 0 to 511."""
    from scipy.fft import irfft, rfft

    size = 2 * _BLOCK_FRAMES
    total = np.zeros(_FILTER_TAPS)
    for start in range(0, len(one), _BLOCK_FRAMES):
        here = one[start : start + _BLOCK_FRAMES].astype(np.float64)
        there = other[start : start + _BLOCK_FRAMES + _FILTER_TAPS - 1].astype(np.float64)
        spectrum = rfft(here, size).conj() * rfft(there, size)
        total += irfft(spectrum, size)[:_FILTER_TAPS]
    return total


class DescriptionReport(Report):
    """What a sound is like. None where it is too short, or silent.

    Attributes:
        duration_seconds: its length.
        sample_rate_hz: frames per second.
        channels: how many channels it has.
        layout: what they are, such as ``stereo`` or ``5.1(side)``; None where nothing says it.
        peak_dbfs: highest sample.
        rms_dbfs: RMS level over all channels; a sine of full scale has -3.01 dBFS.
        crest_db: how far the peak lies above the RMS level.
        dc_dbfs: the constant offset, of the channel that has most.
        centroid_hz: the spectrum's centre of mass: how bright it is.
        bandwidth_hz: how far the spectrum spreads around that, as a standard deviation.
        rolloff_hz: 85 % of the spectrum's magnitude lie below.
        flatness: from 0 for tones to 1 for white noise (Wiener entropy).
        tempo_bpm: the strongest regular beat; it means little for a sound that has none.
    """

    duration_seconds: float
    sample_rate_hz: int
    channels: int
    layout: str | None
    peak_dbfs: float | None
    rms_dbfs: float | None
    crest_db: float | None
    dc_dbfs: float | None
    centroid_hz: float | None
    bandwidth_hz: float | None
    rolloff_hz: float | None
    flatness: float | None
    tempo_bpm: float | None


@node(version=2, uses=("librosa",))
def describe(ctx: RunContext, audio: Audio) -> DescriptionReport:
    """Describe a sound: length, levels, brightness, tempo.

    The spectral figures are librosa's, in windows of 46 ms that overlap by three quarters: means
    over those above -80 dBFS, of spectra that are the mean power of the channels. The tempo is
    librosa's too, for sounds of 2 s or more.

    Args:
        ctx: filled in by the engine.
        audio: the sound.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
        >>> report = describe(Audio(tone, 48000))
        >>> round(report.centroid_hz, -1), round(report.peak_dbfs, 2), round(report.rms_dbfs, 2)
        (1000.0, -6.02, -9.03)
    """
    peak = float(np.abs(audio.samples).max(initial=0.0))
    square, offset = 0.0, 0.0
    if audio.frames:
        square = float(np.mean(np.square(audio.samples, dtype=np.float64)))
        offset = float(np.abs(audio.samples.mean(axis=1, dtype=np.float64)).max())
    peak_dbfs, rms_dbfs = decibels(peak), power_decibels(square)
    crest = None if peak_dbfs is None or rms_dbfs is None else peak_dbfs - rms_dbfs
    note_known(ctx, peak_dbfs=peak_dbfs, rms_dbfs=rms_dbfs)
    return DescriptionReport(
        duration_seconds=audio.duration_seconds,
        sample_rate_hz=audio.sample_rate,
        channels=audio.channels,
        layout=audio.layout,
        peak_dbfs=peak_dbfs,
        rms_dbfs=rms_dbfs,
        crest_db=crest,
        dc_dbfs=decibels(offset),
        **_spectral(audio),
    )


def _spectral(audio: Audio) -> dict[str, float | None]:
    from librosa import feature

    length = int(2 ** max(6, round(np.log2(_WINDOW_SECONDS * audio.sample_rate))))
    rate, found, mels = audio.sample_rate, [], []
    for power, loud in _spectra(audio, length):
        mels.append(feature.melspectrogram(S=power, sr=rate, n_mels=_MEL_BANDS))
        if loud.any():
            magnitude = np.sqrt(power[:, loud])
            found.append(
                np.concatenate([
                    feature.spectral_centroid(S=magnitude, sr=rate),
                    feature.spectral_bandwidth(S=magnitude, sr=rate),
                    feature.spectral_rolloff(S=magnitude, sr=rate, roll_percent=_ROLLOFF),
                    feature.spectral_flatness(S=magnitude),
                ])
            )  # fmt: skip
    names = ("centroid_hz", "bandwidth_hz", "rolloff_hz", "flatness")
    means = np.concatenate(found, axis=1).mean(axis=1) if found else [None] * len(names)
    figures = {
        name: None if mean is None else float(mean) for name, mean in zip(names, means, strict=True)
    }
    return {**figures, "tempo_bpm": _tempo(audio, mels, length) if found else None}


def _tempo(audio: Audio, mels: list[NDArray[Any]], length: int) -> float | None:
    import librosa

    if audio.duration_seconds < _LEAST_TEMPO_SECONDS or audio.sample_rate < _LEAST_TEMPO_RATE:
        return None
    hop = length // _OVERLAP
    levels = librosa.power_to_db(np.concatenate(mels, axis=1), ref=np.max)
    onsets = librosa.onset.onset_strength(S=levels, sr=audio.sample_rate, hop_length=hop)
    if not onsets.any():
        return None
    (tempo,) = librosa.feature.tempo(onset_envelope=onsets, sr=audio.sample_rate, hop_length=hop)
    return float(tempo)


def _spectra(audio: Audio, length: int) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Yield power spectra of shape (bins, windows), and which windows are not silent.

    Of a sound shorter than a window there is one spectrum; one without samples has none.
    """
    from scipy.fft import rfft

    hop = length // _OVERLAP
    count = max(1, 1 + (audio.frames - length) // hop) if audio.frames else 0
    shape = np.hanning(length + 1)[:-1]
    for first in range(0, count, _WINDOWS_AT_ONCE):
        windows = min(_WINDOWS_AT_ONCE, count - first)
        part = audio.samples[:, first * hop : (first + windows - 1) * hop + length]
        part = np.pad(part, ((0, 0), (0, max(length - part.shape[1], 0))))
        power: Any = 0.0
        square: Any = 0.0
        for channel in part:
            cut = np.lib.stride_tricks.sliding_window_view(channel, length)[::hop]
            power = power + np.abs(rfft(cut * shape, axis=1)) ** 2 / audio.channels
            square = square + np.mean(np.square(cut, dtype=np.float64), axis=1) / audio.channels
        yield power.T, np.sqrt(square) > _QUIET
