"""Broadband noise: spectral gating with a profile of the noise, log-MMSE without one."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from resonate_graph import Audio, NodeError, RunContext, node

from . import _log_mmse, _spectral_gate

_FRAME_SECONDS = 0.0232
_LOWEST_RATE = 1000
_PROFILE_SECONDS = 60.0


@node(version=3, uses=("scipy",))
def denoise(
    ctx: RunContext,
    audio: Audio,
    noise: Audio | None = None,
    *,
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5,
    stationary: bool = False,
    threshold_std: Annotated[float, Field(ge=0, le=10)] = 1.5,
) -> Audio:
    """Reduce hiss and other broadband noise.

    With a noise profile, by spectral gating: T. Sainburg, M. Thielk, T. Q. Gentner: *Finding,
    visualizing, and quantifying latent structure across diverse animal vocal repertoires* (2020).
    The result is that of noisereduce's stationary gate, but for the ends of sound and spectrum.

    Without one, the noise floor is sought in the sound itself, after R. Martin's minimum
    statistics (2001), and the log-spectral estimator of Y. Ephraim and D. Malah (1985) brings
    down what is near it, by up to 26 dB. It spares held notes, and takes dense material that
    never pauses for noise in part.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        noise: a stretch of noise alone, at the same rate. With it the gate is used, and its
            thresholds come from there.
        strength: how much of what is found to be noise is removed; 0 changes nothing.
        stationary: without a profile: one noise floor for the whole sound, from its quietest
            stretch at each frequency; otherwise it is followed in steps of 12 s. With a profile
            it has no effect.
        threshold_std: with a profile: how many standard deviations above the mean level of the
            noise the threshold lies.

    Raises:
        NodeError: the noise profile has another rate, or is shorter than one analysis frame; the
            sample rate is below 1 kHz.
    """
    if audio.sample_rate < _LOWEST_RATE:
        raise NodeError(f"noise is told from sound at 1 kHz or more, not at {audio.sample_rate} Hz")
    frame = _frame_length(audio.sample_rate)
    if strength == 0 or not audio.frames:
        return audio
    if noise is not None:
        _check_profile(audio, noise, frame)
    elif audio.frames < frame:
        ctx.warn("too-short", f"{audio.frames} frames are too few to tell noise from sound")
        return audio
    if not np.any(audio.samples):
        return audio
    if noise is None:
        reduced = _log_mmse.denoised(
            audio.samples, audio.sample_rate, stationary=stationary, strength=strength
        )
    else:
        profile = noise.samples[:, : int(_PROFILE_SECONDS * noise.sample_rate)]
        reduced = _spectral_gate.gated(
            audio.samples,
            profile,
            audio.sample_rate,
            frame,
            threshold_std=threshold_std,
            strength=strength,
        )
    for before, after in zip(audio.samples, reduced, strict=True):
        after[before == 0] = 0  # digital silence stays
    reduced.flags.writeable = False  # so it need not be copied
    return audio.with_samples(reduced)


def _check_profile(audio: Audio, noise: Audio, frame: int) -> None:
    if noise.sample_rate != audio.sample_rate:
        raise NodeError(
            f"the noise profile is at {noise.sample_rate} Hz, the sound at {audio.sample_rate} Hz"
        )
    if noise.frames < frame:
        raise NodeError(
            f"the noise profile is {noise.frames} frames long; it needs at least {frame} "
            f"({1000 * frame / noise.sample_rate:.0f} ms)"
        )


def _frame_length(sample_rate: int) -> int:
    """Return the power of two nearest to 23 ms: 1024 at 44.1 kHz."""
    return int(2 ** max(6, round(np.log2(_FRAME_SECONDS * sample_rate))))
