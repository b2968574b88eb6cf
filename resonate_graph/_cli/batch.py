"""``resonate batch``: a graph over a whole archive, and how far that is."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from typing_extensions import Unpack

from .. import BatchRow, Settings, StoreError
from .._base.keywords import keywords
from .._corpus import batching, looking
from .._corpus.driver import Plan
from .._corpus.row import without_file
from .._corpus.settings import BatchSettings
from .._corpus.sums import Sums
from .._store.retention import parse_bytes
from .call import open_graph, read_inputs, read_params, require_folder
from .lines import console_on
from .options import (
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    NoProvenanceOption,
    NoTagsOption,
    OnlyOption,
    ParamOption,
    QuietOption,
)
from .output import Printer
from .settings import takes_settings
from .words import spoken

STATUS = "status"
_SHOWN = 20
#: Where no terminal is, a line says now and then how far it is.
_SECONDS_BETWEEN = 10.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("batch")(batch)


@takes_settings
def batch(
    graph: Annotated[
        str,
        typer.Argument(
            metavar="GRAPH", help="A graph file, or a stock graph; `status` to see how far DIR is."
        ),
    ],
    inputs: Annotated[
        str,
        typer.Argument(
            metavar="INPUTS", help="A folder, a quoted pattern, or a manifest: CSV, JSONL, Parquet."
        ),
    ],
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="DIR", help="Gets journal, tables, page and outputs."),
    ] = "",
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Gets journal, tables and page where -o is a URL: s3://, gs://."
        ),
    ] = None,
    bound: InputOption = None,
    params: ParamOption = None,
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="PATTERN",
            help="What outputs are called, as for run; of {path} and the manifest's columns, too.",
        ),
    ] = "",
    only: OnlyOption = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Jobs at a time on this machine."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Have it done by the workers of a Dask scheduler: tcp://..."
        ),
    ] = None,
    shared_store: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A second tier of the store, which all machines use: s3://..."
        ),
    ] = None,
    max_failures: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Stop when more jobs than that have failed."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do again what failed before.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare outputs that are there by content.")
    ] = False,
    max_seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How long a job may take.")
    ] = keywords(BatchSettings)["max_seconds"].default,
    max_memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="How much memory a job may have, such as 4GB (Linux)."),
    ] = None,
    pages: Annotated[bool, typer.Option("--pages", help="Make a page for each job.")] = False,
    no_provenance: NoProvenanceOption = False,
    no_tags: NoTagsOption = False,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Run a graph on each recording of an archive; started again, it does what is missing.

    Each job has a process that may die of it. `resonate batch status DIR` says how far it is.
    """
    printer = Printer(as_json=as_json, quiet=quiet)
    if graph == STATUS:
        _tell_status(printer, Path(inputs))
        return
    folder, remote = _places(out, journal)
    require_folder(folder, named=True)
    opened = open_graph(graph, nodes, graphs)
    progress = _Progress(printer)
    given: BatchSettings = {
        **settings,
        "bound": read_inputs(opened, bound),
        "params": read_params(opened, params),
        "outputs": only,
        "name": name,
        "nodes": nodes or (),
        "jobs": jobs,
        "scheduler": scheduler,
        "max_failures": max_failures,
        "retry_failed": retry_failed,
        "verify": verify,
        "max_seconds": max_seconds,
        "max_memory_bytes": None if max_memory is None else _size(max_memory),
        "shared_store": shared_store,
        "remote": remote,
        "provenance": not no_provenance,
        "tags": not no_tags,
        "pages": pages,
    }
    ready = batching.prepare(opened, inputs, folder, given)
    progress.plan(ready.batch.plan)
    # what becomes of a cluster is said by our own errors, and not by Dask's tracebacks as well
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    failed: list[BatchRow] = []
    with progress:
        for row in batching.rows(ready, progress.show, spoken):
            if row.state == "failed":
                failed.append(row)
                progress.failed(row)
    _tell_end(printer, folder, opened.name, ready.batch.sums, failed)


def _tell_end(
    printer: Printer, folder: Path, graph: str, sums: Sums, failed: list[BatchRow]
) -> None:
    printer.document(
        {
            "graph": graph,
            "status": "failed" if failed else "done",
            "total": sums.total,
            "done": sums.done + sums.kept,
            "failed": sums.failed,
            "left": sums.left,
            "kinds": dict(sums.kinds),
            "report": str(folder / "report.html"),
            "results": str(folder / "results.jsonl"),
        }
    )
    printer.line(f"{graph}: {sums.in_words()}")
    printer.line(f"  to look through: {folder / 'report.html'}")
    if sums.left:
        jobs = "1 job is" if sums.left == 1 else f"{sums.left} jobs are"
        printer.remark(f"  {jobs} left: the same command goes on")
    if failed:
        raise typer.Exit(1)


def _tell_status(printer: Printer, folder: Path) -> None:
    standing = looking.look(folder, _SHOWN)
    printer.document(standing.document())
    printer.line(f"{standing.graph}: {standing.state}, {standing.sums.in_words()}")
    for remark in standing.sums.remarks:
        printer.line(f"  {remark}")
    for label, end in standing.failures:
        where = f" in {end.place}" if end.place else ""
        said = without_file(end.message or end.error, (one["path"] for one in end.inputs.values()))
        printer.line(f"  {label}: {end.kind}{where}: {spoken(said)}")
    more = standing.sums.failed - len(standing.failures)
    if more > 0:
        printer.line(f"  and {more} more")


def _places(out: str, journal: Path | None) -> tuple[Path, str]:
    """Return the folder of the journal, and the URL of outputs where these go elsewhere."""
    if not out:
        raise typer.BadParameter("-o DIR is missing: where journal, page and outputs go")
    if "://" not in out:
        if journal is not None:
            raise typer.BadParameter("--journal is for outputs that go to a URL; it lies in -o DIR")
        return Path(out), ""
    if journal is None:
        raise typer.BadParameter(
            "-o is a URL: say with --journal DIR where on this machine the journal is to lie"
        )
    return journal, out


def _size(text: str) -> int:
    try:
        return parse_bytes(text)
    except StoreError as error:
        raise typer.BadParameter(f"--max-memory: {error}") from error


class _Progress:
    """Says how far it is: a line that changes on a terminal, else one now and then."""

    def __init__(self, printer: Printer) -> None:
        self._quiet = printer.is_quiet
        self._printer = printer
        drawn = sys.stderr.isatty() and not self._quiet
        self._live = console_on(sys.stderr).status("") if drawn else None
        self._last = time.monotonic()
        self._remarks: list[str] = []

    def __enter__(self) -> _Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._live is not None:
            self._live.stop()

    def plan(self, plan: Plan) -> None:
        if not self._quiet:
            for line in plan.in_words():
                self._printer.remark(line)

    def show(self, sums: Sums) -> None:
        for remark in sums.remarks:
            if remark not in self._remarks:
                self._printer.warning(remark)
        self._remarks = list(sums.remarks)
        if self._live is not None:
            self._live.update(sums.in_words())
        elif not self._quiet and time.monotonic() - self._last > _SECONDS_BETWEEN:
            self._last = time.monotonic()
            self._printer.remark(sums.in_words())

    def failed(self, row: BatchRow) -> None:
        """Say what failed, but for what failed before and was told then."""
        if not row.kept:
            where = f" in {row.place}" if row.place else ""
            self._printer.trouble(f"{row.recording}: {row.kind}{where}: {row.said}")
