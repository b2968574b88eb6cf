"""Jobs on a Dask cluster: transport, and never the truth.

A task is a job. What travels is paths, params and digests; sound never does, so workers see the
same files as whoever started the batch, by a shared filesystem or by URLs. About two tasks for each
thread of a worker are under way, refilled as they end, so that a long list costs the scheduler no
more than a short one. The job itself runs in a child of the worker, so that a recording that kills
its process kills no worker, and a worker that is lost was not killed by its job: what it had at
hand is done again by another.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from .. import CatalogError, ResonateError, __version__, this_machine
from .hand import Hand, Refused, Setup, share_bytes
from .jobs import End, what_changed

try:
    import distributed
except ImportError as error:
    raise CatalogError(
        f"a cluster needs {error.name}, which is not installed: "
        'pip install "resonate-graph[corpus]"'
    ) from error

#: What the attribute of a worker is called that says where its accelerated steps run.
DEVICE = "resonate_device"
_CONNECT_SECONDS = 10.0
_FETCH_SECONDS = 60.0
#: Tasks under way for each thread of a worker.
_FOR_A_THREAD = 2


class ClusterError(ResonateError):
    """The cluster cannot be used, or is gone."""


class Hands(distributed.WorkerPlugin):
    """What a worker has of a batch: a hand for each of its threads.

    Args:
        name: the batch.
        setup: what all jobs share, as plain values.
    """

    def __init__(self, name: str, setup: Mapping[str, Any]) -> None:
        self.name = name
        self._plain = dict(setup)

    def setup(self, worker: Any) -> None:
        """Get ready: hands are made when they are first used."""
        self._label = f"{worker.name}"
        self._every: list[Hand] = []
        self._free: queue.LifoQueue[Hand] = queue.LifoQueue()
        engine = self._plain["probe"]["engine"]
        self._refusal: str = f"resonate-graph {__version__}, not {engine}" * (engine != __version__)
        if self._refusal:
            return  # what another version sends need not even be understood
        threads = worker.state.nthreads
        setup = Setup(**self._plain)
        device = getattr(worker, DEVICE, None) or setup.settings["device"]
        self._setup = replace(
            setup.on(device, max(1, this_machine().threads // threads)),
            max_memory_bytes=setup.max_memory_bytes or share_bytes(threads),
        )
        self._adding = threading.Lock()

    def teardown(self, worker: Any) -> None:
        """End the children."""
        for hand in self._every:
            hand.stop()
        with contextlib.suppress(queue.Empty):
            while True:  # those at work do it themselves
                self._free.get_nowait().dismiss()

    def do(self, job: Mapping[str, Any], *, alone: bool) -> dict[str, Any]:
        """Do a job, in the thread of a worker, and return how it ended."""
        if self._refusal:
            return End("refused", worker=self._label, message=self._refusal).plain()
        hand = self._hand()
        try:
            differing = self.differing(hand)
            if differing:
                return End("refused", worker=self._label, message=differing).plain()
            return hand.do(job, fresh=alone).plain()
        except Refused as error:
            return End("refused", worker=self._label, message=str(error)).plain()
        finally:
            self._free.put(hand)

    def differing(self, hand: Hand | None = None) -> str:
        """Say what decides results here otherwise than where the batch was started."""
        if self._refusal:
            return self._refusal
        own = hand or self._hand()
        try:
            own.begin()
        finally:
            if hand is None:
                self._free.put(own)
        about, expected = own.about, (self._setup.probe or {}).get("expected")
        if about is None or expected is None:
            return ""
        return "; ".join(what_changed(expected, about))

    def _hand(self) -> Hand:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            hand = Hand(self._setup, self._label)
            with self._adding:
                self._every.append(hand)
            return hand


def _plugin(name: str) -> Hands:
    found = distributed.get_worker().plugins[name]
    assert isinstance(found, Hands)
    return found


def do(name: str, job: Mapping[str, Any], alone: bool) -> dict[str, Any]:
    """Do a job on a worker: this is the task."""
    return _plugin(name).do(job, alone=alone)


def differing(name: str) -> str:
    """Say what decides results on a worker otherwise than where the batch was started."""
    try:
        return _plugin(name).differing()
    except Refused as error:
        return str(error)


class Cluster:
    """Does jobs on the workers of a Dask scheduler.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.1:8786``.
        setup: what all jobs share.

    Raises:
        ClusterError: it cannot be reached, has no workers, or some of them differ from this
            machine in what decides results.
    """

    def __init__(self, address: str, setup: Setup) -> None:
        self._ended: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._flying: dict[str, Any] = {}
        self._address = address
        self._name = f"resonate-{socket.gethostname()}-{id(self):x}"
        probe = {**(setup.probe or {}), "engine": __version__}
        plain = {**asdict(setup), "probe": probe}
        try:
            # of an address that is none, a client is left that takes 20 s to fail at its end
            distributed.comm.get_address_host_port(address, strict=True)
            self._client = distributed.Client(
                address, timeout=_CONNECT_SECONDS, set_as_default=False, name=self._name
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(f"{address}: no scheduler is to be reached: {error}") from error
        try:
            self._register(plain)
            self._require_alike()
        except BaseException:
            self.close()
            raise

    def _register(self, plain: Mapping[str, Any]) -> None:
        try:
            self._client.register_plugin(Hands(self._name, plain))
        except Exception as error:  # whatever a worker says that has not even this package
            raise ClusterError(
                f"{self._address}: a worker cannot take part in this: {error}"
            ) from error

    def _require_alike(self) -> None:
        asked = {
            one["name"]: self._client.submit(
                differing, self._name, workers=[address], pure=False, retries=0
            )
            for address, one in self._workers().items()
        }
        told: dict[str, str] = self._client.gather(asked)
        if not told:
            raise ClusterError(
                f"{self._address}: this scheduler has no workers yet: start some by "
                f"resonate worker {self._address}"
            )
        lines = [f"  {worker}: {what}" for worker, what in told.items() if what]
        if lines:
            raise ClusterError(
                "\n".join([f"{self._address}: workers differ from this machine", *lines])
            )

    @property
    def room(self) -> int:
        """How many jobs are under way at a time: two for each thread there is now."""
        threads = sum(int(one["nthreads"]) for one in self._workers().values())
        return max(1, _FOR_A_THREAD * threads)

    def _workers(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def take(self, name: str, job: Mapping[str, Any], *, alone: bool = False) -> None:
        """Take a job; `alone` where it gets a process of its own."""
        future = self._client.submit(do, self._name, job, alone, pure=False, retries=0)
        self._flying[name] = future
        future.add_done_callback(lambda done: self._ended.put((name, done)))

    def given_back(self) -> list[str]:
        """Return no job: what a scheduler has may have begun, for all one knows."""
        return []

    def ended(self, seconds: float) -> list[tuple[str, End]]:
        """Return the jobs that ended, after waiting some time for one.

        Raises:
            ClusterError: the scheduler is gone, or a worker differs from this machine.
        """
        found: list[tuple[str, End]] = []
        try:
            name, future = self._ended.get(timeout=seconds)
            while True:
                self._flying.pop(name, None)
                found.append((name, self._end(future)))
                name, future = self._ended.get_nowait()
        except queue.Empty:
            if self._client.status != "running":
                raise ClusterError(
                    f"{self._address}: the scheduler is gone; what has ended is kept, and the "
                    "same command goes on from there"
                ) from None
            return found

    def _end(self, future: Any) -> End:
        if future.status != "finished":
            reason = str(future.exception()) if future.status == "error" else future.status
            return End("lost", error="LostWorker", message=f"its worker was lost: {reason}")
        try:
            end = End(**future.result(timeout=_FETCH_SECONDS))
        except Exception as error:  # its worker died with the answer
            return End("lost", error="LostWorker", message=f"its worker was lost: {error}")
        if end.state == "refused":
            raise ClusterError(f"worker {end.worker} cannot do this: {end.message}")
        return end

    def close(self) -> None:
        """Stop what is under way, and end the children."""
        try:
            if self._client.status == "running":
                self._client.cancel(list(self._flying.values()), force=True)
                self._client.unregister_worker_plugin(self._name)
        except Exception:
            pass
        self._client.close(timeout=2)
