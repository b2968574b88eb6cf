"""A batch on a Dask cluster: two workers on this machine, started as users start them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest
from distributed import LocalCluster

from resonate_graph import Audio, BatchRow, ResonateError, Store, __version__, batch, load
from resonate_graph._corpus.looking import look
from resonate_graph._corpus.sums import Sums
from tests.corpus.archives import NODES, open_graph, write_graph, write_innocent, write_poison
from tests.corpus.clusters import Cluster
from tests.corpus.poison import REASONS
from tests.depth import thorough
from tests.processes import PATIENCE_SECONDS

pytestmark = thorough

#: A cluster of one worker in this process.
HERE: Any = {
    "n_workers": 1, "threads_per_worker": 1, "processes": False, "protocol": "tcp",
    "dashboard_address": ":0",
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        yield made


def test_a_cluster_fails_the_poison_loses_a_worker_and_gives_what_single_runs_give(
    tmp_path: Path, excerpt: Audio, cluster: Cluster, torture: bool
) -> None:
    for _ in range(2):
        cluster.add_worker()
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
        cluster.add_worker()
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


def test_where_no_worker_is_left_it_says_so_and_goes_on_when_one_joins(
    tmp_path: Path, excerpt: Audio, cluster: Cluster
) -> None:
    if not cluster.alive:  # where this test runs alone
        cluster.add_worker()
    write_innocent(tmp_path / "tapes", 12, excerpt)
    graph, out = open_graph(write_graph(tmp_path)), tmp_path / "out"
    said: list[str] = []

    def hear(sums: Sums) -> None:
        if sums.remarks and not said:
            said.extend([*sums.remarks, *look(out).sums.remarks])
            cluster.add_worker()

    rows = batch(graph, tmp_path / "tapes", out, nodes=[NODES], scheduler=cluster.address,
                 store=tmp_path / "store", on_progress=hear)  # fmt: skip
    ended = [next(rows)]
    for worker in cluster.alive:
        worker.kill()
        worker.wait()
    ended += rows
    assert [row.state for row in ended] == ["done"] * 12
    assert len(said) == 2
    assert all("no worker is left; it goes on when one joins" in one for one in said)
    assert look(out).sums.remarks == []


def test_a_worker_that_joins_late_and_differs_takes_no_part(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_innocent(tmp_path / "tapes", 30, excerpt)
    paths = two_packs(tmp_path, lambda source: source.replace("* np.float32", "/ np.float32"))
    monkeypatch.syspath_prepend(tmp_path / "one")
    graph = load(write_graph(tmp_path), nodes=["nodes_of_tapes"])
    said: set[str] = set()
    with Cluster() as cluster:
        cluster.add_worker(PYTHONPATH=paths["one"])
        rows = batch(
            graph, tmp_path / "tapes", tmp_path / "out", nodes=["nodes_of_tapes"], store=False,
            scheduler=cluster.address, on_progress=lambda sums: said.update(sums.remarks),
        )  # fmt: skip
        ended = [next(rows)]
        cluster.add_worker(PYTHONPATH=paths["other"])
        ended += rows
    assert [row.state for row in ended] == ["done"] * 30
    assert {row.worker for row in ended} == {"worker-0"}
    assert said == {
        "worker worker-1 takes no part: it differs from where the batch was started: "
        "version of take changed"
    }


def test_a_worker_in_the_place_of_one_that_differed_takes_part(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the address and the name of the one before."""
    write_innocent(tmp_path / "tapes", 30, excerpt)
    paths = two_packs(tmp_path, lambda source: source.replace("* np.float32", "/ np.float32"))
    monkeypatch.syspath_prepend(tmp_path / "one")
    graph = load(write_graph(tmp_path), nodes=["nodes_of_tapes"])
    said: list[Sequence[str]] = []
    with Cluster() as cluster:
        cluster.add_worker(PYTHONPATH=paths["one"])

        def hear(sums: Sums) -> None:
            said.append(sums.remarks)
            if any(sums.remarks) and not any(said[:-1]):
                for worker in cluster.alive:
                    worker.kill()
                    worker.wait()
                cluster.add_worker_at(port, "late", PYTHONPATH=paths["one"])

        rows = batch(
            graph, tmp_path / "tapes", tmp_path / "out", nodes=["nodes_of_tapes"], store=False,
            scheduler=cluster.address, on_progress=hear,
        )  # fmt: skip
        ended = [next(rows)]
        port = cluster.add_worker_at("0", "late", PYTHONPATH=paths["other"])
        ended += rows
    assert [row.state for row in ended] == ["done"] * 30
    assert {row.worker for row in ended} == {"worker-0", "late"}
    assert any("worker late takes no part" in one for remarks in said for one in remarks)
    assert said[-1] == []


