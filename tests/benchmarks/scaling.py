"""How time grows with size: ``python -m tests.benchmarks.scaling [SVG [RECORDS]]``.

Three series: the engine for chains of 10 to 10,000 nodes; the store for 10 to 100,000 records and
objects, or up to as many records as are named; and reading, keeping, finding and turning down
sounds of a second to three hours. Each figure is seconds of the processor, the least of a few
rounds. All is well where ten times as much takes about ten times as long: the exponent between the
two largest sizes is printed. Given a file, a plot goes there.

Chains and records lie in memory where there is such a folder (/dev/shm), so that what is measured
is the library and not the disk. A million records take 5 GB there for as long as they are measured,
and some minutes of the processor; three hours of sound 11 GB of memory and 4 GB of disk.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import soundfile

from resonate_graph import Audio, Graph, Store, node, read_audio
from resonate_graph._node.ports import PortType
from resonate_graph._sound.limits import Limits
from resonate_graph._store.records import Entry, Key, Record, seal
from resonate_nodes import gain
from tests.benchmarks.table import machine
from tests.benchmarks.timing import seconds_of

NODES = (10, 100, 1000, 10_000)
RECORDS = (10, 100, 1000, 10_000, 100_000)
MOST_OBJECTS = 100_000
SECONDS = (1, 10, 60, 600, 3600, 10_800)
RATE = 44100
MEMORY = Path("/dev/shm")

#: What grows with what: seconds by size, by what was done.
Series = dict[str, dict[int, float]]


@node(version=1)
def step(audio: Audio) -> Audio:
    """Do nothing."""
    return audio


def main(plot: str | None = None, records: str | None = None) -> None:
    """Print all figures, and write the plot."""
    counts = (*RECORDS, int(records)) if records is not None else RECORDS
    measured: dict[str, Callable[[], Series]] = {
        "nodes": of_nodes,
        "records": partial(of_records, counts),
        "seconds of stereo": of_lengths,
    }
    panels: dict[str, Series] = {}
    print(f"on {machine()}; seconds of the processor")
    for unit, measure in measured.items():
        panels[unit] = measure()
        for what, times in panels[unit].items():
            cells = "  ".join(f"{size}: {seconds:.2g}" for size, seconds in times.items())
            line = f"  {what:<34} {cells}  (exponent {exponent(times):.2f})  by {unit}"
            print(line, flush=True)
    if plot is not None:
        Path(plot).write_text(drawn(panels))


def exponent(times: Mapping[int, float]) -> float:
    """Return the power of the size by which time grows between the two largest sizes."""
    (small, less), (large, more) = sorted(times.items())[-2:]
    return math.log(more / less) / math.log(large / small)


def spent(call: Callable[[], object], rounds: int = 3) -> float:
    """Return the least that a call takes of the processor."""
    return min(seconds_of(call, time.process_time) for _ in range(rounds))


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder, in memory where that can be."""
    return tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)


# -- what is measured -----------------------------------------------------------------------------


def of_nodes() -> Series:
    """Measure chains, and as many steps that all read one input."""
    audio = Audio(np.zeros((2, 8)), RATE)
    series: Series = {}
    for count in NODES:
        for shape, build in (("chain", chain), ("fan", fan)):
            graph = build(count)
            with folder() as place:
                graph.run({"audio": audio}, store=place)
                calls: dict[str, Callable[[], object]] = {
                    "build": partial(build, count),
                    "run": partial(graph.run, {"audio": audio}, store=False),
                    "run, stored": partial(graph.run, {"audio": audio}, store=place),
                }
                for what, call in calls.items():
                    series.setdefault(f"{shape}: {what}", {})[count] = spent(call)
    return series


def chain(count: int) -> Graph:
    """Return a chain of steps."""
    graph = Graph("chain")
    wire = graph.input("audio", Audio)
    for index in range(count):
        wire = graph.add(step, f"n{index}")(wire)
    graph.output("end", wire)
    return graph


def fan(count: int) -> Graph:
    """Return a graph of steps that all read its input."""
    graph = Graph("fan")
    audio = graph.input("audio", Audio)
    for index in range(count):
        graph.output(f"o{index}", graph.add(step, f"n{index}")(audio))
    return graph


def of_records(counts: Sequence[int]) -> Series:
    """Measure stores of many records: finding one, adding one, listing all, dropping objects."""
    series: Series = {}
    entry = Entry.of(Audio(np.zeros((2, 8)), RATE))
    for count in counts:
        with folder() as place:
            store = Store(place, limit_bytes=2**50)
            keys = [Key.of({"number": number}) for number in range(10)]
            write(Path(place), entry, count)
            calls: dict[str, tuple[Callable[[], object], int]] = {
                "list all records": (partial(listed, store), 1),
                "the latest 200, without a log": (partial(store.latest_records, 200), 1),
                "the latest 200 records": (partial(store.latest_records, 200), 3),
                "find 10 records": (partial(found, store, keys), 3),
                "add 10 records": (partial(add, store, entry), 3),
            }
            for what, (call, rounds) in calls.items():
                series.setdefault(what, {})[count] = spent(call, rounds)
            if count <= MOST_OBJECTS:
                fill(Path(place), count)
                half = partial(store.retention.make_room, count // 2)
                series.setdefault("drop half of as many objects", {})[count] = spent(half, 1)
    return series


def write(place: Path, entry: Entry, count: int) -> None:
    """Write records as a store of before there was a log has them, none of them synced."""
    for number in range(count):
        key = Key.of({"number": number})
        record = Record(key=key.hex, preimage=dict(key.preimage), ports={"out": entry})
        path = place / "records" / key.hex[:2] / f"{key.hex}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(seal(record))


def fill(place: Path, count: int) -> None:
    """Put objects of a byte each into a store."""
    for number in range(count):
        digest = Key.of({"object": number}).hex
        path = place / "objects" / digest[:2] / f"{digest}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0")


