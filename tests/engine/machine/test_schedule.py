"""Scheduling, over random graphs, machines and estimates, right and wrong."""

from __future__ import annotations

import math
import random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph._base.dag import Dag
from resonate_graph._machine.schedule import (
    CPU,
    Job,
    Lanes,
    Running,
    needs_too_much,
    next_start,
    rehearse,
    remaining_paths,
)

GB = 10**9


@st.composite
def machines(draw: st.DrawFn) -> Lanes:
    cards = draw(st.sampled_from([(), ("mps",), ("cuda:0",), ("cuda:0", "cuda:1", "cuda:2")]))
    return Lanes(draw(st.integers(1, 8)), draw(st.integers(1, 16)) * GB, cards)


@st.composite
def jobs_for(draw: st.DrawFn, lanes: Lanes, name: int) -> Job:
    accelerated = bool(lanes.accelerators) and draw(st.booleans())
    return Job(
        id=name,
        lanes=lanes.accelerators if accelerated else (CPU,),
        threads=0 if accelerated else draw(st.integers(1, lanes.threads)),
        bytes=draw(st.integers(0, 20)) * GB,
        seconds=draw(st.floats(0, 100)),
        path_seconds=draw(st.floats(0, 1000)),
        order=(name,),
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Job], list[Running], Lanes, int]:
    """What a machine meets on its way: some jobs at work, some ready, some memory held."""
    lanes = draw(machines())
    held = draw(st.integers(0, 4)) * GB
    jobs = [draw(jobs_for(lanes, name)) for name in range(draw(st.integers(1, 12)))]
    running: list[Running] = []
    for job in jobs[: draw(st.integers(0, len(jobs)))]:
        start = next_start([job], running, lanes, held_bytes=held)
        if start is not None:
            running.append(Running(job, start[1], draw(st.floats(0, 100))))
    at_work = {one.job.id for one in running}
    queue = sorted((job for job in jobs if job.id not in at_work), key=lambda job: job.rank)
    return queue, running, lanes, held


def is_within_limits(running: list[Running], lanes: Lanes, held: int) -> bool:
    cards = [one.lane for one in running if one.lane != CPU]
    taken = sum(one.job.bytes for one in running)  # where held is beyond the limit, none is left
    return (
        sum(one.job.threads for one in running) <= lanes.threads
        and len(cards) == len(set(cards))
        and set(cards) <= set(lanes.accelerators)
        and all(one.lane in one.job.lanes for one in running)
        and (taken <= max(0, lanes.memory_bytes - held) or len(running) <= 1)
    )


@given(situations())
def test_lanes_threads_and_memory_are_never_exceeded(
    situation: tuple[list[Job], list[Running], Lanes, int],
) -> None:
    queue, running, lanes, held = situation
    while (start := next_start(queue, running, lanes, held_bytes=held)) is not None:
        queue.remove(start[0])
        running.append(Running(*start, ends=start[0].seconds))
        assert is_within_limits(running, lanes, held)


@given(situations())
def test_the_same_situation_has_the_same_answer(
    situation: tuple[list[Job], list[Running], Lanes, int],
) -> None:
    queue, running, lanes, held = situation
    one = next_start(queue, running, lanes, held_bytes=held)
    other = next_start(queue, running[::-1], lanes, held_bytes=held)
    assert one == other


@given(situations())
def test_the_longest_path_that_fits_goes_first_and_nothing_that_fits_waits_for_nothing(
    situation: tuple[list[Job], list[Running], Lanes, int],
) -> None:
    queue, running, lanes, held = situation
    fitting = [
        job for job in queue if next_start([job], running, lanes, held_bytes=held) is not None
    ]
    start = next_start(queue, running, lanes, held_bytes=held)
    assert (start is None) or start[0] in fitting
    if queue and not running:
        assert start is not None
        assert start[0] is queue[0]
    if queue and queue[0] in fitting:
        assert start is not None
        assert start[0] is queue[0]
    for job in fitting:
        if start is not None and job is start[0]:
            break
        # the one that is passed over would be in the way of one before it that cannot start yet
        blocked = [one for one in queue[: queue.index(job)] if one not in fitting]
        assert blocked


