"""Nodes in several threads at once, in a process that has imported none of their libraries yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

THREADS = """
import functools, threading, warnings
import numpy as np
import resonate_graph as rg
from resonate_nodes import declick, dehum, denoise, highpass, normalize_loudness

warnings.simplefilter("ignore")
noise = np.random.default_rng(0).normal(0, 0.1, (1, 4410)).astype(np.float32)
sound = rg.Audio(noise, 44100)
highpass = functools.partial(highpass, frequency_hz=100.0)
nodes = [declick, dehum, denoise, highpass, normalize_loudness]
ready, failed = threading.Barrier(len(nodes)), []


def call(node):
    ready.wait()
    try:
        node(sound)
    except BaseException as error:
        failed.append(f"{node}: {error!r}")


threads = [threading.Thread(target=call, args=(node,)) for node in nodes]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*failed, sep="\\n", end="")
"""


@pytest.mark.parametrize("attempt", range(3))
def test_none_is_given_half_of_a_library(attempt: int) -> None:
    """Two threads that import parts of scipy at the same time can each be given it half made."""
    ran = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)
