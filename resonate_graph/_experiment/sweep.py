"""Sweeps: one graph, every combination of some params, side by side.

What the combinations share is computed once, because every run looks into the store first. One
that fails does not stop the others, and a sweep that was interrupted goes on where it stopped
when it is started again: what was finished is in the store.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

from .._base.errors import Cancelled, GraphError, InputError, ResonateError
from .._base.publish import publish
from .._page.player import FILES, SOUNDS, Ready, Track, forget, ready
from .._run.provenance import SUFFIX
from .._run.results import Result, compressed
from .._sound.audio import Audio
from .._sound.decode import read_audio
from .._sound.figures import si_sdr
from .._sound.limits import Limits
from .._store.folder import Store
from .behind import Behind
from .grid import Trial
from .reference import Reference, form
from .rows import Heard, Row, Rows, Source
from .sweep_page import report_page

_RESULTS = "results.json"

#: Where a sweep links what it was made of.
_SOURCE_FILE = r"(inputs|references)(/[^/.][^/]*){1,2}"


def sweep(
    graph: str,
    run: Callable[..., Result],
    trials: Sequence[Trial],
    folder: Path,
    *,
    measure: Callable[[Audio], Mapping[str, float | None]],
    inputs: Mapping[str, Path | Audio],
    reference: Reference,
    pictured: Collection[str],
    store: Store | None,
    jobs: int = 1,
    on_row: Callable[[Row], None] = lambda row: None,
    on_picture: Callable[[int, int], None] = lambda done, total: None,
) -> Rows:
    """Run every combination of a grid of params, each into a folder of its own.

    Those that were found wrong come first, since it takes no time to say so. `folder` also gets
    ``results.json``, ``report.html`` and its ``report_files``, which are brought up to date after
    each combination, while the next one runs. What an earlier sweep wrote there and this one did
    not, according to its ``results.json``, is removed, unless all of this one failed.

    Sounds are written as FLAC of 24 bits, since they are there to be listened to; what goes beyond
    full scale, as WAV. All that the page shows lies in `folder`, inputs as hard links where that
    can be, and ``results.json`` names it relative to that: the folder may be moved.

    Args:
        graph: its name.
        run: runs the graph with these params; its argument `cancelled` tells when to stop.
        trials: the combinations, checked.
        folder: where the results go.
        measure: gives the figures of an audio output.
        inputs: the sounds that are bound, which the report has as well.
        reference: what results are compared with.
        pictured: the outputs that the report shows and lets hear; the others are linked.
        store: where what the report has of sounds is looked up and kept.
        jobs: how many combinations run at a time.
        on_row: told of each combination when it is done.
        on_picture: told how many sounds the report has by now, of how many.

    Returns:
        The rows, in the order of the trials.
    """
    earlier, earlier_sounds = _listed(folder / _RESULTS)
    stop = Event()

    def computed(index: int) -> Result | Exception:
        try:
            return run(trials[index].params, cancelled=stop.is_set)
        except Cancelled:
            raise
        except Exception as error:  # whatever it is, the other combinations go on
            return error

    with Behind() as behind:
        say = behind.say if jobs == 1 else _at_once
        found = _Found(
            graph,
            folder,
            trials,
            {**{f"input {one}": sound for one, sound in inputs.items()}, **reference.files},
            measure=measure,
            reference=reference,
            pictured=pictured,
            store=store,
            on_row=lambda row: say(partial(on_row, row)),
            on_picture=lambda done, total: say(partial(on_picture, done, total)),
        )
        for index, trial in enumerate(trials):
            if trial.fault is not None:
                behind.start(partial(found.add, index, trial.fault))
        behind.start(found.show_sources)
        if jobs == 1:
            for index in found.right:
                result = computed(index)
                behind.start(partial(found.add, index, result))
                if isinstance(result, Exception):
                    behind.wait()  # it is told before the next one runs
        else:
            behind.wait()
            with ThreadPoolExecutor(jobs) as pool:
                try:
                    list(pool.map(lambda index: found.add(index, computed(index)), found.right))
                except BaseException:
                    stop.set()  # what runs beside it is not waited for to its end
                    pool.shutdown(cancel_futures=True)
                    raise
    if any(row.status == "done" for row in found.rows):
        files, sounds = _listed(folder / _RESULTS)
        now = {one.casefold() for one in files}  # as on a Mac's filesystem
        _remove_stale(folder, [one for one in earlier if one.casefold() not in now])
        forget(folder, set(earlier_sounds) - set(sounds))
    return found.rows


def _at_once(message: Callable[[], object]) -> None:
    message()


class _Found:
    """What is known of a sweep so far, and lies in its folder."""

    def __init__(
        self,
        graph: str,
        folder: Path,
        trials: Sequence[Trial],
        heard: Mapping[str, Path | Audio],
        *,
        measure: Callable[[Audio], Mapping[str, float | None]],
        reference: Reference,
        pictured: Collection[str],
        store: Store | None,
        on_row: Callable[[Row], None],
        on_picture: Callable[[int, int], None],
    ) -> None:
        self.right = [index for index, trial in enumerate(trials) if trial.fault is None]
        self._graph = graph
        self._folder = folder
        self._trials = trials
        self._heard = heard
        self._measure = measure
        self._reference = reference
        self._pictured = pictured
        self._store = store
        self._on_row = on_row
        self._on_picture = on_picture
        self._pictures = itertools.count(1)
        self._count = len(heard) + len(self.right) * len(pictured)
        self._sources: list[Source] = []
        self._shown = Heard()
        self._finished: dict[int, Row] = {}
        self._writing = Lock()

    @property
    def rows(self) -> Rows:
        """The rows there are, in the order of the trials."""
        return Rows(self._finished[index] for index in sorted(self._finished))

    def show_sources(self) -> None:
        """Show what went in, and what results are compared with."""
        for name, sound in self._heard.items():
            self._sources.append(_source(name, sound, self._folder, self._shown, self._picture))

    def add(self, index: int, result: Result | Exception) -> None:
        """Write what a combination gave, and tell of it."""
        width = max(2, len(str(len(self._trials))))
        place = self._folder / f"{index + 1:0{width}d}"
        row, sounds = self._row(place, self._trials[index].params, result)
        with self._writing:
            self._shown.results[row.name] = sounds
            self._finished[index] = row
            _write_results(self._graph, self._sources, self.rows, self._folder, self._shown)
            self._on_row(row)

    def _picture(self, track: Track) -> Ready:
        made = ready(track, self._folder, store=self._store)
        self._on_picture(next(self._pictures), self._count)
        return made

    def _row(
        self, place: Path, params: Mapping[str, Any], result: Result | Exception
    ) -> tuple[Row, dict[str, Ready]]:
        if isinstance(result, Exception):
            return Row(place.name, params, "failed", _message(result)), {}
        try:
            files = result.for_listening().save(place)
            forms = {}
            if self._reference.files:  # else nothing is compared, no encoded file is read twice
                forms = {one: form(sound) for one, sound in _sounds_of(result, files)}
            partners = self._reference.partners(forms)
            figures: dict[str, dict[str, float | None]] = {}
            heard: dict[str, Ready] = {}
            for name, sound in _sounds_of(result, files):
                figures[name] = _figures_of(sound, self._measure, partners.get(name))
                if name in self._pictured:
                    track = _track_of(sound, files[name], place, figures[name], params)
                    heard[name] = self._picture(track)
        except Exception as error:  # whatever it is, the other combinations go on
            return Row(place.name, params, "failed", _message(error)), {}
        report = result.report
        row = Row(
            place.name,
            params,
            "done",
            self._reference.remark(forms),
            report["seconds"],
            tuple(node["id"] for node in report["nodes"] if node["status"] == "ran"),
            {name: str(path) for name, path in files.items()},
            {name: str(one.picture(self._folder)) for name, one in heard.items()},
            figures,
        )
        return row, heard


def _message(error: Exception) -> str:
    if isinstance(error, GraphError):
        return "; ".join(map(str, error.problems))
    return str(error) if isinstance(error, ResonateError) else f"{type(error).__name__}: {error}"


def _sounds_of(result: Result, files: Mapping[str, Path]) -> Iterator[tuple[str, Audio]]:
    """Yield each output that can be heard; one of them at a time, where it is an encoded file."""
    for name, value in result.items():
        if isinstance(value, Audio):
            yield name, value
        elif files[name].suffix in SOUNDS:
            yield name, read_audio(files[name], Limits(max_minutes=math.inf))


def _figures_of(
    sound: Audio, measure: Callable[[Audio], Mapping[str, float | None]], partner: Audio | None
) -> dict[str, float | None]:
    """Return the figures of an output that can be heard."""
    figures = dict(measure(sound))
    if partner is not None:
        ratio = si_sdr(partner, sound)
        figures["si_sdr_db"] = ratio if math.isfinite(ratio) else None
    return figures


def _track_of(
    sound: Audio,
    file: Path,
    folder: Path,
    figures: Mapping[str, float | None],
    params: Mapping[str, Any],
) -> Track:
    """Return what the player has of an output that can be heard."""
    settings = ", ".join(f"{name} = {value}" for name, value in params.items())
    return Track(
        folder.name,
        f"{folder.name}: {settings}" if settings else folder.name,
        file.relative_to(folder.parent),
        sound,
        lufs=figures["integrated_lufs"],
        true_peak_dbtp=figures["true_peak_dbtp"],
    )


def _source(
    name: str,
    sound: Path | Audio,
    folder: Path,
    shown: Heard,
    picture: Callable[[Track], Ready],
) -> Source:
    """Show an input beside the results: linked into their folder, or else as a copy there."""
    kind, _, own = name.partition(" ")
    place = folder / f"{kind}s" / own
    try:
        path = _kept(sound, place) if isinstance(sound, Audio) else _linked(sound, place)
        audio = sound if isinstance(sound, Audio) else None
        found = picture(Track(name, name, path.relative_to(folder), audio, note=path.name))
    except InputError:  # it was there when the sweep began
        return Source(name, str(sound))
    shown.sources.append(found)
    return Source(name, str(path), str(found.picture(folder)))


def _kept(sound: Audio, place: Path) -> Path:
    kept = compressed(sound)
    if isinstance(kept, Audio):
        return kept.save(place / "sound.wav")
    return _write(place / f"sound{kept.suffix}", kept.content)


def _linked(source: Path, place: Path) -> Path:
    """Return a file as it is found in a folder: another name of the same, or a copy."""
    target = place / source.name
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.samefile(source):
            return target
        target.unlink(missing_ok=True)
        target.hardlink_to(source.resolve())
        return target
    try:
        content = source.read_bytes()
    except OSError as error:
        raise InputError(source, f"cannot be read: {error.strerror}") from error
    return _write(target, content)


def _write_results(
    graph: str, sources: Sequence[Source], rows: Sequence[Row], folder: Path, shown: Heard
) -> None:
    def inside(path: str) -> str:
        return Path(os.path.relpath(path, folder)).as_posix() if path else path

    document = {
        "graph": graph,
        "inputs": [
            {**asdict(one), "file": inside(one.file), "picture": inside(one.picture)}
            for one in sources
        ],
        "rows": [
            {
                **asdict(row),
                "files": {name: inside(path) for name, path in row.files.items()},
                "pictures": {name: inside(path) for name, path in row.pictures.items()},
            }
            for row in rows
        ],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    _write(folder / _RESULTS, text.encode())
    _write(folder / "report.html", report_page(graph, sources, rows, folder, shown).encode())


def _listed(results: Path) -> tuple[list[str], list[str]]:
    """Return the files that a ``results.json`` lists, relative to its folder, and its sounds.

    Wherever it says they are: only the names count of what lies in numbered folders beside it, and
    of the sounds that its page has.
    """
    found: list[str] = []
    pictures: list[str] = []
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        document = json.loads(results.read_text(encoding="utf-8"))
        for row in document["rows"]:
            if re.fullmatch("[0-9]{2,}", row["name"]):
                for path in row["files"].values():
                    name = f"{row['name']}/{Path(path).name}"
                    found += [name, name + SUFFIX]
                pictures += row.get("pictures", {}).values()
        for one in document.get("inputs", []):
            pictures.append(one["picture"])
            found += [str(one["file"])] if re.fullmatch(_SOURCE_FILE, one["file"]) else []
    sounds = [Path(one).parent.name for one in pictures if Path(one).parent.parent.name == FILES]
    return [name for name in found if not name.endswith(("/", "/.."))], sounds


def _remove_stale(folder: Path, names: Sequence[str]) -> None:
    """Remove what an earlier sweep wrote, and its folders where nothing else is in them."""
    for name in names:
        path = folder / name
        with contextlib.suppress(OSError):
            if not path.parent.is_symlink():
                path.unlink(missing_ok=True)
    for place in {(folder / name).parent for name in names}:
        with contextlib.suppress(OSError):
            place.rmdir()


def _write(path: Path, content: bytes) -> Path:
    return publish(path, lambda file: file.write(content))
