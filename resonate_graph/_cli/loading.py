"""Loading what stays: modules, packs, graphs.

Nothing of it is garbage, and there is much of it: to look through it again and again while more is
loaded would take a tenth of what a short command takes.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator

#: When this process began to load what is ours, in seconds of the clock.
BEGUN = time.time()


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """While this process of ours loads, collect no garbage; what is there then is never looked at.

    It may be used within itself.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
