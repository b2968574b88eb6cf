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
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
#: How often one looks which workers there are, which costs the scheduler an answer.
_LOOK_SECONDS = 1.0
_ASKING_SECONDS = 0.05
#: A child that has had nothing to do for so long is ended: its batch may be gone, killed.
_IDLE_SECONDS = 60.0
#: Tasks under way for each thread of a worker.
_FOR_A_THREAD = 2


class ClusterError(ResonateError):
    """The cluster cannot be used, or is gone."""


def require_address(address: str) -> None:
    """Require the address of a scheduler, before Dask makes much of one that is none.

    Raises:
        ValueError: it is none.
    """
    distributed.comm.get_address_host_port(address, strict=True)


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
        self._free: list[Hand] = []  # the one that was used last at its end
        self._choosing = threading.Lock()
        self._is_over = threading.Event()
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
        threading.Thread(target=self._dismiss_the_idle, daemon=True).start()

    def teardown(self, worker: Any) -> None:
        """End the children; those at work are dismissed by who used them."""
        self._is_over.set()
        with self._choosing:
            for hand in self._every:
                hand.stop()
            for hand in self._free:
                hand.dismiss()

    def do(self, job: Mapping[str, Any], *, alone: bool) -> End:
        """Do a job, in the thread of a worker, and return how it ended.

        Raises:
            Refused: this worker does none.
        """
        if self._refusal:
            raise Refused(f"it has {self._refusal}")
        hand = self._hand()
        try:
            differing = self.differing(hand)
            if differing:
                raise Refused(f"it differs from where the batch was started: {differing}")
            return hand.do(job, fresh=alone)
        finally:
            self._give_back(hand)

    def differing(self, hand: Hand | None = None) -> str:
        """Say what decides results here otherwise than where the batch was started."""
        if self._refusal:
            return self._refusal
        own = hand or self._hand()
        try:
            own.begin()
        finally:
            if hand is None:
                self._give_back(own)
        about, expected = own.about, (self._setup.probe or {}).get("expected")
        if about is None or expected is None:
            return ""
        return "; ".join(what_changed(expected, about))

    def _dismiss_the_idle(self) -> None:
        """End children that wait for jobs in vain; a hand takes another when there is one."""
        while not self._is_over.wait(_IDLE_SECONDS / 4):
            with self._choosing:
                for hand in self._free:
                    if hand.idle_seconds > _IDLE_SECONDS:
                        hand.dismiss()

    def _hand(self) -> Hand:
        with self._choosing:
            if not self._free:
                self._free.append(Hand(self._setup, self._label))
                self._every += self._free
            return self._free.pop()

    def _give_back(self, hand: Hand) -> None:
        with self._choosing:
            self._free.append(hand)
            if self._is_over.is_set():
                hand.dismiss()


def _plugin(name: str) -> Hands:
    found = distributed.get_worker().plugins[name]
    assert isinstance(found, Hands)
    return found


def do(name: str, job: Mapping[str, Any], alone: bool) -> dict[str, Any]:
    """Do a job on a worker: this is the task.

    Returns:
        ``end``: how it ended; or ``refused`` and ``by``: why this worker does none, and its folder.
    """
    try:
        return {"end": _plugin(name).do(job, alone=alone).plain()}
    except Refused as error:
        told = str(error)
    except Exception as error:  # whatever it is, it is not of the job, which has its own process
        told = f"{type(error).__name__}: {error}"
    return {"refused": told, "by": distributed.get_worker().local_directory}


def differing(name: str) -> str:
    """Say what decides results on a worker otherwise than where the batch was started."""
    try:
        return _plugin(name).differing()
    except Refused as error:
        return str(error)


@dataclass
class _Sent:
    """A job that is under way.

    Attributes:
        job: what was sent.
        alone: whether it gets a process of its own.
        future: what Dask knows it by; None while no worker can do it.
        among: the workers that may do it; None for all.
    """

    job: Mapping[str, Any]
    alone: bool
    future: Any = None
    among: frozenset[str] | None = None


