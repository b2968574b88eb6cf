"""Many processes that want the same keys."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from resonate_graph import Store
from tests.processes import files_in
from tests.torture import work
from tests.torture.crowd import Crowd

PROCESSES = 8
TAKEOVER_SECONDS = 2.0


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "locks that hold nobody"])
def test_processes_that_want_the_same_keys(
    crowd: Crowd, tmp_path: Path, told: Path, torture: bool, locks: bool
) -> None:
    """Each is computed once; where locks do not work, more often, and as right."""
    numbers = list(range(100 if torture else 10))
    store = Store(tmp_path / "store")
    meeting = None if locks else crowd.meeting(PROCESSES)
    members = []
    for seed in range(PROCESSES):
        # where nothing keeps them apart, all begin with the same key, and meet there
        order = random.Random(seed if locks else 0).sample(numbers, len(numbers))
        members.append(crowd.start(work.compute_counted, store.path, order, told, meeting))
    for member in members:
        member.tell("go")
    assert [member.hear() for member in members] == [[]] * PROCESSES
    counts = [len((told / str(number)).read_text()) for number in numbers]
    if locks:
        assert counts == [1] * len(numbers)
    else:
        assert min(counts) >= 1
        assert max(counts) > 1
    assert all(sound for _, sound in store.verify())
    assert files_in(store.path / "quarantine") == files_in(store.path / "temporary") == []
    assert len(files_in(store.path / "objects")) == 2 * len(numbers)  # turned back, as it was
    assert files_in(store.path / "unfinished") == []


def test_where_the_holder_is_killed_another_takes_over_within_two_seconds(
    crowd: Crowd, tmp_path: Path, torture: bool
) -> None:
    for number in range(50 if torture else 2):
        folder = tmp_path / f"round{number}"
        folder.mkdir()
        os.mkfifo(folder / "go")
        holder = crowd.start(work.hold, tmp_path / f"store{number}", folder)
        assert holder.hear() == "NodeStarted"
        others = [crowd.start(work.hold, tmp_path / f"store{number}", folder) for _ in range(2)]
        assert [other.hear() for other in others] == ["NodeWaiting"] * 2
        killed = time.monotonic()
        holder.kill()
        said = {others[0].hear(), others[1].hear()}
        seconds = time.monotonic() - killed
        assert "NodeStarted" in said
        assert seconds < TAKEOVER_SECONDS
