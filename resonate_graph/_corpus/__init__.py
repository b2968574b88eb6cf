"""Corpora: one graph over a whole archive, on this machine or on many.

In come a graph and a folder, a glob or a manifest; out come the outputs of each recording, a
journal that says what became of it, tables and a page. Each job runs in a child process that may
die of it, and what was done is not done again.

Doors: `settings` (what a batch is given), `batching` (the whole, as a command starts it),
`looking` (how far a batch is), `worker` (a worker of a cluster). Behind them: `listing` (what is to
be done), `jobs` (what a job is and how it ends), `journal` (the truth), `driver` (the loop), `hand`
and `child` (the process that does jobs, seen from outside and from inside), `local` and `cluster`
(who does them), `remote` and `shared_store` (files and results that lie elsewhere), `sums`, `row`,
`results` and `page` (what is shown).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._base.keywords import spelled_out
from .row import BatchRow
from .settings import BatchSettings

if TYPE_CHECKING:
    from .. import Graph
    from .driver import Plan
    from .sums import Sums

__all__ = ["BatchRow", "batch"]


@spelled_out(BatchSettings)
def batch(
    graph: Graph,
    inputs: str | os.PathLike[str] | Iterable[Mapping[str, Any]],
    folder: str | os.PathLike[str],
    *,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Sums], None] | None = None,
    **settings: Unpack[BatchSettings],
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
        on_plan: told what is to be done before it is.
        on_progress: told now and then how far it is. Without it, what is to be known of the workers
            of a cluster, such as that none is left, is a `RuntimeWarning`.
        settings: how the batch is done, and each job, as for `Graph.run`; ``threads`` is shared by
            all.

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
    from . import batching

    made = batching.prepare(graph, inputs, folder, settings)
    if on_plan is not None:
        on_plan(made.batch.plan)
    return batching.rows(made, on_progress or batching.warn_of_remarks())
