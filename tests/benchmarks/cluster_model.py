"""How a cluster would do on 100,000 songs: ``python -m tests.benchmarks.cluster_model``.

A simulation of discrete events, of what was measured or is assumed below; no cluster was seen. A
worker fetches a song, looks the steps up, computes, sends its stems and its output; the network and
the store are shared, and so is the scheduler, which hands out one task at a time. Songs are of
several lengths, and a part of them is poison that dies three times.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """What things cost.

    Attributes:
        song_minutes: mean length of a song; lengths are drawn from half to one and a half of it.
        compute_ratio: seconds of computing for a second of sound.
        input_bytes_per_second: of a song, as FLAC.
        stem_bytes_per_second: of four stems as float WAV in the shared store.
        output_bytes_per_second: of an output as WAV of 24 bits.
        requests: of a song to the store: look-ups, objects, records, input, output.
        request_seconds: how long one waits for an answer.
        worker_bytes_per_second: what a worker's network carries.
        store_bytes_per_second: what the store carries for all.
        store_requests_per_second: what it answers for all.
        task_seconds: what a task costs the scheduler and the driver.
        poison_ratio: the part of songs that kill their process.
    """

    song_minutes: float = 4.0
    compute_ratio: float = 1.0
    input_bytes_per_second: float = 100e3
    stem_bytes_per_second: float = 4 * 44100 * 2 * 4
    output_bytes_per_second: float = 44100 * 2 * 3
    requests: int = 24
    request_seconds: float = 0.03
    worker_bytes_per_second: float = 125e6
    store_bytes_per_second: float = 2.5e9
    store_requests_per_second: float = 3500.0
    task_seconds: float = 0.015
    poison_ratio: float = 0.001


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation.

    Attributes:
        hours: how long it took.
        busy: the part of the time for which workers computed.
        gigabytes_per_second: what the store carried, on the average.
        requests_per_second: what it answered.
        scheduler: the part of the time for which the scheduler was at work.
    """

    hours: float
    busy: float
    gigabytes_per_second: float
    requests_per_second: float
    scheduler: float


class _Shared:
    """What all wait for in turn: it serves one thing after another."""

    def __init__(self) -> None:
        self.free_at = 0.0
        self.worked = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """Return when it has served somebody who came now."""
        self.free_at = max(now, self.free_at) + seconds
        self.worked += seconds
        return self.free_at


def simulate(workers: int, songs: int, costs: Costs, seed: int = 0) -> Outcome:
    """Return what becomes of so many songs with so many workers."""
    chance = random.Random(seed)
    scheduler, network, answers = _Shared(), _Shared(), _Shared()
    # each worker by when it is free, with what it has to try again then
    free = [(0.0, number, 0, 0.0) for number in range(workers)]
    heapq.heapify(free)
    computed = moved = asked = end = 0.0
    per_second = costs.input_bytes_per_second + costs.stem_bytes_per_second
    per_second += costs.output_bytes_per_second
    left = songs
    while free:
        now, worker, tries, seconds = heapq.heappop(free)
        if not tries:
            if not left:
                continue
            left -= 1
            tries = 3 if chance.random() < costs.poison_ratio else 1
            seconds = 60 * costs.song_minutes * chance.uniform(0.5, 1.5)
        began = scheduler.serve(now, costs.task_seconds)
        size = seconds * per_second
        answered = answers.serve(began, costs.requests / costs.store_requests_per_second)
        sent = network.serve(began, size / costs.store_bytes_per_second)
        waited = costs.requests * costs.request_seconds + size / costs.worker_bytes_per_second
        now = max(answered, sent, began + waited) + seconds * costs.compute_ratio
        computed += seconds * costs.compute_ratio
        moved += size
        asked += costs.requests
        end = max(end, now)
        heapq.heappush(free, (now, worker, tries - 1, seconds))
    return Outcome(
        hours=end / 3600,
        busy=computed / (end * workers),
        gigabytes_per_second=moved / end / 1e9,
        requests_per_second=asked / end,
        scheduler=scheduler.worked / end,
    )


def main() -> None:
    """Print the table of docs/corpora.md."""
    kinds = {
        "CPU workers (2 cores each, separation at real time)": Costs(),
        "GPU workers (separation at 50 times real time)": Costs(compute_ratio=0.02),
        "GPU workers, stems in FLAC of 24 bits": Costs(
            compute_ratio=0.02, stem_bytes_per_second=4 * 44100 * 2 * 1.8
        ),
    }
    for name, costs in kinds.items():
        print(name)
        print("| workers | hours | speed-up | computing | store, GB/s | requests/s | scheduler |")
        print("|---|---|---|---|---|---|---|")
        first = None
        for workers in (1, 10, 100, 1000):
            found = simulate(workers, 100_000, costs)
            first = first or found.hours
            print(
                f"| {workers:,} | {found.hours:,.1f} | {first / found.hours:.0f} | "
                f"{100 * found.busy:.0f} % | {found.gigabytes_per_second:.2f} | "
                f"{found.requests_per_second:.0f} | {100 * found.scheduler:.0f} % |"
            )
        print()


if __name__ == "__main__":
    main()
