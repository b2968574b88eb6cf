"""What there is to compute on: memory that was freed goes back to the system."""

from __future__ import annotations

import platform

import pytest

from tests.processes import end_of, start_python

_FREEING = """
import os
from resonate_graph._machine.capacity import return_freed_memory

def resident_bytes():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

blocks = [os.urandom(100_000) for _ in range(1000)]  # the allocator keeps such small ones
held = resident_bytes()
last = blocks[::50]  # some lie between those that are freed, as what a step gives does
del blocks
return_freed_memory()
print(held - resident_bytes())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others have no such call")
def test_what_was_freed_goes_back_to_the_system() -> None:
    ended = end_of(start_python(_FREEING))
    assert int(ended.out) > 80e6, ended.err
