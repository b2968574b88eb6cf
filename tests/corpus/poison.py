"""A node that does to its process what the worst recordings do, by how many frames they have."""

from __future__ import annotations

import ctypes
import os
import time

import numpy as np

from resonate_graph import Audio, NodeError, node

EXITS, HANGS, ALLOCATES, RAISES, WRITES_NAN, SEGFAULTS = range(7001, 7007)

#: Kind, error and what is said of each, and of two kinds of files that are no recordings.
REASONS = {
    "exits": ("exit", "ended itself with code 3"),
    "hangs": ("time", "it took longer than"),
    "allocates": ("memory", "Unable to allocate"),
    "raises": ("node", "this one cannot be done"),
    "nan": ("node", "not finite"),
    "segfaults": ("signal", "SIGSEGV"),
    "truncated": ("input", "it is cut off"),
    "text": ("input", "this is no WAV, FLAC, OGG or MP3 file"),
}
FRAMES = {
    "exits": EXITS,
    "hangs": HANGS,
    "allocates": ALLOCATES,
    "raises": RAISES,
    "nan": WRITES_NAN,
    "segfaults": SEGFAULTS,
}


@node()
def take(audio: Audio, *, factor: float = 0.5) -> Audio:
    """Scale a sound, unless it is poison; count how often that was done."""
    if counts := os.environ.get("POISON_COUNTS"):
        with open(counts, "ab") as file:  # noqa: PTH123 - a letter, added at once
            file.write(b"x")
    if audio.frames == EXITS:
        os._exit(3)
    if audio.frames == HANGS:
        time.sleep(1e6)
    if audio.frames == ALLOCATES:
        np.ones(100 * 10**9 // 8)
    if audio.frames == RAISES:
        raise NodeError("this one cannot be done")
    if audio.frames == SEGFAULTS:
        ctypes.string_at(0)
    samples = audio.samples * np.float32(factor)
    if audio.frames == WRITES_NAN:
        samples[0, 0] = np.nan
    return audio.with_samples(samples)
