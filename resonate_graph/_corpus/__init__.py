"""Corpora: one graph over a whole archive, on this machine or on many.

In come a graph and a folder, a glob or a manifest; out come the outputs of each recording, a
journal that says what became of it, tables and a page. Each job runs in a child process that may
die of it, and what was done is not done again.

Doors: `batching` (the whole, as a command starts it), `looking` (how far a batch is), `worker`
(a worker of a cluster). Behind them: `listing` (what is to be done), `jobs` (what a job is and how
it ends), `journal` (the truth), `driver` (the loop), `hand` and `child` (the process that does
jobs, seen from outside and from inside), `local` and `cluster` (who does them), `remote` and
`shared_store` (files and results that lie elsewhere), `sums`, `row`, `results` and `page` (what is
shown).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._base.keywords import spelled_out
from .._run.settings import Settings
from .row import BatchRow

if TYPE_CHECKING:
    from .. import Graph
    from .driver import Plan
    from .sums import Sums

__all__ = ["BatchRow", "batch"]


@spelled_out(Settings)
def batch(
    graph: Graph,
    inputs: str | os.PathLike[str] | Iterable[Mapping[str, Any]],
    folder: str | os.PathLike[str],
    *,
    bound: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    outputs: Collection[str] | None = None,
    name: str = "",
    nodes: Collection[str] = (),
    jobs: int | None = None,
    scheduler: str | None = None,
    max_failures: int | None = None,
    retry_failed: bool = False,
    verify: bool = False,
    max_seconds: float = 3600.0,
    max_memory_bytes: int | None = None,
    shared_store: str | None = None,
    remote: str = "",
    provenance: bool = True,
    tags: bool = True,
    pages: bool = False,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Sums], None] | None = None,
    **settings: Unpack[Settings],
) -> Iterator[BatchRow]:
    """Run a graph on each recording of an archive, and go on tomorrow where it stopped today.

    All that can be wrong with the list is found before anything runs. Each job then runs in a child
    process that may crash, hang or run out of memory without harm to the others. What became of it
    is kept in ``batch.sqlite`` in `folder`: called again, only what is missing is done, and what a
    changed graph or changed weights have made stale. A script that calls this needs no
    ``if __name__ == "__main__"``: children are started, not forked.

    Args:
        graph: the graph.
        inputs: a folder of recordings, a pattern such as ``tapes/**/*.wav``, a manifest (CSV, JSON
            lines, Parquet) with a row per job, or such rows.
        folder: gets the journal, tables, the page, and the outputs.
        bound: what is bound in every job, such as a file with a profile of noise.
        params: params that are the same in every job; those of a row come first.
        outputs: the outputs that are wanted; None for all.
        name: what outputs are called, as in `Result.save`; besides, ``{path}`` (the way to the
            recording below the folder), ``{suffix}`` and each column of the manifest. Empty for
            ``{path}.{output}``, and for manifests ``{input}.{output}``.
        nodes: modules or ``.py`` files with nodes of your own that the graph uses.
        jobs: how many jobs are done at a time; None for as many as there are cores, and memory
            for, or one where they would share an accelerator. One of them owns the accelerator.
        scheduler: the address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers
            do the jobs instead.
        max_failures: stop when more jobs than that have failed; None never to.
        retry_failed: do again what failed before.
        verify: compare all outputs that are there by content, not by size and time.
        max_seconds: how long a job may take.
        max_memory_bytes: how much memory the child of a job may have (Linux); None for its part
            of the machine's.
        shared_store: the URL of a second tier of the store, such as ``s3://bucket/store``.
        remote: the URL of a folder to which outputs go instead.
        provenance: False to write the outputs alone.
        tags: False to carry no tags.
        pages: True to make the page of each job, too.
        on_plan: told what is to be done before it is.
        on_progress: told now and then how far it is.
        settings: how jobs are run, as for `Graph.run`; ``threads`` is shared by all.

    Returns:
        Rows as jobs end, those first that were done before. Nothing is done unless they are asked
        for; what is left when they are not asked for any more is left for the next time.

    Raises:
        ManifestError: the list cannot be done as it stands; with everything that is wrong.
        GraphError: the graph or its params are wrong.
        OutputError: the folder cannot be written, or another batch is at work there.

    Example:
        >>> import tempfile, numpy as np
        >>> from pathlib import Path
        >>> import resonate_graph as rg
        >>> place = Path(tempfile.mkdtemp())
        >>> _ = rg.Audio(np.full((1, 8000), 0.1), 8000).save(place / "tapes" / "one.wav")
        >>> rows = rg.batch(rg.stock("deliver"), place / "tapes", place / "out",
        ...                 outputs=["loudness"], store=place / "store", jobs=1)
        >>> [(row.recording, row.state) for row in rows]
        [('one.wav', 'done')]
    """
    from .batching import batch as begin

    return begin(
        graph, inputs, folder, bound=bound, params=params, outputs=outputs, name=name, nodes=nodes,
        jobs=jobs, scheduler=scheduler, max_failures=max_failures, retry_failed=retry_failed,
        verify=verify, max_seconds=max_seconds, max_memory_bytes=max_memory_bytes,
        shared_store=shared_store, remote=remote, provenance=provenance, tags=tags, pages=pages,
        on_plan=on_plan, on_progress=on_progress, **settings,
    )  # fmt: skip
