"""``resonate worker``: one of the machines that do a batch."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import Printer
from .settings import DeviceOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker)


def worker(
    scheduler: Annotated[
        str,
        typer.Argument(
            metavar="SCHEDULER", help="The address of a Dask scheduler: tcp://HOST:PORT, tls://..."
        ),
    ],
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            help="Jobs at a time; one with an accelerator, else one for each two cores.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What this worker is called.")
    ] = None,
) -> None:
    """Do jobs of batches that are started with --scheduler, until it is stopped.

    Each job has a child process; whoever reaches the scheduler can run code here (docs/corpora.md).
    """
    from .._corpus.worker import work

    printer = Printer(as_json=False)
    work(
        scheduler,
        jobs=jobs,
        device=None if device == "auto" else device,
        name=name,
        on_start=lambda address, count: printer.remark(f"worker at {address}: {count} at a time"),
    )
