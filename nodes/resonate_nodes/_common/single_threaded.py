"""Small matrices: multiplied by one thread each."""

from __future__ import annotations

from contextlib import AbstractContextManager


def single_threaded() -> AbstractContextManager[object]:
    """Return a context in which BLAS has one thread.

    Threads of BLAS wait for each other far longer than they compute on small matrices, most of all
    beside other steps; and sums would depend on how many there are.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
