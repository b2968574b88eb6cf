"""The table of `make bench`: what was measured, beside what, and what it should come to.

Conventions: a figure stands beside that of a peer, measured in turn in the same run; or beside what
the same benchmark gave before, on the same machine (`Earlier`). The ratio is ours over theirs; the
target says up to which it is good, or from which where more is better. A figure that misses its
target stays in the table, with the reason.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: what was measured.
        ours: what it came to.
        unit: its unit.
        beside: what it is compared with; empty for nothing but what it was before.
        theirs: what that came to, in the same unit; None where it is not known.
        target: the ratio of ours to theirs that is aimed at; None for none.
        limit: what ours is to come to, in its unit; None for nothing.
        better: whether ``less`` or ``more`` of it is better.
        reason: why it misses its target.
    """

    what: str
    ours: float
    unit: str
    beside: str = ""
    theirs: float | None = None
    target: float | None = None
    limit: float | None = None
    better: Literal["less", "more"] = "less"
    reason: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def verdict(self) -> str:
        """Whether it meets its target: ``met``, ``missed``, or nothing where nobody can know."""
        aims = [(self.ratio, self.target), (self.ours, self.limit)]
        known = [(is_, aim) for is_, aim in aims if is_ is not None and aim is not None]
        if not known:
            return ""
        less = self.better == "less"
        return (
            "met" if all((is_ <= aim) if less else (is_ >= aim) for is_, aim in known) else "missed"
        )


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


#: How busy the machine was before anything was measured.
_LOAD_AT_FIRST = _load()


def machine() -> str:
    """Say what was measured on: the processor, its cores that may be used, system, Python, load.

    The load is that before anything was measured, and that of now.
    """
    name = platform.processor() or platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {_LOAD_AT_FIRST:.1f} to {_load():.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{name}, {cores} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}{load}"
    )


@dataclass(frozen=True)
class Earlier:
    """A table that was written before.

    Attributes:
        machine: what it was measured on.
        figures: what each figure came to, by what was measured.
    """

    machine: str
    figures: Mapping[str, float]

    @classmethod
    def read(cls, path: Path) -> Earlier:
        """Return the table that `written` wrote.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no such table.
        """
        try:
            table = json.loads(path.read_text())
            return cls(table["machine"], {row["what"]: row["ours"] for row in table["rows"]})
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is no table of this benchmark") from error

    def beside(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows beside what they were: those of a figure that has peers have one more for it.

        A target belongs to the peers, where there are any.
        """
        for what, several in groupby(rows, key=lambda row: row.what):
            peers = list(several)
            row, theirs = peers[0], self.figures.get(what)
            now = replace(row, beside="before", theirs=theirs)
            if theirs is None:
                yield from peers
            elif row.beside:
                yield from (*peers, replace(now, target=None, limit=None))
            else:
                yield now


def written(rows: Sequence[Row], path: Path) -> None:
    """Write a table as JSON, for another one to stand beside."""
    plain = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(plain, indent=2) + "\n")


def text(rows: Sequence[Row], earlier: Earlier | None = None) -> str:
    """Return a table to be read."""
    head = ("what", "ours", "peer or before", "", "ratio", "target", "")
    cells = [head, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [f"on {machine()}"]
    if earlier is not None:
        lines.append(f"before, on {earlier.machine}")
    for row in cells:
        aligned = [
            cell.ljust(width) if column in (0, 3, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    reasons = [f"  {row.what}: {row.reason}" for row in rows if row.verdict == "missed"]
    return "\n".join([*lines, *(["missed, and why:", *reasons] if reasons else [])])


def _cells(row: Row) -> tuple[str, ...]:
    sign = "<=" if row.better == "less" else ">="
    aims = [f"{row.target:g}x"] if row.target is not None else []
    aims += [f"{row.limit:g} {row.unit}"] if row.limit is not None else []
    return (
        row.what,
        f"{_figure(row.ours)} {row.unit}",
        "" if row.theirs is None else f"{_figure(row.theirs)} {row.unit}",
        row.beside,
        "" if row.ratio is None else f"{row.ratio:.2f}x",
        "" if not aims else f"{sign} {' and '.join(aims)}",
        row.verdict,
    )


def _figure(value: float) -> str:
    """Return a figure in three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # not on every system
        return []
