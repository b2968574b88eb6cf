"""A batch on a Dask cluster: two workers on this machine, started as users start them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonate_graph import Audio, BatchRow, ResonateError, Store, __version__, batch
from tests.corpus.archives import NODES, open_graph, write_graph, write_innocent, write_poison
from tests.corpus.poison import REASONS
from tests.depth import thorough
from tests.processes import start_resonate, wait_for_words

pytestmark = thorough

_SCHEDULER = """
import asyncio, sys
from distributed import Scheduler
async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as one:
        print(one.address, file=sys.stderr, flush=True)
        await one.finished()
asyncio.run(main())
"""


class Cluster:
    """A scheduler and workers, each a process."""

    def __init__(self) -> None:
        self.scheduler = subprocess.Popen(
            [sys.executable, "-c", _SCHEDULER], stderr=subprocess.PIPE, text=True
        )
        assert self.scheduler.stderr is not None
        self.address = ""
        while not self.address.startswith("tcp://"):
            self.address = self.scheduler.stderr.readline().strip()
        self.workers: list[subprocess.Popen[str]] = []

    def add_worker(self) -> subprocess.Popen[str]:
        name = f"worker-{len(self.workers)}"
        worker = start_resonate("worker", self.address, "--jobs", "1", "--name", name)
        self.workers.append(worker)
        return worker

    @property
    def alive(self) -> list[subprocess.Popen[str]]:
        return [one for one in self.workers if one.poll() is None]

    def close(self) -> None:
        for one in (*self.workers, self.scheduler):
            one.send_signal(signal.SIGKILL)
            one.communicate()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.close()


def test_a_cluster_fails_the_poison_loses_a_worker_and_gives_what_single_runs_give(
    tmp_path: Path, excerpt: Audio, cluster: Cluster, torture: bool
) -> None:
    for worker in (cluster.add_worker(), cluster.add_worker()):
        wait_for_words(worker, "at a time")
    innocent, rounds = (276, 3) if torture else (8, 1)
    kinds = list(REASONS) if torture else ["raises", "text"]
    tapes = tmp_path / "tapes"
    sound = write_innocent(tapes, innocent, excerpt.with_samples(
        excerpt.samples[:, : 300 * innocent + 12000]
    ), step=300)  # fmt: skip
    poison = write_poison(tapes / "bad", excerpt, kinds, rounds)
    graph, out = open_graph(write_graph(tmp_path)), tmp_path / "out"
    rows = []
    for row in batch(
        graph,
        tapes,
        out,
        nodes=[NODES],
        scheduler=cluster.address,
        store=tmp_path / "store",
        max_seconds=5.0,
        max_memory_bytes=3 * 10**9,
    ):
        rows.append(row)
        if len(rows) == 1:  # what this one has at hand is done by the other
            cluster.workers[int(row.worker[-1])].kill()
    assert len(rows) == innocent + len(poison)
    failed = {Path(row.recording).stem: row for row in rows if row.state == "failed"}
    assert failed.keys() == poison.keys()
    for name, row in failed.items():
        kind, words = REASONS[name.partition("-")[0]]
        assert (row.kind, words in row.message) == (kind, True), row
    assert {row.worker for row in rows} == {"worker-0", "worker-1"}
    alone = Store(tmp_path / "alone")
    for path in sound:
        single = graph.run({"tape": path}, store=alone).save(tmp_path / "single")["taken"]
        made = out / path.relative_to(tapes).with_name(f"{path.stem}.taken.wav")
        assert made.read_bytes() == single.read_bytes()


def test_a_worker_of_another_version_is_refused_and_named(
    tmp_path: Path, excerpt: Audio, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cluster.alive:  # where this test runs alone
        wait_for_words(cluster.add_worker(), "at a time")
    sound = write_innocent(tmp_path / "tapes", 1, excerpt)[0]
    graph = open_graph(write_graph(tmp_path))
    monkeypatch.setattr("resonate_graph._corpus.cluster.__version__", "0.0.1")
    rows = batch(
        graph, sound, tmp_path / "out", nodes=[NODES], scheduler=cluster.address, store=False
    )
    with pytest.raises(ResonateError, match="workers differ") as raised:
        next(rows)
    assert f": resonate-graph {__version__}, not 0.0.1" in str(raised.value)


@pytest.mark.parametrize("address", ["nonsense", "what://127.0.0.1:1"])
def test_an_address_that_is_none_is_told(tmp_path: Path, excerpt: Audio, address: str) -> None:
    sound = write_innocent(tmp_path / "tapes", 1, excerpt)[0]
    graph = open_graph(write_graph(tmp_path))
    rows = batch(graph, sound, tmp_path / "out", nodes=[NODES], scheduler=address, store=False)
    with pytest.raises(ResonateError, match=f"{address}: no scheduler is to be reached"):
        next(rows)


def test_a_scheduler_that_is_lost_ends_the_batch_and_another_start_goes_on(
    tmp_path: Path, excerpt: Audio, cluster: Cluster
) -> None:
    if not cluster.alive:  # where this test runs alone
        wait_for_words(cluster.add_worker(), "at a time")
    write_innocent(tmp_path / "tapes", 40, excerpt)
    graph, out = open_graph(write_graph(tmp_path)), tmp_path / "out"

    def rows(scheduler: str | None) -> Iterator[BatchRow]:
        return batch(
            graph,
            tmp_path / "tapes",
            out,
            nodes=[NODES],
            scheduler=scheduler,
            jobs=1,
            store=tmp_path / "store",
        )

    ended = []

    def lose_the_scheduler() -> None:
        for row in rows(cluster.address):
            ended.append(row.job)
            cluster.scheduler.kill()

    with pytest.raises(ResonateError, match="the scheduler is gone"):
        lose_the_scheduler()
    assert 0 < len(ended) < 40
    again = list(rows(None))
    assert {row.state for row in again} == {"done"}
    assert {row.job for row in again if row.kept} >= set(ended)
