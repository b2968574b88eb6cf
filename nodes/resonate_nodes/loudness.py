"""Loudness: measuring it, and bringing a sound to a target under a true-peak ceiling."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from resonate_graph import Audio, Report, RunContext, node

from . import _bs1770
from ._pedalboard import process
from .mixing import gain

TOLERANCE_LU = 0.05
_ROUNDS = 8
_MAX_GAIN_DB = 60.0


class LoudnessReport(Report):
    """Loudness of a sound. None where it is too quiet or too short for a measure.

    Attributes:
        integrated_lufs: loudness of the whole, gated (ITU-R BS.1770), in LUFS.
        range_lu: loudness range (EBU Tech 3342), in LU.
        max_momentary_lufs: loudest 0.4 s, in LUFS.
        max_short_term_lufs: loudest 3 s, in LUFS.
        true_peak_dbtp: highest oversampled peak, in dB relative to full scale.
        sample_peak_dbfs: highest sample, in dB relative to full scale.
    """

    integrated_lufs: float | None
    range_lu: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None


@node(version=1, uses=("scipy", "pyloudnorm", "soxr"))
def measure_loudness(audio: Audio) -> LoudnessReport:
    """Measure loudness and peaks after ITU-R BS.1770 and EBU Tech 3341 and 3342.

    A sound shorter than 0.4 s is measured as one block of its length; one shorter than 3 s has no
    short-term loudness and no range. Channels are taken in the order L R C LFE Ls Rs.

    Args:
        audio: the sound, 1 to 6 channels, 8 kHz or more.

    Raises:
        NodeError: more than six channels, or a rate below 8 kHz.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(5 * 48000) / 48000)
        >>> report = measure_loudness(Audio(np.stack([tone, 0 * tone]), 48000))
        >>> round(report.integrated_lufs, 2)
        -3.01
    """
    measured = _bs1770.measure(audio)
    return LoudnessReport(
        integrated_lufs=measured.integrated_lufs,
        range_lu=measured.range_lu,
        max_momentary_lufs=measured.max_momentary_lufs,
        max_short_term_lufs=measured.max_short_term_lufs,
        true_peak_dbtp=_bs1770.decibels(_bs1770.true_peak(audio)),
        sample_peak_dbfs=_bs1770.decibels(float(np.abs(audio.samples).max(initial=0.0))),
    )


@node(version=1, uses=("scipy", "pyloudnorm", "soxr", "pedalboard"))
def normalize_loudness(
    ctx: RunContext,
    audio: Audio,
    *,
    target_lufs: Annotated[float, Field(ge=-70, le=0)] = -14.0,
    ceiling_dbtp: Annotated[float, Field(ge=-20, le=0)] = -1.0,
) -> Audio:
    """Bring a sound to an integrated loudness, with no true peak above a ceiling.

    Where gain alone keeps the ceiling, it is gain alone. Otherwise a look-ahead limiter works on
    the peaks, and its input is raised until the target is reached again. Where both cannot be
    had, the ceiling wins and a warning says what was reached. Silence comes back unchanged.

    Args:
        ctx: filled in by the engine.
        audio: the sound, 1 to 6 channels, 8 kHz or more.
        target_lufs: integrated loudness to reach, in LUFS (ITU-R BS.1770).
        ceiling_dbtp: highest true peak allowed, in dBTP.

    Raises:
        NodeError: more than six channels, or a rate below 8 kHz.
    """
    loudness = _bs1770.measure(audio).integrated_lufs
    if loudness is None:
        ctx.warn("no-loudness", "the sound is below -70 LUFS throughout; its level was not changed")
        return audio
    gain_db = target_lufs - loudness
    if abs(gain_db) > _MAX_GAIN_DB:
        gain_db = float(np.clip(gain_db, -_MAX_GAIN_DB, _MAX_GAIN_DB))
        ctx.warn("target-missed", f"the gain was held at {gain_db:+.0f} dB")
    louder = gain(audio, gain_db=gain_db)
    ceiling = 10 ** (ceiling_dbtp / 20)
    if _bs1770.true_peak(louder) <= ceiling:
        return louder
    return _limit_to_target(ctx, audio, gain_db, target_lufs, ceiling_dbtp)


def _limit_to_target(
    ctx: RunContext, audio: Audio, gain_db: float, target_lufs: float, ceiling_dbtp: float
) -> Audio:
    best, best_error = audio, np.inf
    for attempt in range(_ROUNDS):
        ctx.progress(attempt, _ROUNDS)
        limited = _under_ceiling(gain(audio, gain_db=min(gain_db, _MAX_GAIN_DB)), ceiling_dbtp)
        reached = _bs1770.measure(limited).integrated_lufs
        error = target_lufs - (reached if reached is not None else _bs1770.ABSOLUTE_GATE_LUFS)
        if abs(error) < abs(best_error):
            best, best_error = limited, error
        if abs(error) <= TOLERANCE_LU or gain_db >= _MAX_GAIN_DB:
            break
        gain_db += error
    if abs(best_error) > TOLERANCE_LU:
        ctx.warn(
            "target-missed",
            f"{target_lufs - best_error:.2f} LUFS were reached, not {target_lufs:g}: more is not "
            f"to be had under a ceiling of {ceiling_dbtp:g} dBTP",
        )
    return best


def _under_ceiling(audio: Audio, ceiling_dbtp: float) -> Audio:
    """Limit the peaks; what the limiter lets through is taken off the whole."""
    from pedalboard import BrickwallLimiter

    limited = process(
        BrickwallLimiter(ceiling_db=ceiling_dbtp, release_ms=100.0, true_peak=True), audio
    )
    over_db = (_bs1770.decibels(_bs1770.true_peak(limited)) or -np.inf) - ceiling_dbtp
    return gain(limited, gain_db=-over_db) if over_db > 0 else limited
