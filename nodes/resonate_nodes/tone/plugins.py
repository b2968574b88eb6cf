"""Calling a pedalboard plug-in without the guesses it makes about array layouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from resonate_graph import Audio


def process(plugin: Any, audio: Audio) -> Audio:
    """Run a plug-in over a sound: same length, no latency.

    pedalboard takes the longer axis of an array for time, and gives up on square ones. So the
    sound is padded until it is longer than it is wide.
    """
    if not audio.frames:
        return audio
    padded = np.zeros((audio.channels, max(audio.frames, audio.channels + 1)), np.float32)
    padded[:, : audio.frames] = audio.samples
    return audio.with_samples(plugin.process(padded, audio.sample_rate)[:, : audio.frames])
