"""The machine: how many threads and how much memory a run may use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

#: The part of the memory that steps may take together; the rest is for what is not counted.
MEMORY_FRACTION = 0.75

#: Where not even the size of the memory can be found out.
FALLBACK_BYTES = 8 * 10**9

#: Where a Linux container is told its limit, by the two versions of control groups.
_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class Machine:
    """What steps may use together.

    Attributes:
        threads: threads of the CPU, at least one.
        memory_bytes: main memory.
    """

    threads: int
    memory_bytes: int


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """Return what this process may use: the cores it may run on, and 75 % of the memory.

    Where a container has less memory than the machine, it is 75 % of that.

    Example:
        >>> from resonate_graph import this_machine
        >>> this_machine()
        Machine(threads=..., memory_bytes=...)
    """
    return Machine(_cores(), int(_memory_bytes() * MEMORY_FRACTION))


def return_freed_memory() -> None:
    """Let the system have the memory that this process has freed.

    glibc keeps blocks below a size that grows up to 32 MB, and what torch computes a song in is
    made of such blocks: several hundred megabytes. Other systems have no such call.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], object] | None:
    import ctypes

    with contextlib.suppress(AttributeError, OSError):
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
        return trim
    return None


def _cores() -> int:
    with contextlib.suppress(AttributeError, OSError):  # not on macOS
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    """Return the size of the main memory, or what a container may have of it."""
    sizes = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            sizes.append(int(path.read_text()))
    return min((size for size in sizes if size > 0), default=FALLBACK_BYTES)
