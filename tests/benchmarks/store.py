"""What the store costs, and saves: ``python -m tests.benchmarks.store``.

Reading and writing beside joblib.Memory and diskcache, on the same arrays, in turn, in one run;
then a sweep of 8 settings beside a plain script that does the same work without a store.
Ours alone syncs to disk before it says that something is kept, and compares what it hands out
with a digest; so it does more in the same time.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO, Any

import diskcache
import joblib
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

import resonate_graph as rg
from resonate_graph import Audio, Store
from resonate_graph._node.ports import PortType
from resonate_graph._store.records import Key
from resonate_nodes import gate, mix, normalize_loudness, separate
from tests.benchmarks.table import Row, text
from tests.benchmarks.timing import seconds_of
from tests.models import full_size_htdemucs, save_th

ROUNDS = 5
RATE = 44100
STEMS = 4
SECONDS = 60
#: The same bytes, written, synced and hashed by nothing but the calls that do it.
BARE = "bare write, sync and hash"


def main() -> None:
    """Print all figures."""
    print(text([*rows(), *sweep_rows()]))


def rows() -> Iterator[Row]:
    """Yield what keeping and finding stems takes, beside joblib.Memory and diskcache."""
    with tempfile.TemporaryDirectory() as name:
        yield from reading_and_writing(Path(name))


# -- reading and writing --------------------------------------------------------------------------


def reading_and_writing(folder: Path) -> Iterator[Row]:
    """Time keeping stems, finding them in a new process' place, and finding them again."""
    draw = np.random.default_rng(0)
    stems = [draw.uniform(-1, 1, (2, SECONDS * RATE)).astype(np.float32) for _ in range(STEMS)]
    megabytes = sum(stem.nbytes for stem in stems) / 1e6
    kinds: dict[str, Callable[[Path, list[NDArray[Any]]], dict[str, float]]] = {
        "ours": ours,
        BARE: bare,
        "joblib.Memory": joblib_memory,
        "joblib.Memory, mapped": lambda place, arrays: joblib_memory(place, arrays, "r"),
        "diskcache": disk_cache,
    }
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for kind, measure in kinds.items():
            place = folder / "place"
            os.sync()  # what others left unwritten is not ours to wait for
            for what, seconds in measure(place, stems).items():
                times.setdefault((kind, what), []).append(seconds)
            shutil.rmtree(place)
    speed = {key: megabytes / statistics.median(spent) for key, spent in times.items()}
    told = f"{STEMS} stems of {SECONDS} s, stereo"
    for what, how in (("put", "put, of one step"), ("put alone", "put, of a step each")):
        for of, suffix in ((statistics.median, ""), (min, ", at best")):
            ours_now, bare_now = (megabytes / of(times[kind, what]) for kind in ("ours", BARE))
            yield Row(
                f"{told}: {how}, synced to disk{suffix}", ours_now, "MB/s", BARE, bare_now,
                target=0.95, better="more",
                reason="the folders are synced too, and others may write to the disk meanwhile",
            )  # fmt: skip
        for peer in ("joblib.Memory", "diskcache"):
            yield Row(
                f"{told}: {how}", speed["ours", what], "MB/s", f"{peer}, not synced",
                speed[peer, "put"], better="more",
            )  # fmt: skip
    for what in ("hit", "hit again"):
        for peer in ("joblib.Memory", "joblib.Memory, mapped", "diskcache"):
            yield Row(
                f"{told}: {what}, verified", speed["ours", what], "MB/s", peer,
                speed[peer, what], better="more",
            )  # fmt: skip
    yield Row(f"{told}: verify", speed["ours", "verify"], "MB/s", better="more")


def ours(place: Path, stems: list[NDArray[Any]]) -> dict[str, float]:
    """Keep as one step does, and as several; find in a store opened anew, find again, verify."""
    keys = [Key.of({"stem": number}) for number in range(len(stems))]

    def put() -> None:
        store = Store(place.with_name("other"))
        sounds = {f"stem{number}": Audio(stem, RATE) for number, stem in enumerate(stems)}
        store.put_record(Key.of({"stems": len(stems)}), store.put_all(sounds), seconds=1.0)

    def put_alone() -> None:
        store = Store(place)
        for key, stem in zip(keys, stems, strict=True):
            store.put_record(key, {"out": store.put(Audio(stem, RATE))}, seconds=1.0)

    opened = Store(place)

    def hit() -> None:
        for key in keys:
            record = opened.record(key)
            assert record is not None
            sound = opened.get(record.ports["out"], PortType(Audio))
            assert isinstance(sound, Audio)
            touch(sound.samples)

    def verify() -> None:
        assert all(sound for _, sound in Store(place).verify())

    spent = timed(put=put, put_alone=put_alone, hit=hit, hit_again=hit, verify=verify)
    shutil.rmtree(place.with_name("other"))
    return spent


