"""The process of one run: ``python -m resonate_graph._app.job FOLDER PARENT``.

It runs a graph by the public interface, tells what happens in ``events.jsonl``, and says in
``end.json`` how it ended.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from .. import (
    Cancelled,
    Event,
    Graph,
    NodeProgress,
    ResonateError,
    Row,
    Settings,
)
from .._base.publish import publish
from .found import found_by
from .jobs import Call, Job
from .loudness import add_loudness
from .views import make_views

#: A step tells how far it is no more often than this.
_SECONDS_BETWEEN = 0.4


def main(folder: Path, parent: int) -> int:
    """Do a run, and return what its process ends with."""
    _end_with(parent)
    job = Job(folder)
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        teller = _Teller(file)
        try:
            end = _done(job, teller)
        except (KeyboardInterrupt, Cancelled):
            end = {"status": "cancelled"}
        except ResonateError as error:
            end = {"status": "failed", "message": str(error), "type": type(error).__name__}
    content = json.dumps(end).encode()
    publish(folder / "end.json", lambda file: file.write(content), durable=False)
    return 0


def _done(job: Job, teller: _Teller) -> dict[str, Any]:
    call = job.call
    graph = Graph.from_json(call.graph, source=call.name, nodes=call.nodes)
    settings: Settings = {"models": call.models}
    if call.store is not None:
        settings["store"] = call.store
    if call.grid:
        return _swept(job, call, graph, teller, settings)
    result = graph.run(call.inputs, call.params, removed=True, on_event=teller.tell, **settings)
    teller.say("Writing", what="the outputs")
    result.save(job.out)
    teller.say("Writing", what="the player and the page")
    page = graph.report(result, job.out, command=call.command, **settings)
    teller.say("Writing", what="waveforms and spectrograms")
    made = make_views(result, job.views)
    teller.say("Writing", what="loudness over time")
    add_loudness(job.views, settings)
    found = found_by(graph, call, settings)
    return {"status": "done", "report": result.report, "page": page.name, "views": made,
            "removed": sorted(result.removed), "found": found}  # fmt: skip


def _swept(
    job: Job, call: Call, graph: Graph, teller: _Teller, settings: Settings
) -> dict[str, Any]:
    def told(row: Row) -> None:
        teller.say("RowDone", params=dict(row.params), error=row.error)

    rows = graph.sweep(
        call.inputs,
        call.grid,
        job.out,
        params=call.params,
        on_row=told,
        on_event=teller.tell,
        **settings,
    )
    return {"status": "done", "page": "report.html", "rows": len(rows)}


class _Teller:
    """Writes what happens, a line each, from whichever thread it is told."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writing = threading.Lock()
        self._last: dict[str, float] = {}

    def tell(self, event: Event) -> None:
        if isinstance(event, NodeProgress):
            now = time.monotonic()
            if now - self._last.get(event.node, 0.0) < _SECONDS_BETWEEN:
                return
            self._last[event.node] = now
        self.say(type(event).__name__, **asdict(event))

    def say(self, kind: str, /, **facts: Any) -> None:
        line = json.dumps({"event": kind, "at": time.time(), **facts}, default=str)
        with self._writing:
            self._file.write(f"{line}\n")
            self._file.flush()


def _end_with(parent: int) -> None:
    """End this process when the server is gone that started it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if hasattr(os, "getppid") and os.getppid() == parent:
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
