"""kill -9 at any moment: nothing is lost, nothing is done twice, nothing is half-written."""

from __future__ import annotations

import contextlib
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
from resonate_graph._corpus.looking import look
from tests.corpus.archives import NODES, open_graph, write_graph, write_innocent
from tests.corpus.clusters import Cluster
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


class Batch:
    """A batch of recordings, as a process that is killed and started again.

    Attributes:
        kills: how often something was killed while it was at work.
    """

    def __init__(self, folder: Path, excerpt: Audio, count: int, *options: str | Path) -> None:
        self.folder, self.count = folder, count
        self.tapes, self.out = folder / "tapes", folder / "out"
        self.computed = folder / "computed"
        self.sounds = write_innocent(self.tapes, count, excerpt, step=200)
        self.graph = write_graph(folder)
        self.arguments = (
            "batch", self.graph, self.tapes, "-o", self.out, "--store", folder / "store",
            "--nodes", NODES, "--json", *options,
        )  # fmt: skip
        self.kills = 0

    def start(self) -> subprocess.Popen[str]:
        if self.made == self.count:  # what is lost is made again, of what the store has
            for path in [*self.out.rglob("*.taken.wav")][: self.count // 2]:
                path.unlink()
        return start_resonate(*self.arguments, POISON_COUNTS=str(self.computed))

    @property
    def made(self) -> int:
        return len(list(self.out.rglob("*.taken.wav")))

    def is_under_way(self, more: int, process: subprocess.Popen[str]) -> bool:
        """Wait until so many more outputs are there; False if it ended before."""
        wanted = min(self.count, self.made + more)
        end = time.monotonic() + PATIENCE_SECONDS
        while self.made < wanted:
            if process.poll() is not None:
                return False
            assert time.monotonic() < end, "no output came"
            time.sleep(0.002)
        return True

    def require_whole_journal(self) -> None:
        with sqlite3.connect(self.out / NAME) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def require_nothing_lost_twice_or_half(self, deaths_at_a_time: int) -> None:
        """Start it once more, and look at all there is."""
        ended = end_of(self.start())
        assert ended.code == 0, ended.err
        assert ended.document["done"] == self.count
        # nothing half: what is there is what a single run gives, and nothing else is there
        alone = Store(self.folder / "alone")
        opened = open_graph(self.graph)
        for path in self.sounds:
            result = opened.run({"tape": path}, store=alone)
            single = result.save(self.folder / "single")["taken"]
            below = path.relative_to(self.tapes).with_name(f"{path.stem}.taken.wav")
            assert (self.out / below).read_bytes() == single.read_bytes()
        every = {path.name for path in self.out.rglob("*") if path.is_file()}
        left = {one for one in every if "taken" not in one}
        temporary = {one for one in left if one.startswith(".resonate-writing-")}
        assert left - temporary == {
            NAME, f"{NAME}-journal", "batch.lock", "report.html", "results.csv", "results.jsonl",
            "results.parquet",
        } & left  # fmt: skip
        # nothing twice: only what was at work when something was killed is computed again
        assert self.computed.stat().st_size <= self.count + deaths_at_a_time * self.kills
        # nothing lost: each job has one success, and only what was under way has another
        with sqlite3.connect(self.out / NAME) as db:
            ends = db.execute("SELECT job, end FROM ends WHERE state = 'done'").fetchall()
        assert len({job for job, _ in ends}) == self.count
        again = [end for _, end in ends if json.loads(end)["steps"][0]["status"] == "ran"]
        assert len(again) <= self.count + self.kills


def close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def test_killed_at_any_moment_it_goes_on_where_it_was(
    tmp_path: Path, excerpt: Audio, torture: bool
) -> None:
    count, rounds = (600, 200) if torture else (14, 2)
    batch = Batch(tmp_path, excerpt, count, "--jobs", "2" if torture else "1")
    chance = random.Random(1)
    for number in range(rounds):
        process = batch.start()
        if batch.is_under_way(chance.randrange(1, 3 + 2 * count // rounds), process):
            batch.kills += 1
            victims = children_of(process.pid)
            victim = chance.choice(victims) if number % 2 and victims else process.pid
            os.kill(victim, signal.SIGKILL)
            if victim == process.pid:
                process.wait()
        if process.poll() is None:
            ended = end_of(process)
            assert ended.code == 0, ended.err
        close(process)
        batch.require_whole_journal()
    batch.require_nothing_lost_twice_or_half(2)


def test_any_part_of_a_cluster_may_be_killed(tmp_path: Path, excerpt: Audio, torture: bool) -> None:
    count, rounds = (600, 200) if torture else (24, 4)
    chance = random.Random(2)
    with Cluster() as cluster:
        counted = {"POISON_COUNTS": str(tmp_path / "computed")}
        batch = Batch(tmp_path, excerpt, count, "--scheduler", cluster.address)
        for _ in range(2):
            cluster.add_worker(**counted)
        process = batch.start()
        for number in range(rounds):
            if process.poll() is not None:
                close(process)
                process = batch.start()
            if not batch.is_under_way(chance.randrange(1, 2 + 2 * count // rounds), process):
                assert process.returncode == 0, (end_of(process).err, look(batch.out).failures)
                continue
            batch.kills += 1
            worker = chance.choice(cluster.alive)
            part = ("child", "worker", "driver", "scheduler")[number % 4]
            if part == "child":
                for victim in children_of(worker.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
            elif part == "worker":
                worker.kill()
                worker.wait()
                cluster.add_worker(**counted)
            elif part == "driver":
                process.kill()
                process.wait()
            else:
                cluster.scheduler.kill()
                told = end_of(process)
                said = ("the scheduler is gone", "no scheduler is to be reached")
                assert told.code == 0 or any(one in told.err for one in said), told
                for one in cluster.alive:
                    one.wait(PATIENCE_SECONDS)  # a worker without a scheduler ends by itself
                cluster.restart_scheduler()
                for _ in range(2):
                    cluster.add_worker(**counted)
            batch.require_whole_journal()
        if process.poll() is None:
            told = end_of(process)
            assert told.code == 0, told.err
        batch.require_nothing_lost_twice_or_half(3)
