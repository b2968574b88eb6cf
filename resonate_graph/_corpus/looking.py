"""How far a batch is, for whoever asks while it is at work, or later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .driver import is_at_work
from .jobs import End
from .journal import Journal
from .sums import Sums


@dataclass(frozen=True)
class Standing:
    """How far a batch is.

    Attributes:
        graph: the graph's name.
        began: when it was started last, in seconds since 1970.
        at_work: whether it is at work now.
        is_looking: whether it still finds out what is to be done; sums are those of before then.
        sums: what its jobs come to.
        failures: what failed last, the latest first: what it is called, and how it ended.
    """

    graph: str
    began: float
    at_work: bool
    is_looking: bool
    sums: Sums
    failures: Sequence[tuple[str, End]]

    @property
    def state(self) -> str:
        """``beginning``, ``at work``, ``done``, or ``stopped`` where jobs are left."""
        if self.at_work:
            return "beginning" if self.is_looking else "at work"
        return "stopped" if self.sums.left else "done"

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        sums = self.sums
        return {
            "graph": self.graph,
            "status": self.state,
            "began": self.began,
            "total": sums.total,
            "done": sums.done + sums.kept,
            "failed": sums.failed,
            "left": sums.left,
            "kinds": dict(sums.kinds),
            "jobs_per_second": sums.per_second,
            "seconds_left": sums.seconds_left if self.at_work else None,
            "hit_rate": sums.hit_rate,
            "remarks": list(sums.remarks),
            "failures": [
                {
                    "recording": label,
                    "kind": end.kind,
                    "error": end.error,
                    "place": end.place,
                    "message": end.message,
                }
                for label, end in self.failures
            ],
        }


def look(folder: Path, failures: int = 20) -> Standing:
    """Return how far the batch of a folder is; it costs the same however many jobs there are.

    Raises:
        StoreError: there is no batch, or its journal cannot be read.
    """
    journal = Journal(folder, read_only=True)
    try:
        start = journal.last_start()
        found = journal.sums()
        began, graph = (start[0], start[1]) if start else (time.time(), "")
        sums = found[1] if found else Sums()
        at_work = is_at_work(folder)
        is_looking = at_work and (found is None or found[0] < began)
        return Standing(graph, began, at_work, is_looking, sums, journal.failures(failures))
    finally:
        journal.close()
