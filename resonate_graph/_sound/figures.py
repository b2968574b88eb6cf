"""Figures of merit of a result against a reference."""

from __future__ import annotations

import math

import numpy as np

from .audio import Audio


def si_sdr(reference: Audio, estimate: Audio) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB, over all channels at once.

    J. Le Roux et al.: *SDR - half-baked or well done?* (2019). Infinite for a scaled copy, minus
    infinite where nothing of the reference is left.

    Raises:
        ValueError: the two differ in shape.
    """
    if reference.samples.shape != estimate.samples.shape:
        raise ValueError(f"the reference is {reference}, the sound is {estimate}")
    wanted = reference.samples.astype(np.float64).ravel()
    found = estimate.samples.astype(np.float64).ravel()
    power = float(wanted @ wanted)
    target = wanted * (float(found @ wanted) / power) if power else np.zeros_like(wanted)
    rest = float(np.square(found - target).sum())
    kept = float(np.square(target).sum())
    if not rest:
        return math.inf
    return 10 * math.log10(kept / rest) if kept else -math.inf
