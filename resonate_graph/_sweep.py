"""Sweeps: one graph, every combination of some params, side by side.

What the combinations share is computed once, because every run looks into the store first. One
that fails does not stop the others, and a sweep that was interrupted goes on where it stopped
when it is started again: what was finished is in the store.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ._audio import Audio
from ._decode import Limits, read_audio
from ._errors import Cancelled, GraphError, ParamError, ResonateError
from ._figures import si_sdr
from ._publish import publish
from ._results import Result
from ._sweep_report import SOUNDS, Row, page


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of a grid; the first param changes slowest.

    Raises:
        ParamError: the values of a param are no list, or none.
    """
    for name, values in grid.items():
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise ParamError(f"{name}: give a list of values to try, not {values!r}", param=name)
    return [
        dict(zip(grid, values, strict=True))
        for values in itertools.product(*map(_plain, grid.values()))
    ]


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return values as Python's own, where they are numpy's."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def sweep(
    name: str,
    run: Callable[[Mapping[str, Any]], Result],
    grid: Mapping[str, Sequence[Any]],
    folder: Path,
    *,
    measure: Callable[[Audio], Mapping[str, float | None]],
    reference: Audio | None = None,
    jobs: int = 1,
    on_row: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Run every combination of a grid of params, each into a folder of its own.

    `folder` also gets ``results.json`` and ``report.html``.

    Args:
        name: the graph's name.
        run: runs the graph with these params.
        grid: the values to try, by param.
        folder: where the results go.
        measure: gives the figures of an audio output.
        reference: what every audio output of its shape is compared with.
        jobs: how many combinations run at a time.
        on_row: told of each combination when it is done.

    Returns:
        The rows, in the order of `combinations`.
    """
    combos = combinations(grid)
    width = max(2, len(str(len(combos))))

    def attempt(index: int) -> Row:
        place = folder / f"{index + 1:0{width}d}"
        row = _attempt(run, combos[index], place, measure, reference)
        on_row(row)
        return row

    if jobs == 1:
        rows = [attempt(index) for index in range(len(combos))]
    else:
        with ThreadPoolExecutor(jobs) as pool:
            rows = list(pool.map(attempt, range(len(combos))))
    _write_results(name, rows, folder)
    return rows


def _attempt(
    run: Callable[[Mapping[str, Any]], Result],
    params: Mapping[str, Any],
    folder: Path,
    measure: Callable[[Audio], Mapping[str, float | None]],
    reference: Audio | None,
) -> Row:
    try:
        result = run(params)
        files = result.save(folder)
        figures = dict(_figures_of(result, files, measure, reference))
    except Cancelled:
        raise
    except ResonateError as error:
        problems = error.problems if isinstance(error, GraphError) else ()
        message = "; ".join(map(str, problems)) or str(error)
        return Row(folder.name, params, "failed", message)
    report = result.report
    ran = tuple(node["id"] for node in report["nodes"] if node["status"] == "ran")
    compared = any("si_sdr_db" in found for found in figures.values())
    remark = "" if reference is None or compared else f"no output is like the {reference}"
    names = {name: str(path) for name, path in files.items()}
    return Row(folder.name, params, "done", remark, report["seconds"], ran, names, figures)


def _figures_of(
    result: Result,
    files: Mapping[str, Path],
    measure: Callable[[Audio], Mapping[str, float | None]],
    reference: Audio | None,
) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Yield the figures of each output that can be heard, as it lies in its file."""
    for name, value in result.items():
        if isinstance(value, Audio):
            audio = value
        elif files[name].suffix in SOUNDS:
            audio = read_audio(files[name], Limits(max_minutes=math.inf))
        else:
            continue
        figures = dict(measure(audio))
        if reference is not None and _alike(reference, audio):
            ratio = si_sdr(reference, audio)
            figures["si_sdr_db"] = ratio if math.isfinite(ratio) else None
        yield name, figures


def _alike(one: Audio, other: Audio) -> bool:
    return (one.sample_rate, one.samples.shape) == (other.sample_rate, other.samples.shape)


def _write_results(graph: str, rows: Sequence[Row], folder: Path) -> None:
    document = {"graph": graph, "rows": [asdict(row) for row in rows]}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    publish(folder / "results.json", lambda file: file.write(text.encode()))
    html = page(graph, rows, folder)
    publish(folder / "report.html", lambda file: file.write(html.encode()))
