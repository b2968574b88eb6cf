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

from ._audio import Audio
from ._errors import Cancelled, GraphError, ResonateError
from ._figures import si_sdr
from ._publish import publish
from ._results import Result
from ._sweep_report import Row, page


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of a grid; the first param changes slowest."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


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
        files = {name: str(path) for name, path in result.save(folder).items()}
        figures = dict(_figures_of(result, measure, reference))
    except Cancelled:
        raise
    except ResonateError as error:
        problems = error.problems if isinstance(error, GraphError) else ()
        message = "; ".join(map(str, problems)) or str(error)
        return Row(folder.name, params, "failed", message)
    report = result.report
    ran = tuple(node["id"] for node in report["nodes"] if node["status"] == "ran")
    return Row(folder.name, params, "done", "", report["seconds"], ran, files, figures)


def _figures_of(
    result: Result,
    measure: Callable[[Audio], Mapping[str, float | None]],
    reference: Audio | None,
) -> Iterator[tuple[str, dict[str, float | None]]]:
    for name, value in result.items():
        if isinstance(value, Audio):
            figures = dict(measure(value))
            if reference is not None and reference.samples.shape == value.samples.shape:
                ratio = si_sdr(reference, value)
                figures["si_sdr_db"] = ratio if math.isfinite(ratio) else None
            yield name, figures


def _write_results(graph: str, rows: Sequence[Row], folder: Path) -> None:
    document = {"graph": graph, "rows": [asdict(row) for row in rows]}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    publish(folder / "results.json", lambda file: file.write(text.encode()))
    html = page(graph, rows, folder)
    publish(folder / "report.html", lambda file: file.write(html.encode()))
