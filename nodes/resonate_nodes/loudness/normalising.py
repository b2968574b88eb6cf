"""Loudness: measuring it, and bringing a sound to a target under a true-peak ceiling."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from resonate_graph import Audio, Finding, Report, RunContext, node

from .._common.channels import decibels, speakers_of
from .._common.notes import note_known
from ..space.mixing import gain
from . import bs1770
from .limiter import RELEASE_MS, Limiter

TOLERANCE_LU = 0.05
_MAX_GAIN_DB = 60.0
_ROUNDS = 10
_LARGEST_STEP_DB = 6.0
#: Where a dB of gain gives less loudness than this, in LU, the limiter takes nearly all of it.
_LEAST_SLOPE = 0.1


class LoudnessReport(Report):
    """Loudness of a sound. None where it is too quiet or too short for a measure.

    Attributes:
        integrated_lufs: loudness of the whole, gated (ITU-R BS.1770), in LUFS.
        range_lu: loudness range (EBU Tech 3342), in LU.
        max_momentary_lufs: loudest 0.4 s, in LUFS.
        max_short_term_lufs: loudest 3 s, in LUFS.
        true_peak_dbtp: highest oversampled peak, in dB relative to full scale.
        sample_peak_dbfs: highest sample, in dB relative to full scale.
        layout: what the channels were taken for, which decides what each counts for.
        layout_guessed: whether that was guessed from their number.
    """

    integrated_lufs: float | None
    range_lu: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    layout: str
    layout_guessed: bool

    def findings(self) -> list[Finding]:
        """Say how loud it is, and whether its peaks fit."""
        if self.integrated_lufs is None or self.true_peak_dbtp is None:
            return [Finding("It is too quiet or too short to have a loudness.")]
        loud = f"Its loudness is {self.integrated_lufs:.1f} LUFS".replace("-", "−")
        peak = f"true peak {self.true_peak_dbtp:.1f} dBTP".replace("-", "−")
        if self.true_peak_dbtp <= 0:
            return [Finding(f"{loud}, its {peak}: nothing is beyond full scale.")]
        return [
            Finding(
                f"{loud}, its {peak}: above 0, players and encoders may clip it.",
                "The node normalize_loudness keeps a ceiling, as the graph deliver does.",
            )
        ]


@node(version=3, uses=("scipy", "pyloudnorm"))
def measure_loudness(ctx: RunContext, audio: Audio) -> LoudnessReport:
    """Measure loudness and peaks after ITU-R BS.1770 and EBU Tech 3341 and 3342.

    A sound shorter than 0.4 s is measured as one block of its length; one shorter than 3 s has no
    short-term loudness and no range.

    The channels count by their places: surround channels 1.41, an LFE nothing. Where the sound
    does not say what they are, three to eight are taken for 3.0, quad, 5.0, 5.1, 6.1 and 7.1, with
    a warning.

    Args:
        ctx: filled in by the engine.
        audio: the sound, 8 kHz or more.

    Raises:
        NodeError: more than eight channels of which nothing is known, or a rate below 8 kHz.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(5 * 48000) / 48000)
        >>> report = measure_loudness(Audio(np.stack([tone, 0 * tone]), 48000))
        >>> round(report.integrated_lufs, 2)
        -3.01
    """
    measured = bs1770.measure(audio)
    speakers = speakers_of(audio)
    assert speakers is not None  # or nothing was measured
    speakers.say_guess(ctx)
    peak = decibels(bs1770.true_peak(audio))
    note_known(ctx, integrated_lufs=measured.integrated_lufs, peak_dbtp=peak)
    return LoudnessReport(
        integrated_lufs=measured.integrated_lufs,
        range_lu=measured.range_lu,
        max_momentary_lufs=measured.max_momentary_lufs,
        max_short_term_lufs=measured.max_short_term_lufs,
        true_peak_dbtp=peak,
        sample_peak_dbfs=decibels(float(np.abs(audio.samples).max(initial=0.0))),
        layout=speakers.layout,
        layout_guessed=speakers.guessed,
    )


@node(version=3, uses=("scipy", "pyloudnorm"))
def normalize_loudness(
    ctx: RunContext,
    audio: Audio,
    *,
    target_lufs: Annotated[float, Field(ge=-70, le=0)] = -14.0,
    ceiling_dbtp: Annotated[float, Field(ge=-20, le=0)] = -1.0,
    release_ms: Annotated[float, Field(ge=1, le=5000)] = RELEASE_MS,
) -> Audio:
    """Bring a sound to an integrated loudness, with no true peak above a ceiling.

    Where gain alone keeps the ceiling, it is gain alone. Otherwise a look-ahead limiter (that of
    `limit`) works on the peaks, and its input is raised until the target is reached again. Where
    both cannot be had, the ceiling wins and a warning says what was reached. Silence comes back
    unchanged.

    Args:
        ctx: filled in by the engine.
        audio: the sound, 8 kHz or more; its channels count as for `measure_loudness`.
        target_lufs: integrated loudness to reach, in LUFS (ITU-R BS.1770).
        ceiling_dbtp: highest true peak allowed, in dBTP.
        release_ms: time constant of the limiter's recovery after a single peak.

    Raises:
        NodeError: more than eight channels of which nothing is known, or a rate below 8 kHz.
    """
    measured = bs1770.Powers(audio)
    loudness = measured.integrated_lufs()
    if (speakers := speakers_of(audio)) is not None:
        speakers.say_guess(ctx)
    if loudness is None:
        ctx.warn("no-loudness", "the sound is below -70 LUFS throughout; its level was not changed")
        ctx.note(summary="too quiet to measure: level not changed")
        return audio
    ctx.note(loudness_before_lufs=loudness)
    gain_db = target_lufs - loudness
    if abs(gain_db) > _MAX_GAIN_DB:
        gain_db = float(np.clip(gain_db, -_MAX_GAIN_DB, _MAX_GAIN_DB))
        ctx.warn("target-missed", f"the gain was held at {gain_db:+.0f} dB")
    ceiling = 10 ** (ceiling_dbtp / 20)
    limiter = Limiter(audio, ceiling, release_ms=release_ms)
    if limiter.true_peak * 10 ** (gain_db / 20) <= ceiling:
        _note(ctx, measured.integrated_lufs(gain_db), gain_db)
        return gain(audio, gain_db=gain_db)
    return _limited_to_target(ctx, limiter, gain_db, target_lufs, ceiling_dbtp)


def _limited_to_target(
    ctx: RunContext, limiter: Limiter, gain_db: float, target_lufs: float, ceiling_dbtp: float
) -> Audio:
    """Search the gain before the limiter that brings the loudness after it to the target."""
    tried: list[tuple[float, float]] = []
    nearest = math.inf
    best: tuple[Audio, float | None, float, float] | None = None
    while True:
        ctx.progress(len(tried), _ROUNDS)
        limited = limiter.limit(gain_db)
        reached = bs1770.measure(limited).integrated_lufs
        missing = target_lufs - (bs1770.ABSOLUTE_GATE_LUFS if reached is None else reached)
        tried.append((gain_db, missing))
        if abs(missing) < abs(nearest):
            nearest, best = missing, (limited, reached, gain_db, limiter.deepest_reduction_db)
        if abs(missing) <= TOLERANCE_LU / 2:
            break
        step = _secant(tried)
        if len(tried) == _ROUNDS or step is None:
            break
        gain_db += step
    if abs(nearest) > TOLERANCE_LU:
        ctx.warn(
            "target-missed",
            f"{target_lufs - nearest:.2f} LUFS were reached, not {target_lufs:g}: more is not to "
            f"be had under a ceiling of {ceiling_dbtp:g} dBTP",
        )
    assert best is not None  # the first try is
    limited, reached, gain_db, reduction_db = best
    _note(ctx, reached, gain_db)
    ctx.note(deepest_reduction_db=reduction_db)
    return limited


def _note(ctx: RunContext, reached: float | None, gain_db: float) -> None:
    note_known(ctx, loudness_after_lufs=reached, gain_db=gain_db)


def _secant(tried: list[tuple[float, float]]) -> float | None:
    """Return how much more gain the last two tries suggest; None where gain no longer helps."""
    gain_db, missing = tried[-1]
    if len(tried) == 1:
        return missing
    earlier_db, earlier_missing = tried[-2]
    slope = (earlier_missing - missing) / (gain_db - earlier_db)
    if slope < _LEAST_SLOPE:
        return None
    return float(np.clip(missing / slope, -_LARGEST_STEP_DB, _LARGEST_STEP_DB))