def bare(place: Path, stems: list[NDArray[Any]]) -> dict[str, float]:
    """Write the same bytes, synced to disk, and take their digests: no store can do with less."""
    place.mkdir()

    def written(name: str, stem: NDArray[Any]) -> IO[bytes]:
        file = (place / name).open("wb")
        blake3(stem.data.cast("B"))
        file.write(stem.data)
        file.flush()
        return file

    def put() -> None:
        for file in [written(f"together{number}", stem) for number, stem in enumerate(stems)]:
            os.fsync(file.fileno())
            file.close()

    def put_alone() -> None:
        for number, stem in enumerate(stems):
            with written(f"alone{number}", stem) as file:
                os.fsync(file.fileno())

    return timed(put=put, put_alone=put_alone)


def joblib_memory(
    place: Path, stems: list[NDArray[Any]], mmap_mode: str | None = None
) -> dict[str, float]:
    """Call a function whose results are kept."""

    def stem_of(number: int) -> NDArray[Any]:
        return stems[number]

    def call() -> None:
        memory = joblib.Memory(place, mmap_mode=mmap_mode, verbose=0)
        for number in range(len(stems)):
            touch(memory.cache(stem_of)(number))

    return timed(put=call, hit=call, hit_again=call)


def disk_cache(place: Path, stems: list[NDArray[Any]]) -> dict[str, float]:
    """Set and get arrays."""

    def put() -> None:
        with diskcache.Cache(place, size_limit=2**40) as cache:
            for number, stem in enumerate(stems):
                cache[number] = stem

    def hit() -> None:
        with diskcache.Cache(place) as cache:
            for number in range(len(stems)):
                touch(cache[number])

    return timed(put=put, hit=hit, hit_again=hit)


def touch(samples: NDArray[Any]) -> None:
    """Read every page of an array, as whoever asked for it would."""
    samples.max()


def timed(**calls: Callable[[], None]) -> dict[str, float]:
    """Return how long each call takes, in seconds."""
    return {name.replace("_", " "): seconds_of(call) for name, call in calls.items()}


# -- a sweep --------------------------------------------------------------------------------------

THRESHOLDS_DB = [-70.0, -65.0, -60.0, -55.0, -50.0, -45.0, -40.0, -35.0]


def sweep_rows() -> Iterator[Row]:
    """Yield what 8 settings of a gate behind a separation take, 15 s, HTDemucs of full size."""
    with tempfile.TemporaryDirectory() as name:
        times = sweeping(Path(name))
    for what in ("sweep", "sweep hit again"):
        yield Row(f"8 settings: {what}", times[what], "s", "a script", times["script"])


def sweeping(folder: Path) -> dict[str, float]:
    """Time a script that keeps nothing, a sweep of the same, and that sweep again."""
    models = folder / "models"
    models.mkdir()
    save_th(full_size_htdemucs(0), models / "full.th")
    with as_file(files("resonate_graph") / "recordings" / "groove.ogg") as recording:
        graph = restoration()

        def script() -> None:
            for index, threshold_db in enumerate(THRESHOLDS_DB):
                whole = rg.read_audio(recording)
                stems = separate(whole, model="full")
                vocals = gate(stems.vocals, threshold_db=threshold_db)
                tracks = [vocals, stems.drums, stems.bass, stems.other]
                restored = normalize_loudness(mix(tracks), target_lufs=-14.0)
                restored.save(folder / f"script{index}.wav")

        def sweep() -> None:
            grid = {"gate.threshold_db": THRESHOLDS_DB}
            rows = graph.sweep({"mix": recording}, grid, folder / "sweep", store=folder / "store")
            assert all(row.status == "done" for row in rows)

        os.environ["RESONATE_MODELS"] = str(models)
        return timed(script=script, sweep=sweep, sweep_hit_again=sweep)


def restoration() -> rg.Graph:
    """Return what the script does, as a graph."""
    graph = rg.Graph("restoration")
    stems = graph.add(separate)(graph.input("mix", Audio), model="full")
    vocals = graph.add(gate)(stems.vocals)
    whole = graph.add(mix)([vocals, stems.drums, stems.bass, stems.other])
    graph.output("restored", graph.add(normalize_loudness)(whole, target_lufs=-14.0))
    return graph


if __name__ == "__main__":
    main()