def found(store: Store, keys: Sequence[Key]) -> None:
    """Find records."""
    assert all(store.record(key) is not None for key in keys)


def add(store: Store, entry: Entry) -> None:
    """Add ten records."""
    for number in range(10):
        store.put_record(Key.of({"more": number}), {"out": entry})


def listed(store: Store) -> int:
    """Read all records; return how many there are."""
    return sum(1 for _ in store.records())


def of_lengths() -> Series:
    """Measure sounds: decoding, digest, a light node, keeping, finding again."""
    series: Series = {}
    graph = Graph("lighter")
    graph.output("out", graph.add(gain, "gain")(graph.input("audio", Audio), gain_db=-6.0))
    limits = Limits(max_minutes=200, warn_minutes=200)
    for seconds in SECONDS:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "sound.flac"
            write_sound(path, seconds)
            rounds = 1 if seconds >= 3600 else 2
            # one sound in memory at a time, of which there are 4 GB at the end
            series.setdefault("read and hash a file", {})[seconds] = spent(
                partial(read_audio, path, limits), rounds
            )
            sound = read_audio(path, limits)
            turned_down = partial(graph.run, {"audio": sound}, store=False, max_minutes=200)
            calls: dict[str, tuple[Callable[[], object], int]] = {
                "turn it down": (turned_down, rounds),
                "hash and keep a sound": (partial(keep, place, sound), 1),
                "find it, verified": (partial(find, place, sound), rounds),
            }
            for what, (call, times) in calls.items():
                series.setdefault(what, {})[seconds] = spent(call, times)
    return series


def write_sound(path: Path, seconds: int) -> None:
    """Write a FLAC file of noise, a second of it after the other."""
    draw = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16", format="FLAC") as file:
        for _ in range(seconds):
            file.write(draw.integers(-(2**11), 2**11, (RATE, 2), dtype=np.int16))


def keep(place: str, sound: Audio) -> None:
    """Keep a sound as a step does whose result it is: nobody knows its digest yet."""
    Store(place).put(Audio(sound.samples, sound.sample_rate))


def find(place: str, sound: Audio) -> None:
    """Find a sound that was kept, in a store that has verified nothing yet."""
    Store(place).get(Entry.of(sound), PortType(Audio))


# -- the plot -------------------------------------------------------------------------------------

WIDTH, HEIGHT, EDGE, TOP = 300, 260, 44, 30
COLOURS = ("#1b6ca8", "#d1495b", "#66a182", "#8d6a9f", "#e09f3e", "#3d405b")


def drawn(found: Mapping[str, Series]) -> str:
    """Return the plot as SVG: a panel for each kind of size, both axes logarithmic."""
    parts = list(_panels(found))
    longest = max(len(series) for series in found.values())
    height = TOP + HEIGHT + EDGE + 16 * longest
    width = len(found) * (WIDTH + 2 * EDGE)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 0 {width} {height}" '
            'font-family="sans-serif" font-size="11">',
            f'<rect x="-16" width="{width}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _panels(found: Mapping[str, Series]) -> Iterator[str]:
    for number, (unit, series) in enumerate(found.items()):
        left = number * (WIDTH + 2 * EDGE) + EDGE
        sizes = sorted({size for times in series.values() for size in times})
        seconds = [one for times in series.values() for one in times.values()]
        low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
        span = math.log10(sizes[-1] / sizes[0])

        def place(
            size: float, time: float, left: int = left, low: int = low, high: int = high,
            span: float = span, first: int = sizes[0],
        ) -> str:  # fmt: skip
            across = left + WIDTH * math.log10(size / first) / span
            up = TOP + HEIGHT * (1 - (math.log10(time) - low) / (high - low))
            return f"{across:.1f},{up:.1f}"

        yield f'<text x="{left}" y="{TOP - 12}" font-weight="bold">by {escape(unit)}</text>'
        yield (
            f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
            'stroke="#999"/>'
        )
        for power in range(low, high + 1):
            across, up = place(sizes[0], 10.0**power).split(",")
            yield f'<path d="M{across},{up} h{WIDTH}" stroke="#eee"/>'
            label = f"{10.0**power:g} s"
            yield f'<text x="{left - 4}" y="{up}" text-anchor="end">{label}</text>'
        for size in sizes:
            across = place(size, 10.0**low).split(",")[0]
            yield f'<text x="{across}" y="{TOP + HEIGHT + 14}" text-anchor="middle">{size:,}</text>'
        for row, (what, times) in enumerate(series.items()):
            colour = COLOURS[row % len(COLOURS)]
            line = " ".join(place(size, seconds) for size, seconds in times.items())
            yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
            down = TOP + HEIGHT + EDGE - 8 + 16 * row
            text = f"{what} (exponent {exponent(times):.2f})"
            yield f'<path d="M{left},{down - 4} h18" stroke="{colour}" stroke-width="2"/>'
            yield f'<text x="{left + 24}" y="{down}">{escape(text)}</text>'


if __name__ == "__main__":
    main(*sys.argv[1:3])