class Cluster:
    """Does jobs on the workers of a Dask scheduler.

    All workers there are at the start must be like this machine in what decides results. One that
    joins later and differs takes no part: what it was sent goes to others. Where no worker is left,
    jobs wait for one that joins; `remarks` says so.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.1:8786``.
        setup: what all jobs share.

    Raises:
        ClusterError: it cannot be reached, has no workers, or some of them differ from this
            machine in what decides results.
    """

    def __init__(self, address: str, setup: Setup) -> None:
        self._ended: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._flying: dict[str, _Sent] = {}
        # what is said of workers that differ, by the folder that each has for itself: another that
        # is started in the place of one has its address, and perhaps its name
        self._refused: dict[str, str] = {}
        self._known: Mapping[str, Any] = {}
        self._looked = -_LOOK_SECONDS
        self._address = address
        self._name = f"resonate-{socket.gethostname()}-{secrets.token_hex(8)}"
        probe = {**(setup.probe or {}), "engine": __version__}
        plain = {**asdict(setup), "probe": probe}
        try:
            # of an address that is none, a client is left that takes 20 s to fail at its end
            require_address(address)
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
        told = self._told_by_workers()
        if not told and self._client.status != "running":
            raise self._gone()
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

    def _told_by_workers(self) -> dict[str, str]:
        """Return what each worker says it differs in, but for those that are lost meanwhile."""
        waiting = {
            address: (one["name"], self._client.submit(
                differing, self._name, workers=[address], pure=False, retries=0
            ))
            for address, one in self._workers().items()
        }  # fmt: skip
        told = {}
        while waiting:
            for address, (worker, asked) in list(waiting.items()):
                if self._client.status != "running" or asked.status == "cancelled":
                    raise self._gone()
                if asked.status == "finished":
                    told[worker] = asked.result(timeout=_FETCH_SECONDS)
                elif asked.status == "error":
                    told[worker] = str(asked.exception())
                elif address in self._workers():
                    continue
                del waiting[address]  # a task for a worker that is lost would wait for ever
            time.sleep(_ASKING_SECONDS * bool(waiting))
        return told

    def _gone(self) -> ClusterError:
        return ClusterError(
            f"{self._address}: the scheduler is gone; what has ended is kept, and the "
            "same command goes on from there"
        )

    # -- workers ------------------------------------------------------------------------------

    def _workers(self, *, at_once: bool = False) -> Mapping[str, Any]:
        """Return what the scheduler says of each worker, by address, a moment ago."""
        if at_once or time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._looked = time.monotonic()
            # `scheduler_info` keeps what it is told where others write as well, who ask for no
            # workers, and says now and then that there are none
            with contextlib.suppress(Exception):  # who waits for jobs hears of a lost scheduler
                asked = self._client.sync(self._client.scheduler.identity, n_workers=-1)
                self._known = asked["workers"]
        return self._known

    def _able(self) -> Mapping[str, Any]:
        """Return the workers that may take part."""
        every = self._workers()
        return {
            address: one
            for address, one in every.items()
            if one["local_directory"] not in self._refused
        }

    def _refuse(self, folder: str, why: str) -> None:
        """Send the worker that has a folder no more jobs."""
        self._refused[folder] = why
        self._workers(at_once=True)

    @property
    def room(self) -> int:
        """How many jobs are under way at a time: two for each thread there is now."""
        threads = sum(int(one["nthreads"]) for one in self._able().values())
        return max(1, _FOR_A_THREAD * threads)

    @property
    def remarks(self) -> Sequence[str]:
        """What somebody should know of the workers there are."""
        left = self._able()
        lines = [
            f"worker {one['name']} takes no part: {self._refused[one['local_directory']]}"
            for one in self._known.values()
            if one["local_directory"] in self._refused
        ]
        if not left:
            lines.append(
                f"{self._address}: no worker is left; it goes on when one joins: "
                f"resonate worker {self._address}"
            )
        return lines

    # -- jobs ---------------------------------------------------------------------------------

    def take(self, name: str, job: Mapping[str, Any], *, alone: bool = False) -> None:
        """Take a job; `alone` where it gets a process of its own."""
        self._flying[name] = _Sent(job, alone)
        self._send(name)

    def _send(self, name: str) -> None:
        """Give a job to the scheduler: for any worker, unless some take no part.

        Raises:
            ClusterError: the scheduler is gone.
        """
        sent = self._flying[name]
        sent.future, sent.among = None, frozenset(self._able()) if self._refused else None
        if sent.among is not None and not sent.among:
            return
        try:
            sent.future = self._client.submit(
                do, self._name, sent.job, sent.alone, pure=False, retries=0,
                workers=None if sent.among is None else list(sent.among),
            )  # fmt: skip
        except Exception as error:  # what a client raises that has lost its scheduler
            if self._client.status != "running":
                raise self._gone() from error
            raise
        sent.future.add_done_callback(lambda done: self._ended.put((name, done)))

    def _send_again(self) -> None:
        """Send jobs elsewhere for which none of the workers is left that might do them."""
        there = self._able().keys()
        for name, sent in self._flying.items():
            if sent.among is not None and sent.among.isdisjoint(there):
                self._send(name)

    def given_back(self) -> list[str]:
        """Return jobs that no worker can do now: any that a scheduler has may have begun."""
        names = [name for name, sent in self._flying.items() if sent.future is None]
        for name in names:
            del self._flying[name]
        return names

    def ended(self, seconds: float) -> list[tuple[str, End]]:
        """Return the jobs that ended, after waiting some time for one.

        Raises:
            ClusterError: the scheduler is gone.
        """
        found: list[tuple[str, End]] = []
        self._send_again()
        try:
            name, future = self._ended.get(timeout=seconds)
            while True:
                sent = self._flying.get(name)
                if sent is not None and sent.future is future:  # and not a try that was given up
                    told = self._told(future)
                    if isinstance(told, End):
                        del self._flying[name]
                        found.append((name, told))
                    else:
                        self._refuse(told["by"], told["refused"])
                        sent.future, sent.among = None, frozenset()  # is sent again next time
                name, future = self._ended.get_nowait()
        except queue.Empty:
            if self._client.status != "running":
                raise self._gone() from None
            return found

    def _told(self, future: Any) -> End | Mapping[str, Any]:
        """Return how a job ended, or which worker refused it and why."""
        if future.status != "finished":
            reason = str(future.exception()) if future.status == "error" else future.status
            return End("lost", error="LostWorker", message=f"its worker was lost: {reason}")
        try:
            told: Mapping[str, Any] = future.result(timeout=_FETCH_SECONDS)
            return End(**told["end"]) if "end" in told else told
        except Exception as error:  # its worker died with the answer
            return End("lost", error="LostWorker", message=f"its worker was lost: {error}")

    def close(self) -> None:
        """Stop what is under way, and end the children."""
        try:
            if self._client.status == "running":
                futures = [one.future for one in self._flying.values() if one.future is not None]
                self._client.cancel(futures, force=True)
                self._client.unregister_worker_plugin(self._name)
        except Exception:
            pass
        self._client.close(timeout=2)