def test_children_that_wait_for_jobs_in_vain_are_ended_and_others_come(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_innocent(tmp_path / "tapes", 4, excerpt)
    graph = open_graph(write_graph(tmp_path))
    monkeypatch.setattr("resonate_graph._corpus.cluster._IDLE_SECONDS", 0.2)
    with LocalCluster(**HERE) as here:
        rows = batch(graph, tmp_path / "tapes", tmp_path / "out", nodes=[NODES], store=False,
                     scheduler=here.scheduler_address)  # fmt: skip
        ended = [next(rows)]
        require_no_children()  # two jobs at most are under way
        ended += rows
    assert [row.state for row in ended] == ["done"] * 4


def test_workers_that_are_there_are_seen_whoever_asks_besides(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client of Dask asks for itself, how many there are and not which, every two seconds."""
    write_innocent(tmp_path / "tapes", 6, excerpt)
    graph = open_graph(write_graph(tmp_path))
    monkeypatch.setattr("resonate_graph._corpus.cluster._LOOK_SECONDS", 0.0)
    said: list[str] = []
    with (
        dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}),
        LocalCluster(**HERE) as here,
    ):
        rows = batch(
            graph, tmp_path / "tapes", tmp_path / "out", nodes=[NODES], store=False,
            scheduler=here.scheduler_address,
            on_progress=lambda sums: said.extend(sums.remarks),
        )  # fmt: skip
        assert [row.state for row in rows] == ["done"] * 6
    assert said == []


def require_no_children() -> None:
    """Wait until this process, as a worker, has no child left that does jobs."""
    end = time.monotonic() + PATIENCE_SECONDS
    while any(map(does_jobs, psutil.Process().children())):
        assert time.monotonic() < end, "a child waits on"
        time.sleep(0.01)


def does_jobs(process: psutil.Process) -> bool:
    """Whether a process is a child that does jobs, and not gone."""
    try:
        return "resonate_graph._corpus.child" in process.cmdline()
    except psutil.Error:
        return False


def two_packs(folder: Path, changed: Callable[[str], str]) -> dict[str, str]:
    """Write the nodes twice, the second time changed; return where Python finds each."""
    source = Path(NODES).read_text()
    for name, text in (("one", source), ("other", changed(source))):
        (folder / name).mkdir()
        (folder / name / "nodes_of_tapes.py").write_text(text)
    here = os.environ.get("PYTHONPATH", "")
    return {one: os.pathsep.join([str(folder / one), here]) for one in ("one", "other")}


def test_a_worker_that_is_lost_while_it_is_asked_is_waited_for_no_more(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_innocent(tmp_path / "tapes", 3, excerpt)
    paths = two_packs(tmp_path, lambda source: f"{source}\nimport os\nos.kill(os.getppid(), 9)\n")
    monkeypatch.syspath_prepend(tmp_path / "one")
    graph = load(write_graph(tmp_path), nodes=["nodes_of_tapes"])
    with Cluster() as cluster:
        for name in ("other", "one"):
            cluster.add_worker(PYTHONPATH=paths[name])
        rows = list(batch(graph, tmp_path / "tapes", tmp_path / "out", nodes=["nodes_of_tapes"],
                          store=False, scheduler=cluster.address))  # fmt: skip
        assert cluster.workers[0].wait() == -9
    assert {(row.state, row.worker) for row in rows} == {("done", "worker-1")}


def test_a_scheduler_that_is_lost_ends_the_batch_and_another_start_goes_on(
    tmp_path: Path, excerpt: Audio, cluster: Cluster
) -> None:
    if not cluster.alive:  # where this test runs alone
        cluster.add_worker()
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
