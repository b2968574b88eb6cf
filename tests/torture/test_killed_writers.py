"""Writers are killed, without warning, at any point of their work."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from resonate_graph import Store
from tests.processes import files_in
from tests.torture import work
from tests.torture.crowd import Crowd

SWEEP_AGE_SECONDS = 2 * 3600


def test_two_writers_killed_at_random_points(crowd: Crowd, tmp_path: Path, torture: bool) -> None:
    """One dies at a point of its program, the other at a point in time; both have the same keys."""
    rounds, most_rounds = (1000, 1000) if torture else (12, 200)
    draw = random.Random(2)
    store = Store(tmp_path / "store")
    seconds, events = crowd.start(work.measure_write, tmp_path, 0).hear()
    number, killed, left = 0, 0, 0
    while number < rounds or (number < most_rounds and not (killed > number and left)):
        event = draw.randrange(1, events)
        one = crowd.start(work.write_up_to_event, store.path, number, event)
        other = crowd.start(work.write, store.path, number)
        one.hear()
        other.hear()
        other.kill(draw.uniform(0, 3 * seconds))
        killed += (one.end() != 0) + (other.end() != 0)
        left += bool(files_in(store.path / "temporary") + files_in(store.path / "unfinished"))
        assert work.results(number, Store(store.path)) == work.results(number, store=False)
        again = work.graph_of_every_kind(number).run({"mix": work.MIX}, store=Store(store.path))
        assert {node["status"] for node in again.report["nodes"]} == {"cached"}
        number += 1
    assert killed > number  # some rounds killed both
    assert left > number // 100  # else nobody was killed while writing
    assert all(sound for _, sound in Store(store.path).verify())
    assert files_in(store.path / "quarantine") == []
    leave_nothing_behind(store)


def leave_nothing_behind(store: Store) -> None:
    """Check that what killed writers left is swept up once it is old, and nothing else."""
    kept = {name: files_in(store.path / name) for name in ("objects", "records")}
    for path in store.path.rglob("*"):
        aged = time.time() - SWEEP_AGE_SECONDS
        os.utime(path, (aged, aged))
    with store.in_use():
        pass
    assert files_in(store.path / "temporary") == files_in(store.path / "leases") == []
    store.sweep_up()
    assert files_in(store.path / "locks") == []
    assert {name: files_in(store.path / name) for name in kept} == kept
    assert {path.name for path in store.path.iterdir() if files_in(path) or path.is_file()} <= {
        *kept,
        "uses.log",
        "latest.log",
        "clock",
        "retention.lock",
    }
