"""A batch from the list to the results: done once, stale, failed, retried, looked at."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonate_graph import Audio, BatchRow, OutputError, StoreError, batch
from resonate_graph._corpus.driver import Plan
from resonate_graph._corpus.journal import NAME, Journal
from resonate_graph._corpus.looking import look
from tests.corpus.archives import DOCUMENT, NODES, open_graph, write_graph, write_innocent


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


def test_a_journal_that_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        Journal(tmp_path)
