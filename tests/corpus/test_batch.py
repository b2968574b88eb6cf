"""A batch from the list to the results: done once, stale, failed, retried, looked at."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Audio, BatchRow, Graph, OutputError, StoreError, batch, stock
from resonate_graph._corpus import batching
from resonate_graph._corpus.driver import Plan
from resonate_graph._corpus.hand import Hand, Refused
from resonate_graph._corpus.jobs import End, Identity, Job, what_changed
from resonate_graph._corpus.journal import NAME, Journal
from resonate_graph._corpus.local import Local
from resonate_graph._corpus.looking import look
from resonate_graph._corpus.results import write_results
from resonate_graph._corpus.settings import BatchSettings
from resonate_graph._corpus.sums import Sums
from resonate_graph._machine.capacity import this_machine
from resonate_graph._machine.devices import Device, Inventory
from tests.corpus.archives import DOCUMENT, NODES, open_graph, write_graph, write_innocent
from tests.depth import thorough
from tests.faults import flipped


class Archive:
    """Recordings, a graph, and batches of them."""

    def __init__(self, folder: Path, excerpt: Audio, count: int = 3) -> None:
        self.folder = folder
        self.tapes = folder / "tapes"
        self.out = folder / "out"
        self.files = write_innocent(self.tapes, count, excerpt)
        self.graph = write_graph(folder)
        self.plans: list[Plan] = []

    def run(self, **more: object) -> list[BatchRow]:
        return list(self.rows(**more))

    def plan(self, **more: object) -> Plan:
        """Return what is to be done, and do nothing."""
        self.rows(**more).close()  # type: ignore[attr-defined]
        return self.plans[-1]

    def rows(self, **more: object) -> Iterator[BatchRow]:
        given: dict[str, object] = {"jobs": 1, "store": self.folder / "store", **more}
        return batch(
            open_graph(self.graph),
            self.tapes,
            self.out,
            nodes=[NODES],
            on_plan=self.plans.append,
            **given,  # type: ignore[arg-type]
        )


@pytest.fixture
def archive(tmp_path: Path, excerpt: Audio) -> Archive:
    return Archive(tmp_path, excerpt)


def states(rows: list[BatchRow]) -> list[tuple[str, bool]]:
    return [(row.state, row.kept) for row in rows]


def test_what_is_done_is_not_done_again_and_what_changed_is(
    archive: Archive, excerpt: Audio
) -> None:
    assert states(archive.run()) == [("done", False)] * 3
    before = {path: path.stat().st_mtime_ns for path in archive.out.rglob("*.wav")}
    assert states(archive.run()) == [("done", True)] * 3
    assert {path: path.stat().st_mtime_ns for path in archive.out.rglob("*.wav")} == before
    write_innocent(archive.tapes, 4, excerpt)  # the list grows; the others are as they were
    lost, changed = sorted(before)[:2]
    lost.unlink()
    changed.write_bytes(changed.read_bytes()[:-4])
    rows = archive.run()
    assert sorted(states(rows)) == [("done", False)] * 3 + [("done", True)]
    assert archive.plans[-1].stale == {"the output is gone": 1, "the output was changed": 1}
    # what a step gave is in the store, so nothing is computed twice
    ran = {row.recording: [step["status"] for step in row.steps] for row in rows}
    assert sum(one == ["ran"] for one in ran.values()) == 2  # of the first run, and the new one
    document = json.loads(json.dumps(DOCUMENT))
    document["params"]["factor"]["default"] = 0.75
    archive.graph.write_text(json.dumps(document))
    plan = archive.plan()
    assert (plan.stale, plan.todo) == ({"params of take changed": 4}, 4)


def test_files_are_compared_by_size_and_time_and_by_content_where_these_differ(
    archive: Archive, excerpt: Audio
) -> None:
    archive.run()
    moved, damaged, _ = sorted(archive.out.rglob("*.wav"))
    os.utime(moved, ns=(0, 0))
    status = damaged.stat()
    damaged.write_bytes(flipped(damaged.read_bytes(), 8 * 2000))
    os.utime(damaged, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert archive.plan().stale == {}
    assert archive.plan(verify=True).stale == {"the output was changed": 1}
    other = excerpt.samples[:, 7000:13000].copy()
    Audio(other, 44100).save(archive.files[2])
    assert archive.plan().stale == {"the input changed": 1}


def test_what_makes_jobs_stale_is_named() -> None:
    step = {"type": "a", "version": 1, "params": {}, "wires": {}, "libraries": {}, "weights": {}}
    before: Identity = {"steps": {"a": step, "b": step}, "outputs": {}, "settings": {}}
    now: Identity = {"steps": {"a": {**step, "version": 2, "weights": {"model": "x"}}, "c": step},
           "outputs": {"out": "a"}, "settings": {"salvage": True}}  # fmt: skip
    assert what_changed(before, before) == []
    assert what_changed(before, now) == [
        "version of a changed", "weights of a changed", "step b is gone", "step c is new",
        "outputs changed", "salvage changed",
    ]  # fmt: skip


def test_one_at_a_time_shares_an_accelerator_and_of_several_the_first_owns_it(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def devices(graph: Graph, jobs: int | None, **params: str) -> list[str]:
        given: BatchSettings = {"jobs": jobs, "params": params}
        ready = batching.prepare(graph, archive.tapes, archive.out, given)
        ready.batch.close()
        executor = ready.executor()
        executor.close()
        assert isinstance(executor, Local)
        return [one.setup.settings["device"] for one in executor.hands]

    few = Device("cpu", "cpu", "a processor"), Device("mps", "mps", "Apple GPU")
    monkeypatch.setattr(batching, "presume", lambda: Inventory(few))
    monkeypatch.setenv("RESONATE_STORE", str(archive.folder / "store"))
    assert devices(stock("instrumental"), None, model="mini") == ["auto"]
    assert devices(stock("instrumental"), 3, model="mini") == ["auto", "cpu", "cpu"]
    assert set(devices(stock("deliver"), 3)) == {"auto"}  # nothing that an accelerator would do
    machine = replace(this_machine(), threads=3, memory_bytes=5 * 10**9)
    monkeypatch.setattr(batching, "this_machine", lambda: machine)
    assert len(devices(stock("deliver"), None)) == 2  # there is no memory for more


def test_of_two_ends_by_one_graph_the_good_one_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first, second = (journal.start("graph", "{}", {}) for _ in range(2))  # two at once
    for start, state in ((first, "failed"), (first, "done"), (second, "failed")):
        journal.add_ends(start, [("job", "i", End(state))], Sums())
    assert journal.last_end("job") == ("i", End("done"))
    journal.add_ends(first, [("job", "another graph", End("failed"))], Sums())
    assert journal.last_end("job") == ("another graph", End("failed"))
    journal.close()


def test_a_failure_counts_where_what_was_done_was_found_amiss_before(archive: Archive) -> None:
    archive.run()
    archive.files[0].write_text("no sound any more")
    expected = [("done", True), ("done", True), ("failed", False)]
    assert sorted(states(archive.run())) == expected
    lines = (archive.out / "results.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["state"] for line in lines) == ["done", "done", "failed"]
    plan = archive.plan()
    assert (plan.stale, plan.failed, plan.todo) == ({}, 1, 0)


def test_tables_and_page_hold_whatever_a_journal_does(tmp_path: Path) -> None:
    notes = (1, 2, 3.5, 10**400, float("inf"), float("nan"), 10**290)
    ends = [
        End("done", sound_seconds=1e-300, steps=[{"id": "a", "status": "ran", "did": {"n": n}}])
        for n in notes
    ]
    ends.append(End("failed", kind="node", message="b\udc80d"))  # as os.listdir gives it
    ends.append(End("done", warnings=[{"message": "long" * 500_000}]))
    carried = {"state": "007"}
    jobs = [Job.of(f"{n}", {"tape": f"{n}"}, {}, f"{n}", carried) for n in range(len(ends))]
    journal = Journal(tmp_path)
    journal.add_ends(1, [(job.id, "", end) for job, end in zip(jobs, ends, strict=True)], Sums())
    write_results(tmp_path, "graph", journal, {job.id: job for job in jobs}, Sums())
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [one["state"] for one in lines] == [end.state for end in ends]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    data = page.partition('id="data">')[2].partition("</script>")[0]
    told = json.loads(data, parse_constant=pytest.fail)
    figures = [one["figures"] for one in told["rows"]]
    assert figures == [{"a: n": n} if n in (1, 2, 3.5, 10**290) else {} for n in (*notes, 0, 0)]
    table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "results.parquet")
    assert table.column("carried.state").to_pylist() == ["007"] * len(ends)


def test_a_line_says_how_far_it_is() -> None:
    sums = Sums(total=10, kept=2, done=2, failed=1, ran=3, reused=1, took=6.0)
    sums.kinds["input"] += 1
    assert sums.in_words() == (
        "4 of 10 done, 1 failed (1 input), 5 left, 30 a minute, about 10 s to go, "
        "25% of steps reused"
    )


def test_failures_stay_until_they_are_retried_and_may_stop_it_early(archive: Archive) -> None:
    for path in archive.files[:2]:
        path.write_text("no sound")
    rows = archive.run(max_failures=0)
    assert [row.state for row in rows].count("failed") >= 1
    assert {row.kind for row in rows if row.state == "failed"} == {"input"}
    rows = archive.run()
    assert sorted(row.state for row in rows) == ["done", "failed", "failed"]
    assert states(archive.run()).count(("failed", True)) == 2
    assert [archive.plan(retry_failed=again).todo for again in (False, True)] == [0, 2]
    standing = look(archive.out)
    assert (standing.state, standing.sums.failed, standing.sums.left) == ("done", 2, 0)
    assert len(standing.failures) == 2


def test_what_ended_is_kept_where_no_other_job_can_be_handed_out(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path, excerpt, 6)
    take, taken = Local.take, list[str]()

    def fail(self: Local, name: str, job: Mapping[str, Any], *, alone: bool = False) -> None:
        taken.append(name)
        if len(taken) > 4:  # the first that is handed out for one that has ended
            raise RuntimeError("the scheduler is gone")
        take(self, name, job, alone=alone)

    monkeypatch.setattr(Local, "take", fail)
    with pytest.raises(RuntimeError, match="gone"):
        archive.run()
    found = look(archive.out)
    monkeypatch.undo()
    again = states(archive.run())
    assert found.state == "stopped"
    assert 1 <= found.sums.done == again.count(("done", True))
    assert found.sums.left == again.count(("done", False))


def test_what_ended_is_told_before_a_child_that_cannot_begin(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Event()

    def do(self: Hand, job: Mapping[str, Any], *, fresh: bool = False) -> End:
        if job["name"] == "one":
            return End("done")
        both.set()
        raise Refused("it cannot begin")

    monkeypatch.setattr(Hand, "do", do)
    made = batching.prepare(stock("deliver"), archive.files[0], archive.out, {})
    made.batch.close()
    local = Local([made.setup])
    for name in ("one", "other"):
        local.take(name, {"name": name})
    assert both.wait(10)
    assert local.ended(10) == [("one", End("done"))]
    with pytest.raises(Refused):
        local.ended(10)
    local.close()


def test_stopped_early_it_does_no_job_that_had_not_begun(archive: Archive, excerpt: Audio) -> None:
    write_innocent(archive.tapes, 12, excerpt)
    (archive.tapes / "a.wav").write_text("no sound")
    rows = archive.run(max_failures=0)
    assert [row.state for row in rows].count("failed") == 1
    assert len(rows) <= 3  # and those that one child was at
    assert archive.plan().todo == 13 - len(rows)


def test_each_job_may_have_its_own_page(archive: Archive) -> None:
    (row,) = archive.run(pages=True, name="{path}-{output}")[:1]
    page = archive.out / row.page
    assert page.name == "000-taken.report.html"
    assert "taken" in page.read_text()
    line = json.loads((archive.out / "results.jsonl").read_text().splitlines()[0])
    assert line["page"] == row.page
    assert row.page in (archive.out / "report.html").read_text()


@thorough
def test_what_was_salvaged_is_told_with_what_was_lost(archive: Archive) -> None:
    path = archive.files[0]
    path.write_bytes(path.read_bytes()[:-10_000])
    (failed,) = [row for row in archive.run() if row.state == "failed"]
    assert "with `salvage=True`" in failed.message
    assert failed.said == failed.message.removeprefix(f"{path}: ")
    rows = archive.run(salvage=True)
    assert archive.plans[-1].stale == {"salvage changed": 3}
    (told,) = [row.warnings for row in rows if row.recording == failed.recording]
    assert [one["code"] for one in told] == ["salvaged"]
    page = (archive.out / "report.html").read_text()
    assert "What was warned of" in page
    assert "1 recording: salvaged: " in page


def test_tables_page_and_journal_say_the_same(archive: Archive) -> None:
    archive.run()
    lines = [json.loads(one) for one in (archive.out / "results.jsonl").read_text().splitlines()]
    with (archive.out / "results.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert [one["recording"] for one in lines] == [one["recording"] for one in cells]
    assert {one["state"] for one in cells} == {"done"}
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(archive.out / "results.parquet").to_pylist()
    assert [one["recording"] for one in table] == [one["recording"] for one in cells]
    page = (archive.out / "report.html").read_text()
    assert all(one["recording"] in page for one in lines)
    with sqlite3.connect(archive.out / NAME) as db:
        ends = db.execute("SELECT end FROM ends").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            db.execute("DELETE FROM ends")
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            db.execute("UPDATE ends SET state = 'failed'")
    assert len(ends) == 3
    for (text,) in ends:
        end = json.loads(text)
        assert end["inputs"]["tape"]["digest"]
        assert end["outputs"]["taken"]["file"]


def test_a_folder_has_one_batch_at_a_time_and_a_look_needs_one(
    archive: Archive, tmp_path: Path
) -> None:
    rows = batch(
        open_graph(archive.graph), archive.tapes, archive.out, nodes=[NODES], jobs=1, store=False
    )
    with pytest.raises(OutputError, match="another batch is at work"):
        archive.run()
    standing = look(archive.out)
    assert (standing.state, standing.at_work) == ("beginning", True)
    rows.close()  # type: ignore[attr-defined]
    with pytest.raises(StoreError, match="there is no batch here"):
        look(tmp_path / "nowhere")


@pytest.mark.parametrize("sums", ["", "[]", "[" * 10**5, '{"total": -1}', '{"took": 1e999}', b"x"])
def test_what_a_journal_cannot_hold_is_told(sums: str | bytes, tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("INSERT INTO sums (at, sums) VALUES (0, ?)", (sums,))
    with pytest.raises(StoreError, match="cannot be used: it holds what is none of its own"):
        look(tmp_path)


@pytest.mark.parametrize(
    "end",
    [{}, {"state": "done", "steps": [{"id": "a"}]}, {"state": "done", "outputs": {"a": {}}},
     {"state": "done", "warnings": [{"message": None}]}, {"state": "done", "seconds": "long"}],
)  # fmt: skip
def test_an_end_that_is_none_is_told(end: dict[str, object], tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute(
            "INSERT INTO ends (at, start, job, state, identity, content, end) "
            "VALUES (0, 1, 'job', 'done', 'i', '', ?)",
            (json.dumps(end),),
        )
    with pytest.raises(StoreError, match="it holds what is none of its own"):
        journal.last_end("job")
    journal.close()


def test_a_journal_whose_schema_is_no_text_is_told(tmp_path: Path) -> None:
    """SQLite quotes from it, and Python cannot decode what it says."""
    Journal(tmp_path).close()
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE sums", b"CREATE T\x8dBLE sums"))
    with pytest.raises(StoreError, match="cannot be used"):
        look(tmp_path)


def test_a_journal_that_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        Journal(tmp_path)
