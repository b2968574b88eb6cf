"""How deep a run goes: what a user waits for, what CI adds to it, and the full counts.

``make test`` is for a user, and takes some minutes. Of cases that are many and alike it takes a few
(`sampled`), and leaves out what is the same in other places, or waits for processes to be killed
(`thorough`). CI runs all of them (``--thorough``), and so does whoever names a file or a test.
``--torture`` has more examples besides.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pytest

#: Where processes are killed and disks fail: CI runs that in small, ``--torture`` in full.
_TORTURE = "torture"

#: Run by CI, and where its file is named.
thorough = pytest.mark.thorough


def sampled(count: int) -> pytest.MarkDecorator:
    """Mark a test of whose cases a user's run takes so many, from the first to the last."""
    return pytest.mark.sampled(count)


def leave_out_what_is_deeper(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run does not go into."""
    deep = config.getoption("--thorough") or config.getoption("--torture")
    if deep or not all(Path(one).is_dir() for one in config.args):
        return
    cases: dict[Hashable, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault((item.parent, getattr(item, "originalname", item.name)), []).append(item)
    left = {
        item for item in items if item.get_closest_marker("thorough") or _TORTURE in item.path.parts
    }
    for same in cases.values():
        if mark := same[0].get_closest_marker("sampled"):
            (count,) = mark.args
            kept = {same[index * len(same) // count] for index in range(min(count, len(same)))}
            left |= set(same) - kept
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]