@given(st.integers(0, 10**9), machines())
def test_where_nothing_is_scarce_but_lanes_none_of_them_idles_beside_a_ready_job(
    seed: int, lanes: Lanes
) -> None:
    draw = random.Random(seed)
    kinds = [(CPU,), lanes.accelerators or (CPU,)]
    queue = [
        Job(n, lane, int(lane == (CPU,)), 0, draw.random(), draw.random(), (n,))
        for n in range(12)
        for lane in [draw.choice(kinds)]
    ]
    queue.sort(key=lambda job: job.rank)
    running: list[Running] = []
    while (start := next_start(queue, running, lanes)) is not None:
        queue.remove(start[0])
        running.append(Running(*start, ends=1.0))
    if any(job.lanes == (CPU,) for job in queue):
        assert sum(one.lane == CPU for one in running) == lanes.threads
    if any(job.lanes != (CPU,) for job in queue):
        assert sum(one.lane != CPU for one in running) == len(lanes.accelerators)


@given(st.integers(0, 10**9), st.integers(2, 8))
def test_a_stream_of_small_jobs_does_not_starve_a_large_one(seed: int, threads: int) -> None:
    """New small jobs come in for ever, and estimates are wrong by up to a factor of 20."""
    draw = random.Random(seed)
    lanes = Lanes(threads, 8 * GB)
    large = Job("large", threads=threads, seconds=5, path_seconds=5)
    queue = [large]
    running: list[tuple[float, Running]] = []
    now = 0.0
    for number in range(400):
        small = Job(
            number, threads=1, seconds=draw.uniform(0.1, 2), path_seconds=1, order=(number,)
        )
        queue.append(small)
        if number < threads:  # the first few come before the large one
            really = small.seconds * draw.uniform(0.05, 20)
            running.append((now + really, Running(small, CPU, now + small.seconds)))
            queue.remove(small)
            continue
        queue.sort(key=lambda job: job.rank)
        while (start := next_start(queue, [one for _, one in running], lanes, now=now)) is not None:
            job, lane = start
            if job is large:
                return
            queue.remove(job)
            really = job.seconds * draw.uniform(0.05, 20)
            running.append((now + really, Running(job, lane, now + job.seconds)))
        now = min(running, key=lambda one: one[0])[0]
        running = [one for one in running if one[0] > now]
    raise AssertionError("the large job never started")


def test_a_step_that_needs_all_threads_waits_for_them_and_short_ones_go_ahead() -> None:
    lanes = Lanes(4, 8 * GB)
    running = [Running(Job("decode"), CPU, ends=10.0)]
    separation = Job("separation", threads=4, seconds=100, path_seconds=100)
    short = Job("short", seconds=5, path_seconds=5)
    long = Job("long", seconds=50, path_seconds=50)
    assert next_start([separation, long], running, lanes) is None
    assert next_start([separation, long, short], running, lanes) == (short, CPU)
    assert next_start([separation, long], [], lanes) == (separation, CPU)


def test_what_has_two_threads_leaves_the_others_to_the_rest() -> None:
    lanes = Lanes(4, 8 * GB)
    running = [Running(Job("separation", threads=2), CPU, ends=100.0)]
    queue = [Job("a", threads=3, seconds=9, path_seconds=9), Job("b", seconds=1, path_seconds=1)]
    assert next_start(queue, running, lanes) == (queue[1], CPU)


def test_cards_are_used_one_step_each() -> None:
    lanes = Lanes(1, 8 * GB, ("cuda:0", "cuda:1"))
    queue = [Job(name, lanes.accelerators, threads=0, order=(name,)) for name in range(3)]
    first = next_start(queue, [], lanes)
    assert first == (queue[0], "cuda:0")
    running = [Running(*first, ends=1.0)]
    second = next_start(queue[1:], running, lanes)
    assert second == (queue[1], "cuda:1")
    running.append(Running(*second, ends=1.0))
    assert next_start(queue[2:], running, lanes) is None
    assert next_start([Job("gate")], running, lanes) == (Job("gate"), CPU)


def test_a_step_too_large_for_the_memory_runs_alone() -> None:
    lanes = Lanes(4, 8 * GB)
    huge, tiny = Job("huge", bytes=9 * GB, path_seconds=9, seconds=9), Job("tiny", seconds=9)
    assert needs_too_much(huge.bytes, lanes)
    assert not needs_too_much(8 * GB, lanes)
    assert needs_too_much(8 * GB, lanes, held_bytes=1)
    assert next_start([huge, tiny], [Running(tiny, CPU, 5.0)], lanes) is None
    assert next_start([huge, tiny], [], lanes) == (huge, CPU)
    assert next_start([tiny], [Running(huge, CPU, 5.0)], lanes) is None


