"""Jobs that take their process with them: exactly these fail, each with the right reason."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from resonate_graph import Audio, ResonateError, Store, batch, load
from resonate_graph._corpus.hand import Hand, Setup
from resonate_graph._corpus.journal import NAME
from tests.corpus.archives import (
    DOCUMENT,
    NODES,
    open_graph,
    write_graph,
    write_innocent,
    write_poison,
)
from tests.corpus.poison import REASONS
from tests.depth import thorough

pytestmark = thorough

#: These die as others do that are tried. Each death costs a new process.
SLOW = ("exits", "allocates", "hangs")


def test_exactly_the_poison_fails_and_all_else_is_as_a_single_run(
    tmp_path: Path, excerpt: Audio, torture: bool
) -> None:
    innocent, rounds = (276, 3) if torture else (10, 1)
    kinds = [one for one in REASONS if torture or one not in SLOW]
    tapes = tmp_path / "tapes"
    sound = write_innocent(tapes, innocent, excerpt, step=450)
    poison = write_poison(tapes / "bad", excerpt, kinds, rounds)
    twin = tapes / "bad" / "segfaults-twin.wav"
    poison[twin.stem] = Path(shutil.copy(poison["segfaults-0"], twin))
    graph = open_graph(write_graph(tmp_path))
    out = tmp_path / "out"
    rows = list(
        batch(
            graph,
            tapes,
            out,
            nodes=[NODES],
            jobs=2,
            store=tmp_path / "store",
            max_seconds=3.0,
            max_memory_bytes=3 * 10**9,
        )
    )
    assert len(rows) == innocent + len(poison)
    failed = {Path(row.recording).stem: row for row in rows if row.state == "failed"}
    assert failed.keys() == poison.keys()
    for name, row in failed.items():
        kind, words = REASONS[name.partition("-")[0]]
        assert (row.kind, words in row.message) == (kind, True), row
        assert row.place == ("" if kind == "input" else "take")
    # two deaths hold back all of one content but what is in a child by then; each ends alone
    with sqlite3.connect(out / NAME) as db:
        ends = db.execute(
            "SELECT label, state FROM ends JOIN jobs ON jobs.id = job ORDER BY ends.id"
        )
        states = [(Path(label).stem, state[0]) for label, state in ends]
    twins = ("segfaults-0", twin.stem)
    assert re.fullmatch("d{2,4}dfdf", "".join(state for stem, state in states if stem in twins))
    assert [state for stem, state in states if stem in ("raises-0", "text-0")] == ["f", "f"]
    alone = Store(tmp_path / "alone")
    for path in sound:
        result = graph.run({"tape": path}, store=alone)
        single = result.save(tmp_path / "single", name="{output}")["taken"]
        made = out / path.relative_to(tapes).with_name(f"{path.stem}.taken.wav")
        assert made.read_bytes() == single.read_bytes()


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path, excerpt: Audio) -> None:
    setup = Setup(
        graph=json.dumps(DOCUMENT), source="taken", nodes=[NODES], outputs=None,
        folder=str(tmp_path), remote="", settings={}, store=False, provenance=False, tags=False,
        pages=False, max_seconds=1.0, max_memory_bytes=None, threads=1,
    )  # fmt: skip
    path = write_poison(tmp_path, excerpt, ["hangs"])["hangs-0"]
    hand = Hand(setup, "one")
    end = hand.do(
        {"inputs": {"tape": str(path)}, "params": {}, "name": "", "identity": "", "held": []}
    )
    assert (end.state, end.kind, "longer than 1 s" in end.message) == ("died", "time", True)
    assert hand.pid is None


def test_a_child_that_cannot_begin_is_told_and_nobody_waits_for_it(
    tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_innocent(tmp_path / "tapes", 1, excerpt)
    rows = batch(open_graph(write_graph(tmp_path)), tmp_path / "tapes", tmp_path / "out",
                 nodes=[NODES], jobs=1, store=False)  # fmt: skip
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(ResonateError, match="a process for jobs could not begin"):
        next(rows)


def test_a_child_that_is_killed_before_it_has_begun_is_started_again(
    tmp_path: Path, excerpt: Audio
) -> None:
    write_innocent(tmp_path / "tapes", 1, excerpt)
    nodes, killed = tmp_path / "mortal.py", tmp_path / "killed"
    nodes.write_text(
        Path(NODES).read_text()
        + f"""
import pathlib, signal, sys
if sys.argv[0].endswith("child.py") and not pathlib.Path({str(killed)!r}).exists():
    pathlib.Path({str(killed)!r}).touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    graph = load(write_graph(tmp_path), nodes=[str(nodes)])
    (row,) = batch(graph, tmp_path / "tapes", tmp_path / "out", nodes=[str(nodes)], jobs=1,
                   store=False)  # fmt: skip
    assert (row.state, killed.exists()) == ("done", True)
