"""What a batch is given, said once for Python and for the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from .._base.keywords import Default
from .._run.settings import Settings


class BatchSettings(Settings, total=False):
    """How a batch is done: keyword arguments of `batch`, besides those of each run.

    Attributes:
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
    """

    bound: Annotated[Mapping[str, Any] | None, Default(None)]
    params: Annotated[Mapping[str, Any] | None, Default(None)]
    outputs: Annotated[Collection[str] | None, Default(None)]
    name: Annotated[str, Default("")]
    nodes: Annotated[Collection[str], Default(())]
    jobs: Annotated[int | None, Default(None)]
    scheduler: Annotated[str | None, Default(None)]
    max_failures: Annotated[int | None, Default(None)]
    retry_failed: Annotated[bool, Default(False)]
    verify: Annotated[bool, Default(False)]
    max_seconds: Annotated[float, Default(3600.0)]
    max_memory_bytes: Annotated[int | None, Default(None)]
    shared_store: Annotated[str | None, Default(None)]
    remote: Annotated[str, Default("")]
    provenance: Annotated[bool, Default(True)]
    tags: Annotated[bool, Default(True)]
    pages: Annotated[bool, Default(False)]
