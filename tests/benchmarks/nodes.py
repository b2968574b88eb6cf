"""What every node takes on one core: ``python -m tests.benchmarks.nodes [--clean] [NAME ...]``.

The sound is a minute of the bundled recording, damaged in every way at once (clicks, crackle, hum,
hiss, dropouts, clipping), so that each repair node finds work, or with ``--clean`` as it is: what
seeking damage takes where there is none; params are the defaults, or those of
tests/nodes/catalog.py where there is no default. Printed are seconds per minute of stereo,
the better of two, without start-up; what is slower than real time is marked. `separate` has a
benchmark of its own.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

import sys
import warnings
from functools import partial
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from resonate_graph import Audio, Node, ResonateError, read_audio
from tests import degradations
from tests.benchmarks.timing import seconds_of
from tests.nodes.catalog import NODES, given, inputs_of, params_of

MINUTE = 60
LEFT_OUT = ("separate",)
CLEAN = "--clean"


def main() -> None:
    """Print a line per node."""
    warnings.simplefilter("ignore")
    asked = [name for name in sys.argv[1:] if name != CLEAN]
    wanted = asked or [name for name in NODES if name not in LEFT_OUT]
    sound = clean() if CLEAN in sys.argv else damaged()
    short = sound.with_samples(sound.samples[:, : 2 * sound.sample_rate])
    for name in wanted:
        node_type = NODES[name]
        call: partial[Any] = partial(Node(node_type), **params_of(node_type))
        try:
            call(**inputs_of(node_type, given(name, short)))  # it imports and compiles at first
            inputs = inputs_of(node_type, given(name, sound))
            taken = min(seconds_of(partial(call, **inputs)) for _ in range(2))
        except ResonateError as error:
            print(f"  {name:<20} {error}", flush=True)
            continue
        slow = "  slower than real time" if taken > MINUTE else ""
        print(f"  {name:<20} {taken:8.2f} s{slow}", flush=True)


def clean() -> Audio:
    """Return a minute of stereo."""
    with as_file(files("resonate_graph") / "recordings" / "groove.ogg") as path:
        groove = read_audio(path)
    repeated = np.tile(groove.samples, MINUTE * groove.sample_rate // groove.frames + 1)
    return groove.with_samples(repeated[:, : MINUTE * groove.sample_rate])


def damaged() -> Audio:
    """Return the same with something for every repair node."""
    sound = clean()
    for damage in (
        degradations.with_hum,
        partial(degradations.with_hiss, snr_db=30.0),
        degradations.with_clicks,
        degradations.with_crackle,
        degradations.with_dropouts,
    ):
        sound = damage(sound)
    return degradations.clipped(sound, sdr_db=20.0)[0]


if __name__ == "__main__":
    main()
