"""`resonate batch` as its users call it: exit codes, JSON, status, and Ctrl-C."""

from __future__ import annotations

import time
from pathlib import Path

from resonate_graph import Audio
from tests.corpus.archives import NODES, write_graph, write_innocent
from tests.engine.commands import Command
from tests.processes import PATIENCE_SECONDS, end_of, interrupt, start_resonate


def test_what_fails_is_told_and_looked_up(tmp_path: Path, excerpt: Audio, call: Command) -> None:
    tapes, out = tmp_path / "tapes", tmp_path / "out"
    write_innocent(tapes, 2, excerpt)
    (tapes / "text.wav").write_text("no sound")
    batch = ("batch", write_graph(tmp_path), tapes, "--nodes", NODES, "--no-store", "--jobs", "1")
    assert call(*batch).code == 2  # where to?
    assert call(*batch, "-o", out, "--journal", tmp_path).code == 2
    assert call(*batch, "-o", "s3://bucket/out").code == 2
    document = call.document(*batch, "-o", out, code=1)
    assert {name: document[name] for name in ("status", "total", "done", "failed", "left")} == {
        "status": "failed", "total": 3, "done": 2, "failed": 1, "left": 0,
    }  # fmt: skip
    ended = call(*batch, "-o", out)
    assert ended.code == 1
    assert "2 done, 0 to do, 1 failed before" in ended.err
    status = call.document("batch", "status", out)
    assert (status["status"], status["done"], status["kinds"]) == ("done", 2, {"input": 1})
    assert [one["recording"] for one in status["failures"]] == ["text.wav"]
    assert "text.wav: input" in call("batch", "status", out).out
    assert call("batch", "status", tapes).code == 1


def test_a_list_that_is_wrong_is_told_before_anything_runs(
    tmp_path: Path, excerpt: Audio, call: Command
) -> None:
    write_innocent(tmp_path / "tapes", 1, excerpt)
    manifest = tmp_path / "list.csv"
    manifest.write_text("tape\ntapes/side0/000.wav\nnowhere.wav\n")
    out = tmp_path / "out"
    ended = call("batch", write_graph(tmp_path), manifest, "-o", out, "--nodes", NODES)
    assert ended.code == 2
    assert "line 3: " in ended.err
    assert "there is no such file" in ended.err
    assert not out.exists()


def test_a_worker_of_an_address_that_is_none_says_so(call: Command) -> None:
    ended = call("worker", "nonsense")
    assert ended.code == 1
    assert ended.err.startswith("error: nonsense: no scheduler is to be reached")


def test_interrupted_it_ends_at_once_and_says_what_is_left(tmp_path: Path, excerpt: Audio) -> None:
    tapes, out = tmp_path / "tapes", tmp_path / "out"
    write_innocent(tapes, 80, excerpt)
    process = start_resonate(
        "batch", write_graph(tmp_path), tapes, "-o", out, "--nodes", NODES, "--jobs", "1",
        "--store", tmp_path / "store",
    )  # fmt: skip
    end = time.monotonic() + PATIENCE_SECONDS
    while not list(out.rglob("*.wav")):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.005)
    interrupt(process)
    ended = end_of(process)
    assert ended.code == 130
    assert "interrupted: what was finished is kept" in ended.err
    assert (out / "report.html").exists()
