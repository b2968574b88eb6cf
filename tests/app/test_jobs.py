"""Runs of the page as processes: done, stopped, queued, killed, and left behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from resonate_graph import Audio, Graph, read_audio, read_provenance
from resonate_graph._app.jobs import Call, Jobs, sweep
from resonate_graph._app.views import views_in
from resonate_nodes import gain
from tests.engine.commands import OWN_NODES
from tests.own_nodes import slow
from tests.processes import PATIENCE_SECONDS, Signals

_SERVER = """
import sys
from pathlib import Path
from resonate_graph._app.jobs import Call, Jobs
jobs = Jobs(Path(sys.argv[1]))
jobs.start(Call(**__import__("json").loads(sys.argv[2])))
print(jobs.folder, flush=True)
sys.stdin.read()
"""


def _quieter() -> Graph:
    graph = Graph("quieter")
    level = graph.param("level_db", float, default=-6.0, maximum=0)
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=level))
    return graph


def _waiting(folder: Path) -> Graph:
    graph = Graph("waiting")
    graph.output("out", graph.add(slow)(graph.input("mix", Audio), folder=str(folder)))
    return graph


def _call(graph: Graph, take: Path, store: Path, **more: Any) -> Call:
    return Call(graph.name, graph.to_json(), {"mix": str(take)}, store=str(store), **more)


def test_a_run_leaves_what_a_run_in_this_process_gives(
    jobs: Jobs, take: Path, tmp_path: Path
) -> None:
    graph = _quieter()
    job = jobs.start(_call(graph, take, tmp_path / "store", params={"level_db": -12.0}))
    assert jobs.wait(job, PATIENCE_SECONDS).status == "done", job.state
    expected = graph.run({"mix": take}, {"level_db": -12.0}, store=False)["out"]
    assert isinstance(expected, Audio)
    assert re.fullmatch("[0-9a-f]{16}", job.id)
    assert read_audio(job.out / "out.wav").digest == expected.digest
    assert read_provenance(job.out / "out.wav").params == {"level_db": -12.0}
    assert (job.out / "report.html").is_file()
    end = job.end
    assert end is not None
    assert end["report"]["nodes"][0]["status"] == "ran"
    assert [one["event"] for one in job.events()][:2] == ["RunStarted", "InputRead"]
    kinds = {one.label: one.kind for one in views_in(job.views).values()}
    assert kinds == {"mix, as it was": "before", "out": "after", "taken out of out": "difference"}
    assert {"out.wav", "report.html"} <= set(_names_in(job.zipped()))


def _names_in(path: Path) -> list[str]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_what_fails_says_why(jobs: Jobs, take: Path, tmp_path: Path) -> None:
    failed = jobs.start(_call(_quieter(), tmp_path / "gone.wav", tmp_path / "store"))
    state = jobs.wait(failed, PATIENCE_SECONDS)
    assert (state.status, state.message) == (
        "failed",
        f"{tmp_path / 'gone.wav'}: there is no such file",
    )


def test_what_a_killed_server_left_is_swept_and_its_run_ends(take: Path, tmp_path: Path) -> None:
    signals = Signals(tmp_path / "signals")
    call = _call(_waiting(signals.folder), take, tmp_path / "store", nodes=(str(OWN_NODES),))
    work = tmp_path / "work"
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(work), json.dumps(call.__dict__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    left = Path(server.stdout.readline().strip())
    signals.wait_until_started()
    (state,) = (json.loads(one.read_text()) for one in left.glob("*/state.json"))
    assert sweep(work) == []  # its server lives
    server.kill()
    server.communicate()
    end = time.monotonic() + PATIENCE_SECONDS
    while _lives(state["pid"]):  # the run sees that it is alone
        assert time.monotonic() < end
        os.sched_yield()
    other = Jobs(work)
    assert not left.exists()
    assert other.folder.exists()
    other.close()
    assert list(work.iterdir()) == []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_folder_that_a_server_is_about_to_lock_is_let_be(tmp_path: Path) -> None:
    young = tmp_path / "0123456789abcdef"
    young.mkdir()
    assert sweep(tmp_path) == []
    with FileLock(young / "server.lock"):
        assert sweep(tmp_path) == []
    assert sweep(tmp_path) == [young]


def test_only_so_many_are_kept(take: Path, tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "work", keep=2)
    call = _call(_quieter(), tmp_path / "gone.wav", tmp_path / "store")
    made = [jobs.start(call) for _ in range(2)]
    for one in made:
        jobs.cancel(one)
        jobs.wait(one, PATIENCE_SECONDS)
    made.append(jobs.start(call))
    assert not made[0].folder.exists()
    assert [one.id for one in jobs] == [made[2].id, made[1].id]
    jobs.close()


def test_a_name_that_is_none_names_nothing(jobs: Jobs) -> None:
    for name in ("..", "../x", "0" * 16, "", "a/b"):
        try:
            jobs[name]
        except KeyError:
            continue
        raise AssertionError(name)
