"""Jobs that take their process with them: exactly these fail, each with the right reason."""

from __future__ import annotations

from pathlib import Path

from resonate_graph import Audio, Store, batch
from tests.corpus.archives import NODES, open_graph, write_graph, write_innocent, write_poison
from tests.corpus.poison import REASONS
from tests.depth import thorough

pytestmark = thorough

#: These die like others that are tried: by a signal, by time. Each death costs a new process.
SLOW = ("exits", "allocates")


def test_exactly_the_poison_fails_and_all_else_is_as_a_single_run(
    tmp_path: Path, excerpt: Audio, torture: bool
) -> None:
    innocent, rounds = (276, 3) if torture else (10, 1)
    kinds = [one for one in REASONS if torture or one not in SLOW]
    tapes = tmp_path / "tapes"
    sound = write_innocent(tapes, innocent, excerpt, step=450)
    poison = write_poison(tapes / "bad", excerpt, kinds, rounds)
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
    alone = Store(tmp_path / "alone")
    for path in sound:
        result = graph.run({"tape": path}, store=alone)
        single = result.save(tmp_path / "single", name="{output}")["taken"]
        made = out / path.relative_to(tapes).with_name(f"{path.stem}.taken.wav")
        assert made.read_bytes() == single.read_bytes()
