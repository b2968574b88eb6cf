"""A worker of a Dask cluster, started as it should be.

Dask's own command puts a nanny before each worker, which gives all that it starts one thread of the
CPU for numbers, and ends it when its memory grows. Here threads and memory are those of the child
that does a job, and there is no nanny: whoever starts workers (Slurm, Kubernetes, systemd) starts
them again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable

from .. import this_machine
from .._machine.devices import presume
from .cluster import DEVICE, ClusterError, require_address

_CONNECT_SECONDS = 30.0


def work(
    address: str,
    *,
    jobs: int | None = None,
    device: str | None = None,
    name: str | None = None,
    on_start: Callable[[str, int], None] = lambda address, jobs: None,
) -> None:
    """Be a worker until it is stopped, or the scheduler is gone.

    Args:
        address: of the scheduler.
        jobs: how many jobs are done at a time; None for one where there is an accelerator, else
            one for each two cores.
        device: where accelerated steps run, such as ``cuda:1``; None for what the batch says.
        name: what it is called; None for the host and the process.
        on_start: told the address of the worker, and how many jobs it does at a time.

    Raises:
        ClusterError: the scheduler cannot be reached.
        CatalogError: Dask is not installed.
    """
    has_accelerator = any(one.kind != "cpu" for one in presume().devices)
    threads = jobs or (1 if has_accelerator else max(1, this_machine().threads // 2))
    called = name or f"{socket.gethostname()}-{os.getpid()}"
    try:
        require_address(address)
        asyncio.run(_work(address, threads, device, called, on_start))
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"{address}: no scheduler is to be reached: {error}") from error


async def _work(
    address: str,
    threads: int,
    device: str | None,
    name: str,
    on_start: Callable[[str, int], None],
) -> None:
    import distributed

    worker = distributed.Worker(
        address,
        nthreads=threads,
        memory_limit=None,
        name=name,
        dashboard=False,
        death_timeout=_CONNECT_SECONDS,
    )
    setattr(worker, DEVICE, device)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with worker:
        on_start(worker.address, threads)
        finished = asyncio.ensure_future(worker.finished())
        stopped = asyncio.ensure_future(ended.wait())
        await asyncio.wait((finished, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
