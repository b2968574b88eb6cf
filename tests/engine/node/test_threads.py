"""Nodes in several threads at once, in a process that has imported none of their libraries yet."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path

import pytest

from resonate_graph import Audio, node

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


#: Told by a library that somebody imports, and to it once a node has seen it.
BEGUN, SEEN = threading.Event(), threading.Event()


def test_what_others_are_about_to_import_is_waited_for(
    excerpt: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody imports the library itself, as an application does, while a node needs it."""
    (tmp_path / "in_the_making.py").write_text(
        "from tests.engine.node.test_threads import BEGUN, SEEN\n"
        "BEGUN.set()\n"
        "SEEN.wait(0.5)\n"
        "WHOLE = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    @node(version=1, uses=("in-the-making",))
    def needs_it(audio: Audio) -> Audio:
        is_whole = hasattr(sys.modules["in_the_making"], "WHOLE")
        SEEN.set()
        assert is_whole
        return audio

    other = threading.Thread(target=import_module, args=("in_the_making",))
    other.start()
    try:
        assert BEGUN.wait(10)
        needs_it(excerpt)
    finally:
        other.join()
        monkeypatch.delitem(sys.modules, "in_the_making")