# -- paths and rehearsals -----------------------------------------------------------------------


@st.composite
def workloads(draw: st.DrawFn) -> tuple[dict[int, Job], nx.DiGraph[int], Lanes]:
    lanes = draw(machines())
    count = draw(st.integers(1, 12))
    dag: nx.DiGraph[int] = nx.DiGraph()
    dag.add_nodes_from(range(count))
    for after in range(1, count):
        for before in draw(st.sets(st.integers(0, after - 1), max_size=3)):
            dag.add_edge(before, after)
    jobs = {name: draw(jobs_for(lanes, name)) for name in range(count)}
    return jobs, dag, lanes


@given(workloads())
def test_the_remaining_path_is_the_heaviest_chain_of_steps(
    workload: tuple[dict[int, Job], nx.DiGraph[int], Lanes],
) -> None:
    jobs, dag, _ = workload
    seconds = {name: job.seconds for name, job in jobs.items()}
    paths = remaining_paths(Dag(dag, dag.edges), seconds)
    for name in dag:
        chains = [
            [name] if end == name else chain
            for end in {name} | nx.descendants(dag, name)
            for chain in ([[name]] if end == name else nx.all_simple_paths(dag, name, end))
        ]
        assert math.isclose(paths[name], max(sum(seconds[one] for one in c) for c in chains))


@given(workloads(), st.data())
def test_a_rehearsal_runs_everything_once_in_order_within_what_there_is(
    workload: tuple[dict[int, Job], nx.DiGraph[int], Lanes], data: st.DataObject
) -> None:
    jobs, dag, lanes = workload
    names = data.draw(st.sets(st.sampled_from(sorted(jobs)), min_size=1))
    chosen = {name: jobs[name] for name in names}
    rehearsal = rehearse(chosen, Dag(dag, dag.edges), lanes)
    turns = {turn.job.id: turn for turn in rehearsal.turns}
    assert turns.keys() == chosen.keys()
    assert len(rehearsal.turns) == len(chosen)
    for before in chosen:
        for after in nx.descendants(dag, before) & chosen.keys():
            assert turns[before].ends <= turns[after].starts
    for moment in rehearsal.turns:
        at_work = [
            Running(one.job, one.lane, one.ends)
            for one in rehearsal.turns
            if one.starts <= moment.starts < one.ends
        ]
        assert is_within_limits(at_work, lanes, 0)
    longest = max(nx.dag_longest_path_length(_weighted(dag, chosen)), 0)
    total = sum(job.seconds for job in chosen.values())
    assert longest - 1e-6 <= rehearsal.seconds <= total + 1e-6
    assert rehearse(chosen, Dag(dag, dag.edges), lanes) == rehearsal


def _weighted(dag: nx.DiGraph[int], jobs: dict[int, Job]) -> nx.DiGraph[int]:
    """The dependencies with the time of each job on the edges that leave it, and an end."""
    weighted: nx.DiGraph[int] = nx.DiGraph()
    for before, after in dag.edges:
        seconds = jobs[before].seconds if before in jobs else 0.0
        weighted.add_edge(before, after, weight=seconds)
    for name in dag:
        weighted.add_edge(name, -1, weight=jobs[name].seconds if name in jobs else 0.0)
    return weighted


@pytest.mark.parametrize(("threads", "seconds"), [(1, 12.0), (2, 7.0), (3, 7.0)])
def test_two_branches_run_beside_each_other_where_there_are_threads(
    threads: int, seconds: float
) -> None:
    dag = Dag(edges=[("in", "a"), ("in", "b"), ("a", "out"), ("b", "out")])
    times = {"in": 1.0, "a": 5.0, "b": 5.0, "out": 1.0}
    paths = remaining_paths(dag, times)
    jobs = {
        name: Job(name, bytes=GB, seconds=times[name], path_seconds=paths[name]) for name in times
    }
    lanes = Lanes(threads, 8 * GB)
    rehearsal = rehearse(jobs, dag, lanes, results=dict.fromkeys(times, 2 * GB))
    assert rehearsal.seconds == seconds
    # while a and b run the result of `in` is held; while `out` runs, both of theirs
    assert rehearsal.peak_bytes == 5 * GB
