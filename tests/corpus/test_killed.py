"""kill -9 at any moment: nothing is lost, nothing is done twice, nothing is half-written."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from resonate_graph import Audio, Store
from resonate_graph._corpus.journal import NAME
from tests.corpus.archives import NODES, open_graph, write_graph, write_innocent
from tests.depth import thorough
from tests.processes import PATIENCE_SECONDS, end_of, start_resonate

pytestmark = thorough


def children_of(pid: int) -> list[int]:
    """Return the processes that one has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    threads = Path(f"/proc/{pid}/task").glob("*/children") if found.exists() else []
    pids = []
    for one in threads:
        try:
            pids += [int(word) for word in one.read_text().split()]
        except OSError:
            continue
    return pids


def made(out: Path) -> int:
    return len(list(out.rglob("*.taken.wav")))


def wait_for(out: Path, count: int, process: subprocess.Popen[str]) -> bool:
    """Wait until so many outputs are there; False if it ended before."""
    end = time.monotonic() + PATIENCE_SECONDS
    while made(out) < count:
        if process.poll() is not None:
            return False
        assert time.monotonic() < end, "no output came"
        time.sleep(0.002)
    return True


def test_killed_at_any_moment_it_goes_on_where_it_was(
    tmp_path: Path, excerpt: Audio, torture: bool
) -> None:
    count, rounds = (200, 200) if torture else (14, 2)
    tapes, out = tmp_path / "tapes", tmp_path / "out"
    sounds = write_innocent(tapes, count, excerpt.with_samples(
        excerpt.samples[:, : 500 * count + 6000]
    ))  # fmt: skip
    graph, computed = write_graph(tmp_path), tmp_path / "computed"
    chance = random.Random(1)
    arguments = (
        "batch", graph, tapes, "-o", out, "--store", tmp_path / "store", "--nodes", NODES,
        "--jobs", "2" if torture else "1", "--json",
    )  # fmt: skip
    kills = 0
    for number in range(rounds):
        process = start_resonate(*arguments, POISON_COUNTS=str(computed))
        more = chance.randrange(1, 3 + 2 * count // rounds)
        if wait_for(out, min(count, made(out) + more), process):
            kills += 1
            victims = children_of(process.pid)
            victim = chance.choice(victims) if number % 2 and victims else process.pid
            os.kill(victim, signal.SIGKILL)
            if victim == process.pid:
                process.wait()
        if process.poll() is None:
            ended = end_of(process)
            assert ended.code == 0, ended.err
        if process.stdout is not None:
            process.stdout.close()
        if process.stderr is not None:
            process.stderr.close()
        with sqlite3.connect(out / NAME) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ended = end_of(start_resonate(*arguments, POISON_COUNTS=str(computed)))
    assert ended.code == 0, ended.err
    assert ended.document["done"] == count
    # nothing half: what is there is what a single run gives, and nothing else is there
    alone = Store(tmp_path / "alone")
    opened = open_graph(graph)
    for path in sounds:
        single = opened.run({"tape": path}, store=alone).save(tmp_path / "single")["taken"]
        place = out / path.relative_to(tapes).with_name(f"{path.stem}.taken.wav")
        assert place.read_bytes() == single.read_bytes()
    left = {path.name for path in out.rglob("*") if path.is_file() and "taken" not in path.name}
    temporary = {one for one in left if one.startswith(".resonate-writing-")}
    assert left - temporary == {
        NAME, f"{NAME}-journal", "batch.lock", "report.html", "results.csv", "results.jsonl",
        "results.parquet",
    } & left  # fmt: skip
    # nothing twice: only what was at work when something was killed is computed again
    assert computed.stat().st_size <= count + 2 * kills
    # nothing lost: each job has one success, and only what was under way has another
    with sqlite3.connect(out / NAME) as db:
        ends = db.execute("SELECT job, end FROM ends WHERE state = 'done'").fetchall()
    assert len({job for job, _ in ends}) == count
    again = [end for _, end in ends if json.loads(end)["steps"][0]["status"] == "ran"]
    assert len(again) <= count + kills
