"""Sweeps: one graph, every combination of some params, side by side.

What the combinations share is computed once, because every run looks into the store first. One
that fails does not stop the others, and a sweep that was interrupted goes on where it stopped
when it is started again: what was finished is in the store.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

from .._base.errors import Cancelled, GraphError, InputError, ResonateError
from .._base.publish import publish
from .._run.provenance import SUFFIX
from .._run.results import Result
from .._sound.audio import Audio
from .._sound.decode import read_audio
from .._sound.figures import si_sdr
from .._sound.limits import Limits
from .grid import Trial
from .page import SOUNDS, link_to
from .pictures import picture
from .reference import Reference, form
from .rows import Row, Source, report_page

_PICTURES = "pictures"
_RESULTS = "results.json"


def sweep(
    name: str,
    run: Callable[..., Result],
    trials: Sequence[Trial],
    folder: Path,
    *,
    measure: Callable[[Audio], Mapping[str, float | None]],
    inputs: Mapping[str, Path | Audio],
    reference: Reference,
    jobs: int = 1,
    on_row: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Run every combination of a grid of params, each into a folder of its own.

    Those that were found wrong come first, since it takes no time to say so. `folder` also gets
    ``results.json``, ``report.html`` and its ``pictures``, which are brought up to date after each
    combination. What an earlier sweep wrote there and this one did not, according to its
    ``results.json``, is removed, unless all of this one failed.

    Args:
        name: the graph's name.
        run: runs the graph with these params; its argument `cancelled` tells when to stop.
        trials: the combinations, checked.
        folder: where the results go.
        measure: gives the figures of an audio output.
        inputs: the sounds that are bound, which the report has as well.
        reference: what results are compared with.
        jobs: how many combinations run at a time.
        on_row: told of each combination when it is done.

    Returns:
        The rows, in the order of the trials.
    """
    width = max(2, len(str(len(trials))))
    heard = {f"input {one}": sound for one, sound in inputs.items()}
    heard.update(reference.files)
    sources = [_source(one, sound, folder) for one, sound in heard.items()]
    earlier = _listed(folder / _RESULTS)
    finished: dict[int, Row] = {}
    writing = Lock()
    stop = Event()

    def attempt(index: int) -> None:
        place = folder / f"{index + 1:0{width}d}"
        row = _attempt(
            partial(run, cancelled=stop.is_set), trials[index], place, measure, reference
        )
        with writing:
            finished[index] = row
            done = [finished[one] for one in sorted(finished)]
            _write_results(name, sources, done, folder)
            on_row(row)

    right = [index for index, trial in enumerate(trials) if trial.fault is None]
    for index in sorted(set(range(len(trials))) - set(right)):
        attempt(index)
    if jobs == 1:
        for index in right:
            attempt(index)
    else:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                list(pool.map(attempt, right))
            except BaseException:
                stop.set()  # what runs beside it is not waited for to its end
                pool.shutdown(cancel_futures=True)
                raise
    rows = [finished[index] for index in range(len(trials))]
    if any(row.status == "done" for row in rows):
        now = {one.casefold() for one in _listed(folder / _RESULTS)}  # as on a Mac's filesystem
        _remove_stale(folder, [one for one in earlier if one.casefold() not in now])
    return rows


def _attempt(
    run: Callable[[Mapping[str, Any]], Result],
    trial: Trial,
    folder: Path,
    measure: Callable[[Audio], Mapping[str, float | None]],
    reference: Reference,
) -> Row:
    if trial.fault is not None:
        return Row(folder.name, trial.params, "failed", _message(trial.fault))
    try:
        result = run(trial.params)
        files = result.save(folder)
        forms = {one: form(sound) for one, sound in _sounds_of(result, files)}
        partners = reference.partners(forms)
        figures = dict(_figures_of(_sounds_of(result, files), measure, partners))
        pictures = dict(_pictures_of(result, files, folder))
    except Cancelled:
        raise
    except Exception as error:  # whatever it is, the other combinations go on
        return Row(folder.name, trial.params, "failed", _message(error))
    report = result.report
    return Row(
        folder.name,
        trial.params,
        "done",
        reference.remark(forms),
        report["seconds"],
        tuple(node["id"] for node in report["nodes"] if node["status"] == "ran"),
        {name: str(path) for name, path in files.items()},
        pictures,
        figures,
    )


def _message(error: Exception) -> str:
    if isinstance(error, GraphError):
        return "; ".join(map(str, error.problems))
    return str(error) if isinstance(error, ResonateError) else f"{type(error).__name__}: {error}"


def _sounds_of(result: Result, files: Mapping[str, Path]) -> Iterator[tuple[str, Audio]]:
    """Yield each output that can be heard, as it lies in its file."""
    for name, value in result.items():
        if isinstance(value, Audio):
            yield name, value
        elif files[name].suffix in SOUNDS:
            yield name, read_audio(files[name], Limits(max_minutes=math.inf))


def _figures_of(
    sounds: Iterable[tuple[str, Audio]],
    measure: Callable[[Audio], Mapping[str, float | None]],
    partners: Mapping[str, Audio],
) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Yield the figures of each output that can be heard."""
    for name, audio in sounds:
        figures = dict(measure(audio))
        if name in partners:
            ratio = si_sdr(partners[name], audio)
            figures["si_sdr_db"] = ratio if math.isfinite(ratio) else None
        yield name, figures


def _pictures_of(
    result: Result, files: Mapping[str, Path], folder: Path
) -> Iterator[tuple[str, str]]:
    """Draw each output that can be heard; yield the pictures by output."""
    for name, value in result.items():
        if isinstance(value, Audio) or files[name].suffix in SOUNDS:
            png = picture(
                value if isinstance(value, Audio) else files[name], f"{folder.name} {name}"
            )
            path = folder.parent / _PICTURES / f"{folder.name}-{name}.png"
            yield name, str(_write(path, png))


def _source(name: str, sound: Path | Audio, folder: Path) -> Source:
    """Show an input beside the results: where it lies, or else as a copy."""
    file_name = name.replace(" ", "-")
    if isinstance(sound, Audio):
        path = sound.save(folder / "inputs" / f"{file_name}.wav")
    else:
        path = sound
        try:
            link_to(sound, folder)
        except ValueError:  # it lies on another drive
            content = sound.read_bytes()
            path = _write(folder / "inputs" / f"{file_name}{sound.suffix}", content)
    try:
        png = picture(sound, name)
    except InputError:  # it was there when the sweep began
        return Source(name, str(path))
    return Source(name, str(path), str(_write(folder / _PICTURES / f"{file_name}.png", png)))


def _write_results(
    graph: str, sources: Sequence[Source], rows: Sequence[Row], folder: Path
) -> None:
    document = {
        "graph": graph,
        "inputs": [asdict(one) for one in sources],
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    _write(folder / _RESULTS, text.encode())
    _write(folder / "report.html", report_page(graph, sources, rows, folder).encode())


def _listed(results: Path) -> list[str]:
    """Return the files that a ``results.json`` lists, relative to its folder.

    Wherever it says they are: only the names count of what lies in numbered folders beside it, and
    of pictures.
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
        pictures += [one["picture"] for one in document.get("inputs", [])]
        found += [f"{_PICTURES}/{Path(one).name}" for one in pictures]
    return [name for name in found if not name.endswith(("/", "/.."))]


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
